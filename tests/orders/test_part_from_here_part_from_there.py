"""One payment for what is taken away and what comes from elsewhere: real holds, orders made with the sale."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, RequestError
from poi_engine.goods.stock import OutOfStock
from tests.engine.shop import M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import PARIS, SECOND, all_orders, basket, held, line, piece, second_store

pytestmark = pytest.mark.valkey


async def test_one_payment_takes_one_piece_along_and_orders_the_other_from_central(shop: Shop) -> None:
    await stocked(shop, sto_1=1000, central=1000)
    session = await basket(shop, piece("1"), piece("2"), ordered=[line("2", "delivery")], to=PARIS)
    paid = await shop.pay(await shop.accept(session))
    (order,) = await all_orders(shop)
    assert (order.state, order.how, order.place, order.store_id) == ("paid", "delivery", "central", "sto_1")
    assert (order.sale_id, order.total, order.due) == (paid.sale_id, 350, 0)
    assert [(one.line_id, one.quantity) for one in order.lines] == [("2", 1000)]
    assert order.contact is not None
    assert order.contact.lines == ("Ada", "1 rue de Rivoli", "75001 PARIS")
    assert await shop.balance("stock:sto_1:eclair") == await shop.balance("stock:central:eclair") == 0


async def test_a_payment_in_doubt_for_days_keeps_where_to_bring_it(shop: Shop) -> None:
    """The terminal never answers an amount that ends in 13; asked three days later it says that it was paid."""
    await stocked(shop, central=1000)
    entries = (piece("1"), BasketEntry(line_id="2", amount=663))
    doubtful = await shop.pay(
        await shop.accept(await basket(shop, *entries, ordered=[line("1", "delivery")], to=PARIS))
    )
    assert doubtful.state == "unknown"
    shop.clock.forward(3 * 86_400)
    await shop.engine.orders.round()
    assert (await shop.engine.checkout.ask_status(M, doubtful.session_id)).state == "paid"
    (order,) = await all_orders(shop)
    assert order.contact is not None and order.contact.lines[0] == "Ada"


async def test_an_order_that_was_declined_forgets_the_address_after_a_day(shop: Shop) -> None:
    await stocked(shop, central=1000)
    entries = (piece("1"), BasketEntry(line_id="2", amount=655))
    declined = await shop.pay(
        await shop.accept(await basket(shop, *entries, ordered=[line("1", "delivery")], to=PARIS))
    )
    assert declined.state == "declined"
    shop.clock.forward(2 * 86_400)
    await shop.engine.orders.round()
    assert await shop.rows("select * from order_contact") == []


async def test_what_comes_from_two_places_becomes_two_orders(shop: Shop) -> None:
    await second_store(shop)
    await stocked(shop, central=1000, sto_2=1000)
    lines = [line("1"), line("2", place=SECOND, store_id=SECOND)]
    await shop.pay(await shop.accept(await basket(shop, piece("1"), piece("2"), ordered=lines)))
    assert {(order.place, order.store_id) for order in await all_orders(shop)} == {
        ("central", "sto_1"),
        (SECOND, SECOND),
    }


async def test_nothing_is_ordered_that_is_not_there(shop: Shop) -> None:
    await stocked(shop, sto_1=5000, central=1000)
    session = await basket(shop, piece("1", 2000), ordered=[line("1")])
    with pytest.raises(OutOfStock, match="only 1000"):
        await shop.accept(session)
    found = await shop.engine.stations.get(M, session.session_id)
    assert (found.state, await held(shop, "stock:central:eclair")) == ("decided", 0)
    assert await shop.rows("select 1 as one from checkout") == []


async def test_a_hold_is_let_go_when_the_payment_is_declined(shop: Shop) -> None:
    await stocked(shop, central=1000)
    declined = await basket(shop, piece("1"), *(), ordered=[line("1")])
    await shop.engine.stations.set_basket(M, declined.session_id, [piece("1"), piece("2", 1000, "cafe")])
    accepted = await shop.accept(await shop.engine.stations.get(M, declined.session_id))
    assert await held(shop, "stock:central:eclair") == 1000
    await shop.engine.stations.abandon(M, accepted.session_id)
    assert (await held(shop, "stock:central:eclair"), await shop.balance("stock:central:eclair")) == (0, 1000)
    assert await all_orders(shop) == []


async def test_a_delivery_needs_an_address(shop: Shop) -> None:
    session = await basket(shop, piece("1"), ordered=[line("1", "delivery")])
    with pytest.raises(Conflict) as refused:
        await shop.accept(session)
    assert refused.value.code == "address-needed"


async def test_a_product_scanned_again_is_taken_away(shop: Shop) -> None:
    session = await basket(shop, piece("1"), ordered=[line("1")])
    product = await shop.engine.products.by_code(M, "eclair")
    from tests.engine.shop import Card

    again = await shop.engine.stations.present(M, session.station_id, Card(scheme="product", subject=product.code))
    assert [(item.line_id, item.quantity) for item in again.basket.items] == [("1", 1000), ("2", 1000)]
    assert [one.line_id for one in again.fulfilments] == ["1"]


async def test_a_line_that_goes_takes_its_way_along(shop: Shop) -> None:
    session = await basket(shop, piece("1"), piece("2"), ordered=[line("1"), line("2")])
    changed = await shop.engine.stations.set_basket(M, session.session_id, [piece("2")])
    assert [one.line_id for one in changed.fulfilments] == ["2"]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (line("9"), "unknown-line"),
        (line("1", place="sto_9"), "unknown-place"),
        (line("1", store_id="sto_9"), "unknown-place"),
        (line("1", store_id="central"), "no-store"),
    ],
)
async def test_a_way_that_is_none_is_refused(shop: Shop, wish: object, code: str) -> None:
    session = await basket(shop, piece("1"))
    with pytest.raises(RequestError) as refused:
        await shop.engine.orders.counter.set_fulfilments(M, session.session_id, [wish])  # type: ignore[list-item]
    assert refused.value.code == code


async def test_the_journal_has_no_address(shop: Shop) -> None:
    await shop.pay(await shop.accept(await basket(shop, piece("1"), ordered=[line("1", "delivery")], to=PARIS)))
    journal = await shop.rows("select document from journal")
    books = await shop.rows("select document from checkout union all select document from sale")
    assert all("Rivoli" not in repr(row) for row in [*journal, *books])
