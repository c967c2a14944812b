"""A payment given up: its orders hold again what is there, what is not is said, and one stumbling stops nobody."""

import pytest

from poi_engine.checkout import recovery as rounds
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ledger import Insufficient
from poi_engine.orders.rows import Missing
from poi_engine.ports import Job
from poi_engine.settings import Programme
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import held, order_ahead, piece

pytestmark = pytest.mark.valkey


async def taken_less(shop: Shop, order_id: str) -> str:
    """The order's payment is accepted for one piece instead of three; the session."""
    session = await shop.engine.orders.counter.open_session(M, order_id, STATION)
    session = await shop.engine.stations.set_basket(M, session.session_id, [piece("1", 1000)])
    return (await shop.accept(session)).session_id


async def sold_out(shop: Shop) -> None:
    """Whatever is free of it goes."""
    left = await shop.balance("stock:sto_1:eclair")
    lines = (MovedLine(code="eclair", quantity=left),)
    await shop.engine.stock.move(M, NewMovement(kind="lost", place="sto_1", lines=lines), key=shop.key(), by=SELLER)


async def test_what_is_there_is_held_again_and_what_is_not_is_said(shop: Shop) -> None:
    await stocked(shop, sto_1=3000)
    order = await order_ahead(shop, await shop.customer(), 3000)
    session_id = await taken_less(shop, order.order_id)
    await sold_out(shop)
    await shop.engine.stations.abandon(M, session_id)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.state, after.held, await held(shop)) == ("placed", True, 1000)
    assert after.missing == (Missing(code="eclair", quantity=2000),)
    told = await shop.rows("select subject_id, why from audit where act = 'order-unheld'")
    assert told == [{"subject_id": order.order_id, "why": "2000 thousandths of eclair"}]


async def test_nothing_is_missing_any_more_once_it_is_held_again(shop: Shop) -> None:
    await stocked(shop, sto_1=3000)
    order = await order_ahead(shop, await shop.customer(), 3000)
    session_id = await taken_less(shop, order.order_id)
    await sold_out(shop)
    await shop.engine.stations.abandon(M, session_id)
    await stocked(shop, sto_1=2000)
    accepted = await shop.accept(await shop.engine.orders.counter.open_session(M, order.order_id, OTHER_STATION))
    await shop.engine.stations.abandon(M, accepted.session_id)
    after = await shop.engine.orders.get(M, order.order_id)
    assert (after.missing, await held(shop)) == ((), 3000)


async def test_one_reservation_that_cannot_be_let_go_does_not_end_the_round(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two were forgotten; the first stumbles, the second is free, and the first waits for the next round."""
    first = await shop.accept(await shop.basket(1000))
    second = await shop.accept(await shop.basket(1000, station=OTHER_STATION))
    shop.clock.forward(Programme().minutes * 60 + 60)
    stumbling(monkeypatch, first.checkout_id or "")
    done = await shop.engine.recovery.run()
    assert (done.let_go, done.failed) == (1, 1)
    states = [(await shop.engine.stations.get(M, one.session_id)).state for one in (first, second)]
    assert states == ["paying", "decided"]
    monkeypatch.undo()
    assert (await shop.engine.recovery.run()).let_go == 1


def stumbling(patch: pytest.MonkeyPatch, checkout_id: str) -> None:
    """This one's goods have just gone, each time somebody looks."""
    release = rounds.release

    def gone(merchant_id: str, found: str, *args: object, **named: object) -> Job[bool]:
        if found == checkout_id:
            raise Insufficient("stock:sto_1:eclair", 1000)
        return release(merchant_id, found, *args, **named)  # type: ignore[arg-type]

    patch.setattr(rounds, "release", gone)


async def test_one_payment_that_cannot_be_recovered_does_not_end_the_round(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours, not of the terminal: the other payment in doubt is resolved all the same."""
    doubtful = [
        await shop.pay(await shop.accept(await shop.basket(1013, station=at))) for at in (STATION, OTHER_STATION)
    ]
    resolve = shop.engine.recovery._resolve

    async def stumble(merchant_id: str, payment: object, ended: bool) -> bool:
        if getattr(payment, "checkout_id", None) == doubtful[0].checkout_id:
            raise ValueError("a row that nobody foresaw")
        return await resolve(merchant_id, payment, ended)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.engine.recovery, "_resolve", stumble)
    done = await shop.engine.recovery.run()
    assert (done.resolved, done.failed) == (1, 1)
    monkeypatch.undo()
    assert (await shop.engine.recovery.run()).resolved == 1
