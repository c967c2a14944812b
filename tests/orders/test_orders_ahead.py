"""Orders from the phone: held for a bounded time, paid at any station by the same tap, cancelled when nobody comes."""

import asyncio

import pytest
from msgspec.structs import replace as changed

from poi_engine.clock import moment
from poi_engine.errors import Conflict, Forbidden, NotFound, RequestError
from poi_engine.goods.stock import OutOfStock
from poi_engine.orders.ahead import Wished
from poi_engine.orders.placing import Orderer
from poi_engine.settings import Ordering
from poi_offers.model import Offer
from poi_offers.offer_conditions import Channel
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import PARIS, all_orders, held, order_ahead, phone, piece

pytestmark = pytest.mark.valkey


async def test_an_order_holds_its_goods_and_is_paid_at_the_counter(shop: Shop) -> None:
    await stocked(shop, sto_1=2000)
    ada = await shop.customer()
    order = await order_ahead(shop, ada, 2000)
    assert (order.state, order.total, order.due, await held(shop)) == ("placed", 700, 700, 2000)
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION)
    assert (session.state, session.identity and session.identity.customer_id) == ("decided", ada)
    paid = await shop.pay(await shop.accept(session))
    done = await shop.engine.orders.get(M, order.order_id)
    assert (done.state, done.sale_id, done.due, await held(shop)) == ("delivered", paid.sale_id, 0, 0)
    assert await shop.balance("stock:sto_1:eclair") == 0
    sold = await shop.rows("select channel, customer_id from sale")
    assert sold == [{"channel": "phone", "customer_id": ada}]


async def test_a_declined_payment_gives_the_goods_back_to_the_order(shop: Shop) -> None:
    await stocked(shop, sto_1=3000)
    order = await order_ahead(shop, await shop.customer(), 1000)
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION)
    accepted = await shop.accept(session)
    assert (await held(shop), (await shop.engine.orders.get(M, order.order_id)).being_paid) == (1000, True)
    await shop.engine.stations.abandon(M, accepted.session_id)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (await held(shop), after.being_paid, after.held, after.state) == (1000, False, True, "placed")


async def test_two_stations_cannot_both_take_the_money(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer(), 1000)
    counter = shop.engine.orders.counter
    first = await counter.open_session(M, order.order_id, STATION)
    second = await counter.open_session(M, order.order_id, OTHER_STATION)
    results = await asyncio.gather(shop.accept(first), shop.accept(second), return_exceptions=True)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert [error.code for error in refused] == ["order-being-paid"]
    winner = next(result for result in results if not isinstance(result, BaseException))
    await shop.pay(winner)
    with pytest.raises(Conflict, match="delivered"):
        await shop.accept(second if winner.station_id == STATION else first)


async def test_paid_ahead_it_waits_and_is_handed_over_by_hand(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer(), how="delivery")
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION, ahead=True)
    await shop.pay(await shop.accept(session))
    orders = shop.engine.orders
    assert (await orders.get(M, order.order_id)).state == "paid"
    for state in ("preparing", "ready", "on_the_way", "delivered"):
        assert (await orders.move(M, order.order_id, state, "", by=SELLER)).state == state  # type: ignore[arg-type]
    acts = {str(row["act"]) for row in await shop.rows("select act from audit where subject_id = ?", (order.order_id,))}
    assert acts >= {
        "order-placed",
        "order-paid",
        "order-preparing",
        "order-ready",
        "order-on_the_way",
        "order-delivered",
    }
    assert [told.state for told in shop.seen.orders if told.customer_id][-1] == "delivered"
    assert shop.seen.orders[-1].stations == (STATION, OTHER_STATION)


async def test_the_door_takes_the_money_of_what_is_on_its_way(shop: Shop) -> None:
    orders = shop.engine.orders
    order = await order_ahead(shop, await shop.customer(), how="delivery")
    for state in ("ready", "on_the_way"):
        await orders.move(M, order.order_id, state, "", by=SELLER)  # type: ignore[arg-type]
    with pytest.raises(Conflict) as refused:
        await orders.move(M, order.order_id, "delivered", "", by=SELLER)
    assert refused.value.code == "order-unpaid"
    await shop.pay(await shop.accept(await orders.counter.open_session(M, order.order_id, STATION)), "cash")
    assert (await orders.get(M, order.order_id)).state == "delivered"


