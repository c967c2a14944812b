"""Figures besides the time of a match: memory, building, plans, the shared file, changes, threads, the choice."""

import gc
import multiprocessing
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from poi_cext.match import Event, Index, Matcher
from poi_engine.catalogue.snapshot import SnapshotFolder, State
from poi_offers.candidates import Candidates
from poi_offers.choice import choose
from poi_offers.effects import EffectBook
from poi_offers.policy import Policy
from poi_offers.steps import sheet_of
from poi_server.benchmark.children import die_with_parent
from poi_server.benchmark.choice import problems
from poi_server.benchmark.facts import Packed, packed
from poi_server.benchmark.layout import COLUMNS, FAMILIES
from poi_server.benchmark.ragged import Ragged
from poi_server.benchmark.rows import quantile
from poi_server.benchmark.workload import Workload

FIRSTS = 300
CHANGES = 2000
SEED = 7

Programs = tuple[Any, Any, Any]


def measured(workload: Workload, rounds: int, problem_count: int) -> dict[str, float]:
    """All figures of one workload by name, measured in a process of its own."""
    context = multiprocessing.get_context("fork")
    pipe, end = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(end, workload, rounds, problem_count))
    process.start()
    end.close()
    try:
        found: dict[str, float] = pipe.recv()
    except EOFError:
        found = {}
    process.join()
    return found


def _child(pipe: Connection, workload: Workload, rounds: int, problem_count: int) -> None:
    die_with_parent()
    gc.disable()
    programs = workload.programs()
    index, built = _build(workload, programs, rounds)
    asked = [packed(facts) for facts in workload.cold]
    found = {
        "build_cpu_s": built,
        "bytes_an_offer": index.nbytes / workload.offers,
        **_first_events(index, asked[:FIRSTS]),
        **_changes(index, workload, programs),
        **_threads(index, asked, rounds),
        **_snapshot(index, asked[0]),
        **_choice(index, asked, problem_count),
    }
    pipe.send(found)


def _build(workload: Workload, programs: Programs, rounds: int) -> tuple[Index, float]:
    """The index, and the least processor seconds it took."""
    owners, starts, words = programs
    best = float("inf")
    for _ in range(min(3, rounds)):
        start = time.process_time()
        index = Index.build(COLUMNS, FAMILIES, workload.offers, owners.data, starts.data, words.data)
        best = min(best, time.process_time() - start)
    return index, best


def _first_events(index: Index, asked: Sequence[Packed]) -> dict[str, float]:
    """The first match at each store makes its plan."""
    matcher, events = Matcher(index), [one.event() for one in asked]
    took = [_nanoseconds(matcher.match, event, one.place) for event, one in zip(events, asked, strict=True)]
    return {
        "first_event_us": median(took) / 1000,
        "first_event_p99_us": quantile(took, 0.99) / 1000,
        "plan_bytes": matcher.plan_bytes_used / max(1, matcher.plans),
    }


def _changes(index: Index, workload: Workload, programs: Programs) -> dict[str, float]:
    """Adding and discarding offers, one by one."""
    owners, starts, words = programs
    matcher, every = Matcher(index), Ragged(starts, words)
    rows = random.Random(SEED).sample(range(len(owners)), min(CHANGES, len(owners)))
    clauses = [every.lists(row, row + 1) for row in rows]
    orders = [(int(owners[row]) << 32) + 1 + n for n, row in enumerate(rows)]
    adds = [_nanoseconds(matcher.add, order, programs) for order, programs in zip(orders, clauses, strict=True)]
    gone = random.Random(SEED).sample(range(workload.offers), min(CHANGES, workload.offers))
    removals = [_nanoseconds(matcher.discard, owner) for owner in gone]
    nothing = median(_nanoseconds(matcher.lives, owner) for owner in gone)
    return {
        "add_us": median(adds) / 1000,
        "remove_called_ns": median(removals),
        "remove_ns": median(removals) - nothing,
        "remove_first_us": removals[0] / 1000,
    }


