"""Whether a station's day is still open: after its closing nothing is sold there until the store's next day."""

from poi_engine.errors import Conflict
from poi_engine.fiscal.chain import CLOSINGS, first_head
from poi_engine.fiscal.times import utc_micro
from poi_engine.ports import Job, Query


def closed_until(merchant_id: str, station_id: str) -> Job[int | None]:
    """Up to when a station is closed, in microseconds since 1970; None before its first sale."""
    return (yield from _until(merchant_id, station_id, ""))


def must_be_open(merchant_id: str, station_id: str, at: int) -> Job[None]:
    """Refuse what begins at a station whose day is closed. `at` in microseconds since 1970.

    Until the transaction ends nobody closes the day: a closing waits, and then finds what was begun.
    """
    until = yield from _until(merchant_id, station_id, " /* for share */")
    if until is None:
        yield first_head(CLOSINGS, merchant_id, station_id)
        until = yield from _until(merchant_id, station_id, " /* for share */")
    if at < (until or 0):
        words = f"This station's day is closed: it sells again from {utc_micro(until or 0)[:16]} UTC."
        raise Conflict("day-closed", words)


def _until(merchant_id: str, station_id: str, lock: str) -> Job[int | None]:
    rows = yield Query(
        f"select closed_until from closing_head where merchant_id = ? and station_id = ?{lock}",
        (merchant_id, station_id),
    )
    return rows[0]["closed_until"] if rows else None
