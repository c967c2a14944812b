"""`pyroaring`: a bitmap of clauses for each value of each condition, and one for those that do not care.

The place is taken first, for it leaves the fewest; then each further condition narrows what is left. What bitmaps
cannot say (ranges, shapes, refused segments, all-of) is checked on what remains.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from poi_server.benchmark.clauses import STORES, TIERS
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.dicts import MASKS, clause_dicts, holds, offers_of
from poi_server.benchmark.ragged import Ints, Longs, Ragged, row_of
from poi_server.benchmark.timetables import HOURS
from poi_server.benchmark.workload import Workload

LISTS = ("segment_any", "category_any", "product_any")


class Roaring:
    """Bitmaps over clause numbers."""

    def __init__(self, workload: Workload) -> None:
        columns = workload.clauses
        self._clauses = list(clause_dicts(columns, workload.timetables))
        count = len(columns)
        listed = np.flatnonzero(columns.kind == STORES)
        self._stores = _by_value(listed[row_of(columns.store_lists.lengths)], columns.store_lists.values)
        self._chains = _by_value(np.flatnonzero(columns.chain >= 0), columns.chain[columns.chain >= 0])
        self._trades = {trade: _where((columns.trades >> np.uint64(trade)) & np.uint64(1)) for trade in range(60)}
        self._unbound = _where((columns.kind != STORES) & (columns.chain < 0) & (columns.trades == 0))
        self._dates = columns.dates
        self._today: tuple[int, BitMap] = (0, BitMap())
        tables = np.zeros((len(workload.timetables) + 1, HOURS), np.bool_)
        tables[-1] = True
        for table, hours in zip(workload.timetables, tables, strict=False):
            hours[list(table.hours)] = True
        self._hours = [_where(tables[columns.weekly, hour]) for hour in range(HOURS)]
        self._masks = {name: _masks(getattr(columns, name)) for name in MASKS}
        self._lists = {name: _lists(getattr(columns, name), count) for name in LISTS}

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        nothing = BitMap()
        left = self._chains.get(facts.chain, nothing) | self._trades[facts.trade] | self._unbound
        if facts.store is not None:
            left |= self._stores.get(facts.store, nothing)
        left &= self._on(facts.day)
        left &= self._hours[facts.minute // 60]
        for name in MASKS:
            free, values = self._masks[name]
            value = getattr(facts, name)
            left &= free if value is None else values[value]
        for name, wanted in zip(LISTS, (facts.segments, facts.categories, facts.products), strict=True):
            left = self._narrowed(left, name, wanted or ())
        clauses = self._clauses
        return offers_of(clauses[at] for at in left if holds(clauses[at], facts))

    def _narrowed(self, left: Any, name: str, wanted: Iterable[int]) -> Any:
        free, values = self._lists[name]
        caring = left - free
        if not caring:
            return left
        return (left & free) | (
            caring & BitMap.union(BitMap(), *(values[value] for value in wanted if value in values))
        )

    def _on(self, day: int) -> Any:
        if self._today[0] != day:
            self._today = day, _where((self._dates[:, 0] <= day) & (day <= self._dates[:, 1]))
        return self._today[1]


def _where(flags: NDArray[Any]) -> Any:
    bitmap = BitMap(np.flatnonzero(flags).astype(np.uint32))
    bitmap.run_optimize()
    return bitmap


def _by_value(rows: Longs, values: Ints) -> dict[int, Any]:
    order = np.argsort(values, kind="stable")
    sorted_values, sorted_rows = values[order], rows[order].astype(np.uint32)
    kinds, starts = np.unique(sorted_values, return_index=True)
    ends = [*starts.tolist(), len(rows)][1:]
    return {
        value: BitMap(sorted_rows[start:end])
        for value, start, end in zip(kinds.tolist(), starts.tolist(), ends, strict=True)
    }


def _masks(mask: NDArray[np.uint8]) -> tuple[Any, list[Any]]:
    """Those without a condition; and for each value those that take it, the former among them."""
    free = _where(mask == 0)
    return free, [free | _where(mask >> bit & 1) for bit in range(max(TIERS, 8))]


def _lists(lists: Ragged, count: int) -> tuple[Any, dict[int, Any]]:
    lengths = lists.lengths
    return _where(lengths == 0), _by_value(row_of(lengths), lists.values)
