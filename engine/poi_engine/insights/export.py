"""The figures as tables, page by page: each page is a read of its own, so that a long export holds nobody up."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal

from msgspec import Struct

from poi_engine.catalogue.offer_rows import offer_names
from poi_engine.errors import NotFound
from poi_engine.insights.cells import ALL_STORES, SEPARATOR, visitor_of
from poi_engine.insights.period import cover
from poi_engine.insights.place import View, marks
from poi_engine.insights.rollup import settle
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.settings import read_merchant

Kind = Literal["text", "count", "amount", "quantity", "moment"]
After = tuple[Any, ...] | None
Rows = list[tuple[Any, ...]]

NAME = "display_name"
"""The column that names customers."""
_SALES = 2_000  # a page
_PEOPLE = 500  # a page


class Column(Struct, frozen=True):
    """One column. `amount` in minor units, `quantity` in thousandths, `moment` in microseconds since 1970."""

    name: str
    kind: Kind = "count"


class Page(Struct, frozen=True):
    """Some rows, and where the next page begins; None: nowhere."""

    rows: Rows
    after: After = None


class Table(Struct, frozen=True):
    """A table that can be exported."""

    columns: tuple[Column, ...]
    page: Callable[[View, After], Job[Page]]


def table(name: str, *, named: bool = True) -> Table:
    """The table of this name; unless `named`, without the column that names customers."""
    if name not in TABLES:
        raise NotFound("export table", name)
    return TABLES[name] if named else _nameless(TABLES[name])


def _nameless(found: Table) -> Table:
    kept = [place for place, column in enumerate(found.columns) if column.name != NAME]

    def page(view: View, after: After) -> Job[Page]:
        whole = yield from found.page(view, after)
        return Page([tuple(row[place] for place in kept) for row in whole.rows], whole.after)

    return Table(tuple(found.columns[place] for place in kept), page)


async def pages(sql: Sql, wanted: Table, view: View) -> AsyncIterator[Rows]:
    """Every page of a table."""
    await settle(sql, view.merchant_id)
    after: After = None
    while True:
        page = await sql.read(lambda after=after: wanted.page(view, after))  # type: ignore[misc]
        if page.rows:
            yield page.rows
        if page.after is None:
            return
        after = page.after


# --- from the rollups ----------------------------------------------------------------------------------------------

_MEASURES = ("sales", "refunds", "total", "refunded", "saved", "points")
_SUMS = ", ".join(f"cast(sum({name}) as bigint) as {name}" for name in _MEASURES)
_COUNTED = tuple(
    Column(name, "amount" if name in ("total", "refunded", "saved", "worth") else "count") for name in _MEASURES
)


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "text") for name in names)


def _measures(row: Row, names: Sequence[str] = _MEASURES) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in names)


def _days(view: View, _after: After) -> Job[Page]:
    rows = yield view.daily("hour", f"period, {_SUMS}", "group by period order by period")
    return Page([(row["period"], *_measures(row)) for row in rows])


def _hours(view: View, _after: After) -> Job[Page]:
    rows = yield view.daily("hour", f"value, {_SUMS}", "group by value order by value")
    return Page([(*map(int, row["value"].split("-")), *_measures(row)) for row in rows])


def _payments(view: View, _after: After) -> Job[Page]:
    rows = yield view.daily("payment", f"value, {_SUMS}", "group by value order by value")
    return Page([(*row["value"].split(SEPARATOR, 3), *_measures(row)) for row in rows])


def _visits(view: View, _after: After) -> Job[Page]:
    rows = yield view.daily("visit", f"value, {_SUMS}", "group by value order by value")
    return Page([(*_visit(row["value"]), *_measures(row)) for row in rows])


def _visit(value: str) -> tuple[str, str, int | None]:
    channel, visitor, low = value.split(SEPARATOR, 2)
    return channel, visitor, int(low) if low else None


def _stores(view: View, _after: After) -> Job[Page]:
    rows = yield view._replace(store_id=ALL_STORES).summed("store", _MEASURES[1:], "order by value")
    named = yield Query("select store_id, name from store where merchant_id = ?", (view.merchant_id,))
    names = {row["store_id"]: row["name"] for row in named}
    return Page(
        [
            (row["value"], names.get(row["value"], ""), *_measures(row))
            for row in rows
            if view.store_id in (ALL_STORES, row["value"])
        ]
    )


def _sellers(view: View, _after: After) -> Job[Page]:
    rows = yield view.summed("seller", _MEASURES[1:], "order by value")
    named = yield Query("select seller_id, name from seller where merchant_id = ?", (view.merchant_id,))
    names = {row["seller_id"]: row["name"] for row in named}
    return Page([(row["value"], names.get(row["value"], ""), *_measures(row)) for row in rows])


_OF_PRODUCTS = ("sales", "refunds", "quantity", "total", "refunded", "saved")
_OF_OFFERS = ("sales", "refunds", "total", "refunded", "saved", "worth")


def _products(view: View, _after: After) -> Job[Page]:
    rows = yield view.summed("product", _OF_PRODUCTS[1:], "order by total desc, value")
    return Page([(*row["value"].split(SEPARATOR, 1), *_measures(row, _OF_PRODUCTS)) for row in rows])


def _offers(view: View, _after: After) -> Job[Page]:
    """Each by its title in the merchant's language, or in the one it has."""
    rows = yield view.summed("offer", _OF_OFFERS[1:], "order by value")
    names = yield from offer_names(view.merchant_id, [str(row["value"]) for row in rows])
    language = (yield from read_merchant(view.merchant_id)).language

    def title(offer_id: str) -> str:
        known = names.get(offer_id, {})
        return known.get(language) or next(iter(known.values()), "")

    return Page([(row["value"], title(row["value"]), *_measures(row, _OF_OFFERS)) for row in rows])


