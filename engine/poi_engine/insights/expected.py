"""What the rollups must hold, as statements over the sales alone, on SQLite and PostgreSQL.

Written apart from `cells`, which counts one sale at a time, so that each checks the other.
"""

from itertools import pairwise
from typing import NamedTuple

from poi_engine.insights.cells import BANDS, MEASURES, MONTHLY, Facet

_KEYS = "merchant_id, facet, grain, store_id, period, value"
_FIRST = "case when s.refund_of is null then 1 else 0 end"
_BAND = " ".join(f"when s.total < {high} then '{low}'" for low, high in pairwise(BANDS))
_VISITOR = "case when s.customer_id is null then 'anonymous' when s.first_visit = 1 then 'new' else 'returning' end"
_LINES = (
    "(select merchant_id, sale_id, code || '\t' || label as value, sum(total) as total, sum(saved) as saved,"
    " sum(quantity) as quantity from sale_line group by merchant_id, sale_id, code || '\t' || label) x"
)


class _Source(NamedTuple):
    """Where a facet's values come from: rows of sales `s`, joined with one row a value `x` where a sale has several."""

    value: str
    join: str = ""
    where: str = ""
    total: str = "s.total"
    saved: str = "s.saved"
    points: str = "s.points"
    quantity: str = "0"
    worth: str = "0"


def _joined(table: str) -> str:
    return f" join {table} on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id"


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
    "seller": _Source("s.seller_id", where=" where s.seller_id is not null"),
    "store": _Source("s.store_id"),
    "customer": _Source("s.customer_id", where=" where s.customer_id is not null"),
    "product": _Source("x.value", _joined(_LINES), total="x.total", saved="x.saved", points="0", quantity="x.quantity"),
    "offer": _Source("x.offer_id", _joined("redemption x"), saved="x.saved", points="0", worth="x.value"),
}
FACETS: tuple[Facet, ...] = (*_SOURCES, "cohort")


def expected(facet: Facet) -> list[str]:
    """Statements that together select every cell that a facet's rollups must hold."""
    if facet == "cohort":
        return [_cohorts("''"), _cohorts("s.store_id")]
    source = _SOURCES[facet]
    stores = ("''",) if facet == "store" else ("''", "s.store_id")
    days = {"day": "s.local_day", "month": "substr(s.local_day, 1, 7)"}
    grains = ("day", "month") if facet in MONTHLY else ("day",)
    return [_cells(facet, source, grain, days[grain], store) for grain in grains for store in stores]


def newcomers() -> list[str]:
    """Statements that select each customer's first month, anywhere and at each store."""
    return [
        f"select s.merchant_id as merchant_id, {store} as store_id, s.customer_id as customer_id,"
        " min(substr(s.local_day, 1, 7)) as month from sale s where s.customer_id is not null and s.refund_of is null"
        f" group by {groups}"
        for store, groups in (
            ("''", "s.merchant_id, s.customer_id"),
            ("s.store_id", "s.merchant_id, s.store_id, s.customer_id"),
        )
    ]


def _cells(facet: Facet, source: _Source, grain: str, period: str, store: str) -> str:
    groups = ["s.merchant_id", period, source.value, *([] if store == "''" else [store])]
    return (
        f"select s.merchant_id as merchant_id, '{facet}' as facet, '{grain}' as grain, {store} as store_id,"
        f" {period} as period, {source.value} as value, sum({_FIRST}) as sales, sum(1 - {_FIRST}) as refunds,"
        f" sum({source.total}) as total,"
        f" sum(case when s.refund_of is null then 0 else -{source.total} end) as refunded,"
        f" sum({source.saved}) as saved, sum({source.points}) as points, sum({source.quantity}) as quantity,"
        f" sum({source.worth}) as worth from sale s{source.join}{source.where} group by {', '.join(groups)}"
    )


def _cohorts(store: str) -> str:
    """Customers of each cohort that bought, by month."""
    active = (
        f"(select distinct s.merchant_id, {store} as store_id, s.customer_id, substr(s.local_day, 1, 7) as period"
        " from sale s where s.customer_id is not null and s.refund_of is null) a"
    )
    zeros = ", ".join(f"0 as {name}" for name in MEASURES[1:])
    return (
        "select a.merchant_id as merchant_id, 'cohort' as facet, 'month' as grain, a.store_id as store_id,"
        f" a.period as period, n.month as value, count(*) as sales, {zeros} from {active}"
        " join newcomer n on n.merchant_id = a.merchant_id and n.store_id = a.store_id"
        " and n.customer_id = a.customer_id group by a.merchant_id, a.store_id, a.period, n.month"
    )


def differences(facet: Facet) -> str:
    """A statement that selects every cell of a facet that does not hold what the sales say, in the order of its key."""
    held = f"select {_KEYS}, {', '.join(f'-{name}' for name in MEASURES)} from rollup where facet = '{facet}'"
    both = " union all ".join([*expected(facet), held])
    off = " || ".join(
        f"case when sum({name}) = 0 then '' else ' {name} by ' || cast(-sum({name}) as text) end" for name in MEASURES
    )
    wrong = " or ".join(f"sum({name}) <> 0" for name in MEASURES)
    return (
        "select merchant_id, facet || ' ' || grain || ' ' || period || ' ' || store_id || ' ' || value as subject,"
        f" 'differs from its sales in' || {off} as message from ({both}) c group by {_KEYS} having {wrong}"
        " order by merchant_id, store_id, period, grain, value"
    )


def newcomer_differences() -> str:
    """A statement that selects every customer whose first month is not that of their first sale."""
    held = "select merchant_id, store_id, customer_id, month, 1 as held from newcomer"
    found = " union all ".join(f"select x.*, 0 as held from ({text}) x" for text in newcomers())
    by_sales, by_rollup = (f"coalesce(max(case when held = {held} then month end), 'no month')" for held in (0, 1))
    return (
        "select merchant_id, customer_id || ' ' || store_id as subject,"
        f" 'first bought in ' || {by_sales} || ', not in ' || {by_rollup} as message"
        f" from ({found} union all {held}) n group by merchant_id, store_id, customer_id"
        f" having {by_sales} <> {by_rollup}"
    )
