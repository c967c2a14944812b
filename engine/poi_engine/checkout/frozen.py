"""What an acceptance freezes: enough to finish the payment, the sale and a later refund from SQL alone. Pure."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.ledger import POINTS, USES, Move
from poi_engine.limits import limit_use
from poi_engine.loyalty import points_spent
from poi_engine.session import Identity, Session
from poi_offers.decision import Decision
from poi_offers.limits import LimitClaim
from poi_offers.model import Offer
from poi_offers.situation import CustomerFacts, Place

SURE = frozenset({"authenticate", "staff"})
"""Assurances that may spend points and stored value."""
SURE_US = 600_000_000
"""How long a proof is good for spending: whoever stands there later shows their code again."""


class Claim(Struct, frozen=True, kw_only=True):
    """What the sale takes from one limit: `amount` of `unit` (`uses` or a currency) out of `cap`."""

    key: str
    cap: int
    amount: int
    unit: str


class Frozen(Struct, frozen=True, kw_only=True):
    """The checkout's document. `session` holds nothing personal; `coupons` are the personal codes it uses up."""

    session: Session
    place: Place
    accepted_at: int
    accepted_by: str
    claims: tuple[Claim, ...] = ()
    coupons: tuple[str, ...] = ()
    format: int = 1

    @property
    def decision(self) -> Decision:
        """The accepted decision."""
        assert self.session.decision is not None
        return self.session.decision

    @property
    def customer_id(self) -> str | None:
        """The customer's pseudonym."""
        return self.session.identity.customer_id if self.session.identity else None


def is_sure(identity: Identity | None, at: int) -> bool:
    """Whether this identity may spend at this time; a record without the time of its proof is taken at its word."""
    if identity is None or identity.assurance not in SURE:
        return False
    return identity.proved_at is None or at - identity.proved_at < SURE_US


def encode(frozen: Frozen) -> str:
    """The document as JSON."""
    return json.encode(frozen).decode()


def decode(document: str) -> Frozen:
    """The document back."""
    return json.decode(document, type=Frozen)


def impersonal(session: Session) -> Session:
    """The session without name, birthday and the reasons of offers that were not chosen."""
    decision = session.decision
    if decision is not None:
        chosen = tuple(reason for reason in decision.reasons if reason.outcome == "chosen")
        decision = replace(decision, reasons=chosen)
    return replace(session, identity=_nameless(session.identity), facts=_ageless(session.facts), decision=decision)


def _nameless(identity: Identity | None) -> Identity | None:
    return replace(identity, display_name="") if identity else None


def _ageless(facts: CustomerFacts | None) -> CustomerFacts | None:
    return replace(facts, birthday=None) if facts else None


def unit_of(claim: LimitClaim, offers: Mapping[str, Offer]) -> str:
    """What the claim counts: uses, or minor units of the offer's currency."""
    return USES if claim.of == "uses" else offers[claim.offer_id].currency


def claims_of(found: Sequence[LimitClaim], offers: Mapping[str, Offer]) -> tuple[Claim, ...]:
    """The limits' claims with their units; claims of nothing are left out."""
    return tuple(
        Claim(key=claim.key, cap=claim.cap, amount=claim.amount, unit=unit_of(claim, offers))
        for claim in found
        if claim.amount > 0
    )


def holds(frozen: Frozen) -> list[Move]:
    """What the acceptance reserves: the limits, and the rewards' price in points."""
    moves = [limit_use(claim.key, claim.amount, claim.unit) for claim in frozen.claims]
    spent = points_spent(frozen.decision)
    if spent and frozen.customer_id:
        moves.append(
            Move(kind="reward", debit=f"points:{frozen.customer_id}", credit=POINTS, amount=spent, unit=POINTS)
        )
    return moves


def coupons_wanted(frozen_session: Session) -> tuple[str, ...]:
    """The chosen offers that the customer has by a personal coupon."""
    decision, facts = frozen_session.decision, frozen_session.facts
    if decision is None or facts is None:
        return ()
    return tuple(offer.offer_id for offer in decision.offers if f"coupon:{offer.offer_id}" in facts.segments)


def moves_value(frozen: Frozen) -> bool:
    """Whether the acceptance spends something of the customer's."""
    return points_spent(frozen.decision) > 0
