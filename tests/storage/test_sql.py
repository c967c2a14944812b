"""SQL storage: transactions, group commit, errors, on both engines."""

import asyncio
import threading
from typing import Any

import pytest

from poi_engine.errors import Conflict, InternalError, StorageError
from poi_engine.ports import Job, Queries, Query, Row
from poi_engine.storage import open_sql, postgres, sqlite
from poi_engine.storage.failures import ConstraintFailed
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.schema import IMMUTABLE, metadata
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.together import rows_of, statements, together

Storage = SqliteSql | PostgresSql


def add(name: str, then: Exception | None = None) -> Any:
    def job() -> Job[str]:
        rows = yield Query(
            "insert into campaign (merchant_id, campaign_id, name, created_at) values (?, ?, ?, ?) returning name",
            ("mer_1", name, f"What's {name}?", 1),
        )
        if then is not None:
            raise then
        return str(rows[0]["name"])

    return job


def names() -> Job[list[str]]:
    rows = yield Query("select campaign_id from campaign where merchant_id = ? order by campaign_id", ("mer_1",))
    return [row["campaign_id"] for row in rows]


async def test_a_job_returns_its_result_and_is_seen_by_readers(sql: Storage) -> None:
    assert await sql.write(add("a")) == "What's a?"
    assert await sql.read(names) == ["a"]


async def test_rows_come_as_tuples_to_who_asks_for_them(sql: Storage) -> None:
    def job() -> Job[list[Any]]:
        found: list[Any] = yield Query("select name, created_at, name from campaign", tuples=True)
        return found

    await sql.write(add("a"))
    assert await sql.read(job) == [("What's a?", 1, "What's a?")]


async def test_every_plain_value_comes_back_as_it_went_in(sql: Storage) -> None:
    def job() -> Job[Any]:
        values = ("m", "é ☕ '?'", -(2**63), 1.5, None, b"\x00\xff")
        yield Query("insert into store values ('m', ?, 'n', 'a', ?, ?, 'UTC', '[]')", (values[1], 48.5, None))
        yield Query("insert into catalogue (merchant_id, version) values (?, ?)", ("m", 2**63 - 1))
        yield Query("insert into programme_key values (?, ?, ?, ?)", ("m", 1, values[5], values[2]))
        rows = yield Query(
            "select store_id, lat, lon, version, key, k.created_at, '?' as mark from store s"
            " join catalogue c on c.merchant_id = s.merchant_id join programme_key k on k.merchant_id = s.merchant_id"
        )
        return dict(rows[0])

    assert await sql.write(job) == {
        "store_id": "é ☕ '?'",
        "lat": 48.5,
        "lon": None,
        "version": 2**63 - 1,
        "key": b"\x00\xff",
        "created_at": -(2**63),
        "mark": "?",
    }


async def test_a_job_that_raises_is_undone_alone_within_its_batch(sql: Storage) -> None:
    refusal = ValueError("no")
    outcomes = await asyncio.gather(
        *(sql.write(add(f"{i:03}", refusal if i % 3 == 1 else None)) for i in range(90)), return_exceptions=True
    )
    assert [outcome is refusal for outcome in outcomes] == [i % 3 == 1 for i in range(90)]
    assert await sql.read(names) == [f"{i:03}" for i in range(90) if i % 3 != 1]


