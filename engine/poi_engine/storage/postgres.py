"""PostgreSQL behind the `Sql` port: one writer connection with group commit, a few reader connections.

The same promises as `SqliteSql`: a job runs in a savepoint of its own and is answered after the COMMIT of its batch.
A batch that loses against another process (serialisation, deadlock, a lock held too long) runs again, one job a
transaction, after a random wait. Connections that break are replaced; what waits for one is answered within seconds.
"""

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TypeVar

import asyncpg

from poi_engine.errors import InternalError, StorageError
from poi_engine.ports import Job, Query, Row
from poi_engine.storage import failures
from poi_engine.storage.tickets import Ticket, never_traced, settle
from poi_engine.storage.urls import postgres_dsn

T = TypeVar("T")
_BATCH = 64  # jobs a commit
_WAITING = 20_000  # jobs
_READERS = 4
_CONNECT_SECONDS = 1.5
_ANSWER_SECONDS = 2.0
_PATIENCE_SECONDS = 4.0  # for a batch that other processes disturb
_DISTURBED = {"40001", "40P01", "55P03"}  # serialisation, deadlock, lock not given in time
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_BATCH_LOCK = "150ms"  # a batch gives way early: its jobs lock in any order
_ALONE_LOCK = "1500ms"

_BROKEN = (OSError, asyncpg.InterfaceError, TimeoutError, EOFError)


@lru_cache(maxsize=4096)
def numbered(text: str) -> str:
    """`?` placeholders as `$1`, `$2` ..., and `for share` out of its comment; text in quotes is left alone."""
    parts = _LITERAL.split(text.replace("/* for share */", "for share"))
    count = 0
    for i in range(0, len(parts), 2):
        pieces = parts[i].split("?")
        parts[i] = pieces[0] + "".join(f"${count + k}{piece}" for k, piece in enumerate(pieces[1:], 1))
        count += len(pieces) - 1
    return "".join(parts)


def translate(error: BaseException) -> StorageError | InternalError:
    """The family and the stable code of a PostgreSQL error."""
    state = getattr(error, "sqlstate", None) or ""
    if state in _DISTURBED:
        return failures.locked()
    if state in ("53100", "53400"):
        return failures.full()
    if state[:2] in ("08", "53", "57", "58") or (isinstance(error, _BROKEN) and not isinstance(error, ValueError)):
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


async def _fetch(connection: asyncpg.Connection, query: Query) -> list[Row]:
    text, values = query.text, query.values
    if query.also:
        text = joined((text, *(other.text for other in query.also)))
        values = [value for one in (query, *query.also) for value in one.values]
    return [dict(record.items()) for record in await connection.fetch(numbered(text), *values)]


@lru_cache(maxsize=4096)
def joined(texts: tuple[str, ...]) -> str:
    """Writes as one statement, made in this order when they return rows."""
    parts = ", ".join(f"w{number} as ({text})" for number, text in enumerate(texts))
    if " returning " not in texts[0]:
        return f"with {parts} select 1 where false"
    return f"with {parts} " + " union all ".join(f"select * from w{number}" for number in range(len(texts)))


async def _answer_at_once(connection: asyncpg.Connection) -> None:
    """Compiling a statement takes longer than any of ours runs."""
    await connection.execute("set jit = off")


