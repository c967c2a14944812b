"""Migrations: harmless to repeat, all or nothing, and never backwards."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, PrimaryKeyConstraint, UniqueConstraint, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

from poi_engine.errors import RequestError, StorageError
from poi_engine.ports import Job, Query
from poi_engine.storage import migrate, open_sql, schema, sqlite_path, upgrade
from poi_engine.storage.failures import ConstraintFailed
from tests.servers import PostgresServer


def run(text: str) -> Any:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text))]

    return job


async def once(url: str, text: str) -> list[dict[str, Any]]:
    sql = open_sql(url)
    try:
        found: list[dict[str, Any]] = await sql.write(run(text))
        return found
    finally:
        await sql.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty%20one.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"empty_{tmp_path.name}"
    await asyncio.to_thread(server.make_database, name)
    return server.url(name)


async def test_migrating_again_and_from_several_processes_is_harmless(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(3)))
    await once(empty_url, "insert into catalogue values ('mer_1', 7)")
    await migrate(empty_url)
    assert await once(empty_url, "select version from catalogue") == [{"version": 7}]


async def test_a_newer_schema_is_refused(empty_url: str) -> None:
    await migrate(empty_url)
    await once(empty_url, "update alembic_version set version_num = '9999'")
    with pytest.raises(StorageError, match="'9999', which a newer version") as refused:
        await migrate(empty_url)
    assert refused.value.code == "schema-newer"


async def test_a_migration_cut_short_leaves_nothing_and_can_be_repeated(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = op.execute

    def cut(statement: str) -> None:
        executed(statement if "trigger transfer_" not in statement else "create nonsense")

    with monkeypatch.context() as patch:
        patch.setattr(op, "execute", cut)
        with pytest.raises(StorageError, match="nonsense") as refused:
            await migrate(empty_url)
    assert refused.value.code == "migration-failed"
    tables = "sqlite_master" if empty_url.startswith("sqlite") else "pg_tables where schemaname = 'public'"
    assert await once(empty_url, f"select * from {tables}") == []
    await migrate(empty_url)
    await once(empty_url, "insert into catalogue values ('mer_1', 7)")


async def test_accounts_keep_what_they_hold_when_they_are_parted(empty_url: str) -> None:
    await asyncio.to_thread(_upgrade_to, empty_url, "0005")
    await once(
        empty_url,
        "insert into account (merchant_id, account, unit, floor, debits, credits, debits_pending, credits_pending)"
        " values ('mer_1', 'points', 'points', 0, 30, 0, 0, 4), ('mer_1', 'points:cus_1', 'points', 1, 0, 30, 4, 0)",
    )
    await migrate(empty_url)
    found = await once(empty_url, "select account, debits, credits, debits_pending, credits_pending, part from account")
    assert sorted(tuple(row.values()) for row in found) == [
        ("points", 30, 0, 0, 4, 0),
        ("points:cus_1", 0, 30, 4, 0, 0),
    ]
    for wrong, check in (("debits = 27", "never_below_zero"), ("part = 1", "floor_in_one_part")):
        with pytest.raises(ConstraintFailed, match=check):
            await once(empty_url, f"update account set {wrong} where floor = 1")


def _upgrade_to(url: str, revision: str) -> None:
    if url.startswith("sqlite"):
        engine = upgrade._sqlite_engine(sqlite_path(url))
        with engine.begin() as connection:
            upgrade.upgrade(connection, revision)
        engine.dispose()
    else:
        asyncio.run(_upgrade_postgres_to(url, revision))


async def _upgrade_postgres_to(url: str, revision: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(upgrade.upgrade, revision)
    await engine.dispose()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a letter, not a database" * 50)
    with pytest.raises(StorageError, match="not a database"):
        await migrate(f"sqlite:///{tmp_path}/x.db")


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite:x.db", "sqlite:///", "nonsense"])
async def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(RequestError) as refused:
        await migrate(url)
    assert refused.value.code == "storage-url"


def test_the_known_revisions_are_those_of_the_package() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent / "migrations"))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == upgrade.REVISIONS


@pytest.mark.postgresql
async def test_the_schema_on_postgresql_is_the_one_the_code_knows(postgres_url: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(postgres_url), poolclass=NullPool
    )
    async with engine.connect() as connection:
        differences = await connection.run_sync(differences_from_code)
    await engine.dispose()
    assert differences == [], "write a new revision for what changed in the schema"


def differences_from_code(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, schema.metadata))


def test_the_schema_on_sqlite_is_the_one_the_code_knows(sqlite_template: Path) -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.metadata.create_all(engine)
    wanted = engine.raw_connection()
    with closing(sqlite3.connect(sqlite_template)) as found:
        for table in schema.metadata.tables:
            assert shape(found, table) == shape(wanted, table), "write a new revision for what changed in the schema"
    wanted.close()
    engine.dispose()


def shape(connection: Any, table: str) -> tuple[Any, Any]:
    """A table's columns (name, type, null, default, place in the key) and its indexes (unique, columns)."""
    columns = [
        (name, kind.upper().removesuffix(" PRECISION"), null, default and default.strip("'"), key)
        for _, name, kind, null, default, key in connection.execute(f"pragma table_info({table})")
    ]
    indexes = set()
    for _, index, unique, *_ in connection.execute(f"pragma index_list({table})").fetchall():
        names = tuple(row[2] for row in connection.execute(f"pragma index_info({index})"))
        indexes.add((unique, names))
    return columns, indexes


def test_immutable_tables_are_protected_by_the_schema() -> None:
    from poi_engine.storage.migrations.versions import revision_0001, revision_0003, revision_0005

    protected = {*revision_0001._IMMUTABLE, *revision_0003._IMMUTABLE, *revision_0005._IMMUTABLE}
    assert set(schema.IMMUTABLE) == protected


def test_every_key_and_every_index_but_those_of_secrets_starts_with_the_merchant() -> None:
    for table in schema.metadata.sorted_tables:
        keys = [
            list(key.columns) for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)
        ]
        keys += [list(index.columns) for index in table.indexes if not str(index.name).endswith("_by_secret")]
        assert {key[0].name for key in keys} == {"merchant_id"}, table.name
