"""Reads what is on file about every customer, page by page, each page by the keys of its customers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from poi_engine.clientele.rows import marks
from poi_engine.clock import moment
from poi_engine.facts import WINDOWS, facts_of, given_words, window_sums
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.segments.columns import NEVER, People
from poi_engine.segments.model import Bought
from poi_offers.situation import CustomerFacts
from poi_offers.storetime import wall_clock, zone

GoesOn = Callable[[], Awaitable[None]]
"""Awaited before each page of a long reading; it raises to stop."""
PAGE = 1000
_QUARTER = 900_000_000  # microseconds; no zone's day begins within a quarter of an hour


async def read_people(sql: Sql, merchant_id: str, at: int, goes_on: GoesOn) -> People:
    """Everybody's facts at `at`."""
    clock = await sql.read(lambda: read_zone(merchant_id))
    people = People(at=at, today=wall_clock(moment(at), clock).date())
    day_of = _Days(clock, moment(at))
    after: str | None = ""
    while after is not None:
        await goes_on()
        after = await sql.read(lambda after=after: _page(merchant_id, people, day_of, after))  # type: ignore[misc]
    return people


def read_facts_of(
    merchant_id: str, rows: Sequence[Row], lives: Mapping[str, str], at: int
) -> Job[dict[str, CustomerFacts]]:
    """The facts of customers by their `rows`, as far as segments look at them; `lives`: who lives on for each id."""
    sums = yield from _sums(merchant_id, lives, at)
    points = yield from _points(merchant_id, [row["customer_id"] for row in rows])
    return {
        one: facts_of(one, row, sums.get(one, _NOTHING), given_words(row["segments"]), points.get(one, 0))
        for one, row in ((str(row["customer_id"]), row) for row in rows)
    }


async def read_bought(sql: Sql, merchant_id: str, asked: Bought, at: int) -> set[str]:
    """Who bought what is asked for."""
    return await sql.read(lambda: who_bought(merchant_id, asked, at))


def who_bought(merchant_id: str, asked: Bought, at: int) -> Job[set[str]]:
    """The ids of those who bought it."""
    found: set[str] = set()
    for kind, values in asked.kinds:
        rows = yield Query(
            "select customer_id from bought where merchant_id = ? and kind = ? "
            f"and value in ({marks(values)}) and last_at >= ?",
            (merchant_id, kind, *values, since(asked, at)),
        )
        found.update(row["customer_id"] for row in rows)
    return found


def since(asked: Bought, at: int) -> int:
    """From when on a purchase counts."""
    return at - asked.days * 86_400_000_000


def read_zone(merchant_id: str) -> Job[str]:
    """The zone that judges the merchant's days: their first store's."""
    rows = yield Query("select zone from store where merchant_id = ? order by name, store_id limit 1", (merchant_id,))
    name = str(rows[0]["zone"]) if rows else "UTC"
    zone(name)  # its file is read here, in the storage's thread
    return name


class _Days:
    """Midnights between a moment and now; most moments of a quarter of an hour share their answer."""

    def __init__(self, zone: str, now: datetime) -> None:
        self._zone = zone
        self._today = wall_clock(now, zone).date()
        self._kept: dict[int, int] = {}

    def __call__(self, at: int) -> int:
        quarter = at // _QUARTER
        days = self._kept.get(quarter)
        if days is None:
            gap = self._today - wall_clock(moment(quarter * _QUARTER), self._zone).date()
            days = self._kept[quarter] = max(0, gap.days)
        return days


