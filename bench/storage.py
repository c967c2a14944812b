"""Durable writes a second with group commit: one row a job, a reservation's jobs, a receipt's jobs.

    python bench/storage.py [sqlite:///FILE | postgresql://...]     (default: a new SQLite file in the current folder)

64 callers, each waiting for its durable commit before the next; CPU is this process's, microseconds a job.
"""

import asyncio
import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

from poi_engine import ledger, limits
from poi_engine.fiscal import journal
from poi_engine.fiscal.journal import Receipt
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import migrate, open_sql

CALLERS = 64
SECONDS = 3.0
IDS = Ids(time.time)
RECEIPT = Receipt(
    kind="sale", sale_id="s", store_id="s", station_id="s", currency="EUR", at="", local_minute="",
    lines=(), vat=(), payments=(), subtotal=0, saved=0, total=0,
)  # fmt: skip


def row(name: str) -> Job[None]:
    """One row."""
    yield Query("insert into campaign (merchant_id, campaign_id, name, created_at) values ('m', ?, 'n', 1)", (name,))


def reservation(name: str) -> Job[None]:
    """Hold one use of the same limit for everybody."""
    yield from limits.fund_limit("m", "limit:hot", "uses", 1_000_000_000, ids=IDS, at=1)
    yield from ledger.hold("m", name, [limits.limit_use("hot", 1, "uses")], ids=IDS, at=1)


def receipt(name: str) -> Job[None]:
    """One more receipt in the same station's journal."""
    yield from journal.append("m", "sta_1", "sale", name, RECEIPT, at=1)


def cpu() -> float:
    """Seconds of CPU this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(sql: Sql, make: Callable[[str], Job[None]]) -> None:
    """Print one line of figures."""
    numbers, waits = itertools.count(), list[float]()
    tag, used, start = time.time_ns(), cpu(), time.perf_counter()

    async def caller() -> None:
        while time.perf_counter() < start + SECONDS:
            name, asked = f"{tag}-{next(numbers)}", time.perf_counter()
            await sql.write(partial(make, name))
            waits.append(time.perf_counter() - asked)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    seconds, used = time.perf_counter() - start, cpu() - used
    waits.sort()
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    each = used / len(waits) * 1e6
    print(
        f"{make.__name__:12} {len(waits) / seconds:8.0f} /s  p50 {p50:5.1f} ms  p99 {p99:5.1f} ms  CPU {each:4.0f} us"
    )


async def main(url: str) -> None:
    """Measure each kind of job in turn."""
    await migrate(url)
    sql = open_sql(url)
    for make in (row, reservation, receipt):
        await measure(sql, make)
    await sql.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=".") as folder:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/bench.db"))