async def _keep_as_it_is(_connection: asyncpg.Connection) -> None:
    """Readers change no setting, so there is none to put back: a round trip less for each."""


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
        self._readers: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads, on one snapshot."""
        if self._closed:
            raise failures.away("The database is closed.")
        try:
            pool = await self._reader_pool()
            async with pool.acquire(timeout=_ANSWER_SECONDS) as connection:
                return await self._read_on(connection, job)
        except (asyncpg.PostgresError, *_BROKEN) as error:
            raise translate(error) from None

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
        if self._readers is not None:
            self._readers.terminate()

    # --- reading ---------------------------------------------------------------------------------------------------

    async def _reader_pool(self) -> asyncpg.Pool:
        async with self._opening:
            if self._readers is None:
                self._readers = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=_READERS,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=60,
                    statement_cache_size=512,
                    init=_answer_at_once,
                    reset=_keep_as_it_is,
                )
            return self._readers

    @staticmethod
    async def _read_on(connection: asyncpg.Connection, job: Callable[[], Job[T]]) -> T:
        snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await snapshot.start()
        except TimeoutError:
            connection.terminate()  # it is silent: nothing more is asked of it
            raise
        try:
            return await drive(job(), connection)
        finally:
            with suppress(asyncpg.PostgresError, *_BROKEN):
                await snapshot.rollback()

    # --- writing ---------------------------------------------------------------------------------------------------

    async def _write_loop(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
                continue
            try:
                await self._connected()
            except (asyncpg.PostgresError, *_BROKEN) as error:
                self._answer(self._take(_WAITING), translate(error))
            else:
                await self._write_batch(self._take(_BATCH))

    def _take(self, most: int) -> list[Ticket]:
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn, timeout=_CONNECT_SECONDS, command_timeout=_ANSWER_SECONDS, statement_cache_size=512
            )
        return self._connection

    def _discard(self) -> None:
        """Break the connection; what was not committed is undone."""
        if self._connection is not None:
            self._connection.terminate()
        self._connection = None

    @staticmethod
    def _answer(tickets: Sequence[Ticket], failure: BaseException | None = None) -> None:
        for ticket in tickets:
            ticket.failure = failure or ticket.failure
        settle(tickets)

    async def _write_batch(self, batch: Sequence[Ticket]) -> None:
        try:
            await self._transact(batch, _BATCH_LOCK)
        except Exception as error:
            if getattr(error, "sqlstate", None) not in _DISTURBED:
                return self._fail(batch, error)
        else:
            return self._answer(batch)
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        for ticket in batch:
            await self._alone(ticket, until)
        return None

    def _fail(self, batch: Sequence[Ticket], error: Exception) -> None:
        self._discard()
        self._answer(batch, error if isinstance(error, StorageError) else translate(error))

    async def _alone(self, ticket: Ticket, until: float) -> None:
        """Run one job a transaction, again after a random wait when another process was in the way."""
        wait = 0.004
        while asyncio.get_running_loop().time() < until:
            try:
                await self._transact([ticket], _ALONE_LOCK)
            except Exception as error:
                if getattr(error, "sqlstate", None) not in _DISTURBED:
                    return self._fail([ticket], error)
            else:
                return self._answer([ticket])
            await asyncio.sleep(random.uniform(0, wait))
            wait = min(0.25, wait * 2)
        return self._answer([ticket], failures.locked())

    async def _transact(self, batch: Sequence[Ticket], lock: str) -> None:
        """One transaction of the whole batch; a job that raises is undone alone, its failure kept on its ticket."""
        connection = await self._begin(lock)
        try:
            for ticket in batch:
                self._trace("job-start")
                await self._run_job(connection, ticket)
            self._trace("before-commit")
        except asyncpg.PostgresError as error:
            if error.sqlstate in _DISTURBED:
                await connection.execute("rollback")
            raise
        await self._commit(connection)
        self._trace("after-commit")

    async def _begin(self, lock: str) -> asyncpg.Connection:
        """A connection in a transaction; one that broke while it was idle is replaced."""
        begin = f"begin; set local lock_timeout = '{lock}'; savepoint job"
        connection = await self._connected()
        try:
            await connection.execute(begin)
        except (asyncpg.PostgresError, *_BROKEN):
            self._discard()
            connection = await self._connected()
            await connection.execute(begin)
        return connection

    @staticmethod
    async def _run_job(connection: asyncpg.Connection, ticket: Ticket) -> None:
        """Run one job in the open savepoint and open the next; raises only when the transaction is lost."""
        ticket.failure = None
        try:
            ticket.result = await drive(ticket.job(), connection)
        except (asyncpg.PostgresError, *_BROKEN) as error:
            ticket.failure = translate(error)
            if isinstance(ticket.failure, StorageError):
                raise
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever it is, it is the caller's: the writer goes on
            ticket.failure = error
        await connection.execute("release job; savepoint job" if ticket.failure is None else "rollback to job")

    @staticmethod
    async def _commit(connection: asyncpg.Connection) -> None:
        try:
            await connection.execute("commit")
        except (asyncpg.PostgresError, *_BROKEN) as error:
            if getattr(error, "sqlstate", "")[:2] in ("23", "40"):  # a clear refusal
                raise
            raise failures.unknown() from None
