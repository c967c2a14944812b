"""A job that waits for its turn, and the way its outcome goes back to the loop it came from."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from poi_engine.ports import Job


class Ticket:
    """A job, its outcome, and the future of the one who waits."""

    __slots__ = ("failure", "future", "job", "loop", "result")

    def __init__(self, job: Callable[[], Job[Any]]) -> None:
        self.job = job
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.failure: BaseException | None = None

    def settle(self) -> None:
        """Give the outcome to the one who waits; in the loop's own thread."""
        if self.future.done():
            return
        if self.failure is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.failure)


def answer(tickets: Sequence[Ticket], failure: BaseException | None = None) -> None:
    """Answer from another thread, one wake-up a loop; a `failure` overrules every outcome."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        ticket.failure = failure or ticket.failure
        by_loop[ticket.loop].append(ticket)
    for loop, waiting in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, waiting)


def settle(tickets: Sequence[Ticket]) -> None:
    """Give each outcome to the one who waits; in the loop's own thread."""
    for ticket in tickets:
        ticket.settle()


def never_traced(point: str) -> None:
    """The trace of an ordinary run."""
