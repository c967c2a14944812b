"""SQLite behind the `Sql` port: one writer thread with group commit, one that makes it durable, a few reader threads.

A write is answered only after the COMMIT of the batch it ran in and a sync of the log (`log_sync`), during which the
writer runs the next batch. A job which raises is undone alone: the others of its batch are run anew, each in a
SAVEPOINT of its own. When a COMMIT or a sync fails every job of its batch fails, and the connection is opened anew
before the next batch: a sync that failed is never tried again on the same handle, and what it may have left
half-durable in the log is first moved to the database, so that nothing acknowledged later depends on it.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from poi_engine.errors import InternalError, StorageError
from poi_engine.ports import Job, Queries, Query
from poi_engine.storage import failures
from poi_engine.storage.locks import only_asked
from poi_engine.storage.log_sync import LogSync
from poi_engine.storage.tickets import Ticket, answer, never_traced

T = TypeVar("T")
_BATCH = 256  # jobs a commit
_WAITING = 20_000  # jobs
_READERS = 3
_LOG_PAGES = 8_000  # of 4 KiB: what a checkpoint moves at a time, and a start after a kill reads
_MAPPED = 1 << 36  # bytes of the file, at most; SQLite allows less
_CACHE_KIB = 32_768  # for the writer; a reader has an eighth

_FULL = {sqlite3.SQLITE_FULL}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_AWAY = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}


def translate(error: sqlite3.Error) -> StorageError | InternalError:
    """The family and the stable code of an SQLite error."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in _FULL:
        return failures.full()
    if primary in _LOCKED:
        return failures.locked()
    if primary in _AWAY:
        return failures.away(f"The database cannot be used: {error}.")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return failures.ConstraintFailed(str(error))
    return InternalError("statement", f"{type(error).__name__}: {error}")


def connect(
    path: Path, *, read_only: bool = False, mapped: bool = False, busy_seconds: float = 2.0
) -> sqlite3.Connection:
    """A connection in autocommit mode whose rows are dictionaries; SQLite waits `busy_seconds` for a lock."""
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, cached_statements=512)
    connection.row_factory = _row
    try:
        _use_wal(connection, busy_seconds)
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma recursive_triggers = on")  # REPLACE must not slip past the triggers
        connection.execute(f"pragma query_only = {int(read_only)}")
        connection.execute("pragma temp_store = memory")  # what a savepoint would undo, else written to a file
        connection.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"pragma mmap_size = {_MAPPED if mapped else 0}")
        connection.execute(f"pragma cache_size = -{_CACHE_KIB // 8 if read_only else _CACHE_KIB}")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Write-ahead logging, which the file remembers; SQLite does not wait by itself for the lock that needs."""
    until = time.monotonic() + busy_seconds
    while connection.execute("pragma journal_mode").fetchall() != [{"journal_mode": "wal"}]:
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip([column[0] for column in cursor.description], values, strict=True))


def drive(job: Job[T], connection: sqlite3.Connection) -> T:
    """Run a job's statements on the connection and return its result."""
    cursor = connection.cursor()
    cursor.row_factory = None
    try:
        asked = next(job)
        while True:
            asked = job.send(_fetched(cursor, asked))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        job.close()


def _fetched(cursor: sqlite3.Cursor, asked: Query | Queries) -> list[Any]:
    if isinstance(asked, Queries):
        return [_rows(cursor, query) for query in asked.queries]
    return _rows(cursor, asked)


def _rows(cursor: sqlite3.Cursor, query: Query) -> list[Any]:
    """A statement's rows; made here at once, which is half as dear as one by one."""
    text = only_asked(query.text) or query.text  # the only writer needs no lock
    rows = cursor.execute(text, query.values).fetchall()
    if query.tuples or not rows:
        return rows
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=False)) for row in rows]