def _cohorts(view: View, _after: After) -> Job[Page]:
    rows = yield Query(
        "select value, period, sales from rollup where merchant_id = ? and facet = 'cohort' and grain = 'month'"
        " and store_id = ? and period between ? and ? and sales <> 0 order by value, period",
        (view.merchant_id, view.store_id, *(day.isoformat()[:7] for day in view.period)),
    )
    return Page([(row["value"], row["period"], int(row["sales"])) for row in rows])


def _customers(view: View, after: After) -> Job[Page]:
    """The customers that ever bought here, some at a time, and of those what the period has."""
    came = yield Query(
        "select n.customer_id, c.display_name from newcomer n left join customer c on c.merchant_id = n.merchant_id"
        " and c.customer_id = n.customer_id where n.merchant_id = ? and n.store_id = ? and n.customer_id > ?"
        f" order by n.customer_id limit {_PEOPLE}",
        (view.merchant_id, view.store_id, after[0] if after else ""),
    )
    names = {row["customer_id"]: row["display_name"] or "" for row in came}
    sums: dict[str, list[int]] = {}
    for part in cover(view.period, yearly=True) if names else ():
        rows = yield _of_people(view, part.grain, part.first, part.last, list(names))
        for row in rows:
            found = sums.setdefault(row["value"], [0] * len(_MEASURES))
            sums[row["value"]] = [one + part.sign * more for one, more in zip(found, _measures(row), strict=True)]
    found_rows: Rows = [
        (one, name, *sums[one]) for one, name in names.items() if one in sums and sums[one][0] + sums[one][1] > 0
    ]
    return Page(found_rows, (list(names)[-1],) if len(came) == _PEOPLE else None)


def _of_people(view: View, grain: str, first: str, last: str, people: Sequence[str]) -> Query:
    return Query(
        f"select value, {_SUMS} from rollup where merchant_id = ? and facet = 'customer' and grain = ? and store_id = ?"
        f" and period between ? and ? and value in ({marks(people)}) group by value",
        (view.merchant_id, grain, view.store_id, first, last, *people),
    )


# --- from the sales themselves -------------------------------------------------------------------------------------

