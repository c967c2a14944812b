"""RFC 5545 rules on the store's wall clock, at a bounded cost however long ago a rule began.

An occurrence lasts its minutes on the wall clock, so in the night of a clock change it lasts an hour more or less.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from dateutil.rrule import rrule, rrulestr

from poi_offers.model import Recurrence

MAX_PER_DAY = 48
"""Most occurrences a rule may have on one day."""
SEARCH_YEARS = 10
"""A rule without an occurrence in this many years is taken as one that never fires."""
COUNT_YEARS = 100
"""A rule with COUNT ends after this many years at the latest."""

_PART = re.compile(
    r"(FREQ)=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)|(INTERVAL|COUNT)=[1-9]\d{0,3}|(UNTIL)=\d{8}(T\d{6})?|"
    r"(WKST)=(MO|TU|WE|TH|FR|SA|SU)|(BYDAY)=[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)(,[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU))*|"
    r"(BYMONTH|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYHOUR|BYMINUTE|BYSETPOS)=[+-]?\d{1,3}(,[+-]?\d{1,3})*"
)
_RANGES = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYWEEKNO": (-53, 53),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSETPOS": (-366, 366),
}
_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(weeks=1)}
_MONTHS = {"MONTHLY": 1, "YEARLY": 12}


class RecurrenceError(ValueError):
    """The rule cannot be used; the message says how to mend it."""


class Rule(NamedTuple):
    """A parsed rule with the settings its arithmetic needs."""

    rule: rrule
    start: datetime
    freq: str
    interval: int
    times: int | None
    until: datetime | None


def active(leaf: Recurrence, wall: datetime) -> bool:
    """The wall clock is within an occurrence: from its start to `minutes` later, the end excluded."""
    return any(first <= wall < last for first, last in _spans(leaf, wall.date()))


def fires(leaf: Recurrence) -> bool:
    """The rule has an occurrence within ten years of its start."""
    rule = parse(leaf.rrule, leaf.start)
    horizon = _later(leaf.start, SEARCH_YEARS)
    return next(_between(rule, leaf.start, horizon), None) is not None


@lru_cache(maxsize=4096)
def parse(text: str, start: datetime) -> Rule:
    """The rule, or a `RecurrenceError` that says what is wrong with it."""
    parts = _parts(text)
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceError("COUNT and UNTIL exclude each other: keep one of them")
    if start.tzinfo is not None:
        raise RecurrenceError("start is the store's wall clock: write it without a zone or offset")
    if start.second or start.microsecond:
        raise RecurrenceError("start is given to the minute: write its seconds as 00")
    hours = 24 if parts["FREQ"] == "HOURLY" else 1
    if len(parts.get("BYHOUR", "x" * hours).split(",")) * len(parts.get("BYMINUTE", "").split(",")) > MAX_PER_DAY:
        raise RecurrenceError(f"the rule fires more than {MAX_PER_DAY} times a day: name fewer hours or minutes")
    try:
        rule = rrulestr(text, dtstart=start)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise RecurrenceError(f"not a usable RRULE ({error})") from None
    if not isinstance(rule, rrule):
        raise RecurrenceError("give one RRULE, not a set of rules")
    count, until = parts.get("COUNT"), parts.get("UNTIL")
    return Rule(
        rule,
        start,
        parts["FREQ"],
        int(parts.get("INTERVAL", 1)),
        int(count) if count else None,
        datetime.strptime(until, "%Y%m%dT%H%M%S" if "T" in until else "%Y%m%d") if until else None,  # noqa: DTZ007
    )


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(";"):
        if not _PART.fullmatch(part):
            raise RecurrenceError(_refusal(part))
        name, value = part.split("=")
        if name in parts:
            raise RecurrenceError(f"{name} is given twice: join its values with commas")
        low, high = _RANGES.get(name, (None, None))
        if low is not None and high is not None:
            _check_numbers(name, value, low, high)
        parts[name] = value
    if "FREQ" not in parts:
        raise RecurrenceError("FREQ is missing: begin with FREQ=DAILY, WEEKLY, MONTHLY, YEARLY or HOURLY")
    return parts


def _check_numbers(name: str, value: str, low: int, high: int) -> None:
    for number in map(int, value.split(",")):
        if not low <= number <= high or (number == 0 and low < 0):
            raise RecurrenceError(f"{name}={number} is out of range: use {low} to {high}{', not 0' if low < 0 else ''}")


def _refusal(part: str) -> str:
    if part in ("FREQ=SECONDLY", "FREQ=MINUTELY"):
        return f"{part} is finer than the hour: use FREQ=HOURLY with BYMINUTE"
    if part.startswith("UNTIL=") and part.endswith("Z"):
        return "UNTIL is in store time: write it without the Z"
    return f"{part[:40]!r} is not a part of an RRULE, such as FREQ=WEEKLY;BYDAY=MO,FR (parts are joined by ';')"


@lru_cache(maxsize=4096)
def _spans(leaf: Recurrence, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The occurrences that touch a day, joined where they overlap."""
    midnight, length = datetime.combine(day, time()), timedelta(minutes=leaf.minutes)
    spans: list[tuple[datetime, datetime]] = []
    for first in _between(parse(leaf.rrule, leaf.start), midnight - length, midnight + timedelta(days=1)):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], first + length)
        else:
            spans.append((first, first + length))
    return tuple(spans)


def _between(rule: Rule, first: datetime, last: datetime) -> Iterator[datetime]:
    """Occurrences from `first` to `last`, both included, in order."""
    if rule.times is not None:
        yield from (at for at in _counted(rule) if first <= at <= last)
        return
    until = last if rule.until is None else min(last, rule.until)
    near = rule.rule.replace(dtstart=_near_start(rule, first), until=until)
    yield from (at for at in near if at >= first)


@lru_cache(maxsize=256)
def _counted(rule: Rule) -> tuple[datetime, ...]:
    bounded = rule.rule.replace(count=None, until=_later(rule.start, COUNT_YEARS))
    return tuple(islice(bounded, rule.times))


def _near_start(rule: Rule, wanted: datetime) -> datetime:
    """The rule's start moved by whole intervals to shortly before `wanted`: the same occurrences, far fewer steps."""
    if rule.freq in _STEPS:
        step = _STEPS[rule.freq] * rule.interval
        return rule.start + step * max(0, (wanted - rule.start) // step - 2)
    months = _MONTHS[rule.freq] * rule.interval
    gap = (wanted.year - rule.start.year) * 12 + wanted.month - rule.start.month
    for jumps in range(gap // months - 2, 0, -1):
        moved = _plus_months(rule.start, jumps * months)
        if moved is not None:
            return moved
    return rule.start


def _plus_months(start: datetime, months: int) -> datetime | None:
    """The same day and time some months later, if that month has such a day."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    try:
        return start.replace(year=year, month=month + 1)
    except ValueError:
        return None


def _later(start: datetime, years: int) -> datetime:
    return start + timedelta(days=366 * years)
