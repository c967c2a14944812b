"""The till may change the basket of an order; what the customer was promised stays for the lines that stay."""

import pytest
from msgspec.structs import replace as changed

from poi_engine.basket import BasketEntry
from poi_engine.session import Session
from tests.engine.shop import STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import basket, line, order_ahead, piece

pytestmark = pytest.mark.valkey


async def opened(shop: Shop, quantity: int = 2000) -> Session:
    """An order for éclairs at 3.50, which cost 9.00 by now, open at a station."""
    order = await order_ahead(shop, await shop.customer(), quantity)
    await costs(shop, 900)
    return await shop.engine.orders.counter.open_session(M, order.order_id, STATION)


async def costs(shop: Shop, price: int) -> None:
    """Another price for an éclair."""
    product = await shop.engine.products.by_code(M, "eclair")
    await shop.engine.products.put(M, changed(product, unit_price=price))


async def edit(shop: Shop, session: Session, *entries: BasketEntry) -> Session:
    """What the till sends when somebody changes the basket."""
    return await shop.engine.stations.set_basket(M, session.session_id, entries)


def prices(session: Session) -> list[tuple[str, str, int, int]]:
    """Each line's id, product, thousandths and unit price."""
    return [(item.line_id, item.code, item.quantity, item.unit_price) for item in session.basket.items]


async def test_a_line_that_stays_keeps_its_price_when_another_comes(shop: Shop) -> None:
    session = await edit(shop, await opened(shop), piece("1", 2000), piece("2", code="cafe"))
    assert prices(session) == [("1", "eclair", 2000, 350), ("2", "cafe", 1000, 220)]
    assert [(one.line_id, one.order_id is not None) for one in session.fulfilments] == [("1", True)]


async def test_less_and_then_as_much_again_is_as_promised(shop: Shop) -> None:
    session = await edit(shop, await opened(shop), piece("1", 1000))
    assert prices(session) == [("1", "eclair", 1000, 350)]
    assert prices(await edit(shop, session, piece("1", 2000))) == [("1", "eclair", 2000, 350)]


async def test_more_than_was_ordered_is_a_line_of_its_own_at_todays_price(shop: Shop) -> None:
    session = await edit(shop, await opened(shop), piece("1", 3000))
    assert prices(session) == [("1", "eclair", 2000, 350), ("2", "eclair", 1000, 900)]
    assert [one.line_id for one in session.fulfilments] == ["1"], "the rest is taken from the counter"


async def test_another_product_under_the_same_line_is_not_what_was_ordered(shop: Shop) -> None:
    session = await edit(shop, await opened(shop), piece("1", code="cafe"))
    assert (prices(session), session.fulfilments) == ([("1", "cafe", 1000, 220)], ())


async def test_what_is_sold_no_more_is_still_sold_to_who_ordered_it(shop: Shop) -> None:
    session = await opened(shop)
    product = await shop.engine.products.by_code(M, "eclair")
    await shop.engine.products.put(M, changed(product, active=False))
    session = await edit(shop, session, piece("1", 2000), piece("2", code="cafe"))
    assert prices(session)[0] == ("1", "eclair", 2000, 350)


async def test_the_sale_and_the_order_say_what_was_paid(shop: Shop) -> None:
    await stocked(shop, sto_1=5000)
    session = await edit(shop, await opened(shop), piece("1", 3000))
    order_id = session.fulfilments[0].order_id or ""
    paid = await shop.pay(await shop.accept(session), "cash")
    sold = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sold.total, (await shop.engine.orders.get(M, order_id)).total) == (1600, 700)


async def test_a_way_chosen_at_the_counter_goes_with_its_product(shop: Shop) -> None:
    session = await basket(shop, piece("1"), ordered=[line("1")])
    kept = await edit(shop, session, piece("1", 2000))
    assert [one.line_id for one in kept.fulfilments] == ["1"]
    assert (await edit(shop, kept, piece("1", code="cafe"))).fulfilments == ()
