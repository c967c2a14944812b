"""PostgreSQL's writer goes on while a commit is made durable; nobody hears of it before, or of what the server lost.

What is not durable yet is made by stopping the server's process that would make it so.
"""

import asyncio
import os
import signal

import pytest

from poi_engine.errors import StorageError
from poi_engine.storage import postgres
from poi_engine.storage.postgres import PostgresSql
from tests.storage.test_durability import add, names

pytestmark = pytest.mark.postgresql


async def flushing(url: str) -> int:
    """The process of the server that makes commits durable."""
    beside = await postgres.asyncpg.connect(url)
    found = await beside.fetchval(
        "select pid from pg_stat_activity where datname = current_database() and query like '%logical_emit%' "
        "and pid <> pg_backend_pid()"
    )
    await beside.close()
    return int(found)


async def committed(url: str, many: int) -> None:
    """Wait until so many are there, durable or not."""
    beside = await postgres.asyncpg.connect(url)
    async with asyncio.timeout(20):
        while await beside.fetchval("select count(*) from campaign") < many:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.01)
    await beside.close()


async def test_the_writer_goes_on_and_nobody_hears_before(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 60.0)
    passed: list[str] = []
    sql = PostgresSql(postgres_url, trace=passed.append)
    await sql.write(add("warm"))
    held = await flushing(postgres_url)
    passed.clear()
    os.kill(held, signal.SIGSTOP)
    acts: list[asyncio.Future[object]] = []
    try:
        for number in range(3):
            acts.append(asyncio.ensure_future(sql.write(add(f"{number}"))))
            await committed(postgres_url, number + 2)
            acts.append(asyncio.ensure_future(sql.read(names)))
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in acts)
        assert passed.count("before-commit") == 3
        assert "after-commit" not in passed
    finally:
        os.kill(held, signal.SIGCONT)
    await asyncio.gather(*acts)
    assert acts[-1].result() == {"warm", "0", "1", "2"}
    await sql.close()


async def test_what_was_not_durable_when_the_server_died_is_in_doubt(postgres_url: str) -> None:
    sql = PostgresSql(postgres_url)
    await sql.write(add("warm"))
    held = await flushing(postgres_url)
    os.kill(held, signal.SIGSTOP)
    acts = [asyncio.ensure_future(sql.write(add(f"{number}"))) for number in range(5)]
    try:
        await committed(postgres_url, 6)
    finally:
        os.kill(held, signal.SIGKILL)  # PostgreSQL ends all its processes, and begins anew with what is on the disk
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    assert {getattr(one, "code", None) for one in outcomes} == {"commit-unknown"}
    async with asyncio.timeout(60):
        while not await answers(sql):  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)
    await sql.write(add("afterwards"))
    assert {"warm", "afterwards"} <= await sql.read(names)
    await sql.close()


async def answers(sql: PostgresSql) -> bool:
    """Whether the server is back."""
    found = await asyncio.gather(sql.read(names), return_exceptions=True)
    return not isinstance(found[0], StorageError)


async def test_commits_are_durable_also_where_the_server_would_not_wait_for_the_disk(postgres_url: str) -> None:
    beside = await postgres.asyncpg.connect(postgres_url)
    await beside.execute("alter role current_user set synchronous_commit = off")
    sql = PostgresSql(postgres_url)
    try:
        for number in range(20):
            before = await beside.fetchval("select pg_current_wal_insert_lsn()::text")
            await sql.write(add(f"{number}"))
            assert await beside.fetchval("select pg_current_wal_flush_lsn() > $1::text::pg_lsn", before)
    finally:
        await beside.execute("alter role current_user reset synchronous_commit")
        await beside.close()
        await sql.close()
