"""The report as text, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from poi_server.benchmark.rows import HEADS, Figure, cells, markdown, text, written
from poi_server.benchmark.suite import Report

GOAL_HEADS = ("what", "measured", "goal", "reached")
LOADED = "More wanted to run than there are cores, so no ratios are shown and the figures are too high."


def as_text(report: Report) -> str:
    """Machine, rows and goals in columns."""
    met = [goal.cells() for goal in report.goals if goal.value is not None]
    goals = _columns([GOAL_HEADS, *met]) if met else ""
    parts = [report.machine, _load(report), text(report.rows), goals, _others(report)]
    return "\n\n".join(part for part in parts if part)


def as_markdown(report: Report) -> str:
    """The same for a page of documentation."""
    machine = report.machine.replace("\n", "; ")
    parts = [
        f"{machine}. {_load(report)}",
        markdown(HEADS, [cells(row) for row in report.rows]),
        markdown(GOAL_HEADS, [goal.cells() for goal in report.goals]),
        markdown(("figure", *(f"{offers:,} offers" for offers in report.figures)), _table(report)),
    ]
    return "\n\n".join(parts)


def as_json(report: Report) -> str:
    """`machine`, `load`, `rows`; and the goals and other figures."""
    found: dict[str, Any] = {
        "machine": report.machine,
        "load": report.load,
        "rows": written(report.rows),
        "goals": [_goal(goal) for goal in report.goals],
        "figures": {str(offers): figures for offers, figures in report.figures.items()},
    }
    return json.dumps(found, indent=1)


def _goal(goal: Figure) -> dict[str, Any]:
    return {
        "what": goal.what,
        "unit": goal.unit,
        "measured": goal.value,
        "goal": goal.goal,
        "at_least": goal.at_least,
        "reached": goal.reached,
    }


def _load(report: Report) -> str:
    told = f"Load average {' to '.join(f'{load:.2f}' for load in report.load)}."
    return f"{told} {LOADED}" if report.loaded else told


def _others(report: Report) -> str:
    if not report.figures:
        return ""
    heads = ("figure", *(f"{offers:,} offers" for offers in report.figures))
    return _columns([heads, *_table(report)])


def _table(report: Report) -> list[tuple[str, ...]]:
    names = list(dict.fromkeys(name for figures in report.figures.values() for name in figures))
    return [
        (name, *(f"{figures[name]:,.4g}" if name in figures else "" for figures in report.figures.values()))
        for name in names
    ]


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
