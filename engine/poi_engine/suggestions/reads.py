"""What the suggestions are computed from, read in small pages; nothing here waits in one long statement."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta

from poi_engine.clientele.rows import marks
from poi_engine.facts import DAY
from poi_engine.insights.place import View
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.segments.people import who_objects
from poi_engine.suggestions.quiet import Hours
from poi_engine.suggestions.rhythm import GONE_DAYS, LEAST_VISITS, LONGER_DAYS, lapses

BASKET_DAYS = 90
MOST_BASKETS = 20_000
QUIET_DAYS = 56
_PAGE = 500
_PEOPLE = 200


async def baskets(
    sql: Sql, merchant_id: str, at: int, most: int = MOST_BASKETS
) -> tuple[list[set[str]], dict[str, str]]:
    """The product codes of the newest sales of the last `BASKET_DAYS`, and each code's newest label."""
    found: list[set[str]] = []
    labels: dict[str, str] = {}
    before = (at, "~")
    while len(found) < most:
        page = await sql.read(lambda before=before: _basket_page(merchant_id, at - BASKET_DAYS * DAY, before))  # type: ignore[misc]
        sales, lines = page
        held: dict[str, set[str]] = {str(row["sale_id"]): set() for row in sales}
        for row in lines:
            held[row["sale_id"]].add(str(row["code"]))
            labels.setdefault(str(row["code"]), str(row["label"]))
        found += held.values()
        if len(sales) < _PAGE:
            break
        before = (sales[-1]["created_at"], sales[-1]["sale_id"])
    return found, labels


def _basket_page(merchant_id: str, since: int, before: tuple[int, str]) -> Job[tuple[list[Row], list[Row]]]:
    sales = yield Query(
        "select sale_id, created_at from sale where merchant_id = ? and created_at >= ? and created_at <= ? "
        "and (created_at < ? or sale_id < ?) and refund_of is null order by created_at desc, sale_id desc limit ?",
        (merchant_id, since, before[0], before[0], before[1], _PAGE),
    )
    if not sales:
        return [], []
    ids = tuple(str(row["sale_id"]) for row in sales)
    lines = yield Query(
        "select sale_id, code, label from sale_line where merchant_id = ? "
        f"and sale_id in ({marks(ids)}) and code <> ''",
        (merchant_id, *ids),
    )
    return sales, lines


def on_sale(merchant_id: str, codes: Sequence[str]) -> Job[dict[str, str]]:
    """Of these products those that are sold now, with their labels."""
    if not codes:
        return {}
    rows = yield Query(
        f"select code, label from product where merchant_id = ? and active = 1 and code in ({marks(tuple(codes))})",
        (merchant_id, *codes),
    )
    return {str(row["code"]): str(row["label"]) for row in rows}


def stores(merchant_id: str) -> Job[list[Row]]:
    """The merchant's stores, the first one first."""
    return (
        yield Query("select store_id, name, zone from store where merchant_id = ? order by store_id", (merchant_id,))
    )


def hours(merchant_id: str, store_id: str, today: date) -> Job[tuple[Hours, int]]:
    """Sales by weekday and hour of the last whole weeks (`QUIET_DAYS` at most, up to yesterday), and how many weeks."""
    last = today - timedelta(days=1)
    view = View.of(merchant_id, last - timedelta(days=QUIET_DAYS - 1), last, store_id)
    rows = yield view.daily("hour", "period, value, sales", "and sales > 0")
    if not rows:
        return {}, 0
    earliest = date.fromisoformat(min(str(row["period"]) for row in rows))
    weeks = ((last - earliest).days + 1) // 7
    since = (last - timedelta(days=7 * weeks - 1)).isoformat()
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for row in rows:
        if str(row["period"]) >= since:
            day, _, hour = str(row["value"]).partition("-")
            sales, seen = found.get((int(day), int(hour)), (0, 0))
            found[int(day), int(hour)] = (sales + int(row["sales"]), seen + 1)
    return found, weeks


def birthdays_in(merchant_id: str, month: int) -> Job[int]:
    """How many customers have their birthday in a month."""
    rows = yield Query(
        "select count(*) as customers from customer where merchant_id = ? and substr(birthday, 6, 2) = ? "
        "and erased_at is null and merged_into is null",
        (merchant_id, f"{month:02d}"),
    )
    return int(rows[0]["customers"])


async def lapsing_customers(sql: Sql, merchant_id: str, at: int, today: date) -> dict[str, int]:
    """Who is about to lapse, with the days they usually let pass; nobody who objects to being looked at so."""
    found: dict[str, int] = {}
    async for page in _regulars(sql, merchant_id, at):
        lives, rows = await sql.read(lambda page=page: _visits(merchant_id, page, at))  # type: ignore[misc]
        days: dict[str, list[date]] = {}
        for row in rows:
            days.setdefault(lives[row["customer_id"]], []).append(date.fromisoformat(row["local_day"]))
        lapse = {one: usual for one, visits in days.items() if (usual := lapses(visits, today)) is not None}
        if lapse:
            asked = {one: known_as for one, known_as in lives.items() if known_as in lapse}
            objects = await sql.read(lambda asked=asked: who_objects(merchant_id, asked))  # type: ignore[misc]
            found |= {one: usual for one, usual in lapse.items() if one not in objects}
    return found


async def _regulars(sql: Sql, merchant_id: str, at: int) -> AsyncIterator[tuple[str, ...]]:
    """Customers with enough visits whose last one is neither too near nor too far, by id."""
    after = ""
    while True:
        rows = await sql.read(lambda after=after: _regular_page(merchant_id, after, at))  # type: ignore[misc]
        if rows:
            yield tuple(str(row["customer_id"]) for row in rows)
        if len(rows) < _PEOPLE:
            return
        after = rows[-1]["customer_id"]


def _regular_page(merchant_id: str, after: str, at: int) -> Job[list[Row]]:
    return (
        yield Query(
            "select customer_id from customer where merchant_id = ? and customer_id > ? and visits >= ? "
            "and last_visit_at between ? and ? and erased_at is null and merged_into is null "
            "order by customer_id limit ?",
            (merchant_id, after, LEAST_VISITS, at - (GONE_DAYS + 2) * DAY, at - (LONGER_DAYS - 1) * DAY, _PEOPLE),
        )
    )


def _visits(merchant_id: str, people: tuple[str, ...], at: int) -> Job[tuple[dict[str, str], list[Row]]]:
    """Who lives on for each of their records, and the days of the visits under all of these."""
    merged = yield Query(
        f"select customer_id, merged_into from customer where merchant_id = ? and merged_into in ({marks(people)})",
        (merchant_id, *people),
    )
    lives = {one: one for one in people} | {str(row["customer_id"]): str(row["merged_into"]) for row in merged}
    records = tuple(lives)
    rows = yield Query(
        "select customer_id, local_day from sale where merchant_id = ? "
        f"and customer_id in ({marks(records)}) and created_at >= ? and refund_of is null",
        (merchant_id, *records, at - 2 * 365 * DAY),
    )
    return lives, rows
