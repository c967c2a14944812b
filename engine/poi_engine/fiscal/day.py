"""Whether a station's day is still open: after its closing nothing is sold there until the store's next day."""

from poi_engine.errors import Conflict
from poi_engine.fiscal.times import utc_micro
from poi_engine.ports import Job, Query


def must_be_open(merchant_id: str, station_id: str, at: int) -> Job[None]:
    """Refuse what begins at a station whose day is closed. `at` in microseconds since 1970."""
    rows = yield Query(
        "select closed_until from closing_head where merchant_id = ? and station_id = ?", (merchant_id, station_id)
    )
    if rows and at < rows[0]["closed_until"]:
        until = utc_micro(rows[0]["closed_until"])
        raise Conflict("day-closed", f"This station's day is closed: it sells again from {until[:16]} UTC.")
