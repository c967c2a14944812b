"""What sells, at what hour, for how much, by which means, to whom: figures computed from committed sales only.

Amounts in minor units after discounts, VAT included; a refund counts negative in amounts and is not a sale in counts.
Days, hours and weekdays are the store's own.
"""

import itertools
from datetime import UTC, date, datetime, time

from msgspec import Struct, json

from poi_engine.clock import micros_of
from poi_engine.facts import DAY
from poi_engine.insights.figures import (
    BasketSize,
    CustomerRow,
    DayBar,
    HourCell,
    Insights,
    OfferUse,
    ProductRow,
    Share,
    Totals,
    Visitors,
)
from poi_engine.ports import Job, Query, Row, Sql

_BANDS = (0, 500, 1000, 2000, 3500, 5000, 7500, 10_000, 20_000)
_FACETS = ("card_type", "card_scheme", "entry_mode", "means")


class InsightsReader:
    """Reads the figures of a period, for one store or for all."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def read(
        self, merchant_id: str, first_day: date, last_day: date, store_id: str | None = None, *, top: int = 20
    ) -> Insights:
        """The period's figures, both days included. `top` bounds the tables of products and customers."""
        return await self._sql.read(lambda: _read(merchant_id, first_day, last_day, store_id, top))


class _Period:
    """The `where` that every figure of one request shares."""

    def __init__(self, merchant_id: str, first_day: date, last_day: date, store_id: str | None) -> None:
        # days are the stores' own; the times, a day wider than any zone needs, let an index find them
        self.where = "s.merchant_id = ? and s.created_at between ? and ? and s.local_day between ? and ?"
        self.values: tuple[str | int, ...] = (
            *(merchant_id, _midnight(first_day) - DAY, _midnight(last_day) + 2 * DAY),
            *(first_day.isoformat(), last_day.isoformat()),
        )
        if store_id is not None:
            self.where += " and s.store_id = ?"
            self.values += (store_id,)

    def query(self, text: str, *extra: int) -> Query:
        return Query(text.replace("{period}", self.where), (*self.values, *extra))


def _midnight(day: date) -> int:
    """The day's beginning in UTC, microseconds since 1970."""
    return micros_of(datetime.combine(day, time(), UTC))


_SALES = "sum(case when s.refund_of is null then 1 else 0 end)"


def _read(merchant_id: str, first_day: date, last_day: date, store_id: str | None, top: int) -> Job[Insights]:
    period = _Period(merchant_id, first_day, last_day, store_id)
    shares: dict[str, tuple[Share, ...]] = {}
    for facet in _FACETS:
        shares[facet] = yield from _shares(period, facet)
    currency = yield Query("select currency from merchant where merchant_id = ?", (merchant_id,))
    return Insights(
        first_day=first_day,
        last_day=last_day,
        currency=str(currency[0]["currency"]) if currency else "EUR",
        totals=(yield from _totals(period)),
        by_hour=(yield from _by_hour(period)),
        by_day=(yield from _by_day(period)),
        by_product=(yield from _by_product(period, top)),
        by_card_type=shares["card_type"],
        by_card_scheme=shares["card_scheme"],
        by_entry_mode=shares["entry_mode"],
        by_means=shares["means"],
        customers=(yield from _visitors(period)),
        top_customers=(yield from _top_customers(period, top)),
        offers=(yield from _offers(period)),
        basket_sizes=(yield from _basket_sizes(period)),
    )


