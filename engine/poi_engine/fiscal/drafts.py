"""What is to be closed, added up beforehand so that the closing itself holds nobody up."""

from datetime import date
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.errors import NotFound
from poi_engine.fiscal.chain import PAGE
from poi_engine.fiscal.model import Closing, Kind, PayBacks, closing_of
from poi_engine.fiscal.pay_backs import before_first, of_parts
from poi_engine.fiscal.times import day_after, local_day, midnight, month_after, year_after
from poi_engine.fiscal.totals import Sum, Totals, counted
from poi_engine.ports import Job, Query


class Moved(Exception):
    """The books have moved on since a draft was made."""


class Draft(Struct, frozen=True, kw_only=True):
    """A closing to be made: receipts `first` to `last`, after closing `after` which ended with receipt `closed`.

    `paid_back`: what the parts of a month or year paid back; a day's is looked for when it is closed, in the events
    behind number `paid_back_after`.
    `to_head`: whatever was sold meanwhile belongs to it too.
    """

    kind: Kind
    period: str
    station_id: str
    store_id: str
    currency: str
    after: int
    closed: int
    first: int
    last: int
    totals: Totals
    carried_sales: int
    carried_total: int
    closed_until: int
    adds_up: tuple[int, ...] = ()
    paid_back: PayBacks = PayBacks()
    paid_back_after: int = 0
    to_head: bool = False


class _Books(Struct, frozen=True, kw_only=True):
    """How far a station's books have come."""

    station_id: str
    store_id: str
    zone: str
    currency: str
    receipts: int
    after: int
    closed: int
    closed_until: int


def next_due(m: str, station_id: str, through: date, at: int, *, today: bool) -> Job[Draft | None]:
    """What is to be closed next, up to the day `through`; None when nothing is left. `at` in microseconds since 1970.

    A month or year comes before the days after it: so each year's closings follow one another.
    """
    day = yield from draft_day(m, station_id, through, today=today)
    if day is not None:
        at = midnight(date.fromisoformat(day.period), (yield from _books(m, station_id)).zone)
    month = yield from draft_sum(m, station_id, "month", at)
    return month or (yield from draft_sum(m, station_id, "year", at)) or day


def draft_day(m: str, station_id: str, through: date, *, today: bool) -> Job[Draft | None]:
    """The next day of a station to be closed, up to `through`; None when none is left.

    `today`: `through` is the day that a person closes now, with all that was sold and even if nothing was. Otherwise
    days without receipts are passed over.
    """
    books = yield from _books(m, station_id)
    last_day = yield from _last(m, station_id, "day")
    closed_day = date.fromisoformat(last_day.period) if last_day else None
    day = yield from _next_day(m, books, closed_day, through, today)
    if day is None:
        return None
    ends = midnight(day_after(day), books.zone)
    to_head = today and day == through
    last = books.receipts if to_head else (yield from _last_before(m, books, ends))
    if last_day is not None:
        first, carried = books.closed + 1, (last_day.perpetual_sales, last_day.perpetual_total)
        paid_back_after = last_day.paid_back.last
    else:
        first = yield from _first_from(m, books, midnight(day, books.zone), last)
        before = (yield from _sum(m, station_id, 1, first - 1)).totals()
        carried = (before.sales_total, before.total)
        paid_back_after = yield from before_first(m, station_id, midnight(day, books.zone))
    totals = (yield from _sum(m, station_id, first, last)).totals()
    return Draft(
        kind="day",
        period=day.isoformat(),
        station_id=station_id,
        store_id=books.store_id,
        currency=books.currency,
        after=books.after,
        closed=books.closed,
        first=first,
        last=last,
        totals=totals,
        carried_sales=carried[0],
        carried_total=carried[1],
        closed_until=ends,
        paid_back_after=paid_back_after,
        to_head=to_head,
    )


def open_receipts(m: str, station_id: str, today: date) -> Job[tuple[Totals, int, int]]:
    """What no closing holds yet, with its first and last receipt; before the first closing, what was sold today."""
    books = yield from _books(m, station_id)
    first = books.closed + 1
    if not books.after:
        first = yield from _first_from(m, books, midnight(today, books.zone), books.receipts)
    return (yield from _sum(m, station_id, first, books.receipts)).totals(), first, books.receipts


def draft_sum(m: str, station_id: str, kind: Literal["month", "year"], at: int) -> Job[Draft | None]:
    """The next month or year of a station to be closed; None when none is over. `at` in microseconds since 1970.

    It is over when its last day is: by the clock or because that day was closed.
    """
    books = yield from _books(m, station_id)
    parts = yield from _parts(m, station_id, kind)
    if not parts:
        return None
    length, after = (7, month_after) if kind == "month" else (4, year_after)
    period = parts[0].period[:length]
    if max(at, books.closed_until) < midnight(after(period), books.zone):
        return None
    parts = [part for part in parts if part.period.startswith(period)]
    return Draft(
        kind=kind,
        period=period,
        station_id=station_id,
        store_id=books.store_id,
        currency=books.currency,
        after=books.after,
        closed=books.closed,
        first=parts[0].first,
        last=parts[-1].last,
        totals=Sum().add_totals(part.totals() for part in parts).totals(),
        carried_sales=parts[0].carried_sales,
        carried_total=parts[0].carried_total,
        closed_until=books.closed_until,
        adds_up=tuple(part.number for part in parts),
        paid_back=of_parts([part.paid_back for part in parts]),
    )


