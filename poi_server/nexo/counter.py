"""The station's session as a till uses it: free it, know the customer, offer, have it accepted, let it go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import structlog

from poi_engine.errors import Conflict, NotFound, PoiError, RequestError
from poi_engine.session import CHANGEABLE, ENDED, Session, SessionState
from poi_engine.tills import Offering
from poi_offers.situation import SaleItem as BasketLine
from poi_qr.scan import Scan
from poi_server.nexo.conditions import Failed
from poi_server.nexo.messages import is_a_tills, is_acquired
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import LoyaltyAccountID, LoyaltyData, TransactionIdentification

log = structlog.get_logger(__name__)
_S = SessionState
_TRIES = 3
_CARDS = frozenset({"PAN", "ISOTrack2"})
OF_THE_SCREEN = "The station's own screen has a basket: finish it or give it up there."
OWN = "cus_"
"""How our own names of customers begin."""


def offering(handling: str | None) -> Offering:
    """What the till leaves to us; `Forbidden` and `Processed` leave nothing."""
    return "none" if handling in ("Forbidden", "Processed") else "all"


@contextmanager
def alone(turn: Turn) -> Iterator[None]:
    """The station's session for one request: two tills that share a station would pay each other's basket."""
    selling, station_id = turn.selling, turn.station_id
    if station_id in selling:
        raise Failed("Busy", "Another till's request is under way at this station.", "station-busy")
    selling.add(station_id)
    try:
        yield
    finally:
        selling.discard(station_id)


async def free_session(turn: Turn, acquired: TransactionIdentification | None = None) -> Session:
    """The station's session for this till's sale: the acquired one, or one in which nothing is sold yet."""
    stations, merchant_id = turn.engine.stations, turn.merchant_id
    if acquired is not None:
        return await _acquired(turn, acquired.transaction_id)
    session = await stations.current(merchant_id, turn.station_id)
    if session is not None and await _is_acquired(turn, session):  # somebody else stands there by now
        await let_go(turn, session.session_id)
    elif session is not None and session.state is _S.UNKNOWN:
        await stations.set_aside(merchant_id, session.session_id)
    elif session is not None and session.state is _S.PAYING:
        raise Failed("Busy", "A payment is under way at this station.", "payment-under-way")
    elif session is not None and session.state is _S.DECLINED and await may_give_up(turn, session):
        await stations.abandon(merchant_id, session.session_id)
    elif session is not None and session.state not in ENDED and session.basket.items:
        raise Failed("Busy", OF_THE_SCREEN, "station-busy")
    return await stations.open(merchant_id, turn.station_id)


async def may_give_up(turn: Turn, session: Session) -> bool:
    """Whether a till may give the session up: nothing is in it, or a till put it there."""
    name = (turn.merchant_id, session.session_id)
    return not session.basket.items or await turn.services.sql.read(lambda: is_a_tills(*name))


async def _is_acquired(turn: Turn, session: Session) -> bool:
    """Whether the session waits for a payment that names the customer in it."""
    name = (turn.merchant_id, session.session_id, turn.since)
    return session.state in CHANGEABLE and await turn.services.sql.read(lambda: is_acquired(*name))


async def _acquired(turn: Turn, session_id: str) -> Session:
    try:
        session = await turn.engine.stations.get(turn.merchant_id, session_id)
    except NotFound:
        raise Failed("NotFound", "There is no such card acquisition.", "no-acquisition") from None
    if session.station_id != turn.station_id or session.state in ENDED:
        raise Failed("NotFound", "This card acquisition is over.", "no-acquisition")
    return session


def acquisition_of(loyalty: Sequence[LoyaltyData]) -> TransactionIdentification | None:
    """The acquisition that a till refers to for the customer's account."""
    return next((one.card_acquisition_reference for one in loyalty if one.card_acquisition_reference), None)


async def know(turn: Turn, session: Session, loyalty: Sequence[LoyaltyData], handling: str | None) -> Session:
    """The session with the customer whose account the till has read; an account nobody has is passed over.

    With `Required`, somebody must be known.
    """
    for account in (one.loyalty_account_id for one in loyalty):
        if account is not None and account.loyalty_id:
            try:
                session = await identified(turn, session, account)
            except RequestError:
                if handling == "Required":
                    raise
    if handling == "Required" and session.identity is None:
        raise Failed("InvalidCard", "LoyaltyHandling is Required, and nobody is known.", "nobody-identified")
    return session


async def identified(turn: Turn, session: Session, account: LoyaltyAccountID) -> Session:
    """The session with the customer of an account."""
    if account.identification_type in _CARDS:
        raise RequestError("card-number", "This POI takes no card numbers.", path="$.LoyaltyAccountID", status=409)
    text, source = account.loyalty_id or "", f"nexo:{turn.station_id}"
    if text.startswith(OWN):
        return await turn.engine.stations.identify(
            turn.merchant_id, session.session_id, text, scheme="loyalty", assurance="identify", source=source
        )
    scan = turn.services.scanning.read_line(source, text)
    shown = scan if scan.scheme in ("poi1", "loyalty") else _as_loyalty(scan, text)
    return await turn.engine.tills.identify(turn.merchant_id, session.session_id, shown)


def _as_loyalty(scan: Scan, text: str) -> Scan:
    """What is given as a loyalty account is one, whatever else its digits could be."""
    return replace(scan, scheme="loyalty", subject=text.strip())


async def accepted(
    turn: Turn, session: Session, items: Sequence[BasketLine], offers: Offering, rewards: Sequence[str] = ()
) -> Session:
    """The basket decided and accepted: by paying what the till's screen shows, the customer accepts.

    What a decision counted on may be gone in the next moment: it is decided again, a few times.
    """
    engine, merchant_id, session_id = turn.engine, turn.merchant_id, session.session_id
    for last in range(_TRIES):
        shown = await engine.tills.set_items(merchant_id, session_id, items, offers=offers, rewards=rewards)
        assert shown.decision is not None and shown.decision_id is not None
        try:
            return await engine.checkout.accept(
                merchant_id, session_id, shown.decision_id, shown.decision.total, by=turn.by
            )
        except Conflict as error:
            if error.code not in ("decide-again", "decision-changed") or last == _TRIES - 1:
                raise
    raise AssertionError


async def let_go(turn: Turn, session_id: str) -> None:
    """End a session that sells nothing, so that the next customer is nobody we know."""
    try:
        await turn.engine.stations.abandon(turn.merchant_id, session_id)
    except PoiError as error:  # it is being paid, or has ended: then there is nothing to let go
        log.info("nexo_not_let_go", session_id=session_id, code=error.code)
