"""What a seller is told to say: from the basket, the customer's own sales and the offers, each with its figures."""

from datetime import UTC, date, datetime, timedelta

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.clientele.consents import Proof
from poi_engine.errors import Conflict
from poi_engine.goods.products import Product
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_engine.suggestions.advice import Bought, days_to_birthday, usual_ones
from poi_offers.model import Offer
from poi_offers.offer_conditions import Subtotal
from poi_offers.offer_effects import AmountOff
from tests.campaigns.yesterdays import Sold, sold, write
from tests.engine.shop import SELLER, START, STATION, M, Shop

pytestmark = pytest.mark.valkey

NOW = datetime.fromtimestamp(START, UTC)


async def regular(shop: Shop, birthday: str | None = None) -> str:
    """A customer who takes a tarte each week and had one éclair; others take éclairs with their coffee."""
    ada = await shop.customer("Ada")
    sales = [sold(f"sal_a{week}", NOW - timedelta(days=7 * week + 7), ["tarte"], ada) for week in range(6)]
    sales.append(sold("sal_once", NOW - timedelta(days=3), ["eclair"], ada))
    sales += [sold(f"sal_b{n}", NOW - timedelta(days=2, minutes=n), ["cafe", "eclair"]) for n in range(20)]
    sales += [sold(f"sal_c{n}", NOW - timedelta(days=2, hours=2, minutes=n), ["tarte"]) for n in range(50)]
    sales += [sold(f"sal_d{n}", NOW - timedelta(days=4, minutes=n), ["cafe"]) for n in range(5)]
    await write_all(shop, sales, ada, birthday)
    return ada


async def write_all(shop: Shop, sales: list[Sold], customer_id: str, birthday: str | None) -> None:
    """The sales' rows, and the birthday."""

    def job() -> Job[None]:
        yield from write(sales)
        yield Query(
            "update customer set birthday = ? where merchant_id = ? and customer_id = ?", (birthday, M, customer_id)
        )

    await shop.sql.write(job)


async def served(shop: Shop, customer_id: str, *codes: str) -> Session:
    """A session with the customer, who has proved to be one, and these products."""
    session = await shop.engine.stations.open(M, STATION, [BasketEntry(code=code) for code in codes])
    return await shop.identify(session, customer_id)


async def test_a_basket_gets_what_goes_with_it_and_what_is_usual_each_with_its_figures(past_shop: Shop) -> None:
    session = await served(past_shop, await regular(past_shop), "cafe")
    advised = await past_shop.engine.advisor.of(session)
    assert (advised.visits, advised.objects) == (7, False)
    together, usual = advised.items
    assert (together.kind, together.product and together.product.code) == ("together", "eclair")
    assert together.figures == {"code": "cafe", "label": "Café", "both": 20, "with_code": 25}
    assert (usual.kind, usual.figures) == ("usual", {"sales": 6, "visits": 7})
    assert usual.product is not None
    assert (usual.product.label, usual.product.unit_price) == ("Tarte", 1890)


async def test_what_is_in_the_basket_or_off_sale_is_not_suggested(past_shop: Shop) -> None:
    ada = await regular(past_shop)
    eclair = await past_shop.engine.products.by_code(M, "eclair")
    await past_shop.engine.products.put(M, Product(code=eclair.code, label="Éclair", unit_price=350, active=False))
    session = await served(past_shop, ada, "cafe", "tarte")
    assert (await past_shop.engine.advisor.of(session)).items == ()


async def test_an_offer_near_comes_with_the_cheapest_likely_product_that_unlocks_it(past_shop: Shop) -> None:
    ada = await regular(past_shop)
    conditions = Subtotal(min=570)
    offer = Offer(
        offer_id="off_5", name={"en": "x"}, currency="EUR", effects=(AmountOff(amount=50),), conditions=conditions
    )
    await past_shop.engine.offers.create(M, offer)
    advised = await past_shop.engine.advisor.of(await served(past_shop, ada, "cafe"))
    near = advised.items[0]
    assert (near.kind, near.figures) == ("near", {"offer_id": "off_5", "missing": 350})
    assert near.product is not None
    assert near.product.code == "eclair"
    assert [one.kind for one in advised.items] == ["near", "usual"], "a product is suggested once"


async def test_a_birthday_is_said(past_shop: Shop) -> None:
    ada = await regular(past_shop, "1990-11-24")
    advised = await past_shop.engine.advisor.of(await served(past_shop, ada))
    assert (advised.items[0].kind, advised.items[0].figures) == ("birthday", {"days": 2})


async def test_who_said_no_to_profiling_has_their_own_sales_left_alone(past_shop: Shop) -> None:
    ada = await regular(past_shop)
    proof = Proof(version=1, who=SELLER.who, how="spoken")
    await past_shop.engine.clientele.consents.give(M, ada, "profiling", False, proof)
    advised = await past_shop.engine.advisor.of(await served(past_shop, ada, "cafe"))
    assert (advised.objects, advised.visits, advised.sizes) == (True, 0, ())
    assert [one.kind for one in advised.items] == ["together"]


async def test_the_sizes_somebody_takes_are_told(past_shop: Shop) -> None:
    ada = await regular(past_shop)
    await past_shop.engine.products.put(
        M, Product(code="tarte", label="Tarte", unit_price=1890, attributes={"size": "6 parts"})
    )
    advised = await past_shop.engine.advisor.of(await served(past_shop, ada))
    assert [(one.name, one.value, one.sales) for one in advised.sizes] == [("size", "6 parts", 6)]


async def test_nobody_in_particular_gets_no_advice(past_shop: Shop) -> None:
    with pytest.raises(Conflict) as wrong:
        await past_shop.engine.advisor.of(await past_shop.basket(100))
    assert wrong.value.code == "not-present"


def test_usual_is_three_times_and_a_third_of_the_visits() -> None:
    bought = [Bought(code=code, sales=sales) for code, sales in (("a", 2), ("b", 3), ("c", 5))]
    assert [one.code for one in usual_ones(bought, 6)] == ["c", "b"]
    assert [one.code for one in usual_ones(bought, 9)] == ["c", "b"]
    assert [one.code for one in usual_ones(bought, 10)] == ["c"]


@pytest.mark.parametrize(
    ("birthday", "today", "days"),
    [
        (date(1990, 11, 22), date(2026, 11, 22), 0),
        (date(1990, 11, 25), date(2026, 11, 22), 3),
        (date(1990, 11, 26), date(2026, 11, 22), None),
        (date(1990, 11, 20), date(2026, 11, 22), -2),
        (date(1990, 1, 1), date(2026, 12, 30), 2),
        (date(1992, 2, 29), date(2027, 2, 27), 1),
        (date(1992, 2, 29), date(2028, 2, 27), 2),
        (None, date(2026, 11, 22), None),
    ],
)
def test_a_birthday_is_near_for_three_days_either_way(birthday: date | None, today: date, days: int | None) -> None:
    assert days_to_birthday(birthday, today) == days
