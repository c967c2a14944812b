"""`naive`: a Python loop over dictionaries. The oracle of the run."""

from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.dicts import CHUNK, chunk_dicts, clause_dicts, holds, offers_of
from poi_server.benchmark.workload import Workload


class Naive:
    """Every clause is checked."""

    def __init__(self, workload: Workload) -> None:
        self._clauses = list(clause_dicts(workload.clauses, workload.timetables))

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        return offers_of(clause for clause in self._clauses if holds(clause, facts))


def oracle(workload: Workload, events: list[Facts]) -> list[list[int]]:
    """The answers to a few events, never holding more than a part of the offers as dictionaries."""
    found: list[set[int]] = [set() for _ in events]
    for first in range(0, len(workload.clauses), CHUNK):
        last = min(first + CHUNK, len(workload.clauses))
        part = chunk_dicts(workload.clauses, workload.timetables, first, last)
        for answer, facts in zip(found, events, strict=True):
            answer.update(clause["offer"] for clause in part if holds(clause, facts))
    return [sorted(answer) for answer in found]
