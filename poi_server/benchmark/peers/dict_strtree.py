"""`dict-strtree`: dictionaries by store, chain and trade, a tree of the shapes that are nobody's, then the plain check.

A clause goes where the fewest events look: under its stores, else its chain, else its shape in the tree (shapely's
STRtree), else its trades; the few others are always checked.
"""

from collections import defaultdict

import shapely

from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import box
from poi_server.benchmark.peers.dicts import Clause, clause_dicts, holds, offers_of
from poi_server.benchmark.workload import Workload


class DictStrtree:
    """Candidates from four indexes."""

    def __init__(self, workload: Workload) -> None:
        self._stores: defaultdict[int, list[Clause]] = defaultdict(list)
        self._chains: defaultdict[int, list[Clause]] = defaultdict(list)
        self._trades: defaultdict[int, list[Clause]] = defaultdict(list)
        self._others: list[Clause] = []
        self._shaped: list[Clause] = []
        for clause in clause_dicts(workload.clauses, workload.timetables):
            self._file(clause)
        self._tree = shapely.STRtree([_shape(clause) for clause in self._shaped])

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        found = [*self._chains.get(facts.chain, ()), *self._trades.get(facts.trade, ()), *self._others]
        if facts.store is not None:
            found += self._stores.get(facts.store, ())
        found += [self._shaped[at] for at in self._tree.query(shapely.Point(facts.lon, facts.lat))]
        return offers_of(clause for clause in found if holds(clause, facts))

    def _file(self, clause: Clause) -> None:
        if "stores" in clause:
            for store in clause["stores"]:
                self._stores[store].append(clause)
        elif "chain" in clause:
            self._chains[clause["chain"]].append(clause)
        elif "circle" in clause or "polygon" in clause:
            self._shaped.append(clause)
        elif "trades" in clause:
            for trade in clause["trades"]:
                self._trades[trade].append(clause)
        else:
            self._others.append(clause)


def _shape(clause: Clause) -> "shapely.Geometry":
    if "polygon" in clause:
        return shapely.Polygon(clause["polygon"])
    return shapely.box(*box(clause))
