"""One workload, all competitors: the same events in turn, every answer compared, in one run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from poi_server.benchmark.children import LEAST_ROUNDS, Built, Child, NotReached, Timed, spare_memory
from poi_server.benchmark.facts import Facts, packed
from poi_server.benchmark.machine import CORES, load
from poi_server.benchmark.peers.naive import oracle
from poi_server.benchmark.registry import NAIVE, POI, Competitor
from poi_server.benchmark.rows import Row, microseconds
from poi_server.benchmark.workload import Workload

SECONDS = 15.0
"""What a competitor may take for a list of events; the slow ones are asked fewer of them."""
FEWEST = 20
SLOW_NS = 20_000_000
"""Only those that need longer than this for an event are asked fewer."""
TIMED_ROUNDS = 9
TRUSTED = ("naive", "numpy", "dict-strtree", "pyroaring", "poi")
"""Who is believed where the oracle was not asked, once it agrees with the oracle wherever that was."""

Say = Callable[[str], None]
Answers = dict[int, tuple[int, ...]]
"""By event, the offers that hold."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is asked: events of each list, and those of them that the oracle answers."""

    events: int = 400
    cycled: int = 2000
    seconds: float = SECONDS
    oracle: int = FEWEST


@dataclass(slots=True)
class _Runner:
    """A competitor under way: its process, or why there is none."""

    competitor: Competitor
    child: Child | None = None
    built: Built | None = None
    note: str = ""
    answers: dict[int, Timed] = field(default_factory=dict)
    quota: int = 0


def measure(
    workload: Workload,
    competitors: Sequence[Competitor],
    extent: Extent,
    say: Say,
    lists: Sequence[str] = ("cold", "hot"),
    makers: dict[str, Callable[[], Any]] | None = None,
    truths: dict[str, Answers] | None = None,
) -> list[Row]:
    """The rows of a workload, the hot stores' apart; `makers` build a competitor in another way than its class.

    `truths` holds right answers by list; those not there are found out and put in.
    """
    truths = {} if truths is None else truths
    facts = {which: getattr(workload, which) for which in lists}
    runners = [_start(one, workload, facts, say, (makers or {}).get(one.name)) for one in competitors]
    try:
        return [row for which in lists for row in _rows(workload, which, facts[which], runners, extent, say, truths)]
    finally:
        for runner in runners:
            if runner.child is not None:
                runner.child.end()


def _start(
    competitor: Competitor,
    workload: Workload,
    facts: dict[str, list[Facts]],
    say: Say,
    make: Callable[[], Any] | None,
) -> _Runner:
    if not competitor.installed:
        return _Runner(competitor, note="not installed")
    say(f"{workload.name}, {workload.offers:,} offers: building {competitor.name}")
    asked: dict[str, Sequence[Any]] = dict(facts)
    if competitor.name == POI.name:
        asked = {which: [packed(one) for one in events] for which, events in facts.items()}
    child = Child(competitor.name, make or (lambda: competitor.load()(workload)), asked, spare_memory())
    try:
        return _Runner(competitor, child, child.built())
    except NotReached as reason:
        child.end()
        return _Runner(competitor, note=_reason(reason))


def _rows(
    workload: Workload,
    which: str,
    facts: list[Facts],
    runners: list[_Runner],
    extent: Extent,
    say: Say,
    truths: dict[str, Answers],
) -> list[Row]:
    before, count = load(), min(extent.events, len(facts))
    name = workload.name if which == "cold" else f"{workload.name}-{which}"
    say(f"{name}, {workload.offers:,} offers: {count} events, each asked of all in turn")
    for runner in runners:
        runner.answers, runner.quota = {}, count
    for number in range(count):
        for runner in runners:
            _ask(runner, which, number, count, extent)
    if which not in truths:
        truths[which] = _known(workload, facts, runners, min(extent.oracle, count), count)
    known = truths[which]
    rows = [_row(name, workload, runner, known) for runner in runners]
    rows += _compiled(name, workload, which, runners, known, min(extent.cycled, len(facts)))
    ours = next((runner for runner in runners if runner.competitor.name == POI.name and runner.answers), None)
    return _with_ratios(rows, runners, ours) if ours and max(before, load()) <= CORES else rows


