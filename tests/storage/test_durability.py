"""What was acknowledged is there, whatever happens: kills, full disks, locks, servers that go and come back."""

import asyncio
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from poi_engine.errors import StorageError
from poi_engine.ports import Job, Query
from poi_engine.storage import migrate, open_sql, postgres, sqlite_path
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.postgres_statistics import FIRST
from poi_engine.storage.postgres_text import locking, statement
from poi_engine.storage.sqlite import SqliteSql
from tests.servers import PostgresServer
from tests.storage.writer import insert

ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join(str(ROOT / part) for part in (".", "engine", "nfc", "qr", "offers", "cext"))


def names() -> Job[set[str]]:
    rows = yield Query("select campaign_id from campaign")
    return {row["campaign_id"] for row in rows}


def add(name: str) -> Any:
    return lambda: insert(name)


def start_writer(url: str, point: str, passing: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(ROOT / "tests/storage/writer.py"), url, point, str(passing)]
    environment = {**os.environ, "PYTHONPATH": PATHS}
    # Unbuffered: `communicate` reads past a buffer, and would lose what a `readline` before it had left there.
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, env=environment)


def acknowledged(process: subprocess.Popen[bytes]) -> set[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    return set(output.decode().rpartition("\n")[0].split("\n")) - {""}


@pytest.mark.parametrize("point", ["job-start", "before-commit", "after-commit"])
async def test_a_server_killed_at_a_named_point_loses_nothing_it_acknowledged(sql_url: str, point: str) -> None:
    process = start_writer(sql_url, point, 12)
    acked = await asyncio.to_thread(acknowledged, process)
    sql = open_sql(sql_url)
    found = await sql.read(names)
    await sql.write(add("afterwards"))
    await sql.close()
    assert acked <= found
    if point == "after-commit":
        assert acked < found  # committed, and killed before it could say so


async def test_a_server_killed_while_it_writes_loses_nothing_it_acknowledged(sql_url: str) -> None:
    for _ in range(2):
        process = start_writer(sql_url, "never", 0)
        assert process.stdout is not None
        lines = {process.stdout.readline().decode().strip() for _ in range(300)}
        process.kill()
        lines |= await asyncio.to_thread(acknowledged, process)
        sql = open_sql(sql_url)
        assert lines <= await sql.read(names)
        await sql.write(clear)
        await sql.close()
    if sql_url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(sql_url)) as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        connection.close()


def clear() -> Job[None]:
    yield Query("delete from campaign")


# --- SQLite --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_refuses_writes_reads_on_and_recovers_by_itself(small_disk: Path) -> None:
    url = f"sqlite:///{small_disk}/poi.db"
    await migrate(url)
    sql = open_sql(url)
    await sql.write(add("first"))
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    acked, failures = {"first"}, []
    for number in range(200):
        try:
            await sql.write(add(f"{number}"))
            acked.add(f"{number}")
        except StorageError as error:
            failures.append(error.code)
    assert set(failures) == {"storage-full"}
    assert await sql.read(names) == acked
    ballast.unlink()
    await sql.write(add("last"))
    assert await sql.read(names) == acked | {"last"}
    await sql.close()


async def test_a_file_that_cannot_grow_refuses_writes_and_recovers_by_itself(sqlite_url: str) -> None:
    program = f"""
import asyncio, json, resource
from poi_engine.errors import StorageError
from poi_engine.storage import open_sql
from tests.storage.test_durability import add, names

async def main():
    sql = open_sql({sqlite_url!r})
    await sql.write(add("first"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    acked, codes = {{"first"}}, set()
    for number in range(400):
        try:
            await sql.write(add(str(number)))
            acked.add(str(number))
        except StorageError as error:
            codes.add(error.code)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await sql.write(add("last"))
    assert await sql.read(names) == acked | {{"last"}}
    await sql.close()
    print(json.dumps(sorted(codes)))

asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": PATHS}
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) <= {"commit-unknown", "storage-away", "storage-full"}
    assert run.stdout != "[]\n"


async def test_a_file_locked_by_another_program_is_said_and_waited_out(sqlite_url: str) -> None:
    sql = SqliteSql(sqlite_path(sqlite_url), busy_seconds=0.05)
    await sql.write(add("before"))
    rival = sqlite3.connect(sqlite_path(sqlite_url), isolation_level=None)
    rival.execute("begin immediate")
    with pytest.raises(StorageError) as refused:
        await sql.write(add("during"))
    assert refused.value.code == "storage-locked"
    assert await sql.read(names) == {"before"}
    rival.close()
    await sql.write(add("after"))
    assert await sql.read(names) == {"before", "after"}
    await sql.close()


async def test_a_folder_that_is_away_is_said_and_used_when_it_comes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/away/poi.db"
    sql = open_sql(url)
    for act in (sql.write(add("x")), sql.read(names)):
        with pytest.raises(StorageError) as refused:
            await act
        assert refused.value.code == "storage-away"
    (tmp_path / "away").mkdir()
    await migrate(url)
    await sql.write(add("x"))
    await sql.close()


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The private PostgreSQL, to be stopped and started by the test."""
    yield postgres_server
    postgres_server.stop(immediately=True)
    postgres_server.start()


