"""SQLite's log made durable in a thread of its own, while the writer goes on with the next batch.

With `synchronous = normal` a COMMIT writes to the log without waiting for the disk. The `fdatasync` that follows here
covers every batch committed before it began, and only then are their writers answered. Whoever has read what is not
durable yet is answered after them: nothing is told that a power cut could take back. SQLite itself syncs the log
before it moves anything to the database, and the database before it begins the log anew.

A sync that fails leaves its batches in doubt (`commit-unknown`), and all that were committed on top of them: it is
never tried again on the same handle, and `failed` tells the writer to open the database anew.
"""

import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from poi_engine.storage import failures
from poi_engine.storage.tickets import Ticket, answer

_sync = getattr(os, "fdatasync", os.fsync)  # not every system has the one that leaves the file's times alone


class _Log:
    """The writer's log file, open until nobody waits for it any more; `failed`: a sync of it did."""

    def __init__(self, path: Path) -> None:
        self.failed = False
        try:
            self._handle = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            self.failed = True

    def sync(self) -> None:
        if not self.failed:
            try:
                _sync(self._handle)
            except OSError:
                self.failed = True

    def close(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self._handle)


class _Written(NamedTuple):
    """A batch to be answered when the log that holds the commit of this number is durable."""

    number: int
    batch: list[Ticket]
    log: _Log


class _GivenUp(NamedTuple):
    """The commit of this number failed by itself."""

    number: int


class _Read(NamedTuple):
    """A reader who may have seen what the commit of this number wrote."""

    number: int
    ticket: Ticket


_Item = _Written | _GivenUp | _Read | _Log
"""A log in the queue is one that nobody after it needs any more."""


class LogSync:
    """`database`: its path; `trace` is called at `after-commit`, once a batch is durable, before it is answered."""

    def __init__(self, database: Path, trace: Callable[[str], None]) -> None:
        self._database = database
        self._trace = trace
        self._begun = 0  # commits; the writer's thread counts
        self._passed = 0  # of them, durable or given up; this thread counts
        self._log: _Log | None = None
        self._readers: list[_Read] = []  # ahead of the commits that they have seen
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sqlite-log-sync", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer who waits, then end; nobody writes or reads any more."""
        self.let_go()
        self._queue.put(None)
        self._thread.join()

    # --- for the writer's thread -----------------------------------------------------------------------------------

    @property
    def failed(self) -> bool:
        """Whether the log may hold what is not durable."""
        return self._log is not None and self._log.failed

    def committing(self) -> None:
        """A COMMIT begins: readers may see from now on what it writes."""
        self._begun += 1

    def committed(self, batch: list[Ticket]) -> None:
        """It ended: its writers are answered when it is durable."""
        if self._log is None:
            path = self._database.resolve()
            self._log = _Log(path.with_name(f"{path.name}-wal"))
        self._queue.put(_Written(self._begun, batch, self._log))

    def not_committed(self) -> None:
        """It failed: nobody waits for it."""
        self._queue.put(_GivenUp(self._begun))

    def let_go(self) -> None:
        """The database is opened anew: the next commit is in another handle's log."""
        if self._log is not None:
            self._queue.put(self._log)
        self._log = None

    # --- for the readers' threads ----------------------------------------------------------------------------------

    def answer(self, ticket: Ticket) -> None:
        """Answer who has read, once all is durable that can have been seen."""
        if self._begun <= self._passed or ticket.failure is not None:
            answer([ticket])
        else:
            self._queue.put(_Read(self._begun, ticket))

    # --- this thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        going_on = True
        while going_on:
            items, going_on = self._next()
            for log in {item.log for item in items if isinstance(item, _Written)}:
                log.sync()
            self._answer(items)

    def _next(self) -> tuple[list[_Item], bool]:
        """All that waits now, at least one; False when no more will come."""
        items: list[_Item] = []
        item = self._queue.get()
        while item is not None:
            items.append(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return items, True
        return items, False

    def _answer(self, items: list[_Item]) -> None:
        """Answer everybody whose log was just synced, then who has read what they wrote: never the other way round."""
        durable: list[Ticket] = []
        doubtful: list[Ticket] = []
        passed = self._passed
        for item in items:
            match item:
                case _Written(number, batch, log) if log.failed:
                    passed = number
                    doubtful += batch
                case _Written(number, batch, _):
                    passed = number
                    self._trace("after-commit")
                    durable += batch
                case _GivenUp(number):
                    passed = number
                case _Read():
                    self._readers.append(item)
                case _Log():
                    item.close()
        durable += [one.ticket for one in self._readers if one.number <= passed]
        self._readers = [one for one in self._readers if one.number > passed]
        answer(doubtful, failures.unknown())
        answer(durable)
        self._passed = passed
