"""Periods of store days: the one to compare with, its steps, and how rollups cover it. Pure."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal, NamedTuple

Comparison = Literal["before", "year"]

_YEAR = timedelta(days=364)
_DAILY, _WEEKLY = 31, 182  # days that are shown day by day, and week by week
_FEW = 12
"""Up to so many days of a month are added up; of more, the others are taken from the month."""
_HALF = 183
"""The same of a year."""


class Period(NamedTuple):
    """Days of the stores' own clocks, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def compared(self, by: Comparison) -> "Period":
        """As many days just before; or the same days 52 weeks earlier, which are the same weekdays."""
        step = _YEAR if by == "year" else timedelta(days=self.days)
        return Period(self.first - step, self.last - step)

    def steps(self) -> list["Period"]:
        """Days, weeks counted from the first day, or calendar months, by the period's length."""
        if self.days > _WEEKLY:
            return [Period(max(first, self.first), min(last, self.last)) for first, last in _months(self)]
        length = 1 if self.days <= _DAILY else 7
        starts = (self.first + timedelta(days=day) for day in range(0, self.days, length))
        return [Period(start, min(self.last, start + timedelta(days=length - 1))) for start in starts]


class Part(NamedTuple):
    """Cells of one grain whose periods lie between two, both included; `sign` -1 takes them away."""

    sign: int
    grain: Literal["day", "month", "year"]
    first: str
    last: str


def cover(period: Period, *, yearly: bool = False) -> list[Part]:
    """Parts that add up to the period: months, and years if there are such cells, where that reads fewer cells."""
    if not yearly:
        return _by_months(1, period)
    return [part for year in range(period.first.year, period.last.year + 1) for part in _of_year(year, period)]


def _of_year(year: int, period: Period) -> list[Part]:
    """The part of the period that lies in a year: its months and days, or the year less the others."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    inside = Period(max(first, period.first), min(last, period.last))
    if inside.days <= _HALF:
        return _by_months(1, inside)
    parts = [Part(1, "year", str(year), str(year))]
    if first < inside.first:
        parts += _by_months(-1, Period(first, inside.first - timedelta(days=1)))
    if inside.last < last:
        parts += _by_months(-1, Period(inside.last + timedelta(days=1), last))
    return parts


def _by_months(sign: int, period: Period) -> list[Part]:
    whole = [month for month in _months(period) if _overlap(month, period) > _FEW]
    if not whole:
        return [_days(sign, period.first, period.last)]
    begin, end = whole[0][0], whole[-1][1]
    months = Part(sign, "month", begin.isoformat()[:7], end.isoformat()[:7])
    after = _edge(sign, end + timedelta(days=1), period.last + timedelta(days=1))
    return [months, *_edge(sign, period.first, begin), *after]


def _edge(sign: int, wanted: date, held: date) -> list[Part]:
    """The days from `wanted` to before `held`: to add, or to take away when they come the other way round."""
    if wanted == held:
        return []
    sign, first, after = (sign, wanted, held) if wanted < held else (-sign, held, wanted)
    return [_days(sign, first, after - timedelta(days=1))]


def _days(sign: int, first: date, last: date) -> Part:
    return Part(sign, "day", first.isoformat(), last.isoformat())


def _overlap(month: tuple[date, date], period: Period) -> int:
    return (min(month[1], period.last) - max(month[0], period.first)).days + 1


def _months(period: Period) -> Iterator[tuple[date, date]]:
    """The calendar months that the period touches, whole."""
    first = period.first.replace(day=1)
    while first <= period.last:
        last = first.replace(day=monthrange(first.year, first.month)[1])
        yield first, last
        first = last + timedelta(days=1)
