"""`clipspy` (CLIPS): a rule for each clause. The event's facts are asserted and the agenda is read, not run.

The place comes first in each rule, so that the network looks at the numbers and the sets of few rules only.
"""

from collections.abc import Iterable, Iterator

from clips import Environment

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import BORDERS, box
from poi_server.benchmark.peers.dicts import MASKS, RANGES, Clause, clause_dicts, here, offers_of
from poi_server.benchmark.workload import Workload

NUMBERS = ("day", "hour", *RANGES, "until", "since", "lon", "lat")
LISTS = (
    ("segment", ("segment_any", "segment_none")),
    ("category", ("category_any", "category_all")),
    ("product", ("product_any",)),
)


class ClipsRete:
    """One network of all rules."""

    def __init__(self, workload: Workload) -> None:
        self._clauses = list(clause_dicts(workload.clauses, workload.timetables))
        self._engine = Environment()
        for row, clause in enumerate(self._clauses):
            conditions = " ".join((*_place(clause), *_numbers(clause), *_sets(clause)))
            self._engine.build(f"(defrule r{row} {conditions} => )")

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        self._engine.reset()
        self._engine.eval(f"(assert {' '.join(_facts(facts))})")
        rows = {int(activation.name[1:]) for activation in self._engine.activations()}
        return offers_of(clause for clause in map(self._clauses.__getitem__, rows) if here(clause, facts))


def _facts(facts: Facts) -> Iterator[str]:
    for name in ("chain", "store", "trade", *MASKS):
        value = getattr(facts, name)
        if value is not None:
            yield f"({name} {value})"
    if facts.segments is not None:
        yield f"(segment {' '.join(map(str, facts.segments))})"
    yield f"(category {' '.join(map(str, facts.categories))})"
    yield f"(product {' '.join(map(str, facts.products))})"
    until, since = facts.birthday or (1000, 1000)
    known = [-1 if getattr(facts, name) is None else getattr(facts, name) for name in RANGES]
    yield f"(now {facts.day} {facts.minute // 60} {' '.join(map(str, known))} {until} {since} {facts.lon} {facts.lat})"


def _place(clause: Clause) -> Iterator[str]:
    if "chain" in clause:
        yield f"(chain {clause['chain']})"
    if "stores" in clause:
        yield f"(store {_either(clause['stores'])})"
    if "trades" in clause:
        yield f"(trade {_either(clause['trades'])})"
    for name in MASKS:
        if name in clause:
            yield f"({name} {_either(clause[name])})"


def _numbers(clause: Clause) -> Iterator[str]:
    yield f"(now {' '.join(f'?{name}' for name in NUMBERS)})"
    yield from _tests(clause)


def _tests(clause: Clause) -> Iterator[str]:
    if "dates" in clause:
        yield f"(test (<= {clause['dates'][0]} ?day {clause['dates'][1]}))"
    if "weekly" in clause:
        hours = [hour for hour in range(168) if clause["weekly"] >> hour & 1]
        yield f"(test (member$ ?hour (create$ {' '.join(map(str, hours))})))"
    for name in RANGES:
        if name in clause:
            low, high = clause[name]
            yield f"(test (<= {0 if low == LOW else low} ?{name} {HIGH if high == HIGH else high}))"
    if "birthday" in clause:
        yield f"(test (or (<= ?until {clause['birthday'][0]}) (<= ?since {clause['birthday'][1]})))"
    if BORDERS & clause.keys():
        west, south, east, north = box(clause)
        yield f"(test (and (<= {west} ?lon {east}) (<= {south} ?lat {north})))"


def _sets(clause: Clause) -> Iterator[str]:
    for fact, names in LISTS:
        tests = [_test(name, fact, clause[name]) for name in names if name in clause]
        if tests:
            yield f"({fact} $?{fact})"
            yield from tests


def _test(name: str, fact: str, values: Iterable[int]) -> str:
    members = " ".join(f"(member$ {value} $?{fact})" for value in sorted(values))
    word = {"any": "or FALSE", "all": "and TRUE", "none": "not (or FALSE"}[name.rpartition("_")[2]]
    return f"(test ({word} {members}))" + (")" if name.endswith("none") else "")


def _either(values: Iterable[int]) -> str:
    return "|".join(map(str, sorted(values)))
