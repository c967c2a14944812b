"""Bring a database's schema to the newest revision; harmless when it is there already.

Everything happens in one transaction, so an interrupted migration leaves the schema as it was. A database that a later
version of the software has migrated is refused with `schema-newer`.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from poi_engine.errors import StorageError
from poi_engine.storage import failures
from poi_engine.storage.sqlite import connect, translate
from poi_engine.storage.urls import postgres_dsn, sqlite_path

if TYPE_CHECKING:  # Alembic takes a third of a second to import; a database that is up to date never needs it
    from sqlalchemy import Connection, Engine

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision this version of the software knows, oldest first."""

_LOCK = 7_305_811_001  # one migration at a time on PostgreSQL
_VERSION = "select version_num from alembic_version"


async def migrate(url: str) -> None:
    """Bring the schema of `sqlite:///...` or `postgresql://...` to the newest revision, off the loop."""
    if url.startswith("sqlite:"):
        await asyncio.to_thread(_migrate_sqlite, sqlite_path(url))
    else:
        await _migrate_postgres(postgres_dsn(url))


def _up_to_date(revision: str | None) -> bool:
    if revision is not None and revision not in REVISIONS:
        raise StorageError(
            "schema-newer",
            f"The database has schema {revision[:32]!r}, which a newer version of poi-server made; this version knows"
            f" up to {REVISIONS[-1]!r}. Run the newer version, or restore a backup from before the upgrade.",
        )
    return revision == REVISIONS[-1]


def _failed(error: Exception) -> StorageError:
    return StorageError("migration-failed", f"The schema could not be brought up to date and is as it was: {error}")


# --- SQLite --------------------------------------------------------------------------------------------------------


def _migrate_sqlite(path: Path) -> None:
    try:
        if not _up_to_date(_sqlite_revision(path)):
            _upgrade_sqlite(path)
            connect(path).close()  # the file remembers its journal mode: nobody needs to change it later
    except sqlite3.Error as error:
        raise translate(error) from None


def _sqlite_revision(path: Path) -> str | None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if not connection.execute("select 1 from sqlite_master where name = 'alembic_version'").fetchone():
            return None
        row = connection.execute(_VERSION).fetchone()
        return str(row[0]) if row else None


def _upgrade_sqlite(path: Path) -> None:
    from sqlalchemy.exc import DBAPIError

    engine = _sqlite_engine(path)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    except DBAPIError as error:
        cause = translate(error.orig) if isinstance(error.orig, sqlite3.Error) else None
        raise (cause if isinstance(cause, StorageError) else _failed(error)) from None
    finally:
        engine.dispose()


def _sqlite_engine(path: Path) -> "Engine":
    from sqlalchemy import Connection, create_engine, event
    from sqlalchemy.pool import NullPool

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=30, isolation_level=None)

    def begin(connection: Connection) -> None:  # the driver itself would begin only before an INSERT
        connection.exec_driver_sql("begin immediate")

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", begin)
    return engine


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


async def _migrate_postgres(dsn: str) -> None:
    try:
        revision = await _postgres_revision(dsn)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise failures.away(f"PostgreSQL does not answer: {error}.") from None
    if not _up_to_date(revision):
        await asyncio.to_thread(lambda: asyncio.run(_upgrade_postgres(dsn)))


async def _postgres_revision(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval(_VERSION)
        return revision
    finally:
        await connection.close()


async def _upgrade_postgres(dsn: str) -> None:
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(dsn, timeout=5)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
            await connection.run_sync(upgrade)
    except DBAPIError as error:
        raise _failed(error) from None
    finally:
        await engine.dispose()


def upgrade(connection: "Connection", revision: str = "head") -> None:
    """Run the revisions up to `revision` in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
