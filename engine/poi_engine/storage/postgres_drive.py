"""A job's statements on a connection to PostgreSQL, and what they return as the rows that jobs receive."""

from collections.abc import Sequence
from typing import Any, TypeVar

import asyncpg

from poi_engine.ports import Job, Query
from poi_engine.storage.postgres_text import locking, prepared, prepared_together, statement, tells

T = TypeVar("T")
_KEPT = 4096  # names of statements' columns
_columns: dict[str, tuple[str, ...]] = {}


async def drive(job: Job[T], connection: asyncpg.Connection) -> T:
    """Run a job's statements on the connection and return its result."""
    try:
        asked = next(job)
        while True:
            if isinstance(asked, Query):
                asked = job.send(await _fetch(connection, asked))
            else:
                asked = job.send(await _fetch_together(connection, asked.queries))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        job.close()


async def _fetch(connection: asyncpg.Connection, query: Query) -> list[Any]:
    text, values = prepared(query)
    records = await connection.fetch(text, *values)
    return [tuple(record.values()) if query.tuples else dict(record.items()) for record in records]


async def _fetch_together(connection: asyncpg.Connection, queries: Sequence[Query]) -> list[Any]:
    if len(queries) < 2:
        return [await _fetch(connection, query) for query in queries]
    text, values = prepared_together(queries)
    [record] = await connection.fetch(text, *values)
    found = iter(record.values())
    told = [next(found) if tells(query.text) else [] for query in queries]
    return [
        rows if query.tuples or not rows else await _named(connection, query.text, rows)
        for query, rows in zip(queries, told, strict=True)
    ]


async def _named(connection: asyncpg.Connection, text: str, rows: list[Any]) -> list[Any]:
    """The rows with their columns' names, which PostgreSQL does not tell of rows in an array."""
    names = _columns.get(text)
    if names is None or len(names) != len(rows[0]):  # never asked, or the table has changed since
        known = await connection.prepare(statement(locking(text)).text)
        names = _columns[text] = tuple(attribute.name for attribute in known.get_attributes())
        if len(_columns) > _KEPT:
            del _columns[next(iter(_columns))]
    return [dict(zip(names, row, strict=True)) for row in rows]
