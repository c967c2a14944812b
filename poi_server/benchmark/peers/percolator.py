"""`mokaccino`: a percolator, one query a clause; circles and polygons as boxes in micro-degrees, checked after."""

from collections.abc import Iterable, Iterator

from mokaccino import Document, Percolator, Query

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import BORDERS, box
from poi_server.benchmark.peers.dicts import MASKS, RANGES, Clause, clause_dicts, here, offers_of
from poi_server.benchmark.workload import Workload

LISTS = (("segment", "segment_any"), ("category", "category_any"), ("product", "product_any"))
MICRO = 1_000_000


class Percolated:
    """Queries that wait for a document."""

    def __init__(self, workload: Workload) -> None:
        self._clauses = list(clause_dicts(workload.clauses, workload.timetables))
        self._percolator = Percolator()
        for row, clause in enumerate(self._clauses):
            self._percolator.add_query_id(Query.from_and(list(_terms(clause))), row)

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        rows = set(self._percolator.percolate_list(_document(facts)))
        return offers_of(clause for clause in map(self._clauses.__getitem__, rows) if here(clause, facts))


def _document(facts: Facts) -> Document:
    document = Document()
    document.add_value("always", "yes")
    known = {name: getattr(facts, name) for name in ("chain", "store", "trade", "day", *MASKS, *RANGES)}
    known |= {"hour": facts.minute // 60, "lon": round(facts.lon * MICRO), "lat": round(facts.lat * MICRO)}
    if facts.birthday is not None:
        known["until"], known["since"] = facts.birthday
    for name, value in known.items():
        if value is not None:
            document.add_value(name, str(value))
    if facts.segments is not None:
        document.add_value("known", "yes")
    for name, values in (("segment", facts.segments), ("category", facts.categories), ("product", facts.products)):
        for value in values or ():
            document.add_value(name, str(value))
    return document


def _terms(clause: Clause) -> Iterator[Query]:
    yield Query.from_kv("always", "yes")
    for field, name in (("store", "stores"), ("trade", "trades"), *((name, name) for name in MASKS), *LISTS):
        if name in clause:
            yield _either(field, clause[name])
    if "chain" in clause:
        yield Query.from_kv("chain", str(clause["chain"]))
    if "dates" in clause:
        yield from _range("day", *clause["dates"])
    if "weekly" in clause:
        yield _either("hour", (hour for hour in range(168) if clause["weekly"] >> hour & 1))
    for name in RANGES:
        if name in clause:
            yield from _range(name, *clause[name])
    if "birthday" in clause:
        before, after = clause["birthday"]
        yield Query.from_or([Query.from_kle("until", before), Query.from_kle("since", after)])
    if BORDERS & clause.keys():
        west, south, east, north = box(clause)
        yield from _range("lon", round(west * MICRO) - 1, round(east * MICRO) + 1)
        yield from _range("lat", round(south * MICRO) - 1, round(north * MICRO) + 1)
    if "segment_none" in clause:
        yield Query.from_kv("known", "yes")
        yield Query.from_not(_either("segment", clause["segment_none"]))
    if "category_all" in clause:
        yield from (Query.from_kv("category", str(category)) for category in sorted(clause["category_all"]))


def _range(field: str, low: int, high: int) -> Iterator[Query]:
    if low != LOW:
        yield Query.from_kge(field, low)
    if high != HIGH:
        yield Query.from_kle(field, high)


def _either(field: str, values: Iterable[int]) -> Query:
    queries = [Query.from_kv(field, str(value)) for value in values]
    return queries[0] if len(queries) == 1 else Query.from_or(queries)
