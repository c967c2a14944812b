"""Short ways to write offers, lines and situations in tests."""

from datetime import UTC, datetime

from poi_offers.arithmetic import Applied, apply
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision, Reason
from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_conditions import All, Condition
from poi_offers.offer_effects import Effect
from poi_offers.policy import Policy
from poi_offers.situation import Basket, CustomerFacts, Place, SaleItem, Situation
from poi_offers.steps import sheet_of, steps_of

ALWAYS = All(of=())
REGULAR = CustomerFacts(customer_id="cus_1", points=100)
NOON = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


def offer(
    offer_id: str,
    *effects: Effect,
    priority: int = 0,
    exclusive: bool = False,
    group: str | None = None,
    group_max: int = 1,
    limits: tuple[Limit, ...] = (),
    conditions: Condition = ALWAYS,
    holdout: int = 0,
    reward_points: int | None = None,
    currency: str = "EUR",
) -> Offer:
    """An offer that always applies unless told otherwise."""
    return Offer(
        offer_id=offer_id,
        name={"en": offer_id},
        currency=currency,
        effects=effects,
        conditions=conditions,
        limits=limits,
        stacking=Stacking(priority=priority, exclusive=exclusive, group=group, group_max=group_max),
        holdout=holdout,
        reward_points=reward_points,
    )


def line(
    line_id: str, price: int, pieces: int = 1, code: str = "", category: str = "", cost: int | None = None
) -> SaleItem:
    """A line of whole pieces; its code is its id unless given."""
    return SaleItem(
        line_id=line_id,
        label=line_id,
        unit_price=price,
        quantity=pieces * 1000,
        code=code or line_id,
        category=category,
        cost=cost,
    )


def applied(items: list[SaleItem], *offers: Offer) -> Applied:
    """All the offers together, whatever their worth."""
    sheet = sheet_of(items)
    return apply(sheet, steps_of(offers, sheet))


def situation(
    *items: SaleItem,
    customer: CustomerFacts | None = REGULAR,
    rewards: tuple[str, ...] = (),
    at: datetime = NOON,
    store_id: str | None = "sto_1",
    zone: str = "Europe/Paris",
) -> Situation:
    """A basket at a counter in Paris."""
    basket = Basket(currency="EUR", items=items, rewards=rewards)
    return Situation(at=at, place=Place(zone=zone, store_id=store_id), basket=basket, customer=customer)


def decided(offers: list[Offer], given: Situation, policy: Policy | None = None) -> Decision:
    """The decision over a catalogue of these offers."""
    return decide(Catalogue(offers), given, policy or Policy())


def reason_of(decision: Decision, offer_id: str) -> Reason:
    """The one reason given for the offer."""
    (found,) = [reason for reason in decision.reasons if reason.offer_id == offer_id]
    return found


def chosen_ids(decision: Decision) -> list[str]:
    """Ids of the chosen offers."""
    return [chosen.offer_id for chosen in decision.offers]
