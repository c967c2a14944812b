"""Receipts, closings, exercises and duplicates at the same moment, by two processes: no row is left out or doubled."""

import asyncio
from collections.abc import Awaitable

from poi_engine.errors import Conflict
from poi_engine.fiscal import checks, training
from poi_engine.fiscal.events import record
from poi_engine.fiscal.service import Fiscal
from poi_engine.ports import Sql
from poi_engine.storage import open_sql
from poi_offers.storetime import zone
from tests.engine.shop import SELLER, STATION, FakeClock, M, merchant_rows
from tests.fiscal.appending import append
from tests.fiscal.books import BEGINS, fiscal_of, receipt

RECEIPTS = 40


async def test_everything_at_once_by_two_processes(sql: Sql, sql_url: str) -> None:
    await asyncio.to_thread(zone, "Europe/Paris")
    await sql.write(merchant_rows)
    other = open_sql(sql_url)
    try:
        processes = [fiscal_of(sql, FakeClock(BEGINS)), fiscal_of(other, FakeClock(BEGINS))]
        acts: list[Awaitable[object]] = []
        for number in range(RECEIPTS):
            storage, fiscal = (sql, other)[number % 2], processes[number % 2]
            acts.append(sold(storage, number))
            if number % 8 == 0:
                acts.append(closed(fiscal))
            if number % 5 == 0:
                acts.append(storage.write(lambda: training.record(M, STATION, receipt("sale", "trn", STATION, 5), 1)))
                acts.append(storage.write(lambda: record(M, STATION, "reprint", "sal_x", "", {}, 1)))
        await asyncio.gather(*acts)
    finally:
        await other.close()
    made = await processes[0].closings(M, STATION, before=100, limit=10)
    assert [one.closing.kind for one in made] in (["day"], ["month", "day"]), "one day was closed, once"
    assert made[-1].closing.total == made[-1].closing.last * 1000
    assert await sql.read(checks.faults) == []


async def sold(storage: Sql, number: int) -> None:
    """A receipt of 10.00."""
    made, at = receipt("sale", f"sal_{number}", STATION, 1000), round(BEGINS * 1_000_000) + number
    await storage.write(lambda: append(M, STATION, "sale", made.sale_id, made, at=at))


async def closed(fiscal: Fiscal) -> None:
    """The day, if the other process has not just closed it."""
    try:
        await fiscal.close(M, STATION, "day", by=SELLER)
    except Conflict as error:
        assert error.code == "books-moving"
