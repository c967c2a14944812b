"""A polygon's rings: closed, finite, not crossing themselves or each other, holes inside the border."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isfinite

from poi_offers.errors import OfferError
from poi_offers.geo import Point, locate, side, unrolled

MAX_POINTS = 1000
"""Most points of one polygon, all rings together."""

Ring = tuple[Point, ...]
Edge = tuple[Point, Point]
Box = tuple[float, float, float, float]


def check_rings(rings: Sequence[Ring], path: str) -> None:
    """Raise an `OfferError` for the first mistake; `path` is the rings' own."""
    if sum(len(ring) for ring in rings) > MAX_POINTS:
        raise OfferError("polygon_too_large", path, f"use at most {MAX_POINTS} points in all: simplify the border")
    for i, ring in enumerate(rings):
        _check_points(ring, f"{path}[{i}]")
        _check_simple(unrolled(ring), f"{path}[{i}]")
    for i, hole in enumerate(rings[1:], start=1):
        _check_hole(hole, rings[0], f"{path}[{i}]")


def crossing(one: Edge, two: Edge) -> bool:
    """The edges cross in a point inside both."""
    (a, b), (c, d) = one, two
    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def touching(one: Edge, two: Edge) -> bool:
    """The edges share a point at least."""
    (a, b), (c, d) = one, two
    turns = side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((turns[0], a, b, c), (turns[1], a, b, d), (turns[2], c, d, a), (turns[3], c, d, b))
    return any(turn == 0 and _in_box(p, q, point) for turn, p, q, point in ends)


def _check_points(ring: Ring, path: str) -> None:
    if len(ring) < 4:
        raise OfferError("ring_short", path, "a ring has four points at least, the last the same as the first")
    for i, (lon, lat) in enumerate(ring):
        if not (isfinite(lon) and isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
            message = "give [longitude, latitude] in degrees: -180 to 180, then -90 to 90"
            raise OfferError("point_out_of_range", f"{path}[{i}]", message)
        if i and ring[i - 1] == ring[i]:
            raise OfferError("point_twice", f"{path}[{i}]", "the point repeats the one before: leave it out")
    if ring[0] != ring[-1]:
        raise OfferError("ring_open", f"{path}[{len(ring) - 1}]", "close the ring: repeat its first point as the last")


def _check_simple(points: Ring, path: str) -> None:
    if points[0] != points[-1]:
        raise OfferError("ring_around_pole", path, "the ring goes round a pole: use a circle, or split it in two")
    edges = list(pairwise(points))
    wrong = min((pair for pair in _near_pairs(edges) if _tangled(edges, *pair)), default=None)
    if wrong is not None:
        message = f"the ring crosses or touches itself: the edge from point {wrong[0]} meets the edge from this one"
        raise OfferError("ring_crosses_itself", f"{path}[{wrong[1]}]", message)


def _tangled(edges: list[Edge], first: int, second: int) -> bool:
    """The edges share more than the point in which neighbours meet."""
    if second - first in (1, len(edges) - 1):
        return _folds_back(edges, first, second)
    return touching(edges[first], edges[second])


def _folds_back(edges: list[Edge], first: int, second: int) -> bool:
    """Neighbouring edges overlap when the turn between them is half round."""
    one, two = edges[first], edges[second]
    (a, b), d = (one, two[1]) if one[1] == two[0] else (two, one[1])
    return side(a, b, d) == 0 and (b[0] - a[0]) * (d[0] - b[0]) + (b[1] - a[1]) * (d[1] - b[1]) < 0


def _near_pairs(edges: list[Edge]) -> Iterator[tuple[int, int]]:
    """Pairs of edges whose boxes meet, by a sweep along the ring's longer side."""
    boxes = [_box(edge) for edge in edges]
    if max(box[1] for box in boxes) - min(box[0] for box in boxes) < _height(boxes):
        boxes = [(*box[2:], *box[:2]) for box in boxes]
    live: list[int] = []
    for new in sorted(range(len(edges)), key=lambda i: boxes[i][0]):
        start, _, low, high = boxes[new]
        live = [old for old in live if boxes[old][1] >= start]
        for old in live:
            if boxes[old][2] <= high and boxes[old][3] >= low:
                yield min(old, new), max(old, new)
        live.append(new)


def _box(edge: Edge) -> Box:
    (ax, ay), (bx, by) = edge
    return min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)


def _height(boxes: list[Box]) -> float:
    return max(box[3] for box in boxes) - min(box[2] for box in boxes)


def _check_hole(hole: Ring, border: Ring, path: str) -> None:
    shifted = unrolled(hole)
    middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(shifted)]
    for i, (lon, lat) in enumerate((*shifted, *middles)):
        if locate(_in_range(lon), lat, border) < 0:
            raise OfferError(
                "hole_outside", f"{path}[{i % len(hole)}]", "the hole reaches outside the border: shrink it"
            )
    edges = list(pairwise(unrolled(border)))
    for turn in (-360.0, 0.0, 360.0):
        moved = [((a[0] + turn, a[1]), (b[0] + turn, b[1])) for a, b in pairwise(shifted)]
        if any(crossing(one, two) for one in moved for two in edges if _boxes_meet(one, two)):
            raise OfferError("hole_crosses_border", path, "the hole crosses the border: move it inside")


def _in_range(lon: float) -> float:
    return lon - 360.0 if lon > 180 else lon + 360.0 if lon < -180 else lon


def _boxes_meet(one: Edge, two: Edge) -> bool:
    a, b = _box(one), _box(two)
    return a[0] <= b[1] and b[0] <= a[1] and a[2] <= b[3] and b[2] <= a[3]


def _in_box(a: Point, b: Point, point: Point) -> bool:
    return all(min(a[axis], b[axis]) <= point[axis] <= max(a[axis], b[axis]) for axis in (0, 1))
