"""When a sale that was made without the server is booked: at its own time, unless that is not to be believed, or over.

A tablet's clock may be wrong by years, and what has been added up is not added to: such a sale is booked when it comes,
into the open day, and what the tablet said is noted.
"""

from datetime import datetime

from msgspec import Struct

from poi_engine.clock import micros_of, moment
from poi_engine.fiscal.day import closed_until
from poi_engine.fiscal.times import local_day
from poi_engine.ports import Job, Query
from poi_engine.settings import Counter

OLDEST_US = 30 * 24 * 3600 * 1_000_000
AHEAD_US = 300 * 1_000_000
"""How far a tablet's clock may be ahead of ours."""


class Booking(Struct, frozen=True, kw_only=True):
    """`at`: when it is booked, microseconds since 1970; `sold_at`: what it is judged by; what is odd, in words."""

    at: int
    sold_at: datetime
    notes: tuple[str, ...] = ()


def believed(sold_at: datetime, now: int) -> datetime:
    """The tablet's time, or ours when its clock is out of all reason. `now` in microseconds since 1970."""
    return sold_at if now - OLDEST_US <= micros_of(sold_at) <= now + AHEAD_US else moment(now)


def booking_of(merchant_id: str, counter: Counter, sold_at: datetime, now: int) -> Job[Booking]:
    """When a sale of `sold_at` is booked that comes `now`, microseconds since 1970."""
    if believed(sold_at, now) != sold_at:
        return Booking(at=now, sold_at=moment(now), notes=(f"its clock said {sold_at.isoformat()}, and was wrong",))
    at = min(micros_of(sold_at), now)
    if (yield from _may_be_added(merchant_id, counter, at)):
        return Booking(at=at, sold_at=sold_at)
    return Booking(at=now, sold_at=sold_at, notes=(f"sold at {sold_at.isoformat()}, a day that is over in the books",))


def _may_be_added(merchant_id: str, counter: Counter, at: int) -> Job[bool]:
    """Whether its day is open: neither closed, nor followed by a day of which the journal has receipts."""
    if at < ((yield from closed_until(merchant_id, counter.station_id)) or 0):
        return False
    head = yield Query(
        "select latest from journal_head where merchant_id = ? and station_id = ?", (merchant_id, counter.station_id)
    )
    zone = counter.place.zone
    return not head or local_day(head[0]["latest"], zone) <= local_day(at, zone)
