"""What people may see of the engine's records: holdouts are never shown at a counter or on a phone."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.frozen import impersonal, is_sure
from poi_engine.session import Session, SessionState
from poi_offers.decision import ChosenOffer, Decision, Reason
from poi_offers.situation import Basket, CustomerFacts


def shown_decision(decision: Decision) -> Decision:
    """The decision without the offers that were held out."""
    return replace(decision, reasons=tuple(reason for reason in decision.reasons if reason.outcome != "held_out"))


def shown(session: Session, at: int) -> Session:
    """The session as a station's screen shows it at `at` (microseconds since 1970).

    Personal history only of somebody we are sure of, and never what goods cost the merchant.
    """
    sure = is_sure(session.identity, at)
    return replace(
        session,
        basket=_without_costs(session.basket),
        decision=shown_decision(session.decision) if session.decision else None,
        facts=session.facts if sure or session.facts is None else _without_history(session.facts),
    )


def unnamed(session: Session) -> Session:
    """The session for a screen where nobody may look at customers: what is bought, not by whom."""
    return replace(impersonal(session), identity=None, facts=None, contact_id=None)


def _without_costs(basket: Basket) -> Basket:
    if all(item.cost is None for item in basket.items):
        return basket
    return replace(basket, items=tuple(replace(item, cost=None) for item in basket.items))


def _without_history(facts: CustomerFacts) -> CustomerFacts:
    return CustomerFacts(customer_id=facts.customer_id, tier=facts.tier, points=facts.points)


class PhoneSession(Struct, frozen=True, kw_only=True):
    """A session as the customer's own phone shows it. Amounts in minor units."""

    session_id: str
    station_id: str
    store_id: str
    state: SessionState
    opened_at: datetime
    currency: str
    subtotal: int
    saved: int
    total: int
    offers: tuple[ChosenOffer, ...] = ()
    reasons: tuple[Reason, ...] = ()
    sale_id: str | None = None


def for_phone(session: Session) -> PhoneSession:
    """The summary a customer's phone gets."""
    decision = shown_decision(session.decision) if session.decision else None
    subtotal = session.basket.subtotal
    return PhoneSession(
        session_id=session.session_id,
        station_id=session.station_id,
        store_id=session.store_id,
        state=session.state,
        opened_at=session.opened_at,
        currency=session.basket.currency,
        subtotal=subtotal,
        saved=decision.saved if decision else 0,
        total=decision.total if decision else subtotal,
        offers=decision.offers if decision else (),
        reasons=decision.reasons if decision else (),
        sale_id=session.sale_id,
    )
