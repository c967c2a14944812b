"""What the rollups must hold, as statements on SQLite and PostgreSQL that share nothing with what writes them.

The cells of a store's day are compared with the sales themselves; those of all stores with the stores' cells, and those
of a month or year with its days' or months': together they prove every cell, and each sale is read once a facet.
"""

from itertools import pairwise
from typing import NamedTuple

from poi_engine.insights.cells import BANDS, MEASURES, MONTHLY, YEARLY, Facet

_KEYS = "merchant_id, facet, grain, store_id, period, value"
_BAND = " ".join(f"when s.total < {high} then '{low}'" for low, high in pairwise(BANDS))
_VISITOR = "case when s.customer_id is null then 'anonymous' when s.first_visit = 1 then 'new' else 'returning' end"


class _Source(NamedTuple):
    """Where a facet's values come from: rows of sales `s`, joined with one row a value `x` where a sale has several.

    `counted` counts the sales, or (`not`) the refunds, that have the value.
    """

    value: str
    rest: str = ""
    counted: str = "sum(case when s.refund_of is {} null then 1 else 0 end)"
    total: str = "s.total"
    saved: str = "s.saved"
    points: str = "s.points"
    quantity: str = "0"
    worth: str = "0"


_COUNTED = (
    "(select c.* from sale c left join rollup_due d on d.merchant_id = c.merchant_id and d.sale_id = c.sale_id"
    " where d.sale_id is null)"
)
"""Sales and refunds, but for those that are still to be counted."""


def _joined(table: str) -> str:
    return f" join {table} x on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id"


_SOURCES: dict[Facet, _Source] = {
    "hour": _Source(
        "cast(s.local_weekday as text) || case when s.local_hour < 10 then '-0' else '-' end"
        " || cast(s.local_hour as text)"
    ),
    "payment": _Source(
        "s.means || '\t' || coalesce(s.card_type, '') || '\t' || coalesce(s.entry_mode, '') || '\t'"
        " || coalesce(s.card_scheme, '')"
    ),
    "visit": _Source(
        f"s.channel || '\t' || {_VISITOR} || '\t' || case when s.refund_of is not null then '' {_BAND}"
        f" else '{BANDS[-1]}' end"
    ),
    "seller": _Source("s.seller_id", " where s.seller_id is not null"),
    "customer": _Source("s.customer_id", " where s.customer_id is not null"),
    "product": _Source(
        "x.code || '\t' || x.label",
        _joined("sale_line"),
        counted="count(distinct case when s.refund_of is {} null then s.sale_id end)",
        total="x.total",
        saved="x.saved",
        points="0",
        quantity="x.quantity",
    ),
    "offer": _Source("x.offer_id", _joined("redemption"), saved="x.saved", points="0", worth="x.value"),
}
FACETS: tuple[Facet, ...] = (*_SOURCES, "store", "cohort")
"""Every facet; those that others are sums of come first."""


def expected(facet: Facet) -> list[str]:
    """Statements that together select every cell that a facet's rollups must hold."""
    if facet == "cohort":
        return [_cohorts()]
    found = [_summed("hour", "'store'", "grain", "''", "period", "store_id", "store_id <> '' and grain = 'day'")]
    if facet != "store":
        all_stores = _summed(facet, "facet", "grain", "''", "period", "value", "store_id <> '' and grain = 'day'")
        found = [_of_days(facet, _SOURCES[facet]), all_stores]
    if facet in MONTHLY:
        found.append(_summed(facet, "facet", "'month'", "store_id", "substr(period, 1, 7)", "value", "grain = 'day'"))
    if facet in YEARLY:
        found.append(_summed(facet, "facet", "'year'", "store_id", "substr(period, 1, 4)", "value", "grain = 'month'"))
    return found


def _of_days(facet: Facet, source: _Source) -> str:
    """The cells of each store's days, from the sales."""
    sums = {
        "sales": source.counted.format(""),
        "refunds": source.counted.format("not"),
        "total": f"sum({source.total})",
        "refunded": f"sum(case when s.refund_of is null then 0 else -{source.total} end)",
        "saved": f"sum({source.saved})",
        "points": f"sum({source.points})",
        "quantity": f"sum({source.quantity})",
        "worth": f"sum({source.worth})",
    }
    told = ", ".join(f"{sums[name]} as {name}" for name in MEASURES)
    return (
        f"select s.merchant_id as merchant_id, '{facet}' as facet, 'day' as grain, s.store_id as store_id,"
        f" s.local_day as period, {source.value} as value, {told} from {_COUNTED} s{source.rest}"
        f" group by s.merchant_id, s.store_id, s.local_day, {source.value}"
    )


def _summed(of: Facet, facet: str, grain: str, store: str, period: str, value: str, where: str) -> str:
    """Cells that are sums of others."""
    told = ", ".join(f"sum({name}) as {name}" for name in MEASURES)
    keys = {"facet": facet, "grain": grain, "store_id": store, "period": period, "value": value}
    named = ", ".join(f"{how} as {name}" for name, how in keys.items())
    groups = ", ".join(how for how in keys.values() if not how.startswith("'"))
    return (
        f"select merchant_id, {named}, {told} from rollup where facet = '{of}' and {where}"
        f" group by merchant_id, {groups}"
    )


def _cohorts() -> str:
    """Customers of each cohort that bought, by month."""
    zeros = ", ".join(f"0 as {name}" for name in MEASURES[1:])
    return (
        "select a.merchant_id as merchant_id, 'cohort' as facet, 'month' as grain, a.store_id as store_id,"
        f" a.period as period, n.month as value, count(*) as sales, {zeros} from rollup a join newcomer n"
        " on n.merchant_id = a.merchant_id and n.store_id = a.store_id and n.customer_id = a.value"
        " where a.facet = 'customer' and a.grain = 'month' and a.sales > 0"
        " group by a.merchant_id, a.store_id, a.period, n.month"
    )


def differences(facet: Facet) -> str:
    """A statement that selects every wrong cell of a facet, those that others sum up first."""
    held = f"select {_KEYS}, {', '.join(f'-{name}' for name in MEASURES)} from rollup where facet = '{facet}'"
    both = " union all ".join([*expected(facet), held])
    off = " || ".join(
        f"case when sum({name}) = 0 then '' else ' {name} by ' || cast(-sum({name}) as text) end" for name in MEASURES
    )
    wrong = " or ".join(f"sum({name}) <> 0" for name in MEASURES)
    return (
        "select merchant_id, facet || ' ' || grain || ' ' || period || ' ' || store_id || ' ' || value as subject,"
        f" 'differs from its sales in' || {off} as message from ({both}) c group by {_KEYS} having {wrong}"
        " order by merchant_id, grain, case when store_id = '' then 1 else 0 end, period, store_id, value"
    )


def newcomer_differences() -> str:
    """A statement that selects every customer whose first month is not that of their first sale."""
    found = (
        "select merchant_id, store_id, value as customer_id, min(period) as month, 0 as held from rollup"
        " where facet = 'customer' and grain = 'month' and sales > 0 group by merchant_id, store_id, value"
    )
    held = "select merchant_id, store_id, customer_id, month, 1 as held from newcomer"
    by_sales, by_rollup = (f"coalesce(max(case when held = {held} then month end), 'no month')" for held in (0, 1))
    return (
        "select merchant_id, customer_id || ' ' || store_id as subject,"
        f" 'first bought in ' || {by_sales} || ', not in ' || {by_rollup} as message"
        f" from ({found} union all {held}) n group by merchant_id, store_id, customer_id"
        f" having {by_sales} <> {by_rollup}"
    )
