"""What the connections that write to PostgreSQL wait for: each other's room, and locks."""

import asyncio
import re
from collections.abc import Callable

import pytest

from poi_engine.errors import StorageError
from poi_engine.ports import Job, Queries, Query
from poi_engine.storage import postgres, postgres_writer
from poi_engine.storage.postgres import PostgresSql
from tests.storage.test_durability import add

pytestmark = pytest.mark.postgresql


async def test_where_there_is_room_for_few_connections_those_do_all_the_work(postgres_url: str) -> None:
    def slow(name: str) -> Callable[[], Job[None]]:
        def job() -> Job[None]:
            yield Query("select pg_sleep(0.005)")
            yield from add(name)()

        return job

    admin = await postgres.asyncpg.connect(postgres_url)
    await admin.execute("create role few login password 'few' connection limit 3")
    await admin.execute("grant all on all tables in schema public to few")
    sql = PostgresSql(re.sub("//[^@]*@", "//few:few@", postgres_url))
    try:
        await asyncio.gather(*(sql.write(slow(f"{number}")) for number in range(60)))
        for number in range(60, 70):
            await sql.write(slow(f"{number}"))
    finally:
        await sql.close()
        await admin.execute("drop owned by few")
        await admin.execute("drop role few")
        found = await admin.fetchval("select count(*) from campaign")
        await admin.close()
    assert found == 70


async def test_a_row_locked_for_long_is_said_and_waited_out(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_writer, "_PATIENCE_SECONDS", 0.2)
    monkeypatch.setitem(postgres_writer._SETTINGS, "lock_timeout", "50ms")

    def rename() -> Job[None]:
        yield Query("update campaign set name = 'new'")

    sql, rival = PostgresSql(postgres_url), await postgres.asyncpg.connect(postgres_url)
    await sql.write(add("x"))
    await rival.execute("begin; update campaign set name = 'held'")
    with pytest.raises(StorageError) as refused:
        await sql.write(rename)
    assert refused.value.code == "storage-locked"
    await rival.execute("rollback")
    await sql.write(rename)
    await rival.close()
    await sql.close()


async def test_locks_that_together_take_too_long_are_asked_for_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is free after a while, the other later: the server does not seem to be gone meanwhile."""
    monkeypatch.setitem(postgres_writer._SETTINGS, "lock_timeout", "300ms")
    monkeypatch.setitem(postgres_writer._SETTINGS, "statement_timeout", "350ms")
    tries = []

    def both() -> Job[None]:
        tries.append(1)
        yield Queries(tuple(Query(f"update campaign set name = name where campaign_id = '{name}'") for name in "xy"))

    sql, rivals = PostgresSql(postgres_url), [await postgres.asyncpg.connect(postgres_url) for _ in "xy"]
    for rival, name in zip(rivals, "xy", strict=True):
        await sql.write(add(name))
        await rival.execute(f"begin; update campaign set name = name where campaign_id = '{name}'")
    writing = asyncio.create_task(sql.write(both))
    for rival in rivals:
        await asyncio.sleep(0.25)
        await rival.execute("rollback")
        await rival.close()
    await writing
    assert len(tries) > 1
    await sql.close()