async def test_a_refused_row_undoes_its_job_alone(sql: Storage) -> None:
    await sql.write(add("a"))
    outcomes = await asyncio.gather(*(sql.write(add(name)) for name in "bacad"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [str, ConstraintFailed, str, ConstraintFailed, str]
    assert await sql.read(names) == ["a", "b", "c", "d"]


async def test_a_wrong_statement_is_our_fault_and_breaks_nothing(sql: Storage) -> None:
    def wrong() -> Job[None]:
        yield Query("select nonsense from nowhere")

    with pytest.raises(InternalError):
        await sql.write(wrong)
    with pytest.raises(InternalError):
        await sql.read(wrong)
    await sql.write(add("a"))
    assert await sql.read(names) == ["a"]


async def test_a_job_sees_its_own_writes_and_readers_see_one_snapshot(sql: Storage) -> None:
    seen: list[list[str]] = []

    def twice() -> Job[None]:
        yield from add("x")()
        seen.append((yield from names()))
        yield from add("y")()
        seen.append((yield from names()))

    await sql.write(twice)
    assert seen == [["x"], ["x", "y"]]


def write(name: str, ending: str = "") -> Query:
    text = "insert into campaign (merchant_id, campaign_id, name, created_at) values (?, ?, ?, 1)"
    return Query(f"{text}{ending}", ("mer_1", name, name))


async def test_queries_made_together_tell_their_rows_apart(sql: Storage) -> None:
    def job() -> Job[list[list[Row]]]:
        yield Queries((write("a"), write("b")))
        found = Query("select name, created_at, cast(null as text) as gone from campaign order by name")
        return (
            yield from rows_of(
                [
                    *(write("c", " returning name, created_at"), write("d"), found, found._replace(tuples=True), kept),
                    write("e"),
                ]
            )
        )

    rows = [{"name": "a", "created_at": 1, "gone": None}, {"name": "b", "created_at": 1, "gone": None}]
    kept = Query(
        "insert into idempotency (merchant_id, principal, key, body_hash, subject, created_at) "
        "values ('mer_1', 'acc_1', 'key', ?, '', 1) returning body_hash, answer",
        (b"\x00\xff",),
    )
    made, silent, named, plain, hashed, silent_too = await sql.write(job)
    assert hashed == [{"body_hash": b"\x00\xff", "answer": None}]
    assert (made, silent, silent_too) == ([{"name": "c", "created_at": 1}], [], [])
    assert [row for row in named if row["name"] in "ab"] == rows
    assert [row for row in plain if row[0] in "ab"] == [("a", 1, None), ("b", 1, None)]
    assert await sql.read(names) == list("abcde")


async def test_jobs_run_together_go_on_in_step(sql: Storage) -> None:
    def steps(*found: str) -> Job[list[str]]:
        seen = []
        for name in found:
            [row] = yield write(name, " returning name")
            seen.append(row["name"])
        return seen

    def both() -> Job[list[str]]:
        found = yield from rows_of([write(name, " returning name") for name in "xy"])
        return [row["name"] for [row] in found]

    def counted(job: Job[object]) -> Job[object]:
        asked = next(job)
        try:
            while True:
                sizes.append(len(statements(asked)))
                asked = job.send((yield asked))
        except StopIteration as stop:
            return stop.value

    def job() -> Job[object]:
        sizes.clear()
        inner = together(steps("b", "c"), both())
        return (yield from counted(together(steps("a"), steps(), inner, steps("d", "e", "f"))))

    sizes: list[int] = []
    found = await sql.write(job)
    assert sizes == [5, 2, 1]
    assert found == (["a"], [], (["b", "c"], ["x", "y"]), ["d", "e", "f"])
    assert sorted(await sql.read(names)) == list("abcdefxy")


async def test_of_jobs_run_together_one_that_raises_ends_all(sql: Storage) -> None:
    ended = []

    def waits() -> Job[None]:
        try:
            yield write("a")
            yield write("b")
        finally:
            ended.append("waits")

    def raises() -> Job[None]:
        yield write("c")
        raise Conflict("no", "No.")

    with pytest.raises(Conflict):
        await sql.write(lambda: together(raises(), waits()))
    assert ended == ["waits"]
    assert await sql.read(names) == []


async def test_jobs_from_two_storages_on_one_database_both_land(sql: Storage, sql_url: str) -> None:
    other = open_sql(sql_url)
    try:
        await asyncio.gather(*((sql, other)[i % 2].write(add(f"{i:03}")) for i in range(200)))
    finally:
        await other.close()
    assert len(await sql.read(names)) == 200


async def test_closing_finishes_what_waits_and_then_refuses(sql: Storage, sql_url: str) -> None:
    other = open_sql(sql_url)
    waiting = [asyncio.create_task(other.write(add(f"{i:03}"))) for i in range(100)]
    await asyncio.sleep(0)
    await other.close()
    await asyncio.gather(*waiting)
    assert len(await sql.read(names)) == 100
    with pytest.raises(StorageError, match="closed"):
        await other.write(add("late"))


@pytest.mark.parametrize("table", IMMUTABLE)
async def test_immutable_rows_are_never_changed_or_removed(sql: Storage, table: str) -> None:
    """Nor by the ways round a trigger for each row: REPLACE on SQLite, TRUNCATE on PostgreSQL."""
    columns = metadata.tables[table].columns
    values = [{"BIGINT": 1, "BLOB": b"x"}.get(str(column.type), column.name) for column in columns]
    row = f"into {table} values ({', '.join('?' * len(values))})"

    def run(text: str, *values: Any) -> Any:
        def job() -> Job[None]:
            yield Query(text, values)

        return job

    await sql.write(run(f"insert {row}", *values))
    round_it = run(f"truncate {table} cascade")
    if isinstance(sql, SqliteSql):
        round_it = run(f"insert or replace {row}", *values)
    for change in (run(f"update {table} set merchant_id = 'other'"), run(f"delete from {table}"), round_it):
        with pytest.raises(ConstraintFailed, match="immutable"):
            await sql.write(change)

    def count() -> Job[int]:
        return int((yield Query(f"select count(*) as n from {table} where merchant_id = 'merchant_id'"))[0]["n"])

    assert await sql.read(count) == 1


async def test_too_many_waiting_jobs_are_refused_and_the_others_land(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (postgres, sqlite):
        monkeypatch.setattr(module, "_WAITING", 5)
    held, going = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> Job[None]:
        loop.call_soon_threadsafe(going.set)
        if sql_url.startswith("sqlite"):  # there the job runs in the writer's thread
            held.wait(20)
        yield from names()

    storage = open_sql(sql_url)
    first = asyncio.create_task(storage.write(slow))
    await going.wait()
    waiting = asyncio.gather(*(storage.write(add(f"{i:02}")) for i in range(50)), return_exceptions=True)
    await asyncio.sleep(0)
    held.set()
    outcomes = await waiting
    await first
    assert {outcome.code for outcome in outcomes if isinstance(outcome, StorageError)} == {"storage-busy"}
    assert len(await storage.read(names)) == sum(isinstance(outcome, str) for outcome in outcomes) == 5
    await storage.close()


async def test_whatever_a_job_raises_reaches_its_caller_and_the_writer_goes_on(sql: Storage) -> None:
    class Halt(BaseException):
        pass

    def halting() -> Job[None]:
        yield from names()
        raise Halt

    for _ in range(2):
        with pytest.raises(Halt):
            await sql.write(halting)
        with pytest.raises(Halt):
            await sql.read(halting)
    await sql.write(add("after"))
    assert await sql.read(names) == ["after"]
