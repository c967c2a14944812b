"""Reads the figures from the rollups: as quick after ten million sales as after ten."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date

from msgspec import structs

from poi_engine.catalogue.offer_rows import offer_names
from poi_engine.insights import drill, trends
from poi_engine.insights.cells import BANDS, SEPARATOR
from poi_engine.insights.drill import Filter
from poi_engine.insights.figures import (
    BasketSize,
    BestSellers,
    Cohorts,
    CustomerRow,
    DayBar,
    Figures,
    HourCell,
    Insights,
    OfferUse,
    ProductRow,
    SalesBehind,
    Share,
    Totals,
    Visitors,
)
from poi_engine.insights.period import Comparison
from poi_engine.insights.place import View, ints, marks
from poi_engine.insights.rollup import settle
from poi_engine.insights.trends import Order
from poi_engine.ports import Job, Query, Row, Sql

_MOST_OFFERS = 200


class InsightsReader:
    """Reads the figures of a period, for one store or for all. Days are the stores' own, both ends included."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def read(
        self, view: View, *, top: int = 20, compare: Comparison | None = None, named: bool = True
    ) -> Insights:
        """The period's figures. `top` bounds the tables of products and customers; 0 leaves them out.

        `named`: customers by their names too, else by their pseudonyms alone.
        """
        await settle(self._sql, view.merchant_id)
        return await self._sql.read(lambda: _read(view, top, compare, named))

    async def best_sellers(
        self, view: View, *, order: Order = "total", compare: Comparison = "before", limit: int = 50, after: int = 0
    ) -> BestSellers:
        """Products by what they brought, with what they brought in the period compared with, and step by step."""
        await settle(self._sql, view.merchant_id)
        return await self._sql.read(lambda: trends.best_sellers(view, order, compare, limit, after))

    async def cohorts(self, merchant_id: str, last_day: date, months: int, store_id: str | None = None) -> Cohorts:
        """Of the customers who came first in a month, how many came in each later month; the last `months` of them."""
        await settle(self._sql, merchant_id)
        return await self._sql.read(lambda: trends.cohorts(merchant_id, last_day, months, store_id))

    async def sales(self, view: View, wanted: Filter, *, limit: int = 50, after: str | None = None) -> SalesBehind:
        """A page of the sales behind a figure."""
        await settle(self._sql, view.merchant_id)
        return await self._sql.read(lambda: drill.page(view, wanted, limit, after))


def _read(view: View, top: int, compare: Comparison | None, named: bool) -> Job[Insights]:
    rows = yield Query("select currency from merchant where merchant_id = ?", (view.merchant_id,))
    currency = str(rows[0]["currency"]) if rows else "EUR"
    figures = yield from _figures(view, currency)
    before = None
    if compare is not None:
        before = yield from _figures(view._replace(period=view.period.compared(compare)), currency)
    return Insights(
        **structs.asdict(figures),
        by_product=(yield from _products(view, top)) if top else (),
        top_customers=(yield from _customers(view, top, named)) if top else (),
        offers=(yield from _offers(view)),
        before=before,
    )


def _figures(view: View, currency: str) -> Job[Figures]:
    hours = yield view.daily("hour", f"value, {_SUMS}, sum(points) as points", "group by value order by value")
    days = yield view.daily("hour", f"period, {_SUMS}", "group by period order by period")
    paid = yield view.daily("payment", f"value, {_SUMS}", "group by value")
    visits = yield view.daily("visit", f"value, {_SUMS}", "group by value")
    totals = _totals(hours)
    means, card_type, entry_mode, card_scheme = (_shares(paid, _part(place)) for place in range(4))
    channel, visitor = (_shares(visits, _part(place)) for place in range(2))
    by_visitor = {share.value: share for share in visitor}
    return Figures(
        first_day=view.period.first,
        last_day=view.period.last,
        currency=currency,
        totals=totals,
        by_hour=tuple(_hour(row) for row in hours),
        by_day=tuple(DayBar(day=str(row["period"]), **ints(row, "sales", "total", "saved")) for row in days),
        by_card_type=card_type,
        by_card_scheme=card_scheme,
        by_entry_mode=entry_mode,
        by_means=means,
        by_channel=channel,
        by_visitor=visitor,
        customers=Visitors(**{name: _sales(by_visitor, name) for name in Visitors.__struct_fields__}),
        basket_sizes=_basket_sizes(visits),
        by_store=() if view.store_id else _ranked((yield view.summed("store", ("total",), ""))),
        by_seller=_with_nobody((yield view.summed("seller", ("refunds", "total"), "")), totals),
    )


