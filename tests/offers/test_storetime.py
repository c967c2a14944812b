"""The store's clock: zones from the pinned wheel, clock changes, weeks, birthdays."""

import zoneinfo
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from poi_offers.eligibility import judge
from poi_offers.offer_conditions import Condition, Recurrence, Weekly, WeeklyWindow
from poi_offers.situation import Place
from poi_offers.storetime import (
    StoreTimeError,
    UnknownZone,
    birthday_distances,
    days_between,
    minute_of_week,
    wall_clock,
    zone,
    zone_names,
)
from tests.offers.scenes import at

PARIS = Place(zone="Europe/Paris", store_id="sto_1")
SPRING = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 becomes 03:00 in Paris
AUTUMN = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 03:00 becomes 02:00 in Paris


def truth(condition: Condition, moment: datetime) -> bool | None:
    return judge(condition, at(moment, place=PARIS)).truth


def sundays(start: str, end: str) -> Weekly:
    return Weekly(windows=(WeeklyWindow(days=(7,), start=start, end=end),))


def test_the_wall_clock_of_a_zone() -> None:
    assert wall_clock(datetime(2026, 7, 1, 12, tzinfo=UTC), "America/New_York").isoformat() == "2026-07-01T08:00:00"
    assert wall_clock(datetime(2026, 7, 1, 12, tzinfo=UTC), "Asia/Kathmandu").isoformat() == "2026-07-01T17:45:00"


def test_an_instant_without_a_zone_is_utc() -> None:
    naive = datetime(2026, 7, 1, 12, tzinfo=UTC).replace(tzinfo=None)
    assert wall_clock(naive, "Europe/Paris").hour == 14


@pytest.mark.parametrize(
    "name", ["", "Europe/Atlantis", "../../etc/passwd", "Europe", "/etc/localtime", "Europe/Paris\0"]
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone, match="unknown time zone"):
        zone(name)


def test_every_zone_of_the_wheel_can_be_read() -> None:
    assert len(zone_names()) > 500
    assert all(zone(name).key == name for name in zone_names())


def test_zones_come_from_the_wheel_not_from_the_machine(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe/Paris").write_bytes(files("tzdata.zoneinfo").joinpath("Asia/Tokyo").read_bytes())
    zone.cache_clear()
    zoneinfo.reset_tzpath([tmp_path])
    try:
        moment = datetime(2026, 7, 1, tzinfo=UTC)
        assert moment.astimezone(zoneinfo.ZoneInfo.no_cache("Europe/Paris")).hour == 9
        assert wall_clock(moment, "Europe/Paris").hour == 2
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_an_instant_far_away_is_refused(year: int) -> None:
    with pytest.raises(StoreTimeError, match="out of range"):
        wall_clock(datetime(year, 1, 1, tzinfo=UTC), "Europe/Paris")


def test_the_hour_that_spring_skips_never_comes() -> None:
    skipped = sundays("02:00", "03:00")
    minutes = range(-120, 120)
    assert not any(truth(skipped, SPRING + timedelta(minutes=minute)) for minute in minutes)


def test_a_window_over_the_skipped_hour_is_an_hour_shorter() -> None:
    minutes = [truth(sundays("01:30", "03:30"), SPRING + timedelta(minutes=m)) for m in range(-120, 120)]
    assert minutes.count(True) == 60


def test_the_hour_that_autumn_repeats_counts_both_times() -> None:
    minutes = [truth(sundays("02:00", "03:00"), AUTUMN + timedelta(minutes=m)) for m in range(-180, 180)]
    assert minutes.count(True) == 120


def test_an_occurrence_lasts_on_the_wall_clock() -> None:
    nightly = Recurrence(rrule="FREQ=DAILY", start=datetime.fromisoformat("2026-01-01T01:00"), minutes=180)
    assert truth(nightly, AUTUMN + timedelta(minutes=59)) is True  # 02:59 for the second time
    assert truth(nightly, AUTUMN + timedelta(hours=2)) is False  # 04:00
    assert truth(nightly, SPRING + timedelta(minutes=59)) is True  # 03:59
    assert truth(nightly, SPRING + timedelta(hours=1)) is False  # 04:00


def test_the_minute_of_the_week_begins_on_monday() -> None:
    assert minute_of_week(wall_clock(datetime(2026, 11, 23, 0, 1, tzinfo=UTC), "UTC")) == 1
    assert minute_of_week(wall_clock(datetime(2026, 11, 22, 23, 59, tzinfo=UTC), "UTC")) == 10_079


def test_a_window_past_sunday_midnight_runs_into_monday() -> None:
    late = sundays("23:00", "01:00")
    monday = datetime(2026, 11, 23, 0, 30, tzinfo=UTC) - timedelta(hours=1)
    assert truth(late, monday) is True
    assert truth(late, monday - timedelta(days=1)) is False
    assert truth(late, monday + timedelta(minutes=30)) is False


def test_days_between_are_midnights_of_the_store() -> None:
    late = datetime(2026, 11, 21, 22, 59, tzinfo=UTC)  # 23:59 in Paris
    assert days_between(late, late + timedelta(minutes=1), "Europe/Paris") == 1
    assert days_between(late, late + timedelta(minutes=1), "UTC") == 0
    assert days_between(late + timedelta(days=3), late, "UTC") == 0


@pytest.mark.parametrize(
    ("today", "born", "until", "since"),
    [
        (date(2026, 11, 22), date(1990, 11, 22), 0, 0),
        (date(2026, 12, 31), date(1990, 1, 1), 1, 364),
        (date(2027, 2, 28), date(1996, 2, 29), 0, 0),
        (date(2027, 3, 1), date(1996, 2, 29), 365, 1),
        (date(2028, 3, 1), date(1996, 2, 29), 364, 1),
        (date(2026, 1, 1), date(1990, 12, 31), 364, 1),
    ],
)
def test_birthday_distances(today: date, born: date, until: int, since: int) -> None:
    assert birthday_distances(today, born) == (until, since)
