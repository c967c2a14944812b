"""PostgreSQL behind the `Sql` port: one writer connection with group commit, one that makes it durable, a few readers.

The same promises as `SqliteSql`: a job is undone alone and is answered after the COMMIT of its batch, made durable
while the next batch runs (`postgres_flush`). Few jobs raise: a batch has savepoints only when it runs again because one
of its jobs did. A batch that loses against another process (serialisation, deadlock, a lock held too long) runs again,
one job a transaction, after a random wait. Connections that break are replaced; what waits for one is answered within
seconds.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import asyncpg

from poi_engine.errors import InternalError, StorageError
from poi_engine.ports import Job, Query
from poi_engine.storage import failures
from poi_engine.storage.postgres_flush import PostgresFlush
from poi_engine.storage.postgres_pool import BROKEN, Connections, connect
from poi_engine.storage.postgres_statistics import Statistics
from poi_engine.storage.postgres_text import prepared
from poi_engine.storage.tickets import Ticket, never_traced, settle
from poi_engine.storage.urls import postgres_dsn

T = TypeVar("T")
_BATCH = 64  # jobs a commit
_WAITING = 20_000  # jobs
_READERS = 4
_ANSWER_SECONDS = 2.0
_READING_SECONDS = 60.0
_PATIENCE_SECONDS = 4.0  # for a job that other processes disturb
_DISTURBED = {"40001", "40P01", "55P03"}  # serialisation, deadlock, lock not given in time
_ALONE_LOCK = "1500ms"  # waited for at a time


class Way(NamedTuple):
    """How a transaction begins, what undoes a job that raised, and what stands between two jobs."""

    begin: str
    undo: str
    between: str = ""


_BATCH_BEGIN = "begin; set local lock_timeout = '150ms'"  # it gives way early: its jobs lock in any order
_ALONE = Way("begin", "rollback and chain")
_TOGETHER = Way(_BATCH_BEGIN, "rollback")
_SAVED = Way(f"{_BATCH_BEGIN}; savepoint job", "rollback to job", "release job; savepoint job")


def translate(error: BaseException) -> StorageError | InternalError:
    """The family and the stable code of a PostgreSQL error."""
    state = getattr(error, "sqlstate", None) or ""
    if state in _DISTURBED:
        return failures.locked()
    if state in ("53100", "53400"):
        return failures.full()
    if state[:2] in ("08", "53", "57", "58") or (isinstance(error, BROKEN) and not isinstance(error, ValueError)):
        return failures.away(f"PostgreSQL does not answer: {error or type(error).__name__}.")
    if state[:2] == "23":
        return failures.ConstraintFailed(str(error))
    return InternalError("statement", f"{type(error).__name__}: {error}")


async def drive(job: Job[T], connection: asyncpg.Connection) -> T:
    """Run a job's statements on the connection and return its result."""
    try:
        query = next(job)
        while True:
            query = job.send(await _fetch(connection, query))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        job.close()


async def _fetch(connection: asyncpg.Connection, query: Query) -> list[Any]:
    text, values = prepared(query)
    records = await connection.fetch(text, *values)
    return [tuple(record.values()) if query.tuples else dict(record.items()) for record in records]


