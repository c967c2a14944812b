"""What PostgreSQL knows of tables that fill; of those it does not know it takes one index for as good as another.

It looks by itself once a minute, and keeps the plans it has made until then; a shop that opens does not wait for that.
"""

import asyncio
from contextlib import suppress

import asyncpg

from poi_engine.storage.postgres_pool import Connections

FIRST = 64  # jobs
_TIMES = 8
_STALE = (
    "select string_agg(quote_ident(relname), ', ') from pg_stat_user_tables"
    " where n_mod_since_analyze > 50 + n_live_tup / 5 and n_live_tup < 100000"
)


class Statistics:
    """Looks again each time that so many times the jobs are done; large tables are left to PostgreSQL's own pace."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._jobs = 0
        self._next = FIRST
        self._looking: asyncio.Task[None] | None = None

    def count(self) -> None:
        """One more job was done."""
        self._jobs += 1
        if self._jobs >= self._next and (self._looking is None or self._looking.done()):
            self._next = self._jobs * _TIMES
            self._looking = asyncio.create_task(self._look(), name="postgres-statistics")

    async def _look(self) -> None:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            connection = await self._connections.take()
            try:
                if names := await connection.fetchval(_STALE):
                    await connection.execute(f"analyze (skip_locked) {names}")
            finally:
                self._connections.give_back(connection)

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
