"""Boxes around circles and polygons, for tools that know ranges only."""

from math import cos, radians

from poi_server.benchmark.clauses import KM
from poi_server.benchmark.peers.dicts import Clause

BORDERS = frozenset(("circle", "polygon"))


def box(clause: Clause) -> tuple[float, float, float, float]:
    """West, south, east, north of the clause's circle or polygon, with a little to spare; WGS 84 degrees."""
    if "polygon" in clause:
        lons, lats = zip(*clause["polygon"], strict=True)
        return min(lons), min(lats), max(lons), max(lats)
    lat, lon, radius = clause["circle"]
    tall = radius / 1000 * KM * 1.001
    wide = tall / cos(radians(abs(lat) + tall))
    return lon - wide, lat - tall, lon + wide, lat + tall
