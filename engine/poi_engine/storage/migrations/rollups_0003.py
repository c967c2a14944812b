"""Statements of revision 0003 that count the sales that are there already into the new rollups.

As they were when the revision was made: what the engine counts later is no concern of theirs.
"""

_FIRST = "case when s.refund_of is null then 1 else 0 end"
_BOUNDS = (500, 1000, 2000, 3500, 5000, 7500, 10_000, 20_000)
_BAND = " ".join(f"when s.total < {high} then '{low}'" for low, high in zip((0, *_BOUNDS[:-1]), _BOUNDS, strict=True))
_HOUR = (
    "cast(s.local_weekday as text) || case when s.local_hour < 10 then '-0' else '-' end || cast(s.local_hour as text)"
)
_PAYMENT = (
    "s.means || '\t' || coalesce(s.card_type, '') || '\t' || coalesce(s.entry_mode, '') || '\t'"
    " || coalesce(s.card_scheme, '')"
)
_VISIT = (
    "s.channel || '\t' || case when s.customer_id is null then 'anonymous' when s.first_visit = 1 then 'new'"
    f" else 'returning' end || '\t' || case when s.refund_of is not null then '' {_BAND} else '{_BOUNDS[-1]}' end"
)
_LINES = (
    " join (select merchant_id, sale_id, code || '\t' || label as value, sum(total) as total, sum(saved) as saved,"
    " sum(quantity) as quantity from sale_line group by merchant_id, sale_id, code || '\t' || label) x"
    " on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id"
)
_OFFERS = " join redemption x on x.merchant_id = s.merchant_id and x.sale_id = s.sale_id"
_INTO = (
    "insert into rollup (merchant_id, facet, grain, store_id, period, value, sales, refunds, total, refunded, saved,"
    " points, quantity, worth)"
)
_WHOLE = ("s.total", "s.saved", "s.points", "0", "0")

_FACETS = (  # facet, value, where from, by month too, and the sums of total, saved, points, quantity, worth
    ("hour", _HOUR, "", False, _WHOLE),
    ("payment", _PAYMENT, "", False, _WHOLE),
    ("visit", _VISIT, "", False, _WHOLE),
    ("seller", "s.seller_id", " where s.seller_id is not null", True, _WHOLE),
    ("store", "s.store_id", "", True, _WHOLE),
    ("customer", "s.customer_id", " where s.customer_id is not null", True, _WHOLE),
    ("product", "x.value", _LINES, True, ("x.total", "x.saved", "0", "x.quantity", "0")),
    ("offer", "x.offer_id", _OFFERS, True, ("s.total", "x.saved", "0", "0", "x.value")),
)


def rollups_of_sales() -> list[str]:
    """The statements, in order."""
    found = [
        _count(facet, grain, store, period, value, source, sums)
        for facet, value, source, monthly, sums in _FACETS
        for grain, period in (("day", "s.local_day"), ("month", "substr(s.local_day, 1, 7)"))[: 2 if monthly else 1]
        for store in (("''",) if facet == "store" else ("''", "s.store_id"))
    ]
    for store in ("''", "s.store_id"):
        found += [_newcomers(store), _cohorts(store)]
    return found


def _count(facet: str, grain: str, store: str, period: str, value: str, source: str, sums: tuple[str, ...]) -> str:
    total, saved, points, quantity, worth = sums
    groups = ["s.merchant_id", period, value, *([] if store == "''" else [store])]
    return (
        f"{_INTO} select s.merchant_id, '{facet}', '{grain}', {store}, {period}, {value},"
        f" sum({_FIRST}), sum(1 - {_FIRST}), sum({total}),"
        f" sum(case when s.refund_of is null then 0 else -{total} end), sum({saved}), sum({points}), sum({quantity}),"
        f" sum({worth}) from sale s{source} group by {', '.join(groups)}"
    )


def _newcomers(store: str) -> str:
    groups = "s.merchant_id, s.customer_id" + ("" if store == "''" else f", {store}")
    return (
        f"insert into newcomer (merchant_id, store_id, customer_id, month) select s.merchant_id, {store},"
        " s.customer_id, min(substr(s.local_day, 1, 7)) from sale s"
        f" where s.customer_id is not null and s.refund_of is null group by {groups}"
    )


def _cohorts(store: str) -> str:
    return (
        f"{_INTO} select a.merchant_id, 'cohort', 'month', a.store_id, a.period, n.month,"
        " count(*), 0, 0, 0, 0, 0, 0, 0"
        f" from (select distinct s.merchant_id, {store} as store_id, s.customer_id, substr(s.local_day, 1, 7) as period"
        " from sale s where s.customer_id is not null and s.refund_of is null) a"
        " join newcomer n on n.merchant_id = a.merchant_id and n.store_id = a.store_id"
        " and n.customer_id = a.customer_id group by a.merchant_id, a.store_id, a.period, n.month"
    )
