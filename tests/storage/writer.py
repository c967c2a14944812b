"""A process that writes rows and tells which were acknowledged; run by the durability tests, which kill it.

Arguments: the address, the named point at which it kills itself (or `never`), and at which passing of that point.
"""

import asyncio
import itertools
import os
import signal
import sys

from poi_engine.ports import Job, Query
from poi_engine.storage import sqlite_path
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql

WRITERS = 20


def insert(name: str) -> Job[None]:
    """One row of its own."""
    yield Query(
        "insert into campaign (merchant_id, campaign_id, name, created_at) values ('mer_1', ?, 'n', 1)", (name,)
    )


async def write(sql: SqliteSql | PostgresSql, writer: int) -> None:
    """Write row after row; each is printed only after it was acknowledged."""
    for number in itertools.count():
        name = f"{writer}-{number}"
        await sql.write(lambda: insert(name))  # noqa: B023
        os.write(1, f"{name}\n".encode())


async def main(url: str, point: str, passing: int) -> None:
    """Write until killed."""
    passed = itertools.count(1)

    def trace(reached: str) -> None:
        if reached == point and next(passed) == passing:
            os.kill(os.getpid(), signal.SIGKILL)

    sql = SqliteSql(sqlite_path(url), trace=trace) if url.startswith("sqlite") else PostgresSql(url, trace=trace)
    await asyncio.gather(*(write(sql, writer) for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