_SUMS = (
    "sum(sales) as sales, sum(refunds) as refunds, sum(total) as total, sum(refunded) as refunded, sum(saved) as saved"
)


def _totals(hours: Iterable[Row]) -> Totals:
    names = ("sales", "refunds", "total", "saved", "refunded", "points")
    sums = {name: sum(int(row[name]) for row in hours) for name in names}
    gross = sums["total"] + sums["refunded"]
    return Totals(**sums, average_basket=gross // sums["sales"] if sums["sales"] else 0)


def _hour(row: Row) -> HourCell:
    weekday, _, hour = str(row["value"]).partition("-")
    return HourCell(weekday=int(weekday), hour=int(hour), **ints(row, "sales", "total"))


def _part(place: int) -> Callable[[Row], str]:
    """The part of a cell's value at this place; the last one may hold anything."""
    return lambda row: str(row["value"]).split(SEPARATOR, 3)[place]


def _shares(rows: Iterable[Row], value_of: Callable[[Row], str]) -> tuple[Share, ...]:
    """Sales and totals by one part of the cells' values, greatest total first."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        found = sums[value_of(row)]
        found[0] += int(row["sales"])
        found[1] += int(row["total"])
    return _sorted(Share(value=value, sales=sales, total=total) for value, (sales, total) in sums.items())


def _ranked(rows: Iterable[Row]) -> tuple[Share, ...]:
    return _sorted(Share(value=str(row["value"]), **ints(row, "sales", "total")) for row in rows)


def _sorted(shares: Iterable[Share]) -> tuple[Share, ...]:
    return tuple(sorted(shares, key=lambda share: (-share.total, share.value)))


def _with_nobody(rows: list[Row], totals: Totals) -> tuple[Share, ...]:
    """Sellers, and under '' what was sold while nobody was signed in: the rest of the totals."""
    sales, refunds, total = (
        getattr(totals, name) - sum(int(row[name]) for row in rows) for name in ("sales", "refunds", "total")
    )
    nobody = [Share(value="", sales=sales, total=total)] if sales or refunds else []
    return _sorted([*_ranked(rows), *nobody])


def _sales(shares: dict[str, Share], name: str) -> int:
    return shares[name].sales if name in shares else 0


def _basket_sizes(visits: Iterable[Row]) -> tuple[BasketSize, ...]:
    by_low = {share.value: share for share in _shares(visits, _part(2))}
    highs: tuple[int | None, ...] = (*BANDS[1:], None)
    none = Share(value="", sales=0, total=0)
    return tuple(
        BasketSize(low=low, high=high, sales=share.sales, total=share.total)
        for low, high in zip(BANDS, highs, strict=True)
        for share in (by_low.get(str(low), none),)
    )


def _products(view: View, top: int) -> Job[tuple[ProductRow, ...]]:
    rows = yield view.summed("product", ("quantity", "total", "saved"), "order by 4 desc, 1 limit ?", top)
    return tuple(_product(row) for row in rows)


def _product(row: Row) -> ProductRow:
    code, _, label = str(row["value"]).partition(SEPARATOR)
    return ProductRow(code=code, label=label, **ints(row, "sales", "quantity", "total", "saved"))


def _customers(view: View, top: int, named: bool) -> Job[tuple[CustomerRow, ...]]:
    rows = yield view.summed("customer", ("total",), "order by 3 desc, 1 limit ?", top)
    wanted = [str(row["value"]) for row in rows]
    names = (yield from _names(view.merchant_id, wanted)) if wanted and named else {}
    return tuple(
        CustomerRow(customer_id=one, display_name=names.get(one, ""), **ints(row, "sales", "total"))
        for one, row in zip(wanted, rows, strict=True)
    )


def _names(merchant_id: str, customer_ids: list[str]) -> Job[dict[str, str]]:
    marked = marks(customer_ids)
    rows = yield Query(
        f"select customer_id, display_name from customer where merchant_id = ? and customer_id in ({marked})",
        (merchant_id, *customer_ids),
    )
    return {row["customer_id"]: str(row["display_name"]) for row in rows}


def _offers(view: View) -> Job[tuple[OfferUse, ...]]:
    rows = yield view.summed("offer", ("saved", "worth", "total"), "order by 4 desc, 1 limit ?", _MOST_OFFERS)
    if not rows:
        return ()
    wanted = [str(row["value"]) for row in rows]
    names = yield from offer_names(view.merchant_id, wanted)
    return tuple(
        OfferUse(
            offer_id=one,
            name=names.get(one, {}),
            uses=int(row["sales"]),
            value=int(row["worth"]),
            **ints(row, "saved", "total"),
        )
        for one, row in zip(wanted, rows, strict=True)
    )