class SqliteSql:
    """`path`: the database file. The writer's thread calls `trace` at `job-start`, `before-commit`, `after-commit`."""

    def __init__(
        self,
        path: Path,
        *,
        trace: Callable[[str], None] = never_traced,
        mapped: bool = False,
        busy_seconds: float = 2.0,
    ) -> None:
        self._path = path
        self._mapped = mapped
        self._trace = trace
        self._busy = busy_seconds
        self._closed = False
        self._suspect = False  # a COMMIT or a sync failed: the log may hold what is not durable
        self._log_sync = LogSync(path, trace)
        self._writes: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)]
        for number in range(_READERS):
            self._threads.append(threading.Thread(target=self._read_loop, name=f"sqlite-reader-{number}", daemon=True))
        for thread in self._threads:
            thread.start()

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads, on one snapshot."""
        return await self._wait_for(job, self._reads)

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run a job in a transaction; returns after its durable commit."""
        return await self._wait_for(job, self._writes)

    async def close(self) -> None:
        """Finish what waits, then close the file."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._writes.put(None)
        for _ in range(_READERS):
            self._reads.put(None)
        for thread in self._threads:
            thread.join()
        self._log_sync.stop()

    async def _wait_for(self, job: Callable[[], Job[T]], waiting: "queue.SimpleQueue[Ticket | None]") -> T:
        if self._closed:
            raise failures.away("The database is closed.")
        if waiting.qsize() >= _WAITING:
            raise failures.busy()
        ticket = Ticket(job)
        waiting.put(ticket)
        result: T = await ticket.future
        return result

    # --- the writer's thread ---------------------------------------------------------------------------------------

    def _write_loop(self) -> None:
        connection: sqlite3.Connection | None = None
        going_on = True
        while going_on:
            batch, going_on = self._next_batch()
            if connection is not None and self._log_sync.failed:
                connection.close()
                connection, self._suspect = None, True
            try:
                connection = connection or self._open_writer()
                connection.execute("begin immediate")
                usable = self._run_batch(connection, batch)
            except (sqlite3.Error, StorageError) as error:
                answer(batch, error if isinstance(error, StorageError) else translate(error))
                usable = False
            if connection is not None and not usable:
                connection.close()  # undoes what was not committed
                connection = None
        if connection is not None:
            connection.close()

    def _open_writer(self) -> sqlite3.Connection:
        connection = connect(self._path, busy_seconds=self._busy)
        try:
            if self._suspect:
                [outcome] = connection.execute("pragma wal_checkpoint(truncate)").fetchall()
                if outcome["busy"]:
                    raise failures.locked()
            connection.execute("pragma synchronous = normal")  # the log is synced after each COMMIT, in another thread
        except BaseException:
            connection.close()
            raise
        self._suspect = False
        self._log_sync.let_go()
        return connection

    def _next_batch(self) -> tuple[list[Ticket], bool]:
        """The jobs that wait now, at least one; False when no more will come."""
        batch: list[Ticket] = []
        ticket = self._writes.get()
        while ticket is not None:
            batch.append(ticket)
            if len(batch) == _BATCH:
                return batch, True
            try:
                ticket = self._writes.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _run_batch(self, connection: sqlite3.Connection, batch: list[Ticket]) -> bool:
        """Run and commit a batch, which is answered once it is durable; False when the connection must not be used.

        Raises before COMMIT.
        """
        failed = self._run_together(connection, batch)
        if failed is not None:
            connection.execute("rollback")
            connection.execute("begin immediate")
            self._run_apart(connection, [ticket for ticket in batch if ticket is not failed])
        self._trace("before-commit")
        self._log_sync.committing()
        try:
            connection.execute("commit")
        except sqlite3.Error as error:
            self._log_sync.not_committed()
            self._suspect = True
            failure = translate(error)
            answer(batch, failures.unknown() if failure.code == "storage-away" else failure)
            return False
        self._log_sync.committed(batch)
        return True

    def _run_together(self, connection: sqlite3.Connection, batch: list[Ticket]) -> Ticket | None:
        """Run the jobs without savepoints, which cost a copy of every page that is changed; the first that raises."""
        for ticket in batch:
            self._run_job(connection, ticket)
            if ticket.failure is not None:
                return ticket
        return None

    def _run_apart(self, connection: sqlite3.Connection, tickets: list[Ticket]) -> None:
        """Run each job in a savepoint, so that whichever raises is undone alone."""
        for ticket in tickets:
            connection.execute("savepoint job")
            self._run_job(connection, ticket)
            if ticket.failure is not None:
                connection.execute("rollback to job")
            connection.execute("release job")

    def _run_job(self, connection: sqlite3.Connection, ticket: Ticket) -> None:
        """Run one job and keep its outcome; raises only when the transaction is lost."""
        self._trace("job-start")
        try:
            ticket.result = drive(ticket.job(), connection)
        except sqlite3.Error as error:
            ticket.failure = translate(error)
            if isinstance(ticket.failure, StorageError):
                raise
        except BaseException as error:  # whatever it is, it is the caller's: the writer goes on
            ticket.failure = error

    # --- the readers' threads --------------------------------------------------------------------------------------

    def _read_loop(self) -> None:
        connection: sqlite3.Connection | None = None
        while (ticket := self._reads.get()) is not None:
            try:
                connection = connection or connect(
                    self._path, read_only=True, mapped=self._mapped, busy_seconds=self._busy
                )
                self._read_one(connection, ticket)
            except sqlite3.Error as error:
                ticket.failure = translate(error)
                if connection is not None:
                    connection.close()
                connection = None
            self._log_sync.answer(ticket)
        if connection is not None:
            connection.close()

    @staticmethod
    def _read_one(connection: sqlite3.Connection, ticket: Ticket) -> None:
        connection.execute("begin")
        try:
            ticket.result = drive(ticket.job(), connection)
        except sqlite3.Error:
            raise
        except BaseException as error:
            ticket.failure = error
        connection.execute("rollback")
