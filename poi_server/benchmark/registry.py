"""The competitors by name: what each is, and the package it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from poi_server.benchmark.workload import Workload


class Peer(Protocol):
    """A built competitor."""

    def match(self, asked: Any, /) -> list[int]:
        """The offers that hold in an event."""
        ...


@dataclass(frozen=True, slots=True)
class Competitor:
    """A name in the results, where its class is (`module:Class`), and the module without which it cannot run."""

    name: str
    module: str
    needs: str | None = None

    @property
    def installed(self) -> bool:
        """What it needs is there."""
        return self.needs is None or find_spec(self.needs) is not None

    def load(self) -> Callable[[Workload], Peer]:
        """The class, imported now."""
        module, _, name = self.module.partition(":")
        found: Callable[[Workload], Peer] = getattr(import_module(f"poi_server.benchmark.peers.{module}"), name)
        return found


POI = Competitor("poi", "poi:Poi")
NAIVE = Competitor("naive", "naive:Naive")
PEERS = (
    NAIVE,
    Competitor("numpy", "numpy_scan:NumpyScan", "numpy"),
    Competitor("dict-strtree", "dict_strtree:DictStrtree", "shapely"),
    Competitor("pyroaring", "roaring:Roaring", "pyroaring"),
    Competitor("zen-engine", "zen_table:ZenTable", "zen"),
    Competitor("rule-engine", "rules:RuleList", "rule_engine"),
    Competitor("clipspy", "clips_rete:ClipsRete", "clips"),
    Competitor("mokaccino", "percolator:Percolated", "mokaccino"),
    Competitor("sqlite-rtree", "sqlite_rtree:SqliteRtree"),
)
"""In the order in which they are asked."""
