"""`zen-engine`: one decision table that collects the clauses; circles and polygons as boxes, checked on what it gives.

What is not known is -1, and no range takes that in.
"""

import json
from collections.abc import Iterable
from typing import Any

from zen import ZenEngine

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.boxes import BORDERS, box
from poi_server.benchmark.peers.dicts import RANGES, Clause, clause_dicts, here, offers_of
from poi_server.benchmark.peers.plain_facts import FIELDS, LISTS, plain
from poi_server.benchmark.timetables import Timetable
from poi_server.benchmark.workload import Workload

EXPRESSIONS = ("birthday", "segment_none", "category_all")


class ZenTable:
    """One table, one row a clause."""

    def __init__(self, workload: Workload) -> None:
        self._clauses = list(clause_dicts(workload.clauses, workload.timetables))
        tables = workload.clauses.weekly.tolist()
        rules = [
            {"_id": str(row), "row": str(row)} | _cells(clause, workload.timetables[table] if table >= 0 else None)
            for row, (clause, table) in enumerate(zip(self._clauses, tables, strict=True))
        ]
        self._decision = ZenEngine().create_decision(json.dumps(_graph(rules)))

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        result: Any = self._decision.evaluate(plain(facts))["result"]
        found = [self._clauses[entry["row"]] for entry in result or ()]
        return offers_of(clause for clause in found if here(clause, facts))


def _cells(clause: Clause, timetable: Timetable | None) -> dict[str, str]:
    cells: dict[str, str] = {}
    if "stores" in clause:
        cells["store"] = _values(clause["stores"])
    if "chain" in clause:
        cells["chain"] = str(clause["chain"])
    if "trades" in clause:
        cells["trade"] = _values(clause["trades"])
    if "dates" in clause:
        cells["day"] = _range(clause["dates"])
    if timetable is not None:
        cells["minute"] = ", ".join(map(_range, timetable.spans))
    cells |= {name: _values(clause[name]) for name in ("tier", "scheme", "channel") if name in clause}
    cells |= {name: _range(clause[name]) for name in RANGES if name in clause}
    if BORDERS & clause.keys():
        west, south, east, north = box(clause)
        cells |= {"lon": f"[{west}..{east}]", "lat": f"[{south}..{north}]"}
    return cells | _set_cells(clause)


def _set_cells(clause: Clause) -> dict[str, str]:
    cells = {field: f"some($, # in [{_values(clause[name])}])" for field, name in LISTS if name in clause}
    if "birthday" in clause:
        cells["birthday"] = f"until <= {clause['birthday'][0]} or since <= {clause['birthday'][1]}"
    if "segment_none" in clause:
        cells["segment_none"] = f"known and none(segments, # in [{_values(clause['segment_none'])}])"
    if "category_all" in clause:
        each = (f"some(categories, # == {category})" for category in sorted(clause["category_all"]))
        cells["category_all"] = " and ".join(each)
    return cells


def _values(values: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(values)))


def _range(limits: tuple[int, int]) -> str:
    low, high = limits
    return f"[{0 if low == LOW else low}..{HIGH if high == HIGH else high}]"


def _graph(rules: list[dict[str, str]]) -> dict[str, Any]:
    fields = [*FIELDS, *(field for field, _ in LISTS)]
    inputs = [{"id": name, "name": name, "field": name} for name in fields]
    inputs += [{"id": name, "name": name} for name in EXPRESSIONS]
    table = {
        "hitPolicy": "collect",
        "inputs": inputs,
        "outputs": [{"id": "row", "name": "row", "field": "row"}],
        "rules": rules,
    }
    nodes = [
        _node("in", "inputNode", {}),
        _node("table", "decisionTableNode", table),
        _node("out", "outputNode", {}),
    ]
    edges = [
        {"id": f"{source}-{target}", "sourceId": source, "targetId": target, "type": "edge"}
        for source, target in (("in", "table"), ("table", "out"))
    ]
    return {"nodes": nodes, "edges": edges}


def _node(name: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "name": name, "type": kind, "position": {"x": 0, "y": 0}, "content": content}