def _ask(runner: _Runner, which: str, number: int, count: int, extent: Extent) -> None:
    """Ask one event, unless the competitor is slow and others stand for it."""
    if runner.child is None or number % max(1, count // runner.quota):
        return
    try:
        timed = runner.child.match(which, number)
    except NotReached as reason:
        runner.child.end()
        runner.child, runner.note, runner.answers = None, _reason(reason), {}
        return
    runner.answers[number] = timed
    if timed.wall > SLOW_NS and runner.quota == count:
        able = int(extent.seconds * 1e9 / (timed.wall * LEAST_ROUNDS))
        least = FEWEST if runner.competitor.name == NAIVE.name else 5
        runner.quota = min(count, max(able, least))


def _known(workload: Workload, facts: list[Facts], runners: list[_Runner], sampled: int, count: int) -> Answers:
    """The right answers: the oracle's, and where it was not asked those of somebody who agrees with it elsewhere."""
    naive = next((runner for runner in runners if runner.competitor.name == NAIVE.name and runner.answers), None)
    if naive:
        known = {number: timed.found for number, timed in naive.answers.items()}
    else:
        numbers = list(range(0, count, max(1, count // sampled)))[:sampled]
        answers = oracle(workload, [facts[number] for number in numbers])
        known = {number: tuple(answer) for number, answer in zip(numbers, answers, strict=True)}
    right = [runner for runner in runners if runner.competitor.name in TRUSTED and not _differing(runner, known)]
    for runner in sorted(right, key=lambda one: TRUSTED.index(one.competitor.name)):
        for number, timed in runner.answers.items():
            known.setdefault(number, timed.found)
    return known


def _differing(runner: _Runner, known: Answers) -> int:
    return sum(known.get(number, timed.found) != timed.found for number, timed in runner.answers.items())


def _row(name: str, workload: Workload, runner: _Runner, known: Answers) -> Row:
    if not runner.answers:
        return Row(name, runner.competitor.name, workload.offers, note=runner.note)
    answers = runner.answers.values()
    wall, last = microseconds([timed.wall for timed in answers])
    differing = _differing(runner, known)
    return Row(
        name,
        runner.competitor.name,
        workload.offers,
        events=len(answers),
        median_us=wall,
        p99_us=last,
        cpu_median_us=microseconds([timed.cpu for timed in answers])[0],
        matches_median=median(len(timed.found) for timed in answers),
        correct=not differing,
        differing=differing,
        **({} if runner.built is None else _building(runner.built)),
    )


def _building(built: Built) -> dict[str, Any]:
    return {
        "build_s": round(built.wall, 3),
        "build_cpu_s": round(built.cpu, 3),
        "memory_bytes": built.memory,
    }


def _compiled(
    name: str, workload: Workload, which: str, runners: list[_Runner], known: Answers, count: int
) -> list[Row]:
    """Our own match inside the compiled code, its plans built, events in turn: caches cold when the stores are many."""
    ours = next((runner for runner in runners if runner.competitor.name == POI.name), None)
    if ours is None or ours.child is None:
        return []
    best, found, share = ours.child.over("timed", which, count, TIMED_ROUNDS)
    wall, last = microseconds(best)
    differing = sum(number < count and len(answer) != found[number] for number, answer in known.items())
    return [
        Row(
            name,
            "poi-c",
            workload.offers,
            events=count,
            median_us=wall,
            p99_us=last,
            cpu_median_us=round(wall * share, 3),
            matches_median=median(found),
            correct=not differing,
            differing=differing,
        )
    ]


def _with_ratios(rows: list[Row], runners: list[_Runner], ours: _Runner) -> list[Row]:
    """Each median by ours over the same events."""
    answers = {runner.competitor.name: runner.answers for runner in runners}
    return [_with_ratio(row, answers.get(row.competitor, ours.answers), ours.answers) for row in rows]


def _with_ratio(row: Row, numbers: Iterable[int], ours: dict[int, Timed]) -> Row:
    if row.median_us is None:
        return row
    base = median(ours[number].wall for number in numbers) / 1000
    return replace(row, ratio_to_poi=round(row.median_us / base, 3))


def _reason(error: NotReached) -> str:
    return f"not reached: {str(error).strip().splitlines()[-1]}"
