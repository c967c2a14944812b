"""Past baskets: what was sold comes back as the situation in which it was accepted."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from poi_engine.catalogue import past
from poi_engine.catalogue.past import Days, past_baskets
from poi_engine.ports import Job, Query
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.model import Offer
from poi_offers.offer_conditions import CardScheme, Spend
from poi_offers.offer_effects import AmountOff, PercentOff, PointsFixed
from poi_offers.policy import Policy
from poi_offers.situation import CustomerFacts, Situation
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey

OFFERS = (
    Offer(offer_id="off_ten", name={"en": "Ten"}, currency="EUR", effects=(PercentOff(percent=1000),)),
    Offer(
        offer_id="off_back",
        name={"en": "Again"},
        currency="EUR",
        effects=(AmountOff(amount=50),),
        conditions=Spend(min=1),
    ),
    Offer(
        offer_id="off_card",
        name={"en": "Card"},
        currency="EUR",
        effects=(PointsFixed(points=9),),
        conditions=CardScheme(any_of=("cb", "visa", "mastercard", "amex")),
    ),
)


async def found(shop: Shop, *days: date) -> list[Situation]:
    """The past baskets of some days, or all."""
    return [situation async for situation in past_baskets(shop.sql, Days(*days))]


async def test_an_empty_shop_has_none(shop: Shop) -> None:
    assert await found(shop) == []


async def test_decided_again_a_past_basket_gets_what_it_got(shop: Shop) -> None:
    for offer in OFFERS:
        await shop.engine.offers.create(M, offer)
    ada = await shop.customer()
    sold = [
        await shop.sell(1200, 350),
        await shop.sell(900, customer_id=ada),
        await shop.sell(700, 80, customer_id=ada),
    ]
    seen = await shop.identify(await shop.basket(1000), ada)
    seen = await shop.engine.stations.see_card(M, seen.session_id)
    sold.append(await shop.pay(await shop.accept(seen)))
    situations = await found(shop)
    decisions = [decide(Catalogue(OFFERS), one, Policy(), explain="eligible") for one in situations]
    for session, decision in zip(sold, decisions, strict=True):
        assert session.decision is not None
        same = replace(session.decision, reasons=(), catalogue_version=0)
        assert replace(decision, reasons=(), catalogue_version=0) == same
    assert [len(one.offers) for one in decisions] == [1, 1, 2, 3]
    assert [one.customer.spend_in[0] > 0 if one.customer else None for one in situations] == [None, False, True, True]


async def test_refunds_and_what_was_never_paid_are_no_baskets(shop: Shop) -> None:
    sale_id = (await shop.sell(1000)).sale_id
    await shop.engine.checkout.refund(M, str(sale_id), None, "broken", key=shop.key(), by=SELLER)
    await shop.accept(await shop.basket(500))
    assert [one.basket.subtotal for one in await found(shop)] == [1000]


async def test_days_are_the_stores_own_and_both_included(shop: Shop) -> None:
    first = shop.clock.now()
    for day in range(4):
        shop.clock.seconds = first + timedelta(days=day).total_seconds()
        await shop.sell(1000 + day)
    days = [one.at.date() for one in await found(shop)]
    assert [one.basket.subtotal for one in await found(shop, days[1], days[2])] == [1001, 1002]
    assert [one.basket.subtotal for one in await found(shop, days[3])] == [1003]


async def test_they_come_in_pages_oldest_first(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "PAGE", 2)
    amounts = [1000 + number for number in range(5)]  # all of the same moment but for the clock's own steps
    for amount in amounts:
        await shop.sell(amount)
    assert sorted(one.basket.subtotal for one in await found(shop)) == amounts


async def test_of_an_erased_customer_nothing_is_told(shop: Shop) -> None:
    ada, bob = await shop.customer("Ada"), await shop.customer("Bob")
    for customer_id in (ada, bob):
        await shop.sell(1000, customer_id=customer_id)
    await shop.engine.customers.erase(M, ada, by=SELLER)
    erased, other = sorted(await found(shop), key=lambda one: one.customer is not None)
    assert erased.customer is None
    assert other.customer is not None and other.customer.customer_id == bob
    assert "Bob" not in repr(other)


async def test_a_customer_without_facts_on_the_record_is_somebody_unknown(shop: Shop) -> None:
    ada = await shop.customer()
    await shop.sell(1000, customer_id=ada)

    def forget_facts() -> Job[None]:
        yield Query(
            "update checkout set document = json_remove(document, '$.session.facts') where merchant_id = ?", (M,)
        )

    await shop.sql.write(forget_facts)
    (one,) = await found(shop)
    assert one.customer == CustomerFacts(customer_id=ada)
