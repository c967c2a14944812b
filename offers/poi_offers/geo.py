"""Places on the globe: great-circle metres, and points in rings of [lon, lat] degrees (WGS 84)."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS = 6_371_008.8
"""Mean radius, metres."""

Point = tuple[float, float]
"""Longitude, latitude: GeoJSON's order."""
Ring = Sequence[Point]

_DOUBT = 1e-9  # relative size of a cross product below which floats are not trusted


def distance(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle metres between two places (haversine: stable for near, far and polar places)."""
    phi1, phi2 = radians(lat1), radians(lat2)
    half_phi, half_lambda = (phi2 - phi1) / 2, radians(lon2 - lon1) / 2
    h = sin(half_phi) ** 2 + cos(phi1) * cos(phi2) * sin(half_lambda) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, h)))


def in_polygon(lat: float, lon: float, rings: Sequence[Ring]) -> bool:
    """Inside the first ring and in no hole; every edge, a hole's too, counts as inside."""
    border, *holes = rings
    return locate(lon, lat, border) >= 0 and all(locate(lon, lat, hole) <= 0 for hole in holes)


def locate(lon: float, lat: float, ring: Ring) -> int:
    """Where a point lies: 1 inside the ring, 0 on its edge, -1 outside. An edge goes the shorter way round."""
    points = unrolled(tuple(ring))
    return max(_locate(x, lat, points) for x in (lon, lon - 360.0, lon + 360.0))


@lru_cache(maxsize=1024)
def unrolled(ring: tuple[Point, ...]) -> tuple[Point, ...]:
    """The ring with continuous longitudes, so that one across the antimeridian runs past 180 or -180 degrees."""
    points = [ring[0]]
    for lon, lat in ring[1:]:
        turns = round((lon - points[-1][0]) / 360.0)
        points.append((lon - 360.0 * turns, lat))
    return tuple(points)


def side(a: Point, b: Point, c: Point) -> int:
    """Exact sign of the turn a -> b -> c: 1 left, -1 right, 0 in one line."""
    first, second = (b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0])
    if abs(first - second) > _DOUBT * (abs(first) + abs(second)):
        return 1 if first > second else -1
    (ax, ay), (bx, by), (cx, cy) = ((Fraction(x), Fraction(y)) for x, y in (a, b, c))
    exact = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return (exact > 0) - (exact < 0)


def _locate(x: float, y: float, points: tuple[Point, ...]) -> int:
    inside = False
    for a, b in pairwise(points):
        if (a[1] < y and b[1] < y) or (a[1] > y and b[1] > y) or (x > a[0] and x > b[0]):
            continue  # the edge meets no ray from the point to the right
        turn = side(a, b, (x, y))
        if turn == 0 and min(a[0], b[0]) <= x <= max(a[0], b[0]):
            return 0
        if (a[1] > y) != (b[1] > y) and (turn > 0) == (b[1] > a[1]):
            inside = not inside
    return 1 if inside else -1


def unit_vector(lat: float, lon: float) -> tuple[float, float, float]:
    """The place as a point of the unit sphere."""
    phi, lam = radians(lat), radians(lon)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def chord(metres: float) -> float:
    """Length of the unit sphere's chord that spans a great-circle distance in metres (2 from half round on)."""
    return 2.0 * sin(min(metres / (2 * EARTH_RADIUS), radians(90)))
