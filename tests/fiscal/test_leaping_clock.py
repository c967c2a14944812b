"""A clock that leaps ahead closes no day early: closings by the clock wait until it has gone on evenly, and it is on
record."""

import asyncio
from dataclasses import dataclass, field

import pytest

from poi_engine.clock import micros
from poi_engine.fiscal import checks
from poi_engine.fiscal.events import MERCHANT
from poi_engine.fiscal.service import Fiscal
from poi_engine.ports import Sql
from poi_offers.storetime import zone
from tests.engine.shop import SELLER, STATION, FakeClock, M, merchant_rows
from tests.fiscal.appending import append
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
    await sql.write(lambda: append(M, STATION, "sale", made.sale_id, made, at=micros(clock.now())))
    return fiscal


async def closed(fiscal: Fiscal) -> list[str]:
    await fiscal.round()
    return [one.closing.period for one in await fiscal.closings(M, STATION, before=1 << 60, limit=9)][::-1]


async def leaps(fiscal: Fiscal, kind: str = "clock-ahead") -> list[dict[str, str | int]]:
    events = await fiscal.events(M, MERCHANT, before=1 << 60, limit=99)
    return [one.values for one in events if one.kind == kind]


async def restarted(sql: Sql, clock: Settable) -> Fiscal:
    """The server is started again; what it knew in memory is gone."""
    fiscal = fiscal_of(sql, clock)
    await fiscal.started()
    return fiscal


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


@pytest.mark.parametrize(
    ("away", "kind", "told"),
    [
        (400 * DAY, "clock-ahead", int(400 * DAY)),
        (-2 * DAY, "clock-back", int(2 * DAY)),
        (20 * DAY, "clock-ahead", None),
        (-60.0, "clock-back", None),
    ],
)
async def test_a_server_that_starts_asks_the_newest_receipt_whether_its_clock_can_be_right(
    sql: Sql,
    fiscal: Fiscal,
    clock: Settable,
    caplog: pytest.LogCaptureFixture,
    away: float,
    kind: str,
    told: int | None,
) -> None:
    clock.forward(away)
    again = await restarted(sql, clock)
    assert [one["seconds"] for one in await leaps(again, kind)] == ([told] if told else [])
    assert (kind in caplog.text) == bool(told)
    assert (await again.standing(M, STATION)).clock_believed == (not told)
    assert (await closed(again) == []) == (away < DAY or told is not None)
    clock.forward(HOUR + 1)
    await closed(again)
    assert (await again.standing(M, STATION)).clock_believed, "an hour was time enough to set it right"
    assert await sql.read(checks.faults) == []


async def test_a_restart_does_not_make_a_leap_older(sql: Sql, fiscal: Fiscal, clock: Settable) -> None:
    clock.leap(2 * DAY)
    assert await closed(fiscal) == []
    clock.forward(HOUR / 2)
    again = await restarted(sql, clock)
    assert await closed(again) == []
    clock.forward(HOUR / 2 + 1)
    assert await closed(again) == ["2026-11-30", "2026-11"]
    assert await leaps(again) == [{"seconds": int(2 * DAY)}]


async def test_new_books_have_nothing_to_ask(sql: Sql, clock: Settable) -> None:
    await sql.write(merchant_rows)
    again = await restarted(sql, clock)
    assert [one.kind for one in await again.events(M, MERCHANT, before=1 << 60, limit=99)] == ["start"]