async def test_the_counter_makes_the_decision_that_the_phone_showed(shop: Shop) -> None:
    await shop.engine.offers.create(
        M,
        Offer(
            offer_id="off_phone",
            name={"en": "Ordered ahead"},
            currency="EUR",
            conditions=Channel(any_of=("phone",)),
            effects=(PercentOff(percent=1000),),
        ),
    )
    order = await order_ahead(shop, await shop.customer(), 2000)
    assert order.total == 630
    assert order.decision is not None
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION)
    assert session.decision is not None
    assert (session.decision.total, [one.offer_id for one in session.decision.offers]) == (630, ["off_phone"])


async def test_a_price_stays_what_it_was_when_it_was_ordered(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer(), 1000)
    product = await shop.engine.products.by_code(M, "eclair")
    await shop.engine.products.put(M, changed(product, unit_price=900))
    session = await shop.engine.orders.counter.open_session(M, order.order_id, STATION)
    assert session.basket.subtotal == 350


async def test_more_than_there_is_cannot_be_ordered(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    with pytest.raises(OutOfStock):
        await order_ahead(shop, await shop.customer(), 2000)
    assert (await all_orders(shop), await held(shop)) == ([], 0)


async def test_the_last_piece_is_ordered_once(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    names = [await shop.customer(f"Customer {number}") for number in range(4)]
    results = await asyncio.gather(*(order_ahead(shop, name) for name in names), return_exceptions=True)
    refused = [result for result in results if isinstance(result, OutOfStock)]
    assert (len(refused), len(await all_orders(shop)), await held(shop)) == (3, 1, 1000)


async def test_a_key_places_one_order(shop: Shop) -> None:
    ada = await shop.customer()
    first, again = await order_ahead(shop, ada, key="k"), await order_ahead(shop, ada, key="k")
    assert first == again
    with pytest.raises(Conflict) as refused:
        await order_ahead(shop, ada, 2000, key="k")
    assert (refused.value.code, len(await all_orders(shop))) == ("idempotency-mismatch", 1)


async def test_a_key_answers_the_same_however_late_it_is_repeated(shop: Shop) -> None:
    """The time that was wished for is past by then, and the shop takes no orders any more."""
    await shop.engine.orders.change_settings(M, Ordering(open=True), by=SELLER)
    ada = await shop.customer()
    wished = Wished(
        store_id="sto_1", entries=(piece("1"),), wanted_at=moment(round((shop.clock.seconds + 86_400) * 1_000_000))
    )
    who = Orderer(by=phone(ada), channel="phone", customer_id=ada)
    first = await shop.engine.orders.ahead.place(M, wished, who, key="late")
    shop.clock.forward(86_400 * 2)
    await shop.engine.orders.change_settings(M, Ordering(open=False), by=SELLER)
    assert await shop.engine.orders.ahead.place(M, wished, who, key="late") == first
    for refused, key in ((changed(wished, note="other"), "late"), (wished, "another")):
        with pytest.raises(RequestError) as error:
            await shop.engine.orders.ahead.place(M, refused, who, key=key)
        assert error.value.code == ("idempotency-mismatch" if key == "late" else "orders-closed")


async def test_nobody_came(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    order = await order_ahead(shop, await shop.customer())
    rules = Ordering()
    shop.clock.forward(rules.lead_minutes * 60 + rules.hold_hours * 3600 - 60)
    assert await shop.engine.orders.round() == 0
    shop.clock.forward(120)
    assert await shop.engine.orders.round() == 1
    assert (await shop.engine.orders.get(M, order.order_id)).state == "cancelled"
    assert (await held(shop), await shop.balance("stock:sto_1:eclair")) == (0, 1000)
    with pytest.raises(Conflict, match="cancelled"):
        await shop.engine.orders.counter.open_session(M, order.order_id, STATION)


async def test_what_is_being_paid_is_not_cancelled(shop: Shop) -> None:
    order = await order_ahead(shop, await shop.customer())
    accepted = await shop.accept(await shop.engine.orders.counter.open_session(M, order.order_id, STATION))
    for actor in ("staff", "customer"):
        with pytest.raises(Conflict) as refused:
            await shop.engine.orders.move(M, order.order_id, "cancelled", "", by=SELLER, actor=actor)  # type: ignore[arg-type]
        assert refused.value.code == "order-being-paid"
    shop.clock.forward(60 * 60 * 48)
    assert await shop.engine.orders.round() == 0
    await shop.pay(accepted)
    assert (await shop.engine.orders.get(M, order.order_id)).state == "delivered"


async def test_a_customer_cancels_only_what_nobody_has_begun(shop: Shop) -> None:
    ada, orders = await shop.customer(), shop.engine.orders
    first, second = await order_ahead(shop, ada), await order_ahead(shop, ada)
    cancelled = await orders.move(M, first.order_id, "cancelled", "", by=phone(ada), actor="customer")
    assert cancelled.state == "cancelled"
    await orders.move(M, second.order_id, "preparing", "", by=SELLER)
    with pytest.raises(Forbidden):
        await orders.move(M, second.order_id, "cancelled", "", by=phone(ada), actor="customer")


async def test_customers_see_their_own_orders_only(shop: Shop) -> None:
    ada, bob = await shop.customer(), await shop.customer("Bob")
    order = await order_ahead(shop, ada)
    assert (await shop.engine.orders.owned(M, order.order_id, ada)).order_id == order.order_id
    with pytest.raises(NotFound):
        await shop.engine.orders.owned(M, order.order_id, bob)


async def test_only_so_many_wait_unpaid(shop: Shop) -> None:
    ada = await shop.customer()
    for _ in range(Ordering().most_open):
        await order_ahead(shop, ada)
    with pytest.raises(Conflict) as refused:
        await order_ahead(shop, ada)
    assert refused.value.code == "too-many-orders"


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"how": "delivery"}, "address-needed", "$.address"),
        ({"entries": ()}, "empty-order", "$.entries"),
        ({"wanted_at": 60}, "too-soon", "$.wanted_at"),
        ({"wanted_at": 86_400 * 60}, "too-late", "$.wanted_at"),
        ({"place": "sto_9"}, "unknown-place", "$.place"),
    ],
)
async def test_what_no_order_can_be_is_refused(shop: Shop, wrong: dict[str, object], code: str, path: str) -> None:
    if "wanted_at" in wrong:
        wrong = wrong | {"wanted_at": moment(round((shop.clock.seconds + wrong["wanted_at"]) * 1_000_000))}  # type: ignore[operator]
    wished = changed(Wished(store_id="sto_1", entries=(piece("1"),)), **wrong)
    ada = await shop.customer()
    who = Orderer(by=phone(ada), channel="phone", customer_id=ada)
    with pytest.raises(RequestError) as refused:
        await shop.engine.orders.ahead.place(M, wished, who, key="k")
    assert (refused.value.code, refused.value.path) == (code, path)
    assert await all_orders(shop) == []


