"""Rows of the one table, and the few statistics they need."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from poi_server.benchmark.machine import CORES, load


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure; `goal` is empty where nothing is promised."""

    what: str
    figure: str
    goal: str = ""


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def spread(values: Sequence[float], unit: str) -> str:
    """Median and 99th percentile."""
    return f"median {median(values):.2f} {unit}, p99 {quantile(values, 0.99):.2f} {unit}"


class Ratio:
    """A ratio whose meaning needs a free machine: notes the load when it is made and when it is shown."""

    def __init__(self) -> None:
        self._before = load()

    def shown(self, ratio: float, form: str = "{:.0%}") -> str:
        """The ratio, or `loaded` when more wanted to run than there are cores."""
        worst = max(self._before, load())
        return form.format(ratio) if worst <= CORES else f"loaded (load {worst:.1f} > {CORES} cores)"


def table(rows: Sequence[Row]) -> str:
    """The table as text."""
    what, figure = max(len(row.what) for row in rows), max(len(row.figure) for row in rows)
    return "\n".join(f"{row.what:<{what}}  {row.figure:<{figure}}  {row.goal}".rstrip() for row in rows)