class PostgresSql:
    """`url`: postgresql://user:password@host:port/name, or ...?host=/socket/folder. Belongs to one event loop.

    `trace` is called at `job-start`, `before-commit` and `after-commit`.
    """

    def __init__(self, url: str, *, trace: Callable[[str], None] = never_traced) -> None:
        self._dsn = postgres_dsn(url)
        self._trace = trace
        self._waiting: deque[Ticket] = deque()
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None
        self._flush = PostgresFlush(self._dsn, _ANSWER_SECONDS, trace)
        self._readers = Connections(self._dsn, _READERS, _READING_SECONDS)
        self._statistics = Statistics(self._readers)
        self._closed = False

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads, on one snapshot."""
        if self._closed:
            raise failures.away("The database is closed.")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                connection = await self._readers.take()
            try:
                found = await self._read_on(connection, job)
            finally:
                self._readers.give_back(connection)
            await self._flush.seen()
        except (asyncpg.PostgresError, *BROKEN) as error:
            raise translate(error) from None
        return found

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run a job in a transaction; returns after its durable commit."""
        if self._closed:
            raise failures.away("The database is closed.")
        if len(self._waiting) >= _WAITING:
            raise failures.busy()
        ticket = Ticket(job)
        self._waiting.append(ticket)
        self._work.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_loop(), name="postgres-writer")
        result: T = await ticket.future
        return result

    async def close(self) -> None:
        """Finish what waits, then close the connections."""
        self._closed = True
        self._work.set()
        if self._writer is not None:
            await self._writer
        self._discard()
        await self._flush.close()
        await self._statistics.close()
        self._readers.close()

    # --- reading ---------------------------------------------------------------------------------------------------

    @staticmethod
    async def _read_on(connection: asyncpg.Connection, job: Callable[[], Job[T]]) -> T:
        try:
            await connection.execute("begin isolation level repeatable read read only", timeout=_ANSWER_SECONDS)
        except TimeoutError:
            connection.terminate()  # it is silent: nothing more is asked of it
            raise
        try:
            return await drive(job(), connection)
        finally:
            with suppress(asyncpg.PostgresError, *BROKEN):
                await connection.execute("rollback")

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _write_loop(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
                continue
            try:
                await self._connected()
            except (asyncpg.PostgresError, *BROKEN) as error:
                self._answer(self._take(_WAITING), translate(error))
            else:
                await self._write_batch(self._take(_BATCH))

    def _take(self, most: int) -> list[Ticket]:
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._discard()
            self._connection = await connect(
                self._dsn, _ANSWER_SECONDS, lock_timeout=_ALONE_LOCK, synchronous_commit="off"
            )
        await self._flush.ready()
        return self._connection

    def _discard(self) -> None:
        """Break the connection; what was not committed is undone."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None
        self._flush.let_go()

    @staticmethod
    def _answer(tickets: Sequence[Ticket], failure: BaseException | None = None) -> None:
        for ticket in tickets:
            ticket.failure = failure or ticket.failure
        settle(tickets)

    async def _write_batch(self, batch: Sequence[Ticket]) -> None:
        way = _ALONE if len(batch) == 1 else _TOGETHER
        try:
            if not await self._transact(batch, way):
                await self._transact(batch, _SAVED)
        except Exception as error:
            if getattr(error, "sqlstate", None) not in _DISTURBED:
                return self._fail(batch, error)
        else:
            return None
        for ticket in batch:
            await self._alone(ticket)
        return None

    def _fail(self, batch: Sequence[Ticket], error: Exception) -> None:
        self._discard()
        self._answer(batch, error if isinstance(error, StorageError) else translate(error))

    async def _alone(self, ticket: Ticket) -> None:
        """Run one job a transaction, again after a random wait when another process was in the way."""
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        wait = 0.004
        while asyncio.get_running_loop().time() < until:
            try:
                await self._transact([ticket], _ALONE)
            except Exception as error:
                if getattr(error, "sqlstate", None) not in _DISTURBED:
                    return self._fail([ticket], error)
            else:
                return None
            await asyncio.sleep(random.uniform(0, wait))
            wait = min(0.25, wait * 2)
        return self._answer([ticket], failures.locked())

    async def _transact(self, batch: Sequence[Ticket], way: Way) -> bool:
        """One transaction of the whole batch, which is answered once it is durable.

        A job that raises is undone alone, its failure kept on its ticket. `_TOGETHER` it cannot be: then all of them
        are undone, and this is False.
        """
        connection = await self._begin(way.begin)
        try:
            for ticket in batch:
                self._trace("job-start")
                await self._run_job(connection, ticket)
                if ticket.failure is not None:
                    await connection.execute(way.undo)
                    if way is _TOGETHER:
                        return False
                elif way.between and ticket is not batch[-1]:
                    await connection.execute(way.between)
            self._trace("before-commit")
        except asyncpg.PostgresError as error:
            if error.sqlstate in _DISTURBED:
                await connection.execute("rollback")
            raise
        await self._commit(connection)
        self._flush.committed(batch)
        self._statistics.count(len(batch))
        return True

    async def _begin(self, begin: str) -> asyncpg.Connection:
        """A connection in a transaction; one that broke while it was idle is replaced."""
        connection = await self._connected()
        try:
            await connection.execute(begin)
        except (asyncpg.PostgresError, *BROKEN):
            self._discard()
            connection = await self._connected()
            await connection.execute(begin)
        return connection

    @staticmethod
    async def _run_job(connection: asyncpg.Connection, ticket: Ticket) -> None:
        """Run one job and keep its outcome; raises only when the transaction is lost."""
        ticket.failure = None
        try:
            ticket.result = await drive(ticket.job(), connection)
        except (asyncpg.PostgresError, *BROKEN) as error:
            ticket.failure = translate(error)
            if isinstance(ticket.failure, StorageError):
                raise
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is, it is the caller's: the writer goes on
            ticket.failure = error

    async def _commit(self, connection: asyncpg.Connection) -> None:
        self._flush.committing()
        try:
            await connection.execute("commit")
        except (asyncpg.PostgresError, *BROKEN) as error:
            self._flush.not_committed()
            if getattr(error, "sqlstate", "")[:2] in ("23", "40"):  # a clear refusal
                raise
            raise failures.unknown() from None
