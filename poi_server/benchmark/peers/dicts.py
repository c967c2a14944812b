"""The clauses as Python dictionaries, and the plain check of one of them: what several peers fall back on."""

from collections.abc import Iterable, Iterator
from typing import Any

from poi_cext.ops import HIGH, LOW
from poi_offers.geo import distance
from poi_server.benchmark.clauses import CIRCLE, POLYGON, STORES, Clauses
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.ragged import Ints
from poi_server.benchmark.timetables import Timetable

Clause = dict[str, Any]
CHUNK = 50_000
RANGES = ("points", "visits", "recency", "subtotal")
MASKS = ("tier", "scheme", "channel")
SETS = ("segment_any", "segment_none", "category_any", "category_all", "product_any")


def clause_dicts(clauses: Clauses, timetables: tuple[Timetable, ...]) -> Iterator[Clause]:
    """A dictionary for each clause, in order; a condition that is not there has no key."""
    for first in range(0, len(clauses), CHUNK):
        yield from chunk_dicts(clauses, timetables, first, min(first + CHUNK, len(clauses)))


def chunk_dicts(clauses: Clauses, timetables: tuple[Timetable, ...], first: int, last: int) -> list[Clause]:
    """The dictionaries of clauses `first` to `last` (excluded)."""
    found: list[Clause] = [{"offer": owner} for owner in clauses.owner[first:last].tolist()]
    _add_place(found, clauses, first, last)
    _add_pairs(found, "dates", clauses.dates[first:last])
    for clause, table in zip(found, clauses.weekly[first:last].tolist(), strict=True):
        if table >= 0:
            clause["weekly"] = timetables[table].bits
    for name in MASKS:
        for clause, mask in zip(found, getattr(clauses, name)[first:last].tolist(), strict=True):
            if mask:
                clause[name] = bits_of(mask)
    for name in RANGES:
        _add_pairs(found, name, getattr(clauses, name)[first:last])
    for clause, days in zip(found, clauses.birthday[first:last].tolist(), strict=True):
        if days[0] >= 0:
            clause["birthday"] = tuple(days)
    for name in SETS:
        for clause, values in zip(found, getattr(clauses, name).lists(first, last), strict=True):
            if values:
                clause[name] = frozenset(values)
    return found


def _add_place(found: list[Clause], clauses: Clauses, first: int, last: int) -> None:
    rows = zip(
        found,
        clauses.kind[first:last].tolist(),
        clauses.shape[first:last].tolist(),
        clauses.chain[first:last].tolist(),
        clauses.trades[first:last].tolist(),
        strict=True,
    )
    for clause, kind, shape, chain, trades in rows:
        if kind == STORES:
            clause["stores"] = frozenset(clauses.store_lists.lists(shape, shape + 1)[0])
        elif kind == CIRCLE:
            clause["circle"] = tuple(clauses.circles[shape].tolist())
        elif kind == POLYGON:
            clause["polygon"] = clauses.ring[clauses.corners[shape] : clauses.corners[shape + 1]].tolist()
        if chain >= 0:
            clause["chain"] = chain
        elif trades:
            clause["trades"] = bits_of(trades)


def _add_pairs(found: list[Clause], name: str, pairs: Ints) -> None:
    for clause, (low, high) in zip(found, pairs.tolist(), strict=True):
        if low != LOW or high != HIGH:
            clause[name] = (low, high)


def bits_of(mask: int) -> frozenset[int]:
    """The numbers of the bits set."""
    return frozenset(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def holds(clause: Clause, facts: Facts) -> bool:
    """Every condition of the clause is true; what is unknown is never true."""
    return here(clause, facts) and now(clause, facts) and suits(clause, facts)


def here(clause: Clause, facts: Facts) -> bool:
    """What the place decides."""
    if "chain" in clause:
        if clause["chain"] != facts.chain:
            return False
    elif "trades" in clause and facts.trade not in clause["trades"]:
        return False
    if "stores" in clause:
        return facts.store in clause["stores"]
    if "circle" in clause:
        lat, lon, radius = clause["circle"]
        return near(facts.lat, facts.lon, lat, lon, radius)
    return "polygon" not in clause or inside(facts.lon, facts.lat, clause["polygon"])


def near(lat: float, lon: float, centre_lat: float, centre_lon: float, radius: float) -> bool:
    """Within so many great-circle metres; most are further north or south than that anyway."""
    return abs(lat - centre_lat) * 111_000 <= radius and distance(lat, lon, centre_lat, centre_lon) <= radius


def inside(x: float, y: float, ring: list[list[float]]) -> bool:
    """The point lies in the ring: an odd number of edges to its right."""
    odd = False
    bx, by = ring[-1]
    for ax, ay in ring:
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
        bx, by = ax, ay
    return odd


def now(clause: Clause, facts: Facts) -> bool:
    """What the moment decides."""
    if "dates" in clause:
        first, last = clause["dates"]
        if not first <= facts.day <= last:
            return False
    return "weekly" not in clause or bool(clause["weekly"] >> facts.minute // 60 & 1)


def suits(clause: Clause, facts: Facts) -> bool:
    """What the customer, the payment and the basket decide."""
    for name in MASKS:
        if name in clause and getattr(facts, name) not in clause[name]:
            return False
    for name in RANGES:
        if name in clause:
            number = getattr(facts, name)
            if number is None or not clause[name][0] <= number <= clause[name][1]:
                return False
    if "birthday" in clause and not _birthday(clause["birthday"], facts.birthday):
        return False
    segments = facts.segments
    if "segment_any" in clause and (segments is None or clause["segment_any"].isdisjoint(segments)):
        return False
    if "segment_none" in clause and (segments is None or not clause["segment_none"].isdisjoint(segments)):
        return False
    if "category_any" in clause and clause["category_any"].isdisjoint(facts.categories):
        return False
    if "category_all" in clause and not clause["category_all"] <= facts.categories:
        return False
    return "product_any" not in clause or not clause["product_any"].isdisjoint(facts.products)


def _birthday(limits: tuple[int, int], days: tuple[int, int] | None) -> bool:
    return days is not None and (days[0] <= limits[0] or days[1] <= limits[1])


def offers_of(clauses: Iterable[Clause]) -> list[int]:
    """The offers of these clauses, each once, in order."""
    return sorted({clause["offer"] for clause in clauses})
