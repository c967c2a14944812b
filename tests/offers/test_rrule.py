"""Recurrence rules: against dateutil, and at a bounded cost."""

import warnings
from datetime import datetime, timedelta
from itertools import takewhile
from random import Random

import pytest
from dateutil.rrule import rrulestr

from poi_offers.rrule import RecurrenceError, between, fires, parse

START = datetime.fromisoformat("2016-02-29T09:30")
MONTH_DAYS = (1, 2, 13, 28, 29, 30, 31, -1, -5, -31)


def numbers(random: Random, name: str, choices: tuple[int, ...]) -> str:
    return f"{name}=" + ",".join(map(str, random.sample(choices, random.randint(1, 3))))


def random_rule(random: Random) -> str:
    freq = random.choice(("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"))
    long = freq in ("YEARLY", "MONTHLY")
    days = random.sample(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), random.randint(1, 3))
    nth = random.random() < 0.5 and long
    parts = [
        (1.0, f"FREQ={freq}"),
        (0.5, f"INTERVAL={random.choice((1, 2, 3, 5, 25))}"),
        (0.4, random.choice((f"COUNT={random.randint(1, 30)}", f"UNTIL=20{random.randint(16, 22)}0715T100000"))),
        (0.2, f"WKST={random.choice(('MO', 'SU', 'WE'))}"),
        (0.3, numbers(random, "BYMONTH", tuple(range(1, 13)))),
        (0.3 if freq != "WEEKLY" else 0, numbers(random, "BYMONTHDAY", MONTH_DAYS)),
        (0.4, "BYDAY=" + ",".join(random.choice(("1", "-1", "+4", "5")) + day if nth else day for day in days)),
        (0.2 if freq == "YEARLY" else 0, numbers(random, "BYYEARDAY", (1, 100, 200, 366, -1, -366))),
        (0.2 if freq == "YEARLY" else 0, numbers(random, "BYWEEKNO", (1, 2, 20, 52, 53, -1, -10))),
        (0.3, numbers(random, "BYHOUR", tuple(range(24)))),
        (0.2, f"BYMINUTE={random.randrange(30)},{random.randrange(30, 60)}"),
        (0.2 if long else 0, f"BYSETPOS={random.choice(('1', '-1', '2,-2'))}"),
    ]
    return ";".join(part for chance, part in parts if random.random() < chance)


def by_dateutil(text: str, start: datetime, first: datetime, last: datetime) -> list[datetime]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [at for at in takewhile(lambda at: at <= last, rrulestr(text, dtstart=start)) if at >= first]


def test_random_rules_give_what_dateutil_gives() -> None:
    random, compared, filled = Random(5), 0, 0
    while compared < 250:
        text = random_rule(random)
        start = START + timedelta(minutes=random.randrange(0, 1_000_000, 7))
        first = start + timedelta(minutes=random.randrange(-100_000, 1_000_000))
        last = first + timedelta(days=random.choice((3, 40, 400)))
        if not fires(parse(text, start)):
            continue
        expected = by_dateutil(text, start, first, last)
        assert list(between(parse(text, start), first, last)) == expected, (text, start, first, last)
        compared, filled = compared + 1, filled + bool(expected)
    assert filled > 60


def test_a_rule_that_began_long_ago_costs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("poi_offers.rrule._fits", lambda rule, day: seen.append(day) is None)
    rule = parse("FREQ=HOURLY", datetime.fromisoformat("1970-01-01T00:00"))
    day = datetime.fromisoformat("2199-06-01T00:00")
    assert len(list(between(rule, day, day + timedelta(hours=23)))) == 24
    assert len(seen) < 30


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=10",
        "FREQ=DAILY;UNTIL=20150101",
        "FREQ=YEARLY;INTERVAL=11;BYMONTH=1",
    ],
)
def test_a_rule_that_never_fires_is_found_out(text: str) -> None:
    assert not fires(parse(text, START.replace(month=3, day=1)))


def test_a_rare_rule_fires() -> None:
    assert fires(parse("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", START.replace(month=3)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a part of an RRULE"),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=SECONDLY", "finer than the hour"),
        ("FREQ=MINUTELY", "finer than the hour"),
        ("RRULE:FREQ=DAILY", "is not a part of an RRULE"),
        ("FREQ=DAILY;", "is not a part of an RRULE"),
        ("FREQ=DAILY;FREQ=DAILY", "given twice"),
        ("FREQ=DAILY;INTERVAL=0", "out of range"),
        ("FREQ=DAILY;COUNT=1000", "out of range"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20300101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=20300101T000000Z", "without the Z"),
        ("FREQ=DAILY;UNTIL=20301301", "is no date"),
        ("FREQ=DAILY;BYHOUR=24", "out of range"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "not 0"),
        ("FREQ=WEEKLY;BYDAY=1MO", "no meaning"),
        ("FREQ=MONTHLY;BYDAY=6MO", "no meaning"),
        ("FREQ=MONTHLY;BYDAY=0MO", "no meaning"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "no meaning"),
        ("FREQ=DAILY;BYSECOND=1", "is not a part"),
        ("FREQ=DAILY;BYEASTER=1", "is not a part"),
        ("FREQ=HOURLY;BYMINUTE=0,10,20", "more than 48 times"),
        ("FREQ=DAILY\nDTSTART:20200101", "is not a part"),
        ("FREQ=DAILY;BYHOUR=\u0661", "is not a part"),
    ],
)
def test_a_malformed_rule_says_how_to_mend_it(text: str, words: str) -> None:
    with pytest.raises(RecurrenceError, match=words):
        parse(text, START)


def test_the_start_is_a_minute_of_the_wall_clock() -> None:
    for start in ("2026-01-01T10:00:00+00:00", "2026-01-01T10:00:30", "1969-12-31T10:00", "2200-01-01T10:00"):
        with pytest.raises(RecurrenceError, match="start"):
            parse("FREQ=DAILY", datetime.fromisoformat(start))
