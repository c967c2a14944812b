"""Goods at the counter: held at the acceptance, posted or voided with the checkout, given back by refunds."""

import pytest

from poi_engine import ledger
from poi_engine.basket import BasketEntry
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.goods.stock import OutOfStock, Wanted, hold_steps, levels
from poi_engine.ledger import Step
from poi_engine.ports import Job
from poi_engine.session import Session
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.goods.stocking import stocked

pytestmark = pytest.mark.valkey
DECLINED, APPROVED_UNHEARD = 1005, 1013


async def put(shop: Shop, *entries: BasketEntry, station: str = STATION) -> Session:
    session = await shop.engine.stations.open(M, station)
    return await shop.engine.stations.set_basket(M, session.session_id, list(entries))


def eclairs(pieces: int) -> BasketEntry:
    return BasketEntry(code="eclair", quantity=pieces * 1000)


async def left(shop: Shop) -> int:
    return await shop.balance("stock:sto_1:eclair")


async def test_goods_are_held_at_the_acceptance_and_gone_with_the_sale(shop: Shop) -> None:
    await stocked(shop, sto_1=10_000)
    accepted = await shop.accept(await put(shop, eclairs(3)))
    assert await left(shop) == 7000
    assert (await shop.pay(accepted, "cash")).state == "paid"
    assert (await left(shop), await shop.balance("goods:sold")) == (7000, 3000)


async def test_an_abandoned_or_declined_checkout_lets_the_goods_go(shop: Shop) -> None:
    await stocked(shop, sto_1=10_000)
    accepted = await shop.accept(await put(shop, eclairs(3)))
    await shop.engine.stations.abandon(M, accepted.session_id)
    assert await left(shop) == 10_000
    session = await put(shop, eclairs(1), BasketEntry(amount=DECLINED - 350))
    declined = await shop.pay(await shop.accept(session))
    assert (declined.state, await left(shop)) == ("declined", 10_000)


async def test_goods_stay_held_while_a_payment_is_in_doubt(shop: Shop) -> None:
    await stocked(shop, sto_1=10_000)
    session = await put(shop, eclairs(1), BasketEntry(amount=APPROVED_UNHEARD - 350))
    unknown = await shop.pay(await shop.accept(session))
    assert (unknown.state, await left(shop)) == ("unknown", 9000)
    await shop.engine.resolving.payment(M, unknown.session_id, "declined", "no slip", by=SELLER)
    assert await left(shop) == 10_000


async def test_a_thing_in_the_hand_is_never_refused_and_what_was_missing_is_found(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    paid = await shop.pay(await shop.accept(await put(shop, eclairs(3))), "cash")
    assert (paid.state, await left(shop), await shop.balance("goods:found")) == ("paid", 0, -2000)
    [audit] = await shop.rows("select who, act, subject_id, why from audit where act = 'stock-found'")
    assert (audit["who"], audit["subject_id"]) == ("seller:sel_1", "eclair")
    assert str(audit["why"]).startswith("2000 thousandths more than on file")


async def test_two_tills_that_take_the_last_piece_both_sell_and_nothing_goes_below_zero(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    first = await shop.accept(await put(shop, eclairs(1)))
    second = await shop.accept(await put(shop, eclairs(1), station=OTHER_STATION))
    assert await left(shop) == 0
    await shop.engine.stations.abandon(M, first.session_id)
    assert (await shop.pay(second, "cash")).state == "paid"
    assert await left(shop) == 1000  # the abandoned one lies there still: two were seen


async def test_an_order_of_the_last_piece_is_held_once(shop: Shop) -> None:
    await stocked(shop, central=1000)
    accepted = await shop.accept(await put(shop, BasketEntry(amount=100)))
    await shop.sql.write(lambda: order(shop, accepted.checkout_id or ""))
    with pytest.raises(OutOfStock, match="only 0 thousandths are left at 'central'") as refused:
        await shop.sql.write(lambda: order(shop, "chk_other"))
    assert (refused.value.code, refused.value.status) == ("not-in-stock", 409)
    await shop.engine.stations.abandon(M, accepted.session_id)
    assert await shop.balance("stock:central:eclair") == 1000


async def test_what_the_hand_holds_is_not_there_to_be_ordered(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    both = [
        Wanted(code="eclair", place="sto_1", quantity=1000),
        Wanted(code="eclair", place="sto_1", quantity=500, in_hand=False),
    ]
    with pytest.raises(OutOfStock, match="only 0 thousandths"):
        await shop.sql.write(lambda: held(shop, "chk_b", both))


def held(shop: Shop, checkout_id: str, wanted: list[Wanted]) -> Job[list[Step]]:
    return hold_steps(M, checkout_id, wanted, "station:sta_1", tracked=["eclair"], ids=shop.ids, at=1)


def order(shop: Shop, checkout_id: str) -> Job[None]:
    wanted = [Wanted(code="eclair", place="central", quantity=500, in_hand=False)] * 2
    steps = yield from held(shop, checkout_id, wanted)
    yield from ledger.change(M, steps, ids=shop.ids, at=1)


async def test_what_is_not_tracked_moves_no_stock(shop: Shop) -> None:
    await stocked(shop, sto_1=1000)
    assert (await shop.pay(await shop.accept(await put(shop, BasketEntry(code="tarte"))), "cash")).state == "paid"
    assert await shop.rows("select * from transfer where kind = 'stock' and debit like '%tarte'") == []
    found = await shop.sql.read(lambda: levels(M, ["eclair", "tarte", "nothing"]))
    assert found == {"eclair": {"central": 0, "sto_1": 1000}}


async def test_a_refund_puts_the_returned_pieces_back(shop: Shop) -> None:
    await stocked(shop, sto_1=10_000)
    paid = await shop.pay(await shop.accept(await put(shop, eclairs(3), BasketEntry(amount=100))), "cash")
    sale_id = paid.sale_id or ""
    one = [ReturnedLine(line_id="1", quantity=1000)]
    await shop.engine.checkout.refund(M, sale_id, one, "broken", key="one", by=SELLER)
    assert await left(shop) == 8000
    await shop.engine.checkout.refund(M, sale_id, None, "all of it", key="rest", by=SELLER)
    assert (await left(shop), await shop.balance("goods:sold")) == (10_000, 0)


async def test_a_product_tracked_after_the_sale_is_not_given_back(shop: Shop) -> None:
    paid = await shop.pay(await shop.accept(await put(shop, eclairs(3))), "cash")
    await stocked(shop, sto_1=1000)
    await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="all", by=SELLER)
    assert await left(shop) == 1000
