"""Receipts written alone, without a sale."""

from typing import Literal

from poi_engine.fiscal import journal
from poi_engine.fiscal.journal import Receipt
from poi_engine.ports import Job, Queries


def append(
    m: str, station_id: str, kind: Literal["sale", "refund"], sale_id: str, receipt: Receipt, *, at: int
) -> Job[int]:
    """Write the receipt as the station's next; returns its number. `at` in microseconds."""
    made = yield from journal.entry(m, station_id, kind, sale_id, receipt, at=at)
    yield Queries(made.writes)
    return made.number
