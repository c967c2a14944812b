"""A period is covered by months and days exactly, compared with one as long, and cut into steps without a gap."""

import itertools
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.insights.period import Part, Period, cover

days = st.dates(date(2019, 12, 1), date(2029, 2, 1))
periods = st.builds(lambda first, more: Period(first, first + timedelta(days=more)), days, st.integers(0, 1100))


def days_of(part: Part) -> list[date]:
    """The days that a part's cells count."""
    if part.grain == "year":
        first, last = date(int(part.first), 1, 1), date(int(part.last), 12, 31)
    elif part.grain == "day":
        first, last = date.fromisoformat(part.first), date.fromisoformat(part.last)
    else:
        first, last = date.fromisoformat(f"{part.first}-01"), date.fromisoformat(f"{part.last}-01")
        last = (last + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    assert first <= last
    return [first + timedelta(days=day) for day in range((last - first).days + 1)]


@given(periods, st.booleans())
def test_the_parts_add_up_to_each_day_once(period: Period, yearly: bool) -> None:
    counted: Counter[date] = Counter()
    for part in cover(period, yearly=yearly):
        for day in days_of(part):
            counted[day] += part.sign
    assert {day: times for day, times in counted.items() if times} == {
        period.first + timedelta(days=day): 1 for day in range(period.days)
    }


@given(periods)
def test_a_long_period_is_read_by_months(period: Period) -> None:
    by_day = sum(len(days_of(part)) for part in cover(period) if part.grain == "day")
    assert by_day <= 2 * 19  # the days of two months that are better left out, or added


def test_a_year_up_to_today_is_read_by_the_year_and_what_was_before_it() -> None:
    period = Period(date(2025, 11, 23), date(2026, 11, 22))
    assert [part for part in cover(period, yearly=True) if part.sign > 0] == [
        Part(1, "month", "2025-12", "2025-12"),
        Part(1, "day", "2025-11-23", "2025-11-30"),
        Part(1, "year", "2026", "2026"),
    ]


@given(periods)
def test_the_steps_follow_each_other(period: Period) -> None:
    steps = period.steps()
    assert steps[0].first == period.first
    assert steps[-1].last == period.last
    assert all(one.last + timedelta(days=1) == other.first for one, other in itertools.pairwise(steps))
    assert len(steps) <= 38


@pytest.mark.parametrize(
    ("by", "first", "last"),
    [("before", date(2026, 10, 2), date(2026, 10, 31)), ("year", date(2025, 11, 2), date(2025, 12, 1))],
)
def test_what_a_period_is_compared_with(by: str, first: date, last: date) -> None:
    period = Period(date(2026, 11, 1), date(2026, 11, 30))
    compared = period.compared("year" if by == "year" else "before")
    assert compared == (first, last)
    assert compared.days == period.days
    if by == "year":
        assert compared.first.weekday() == period.first.weekday()
