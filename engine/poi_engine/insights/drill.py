"""From a figure to the sales behind it, a page at a time, newest day first.

The rollups say on which days there is anything to find, so that days without it are passed by. A page ends early when
it has looked at many sales in vain: what it costs is bounded, and its cursor goes on from there.
"""

from collections.abc import Iterable
from typing import Literal, Protocol

from msgspec import Struct

from poi_engine.clock import moment
from poi_engine.errors import RequestError
from poi_engine.insights.cells import SEPARATOR, Facet, visitor_of
from poi_engine.insights.figures import SaleBehind, SalesBehind
from poi_engine.insights.place import View
from poi_engine.ports import Job, Query, Row

_COLUMNS = (
    *("sale_id", "refund_of", "store_id", "station_id", "seller_id", "customer_id", "channel", "currency", "subtotal"),
    *("saved", "total", "points", "means", "card_type", "card_scheme", "entry_mode", "receipt_number", "first_visit"),
    *("local_day", "local_hour", "local_weekday", "created_at"),
)
_PLAIN = frozenset(_COLUMNS) & frozenset(SaleBehind.__struct_fields__)
_LOOKED_AT = 20_000  # sales a page
_SELECT = ", ".join(f"s.{name}" for name in _COLUMNS)
_SAME = ("seller_id", "station_id", "means", "card_type", "card_scheme", "entry_mode", "channel")


class Filter(Struct, frozen=True, kw_only=True):
    """What the sales have in common; None: anything. An empty text is `none` (no card, nobody signed in).

    `low` and `high` (exclusive) bound the totals of sales, minor units, and leave refunds out.
    """

    kind: Literal["sale", "refund"] | None = None
    day: str | None = None
    weekday: int | None = None
    hour: int | None = None
    seller_id: str | None = None
    station_id: str | None = None
    means: str | None = None
    card_type: str | None = None
    card_scheme: str | None = None
    entry_mode: str | None = None
    channel: str | None = None
    visitor: Literal["new", "returning", "anonymous"] | None = None
    low: int | None = None
    high: int | None = None
    code: str | None = None
    label: str | None = None
    offer_id: str | None = None
    customer_id: str | None = None


class _Place(Struct, frozen=True):
    """Where a page goes on: before this sale of the day, or at the day's newest."""

    day: str
    at: int | None = None
    sale_id: str = ""

    def __str__(self) -> str:
        return self.day if self.at is None else f"{self.day}~{self.at}~{self.sale_id}"


def page(view: View, wanted: Filter, limit: int, after: str | None) -> Job[SalesBehind]:
    """At most `limit` sales; `next` is the page's cursor."""
    place = _read_place(after)
    clauses, values = _where(view, wanted)
    if wanted.customer_id:
        theirs = yield _of_customer(view, clauses, values, place, limit + 1)
        return SalesBehind(items=_items(theirs[:limit]), next=_next(theirs, limit, None))
    days = yield from _days(view, wanted, place)
    found: list[Row] = []
    looked = 0
    for day, sales in days:
        if len(found) > limit or looked >= _LOOKED_AT:
            return SalesBehind(items=_items(found[:limit]), next=_next(found, limit, day))
        found += yield _on(view, day, clauses, values, place, limit + 1 - len(found))
        looked += sales
    return SalesBehind(items=_items(found[:limit]), next=_next(found, limit, None))


def _next(found: list[Row], limit: int, day: str | None) -> str | None:
    if len(found) > limit:
        last = found[limit - 1]
        return str(_Place(str(last["local_day"]), int(last["created_at"]), str(last["sale_id"])))
    return None if day is None else str(_Place(day))


def _read_place(after: str | None) -> _Place | None:
    if after is None:
        return None
    day, _, rest = after.partition("~")
    at, _, sale_id = rest.partition("~")
    if len(day) != 10 or (rest and not (at.isdecimal() and len(at) < 19 and sale_id)):
        raise RequestError("bad-cursor", "Give the `next` of the page before, as it was.", path="$.after")
    return _Place(day, int(at) if at else None, sale_id)


def _days(view: View, wanted: Filter, place: _Place | None) -> Job[list[tuple[str, int]]]:
    """The days on which there may be something, newest first, and how many sales and refunds each has to look at."""
    every = yield view.daily("hour", "period, value, sales + refunds as sales", "order by period desc")
    sales: dict[str, int] = {}
    for row in every:
        weekday, _, hour = str(row["value"]).partition("-")
        if wanted.weekday in (None, int(weekday)) and wanted.hour in (None, int(hour)):
            sales[str(row["period"])] = sales.get(str(row["period"]), 0) + int(row["sales"])
    kept = yield from _with_value(view, wanted, list(sales))
    return [
        (day, number)
        for day, number in sales.items()
        if day in kept and wanted.day in (None, day) and (place is None or day <= place.day)
    ]


