"""PostgreSQL's log made durable on a connection of its own, while the writer goes on with the next batch.

The writer commits with `synchronous_commit = off`: PostgreSQL answers before the disk does. Its log is one sequence, so
a small message, committed durably after it on another connection, makes every commit before it durable. Only then are
their writers answered, and whoever has read what was not durable yet. A connection that breaks meanwhile may mean that
the server lost what was not: those batches are in doubt (`commit-unknown`), and no later connection is asked of them.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import asyncpg

from poi_engine.storage import failures
from poi_engine.storage.postgres_pool import BROKEN, connect
from poi_engine.storage.tickets import Ticket, settle

_MARK = "select pg_logical_emit_message(true, 'poi-server', '')"
_DURABLE = "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"


class _Committed(NamedTuple):
    """A batch to be answered when the commit of this number is durable; a connection as old as the commit says it."""

    number: int
    batch: Sequence[Ticket]
    connection: asyncpg.Connection


class _GivenUp(NamedTuple):
    """The commit of this number failed by itself."""

    number: int


class _Left(NamedTuple):
    """A connection that nobody after it needs any more."""

    connection: asyncpg.Connection


class PostgresFlush:
    """`seconds`: how long the server may take; `trace` is called at `after-commit`, once a batch is durable."""

    def __init__(self, dsn: str, seconds: float, trace: Callable[[str], None]) -> None:
        self._dsn = dsn
        self._seconds = seconds
        self._trace = trace
        self._connection: asyncpg.Connection | None = None
        self._begun = 0  # commits
        self._passed = 0  # of them, durable or given up
        self._items: list[_Committed | _GivenUp | _Left] = []
        self._readers: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Have a connection before a transaction begins."""
        if self._connection is None or self._connection.is_closed():
            self.let_go()
            connection = await connect(self._dsn, self._seconds)
            await connection.execute(_DURABLE)
            self._connection = connection

    def committing(self) -> None:
        """A COMMIT begins: readers may see from now on what it writes."""
        self._begun += 1

    def committed(self, batch: Sequence[Ticket]) -> None:
        """It ended: its writers are answered when it is durable."""
        assert self._connection is not None
        self._put(_Committed(self._begun, batch, self._connection))

    def not_committed(self) -> None:
        """It failed: nobody waits for it."""
        self._put(_GivenUp(self._begun))

    def let_go(self) -> None:
        """The writer has another connection from now on: what it commits is asked of another one, too."""
        if self._connection is not None:
            self._put(_Left(self._connection))
        self._connection = None

    async def seen(self) -> None:
        """Wait until all is durable that somebody who has just read can have seen."""
        if self._begun > self._passed:
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
            connections = {item.connection for item in items if isinstance(item, _Committed)}
            durable = {connection for connection in connections if await self._flushed(connection)}
            for item in items:
                match item:
                    case _Committed(number, batch, connection):
                        self._passed = number
                        self._answer(batch, is_durable=connection in durable)
                    case _GivenUp(number):
                        self._passed = number
                    case _Left(connection):
                        connection.terminate()
            self._tell_readers()

    async def _flushed(self, connection: asyncpg.Connection) -> bool:
        try:
            await connection.execute(_MARK)
        except (asyncpg.PostgresError, *BROKEN):
            with suppress(*BROKEN):
                connection.terminate()
            return False
        return True

    def _answer(self, batch: Sequence[Ticket], *, is_durable: bool) -> None:
        if is_durable:
            self._trace("after-commit")
        else:
            for ticket in batch:
                ticket.failure = failures.unknown()
        settle(batch)

    def _tell_readers(self) -> None:
        waiting, self._readers = self._readers, []
        for number, passed in waiting:
            if number > self._passed:
                self._readers.append((number, passed))
            elif not passed.done():
                passed.set_result(None)
