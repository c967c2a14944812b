"""RFC 5545 recurrence rules on a wall clock, expanded period by period.

Any period is reached directly, so a question costs the same however long ago the rule began, and a rule that never
fires is found out within a bounded number of steps.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

MAX_PER_DAY = 48
"""Most occurrences a rule may have on one day."""
SEARCH_YEARS = 10
"""A rule without an occurrence in this many years is taken as one that never fires."""
COUNT_YEARS = 100
"""A rule with COUNT ends after this many years at the latest."""
START_YEARS = range(1970, 2200)
"""Years a rule may start in."""

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
_PART = re.compile(
    r"(FREQ)=(YEARLY|MONTHLY|WEEKLY|DAILY|HOURLY)|(INTERVAL)=[1-9]\d{0,3}|(COUNT)=[1-9]\d{0,2}|(UNTIL)=\d{8}(T\d{6})?|"
    r"(WKST)=(MO|TU|WE|TH|FR|SA|SU)|(BYDAY)=([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)"
    r"(,([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU))*|"
    r"(BYMONTH|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYHOUR|BYMINUTE|BYSETPOS)=[+-]?\d{1,3}(,[+-]?\d{1,3})*",
    re.ASCII,
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
_ONLY_WITH = {  # what the standard allows; elsewhere these parts have no meaning
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY", "HOURLY"),
    "BYMONTHDAY": ("YEARLY", "MONTHLY", "DAILY", "HOURLY"),
    "BYSETPOS": ("YEARLY", "MONTHLY", "WEEKLY"),
}


class RecurrenceError(ValueError):
    """The rule cannot be used; the message says how to mend it."""


class Rule(NamedTuple):
    """A parsed rule; empty sets do not restrict. `weekdays` are (0 = Monday, n-th in the period or 0 for each)."""

    freq: str
    start: datetime
    interval: int
    times: int | None
    until: datetime | None
    week_start: int
    months: frozenset[int]
    month_days: frozenset[int]
    year_days: frozenset[int]
    weeks: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    positions: frozenset[int]


# --- reading ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def parse(text: str, start: datetime) -> Rule:
    """The rule, or a `RecurrenceError` that says what is wrong with it."""
    if start.tzinfo is not None:
        raise RecurrenceError("start is the store's wall clock: write it without a zone or offset")
    if start.year not in START_YEARS:
        raise RecurrenceError(f"start between {START_YEARS[0]} and {START_YEARS[-1]}")
    if start.second or start.microsecond:
        raise RecurrenceError("start is given to the minute: write its seconds as 00")
    parts = _parts(text)
    numbers = {name: frozenset(map(int, parts[name].split(","))) for name in _RANGES if name in parts}
    weekdays = _weekdays(parts)
    if not (weekdays or numbers.keys() & {"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY"}):
        weekdays = _default_days(parts["FREQ"], start, numbers)
    hourly = parts["FREQ"] == "HOURLY"
    rule = Rule(
        freq=parts["FREQ"],
        start=start,
        interval=int(parts.get("INTERVAL", 1)),
        times=int(parts["COUNT"]) if "COUNT" in parts else None,
        until=_until(parts),
        week_start=_DAYS.index(parts.get("WKST", "MO")),
        months=numbers.get("BYMONTH", frozenset()),
        month_days=numbers.get("BYMONTHDAY", frozenset()),
        year_days=numbers.get("BYYEARDAY", frozenset()),
        weeks=numbers.get("BYWEEKNO", frozenset()),
        weekdays=weekdays,
        hours=tuple(sorted(numbers.get("BYHOUR", range(24) if hourly else (start.hour,)))),
        minutes=tuple(sorted(numbers.get("BYMINUTE", (start.minute,)))),
        positions=numbers.get("BYSETPOS", frozenset()),
    )
    if len(rule.hours) * len(rule.minutes) > MAX_PER_DAY:
        raise RecurrenceError(f"the rule fires more than {MAX_PER_DAY} times a day: name fewer hours or minutes")
    return rule


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.split(";"):
        if not _PART.fullmatch(part):
            raise RecurrenceError(_refusal(part))
        name, value = part.split("=")
        if name in parts:
            raise RecurrenceError(f"{name} is given twice: join its values with commas")
        parts[name] = value
    if "FREQ" not in parts:
        raise RecurrenceError("FREQ is missing: begin with FREQ=DAILY, WEEKLY, MONTHLY, YEARLY or HOURLY")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RecurrenceError("COUNT and UNTIL exclude each other: keep one of them")
    for name, value in parts.items():
        _check_part(name, value, parts["FREQ"])
    return parts


def _check_part(name: str, value: str, freq: str) -> None:
    allowed = _ONLY_WITH.get(name, _FREQUENCIES)
    if freq not in allowed:
        raise RecurrenceError(f"{name} has no meaning with FREQ={freq}: use it with {' or '.join(allowed)}")
    low, high = _RANGES.get(name, (0, 0))
    for number in map(int, value.split(",")) if name in _RANGES else ():
        if not low <= number <= high or (number == 0 and low < 0):
            raise RecurrenceError(f"{name}={number} is out of range: use {low} to {high}{', not 0' if low < 0 else ''}")


def _refusal(part: str) -> str:
    if part in ("FREQ=SECONDLY", "FREQ=MINUTELY"):
        return f"{part} is finer than the hour: use FREQ=HOURLY with BYMINUTE"
    if part.startswith("UNTIL=") and part.endswith("Z"):
        return "UNTIL is in store time: write it without the Z"
    if part.startswith(("INTERVAL=", "COUNT=")):
        return f"{part[:40]!r} is out of range: INTERVAL is 1 to 9999, COUNT 1 to 999"
    return f"{part[:40]!r} is not a part of an RRULE, such as FREQ=WEEKLY;BYDAY=MO,FR (parts are joined by ';')"


def _until(parts: dict[str, str]) -> datetime | None:
    text = parts.get("UNTIL")
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RecurrenceError(f"UNTIL={text} is no date: write it as 20261231 or 20261231T180000") from None


def _weekdays(parts: dict[str, str]) -> frozenset[tuple[int, int]]:
    words = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    found = frozenset((_DAYS.index(word[-2:]), int(word[:-2] or 0)) for word in words)
    most = {"YEARLY": 53, "MONTHLY": 5}.get(parts["FREQ"], 0)
    for word in words:
        if (len(word) > 2 and int(word[:-2]) == 0) or abs(int(word[:-2] or 0)) > most:
            raise RecurrenceError(f"BYDAY={word} has no meaning with FREQ={parts['FREQ']}: write {word[-2:]}")
    return found


def _default_days(freq: str, start: datetime, numbers: dict[str, frozenset[int]]) -> frozenset[tuple[int, int]]:
    """What the rule leaves open is as on its first day."""
    if freq == "WEEKLY":
        return frozenset({(start.weekday(), 0)})
    if freq in ("YEARLY", "MONTHLY"):
        numbers["BYMONTHDAY"] = frozenset({start.day})
    if freq == "YEARLY":
        numbers.setdefault("BYMONTH", frozenset({start.month}))
    return frozenset()


# --- expanding ----------------------------------------------------------------------------------------------------


def fires(rule: Rule) -> bool:
    """The rule has an occurrence within ten years of its start."""
    return next(between(rule, rule.start, rule.start + timedelta(days=366 * SEARCH_YEARS)), None) is not None


def between(rule: Rule, first: datetime, last: datetime) -> Iterator[datetime]:
    """Occurrences from `first` to `last`, both included, in order."""
    if rule.times is not None:
        yield from (at for at in _counted(rule) if first <= at <= last)
    else:
        yield from (at for at in _occurrences(rule, max(0, _period_of(rule, first) - 1), last) if at >= first)


@lru_cache(maxsize=256)
def _counted(rule: Rule) -> tuple[datetime, ...]:
    end = rule.start + timedelta(days=366 * COUNT_YEARS)
    return tuple(islice(_occurrences(rule, 0, end), rule.times))


def _occurrences(rule: Rule, period: int, last: datetime) -> Iterator[datetime]:
    last = last if rule.until is None else min(last, rule.until)
    while (days := _days_of(rule, period)) and datetime.combine(days[0], time()) <= last:
        fitting = [day for day in days if _fits(rule, day)]
        for at in _times(rule, period, fitting):
            if rule.start <= at <= last:
                yield at
        period += 1 if fitting or rule.freq != "HOURLY" else _hours_left(rule, period)


def _times(rule: Rule, period: int, days: list[date]) -> list[datetime]:
    hours = rule.hours
    if rule.freq == "HOURLY":
        hour = (rule.start + timedelta(hours=period * rule.interval)).hour
        hours = (hour,) if hour in rule.hours else ()
    times = [datetime.combine(day, time(hour, minute)) for day in days for hour in hours for minute in rule.minutes]
    if not rule.positions:
        return times
    return [at for i, at in enumerate(times) if i + 1 in rule.positions or i - len(times) in rule.positions]


def _hours_left(rule: Rule, period: int) -> int:
    """Periods until the next day."""
    hour = (rule.start + timedelta(hours=period * rule.interval)).hour
    return max(1, -(-(24 - hour) // rule.interval))


def _days_of(rule: Rule, period: int) -> list[date]:
    """The days of a period; none beyond the calendar's end."""
    try:
        return _DAYS_OF[rule.freq](rule, period * rule.interval)
    except (OverflowError, ValueError):
        return []


