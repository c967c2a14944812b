"""PostgreSQL behind the `Sql` port: a few connections that write, one that makes it durable, a few that read.

The same promises as `SqliteSql`: a job is undone alone, and answered after its COMMIT is durable. Jobs that want the
same rows wait for each other in PostgreSQL, in this process as between processes. What waits for a database that is
away is answered within seconds.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import asyncpg

from poi_engine.ports import Job
from poi_engine.storage import failures
from poi_engine.storage.postgres_drive import drive
from poi_engine.storage.postgres_flush import PostgresFlush
from poi_engine.storage.postgres_pool import BROKEN, Connections
from poi_engine.storage.postgres_statistics import Statistics
from poi_engine.storage.postgres_writer import ANSWER_SECONDS, PostgresWriter, translate
from poi_engine.storage.tickets import Ticket, never_traced, settle
from poi_engine.storage.urls import postgres_dsn

T = TypeVar("T")
_WAITING = 20_000  # jobs
_WRITERS = 8
_READERS = 4
_READING_SECONDS = 60.0


class PostgresSql:
    """`url`: postgresql://user:password@host:port/name, or ...?host=/socket/folder. Belongs to one event loop.

    `trace` is called at `job-start`, `before-commit` and `after-commit`.
    """

    def __init__(self, url: str, *, trace: Callable[[str], None] = never_traced) -> None:
        dsn = postgres_dsn(url)
        self._waiting: deque[Ticket] = deque()
        self._flush = PostgresFlush(dsn, ANSWER_SECONDS, trace)
        self._writers = [PostgresWriter(dsn, self._flush, self._goes_on, trace) for _ in range(_WRITERS)]
        self._resting = list(self._writers)
        self._writing: set[asyncio.Task[None]] = set()
        self._readers = Connections(dsn, _READERS, _READING_SECONDS)
        self._statistics = Statistics(self._readers)
        self._closed = False

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads, on one snapshot."""
        if self._closed:
            raise failures.away("The database is closed.")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
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
        self._start()
        result: T = await ticket.future
        return result

    async def close(self) -> None:
        """Finish what waits, then close the connections."""
        self._closed = True
        while self._writing:
            await asyncio.wait(self._writing)
        for writer in self._writers:
            writer.leave()
        await self._flush.close()
        await self._statistics.close()
        self._readers.close()

    # --- reading ---------------------------------------------------------------------------------------------------

    @staticmethod
    async def _read_on(connection: asyncpg.Connection, job: Callable[[], Job[T]]) -> T:
        try:
            await connection.execute("begin isolation level repeatable read read only", timeout=ANSWER_SECONDS)
        except TimeoutError:
            connection.terminate()  # it is silent: nothing more is asked of it
            raise
        try:
            return await drive(job(), connection)
        finally:
            with suppress(asyncpg.PostgresError, *BROKEN):
                await connection.execute("rollback")

    # --- writing ---------------------------------------------------------------------------------------------------

    def _goes_on(self) -> bool:
        return bool(self._waiting)

    def _start(self) -> None:
        """Another writer for what waits: one that is connected, if it rests; else one that has to connect."""
        if self._waiting and self._resting:
            writing = asyncio.create_task(self._write(self._resting.pop()), name="postgres-writer")
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def _write(self, writer: PostgresWriter) -> None:
        """Run jobs as long as any wait."""
        try:
            while self._waiting:
                await self._run_waiting(writer)
                await writer.rest()  # meanwhile others may come, and find nobody at rest
        except Exception as error:
            writer.leave()
            self._resting.insert(0, writer)
            self._miss(error)
        else:
            self._resting.append(writer)

    async def _run_waiting(self, writer: PostgresWriter) -> None:
        while self._waiting:
            await writer.ready()
            if self._waiting:  # nobody else has taken the last one meanwhile
                await writer.run(self._waiting.popleft())
                self._statistics.count()

    def _miss(self, error: Exception) -> None:
        """A writer does not come to its connection: what waits is left to the others, or refused if none has one."""
        if any(writer.is_connected for writer in self._writers):
            self._resting.sort(key=lambda writer: writer.is_connected)
            if self._resting[-1].is_connected:  # else they write, and take what waits
                self._start()
            return
        refused = list(self._waiting)
        self._waiting.clear()
        for ticket in refused:
            ticket.failure = translate(error)
        settle(refused)
