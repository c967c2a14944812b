"""Exercises: a station in training writes its receipts to a chain apart, and they count nowhere."""

from msgspec.structs import replace

from poi_engine.fiscal.chain import TRAINING, append
from poi_engine.fiscal.journal import FORMAT, Receipt
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Job, Query


def record(m: str, station_id: str, receipt: Receipt, at: int) -> Job[int]:
    """Write an exercise's receipt as the station's next one in training, at `at` (microseconds); returns its number."""
    marked = replace(receipt, at=utc_micro(at), fiscal=STAMP, format=FORMAT, training=True)
    made = yield from append(TRAINING, m, station_id, marked, FORMAT)
    return made.number


def switch(m: str, station_id: str, on: bool) -> Job[bool]:
    """Set a station's training flag; False when it stood there already, or there is no such station."""
    rows = yield Query(
        "update station set training = ? where merchant_id = ? and station_id = ? and training <> ? returning training",
        (int(on), m, station_id, int(on)),
    )
    return bool(rows)