@pytest.mark.postgresql
async def test_postgresql_may_die_and_come_back(own_server: PostgresServer, postgres_url: str) -> None:
    sql = PostgresSql(postgres_url)
    await sql.write(add("before"))
    assert await sql.read(names) == {"before"}
    own_server.stop(immediately=True)
    outcomes = await asyncio.wait_for(
        asyncio.gather(*(sql.write(add(f"{i}")) for i in range(100)), sql.read(names), return_exceptions=True), 10
    )
    assert {getattr(outcome, "code", None) for outcome in outcomes} == {"storage-away"}
    await asyncio.to_thread(own_server.start)
    await sql.write(add("after"))
    assert await sql.read(names) == {"before", "after"}
    await sql.close()


@pytest.mark.postgresql
async def test_a_connection_cut_before_the_commit_is_an_unknown_outcome(postgres_url: str) -> None:
    def backend() -> Job[int]:
        return int((yield Query("select pg_backend_pid() as pid"))[0]["pid"])

    def cut(point: str) -> None:
        if point == "before-commit" and victims:
            os.kill(victims.pop(), signal.SIGTERM)
            time.sleep(0.1)

    victims: list[int] = []
    sql = PostgresSql(postgres_url, trace=cut)
    victims.append(await sql.write(backend))
    with pytest.raises(StorageError) as refused:
        await sql.write(add("cut"))
    assert refused.value.code == "commit-unknown"
    await sql.write(add("after"))
    assert await sql.read(names) == {"after"}
    await sql.close()


@pytest.mark.postgresql
async def test_an_idle_connection_that_was_cut_is_replaced_unnoticed(postgres_url: str) -> None:
    def backend() -> Job[int]:
        return int((yield Query("select pg_backend_pid() as pid"))[0]["pid"])

    sql = PostgresSql(postgres_url)
    os.kill(await sql.write(backend), signal.SIGTERM)
    await asyncio.sleep(0.1)
    await sql.write(add("after"))
    assert await sql.read(names) == {"after"}
    await sql.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select ? + ?", "select $1 + $2"),
        ("select '?' || ? || 'it''s ?' || ?", "select '?' || $1 || 'it''s ?' || $2"),
        ("no placeholder", "no placeholder"),
        (
            "a = ? and b in (?, ?) and c in ('?') and d not in (?)",
            "a = $1 and b in ($2, $3) and c in ('?') and d not in ($4)",
        ),
        (f"a in ({', '.join('?' * 10)}) and b = ?", "a = any($1) and b = $2"),
    ],
)
def test_placeholders_are_numbered_outside_of_text(text: str, expected: str) -> None:
    assert statement(text).text == expected


def test_the_values_of_a_list_go_together() -> None:
    made = statement(f"select a from b where c = ? and d in ({', '.join('?' * 10)}) and e in (?, ?)")
    assert made.arguments((1, *"abcdefghij", 2, 3)) == [1, list("abcdefghij"), 2, 3]