def _with_value(view: View, wanted: Filter, days: list[str]) -> Job[set[str]]:
    """The days that have the product, offer or seller asked for."""
    facets: list[tuple[Facet, str | None]] = [
        ("offer", wanted.offer_id),
        ("seller", wanted.seller_id),
        ("product", None if None in (wanted.code, wanted.label) else f"{wanted.code}{SEPARATOR}{wanted.label}"),
    ]
    kept = set(days)
    for facet, value in facets:
        if value:
            rows = yield from view.at(facet, "day", sorted(kept), [value], "period")
            kept = {str(row["period"]) for row in rows}
    return kept


def _of_customer(view: View, clauses: str, values: Iterable[str | int], place: _Place | None, limit: int) -> Query:
    """One customer's sales in the period, which their own index finds."""
    # the day is no plain column here: it would tempt SQLite to walk the merchant's days in their order
    text = f"select {_SELECT} from sale s where s.merchant_id = ? and s.local_day || '' between ? and ?"
    last = view.period.last.isoformat() if place is None else min(place.day, view.period.last.isoformat())
    bound: list[str | int] = []
    if place is not None and place.at is not None:
        text += " and (s.local_day < ? or s.created_at < ? or (s.created_at = ? and s.sale_id < ?))"
        bound = [place.day, place.at, place.at, place.sale_id]
    order = " order by s.local_day || '' desc, s.created_at desc, s.sale_id desc limit ?"
    more = (view.merchant_id, view.period.first.isoformat(), last)
    return Query(f"{text}{clauses}{order}", (*more, *bound, *values, limit))


def _on(view: View, day: str, clauses: str, values: Iterable[str | int], place: _Place | None, limit: int) -> Query:
    """The sales of one day, newest first, from the cursor on."""
    text, more = f"select {_SELECT} from sale s where s.merchant_id = ? and s.local_day = ?", [view.merchant_id, day]
    bound: list[str | int] = []
    if place is not None and place.at is not None and place.day == day:
        text += " and s.created_at <= ? and (s.created_at < ? or s.sale_id < ?)"
        bound = [place.at, place.at, place.sale_id]
    order = " order by s.created_at desc, s.sale_id desc limit ?"
    return Query(f"{text}{clauses}{order}", (*more, *bound, *values, limit))


def _where(view: View, wanted: Filter) -> tuple[str, list[str | int]]:
    """The conditions on a sale's row, each with a leading `and`."""
    clauses: list[str] = []
    values: list[str | int] = []

    def add(clause: str, *value: str | int) -> None:
        clauses.append(f" and {clause}")
        values.extend(value)

    if view.store_id:
        add("s.store_id = ?", view.store_id)
    for name in _SAME:
        if (value := getattr(wanted, name)) is not None:
            add(f"coalesce(s.{name}, '') = ?", value)
    if wanted.customer_id is not None:
        add("s.customer_id = ?" if wanted.customer_id else "coalesce(s.customer_id, '') = ?", wanted.customer_id)
    for column, asked in (("day", wanted.day), ("weekday", wanted.weekday), ("hour", wanted.hour)):
        if asked is not None:
            add(f"s.local_{column} = ?", asked)
    if wanted.kind is not None or wanted.low is not None or wanted.high is not None:
        add(f"s.refund_of is {'not ' if wanted.kind == 'refund' else ''}null")
    if wanted.low is not None:
        add("s.total >= ?", wanted.low)
    if wanted.high is not None:
        add("s.total < ?", wanted.high)
    if wanted.visitor is not None:
        add(_VISITORS[wanted.visitor])
    if wanted.code is not None or wanted.label is not None:
        _add_line(wanted, add)
    if wanted.offer_id is not None:
        add(f"exists (select 1 from redemption r where {_OF_SALE.format('r')} and r.offer_id = ?)", wanted.offer_id)
    return "".join(clauses), values


_OF_SALE = "{0}.merchant_id = s.merchant_id and {0}.sale_id = s.sale_id"
_VISITORS = {
    "anonymous": "s.customer_id is null",
    "new": "s.customer_id is not null and s.first_visit = 1",
    "returning": "s.customer_id is not null and s.first_visit = 0",
}


class _Add(Protocol):
    def __call__(self, clause: str, *value: str | int) -> None: ...


def _add_line(wanted: Filter, add: _Add) -> None:
    given = {"code": wanted.code, "label": wanted.label}
    named = {name: value for name, value in given.items() if value is not None}
    same = "".join(f" and l.{name} = ?" for name in named)
    add(f"exists (select 1 from sale_line l where {_OF_SALE.format('l')}{same})", *named.values())


def _items(rows: Iterable[Row]) -> tuple[SaleBehind, ...]:
    return tuple(
        SaleBehind(
            **{name: row[name] for name in _PLAIN},
            day=row["local_day"],
            hour=row["local_hour"],
            weekday=row["local_weekday"],
            visitor=visitor_of(row["customer_id"], bool(row["first_visit"])),
            at=moment(row["created_at"]),
        )
        for row in rows
    )