def summed(m: str, draft: Draft, last: int) -> Job[Draft]:
    """The draft with the receipts up to `last` as well."""
    more = yield from _sum(m, draft.station_id, draft.last + 1, last)
    return replace(draft, last=last, totals=more.add_totals([draft.totals]).totals())


def _books(m: str, station_id: str) -> Job[_Books]:
    rows = yield Query(
        "select s.store_id, t.zone, m.currency, coalesce(j.number, 0) as receipts, coalesce(c.number, 0) as after,"
        " coalesce(c.receipt, 0) as closed, coalesce(c.closed_until, 0) as closed_until from station s"
        " join store t on t.merchant_id = s.merchant_id and t.store_id = s.store_id"
        " join merchant m on m.merchant_id = s.merchant_id"
        " left join journal_head j on j.merchant_id = s.merchant_id and j.station_id = s.station_id"
        " left join closing_head c on c.merchant_id = s.merchant_id and c.station_id = s.station_id"
        " where s.merchant_id = ? and s.station_id = ?",
        (m, station_id),
    )
    if not rows:
        raise NotFound("station", station_id)
    return _Books(station_id=station_id, **rows[0])


def _last(m: str, station_id: str, kind: Kind) -> Job[Closing | None]:
    rows = yield Query(
        "select document from closing where merchant_id = ? and station_id = ? and kind = ?"
        " order by number desc limit 1",
        (m, station_id, kind),
    )
    return closing_of(bytes(rows[0]["document"])) if rows else None


def _parts(m: str, station_id: str, kind: Kind) -> Job[list[Closing]]:
    """The days that no month adds up yet, or the months that no year does."""
    last = yield from _last(m, station_id, kind)
    part: Kind = "day" if kind == "month" else "month"
    done = last.adds_up[-1] if last else 0
    rows = yield Query(
        "select document from closing where merchant_id = ? and station_id = ? and kind = ? and number > ?"
        " order by number",
        (m, station_id, part, done),
    )
    return [closing_of(bytes(row["document"])) for row in rows]


def _next_day(m: str, books: _Books, closed: date | None, through: date, today: bool) -> Job[date | None]:
    """The day to be closed next: that of the oldest open receipt, but never one that is closed already."""
    if closed is not None and closed >= through:
        return None
    if closed is None:
        day = yield from _day_of(m, books, books.receipts)
        return through if today else None if day is None else (yield from _first_day(m, books, day, through))
    day = yield from _day_of(m, books, books.closed + 1)
    newest = yield from _day_of(m, books, books.receipts)
    if day is None or newest is None or books.receipts == books.closed:
        return through if today else None
    day = max(min(day, newest), day_after(closed))
    return day if day <= through else through if today else None


def _first_day(m: str, books: _Books, newest: date, through: date) -> Job[date | None]:
    """The first closing of an older journal is that of its last day; what came before is carried."""
    if newest <= through:
        return newest
    last = yield from _last_before(m, books, midnight(day_after(through), books.zone))
    return (yield from _day_of(m, books, last))


def _day_of(m: str, books: _Books, number: int) -> Job[date | None]:
    rows = yield Query(
        "select created_at from journal where merchant_id = ? and station_id = ? and number = ?",
        (m, books.station_id, number),
    )
    return local_day(rows[0]["created_at"], books.zone) if rows else None


def _last_before(m: str, books: _Books, ends: int) -> Job[int]:
    """The last open receipt from before a moment; the last closed one when there is none."""
    rows = yield Query(
        "select max(number) as last from journal where merchant_id = ? and station_id = ? and number > ?"
        " and created_at < ?",
        (m, books.station_id, books.closed, ends),
    )
    return int(rows[0]["last"] or books.closed)


def _first_from(m: str, books: _Books, begins: int, last: int) -> Job[int]:
    rows = yield Query(
        "select min(number) as first from journal where merchant_id = ? and station_id = ? and number <= ?"
        " and created_at >= ?",
        (m, books.station_id, last, begins),
    )
    return int(rows[0]["first"] or last + 1)


def _sum(m: str, station_id: str, first: int, last: int) -> Job[Sum]:
    """Receipts `first` to `last` added up, page by page."""
    found, number = Sum(), first
    while number <= last:
        rows = yield Query(
            "select document from journal where merchant_id = ? and station_id = ? and number >= ? and number <= ?"
            f" order by number limit {PAGE}",
            (m, station_id, number, last),
        )
        for row in rows:
            found.add(counted(bytes(row["document"])))
        number += PAGE
    return found
