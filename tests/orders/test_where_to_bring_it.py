"""The address of an order: the one entered last, kept as long as the order needs it, and no longer."""

import pytest
from msgspec.structs import replace as changed

from poi_engine.basket import BasketEntry
from poi_engine.clientele.erasure import erase_customer
from poi_engine.orders.rows import Contact
from poi_engine.orders.views import OrderView
from poi_engine.ports import Job, Query
from poi_engine.settings import Retention
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import PARIS, all_orders, basket, held, line, order_ahead, piece

pytestmark = pytest.mark.valkey
ELSEWHERE = changed(PARIS, street_address="2 quai de Conti", postal_code="75006")


async def street(shop: Shop, order_id: str) -> str | None:
    """Where the order is to be brought."""
    contact = (await shop.engine.orders.get(M, order_id)).contact
    return contact.lines[1] if contact is not None else None


async def contacts(shop: Shop) -> int:
    """How many persons are kept."""
    return len(await shop.rows("select contact_id from order_contact"))


async def paid_ahead(shop: Shop, customer_id: str) -> OrderView:
    """A delivery, paid and not yet brought."""
    order = await order_ahead(shop, customer_id, how="delivery")
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION, ahead=True)
    await shop.pay(await shop.accept(session))
    return await shop.engine.orders.get(M, order.order_id)


async def erase(shop: Shop, customer_id: str) -> None:
    """Forget somebody."""
    await shop.engine.customers.erase(M, customer_id, by=SELLER)


async def test_an_address_entered_while_the_order_is_paid_is_the_orders_from_then_on(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer(), how="delivery")
    counter = shop.engine.orders.counter
    session = await counter.open_session(M, order.order_id, STATION, ahead=True)
    await counter.set_contact(M, session.session_id, Contact(name="Ada", address=ELSEWHERE))
    await shop.pay(await shop.accept(await shop.engine.stations.get(M, session.session_id)))
    assert await street(shop, order.order_id) == "2 quai de Conti"
    shop.clock.forward(86_400)
    await shop.engine.orders.round()
    assert (await street(shop, order.order_id), await contacts(shop)) == ("2 quai de Conti", 1)


async def test_a_payment_given_up_leaves_the_order_its_own_address(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer(), how="delivery")
    counter = shop.engine.orders.counter
    session = await counter.open_session(M, order.order_id, STATION)
    await counter.set_contact(M, session.session_id, Contact(name="Ada", address=ELSEWHERE))
    accepted = await shop.accept(await shop.engine.stations.get(M, session.session_id))
    await shop.engine.stations.abandon(M, accepted.session_id)
    assert await street(shop, order.order_id) == "1 rue de Rivoli"


async def test_what_is_paid_reaches_an_erased_customer_and_is_forgotten_then(shop: Shop) -> None:
    ada = await shop.customer()
    order = await paid_ahead(shop, ada)
    await erase(shop, ada)
    shop.clock.forward(86_400 * 40)
    await shop.engine.orders.round()
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.state, await street(shop, order.order_id)) == ("paid", "1 rue de Rivoli")
    for state in ("ready", "on_the_way", "delivered"):
        await shop.engine.orders.move(M, order.order_id, state, "", by=SELLER)  # type: ignore[arg-type]
    shop.clock.forward(60)
    await shop.engine.orders.round()
    assert (await street(shop, order.order_id), await contacts(shop)) == (None, 0)


async def test_what_left_unpaid_goes_on_and_is_paid_at_the_door(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    ada, orders = await shop.customer(), shop.engine.orders
    order = await order_ahead(shop, ada, how="delivery")
    for state in ("ready", "on_the_way"):
        await orders.move(M, order.order_id, state, "", by=SELLER)  # type: ignore[arg-type]
    await erase(shop, ada)
    after = await orders.get(M, order.order_id)
    assert (after.state, await held(shop), await street(shop, order.order_id)) == (
        "on_the_way",
        1000,
        "1 rue de Rivoli",
    )


async def test_what_waits_unpaid_is_cancelled_and_its_address_gone_at_once(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    ada = await shop.customer()
    order = await order_ahead(shop, ada, how="delivery")
    await erase(shop, ada)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.state, await held(shop), await contacts(shop)) == ("cancelled", 0, 0)


async def test_an_order_that_is_being_paid_keeps_its_address(shop: Shop) -> None:
    ada = await shop.customer()
    order = await order_ahead(shop, ada, how="delivery")
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION, ahead=True)
    accepted = await shop.accept(session)
    await erase(shop, ada)
    await shop.pay(accepted)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.state, await street(shop, order.order_id)) == ("paid", "1 rue de Rivoli")


async def test_a_payment_in_doubt_keeps_where_to_bring_what_it_buys(shop: Shop) -> None:
    """The terminal never answers an amount that ends in 13."""
    ada = await shop.customer()
    session = await basket(shop, piece("1"), BasketEntry(line_id="2", amount=663), ordered=[line("1", "delivery")])
    session = await shop.identify(session, ada)
    address = Contact(name="Ada", address=PARIS)
    session = await shop.engine.orders.counter.set_contact(M, session.session_id, address)
    doubtful = await shop.pay(await shop.accept(session))
    assert doubtful.state == "unknown"
    await erase(shop, ada)
    assert (await shop.engine.checkout.ask_status(M, doubtful.session_id)).state == "paid"
    (order,) = await all_orders(shop)
    assert await street(shop, order.order_id) == "1 rue de Rivoli"


@pytest.mark.parametrize("ahead", [True, False])
async def test_what_was_paid_between_the_look_and_the_lock_is_not_cancelled(shop: Shop, ahead: bool) -> None:
    """Another station has taken the money since the erasure looked which orders there are."""
    ada = await shop.customer()
    order = await order_ahead(shop, ada)
    seen = [{"order_id": order.order_id}]
    session = await shop.engine.orders.counter.open_session(M, order.order_id, OTHER_STATION, ahead=ahead)
    await shop.pay(await shop.accept(session), "cash")
    at = shop.engine.wiring.at()
    await shop.sql.write(lambda: looked_before(erase_customer(M, ada, "owner", ids=shop.ids, at=at), seen))
    assert (await shop.engine.orders.get(M, order.order_id)).state == ("paid" if ahead else "delivered")


def looked_before(job: Job[object], seen: list[dict[str, object]]) -> Job[None]:
    """The same job, to which the orders are shown as they were a moment ago."""
    query = next(job)
    while True:
        rows = yield query
        try:
            looked = isinstance(query, Query) and query.text.startswith("select order_id from orders")
            query = job.send(seen if looked else rows)
        except StopIteration:
            return


async def test_becoming_a_pseudonym_does_not_lose_the_way_either(shop: Shop) -> None:
    ada = await shop.customer()
    order = await paid_ahead(shop, ada)
    await shop.engine.clientele.retention.change(M, Retention(years=1, action="pseudonymise"), by=SELLER)
    shop.clock.forward(366 * 86_400)
    assert (await shop.engine.clientele.retention.run(M, dry_run=False)).done == 1
    assert await street(shop, order.order_id) == "1 rue de Rivoli"
