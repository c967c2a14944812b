"""The whole run: counts of offers one after the other, the worst cases, the public data set, the other figures."""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from poi_server.benchmark import figures
from poi_server.benchmark.children import BUILD_SECONDS
from poi_server.benchmark.goals import goals
from poi_server.benchmark.harness import Answers, Extent, measure
from poi_server.benchmark.journey import journey_workload
from poi_server.benchmark.machine import CORES, described, load
from poi_server.benchmark.peers.poi_updated import PoiUpdated
from poi_server.benchmark.registry import PEERS, POI, Competitor
from poi_server.benchmark.rows import Figure, Row
from poi_server.benchmark.workload import Workload, make_workload
from poi_server.benchmark.worst import free_positions, worst_cases
from poi_server.demo_data import DemoDataAbsent

OFFERS = (1_000, 10_000, 100_000, 1_000_000)
WORST_OFFERS, MOST_UPDATED = 100_000, 1_000_000
PARTS = ("generated", "worst", "journey", "figures")
USUAL = Extent()
QUICK = Extent(events=20, cycled=50, seconds=0.3, oracle=10)
QUICK_OFFERS = (500,)
PACKAGES = ("numpy", "shapely", "pyroaring", "zen-engine", "rule-engine", "clipspy", "mokaccino", "Cython")
REFERENCE = "numpy"
"""Asked beside ours where the others would only take long."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    offers: tuple[int, ...] = OFFERS
    parts: tuple[str, ...] = PARTS
    competitors: tuple[Competitor, ...] = PEERS
    extent: Extent = USUAL

    @property
    def quick(self) -> bool:
        """A smoke run."""
        return self.extent == QUICK

    @property
    def reference(self) -> tuple[Competitor, ...]:
        """Those that are asked in the worst cases."""
        return tuple(one for one in self.competitors if one.name == REFERENCE)


@dataclass(slots=True)
class Report:
    """What was measured, on which machine, under which load (of the last minute: at the start and at the end)."""

    machine: str
    load: list[float]
    rows: list[Row] = field(default_factory=list)
    figures: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def goals(self) -> list[Figure]:
        """What is promised beside what was measured."""
        return goals(self.rows, self.figures)

    @property
    def loaded(self) -> bool:
        """More wanted to run than there are cores."""
        return max(self.load) > CORES


@dataclass(slots=True)
class _Job:
    """One workload, who is asked, and what is already known of the answers."""

    workload: Workload
    competitors: tuple[Competitor, ...]
    lists: tuple[str, ...] = ("cold",)
    makers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    truths: dict[str, Answers] = field(default_factory=dict)


def run(plan: Plan) -> Report:
    """Measure; progress goes to standard error."""
    say = teller()
    report = Report(described(PACKAGES), [round(load(), 2)])
    say(report.machine)
    gc.disable()  # nothing here makes cycles, and looking for them among millions of objects takes long
    try:
        _measure(plan, report, say)
    finally:
        gc.enable()
    report.load.append(round(load(), 2))
    return report


def _measure(plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    for job in _jobs(plan, say):
        competitors = [one for one in job.competitors if not _too_slow(report.rows, one, job.workload)]
        report.rows += measure(job.workload, competitors, plan.extent, say, job.lists, job.makers, job.truths)
        report.rows += [_skipped(report.rows, one, job.workload) for one in job.competitors if one not in competitors]
        if "figures" in plan.parts and job.workload.name == "generated":
            say(f"{job.workload.offers:,} offers: memory, plans, changes, threads, choice")
            rounds, problems = (1, 8) if plan.quick else (5, 400)
            found = figures.measured(job.workload, rounds, problems)
            report.figures[job.workload.offers] = found
            if not found:
                say("the process that measures them ended before it was done")


def teller() -> Callable[[str], None]:
    """Says what is being done, with the minutes and seconds since the start, on standard error."""
    start = time.monotonic()

    def say(text: str) -> None:
        seconds = round(time.monotonic() - start)
        print(f"{seconds // 60:3}:{seconds % 60:02}  {text}", file=sys.stderr, flush=True)

    return say


def _jobs(plan: Plan, say: Callable[[str], None]) -> Iterator[_Job]:
    largest = max((count for count in plan.offers if count <= MOST_UPDATED), default=0)
    for offers in plan.offers:
        say(f"{offers:,} offers: making them")
        workload = make_workload(offers, events=plan.extent.cycled)
        truths: dict[str, Answers] = {}
        if "generated" in plan.parts:
            yield _Job(workload, (POI, *plan.competitors), ("cold", "hot"), truths=truths)
        if "worst" in plan.parts and offers == largest:
            yield from _changed(workload, plan, truths)
            for whole in (False, True):
                yield _Job(free_positions(workload, biggest_city=whole), (POI, *plan.reference))
    if "worst" in plan.parts:
        for workload in worst_cases(min(WORST_OFFERS, max(plan.offers)), plan.extent.cycled):
            yield _Job(workload, (POI, *plan.reference))
    if "journey" in plan.parts:
        yield from _journey(plan, say)


def _changed(workload: Workload, plan: Plan, truths: dict[str, Answers]) -> Iterator[_Job]:
    """The same offers and events, so the same answers, with a share of the offers changed since the last merge."""
    for share in (0.02, 0.20):
        changed = replace(workload, name=f"updates-{share:.0%}")
        makers: dict[str, Callable[[], Any]] = {POI.name: partial(PoiUpdated, workload, share)}
        yield _Job(changed, (POI, *plan.reference), makers=makers, truths=truths)


def _journey(plan: Plan, say: Callable[[str], None]) -> Iterator[_Job]:
    try:
        workload = journey_workload(plan.extent.cycled, "small" if plan.quick else "medium")
    except DemoDataAbsent as reason:
        say(f"left out: {reason.message}")
        return
    yield _Job(workload, (POI, *plan.competitors))


def _built(rows: list[Row], competitor: Competitor, workload: Workload) -> Row | None:
    """The competitor's row for the largest number of fewer offers."""
    fewer = [row for row in rows if row.competitor == competitor.name and row.workload == workload.name]
    return max((row for row in fewer if row.offers < workload.offers), key=lambda row: row.offers, default=None)


def _too_slow(rows: list[Row], competitor: Competitor, workload: Workload) -> bool:
    """Fewer offers already took so long to build that these cannot be built in time."""
    row = _built(rows, competitor, workload)
    if row is None or competitor == POI or row.note == "not installed":
        return False
    return row.build_s is None or row.build_s * workload.offers / row.offers > BUILD_SECONDS


def _skipped(rows: list[Row], competitor: Competitor, workload: Workload) -> Row:
    row = _built(rows, competitor, workload)
    took = "" if row is None or row.build_s is None else f": {row.offers:,} took {row.build_s:.0f} s to build"
    return Row(workload.name, competitor.name, workload.offers, note=f"not reached{took}")
