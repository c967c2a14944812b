"""The store's own clock: UTC instants read in an IANA zone of the `tzdata` wheel, the same on every machine."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 1440
MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY


YEARS = range(1971, 9000)
"""Years an instant may lie in."""


class StoreTimeError(ValueError):
    """The instant or the zone cannot be read; the message says how to mend it."""


class UnknownZone(StoreTimeError):
    """No IANA zone of this name in the `tzdata` wheel."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown time zone {name!r}: give an IANA name such as 'Europe/Paris'")


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every zone name the `tzdata` wheel knows."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this name from the pinned wheel, never from the machine's own files."""
    if name not in zone_names():
        raise UnknownZone(name)
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as source:
        return ZoneInfo.from_file(source, key=name)


def wall_clock(at: datetime, zone_name: str) -> datetime:
    """The store's wall clock at an instant, naive. An instant without a zone is taken as UTC."""
    if at.year not in YEARS:
        raise StoreTimeError(f"the year {at.year} is out of range: give an instant from {YEARS[0]} to {YEARS[-1]}")
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return aware.astimezone(zone(zone_name)).replace(tzinfo=None)


def minute_of_week(wall: datetime) -> int:
    """Whole minutes since Monday 00:00 on the wall clock."""
    return wall.weekday() * MINUTES_PER_DAY + wall.hour * 60 + wall.minute


def minute_of_day(text: str) -> int:
    """`HH:MM` as minutes since midnight."""
    return int(text[:2]) * 60 + int(text[3:])


def window_minutes(start: int, end: int) -> int:
    """Length of a daily window in minutes: one that does not end after its start runs past midnight."""
    return end - start if end > start else end - start + MINUTES_PER_DAY


def birthday_in(year: int, birthday: date) -> date:
    """The birthday's date in a year; 29 February is the 28th in common years."""
    try:
        return birthday.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def birthday_distances(today: date, birthday: date) -> tuple[int, int]:
    """Days until the next birthday and since the last one; both 0 on the day itself."""
    years = range(max(1, today.year - 1), min(9999, today.year + 1) + 1)
    gaps = [(birthday_in(year, birthday) - today).days for year in years]
    return min(gap for gap in gaps if gap >= 0), min(-gap for gap in gaps if gap <= 0)


def days_between(earlier: datetime, later: datetime, zone_name: str) -> int:
    """Midnights of the store between two instants; never negative."""
    gap: timedelta = wall_clock(later, zone_name).date() - wall_clock(earlier, zone_name).date()
    return max(0, gap.days)