def _year(rule: Rule, steps: int) -> list[date]:
    year = rule.start.year + steps
    return _run(date(year, 1, 1), date(year, 12, 31))


def _month(rule: Rule, steps: int) -> list[date]:
    year, month = divmod(rule.start.year * 12 + rule.start.month - 1 + steps, 12)
    first = date(year, month + 1, 1)
    return _run(first, first + timedelta(days=_month_length(first) - 1))


def _week(rule: Rule, steps: int) -> list[date]:
    first = _week_of(rule.start.date(), rule.week_start) + timedelta(weeks=steps)
    return _run(first, first + timedelta(days=6))


def _day(rule: Rule, steps: int) -> list[date]:
    return [rule.start.date() + timedelta(days=steps)]


def _hour(rule: Rule, steps: int) -> list[date]:
    return [(rule.start + timedelta(hours=steps)).date()]


_DAYS_OF = {"YEARLY": _year, "MONTHLY": _month, "WEEKLY": _week, "DAILY": _day, "HOURLY": _hour}


def _period_of(rule: Rule, wanted: datetime) -> int:
    """The last period that begins at or before a moment, by arithmetic."""
    if rule.freq == "YEARLY":
        steps = wanted.year - rule.start.year
    elif rule.freq == "MONTHLY":
        steps = (wanted.year - rule.start.year) * 12 + wanted.month - rule.start.month
    elif rule.freq == "WEEKLY":
        steps = (wanted.date() - _week_of(rule.start.date(), rule.week_start)).days // 7
    elif rule.freq == "DAILY":
        steps = (wanted.date() - rule.start.date()).days
    else:
        steps = (wanted - rule.start) // timedelta(hours=1)
    return steps // rule.interval


