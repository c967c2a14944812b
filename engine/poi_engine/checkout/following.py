"""Jobs of a hand-over: an accepted checkout follows its session, unless a payment of it is faster."""

from msgspec.structs import replace

from poi_engine.checkout.frozen import decode, encode
from poi_engine.checkout.payment import payments_of, taken_at
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_engine.wiring import Trace

IDLE = ("reserved", "part_paid")
"""Checkouts that wait for their next payment."""


def bring(merchant_id: str, session: Session, trace: Trace) -> Job[bool]:
    """The session's checkout goes on where the session is: its next payment is made there, and makes it that station's
    sale. False: it stays, for a payment was begun, or it has ended."""
    trace("handover.job")
    checkout_id, station_id = session.checkout_id or "", session.station_id
    rows = yield Query(
        "update checkout set station_id = ? where merchant_id = ? and checkout_id = ? and state in (?, ?)"
        " returning document",
        (station_id, merchant_id, checkout_id, *IDLE),
    )
    if not rows:
        return station_id == (yield from station_of(merchant_id, checkout_id))
    trace("handover.brought")
    frozen = decode(rows[0]["document"])
    before = frozen.session.station_id
    if before != station_id:
        there = replace(frozen, session=replace(frozen.session, station_id=station_id))
        yield Query(
            "update checkout set document = ? where merchant_id = ? and checkout_id = ?",
            (encode(there), merchant_id, checkout_id),
        )
        trace("handover.written")
        for payment in (yield from payments_of(merchant_id, checkout_id)):
            yield from taken_at(merchant_id, payment, before)
        trace("handover.noted")
    return True


def station_of(merchant_id: str, checkout_id: str) -> Job[str | None]:
    """Where the checkout is paid; None: there is no such checkout."""
    rows = yield Query(
        "select station_id from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    return rows[0]["station_id"] if rows else None
