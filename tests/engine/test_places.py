"""Where a counter stands: remembered for a moment, and a change is seen."""

import pytest

from poi_engine.errors import NotFound
from poi_engine.places import FRESH_SECONDS
from poi_engine.ports import Job, Query
from tests.engine.shop import STATION, M, Shop


async def _move(shop: Shop, rate: int) -> None:
    def job() -> Job[None]:
        yield Query("update station set vat_rate = ? where merchant_id = ? and station_id = ?", (rate, M, STATION))

    await shop.sql.write(job)


async def test_another_process_s_change_is_seen_after_a_moment(shop: Shop) -> None:
    before = await shop.engine.places.counter(M, STATION)
    await _move(shop, before.vat_rate + 100)
    assert await shop.engine.places.counter(M, STATION) == before
    shop.clock.forward(FRESH_SECONDS)
    assert (await shop.engine.places.counter(M, STATION)).vat_rate == before.vat_rate + 100


async def test_a_change_of_our_own_is_seen_at_once(shop: Shop) -> None:
    before = await shop.engine.places.counter(M, STATION)
    await _move(shop, before.vat_rate + 100)
    shop.engine.places.forget()
    assert (await shop.engine.places.counter(M, STATION)).vat_rate == before.vat_rate + 100


async def test_a_store_that_is_not_there_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await shop.engine.places.place(M, "sto_nowhere")
