"""`rule-engine`: a rule for each clause, asked one after the other; circles and polygons as boxes, checked after."""

from collections.abc import Iterable, Iterator

from rule_engine import Rule

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import BORDERS, box
from poi_server.benchmark.peers.dicts import MASKS, RANGES, Clause, clause_dicts, here, offers_of
from poi_server.benchmark.peers.plain_facts import LISTS, plain
from poi_server.benchmark.timetables import Timetable
from poi_server.benchmark.workload import Workload


class RuleList:
    """The rules, each with its clause."""

    def __init__(self, workload: Workload) -> None:
        clauses = clause_dicts(workload.clauses, workload.timetables)
        self._rules = [
            (clause, Rule(" and ".join(_terms(clause, workload.timetables[table] if table >= 0 else None))))
            for clause, table in zip(clauses, workload.clauses.weekly.tolist(), strict=True)
        ]

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        event = plain(facts)
        return offers_of(clause for clause, rule in self._rules if rule.matches(event) and here(clause, facts))


def _terms(clause: Clause, timetable: Timetable | None) -> Iterator[str]:
    """The terms, those that rule out the most first."""
    if "chain" in clause:
        yield f"chain == {clause['chain']}"
    if "stores" in clause:
        yield f"store in {_values(clause['stores'])}"
    if "trades" in clause:
        yield f"trade in {_values(clause['trades'])}"
    if BORDERS & clause.keys():
        west, south, east, north = box(clause)
        yield f"lon >= {west} and lon <= {east} and lat >= {south} and lat <= {north}"
    if "dates" in clause:
        yield _range("day", clause["dates"])
    if timetable is not None:
        yield f"({' or '.join(_range('minute', span) for span in timetable.spans)})"
    for name in MASKS:
        if name in clause:
            yield f"{name} in {_values(clause[name])}"
    for name in RANGES:
        if name in clause:
            yield _range(name, clause[name])
    yield from _set_terms(clause)
    yield "true"


def _set_terms(clause: Clause) -> Iterator[str]:
    if "birthday" in clause:
        yield f"(until <= {clause['birthday'][0]} or since <= {clause['birthday'][1]})"
    for field, name in LISTS:
        if name in clause:
            yield f"$any([each in {_values(clause[name])} for each in {field}])"
    if "segment_none" in clause:
        yield f"known and not $any([each in {_values(clause['segment_none'])} for each in segments])"
    if "category_all" in clause:
        yield from (f"{category} in categories" for category in sorted(clause["category_all"]))


def _values(values: Iterable[int]) -> str:
    return f"[{', '.join(map(str, sorted(values)))}]"


def _range(name: str, limits: tuple[int, int]) -> str:
    low, high = limits
    return f"{name} >= {0 if low == LOW else low}" + ("" if high == HIGH else f" and {name} <= {high}")