def _fits(rule: Rule, day: date) -> bool:
    """The day passes every restriction."""
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or _counts(day.day, _month_length(day), rule.month_days))
        and (not rule.weekdays or any(_is_weekday(rule, day, *one) for one in rule.weekdays))
        and (not rule.year_days or _counts(day.timetuple().tm_yday, _year_length(day.year), rule.year_days))
        and (not rule.weeks or _counts(*_week_number(day, rule.week_start), rule.weeks))
    )


def _counts(position: int, total: int, wanted: frozenset[int]) -> bool:
    """The position is wanted, counted from the front or (negative) from the back."""
    return position in wanted or position - total - 1 in wanted


def _is_weekday(rule: Rule, day: date, weekday: int, nth: int) -> bool:
    if day.weekday() != weekday:
        return False
    if nth == 0:
        return True
    yearly = rule.freq == "YEARLY" and not rule.months
    position = day.timetuple().tm_yday if yearly else day.day
    length = _year_length(day.year) if yearly else _month_length(day)
    return nth == (position - 1) // 7 + 1 if nth > 0 else -nth == (length - position) // 7 + 1


def _week_number(day: date, week_start: int) -> tuple[int, int]:
    """The number of the day's week and how many weeks that year has; week 1 has four days in the year at least."""
    fourth = _week_of(day, week_start) + timedelta(days=3)
    return (fourth.timetuple().tm_yday - 1) // 7 + 1, _weeks_in(fourth.year, week_start)


def _weeks_in(year: int, week_start: int) -> int:
    last = _week_of(date(year, 12, 28), week_start) + timedelta(days=3)
    return (last.timetuple().tm_yday - 1) // 7 + 1


def _week_of(day: date, week_start: int) -> date:
    return day - timedelta(days=(day.weekday() - week_start) % 7)


def _month_length(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return (following - date(day.year, day.month, 1)).days


def _year_length(year: int) -> int:
    return 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365


def _run(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
