"""A sale and the closing of the day in the same instant, by two processes: nothing is sold behind the closing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.redis import RedisSessions
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop, processes_of

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
T = TypeVar("T")


class Dwelling(PostgresSql):
    """Storage whose next writing job stays, before it commits, until the other process had its chance."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.dwells = False
        self.arrived = asyncio.Event()

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run it, slowly if it is to dwell."""
        return await super().write((lambda: self._slowly(job())) if self.dwells else job)

    def _slowly(self, job: Job[T]) -> Job[T]:
        result = yield from job
        self.arrived.set()
        yield Query("select pg_sleep(0.4)")
        return result


@pytest.fixture
async def till(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """The process that sells, on storage that can dwell."""
    async with processes_of([Dwelling(postgres_url)], sessions, tmp_path) as [shop]:
        yield shop


@pytest.fixture
async def office(postgres_url: str, sessions: RedisSessions, tmp_path: Path, till: Shop) -> AsyncIterator[Shop]:
    """The process that closes, on storage that can dwell too."""
    sql = Dwelling(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    yield shop
    await shop.close()
    await sql.close()


async def close_while(till: Shop, office: Shop, selling: asyncio.Task[Any], station_id: str = STATION) -> int | None:
    """Close the day while something has been written and not committed; the last receipt, None when refused."""
    assert isinstance(till.sql, Dwelling)
    await till.sql.arrived.wait()
    try:
        closed = await office.engine.fiscal.close(M, station_id, "day", by=SELLER)
    except Conflict as error:
        assert error.code == "payment-under-way"
        closed = None
    await selling
    return closed.closing.last if closed else None


@pytest.mark.parametrize("closed_before", [False, True])
async def test_a_closing_holds_the_sale_that_was_being_written(till: Shop, office: Shop, closed_before: bool) -> None:
    assert isinstance(till.sql, Dwelling)
    if closed_before:
        await till.sell(500, means="cash")
        await office.engine.fiscal.close(M, STATION, "day", by=SELLER)
        till.clock.forward(86_400)
        office.clock.forward(86_400)
    accepted = await till.accept(await till.basket(2000))
    till.sql.dwells = True
    last = await close_while(till, office, asyncio.create_task(till.pay(accepted, "cash")))
    assert last == (2 if closed_before else 1), "the closing waited for the sale, and holds it"


async def test_a_day_is_not_closed_while_a_card_payment_is_being_begun(till: Shop, office: Shop) -> None:
    assert isinstance(till.sql, Dwelling)
    accepted = await till.accept(await till.basket(2000))
    till.sql.dwells = True
    last = await close_while(till, office, asyncio.create_task(till.pay(accepted, "card")))
    assert last is None, "the payment was found under way"


async def test_a_day_is_not_closed_while_a_card_refund_is_being_begun(till: Shop, office: Shop) -> None:
    assert isinstance(till.sql, Dwelling)
    sold = await till.sell(2000)
    till.sql.dwells = True
    refund = till.engine.checkout.refund(M, sold.sale_id or "", None, "broken", key="back", by=SELLER)
    last = await close_while(till, office, asyncio.create_task(refund))
    assert last is None, "the refund was found under way"


async def handed_over(till: Shop) -> Session:
    """Accepted at one counter, to be paid at another that never sold or closed anything."""
    accepted = await till.accept(await till.basket(2000))
    return await till.engine.handovers.hand_over(M, accepted.session_id, OTHER_STATION)


@pytest.mark.parametrize(("means", "last"), [("cash", 1), ("card", None)])
async def test_the_first_closing_of_all_waits_for_a_sale_that_was_handed_over(
    till: Shop, office: Shop, means: str, last: int | None
) -> None:
    assert isinstance(till.sql, Dwelling)
    moved = await handed_over(till)
    till.sql.dwells = True
    selling = asyncio.create_task(till.pay(moved, means))
    assert await close_while(till, office, selling, OTHER_STATION) == last


@pytest.mark.parametrize("means", ["cash", "card"])
async def test_a_sale_that_was_handed_over_waits_for_the_first_closing_of_all(
    till: Shop, office: Shop, means: str
) -> None:
    assert isinstance(office.sql, Dwelling)
    moved = await handed_over(till)
    office.sql.dwells = True
    closing = asyncio.create_task(office.engine.fiscal.close(M, OTHER_STATION, "day", by=SELLER))
    await office.sql.arrived.wait()
    with pytest.raises(Conflict) as error:
        await till.pay(moved, means)
    assert error.value.code == "day-closed"
    assert (await closing).closing.last == 0
    assert await till.operations() == [], "the terminal was never asked"
