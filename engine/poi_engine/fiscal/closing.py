"""Closings: what a station's day, month and year came to, chained and signed, with totals that never go back.

A day's closing holds the receipts since the closing before it, by their numbers; its period is the store's date. Months
add up days, years add up months. What is still in flight when a day is closed falls into the next one. The first
closing of a journal that is older carries what was sold before it.
"""

from collections.abc import Callable
from datetime import date

import msgspec
from msgspec.structs import asdict

from poi_engine.checkout.records import insert_event
from poi_engine.errors import Conflict
from poi_engine.fiscal import events
from poi_engine.fiscal.chain import CLOSINGS, EVENTS, JOURNAL, TRAINING, advance, anchor, link_of, lock, origin
from poi_engine.fiscal.drafts import Draft, Moved, summed
from poi_engine.fiscal.keys import CLOSING, Signed
from poi_engine.fiscal.model import FORMAT, Closed, Closing, InDoubt, Kind, closed_of, closing_of
from poi_engine.fiscal.pay_backs import of_day
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Job, Query, Row

Sign = Callable[[bytes], Signed]


def write(m: str, draft: Draft, sign: Sign, event_id: str, by: str, at: int) -> Job[Closed]:
    """Make the closing of a draft. `Moved` when the books have moved on since the draft was made: draft it again.

    Its head is locked first: whoever is selling at the station keeps it from changing until that is written.
    """
    head = yield from advance(CLOSINGS, m, draft.station_id)
    if draft.kind == "day":
        yield from nothing_under_way(m, draft.station_id)
    journal = yield from lock(JOURNAL, m, draft.station_id)
    if (head["number"] - 1, head["receipt"]) != (draft.after, draft.closed):
        raise Moved
    if draft.to_head and journal["number"] > draft.last:
        draft = yield from summed(m, draft, journal["number"])
    closing = yield from _closing(m, draft, journal, by, at)
    closed = yield from _insert(m, head, closing, sign, at)
    until = draft.closed_until if draft.kind == "day" else head["closed_until"]
    yield Query(
        "update closing_head set hash = ?, receipt = ?, closed_until = ? where merchant_id = ? and station_id = ?",
        (
            *(bytes.fromhex(closed.hash), draft.last if draft.kind == "day" else head["receipt"]),
            *(max(until, head["closed_until"]), m, draft.station_id),
        ),
    )
    told = {
        "station_id": draft.station_id,
        "number": closed.closing.number,
        "hash": closed.hash,
        "period": draft.period,
    }
    yield insert_event(m, event_id, "fiscal.closed", {**told, "total": closing.total}, at)
    values: dict[str, str | int] = {"number": closed.closing.number, "hash": closed.hash}
    yield from events.record(m, draft.station_id, "closing", f"{draft.kind} {draft.period}", by, values, at)
    return closed


def _closing(m: str, draft: Draft, journal: Row, by: str, at: int) -> Job[Closing]:
    doubts = yield Query(
        "select c.checkout_id, p.amount from payment p join checkout c on c.merchant_id = p.merchant_id"
        " and c.checkout_id = p.checkout_id where p.merchant_id = ? and p.state in ('unknown', 'captured')"
        " and c.station_id = ? and c.state in ('unknown', 'part_paid') order by c.checkout_id, p.payment_id",
        (m, draft.station_id),
    )
    paid_back = draft.paid_back
    if draft.kind == "day":
        ends = None if draft.to_head else draft.closed_until
        paid_back = yield from of_day(m, draft.station_id, draft.paid_back_after, ends)
    return Closing(
        kind=draft.kind,
        period=draft.period,
        station_id=draft.station_id,
        store_id=draft.store_id,
        currency=draft.currency,
        at=utc_micro(at),
        by=by,
        first=draft.first,
        last=draft.last,
        ends=draft.closed_until,
        **asdict(draft.totals),
        carried_sales=draft.carried_sales,
        carried_total=draft.carried_total,
        perpetual_sales=draft.carried_sales + draft.totals.sales_total,
        perpetual_total=draft.carried_total + draft.totals.total,
        in_doubt=tuple(InDoubt(checkout_id=row["checkout_id"], amount=row["amount"]) for row in doubts),
        paid_back=paid_back,
        adds_up=draft.adds_up,
        journal_hash=(yield from _journal_hash(m, draft, journal)),
        events=(yield from anchor(EVENTS, m, draft.station_id)),
        merchant_events=(yield from anchor(EVENTS, m, events.MERCHANT)),
        training=(yield from anchor(TRAINING, m, draft.station_id)),
        fiscal=STAMP,
    )


