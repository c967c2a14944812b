"""Statements of revision 0003 that count the sales that are there already into the new rollups.

The cells of a store's day are counted from the sales; those of all stores, of months and of years are sums of them.
As it was when the revision was made: what the engine counts later is no concern of this.
"""

from typing import NamedTuple

_MEASURES = ("sales", "refunds", "total", "refunded", "saved", "points", "quantity", "worth")
_INTO = f"insert into rollup (merchant_id, facet, grain, store_id, period, value, {', '.join(_MEASURES)})"
_SUMS = ", ".join(f"sum({name})" for name in _MEASURES)
_BOUNDS = (500, 1000, 2000, 3500, 5000, 7500, 10_000, 20_000)
_BAND = " ".join(f"when s.total < {high} then '{low}'" for low, high in zip((0, *_BOUNDS[:-1]), _BOUNDS, strict=True))


class _Source(NamedTuple):
    value: str
    rest: str = ""
    counted: str = "sum(case when s.refund_of is {} null then 1 else 0 end)"
    total: str = "s.total"
    saved: str = "s.saved"
    points: str = "s.points"
    quantity: str = "0"
    worth: str = "0"


_SOURCES = {
    "hour": _Source(
        "cast(s.local_weekday as text) || case when s.local_hour < 10 then '-0' else '-' end"
        " || cast(s.local_hour as text)"
    ),
    "payment": _Source(
        "s.means || '\t' || coalesce(s.card_type, '') || '\t' || coalesce(s.entry_mode, '') || '\t'"
        " || coalesce(s.card_scheme, '')"
    ),
    "visit": _Source(
        "s.channel || '\t' || case when s.customer_id is null then 'anonymous' when s.first_visit = 1 then 'new'"
        f" else 'returning' end || '\t' || case when s.refund_of is not null then '' {_BAND} else '{_BOUNDS[-1]}' end"
    ),
    "seller": _Source("s.seller_id", " where s.seller_id is not null"),
    "customer": _Source("s.customer_id", " where s.customer_id is not null"),
    "product": _Source(
        "x.code || '\t' || x.label",
        " join sale_line x on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id",
        counted="count(distinct case when s.refund_of is {} null then s.sale_id end)",
        total="x.total",
        saved="x.saved",
        points="0",
        quantity="x.quantity",
    ),
    "offer": _Source(
        "x.offer_id",
        " join redemption x on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id",
        saved="x.saved",
        points="0",
        worth="x.value",
    ),
}
_MONTHLY = ("seller", "store", "product", "offer", "customer")


def rollups_of_sales() -> list[str]:
    """The statements, in order."""
    days = [_of_days(facet, source) for facet, source in _SOURCES.items()]
    stores = [_of_all_stores(facet) for facet in _SOURCES]
    months = [_longer(facet, "day", "month", 7) for facet in _MONTHLY]
    years = _longer("customer", "month", "year", 4)
    return [*days, *stores, _of_each_store(), *months, years, _newcomers(), _cohorts()]


def _of_days(facet: str, source: _Source) -> str:
    sums = (source.total, source.saved, source.points, source.quantity, source.worth)
    total, *others = (f"sum({one})" for one in sums)
    return (
        f"{_INTO} select s.merchant_id, '{facet}', 'day', s.store_id, s.local_day, {source.value},"
        f" {source.counted.format('')}, {source.counted.format('not')}, {total},"
        f" sum(case when s.refund_of is null then 0 else -{source.total} end), {', '.join(others)}"
        f" from sale s{source.rest} group by s.merchant_id, s.store_id, s.local_day, {source.value}"
    )


def _of_all_stores(facet: str) -> str:
    return (
        f"{_INTO} select merchant_id, facet, grain, '', period, value, {_SUMS} from rollup"
        f" where facet = '{facet}' and grain = 'day' group by merchant_id, facet, grain, period, value"
    )


def _of_each_store() -> str:
    return (
        f"{_INTO} select merchant_id, 'store', grain, '', period, store_id, {_SUMS} from rollup"
        " where facet = 'hour' and grain = 'day' and store_id <> '' group by merchant_id, grain, period, store_id"
    )


def _longer(facet: str, grain: str, longer: str, length: int) -> str:
    period = f"substr(period, 1, {length})"
    return (
        f"{_INTO} select merchant_id, facet, '{longer}', store_id, {period}, value, {_SUMS} from rollup"
        f" where facet = '{facet}' and grain = '{grain}' group by merchant_id, facet, store_id, {period}, value"
    )


def _newcomers() -> str:
    return (
        "insert into newcomer (merchant_id, store_id, customer_id, month) select merchant_id, store_id, value,"
        " min(period) from rollup where facet = 'customer' and grain = 'month' and sales > 0"
        " group by merchant_id, store_id, value"
    )


def _cohorts() -> str:
    return (
        f"{_INTO} select a.merchant_id, 'cohort', 'month', a.store_id, a.period, n.month, count(*), 0, 0, 0, 0, 0, 0, 0"
        " from rollup a join newcomer n on n.merchant_id = a.merchant_id and n.store_id = a.store_id"
        " and n.customer_id = a.value where a.facet = 'customer' and a.grain = 'month' and a.sales > 0"
        " group by a.merchant_id, a.store_id, a.period, n.month"
    )
