"""`sqlite-rtree`: SQLite in memory. Five ways to candidates, the plain conditions in SQL, the sets checked after."""

import sqlite3
from typing import Any

import numpy as np

from poi_server.benchmark.clauses import STORES, Clauses
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import BORDERS, box
from poi_server.benchmark.peers.dicts import Clause, clause_dicts, holds, offers_of
from poi_server.benchmark.ragged import row_of
from poi_server.benchmark.workload import Workload

RANGES = ("subtotal", "points", "visits", "recency")
MASKS = ("tier", "scheme", "channel")
SCHEMA = f"""
CREATE TABLE clause (row INTEGER PRIMARY KEY, first INT, last INT, weekly INT, {", ".join(f"{m} INT" for m in MASKS)},
  {", ".join(f"{name}_low INT, {name}_high INT" for name in RANGES)});
CREATE TABLE by_store (store INT, row INT, PRIMARY KEY (store, row)) WITHOUT ROWID;
CREATE TABLE by_chain (chain INT, row INT, PRIMARY KEY (chain, row)) WITHOUT ROWID;
CREATE TABLE by_trade (trade INT, row INT, PRIMARY KEY (trade, row)) WITHOUT ROWID;
CREATE TABLE anywhere (row INTEGER PRIMARY KEY);
CREATE TABLE hours (weekly INT, hour INT, PRIMARY KEY (weekly, hour)) WITHOUT ROWID;
CREATE VIRTUAL TABLE shape USING rtree (row, west, east, south, north);
"""
WAYS = (
    "SELECT row FROM by_store WHERE store = :store",
    "SELECT row FROM by_chain WHERE chain = :chain",
    "SELECT row FROM by_trade WHERE trade = :trade",
    "SELECT row FROM anywhere",
    "SELECT row FROM shape WHERE west <= :lon AND east >= :lon AND south <= :lat AND north >= :lat",
)
CONDITIONS = (
    ":day BETWEEN first AND last",
    "(weekly < 0 OR EXISTS (SELECT 1 FROM hours h WHERE h.weekly = clause.weekly AND h.hour = :hour))",
    *(f"({name} = 0 OR {name} & :{name})" for name in MASKS),
    *(
        f"(({name}_low = -2147483647 AND {name}_high = 2147483647) OR :{name} BETWEEN {name}_low AND {name}_high)"
        for name in RANGES
    ),
)
QUESTION = " UNION ALL ".join(
    f"SELECT row FROM ({way}) CROSS JOIN clause USING (row) WHERE {' AND '.join(CONDITIONS)}" for way in WAYS
)


class SqliteRtree:
    """One database."""

    def __init__(self, workload: Workload) -> None:
        self._clauses = list(clause_dicts(workload.clauses, workload.timetables))
        self._base = sqlite3.connect(":memory:")
        self._base.executescript(SCHEMA)
        self._fill(workload)
        self._file()

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        clauses = self._clauses
        found = self._base.execute(QUESTION, _values(facts))
        return offers_of(clauses[row] for (row,) in found if holds(clauses[row], facts))

    def _fill(self, workload: Workload) -> None:
        columns = workload.clauses
        table: list[Any] = [np.arange(len(columns)), columns.dates[:, 0], columns.dates[:, 1], columns.weekly]
        table += [getattr(columns, name) for name in MASKS]
        table += [getattr(columns, name)[:, end] for name in RANGES for end in (0, 1)]
        marks = ", ".join("?" * len(table))
        rows = zip(*(column.tolist() for column in table), strict=True)
        self._base.executemany(f"INSERT INTO clause VALUES ({marks})", rows)
        self._base.executemany("INSERT INTO by_store VALUES (?, ?)", _lists(columns))
        hours = [(number, hour) for number, one in enumerate(workload.timetables) for hour in one.hours]
        self._base.executemany("INSERT INTO hours VALUES (?, ?)", hours)

    def _file(self) -> None:
        """Each clause where the fewest events look."""
        chains, trades, shapes, others = [], [], [], []
        for row, clause in enumerate(self._clauses):
            if "stores" in clause:
                continue
            if "chain" in clause:
                chains.append((clause["chain"], row))
            elif BORDERS & clause.keys():
                shapes.append((row, *_sides(clause)))
            elif "trades" in clause:
                trades += [(trade, row) for trade in clause["trades"]]
            else:
                others.append((row,))
        self._base.executemany("INSERT INTO by_chain VALUES (?, ?)", sorted(chains))
        self._base.executemany("INSERT INTO by_trade VALUES (?, ?)", sorted(trades))
        self._base.executemany("INSERT INTO anywhere VALUES (?)", others)
        self._base.executemany("INSERT INTO shape VALUES (?, ?, ?, ?, ?)", shapes)


def _lists(columns: Clauses) -> Any:
    rows = np.flatnonzero(columns.kind == STORES)[row_of(columns.store_lists.lengths)]
    return sorted(zip(columns.store_lists.values.tolist(), rows.tolist(), strict=True))


def _sides(clause: Clause) -> tuple[float, float, float, float]:
    west, south, east, north = box(clause)
    return west, east, south, north


def _values(facts: Facts) -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in ("store", "chain", "trade", "day", "lat", "lon", *RANGES)}
    for name in MASKS:
        value = getattr(facts, name)
        values[name] = None if value is None else 1 << value
    return values | {"hour": facts.minute // 60}
