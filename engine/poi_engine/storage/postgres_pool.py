"""A few connections to PostgreSQL, opened when they are first needed."""

import asyncio

import asyncpg

BROKEN = (OSError, asyncpg.InterfaceError, TimeoutError, EOFError)
"""What a connection raises that is lost."""
CONNECT_SECONDS = 1.5
_STATEMENTS = 1024  # prepared on each connection
_SETTINGS = {
    "jit": "off",  # compiling a statement takes longer than any of ours runs
    "random_page_cost": "1.1",  # an index is the way to a few rows, also where nothing is known of a table yet
}


async def connect(dsn: str, seconds: float, **settings: str) -> asyncpg.Connection:
    """A connection that waits so many seconds for the answer to a statement; `settings` of its session."""
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=seconds,
        statement_cache_size=_STATEMENTS,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=0,
        server_settings=_SETTINGS | settings,
    )


class Connections:
    """At most `most`; the one used last is used next, so that few of them know all statements when there is little
    to do. `seconds`: for the answer to a statement.
    """

    def __init__(self, dsn: str, most: int, seconds: float) -> None:
        self._dsn = dsn
        self._seconds = seconds
        self._room = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []

    async def take(self) -> asyncpg.Connection:
        """A connection to be given back, waited for."""
        await self._room.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await connect(self._dsn, self._seconds)
        except BaseException:
            self._room.release()
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """For the next who needs one, unless it is broken."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._room.release()

    def close(self) -> None:
        """Break those that nobody uses."""
        while self._idle:
            self._idle.pop().terminate()
