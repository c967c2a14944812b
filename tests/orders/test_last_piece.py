"""The last piece at central, ordered by two processes at once: one gets it, on either database."""

import asyncio

import pytest

from poi_engine.goods.stock import OutOfStock
from poi_engine.session import Session
from tests.engine.shop import OTHER_STATION, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.orders.ordering import all_orders, basket, line, order_ahead, piece

pytestmark = pytest.mark.valkey
ROUNDS = 6


async def test_two_counters_and_a_phone_want_the_last_one(tills: tuple[Shop, Shop]) -> None:
    one, two = tills
    ada = await one.customer()
    for number in range(1, ROUNDS + 1):
        await stocked(one, central=1000)
        first = await basket(one, piece("1"), ordered=[line("1")])
        second = await basket(two, piece("1"), ordered=[line("1")], station=OTHER_STATION)
        results = await asyncio.gather(one.accept(first), two.accept(second), return_exceptions=True)
        won = [result for result in results if isinstance(result, Session)]
        assert len(won) == 1, results
        assert [type(result) for result in results if not isinstance(result, Session)] == [OutOfStock]
        shop = one if won[0].station_id == STATION else two
        await shop.pay(won[0], "cash", key=f"pay-{number}")
        loser, session = (two, second) if shop is one else (one, first)
        await loser.engine.stations.abandon(M, session.session_id)
        assert len(await all_orders(one)) == number
        assert await one.balance("stock:central:eclair") == 0
    await stocked(one, sto_1=1000)
    both = await asyncio.gather(order_ahead(one, ada, key="a"), order_ahead(two, ada, key="b"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in both) == ["OrderView", "OutOfStock"]
