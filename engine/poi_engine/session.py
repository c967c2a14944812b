"""The session at a counter: its states, the one table of moves, and its frozen record. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.errors import Conflict
from poi_engine.means import TenderShown
from poi_engine.orders.fulfilment import Fulfilment
from poi_engine.overrides import Overridden
from poi_offers.decision import Decision
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts


class SessionState(StrEnum):
    """Where a session stands."""

    OPEN = "open"  # a basket, nobody known
    IDENTIFIED = "identified"  # a customer known, nothing to decide yet
    DECIDED = "decided"  # a decision shown, waiting for acceptance
    PAYING = "paying"  # accepted: limits reserved, tenders under way
    PAID = "paid"
    DECLINED = "declined"
    UNKNOWN = "unknown"  # the terminal did not answer; left only by status or by a person
    ABANDONED = "abandoned"


_S = SessionState
MOVES: dict[SessionState, frozenset[SessionState]] = {
    _S.OPEN: frozenset({_S.OPEN, _S.IDENTIFIED, _S.DECIDED, _S.ABANDONED}),
    _S.IDENTIFIED: frozenset({_S.OPEN, _S.IDENTIFIED, _S.DECIDED, _S.ABANDONED}),
    _S.DECIDED: frozenset({_S.OPEN, _S.IDENTIFIED, _S.DECIDED, _S.PAYING, _S.ABANDONED}),
    _S.PAYING: frozenset({_S.PAYING, _S.PAID, _S.DECLINED, _S.UNKNOWN, _S.DECIDED, _S.ABANDONED}),
    _S.DECLINED: frozenset({_S.DECIDED, _S.ABANDONED}),
    _S.UNKNOWN: frozenset({_S.PAID, _S.DECLINED, _S.UNKNOWN, _S.PAYING}),
    _S.PAID: frozenset(),
    _S.ABANDONED: frozenset(),
}
ENDED = frozenset(state for state, onward in MOVES.items() if not onward)
CHANGEABLE = frozenset({_S.OPEN, _S.IDENTIFIED, _S.DECIDED, _S.DECLINED})


class Identity(Struct, frozen=True, kw_only=True):
    """Who stands there and how surely we know. `assurance`: `identify`, `authenticate`, or `staff` (recorded).

    `proof` is the opaque name of the single-use code that proved it: one code authorises one spend. `proved_at`:
    microseconds since 1970; a proof ages. `unproved`: what they were known by was linked by staff a short while ago,
    and nothing of the customer's own has stood by it yet.
    """

    customer_id: str
    display_name: str
    pseudonym: bool
    scheme: str
    assurance: str
    source: str
    proof: str = ""
    proved_at: int | None = None
    unproved: bool = False


class Notice(Struct, frozen=True, kw_only=True):
    """The last thing that happened, for the screens: a stable code with its values."""

    code: str
    values: dict[str, str] = {}


class Session(Struct, frozen=True, kw_only=True):
    """One customer's visit at one station, as kept in Redis (MessagePack) and sent to the screens.

    `revision` rises by one with each change; a writer that saw an older one is refused. `decision_id` names the
    decision shown; accepting anything else is refused. Amounts in minor units. `fulfilments` name the lines that are
    not taken away at once, `contact_id` who has them brought: names and addresses stay in SQL, to be erased there.
    `tenders` are the payments of what was accepted, those that failed included; `due` is what is still to be paid.
    `overrides`: the lines whose price was changed by hand. `asked`: a digest of the one request that sells it, if one
    does.
    """

    session_id: str
    merchant_id: str
    store_id: str
    station_id: str
    opened_at: datetime
    basket: Basket
    state: SessionState = SessionState.OPEN
    revision: int = 0
    version: int = 1
    identity: Identity | None = None
    facts: CustomerFacts | None = None
    payment: PaymentFacts | None = None
    acquisition_ref: str | None = None
    decision_id: str | None = None
    decision: Decision | None = None
    checkout_id: str | None = None
    sale_id: str | None = None
    notice: Notice | None = None
    fulfilments: tuple[Fulfilment, ...] = ()
    contact_id: str | None = None
    channel: Literal["counter", "phone", "partner"] = "counter"
    partner: str | None = None
    tenders: tuple[TenderShown, ...] = ()
    due: int = 0
    overrides: tuple[Overridden, ...] = ()
    asked: str = ""


def move(session: Session, state: SessionState, **changes: object) -> Session:
    """The session in another state with other fields; an illegal move is a `Conflict`."""
    if state not in MOVES[session.state]:
        raise Conflict("illegal-move", f"A session that is {session.state} cannot become {state}.")
    return replace(session, state=state, revision=session.revision + 1, **changes)


def handed_over() -> Conflict:
    """Refuses what was meant for the station that the session has left."""
    return Conflict("handed-over", "This session has gone on at another station.")


def must_be_changeable(session: Session) -> None:
    """Refuse what changes a session that is being paid, or has ended."""
    if session.state not in CHANGEABLE:
        raise Conflict("illegal-move", f"A session that is {session.state} takes no change.")
