"""The event log: what happened around the receipts, chained like them, one chain a station and one of the merchant's.

The merchant's own chain has the empty station: starts and stops, another version, archives, verifications.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from poi_engine.clock import micros_of
from poi_engine.fiscal.chain import EVENTS, append, lock
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Job, Query

FORMAT = 1
MERCHANT = ""
"""The station of the merchant's own chain."""

Kind = Literal[
    "start",
    "stop",
    "version",
    "closing",
    "training-on",
    "training-off",
    "print",
    "reprint",
    "paid-back",
    "clock-back",
    "clock-ahead",
    "archive",
    "verification",
]


class Event(Struct, frozen=True, kw_only=True):
    """One entry. `at` is UTC to the microsecond, `who` as records name people, `fiscal` the part's version then."""

    kind: Kind
    station_id: str
    at: str
    who: str
    subject: str
    values: dict[str, str | int]
    fiscal: str
    format: int = FORMAT
    number: int = 0


def record(
    m: str, station_id: str, kind: Kind, subject: str, who: str, values: Mapping[str, str | int], at: int
) -> Job[int]:
    """Write an entry; returns its number. The chain's head is locked: nothing but figures is locked after it."""
    event = Event(
        kind=kind,
        station_id=station_id,
        at=utc_micro(at),
        who=who,
        subject=subject,
        values=dict(values),
        fiscal=STAMP,
    )
    made = yield from append(EVENTS, m, station_id, event, FORMAT, kind=kind, subject=subject)
    return made.number


def hold(m: str, station_id: str) -> Job[None]:
    """Lock a chain's head, so that nothing is counted twice by two at once."""
    yield from lock(EVENTS, m, station_id)


def verified(findings: int, at: int) -> Job[None]:
    """Every merchant's books were verified, with so many findings in all."""
    for row in (yield Query("select merchant_id from merchant order by merchant_id")):
        yield from record(row["merchant_id"], MERCHANT, "verification", "", "", {"findings": findings}, at)


def event_of(document: bytes) -> Event:
    """An entry from its canonical bytes."""
    return msgspec.json.decode(document, type=Event)


def prints(m: str, sale_id: str) -> Job[list[Event]]:
    """The prints of a sale's receipt, oldest first."""
    rows = yield Query(
        "select document from fiscal_event where merchant_id = ? and subject = ? and kind in ('print', 'reprint')"
        " order by number",
        (m, sale_id),
    )
    return [event_of(bytes(row["document"])) for row in rows]


class _At(Struct):
    at: datetime


def last(m: str, kind: Kind, subject: str) -> Job[int]:
    """When something was last recorded of a subject, in microseconds since 1970; 0 for never."""
    rows = yield Query(
        "select document from fiscal_event where merchant_id = ? and subject = ? and kind = ? order by number desc"
        " limit 1",
        (m, subject, kind),
    )
    return micros_of(msgspec.json.decode(bytes(rows[0]["document"]), type=_At).at) if rows else 0


def page(m: str, station_id: str, before: int, limit: int) -> Job[list[Event]]:
    """The newest entries of a chain with numbers below `before`."""
    rows = yield Query(
        "select document from fiscal_event where merchant_id = ? and station_id = ? and number < ?"
        " order by number desc limit ?",
        (m, station_id, before, limit),
    )
    return [event_of(bytes(row["document"])) for row in rows]
