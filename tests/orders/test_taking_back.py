"""Refunds of orders: money, points and goods go back by the existing refund; the goods to where they arrive."""

import pytest

from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict
from poi_engine.orders.views import OrderView
from poi_engine.sales import SaleView
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import PARIS, SECOND, all_orders, basket, line, order_ahead, piece, second_store

pytestmark = pytest.mark.valkey


async def _take_back(
    shop: Shop, order: OrderView, lines: list[ReturnedLine] | None = None, place: str | None = None
) -> SaleView:
    orders = shop.engine.orders
    return await orders.take_back(M, order.order_id, lines, "too small", place=place, key=shop.key(), by=SELLER)


async def _sold(shop: Shop) -> OrderView:
    """One piece taken along, two ordered from central."""
    await stocked(shop, sto_1=1000, central=2000)
    session = await basket(shop, piece("1"), piece("2", 2000), ordered=[line("2", "delivery")], to=PARIS)
    await shop.pay(await shop.accept(session))
    return (await all_orders(shop))[0]


async def test_an_order_that_has_not_left_is_cancelled_by_its_refund(shop: Shop) -> None:
    order = await _sold(shop)
    refund = await _take_back(shop, order)
    assert (refund.total, (await shop.engine.orders.get(M, order.order_id)).state) == (-700, "cancelled")
    assert (await shop.balance("stock:central:eclair"), await shop.balance("stock:sto_1:eclair")) == (2000, 0)


async def test_asked_again_with_the_same_key_it_answers_the_same(shop: Shop) -> None:
    """Though nothing is left to take back by then: whoever lost the answer must not pay back by hand."""
    order, key, orders = await _sold(shop), shop.key(), shop.engine.orders
    first = await orders.take_back(M, order.order_id, None, "too small", place=None, key=key, by=SELLER)
    again = await orders.take_back(M, order.order_id, None, "too small", place=None, key=key, by=SELLER)
    assert again.sale_id == first.sale_id


async def test_the_goods_arrive_where_they_are_brought_back(shop: Shop) -> None:
    await second_store(shop)
    order, orders = await _sold(shop), shop.engine.orders
    for state in ("ready", "on_the_way", "delivered"):
        await orders.move(M, order.order_id, state, "", by=SELLER)  # type: ignore[arg-type]
    half = await _take_back(shop, order, [ReturnedLine(line_id="2", quantity=1000)], place=SECOND)
    assert (half.total, (await orders.get(M, order.order_id)).state) == (-350, "delivered")
    assert (await orders.get(M, order.order_id)).lines[0].returned == 1000
    await _take_back(shop, order, place="sto_1")
    assert (await orders.get(M, order.order_id)).state == "returned"
    left = [await shop.balance(f"stock:{place}:eclair") for place in ("central", SECOND, "sto_1")]
    assert left == [0, 1000, 1000]
    with pytest.raises(Conflict, match="nothing is left"):
        await _take_back(shop, order)


async def test_what_comes_back_elsewhere_does_not_come_back_twice(shop: Shop) -> None:
    order = await _sold(shop)
    await _take_back(shop, order, place="sto_1")
    await shop.engine.checkout.refund(M, order.sale_id or "", None, "the rest", key=shop.key(), by=SELLER)
    left = [await shop.balance(f"stock:{place}:eclair") for place in ("central", "sto_1")]
    assert sum(left) == 3000


async def test_a_refund_at_the_counter_moves_the_order_too(shop: Shop) -> None:
    order = await _sold(shop)
    await shop.engine.checkout.refund(M, order.sale_id or "", None, "changed their mind", key=shop.key(), by=SELLER)
    assert (await shop.engine.orders.get(M, order.order_id)).state == "cancelled"
    assert [told.state for told in shop.seen.orders] == ["paid", "cancelled"]


async def test_points_go_back_with_the_money(shop: Shop) -> None:
    ada = await shop.customer()
    order = await order_ahead(shop, ada, 4000)
    await shop.pay(await shop.accept(await shop.engine.orders.counter.open_session(M, order.order_id, STATION)))
    assert await shop.balance(f"points:{ada}") == 14
    await _take_back(shop, await shop.engine.orders.get(M, order.order_id))
    assert await shop.balance(f"points:{ada}") == 0


async def test_an_unpaid_order_is_cancelled_and_not_refunded(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer())
    with pytest.raises(Conflict) as refused:
        await _take_back(shop, order)
    assert refused.value.code == "order-unpaid"


async def test_a_paid_order_is_not_cancelled_without_a_refund(shop: Shop) -> None:
    order = await _sold(shop)
    with pytest.raises(Conflict) as refused:
        await shop.engine.orders.move(M, order.order_id, "cancelled", "", by=SELLER)
    assert refused.value.code == "order-paid"
