"""A clock that leaps ahead closes no day early: closings by the clock wait until it has gone on evenly, and it is on
record."""

import asyncio
from dataclasses import dataclass, field

import pytest

from poi_engine.clock import micros
from poi_engine.fiscal import checks, journal
from poi_engine.fiscal.events import MERCHANT
from poi_engine.fiscal.service import Fiscal
from poi_engine.ports import Sql
from poi_offers.storetime import zone
from tests.engine.shop import SELLER, STATION, FakeClock, M, merchant_rows
from tests.fiscal.books import BEGINS, DAY, fiscal_of, receipt

HOUR = 3600.0


@dataclass
class Settable(FakeClock):
    """A clock that somebody sets: its seconds that never step know nothing of it."""

    seconds: float = BEGINS
    set_by: float = field(default=0.0)

    def monotonic(self) -> float:
        """Without what it was set by."""
        return self.seconds - self.set_by

    def leap(self, seconds: float) -> None:
        """Set it ahead, or back."""
        self.seconds += seconds
        self.set_by += seconds


@pytest.fixture
def clock() -> Settable:
    return Settable()


@pytest.fixture
async def fiscal(sql: Sql, clock: Settable) -> Fiscal:
    """A service whose station sold today."""
    await asyncio.to_thread(zone, "Europe/Paris")
    await sql.write(merchant_rows)
    made = receipt("sale", "sal_1", STATION, 1000)
    fiscal = fiscal_of(sql, clock)
    await sql.write(lambda: journal.append(M, STATION, "sale", made.sale_id, made, at=micros(clock.now())))
    return fiscal


async def closed(fiscal: Fiscal) -> list[str]:
    await fiscal.round()
    return [one.closing.period for one in await fiscal.closings(M, STATION, before=1 << 60, limit=9)][::-1]


async def leaps(fiscal: Fiscal) -> list[dict[str, str | int]]:
    events = await fiscal.events(M, MERCHANT, before=1 << 60, limit=99)
    return [one.values for one in events if one.kind == "clock-ahead"]


async def test_a_leap_that_is_set_right_has_closed_nothing(sql: Sql, fiscal: Fiscal, clock: Settable) -> None:
    clock.leap(2 * DAY)
    assert await closed(fiscal) == []
    clock.forward(HOUR / 2)
    assert await closed(fiscal) == []
    clock.leap(-2 * DAY)
    assert await closed(fiscal) == [], "the day is not over"
    clock.forward(DAY)
    assert await closed(fiscal) == ["2026-11-30", "2026-11"], "and is closed when it is"
    assert await leaps(fiscal) == [{"seconds": int(2 * DAY)}]
    assert await sql.read(checks.faults) == []


async def test_a_clock_that_goes_on_evenly_is_believed_in_the_end(fiscal: Fiscal, clock: Settable) -> None:
    """The machine slept over midnight."""
    clock.leap(DAY)
    assert await closed(fiscal) == []
    clock.forward(HOUR + 1)
    assert await closed(fiscal) == ["2026-11-30", "2026-11"]


async def test_a_person_closes_whatever_the_clock_did(fiscal: Fiscal, clock: Settable) -> None:
    clock.leap(DAY)
    await closed(fiscal)
    await fiscal.close(M, STATION, "day", by=SELLER)
    assert "2026-12-01" in await closed(fiscal)


async def test_time_that_passes_is_no_leap(fiscal: Fiscal, clock: Settable) -> None:
    clock.forward(DAY)
    assert await closed(fiscal) == ["2026-11-30", "2026-11"]
    assert await leaps(fiscal) == []
