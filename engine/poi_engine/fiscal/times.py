"""Days of a store: where they begin and end in UTC, and how moments are written down."""

from datetime import date, datetime, time, timedelta

from poi_engine.clock import micros_of, moment
from poi_offers.storetime import wall_clock, zone


def local_day(at: int, zone_name: str) -> date:
    """The store's date at a moment (microseconds since 1970)."""
    return wall_clock(moment(at), zone_name).date()


def midnight(day: date, zone_name: str) -> int:
    """The moment a store's day begins, in microseconds since 1970."""
    return micros_of(datetime.combine(day, time(), zone(zone_name)))


def day_after(day: date) -> date:
    """The next day."""
    return day + timedelta(days=1)


def month_after(month: str) -> date:
    """The first day after a month such as `2026-12`."""
    year, number = int(month[:4]), int(month[5:])
    return date(year + number // 12, number % 12 + 1, 1)


def year_after(year: str) -> date:
    """The first day after a year such as `2026`."""
    return date(int(year) + 1, 1, 1)


def utc_micro(at: int) -> str:
    """UTC to the microsecond: `2026-11-22T13:05:09.000001Z`."""
    return f"{moment(at).isoformat(timespec='microseconds')[:26]}Z"