_SALE = (
    *_texts("sale_id", "refund_of", "store_id", "station_id", "seller_id", "customer_id", "channel", "local_day"),
    *(Column("local_hour"), Column("local_weekday"), Column("created_at", "moment"), Column("currency", "text")),
    *(Column("subtotal", "amount"), Column("saved", "amount"), Column("total", "amount"), Column("points")),
    *_texts("means", "card_type", "card_scheme", "entry_mode"),
    *(Column("receipt_number"),),
)
_LINE = (
    *_texts("sale_id", "line_id", "code", "label", "category", "brand"),
    *(Column("quantity", "quantity"), Column("unit", "text"), Column("unit_price", "amount"), Column("vat_rate")),
    *(Column("amount", "amount"), Column("saved", "amount"), Column("total", "amount")),
)


def _sales(view: View, after: After) -> Job[Page]:
    rows, rest = yield from _some_sales(view, after, _SALES)
    names = [column.name for column in _SALE]
    return Page([(*(row[name] for name in names), _visitor(row)) for row in rows], rest)


def _visitor(row: Row) -> str:
    return visitor_of(row["customer_id"], bool(row["first_visit"]))


def _some_sales(view: View, after: After, limit: int) -> Job[tuple[list[Row], After]]:
    """Sales and refunds in the order of days and moments, and where the next ones begin."""
    days = yield view.daily("hour", "distinct period", "order by period")
    found: list[Row] = []
    for day in (row["period"] for row in days):
        if after is not None and day < after[0]:
            continue
        found += yield _sales_of(
            view, day, after if after is not None and after[0] == day else None, limit - len(found)
        )
        if len(found) >= limit:
            return found, (day, found[-1]["created_at"], found[-1]["sale_id"])
    return found, None


def _sales_of(view: View, day: str, after: After, limit: int) -> Query:
    text, values = "select * from sale where merchant_id = ? and local_day = ?", [view.merchant_id, day]
    bound: list[Any] = []
    if view.store_id:
        text += " and store_id = ?"
        values.append(view.store_id)
    if after is not None:
        text += " and created_at >= ? and (created_at > ? or sale_id > ?)"
        bound = [after[1], after[1], after[2]]
    return Query(f"{text} order by created_at, sale_id limit ?", (*values, *bound, limit))


def _lines(view: View, after: After) -> Job[Page]:
    sales, rest = yield from _some_sales(view, after, _PEOPLE)
    days = {row["sale_id"]: row["local_day"] for row in sales}
    if not days:
        return Page([], rest)
    names = ", ".join(column.name for column in _LINE)
    lines = yield Query(
        f"select {names} from sale_line where merchant_id = ? and sale_id in ({marks(list(days))})",
        (view.merchant_id, *days),
    )
    order = {sale_id: place for place, sale_id in enumerate(days)}
    rows = sorted(lines, key=lambda row: (order[row["sale_id"]], row["line_id"]))
    return Page([(*(row[column.name] for column in _LINE), days[row["sale_id"]]) for row in rows], rest)


TABLES: dict[str, Table] = {
    "days": Table((*_texts("day"), *_COUNTED), _days),
    "hours": Table((Column("weekday"), Column("hour"), *_COUNTED), _hours),
    "payments": Table((*_texts("means", "card_type", "entry_mode", "card_scheme"), *_COUNTED), _payments),
    "visits": Table((*_texts("channel", "visitor"), Column("basket_from", "amount"), *_COUNTED), _visits),
    "stores": Table((*_texts("store_id", "name"), *_COUNTED), _stores),
    "sellers": Table((*_texts("seller_id", "name"), *_COUNTED), _sellers),
    "products": Table(
        (
            *_texts("code", "label"),
            *(Column("sales"), Column("refunds"), Column("quantity", "quantity"), Column("total", "amount")),
            *(Column("refunded", "amount"), Column("saved", "amount")),
        ),
        _products,
    ),
    "offers": Table(
        (
            *_texts("offer_id", "name"),
            *(Column("uses"), Column("refunds"), Column("total", "amount"), Column("refunded", "amount")),
            *(Column("saved", "amount"), Column("value", "amount")),
        ),
        _offers,
    ),
    "customers": Table((*_texts("customer_id", NAME), *_COUNTED), _customers),
    "cohorts": Table((*_texts("month", "bought_in"), Column("customers")), _cohorts),
    "sales": Table((*_SALE, *_texts("visitor")), _sales),
    "lines": Table((*_LINE, *_texts("local_day")), _lines),
}
"""What can be exported, by name."""