def _threads(index: Index, asked: Sequence[Packed], rounds: int) -> dict[str, float]:
    """Events a second of two threads by those of one, both over the same matcher with its plans built."""
    matcher = Matcher(index, plan_bytes=1 << 30)
    events, places = [one.event() for one in asked], [one.place for one in asked]
    twins = [one.event() for one in asked]
    matcher.timed(events, places, 1)
    alone = min(_seconds([partial(matcher.timed, events, places, rounds)]) for _ in range(3))
    both = min(_seconds([partial(matcher.timed, e, places, rounds) for e in (events, twins)]) for _ in range(3))
    return {"two_threads": 2 * alone / both}


def _seconds(work: Sequence[Callable[[], Any]]) -> float:
    threads = [threading.Thread(target=one) for one in work]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def _snapshot(index: Index, asked: Packed) -> dict[str, float]:
    """Opening the shared file in another process, and the memory that this process takes for it on its own.

    Here it is mapped too, as in the first worker of a machine: what both have is not counted.
    """
    with tempfile.TemporaryDirectory(prefix="poi-bench-") as name:
        folder = SnapshotFolder(Path(name))
        state = State(merchant_id="mer_bench", layout="bench", version=1)
        start = time.perf_counter()
        with folder.alone(state.merchant_id):
            folder.write(state, index.sections())
        wrote = time.perf_counter() - start
        first_worker = folder.open(state.merchant_id, state.layout)
        assert first_worker is not None
        context = multiprocessing.get_context("spawn")
        pipe, end = context.Pipe(duplex=False)
        process = context.Process(target=_opener, args=(end, name, asked.numbers, asked.sets, asked.lines, asked.place))
        process.start()
        end.close()
        try:
            opened, own = pipe.recv()
        except EOFError:
            return {}
        finally:
            process.join()
            del first_worker
    return {"snapshot_write_s": wrote, "snapshot_open_ms": opened * 1000, "second_worker_share": own / index.nbytes}


def _opener(pipe: Connection, folder: str, numbers: Any, sets: Any, lines: Any, place: Any) -> None:
    before, start = _own_memory(), time.perf_counter()
    snapshot = SnapshotFolder(Path(folder)).open("mer_bench", "bench")
    assert snapshot is not None
    matcher = Matcher(Index.open(snapshot.sections))
    took = time.perf_counter() - start
    matcher.match(Event(numbers, sets, lines), place)
    pipe.send((took, max(0, _own_memory() - before)))


def _own_memory() -> int:
    """Bytes that only this process has."""
    fields = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines())
    return sum(int(field[1]) * 1024 for field in fields if field[0] in ("Private_Dirty:", "Private_Clean:"))


def _choice(index: Index, asked: Sequence[Packed], count: int) -> dict[str, float]:
    """A match, then the exact choice among thirty offers, from the offers and the basket to the combination."""
    matcher, book = Matcher(index), EffectBook()
    took, alone = [], []
    for number, problem in enumerate(problems(SEED, count)):
        event = asked[number % len(asked)]
        matcher.match(event.event(), event.place)
        best = search = 1 << 62
        for _ in range(5):
            start = time.perf_counter_ns()
            matcher.match(event.event(), event.place)
            candidates = Candidates(problem.offers, sheet_of(problem.items), Policy(), book=book)
            ready = time.perf_counter_ns()
            choose(candidates)
            end = time.perf_counter_ns()
            best, search = min(best, end - start), min(search, end - ready)
        took.append(best)
        alone.append(search)
    return {
        "choice_us": median(took) / 1000,
        "choice_p99_us": quantile(took, 0.99) / 1000,
        "search_us": median(alone) / 1000,
        "search_p99_us": quantile(alone, 0.99) / 1000,
    }


def _nanoseconds(call: Callable[..., Any], *arguments: Any) -> int:
    start = time.perf_counter_ns()
    call(*arguments)
    return time.perf_counter_ns() - start
