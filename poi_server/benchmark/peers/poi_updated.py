"""`poi` with changes that no merge has taken in yet: a share of the offers was replaced after the index was built."""

import numpy as np

from poi_cext.match import Index
from poi_server.benchmark.layout import COLUMNS, FAMILIES
from poi_server.benchmark.peers.poi import Poi
from poi_server.benchmark.ragged import Ints, Longs, Ragged, gathered
from poi_server.benchmark.workload import SEED, Workload


class PoiUpdated(Poi):
    """The index holds another version of the changed offers; they are discarded and added as they are now."""

    def __init__(self, workload: Workload, share: float) -> None:
        owners, starts, words = workload.programs()
        programs = Ragged(starts, words)
        rows = _changed(owners, workload.offers, share)
        before = np.arange(len(owners), dtype=np.int64)
        before[rows] = np.roll(rows, 1)
        old = gathered(programs, before)
        index = Index.build(COLUMNS, FAMILIES, workload.offers, owners.data, old.starts.data, old.values.data)
        super().__init__(workload, index)
        self._offers = owners[rows].tolist()
        for row, offer in zip(rows.tolist(), self._offers, strict=True):
            self.matcher.discard(offer)
            self.matcher.add((offer << 32) + 1, programs.lists(row, row + 1))

    def ids(self, found: list[int]) -> list[int]:
        """The offers of these owners."""
        count = self._workload.offers
        return [owner if owner < count else self._offers[owner - count] for owner in found]


def _changed(owners: Ints, offers: int, share: float) -> Longs:
    """Clauses of a random share of the offers that have one clause."""
    single = np.flatnonzero(np.bincount(owners, minlength=offers)[owners] == 1)
    dice = np.random.default_rng(SEED)
    return np.sort(dice.choice(single, int(offers * share), replace=False))