def _insert(m: str, head: Row, closing: Closing, sign: Sign, at: int) -> Job[Closed]:
    made = link_of(head, closing)
    signed = sign(CLOSING + made.hash)
    yield Query(
        "insert into fiscal_key (merchant_id, key_id, public_key, created_at) values (?, ?, ?, ?)"
        " on conflict (merchant_id, key_id) do nothing",
        (m, signed.key_id, signed.public_key, at),
    )
    yield Query(
        "insert into closing (merchant_id, station_id, number, format, kind, period, document, previous, hash, key_id,"
        " signature) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(m, closing.station_id, made.number, FORMAT, closing.kind, closing.period, made.document, made.previous),
            *(made.hash, signed.key_id, signed.signature),
        ),
    )
    return Closed(
        closing=msgspec.structs.replace(closing, number=made.number),
        hash=made.hash.hex(),
        previous=made.previous.hex(),
        key_id=signed.key_id,
        signature=signed.signature.hex(),
    )


def nothing_under_way(m: str, station_id: str) -> Job[None]:
    """Refuse while a payment of the station is being sent."""
    rows = yield Query(
        "select 1 as one from payment p join checkout c on c.merchant_id = p.merchant_id"
        " and c.checkout_id = p.checkout_id where p.merchant_id = ? and p.state = 'sending' and c.station_id = ?"
        " limit 1",
        (m, station_id),
    )
    if rows:
        raise Conflict("payment-under-way", "A payment of this station is under way; wait for its end.")


def _journal_hash(m: str, draft: Draft, journal: Row) -> Job[str]:
    if draft.last == journal["number"]:
        return bytes(journal["hash"]).hex()
    if not draft.last:
        return origin(JOURNAL, m, draft.station_id).hex()
    rows = yield Query(
        "select hash from journal where merchant_id = ? and station_id = ? and number = ?",
        (m, draft.station_id, draft.last),
    )
    return bytes(rows[0]["hash"]).hex()


def last_of(m: str, station_id: str, kind: Kind) -> Job[Closed | None]:
    """The station's latest closing of a kind."""
    rows = yield Query(
        "select document, previous, hash, key_id, signature from closing where merchant_id = ? and station_id = ?"
        " and kind = ? order by number desc limit 1",
        (m, station_id, kind),
    )
    return closed_of(rows[0]) if rows else None


def page(m: str, station_id: str, before: int, limit: int) -> Job[list[Closed]]:
    """The station's newest closings with numbers below `before`."""
    rows = yield Query(
        "select document, previous, hash, key_id, signature from closing where merchant_id = ? and station_id = ?"
        " and number < ? order by number desc limit ?",
        (m, station_id, before, limit),
    )
    return [closed_of(row) for row in rows]


def days_of(m: str, day: date) -> Job[list[Closing]]:
    """Every station's closing of a day; sorted here: asked to sort, SQLite walks the merchant's closings."""
    rows = yield Query(
        "select document from closing where merchant_id = ? and kind = 'day' and period = ?", (m, day.isoformat())
    )
    return sorted((closing_of(bytes(row["document"])) for row in rows), key=lambda one: one.station_id)


def keys_of(m: str) -> Job[list[tuple[str, bytes, int]]]:
    """The keys that signed, oldest first: id, public key, first use in microseconds since 1970."""
    rows = yield Query(
        "select key_id, public_key, created_at from fiscal_key where merchant_id = ? order by created_at, key_id", (m,)
    )
    return [(row["key_id"], bytes(row["public_key"]), row["created_at"]) for row in rows]
