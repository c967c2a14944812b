"""The counters of the simulated store, and the tablets beside them."""

from poi_engine.ports import Job, Query
from tests.engine.shop import M

STATIONS = ("sta_1", "sta_2", "sta_3", "sta_4")
BESIDE = {"sta_1": "sta_5", "sta_2": "sta_6", "sta_3": "sta_7", "sta_4": "sta_8"}
"""The tablet beside each counter, to which sessions are handed over."""


def more_stations() -> Job[None]:
    """Those that the shop has not yet."""
    for station_id in (*STATIONS[2:], *BESIDE.values()):
        yield Query(
            "insert into station (merchant_id, store_id, station_id, name, vat_rate, connector) values (?,?,?,?,?,?)",
            (M, "sto_1", station_id, station_id, 2000, "simulator"),
        )
