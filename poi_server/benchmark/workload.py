"""A workload: so many offers as columns, and the events asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from poi_server.benchmark.clauses import MASKS, Clauses, Shares, make_clauses
from poi_server.benchmark.facts import DAY, Facts, cold_stores, hot_stores, make_events
from poi_server.benchmark.programs import programs
from poi_server.benchmark.ragged import Ints, Longs
from poi_server.benchmark.timetables import Timetable, make_timetables
from poi_server.benchmark.world import World, make_world

SEED = 20261120
USUAL = Shares()


@dataclass(slots=True)
class Workload:
    """`priority` descends with the offers' numbers; events asked at ever another store, and at 64 stores."""

    name: str
    offers: int
    world: World
    clauses: Clauses
    timetables: tuple[Timetable, ...]
    priority: Ints
    cold: list[Facts]
    hot: list[Facts]

    def programs(self) -> tuple[Ints, Longs, Ints]:
        """What `Index.build` takes: the owner of each clause, where its words begin, all words."""
        starts, words = programs(self.clauses, self.timetables)
        return self.clauses.owner, starts, words

    def rows_of(self, offer: int) -> tuple[int, int]:
        """The first of the offer's clauses, and the one after the last."""
        first, last = np.searchsorted(self.clauses.owner, (offer, offer + 1)).tolist()
        return first, last


def make_workload(
    offers: int,
    *,
    name: str = "generated",
    events: int = 400,
    seed: int = SEED,
    shares: Shares = USUAL,
    today: datetime = DAY,
    moments: Sequence[datetime] = (),
    least_lines: int = 2,
    most_lines: int = 20,
) -> Workload:
    """The same for the same arguments."""
    dice = np.random.default_rng([seed, offers])
    world = make_world(dice, offers)
    timetables = make_timetables(dice, MASKS)
    clauses = make_clauses(dice, world, offers, today.toordinal(), shares)
    cold, hot = (
        make_events(dice, world, stores, today=today, moments=moments, least_lines=least_lines, most_lines=most_lines)
        for stores in (cold_stores(dice, world, events), hot_stores(dice, world, events))
    )
    priority = np.sort(dice.integers(0, 1001, offers))[::-1].astype(np.int32)
    return Workload(name, offers, world, clauses, timetables, priority, cold, hot)