def _totals(period: _Period) -> Job[Totals]:
    rows = yield period.query(
        f"select coalesce({_SALES}, 0) as sales, coalesce(count(*) - {_SALES}, 0) as refunds,"
        " coalesce(sum(s.total), 0) as total, coalesce(sum(s.saved), 0) as saved,"
        " coalesce(sum(case when s.refund_of is null then 0 else -s.total end), 0) as refunded,"
        " coalesce(sum(s.points), 0) as points from sale s where {period}"
    )
    row = {key: int(rows[0][key]) for key in ("sales", "refunds", "total", "saved", "refunded", "points")}
    gross = row["total"] + row["refunded"]
    return Totals(**row, average_basket=gross // row["sales"] if row["sales"] else 0)


def _by_hour(period: _Period) -> Job[tuple[HourCell, ...]]:
    rows = yield period.query(
        f"select s.local_weekday as weekday, s.local_hour as hour, {_SALES} as sales, sum(s.total) as total"
        " from sale s where {period} group by s.local_weekday, s.local_hour order by 1, 2"
    )
    return tuple(HourCell(**_ints(row, "weekday", "hour", "sales", "total")) for row in rows)


def _by_day(period: _Period) -> Job[tuple[DayBar, ...]]:
    rows = yield period.query(
        f"select s.local_day as day, {_SALES} as sales, sum(s.total) as total, sum(s.saved) as saved"
        " from sale s where {period} group by s.local_day order by 1"
    )
    return tuple(DayBar(day=str(row["day"]), **_ints(row, "sales", "total", "saved")) for row in rows)


def _by_product(period: _Period, top: int) -> Job[tuple[ProductRow, ...]]:
    rows = yield period.query(
        "select l.code as code, l.label as label, sum(l.quantity) as quantity, sum(l.total) as total,"
        " sum(l.saved) as saved from sale s join sale_line l on l.merchant_id = s.merchant_id"
        " and l.sale_id = s.sale_id where {period} group by l.code, l.label order by 4 desc, 1, 2 limit ?",
        top,
    )
    return tuple(
        ProductRow(code=str(row["code"]), label=str(row["label"]), **_ints(row, "quantity", "total", "saved"))
        for row in rows
    )


def _shares(period: _Period, facet: str) -> Job[tuple[Share, ...]]:
    rows = yield period.query(
        f"select coalesce(s.{facet}, '') as value, {_SALES} as sales, sum(s.total) as total"
        f" from sale s where {{period}} group by coalesce(s.{facet}, '') order by 3 desc, 1"
    )
    return tuple(Share(value=str(row["value"]), **_ints(row, "sales", "total")) for row in rows)


def _visitors(period: _Period) -> Job[Visitors]:
    rows = yield period.query(
        "select coalesce(sum(case when s.customer_id is null then 1 else 0 end), 0) as anonymous,"
        " coalesce(sum(case when s.customer_id is not null and s.first_visit = 1 then 1 else 0 end), 0) as new,"
        " coalesce(sum(case when s.customer_id is not null and s.first_visit = 0 then 1 else 0 end), 0) as returning_"
        " from sale s where {period} and s.refund_of is null"
    )
    row = rows[0]
    return Visitors(new=int(row["new"]), returning=int(row["returning_"]), anonymous=int(row["anonymous"]))


def _top_customers(period: _Period, top: int) -> Job[tuple[CustomerRow, ...]]:
    rows = yield period.query(
        f"select s.customer_id as customer_id, max(c.display_name) as display_name, {_SALES} as sales,"
        " sum(s.total) as total from sale s join customer c on c.merchant_id = s.merchant_id"
        " and c.customer_id = s.customer_id where {period} group by s.customer_id order by 4 desc, 1 limit ?",
        top,
    )
    return tuple(
        CustomerRow(
            customer_id=str(row["customer_id"]),
            display_name=str(row["display_name"]),
            **_ints(row, "sales", "total"),
        )
        for row in rows
    )


def _offers(period: _Period) -> Job[tuple[OfferUse, ...]]:
    # a cross join keeps SQLite from walking every redemption of the merchant in the order of the offers
    rows = yield period.query(
        f"select r.offer_id as offer_id, max(v.document) as document, {_SALES} as uses, sum(r.saved) as saved,"
        " sum(r.value) as value from sale s cross join redemption r join offer_version v"
        " on v.merchant_id = r.merchant_id and v.offer_id = r.offer_id and v.version = r.version"
        " where {period} and r.merchant_id = s.merchant_id and r.sale_id = s.sale_id"
        " group by r.offer_id order by 5 desc, 1"
    )
    named = json.Decoder(_Named)
    return tuple(
        OfferUse(
            offer_id=str(row["offer_id"]),
            name=named.decode(str(row["document"])).name,
            **_ints(row, "uses", "saved", "value"),
        )
        for row in rows
    )


class _Named(Struct):
    name: dict[str, str]


def _basket_sizes(period: _Period) -> Job[tuple[BasketSize, ...]]:
    bands = " ".join(f"when s.total < {high} then {low}" for low, high in itertools.pairwise(_BANDS))
    rows = yield period.query(
        f"select case {bands} else {_BANDS[-1]} end as low, count(*) as sales from sale s"
        " where {period} and s.refund_of is null group by 1 order by 1"
    )
    counts = {int(row["low"]): int(row["sales"]) for row in rows}
    highs: tuple[int | None, ...] = (*_BANDS[1:], None)
    return tuple(
        BasketSize(low=low, high=high, sales=counts.get(low, 0)) for low, high in zip(_BANDS, highs, strict=True)
    )


def _ints(row: Row, *names: str) -> dict[str, int]:
    return {name: int(row[name]) for name in names}
