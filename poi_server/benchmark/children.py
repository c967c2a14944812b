"""Each competitor in a process of its own, forked from the one that made the workload, so that they share it.

A child builds within a deadline and a memory guard, then answers events one at a time, each timed by itself.
"""

import ctypes
import gc
import multiprocessing
import os
import resource
import sys
import time
import traceback
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from poi_server.benchmark.registry import Peer

BUILD_SECONDS = 180.0
MATCH_SECONDS = 600.0
LEAST_ROUNDS, MOST_ROUNDS = 5, 40
T = TypeVar("T")
ENOUGH_NS = 1_000_000
"""After the least rounds, more are made until so much time went by: quick ones are else all noise."""


class Timed(NamedTuple):
    """Best of the rounds: nanoseconds of wall and of processor time, and the offers found, in the order given."""

    wall: int
    cpu: int
    found: tuple[int, ...]


class Built(NamedTuple):
    """What building took: seconds of wall and of processor time, and bytes more in memory."""

    wall: float
    cpu: float
    memory: int


class NotReached(Exception):
    """The competitor could not be built or did not answer; the text says why."""


class Child:
    """A competitor that answers."""

    def __init__(self, name: str, make: Callable[[], Peer], asked: dict[str, Sequence[Any]], memory: int) -> None:
        self.name = name
        context = multiprocessing.get_context("fork")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_serve, args=(end, make, asked, memory), daemon=True)
        self._process.start()
        end.close()

    def built(self, seconds: float = BUILD_SECONDS) -> Built:
        """What building took; NotReached when it failed or took longer."""
        return Built(*self._answer(seconds, f"not built in {seconds:.0f} s"))

    def match(self, which: str, number: int) -> Timed:
        """The event of this number, as often as it takes."""
        self._pipe.send(("match", which, number))
        wall, cpu, found = self._answer(MATCH_SECONDS, "no answer")
        return Timed(wall, cpu, tuple(array("q", found)))

    def over(self, name: str, which: str, count: int, *arguments: Any) -> Any:
        """A method of the peer on the first events of a list."""
        self._pipe.send(("over", name, (which, count, arguments)))
        return self._answer(MATCH_SECONDS, "no answer")

    def end(self) -> None:
        """Stop the process."""
        with suppress(OSError):
            self._pipe.send(None)
        self._pipe.close()
        self._process.join(0.5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _answer(self, seconds: float, late: str) -> Any:
        try:
            if not self._pipe.poll(seconds):
                raise NotReached(late)
            kind, value = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            raise NotReached(f"ended with {self._process.exitcode}") from None
        if kind == "failed":
            raise NotReached(value)
        return value


def spare_memory() -> int:
    """Bytes that a child may take: six tenths of what is free."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 * 6 // 10
    return 8 << 30


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def die_with_parent() -> None:
    """Let this process not outlive the one that started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL


def _serve(pipe: Connection, make: Callable[[], Peer], asked: dict[str, Sequence[Any]], memory: int) -> None:
    die_with_parent()
    try:
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
        gc.disable()
        before, wall, cpu = resident(), time.perf_counter(), time.process_time()
        peer = make()
        pipe.send(("built", (time.perf_counter() - wall, time.process_time() - cpu, resident() - before)))
        while (question := pipe.recv()) is not None:
            _reply(pipe, peer, asked, *question)
    except EOFError:
        return
    except MemoryError:
        pipe.send(("failed", "needs more memory than there is"))
    except Exception:
        pipe.send(("failed", traceback.format_exc(limit=-3)))
    finally:
        os._exit(0)  # some competitors take long to clean up, or print that they did not


def _reply(pipe: Connection, peer: Peer, asked: dict[str, Sequence[Any]], kind: str, which: str, what: Any) -> None:
    if kind == "over":
        events, count, arguments = what
        pipe.send(("called", getattr(peer, which)(asked[events][:count], *arguments)))
        return
    wall, cpu, answer = timed(peer.match, asked[which][what])
    ids = getattr(peer, "ids", list)
    pipe.send(("matched", (wall, cpu, array("q", ids(answer)).tobytes())))


def timed(match: Callable[[Any], list[T]], asked: Any) -> tuple[int, int, list[T]]:
    """Best wall and processor nanoseconds of one call, and its answer.

    Of quick calls the processor time is that of many together, for reading it takes a while itself.
    """
    clock, processor = time.perf_counter_ns, time.process_time_ns
    best = cpu = 1 << 62
    spent = rounds = 0
    while rounds < LEAST_ROUNDS or (spent < ENOUGH_NS and rounds < MOST_ROUNDS):
        used = processor()
        start = clock()
        answer = match(asked)
        took = clock() - start
        cpu = min(cpu, processor() - used)
        best = min(best, took)
        spent += took
        rounds += 1
    if best < ENOUGH_NS // LEAST_ROUNDS:
        used = processor()
        for _ in range(MOST_ROUNDS):
            match(asked)
        cpu = (processor() - used) // MOST_ROUNDS
    return best, cpu, answer
