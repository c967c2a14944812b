"""Quiet hours of a week, from sales by weekday and hour. Pure.

An hour of a weekday is *open* from the first to the last hour in which at least a quarter of the weeks had a sale. The
*usual* is the mean of sales an open hour. Quiet is a run of at least `LEAST_HOURS` open hours of a weekday, each of
which has at most `QUIET_SHARE` of the usual. The first and last open hour of a day are no quiet hours: a shop that
opens and closes is not quiet. Runs with the same hours on several weekdays are one window.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct

LEAST_HOURS = 2
QUIET_SHARE = 0.4
OPEN_SHARE = 0.25
LEAST_WEEKS = 3
LEAST_USUAL = 1.0
"""Sales an open hour below which nothing is quiet, for nothing is busy."""

Hours = Mapping[tuple[int, int], tuple[int, int]]
"""By weekday (1 Monday .. 7 Sunday) and hour: sales, and in how many of the weeks there was one."""


class QuietHours(Struct, frozen=True, kw_only=True):
    """A window: its weekdays, from `start` to before `end` (hours). Sales an hour there, and usually."""

    days: tuple[int, ...]
    start: int
    end: int
    sales: float
    usual: float


class _Run(NamedTuple):
    day: int
    start: int
    end: int


def quiet_hours(hours: Hours, weeks: int) -> list[QuietHours]:
    """The windows, the longest over the week first."""
    spans = {day: span for day in range(1, 8) if (span := _open(hours, day, weeks)) is not None}
    opened = [(day, hour) for day, (first, last) in spans.items() for hour in range(first, last + 1)]
    if weeks < LEAST_WEEKS or not opened:
        return []
    usual = sum(_rate(hours, cell, weeks) for cell in opened) / len(opened)
    if usual < LEAST_USUAL:
        return []
    runs: dict[tuple[int, int], list[int]] = {}
    for day, (first, last) in spans.items():
        for run in _runs(hours, day, first, last, QUIET_SHARE * usual * weeks):
            runs.setdefault((run.start, run.end), []).append(run.day)
    found = [_window(hours, weeks, usual, start, end, days) for (start, end), days in runs.items()]
    return sorted(found, key=lambda one: (-(one.end - one.start) * len(one.days), one.start, one.days))


def _rate(hours: Hours, cell: tuple[int, int], weeks: int) -> float:
    return hours.get(cell, (0, 0))[0] / weeks


def _open(hours: Hours, day: int, weeks: int) -> tuple[int, int] | None:
    least = max(1.0, OPEN_SHARE * weeks)
    seen = [hour for hour in range(24) if hours.get((day, hour), (0, 0))[1] >= least]
    return (seen[0], seen[-1]) if seen else None


def _runs(hours: Hours, day: int, first: int, last: int, most: float) -> list[_Run]:
    found, start = [], None
    for hour in range(first + 1, last + 1):
        quiet = hour < last and hours.get((day, hour), (0, 0))[0] <= most
        if quiet and start is None:
            start = hour
        elif not quiet and start is not None:
            found.append(_Run(day, start, hour))
            start = None
    return [run for run in found if run.end - run.start >= LEAST_HOURS]


def _window(hours: Hours, weeks: int, usual: float, start: int, end: int, days: list[int]) -> QuietHours:
    cells = [(day, hour) for day in days for hour in range(start, end)]
    rate = sum(_rate(hours, cell, weeks) for cell in cells) / len(cells)
    return QuietHours(days=tuple(sorted(days)), start=start, end=end, sales=rate, usual=usual)
