"""Days closed without a sale, and years closed late: the archive holds them, and verifies."""

import asyncio
from pathlib import Path

from poi_engine.clock import micros
from poi_engine.fiscal.service import Fiscal
from poi_engine.fiscal.verify_archive import verify
from poi_engine.ports import Job, Sql
from poi_offers.storetime import zone
from tests.engine.shop import SELLER, STATION, FakeClock, M, merchant_rows
from tests.fiscal.appending import append
from tests.fiscal.books import BEGINS, DAY, fiscal_of, receipt


async def opened(sql: Sql, clock: FakeClock) -> Fiscal:
    await asyncio.to_thread(zone, "Europe/Paris")  # as the server does before it listens
    await sql.write(merchant_rows)
    return fiscal_of(sql, clock)


async def sell(sql: Sql, clock: FakeClock, number: int) -> None:
    sale_id = f"sal_{number}"
    made = receipt("sale", sale_id, STATION, 1000 + number)

    def job() -> Job[int]:
        return append(M, STATION, "sale", sale_id, made, at=micros(clock.now()))

    await sql.write(job)


async def archive_holds(fiscal: Fiscal, path: Path, year: str) -> None:
    with await asyncio.to_thread(path.open, "wb") as file:
        await fiscal.archive(M, year, file, digits=2, by=SELLER)
    await asyncio.to_thread(verify, str(path))


async def test_days_without_a_sale_before_the_first_and_between_are_in_an_archive_that_holds(
    sql: Sql, tmp_path: Path
) -> None:
    clock = FakeClock(BEGINS)
    fiscal = await opened(sql, clock)
    for day, sales in enumerate((0, 0, 2, 0, 1)):
        for one in range(sales):
            await sell(sql, clock, 10 * day + one)
        await fiscal.close(M, STATION, "day", by=SELLER)
        clock.forward(DAY)
    await archive_holds(fiscal, tmp_path / "a.zip", "2026")


async def test_days_of_two_years_closed_at_once_are_in_two_archives_that_hold(sql: Sql, tmp_path: Path) -> None:
    clock = FakeClock(BEGINS + 30 * DAY)  # 30 December
    fiscal = await opened(sql, clock)
    await sell(sql, clock, 0)
    await fiscal.close(M, STATION, "day", by=SELLER)
    for number in (1, 2, 3):
        clock.forward(DAY)
        await sell(sql, clock, number)
    await fiscal.close(M, STATION, "day", by=SELLER)
    made = [one.closing for one in await fiscal.closings(M, STATION, before=1 << 60, limit=99)][::-1]
    assert [(one.kind, one.period) for one in made] == [
        *(("day", "2026-12-30"), ("day", "2026-12-31"), ("month", "2026-12"), ("year", "2026")),
        *(("day", "2027-01-01"), ("day", "2027-01-02")),
    ]
    await archive_holds(fiscal, tmp_path / "a.zip", "2026")
    await archive_holds(fiscal, tmp_path / "b.zip", "2027")
