"""PostgreSQL's log made durable on a connection of its own, while the writers go on with the next jobs.

They commit with `synchronous_commit = off`: PostgreSQL answers before the disk does. Its log is one sequence, so a
small message, committed durably after it on another connection, makes every commit before it durable. Only then are
those answered who wait for them, and whoever has read what was not durable yet. A connection that breaks meanwhile may
mean that the server lost what was not: those jobs are in doubt (`commit-unknown`), and no later connection is asked of
them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import asyncpg

from poi_engine.storage import failures
from poi_engine.storage.postgres_pool import BROKEN, connect
from poi_engine.storage.tickets import Ticket

_MARK = "select pg_logical_emit_message(true, 'poi-server', '')"
_DURABLE = "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"


class _Committed(NamedTuple):
    """A job to be answered when the commit of this number is durable; a connection as old as the commit says it."""

    number: int
    ticket: Ticket
    connection: asyncpg.Connection


class _GivenUp(NamedTuple):
    """The commit of this number failed by itself."""

    number: int


class _Left(NamedTuple):
    """A connection that nobody after it needs any more."""

    connection: asyncpg.Connection


class PostgresFlush:
    """`seconds`: how long the server may take; `trace` is called at `after-commit`, once a job is durable."""

    def __init__(self, dsn: str, seconds: float, trace: Callable[[str], None]) -> None:
        self._dsn = dsn
        self._seconds = seconds
        self._trace = trace
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._begun = 0  # commits
        self._open: set[int] = set()  # of them, neither durable nor given up
        self._items: list[_Committed | _GivenUp | _Left] = []
        self._readers: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ready(self) -> asyncpg.Connection:
        """The connection that will say that a commit is durable: taken before it begins."""
        if self._connection is None or self._connection.is_closed():
            async with self._connecting:
                if self._connection is None or self._connection.is_closed():
                    connection = await connect(self._dsn, self._seconds)
                    await connection.execute(_DURABLE)
                    self._connection = connection
        return self._connection

    def committing(self) -> int:
        """A COMMIT begins: readers may see from now on what it writes. Returns its number."""
        self._begun += 1
        self._open.add(self._begun)
        return self._begun

    def committed(self, number: int, ticket: Ticket, connection: asyncpg.Connection) -> None:
        """It ended: the job is answered when `connection`, ready before it began, has said that it is durable."""
        self._put(_Committed(number, ticket, connection))

    def not_committed(self, number: int) -> None:
        """It failed: nobody waits for it."""
        self._put(_GivenUp(number))

    def let_go(self) -> None:
        """A writer's connection broke: what is committed from now on is asked of another one here, too."""
        if self._connection is not None:
            self._put(_Left(self._connection))
        self._connection = None

    async def seen(self) -> None:
        """Wait until all is durable that somebody who has just read can have seen."""
        if self._open:
            passed = asyncio.get_running_loop().create_future()
            self._readers.append((self._begun, passed))
            await passed

    async def close(self) -> None:
        """Answer who waits; nobody writes any more."""
        self.let_go()
        if self._task is not None:
            await self._task

    # --- inside ----------------------------------------------------------------------------------------------------

    def _put(self, item: _Committed | _GivenUp | _Left) -> None:
        self._items.append(item)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="postgres-flush")

    async def _run(self) -> None:
        while self._items:
            items, self._items = self._items, []
            committed = [item for item in items if isinstance(item, _Committed)]
            durable = {one for one in {item.connection for item in committed} if await self._flushed(one)}
            for item in items:
                match item:
                    case _Committed(number, ticket, connection):
                        self._open.discard(number)
                        self._answer(ticket, is_durable=connection in durable)
                    case _GivenUp(number):
                        self._open.discard(number)
                    case _Left(connection):
                        connection.terminate()
            self._tell_readers()

    async def _flushed(self, connection: asyncpg.Connection) -> bool:
        try:
            await connection.execute(_MARK)
        except Exception:  # whatever it is, they are in doubt
            with suppress(*BROKEN):
                connection.terminate()
            return False
        return True

    def _answer(self, ticket: Ticket, *, is_durable: bool) -> None:
        if is_durable:
            self._trace("after-commit")
        else:
            ticket.failure = failures.unknown()
        ticket.settle()

    def _tell_readers(self) -> None:
        first, waiting = min(self._open, default=self._begun + 1), self._readers
        self._readers = [(number, passed) for number, passed in waiting if number >= first]
        for number, passed in waiting:
            if number < first and not passed.done():
                passed.set_result(None)