def _page(merchant_id: str, people: People, day_of: _Days, after: str) -> Job[str | None]:
    """The next customers; returns the last one's id, or None after the last page."""
    rows = yield Query(
        "select customer_id, tier, segments, birthday, visits, spend, last_visit_at, absorbed from customer "
        "where merchant_id = ? and customer_id > ? and erased_at is null and merged_into is null "
        "order by customer_id limit ?",
        (merchant_id, after, PAGE),
    )
    if not rows:
        return None
    ids = tuple(str(row["customer_id"]) for row in rows)
    lives = yield from _lives(merchant_id, ids, any(row["absorbed"] for row in rows))
    sums = yield from _sums(merchant_id, lives, people.at)
    points = yield from _points(merchant_id, ids)
    objecting = yield from who_objects(merchant_id, lives)
    for row in rows:
        _add(people, row, day_of, sums.get(row["customer_id"], _NOTHING), points, objecting)
    return ids[-1] if len(rows) == PAGE else None


_NOTHING: dict[str, int] = {f"{what}{days}": 0 for days in WINDOWS for what in "vs"}


def _add(
    people: People, row: Row, day_of: _Days, sums: dict[str, int], points: dict[str, int], objecting: set[str]
) -> None:
    customer_id, last = row["customer_id"], row["last_visit_at"]
    people.ids.append(customer_id)
    people.tiers.append(row["tier"])
    people.words.append(given_words(row["segments"]) if row["segments"] != "[]" else ())
    people.birthdays.append(row["birthday"])
    people.days.append(NEVER if last is None else day_of(last))
    people.points.append(points.get(customer_id, 0))
    people.objects.append(customer_id in objecting)
    people.visits[0].append(row["visits"])
    people.spend[0].append(max(0, row["spend"]))
    for days in WINDOWS:
        people.visits[days].append(sums[f"v{days}"])
        people.spend[days].append(max(0, sums[f"s{days}"]))


def _lives(merchant_id: str, ids: tuple[str, ...], any_absorbed: bool) -> Job[dict[str, str]]:
    """Every id that these customers ever had, and who lives on for it."""
    lives = {customer_id: customer_id for customer_id in ids}
    if any_absorbed:
        merged = yield Query(
            f"select customer_id, merged_into from customer where merchant_id = ? and merged_into in ({marks(ids)})",
            (merchant_id, *ids),
        )
        lives |= {row["customer_id"]: row["merged_into"] for row in merged}
    return lives


def _sums(merchant_id: str, lives: Mapping[str, str], at: int) -> Job[dict[str, dict[str, int]]]:
    """Visits and spend by look-back; what was bought under a merged id counts for who lives on."""
    columns, values, earliest = window_sums(at)
    asked = tuple(lives)
    rows = yield Query(
        f"select customer_id, {columns} from sale where merchant_id = ? and customer_id in ({marks(asked)}) "
        "and created_at >= ? group by customer_id",
        (*values, merchant_id, *asked, earliest),
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        known_as = lives[row["customer_id"]]
        before = found.get(known_as, _NOTHING)
        found[known_as] = {name: before[name] + row[name] for name in _NOTHING}
    return found


def _points(merchant_id: str, ids: Sequence[str]) -> Job[dict[str, int]]:
    names = tuple(f"points:{customer_id}" for customer_id in ids)
    rows = yield Query(
        "select account, credits - debits - debits_pending as available from account "
        f"where merchant_id = ? and account in ({marks(names)})",
        (merchant_id, *names),
    )
    return {row["account"].removeprefix("points:"): row["available"] for row in rows}


def who_objects(merchant_id: str, lives: Mapping[str, str]) -> Job[set[str]]:
    """Those whose last word on `profiling`, if they gave one, was no; words given under a merged id count."""
    asked = tuple(lives)
    rows = yield Query(
        "select customer_id, given, created_at, consent_id from consent "
        f"where merchant_id = ? and customer_id in ({marks(asked)}) and purpose = 'profiling'",
        (merchant_id, *asked),
    )
    last: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        word, known_as = (row["created_at"], row["consent_id"], row["given"]), lives[row["customer_id"]]
        last[known_as] = max(word, last.get(known_as, word))
    return {customer_id for customer_id, word in last.items() if not word[2]}
