"""A row of results, and how rows are shown and written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One competitor on one workload. Microseconds over the events; `ratio_to_poi` is its median by ours.

    Figures are None where there are none, and `note` says why. `correct` counts as no when one answer differed.
    """

    workload: str
    competitor: str
    offers: int
    events: int = 0
    median_us: float | None = None
    p99_us: float | None = None
    cpu_median_us: float | None = None
    matches_median: float | None = None
    correct: bool | None = None
    ratio_to_poi: float | None = None
    differing: int = 0
    build_s: float | None = None
    build_cpu_s: float | None = None
    memory_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure beside its goal: at most that, or at least that; None where it was not measured or not promised."""

    what: str
    unit: str
    value: float | None
    goal: float | None = None
    at_least: bool = False

    @property
    def reached(self) -> bool | None:
        """The goal is met; None when there is nothing to compare."""
        if self.value is None or self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    def cells(self) -> tuple[str, str, str, str]:
        """As text: what, measured, goal, and whether it is met and else by how much it is missed."""
        goal = "" if self.goal is None else f"{'at least ' if self.at_least else ''}{self.goal:,g} {self.unit}"
        measured = "not measured" if self.value is None else f"{_short(self.value)} {self.unit}"
        return self.what, measured.strip(), goal.strip(), self._verdict()

    def _verdict(self) -> str:
        if self.reached is None or self.value is None or self.goal is None:
            return ""
        if self.reached:
            return "yes"
        share = self.value / self.goal
        return f"no, {share:.0%} of it" if self.at_least else f"no, {share:.2g} times it"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def microseconds(nanoseconds: Sequence[int]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return round(median(nanoseconds) / 1000, 3), round(quantile(nanoseconds, 0.99) / 1000, 3)


def written(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(row) for row in rows]


HEADS = ("workload", "offers", "competitor", "median us", "p99 us", "CPU us", "matches", "events", "x poi", "correct")


def cells(row: Row) -> tuple[str, ...]:
    """A row as text."""
    correct = "" if row.correct is None else "yes" if row.correct else f"**no** ({row.differing} differ)"
    return (
        row.workload,
        f"{row.offers:,}",
        row.competitor,
        _us(row.median_us) or row.note,
        _us(row.p99_us),
        _us(row.cpu_median_us),
        "" if row.matches_median is None else f"{row.matches_median:g}",
        f"{row.events}" if row.events else "",
        "" if row.ratio_to_poi is None else f"{row.ratio_to_poi:,.1f}",
        correct,
    )


def text(rows: Sequence[Row]) -> str:
    """The rows in columns."""
    lines = [HEADS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    every = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in every)


def _us(value: float | None) -> str:
    return "" if value is None else _short(value)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
