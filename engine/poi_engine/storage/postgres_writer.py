"""One of the connections to PostgreSQL that write: a job after the other, a transaction each.

Commits are made durable together, on a connection of their own, while the next job runs (`postgres_flush`). A job that
loses against another transaction (serialisation, deadlock, a lock held too long) runs again after a random wait. A
connection that breaks is replaced.
"""

import asyncio
import random
from collections.abc import Callable

import asyncpg

from poi_engine.errors import InternalError, StorageError
from poi_engine.storage import failures
from poi_engine.storage.postgres_drive import drive
from poi_engine.storage.postgres_flush import PostgresFlush
from poi_engine.storage.postgres_pool import BROKEN, connect
from poi_engine.storage.tickets import Ticket

ANSWER_SECONDS = 2.0
_PATIENCE_SECONDS = 4.0  # for a job that other transactions disturb
_DISTURBED = {"40001", "40P01", "55P03", "57014"}  # serialisation, deadlock, a lock or locks not given in time
_CHAINED_SECONDS = 1.0  # PostgreSQL counts what a session wrote between transactions alone: vacuum and plans go by it
_LOCK, _LOCKS = "1500ms", "1800ms"  # waited for at a time: one, and all of a statement
_SETTINGS = {
    "synchronous_commit": "off",  # `postgres_flush` waits for the disk
    "lock_timeout": _LOCK,
    "statement_timeout": _LOCKS,
    "default_transaction_isolation": "read committed",  # what jobs are written for
}


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


class PostgresWriter:
    """`goes_on` says whether another job waits: its transaction then mostly begins with the commit of the one before.

    `trace` is called at `job-start` and `before-commit`.
    """

    def __init__(
        self, dsn: str, flush: PostgresFlush, goes_on: Callable[[], bool], trace: Callable[[str], None]
    ) -> None:
        self._dsn = dsn
        self._flush = flush
        self._goes_on = goes_on
        self._trace = trace
        self._connection: asyncpg.Connection | None = None
        self._begun = False
        self._chained_until = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether it can run a job, as far as it knows."""
        return self._connection is not None and not self._connection.is_closed()

    async def ready(self) -> asyncpg.Connection:
        """Its connection; the one that will make durable what is committed on it is there, too."""
        if self._connection is None or self._connection.is_closed():
            self.leave()
            self._connection = await connect(self._dsn, ANSWER_SECONDS, **_SETTINGS)
        await self._flush.ready()
        return self._connection

    def leave(self) -> None:
        """Break the connection; what was not committed is undone."""
        if self._connection is not None:
            self._connection.terminate()
            self._flush.let_go()
        self._connection, self._begun = None, False

    async def rest(self) -> None:
        """There is nothing to do."""
        if self._begun and self._connection is not None:
            self._begun = False
            await self._connection.execute("rollback")

    async def run(self, ticket: Ticket) -> None:
        """Run a job; who waits for it is answered once it is durable, or failed."""
        now = asyncio.get_running_loop().time
        until, wait = now() + _PATIENCE_SECONDS, 0.004
        while True:
            try:
                return await self._transact(ticket)
            except Exception as error:
                if getattr(error, "sqlstate", None) not in _DISTURBED:
                    self.leave()
                    return self._fail(ticket, error if isinstance(error, StorageError) else translate(error))
            if now() > until:
                return self._fail(ticket, failures.locked())
            await asyncio.sleep(random.uniform(0, wait))
            wait = min(0.25, wait * 2)

    @staticmethod
    def _fail(ticket: Ticket, failure: Exception) -> None:
        ticket.failure = failure
        ticket.settle()

    async def _transact(self, ticket: Ticket) -> None:
        """One transaction. A job that raises is undone, and answered as if it had written: what it has seen may not
        be durable yet."""
        connection = await self._begin()
        self._trace("job-start")
        try:
            await self._run_job(connection, ticket)
            if ticket.failure is not None:
                await connection.execute("rollback and chain")
            self._trace("before-commit")
        except asyncpg.PostgresError as error:
            if error.sqlstate in _DISTURBED:
                await connection.execute("rollback and chain")
            raise
        durable_by = await self._flush.ready()
        number = await self._commit(connection)
        self._flush.committed(number, ticket, durable_by)

    async def _begin(self) -> asyncpg.Connection:
        """A connection in a transaction; one that broke while it was idle is replaced."""
        connection = await self.ready()
        if not self._begun:
            try:
                await connection.execute("begin")
            except (asyncpg.PostgresError, *BROKEN):
                self.leave()
                connection = await self.ready()
                await connection.execute("begin")
            self._begun = True
            self._chained_until = asyncio.get_running_loop().time() + _CHAINED_SECONDS
        return connection

    @staticmethod
    async def _run_job(connection: asyncpg.Connection, ticket: Ticket) -> None:
        """Run the job and keep its outcome; raises only when the transaction is lost."""
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

    async def _commit(self, connection: asyncpg.Connection) -> int:
        """Returns the commit's number."""
        number, is_done = self._flush.committing(), False
        is_chained = self._goes_on() and asyncio.get_running_loop().time() < self._chained_until
        self._begun = False
        try:
            await connection.execute("commit and chain" if is_chained else "commit")
            self._begun, is_done = is_chained, True
        except Exception as error:
            if getattr(error, "sqlstate", "")[:2] in ("23", "40"):  # a clear refusal
                raise
            raise failures.unknown() from None
        finally:
            if not is_done:
                self._flush.not_committed(number)
        return number
