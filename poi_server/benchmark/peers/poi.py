"""`poi`: this product. The event is built from plain Python numbers and lists, matched, and answered as a list."""

import time
from collections.abc import Sequence

from poi_cext.match import Index, Matcher
from poi_server.benchmark.facts import Packed
from poi_server.benchmark.layout import COLUMNS, FAMILIES
from poi_server.benchmark.peers.dicts import chunk_dicts, holds
from poi_server.benchmark.workload import Workload


def build_index(workload: Workload) -> Index:
    """The compiled index of the workload's offers."""
    owners, starts, words = workload.programs()
    return Index.build(COLUMNS, FAMILIES, workload.offers, owners.data, starts.data, words.data)


class Poi:
    """The matcher over one index."""

    def __init__(self, workload: Workload, index: Index | None = None) -> None:
        self._workload = workload
        self.matcher = Matcher(build_index(workload) if index is None else index, plan_bytes=1 << 30)

    def match(self, packed: Packed) -> list[int]:
        """The offers that hold, in order; the few that the matcher leaves open are confirmed."""
        sure, maybe = self.matcher.match(packed.event(), packed.place)
        return self._confirmed(sure, maybe, packed) if maybe else sure

    def ids(self, found: list[int]) -> list[int]:
        """The offers of these owners."""
        return found

    def timed(self, asked: Sequence[Packed], rounds: int) -> tuple[list[int], list[int], float]:
        """Best nanoseconds and offers found by event, in the compiled code; and the processor's share of the time."""
        events, places = [one.event() for one in asked], [one.place for one in asked]
        wall, cpu = time.perf_counter(), time.process_time()
        best, found = self.matcher.timed(events, places, rounds)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return best, found, min(1.0, cpu / wall)

    def _confirmed(self, sure: list[int], maybe: list[int], packed: Packed) -> list[int]:
        return sorted(sure + [owner for owner in maybe if self._holds(self.ids([owner])[0], packed)])

    def _holds(self, offer: int, packed: Packed) -> bool:
        clauses, timetables = self._workload.clauses, self._workload.timetables
        parts = chunk_dicts(clauses, timetables, *self._workload.rows_of(offer))
        return any(holds(clause, packed.facts) for clause in parts)
