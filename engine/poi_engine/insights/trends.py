"""Best sellers with their trend, and the retention of cohorts."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Literal

from poi_engine.insights.cells import ALL_STORES, SEPARATOR
from poi_engine.insights.figures import BestSeller, BestSellers, Cohort, Cohorts
from poi_engine.insights.period import Comparison, Period
from poi_engine.insights.place import View, ints
from poi_engine.ports import Job, Query, Row

Order = Literal["total", "quantity", "sales", "rising", "falling"]

_NOW = ("sales", "refunds", "quantity", "total", "saved")
_THEN = tuple(f"before_{name}" for name in ("sales", "refunds", "quantity", "total"))
_BY: dict[Order, str] = {
    "total": "total desc",
    "quantity": "quantity desc",
    "sales": "sales desc",
    "rising": "total - before_total desc",
    "falling": "total - before_total",
}
_RANKED = {"quantity": "before_quantity", "sales": "before_sales"}


def best_sellers(view: View, order: Order, compare: Comparison, limit: int, after: int) -> Job[BestSellers]:
    """A page of products, `after` so many of them."""
    before = view._replace(period=view.period.compared(compare))
    rows = yield _ranking(view, before, order, limit + 1, after)
    steps = view.period.steps()
    shown = rows[:limit]
    series = yield from _series(view, steps, [str(row["value"]) for row in shown])
    currency = yield Query("select currency from merchant where merchant_id = ?", (view.merchant_id,))
    return BestSellers(
        first_day=view.period.first,
        last_day=view.period.last,
        before_first_day=before.period.first,
        before_last_day=before.period.last,
        currency=str(currency[0]["currency"]) if currency else "EUR",
        buckets=tuple(step.first.isoformat() for step in steps),
        items=tuple(
            _seller(after + place, row, series[str(row["value"])], len(steps))
            for place, row in enumerate(rows[:limit], 1)
        ),
        next=after + limit if len(rows) > limit else None,
    )


def _ranking(view: View, before: View, order: Order, limit: int, after: int) -> Query:
    """Products sold now, in the order asked, with their rank then by the same measure."""
    now, values = view.parts("product", _NOW, _THEN)
    then, values_then = before.parts("product", _NOW)
    zeros = ", ".join(f"0 as {name}" for name in _NOW)
    told = ", ".join(f"{name.removeprefix('before_')} as {name}" for name in _THEN)
    sums = ", ".join(f"sum({name}) as {name}" for name in (*_NOW, *_THEN))
    grouped = (
        f"select value, {sums} from ({now} union all select value, {zeros}, {told} from ({then}) t) c group by value"
    )
    ranked = f"rank() over (order by {_RANKED.get(order, 'before_total')} desc)"
    return Query(
        f"select * from (select g.*, case when before_sales + before_refunds > 0 then {ranked} end as before_rank"
        f" from ({grouped}) g) r where sales + refunds > 0 order by {_BY[order]}, value limit ? offset ?",
        (*values, *values_then, limit, after),
    )


def _seller(rank: int, row: Row, series: dict[int, int], steps: int) -> BestSeller:
    code, _, label = str(row["value"]).partition(SEPARATOR)
    return BestSeller(
        rank=rank,
        code=code,
        label=label,
        before_rank=None if row["before_rank"] is None else int(row["before_rank"]),
        series=tuple(series.get(step, 0) for step in range(steps)),
        **ints(row, "sales", "quantity", "total", "saved", "before_quantity", "before_total"),
    )


def _series(view: View, steps: list[Period], values: list[str]) -> Job[dict[str, dict[int, int]]]:
    """Each value's total in each step."""
    found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    if not values:
        return found
    months, days = _placed(steps)
    for grain, places in (("month", months), ("day", days)):
        rows = yield from view.at("product", grain, list(places), values, "value, period, total")  # type: ignore[arg-type]
        for row in rows:
            found[str(row["value"])][places[str(row["period"])]] += int(row["total"])
    return found


def _placed(steps: list[Period]) -> tuple[dict[str, int], dict[str, int]]:
    """In which step each whole month lies, and each day that is in no whole month."""
    months: dict[str, int] = {}
    days: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step.first.day == 1 and (step.last + timedelta(days=1)).day == 1 and step.first.month == step.last.month:
            months[step.first.isoformat()[:7]] = place
        else:
            days |= {(step.first + timedelta(days=day)).isoformat(): place for day in range(step.days)}
    return months, days


# --- cohorts -------------------------------------------------------------------------------------------------------


def cohorts(merchant_id: str, last_day: date, months: int, store_id: str | None) -> Job[Cohorts]:
    """Oldest first; up to the month of `last_day`."""
    known = _last_months(last_day, months)
    rows = yield Query(
        "select period, value, sales from rollup where merchant_id = ? and facet = 'cohort' and grain = 'month'"
        " and store_id = ? and period between ? and ? and value >= ?",
        (merchant_id, ALL_STORES if store_id is None else store_id, known[0], known[-1], known[0]),
    )
    counts = {(str(row["value"]), str(row["period"])): int(row["sales"]) for row in rows}
    return Cohorts(
        items=tuple(
            Cohort(
                month=month,
                customers=counts[month, month],
                active=tuple(counts.get((month, later), 0) for later in known[place:]),
            )
            for place, month in enumerate(known)
            if counts.get((month, month), 0) > 0
        )
    )


def _last_months(last_day: date, months: int) -> list[str]:
    number = last_day.year * 12 + last_day.month - 1
    return [f"{one // 12:04d}-{one % 12 + 1:02d}" for one in range(number - months + 1, number + 1)]