@pytest.mark.postgresql
@pytest.mark.parametrize("many", [1, 2, 9, 40])
async def test_a_list_is_not_planned_anew_each_time(postgres_url: str, many: int) -> None:
    text = f"select debits from account where merchant_id = ? and account in ({', '.join('?' * many)})"

    def often() -> Job[int]:
        filled = "insert into account (merchant_id, account, unit, floor) select 'm', n::text, 'EUR', 0 from "
        yield Query(f"{filled} generate_series(1, 5000) n")
        yield Query("analyze account")
        for _ in range(20):
            yield Query(text, ("m", *map(str, range(many))))
        asked = "select custom_plans from pg_prepared_statements where statement like 'select debits from account%'"
        [row] = yield Query(asked)
        return int(row["custom_plans"])

    sql = PostgresSql(postgres_url)
    try:
        assert await sql.write(often) == 5, "what PostgreSQL looks at before it keeps a plan"
    finally:
        await sql.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("update a set b = b where c = ? and d is null", "select 1 from a where c = ? and d is null for no key update"),
        ("update a set b = b where c = ? returning d, e", "select d, e from a where c = ? for no key update"),
        ("update a set b = b + 1 where c = ? returning d", "update a set b = b + 1 where c = ? returning d"),
        ("update a set b = b, f = 2 where c = ?", "update a set b = b, f = 2 where c = ?"),
    ],
)
def test_a_change_that_changes_nothing_locks(text: str, expected: str) -> None:
    assert locking(text) == expected


@pytest.mark.postgresql
async def test_a_row_that_is_locked_is_no_new_version_and_keeps_others_out(postgres_url: str) -> None:
    def lock() -> Job[tuple[str, str]]:
        locked = yield Query(
            "update campaign set name = name where campaign_id = ? returning ctid::text as place", ("x",)
        )
        rows = yield Query("select pg_sleep(0.05), ctid::text as place from campaign where campaign_id = ?", ("x",))
        yield Query("update campaign set created_at = created_at + 1 where campaign_id = ?", ("x",))
        return locked[0]["place"], rows[0]["place"]

    def total() -> Job[int]:
        return int((yield Query("select created_at from campaign"))[0]["created_at"])

    sql, other = PostgresSql(postgres_url), PostgresSql(postgres_url)
    await sql.write(add("x"))
    outcomes = await asyncio.gather(*(one.write(lock) for one in (sql, other) for _ in range(3)))
    assert all(before == after for before, after in outcomes)
    assert await sql.read(total) == 1 + len(outcomes)
    await sql.close()
    await other.close()


@pytest.mark.postgresql
async def test_postgresql_soon_knows_of_the_tables_that_fill(postgres_url: str) -> None:
    loader = await postgres.asyncpg.connect(postgres_url)
    await loader.execute(
        "insert into campaign (merchant_id, campaign_id, name, created_at)"
        " select 'mer_0', n::text, 'n', 1 from generate_series(1, 500) n"
    )
    await loader.close()

    def known() -> Job[int]:
        return int((yield Query("select reltuples::bigint as n from pg_class where relname = 'campaign'"))[0]["n"])

    sql = PostgresSql(postgres_url)
    await asyncio.gather(*(sql.write(add(f"{number}")) for number in range(FIRST)))
    async with asyncio.timeout(20):
        while await sql.read(known) < 500:  # noqa: ASYNC110  (PostgreSQL tells nobody)
            await asyncio.sleep(0.01)
    await sql.close()


@pytest.mark.postgresql
async def test_postgresql_counts_what_is_written_while_there_is_no_pause(postgres_url: str) -> None:
    """Its vacuum, and ours of what it knows of tables, go by that count."""
    counted = "select n_tup_ins from pg_stat_user_tables where relname = 'campaign'"
    names = (f"{number}" for number in itertools.count())
    sql, admin = PostgresSql(postgres_url), await postgres.asyncpg.connect(postgres_url)

    async def till() -> None:
        while True:
            await sql.write(add(next(names)))

    tills = [asyncio.create_task(till()) for _ in range(1000)]
    try:
        async with asyncio.timeout(20):
            while not await admin.fetchval(counted):  # noqa: ASYNC110  (PostgreSQL tells nobody)
                await asyncio.sleep(0.1)
    finally:
        for task in tills:
            task.cancel()
        await asyncio.wait(tills)
        await sql.close()
        await admin.close()