async def test_the_customer_confirms_the_address_or_mends_it(shop: Shop) -> None:
    ada, orders = await shop.customer(), shop.engine.orders
    order = await order_ahead(shop, ada, how="delivery")
    assert order.confirmed_at is None
    confirmed = await orders.confirm_address(M, order.order_id, None, by=phone(ada))
    assert confirmed.confirmed_at is not None
    elsewhere = changed(PARIS, street_address="2 quai de Conti", postal_code="75006")
    mended = await orders.confirm_address(M, order.order_id, elsewhere, by=phone(ada))
    assert mended.contact is not None
    assert mended.contact.lines[1:] == ("2 quai de Conti", "75006 PARIS")
    for state in ("ready", "on_the_way"):
        await orders.move(M, order.order_id, state, "", by=SELLER)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="on_the_way"):
        await orders.confirm_address(M, order.order_id, PARIS, by=phone(ada))


async def test_an_erased_customer_leaves_no_address_and_no_open_order(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    ada = await shop.customer()
    order = await order_ahead(shop, ada, how="delivery")
    await shop.engine.customers.erase(M, ada, by=SELLER)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.state, after.contact, await held(shop)) == ("cancelled", None, 0)
    assert await shop.rows("select 1 as one from order_contact") == []


async def test_an_address_is_forgotten_some_time_after_the_end(shop: Shop) -> None:
    ada, orders = await shop.customer(), shop.engine.orders
    order = await order_ahead(shop, ada, how="delivery")
    await orders.move(M, order.order_id, "cancelled", "", by=SELLER)
    shop.clock.forward(86_400 * (Ordering().address_days - 1))
    await orders.round()
    assert (await orders.get(M, order.order_id)).contact is not None
    shop.clock.forward(86_400 * 2)
    await orders.round()
    assert (await orders.get(M, order.order_id)).contact is None
