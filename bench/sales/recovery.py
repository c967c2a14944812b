"""Killed in the middle of selling: how long until the server is ready again, and no payment is left in doubt."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.sales.rounds import START_SECONDS, WARM_SECONDS, Load, sell
from bench.sales.stacks import Address, Ours
from bench.trade import Trade
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql

STATIONS = 32


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from the new process's start; `pending` payments had no end when it was killed."""

    ready: float
    resolved: float
    pending: int


async def recover(server: Ours, trade: Trade, seconds: float, times: int) -> Recovery:
    """Start the server; so many times kill it after it has sold for so many seconds, and start it again.

    Told are the median until it is ready, the longest until nothing is left without an end, and all that was pending.
    """
    address = await server.start()
    told: list[Recovery] = []
    for _ in range(times):
        load = Load(min(STATIONS, len(server.stations)))
        selling = asyncio.create_task(sell(server, address, trade, load, 2 * seconds))
        await asyncio.sleep(START_SECONDS + WARM_SECONDS + seconds)
        await server.kill()
        with contextlib.suppress(RuntimeError, OSError):  # the tills' connections and the process are gone
            await selling
        pending = await asyncio.to_thread(_left, server)
        since = time.monotonic()
        address = await server.start()
        await _answers(address)
        ready = time.monotonic() - since
        while await _pending(server.sql):  # noqa: ASYNC110  (another process resolves them)
            await asyncio.sleep(0.02)
        told.append(Recovery(ready, time.monotonic() - since, pending))
    await server.stop()
    return Recovery(
        median(one.ready for one in told), max(one.resolved for one in told), sum(one.pending for one in told)
    )


def _left(server: Ours) -> int:
    """What the killed one left pending: read from a copy of SQLite's files, for who opens them first recovers them."""
    path = server.sql.removeprefix("sqlite:///")
    if path == server.sql:
        return asyncio.run(_pending(path))
    with tempfile.TemporaryDirectory() as folder:
        for file in Path(path).parent.glob("poi.db*"):
            shutil.copy(file, folder)
        return asyncio.run(_pending(f"sqlite:///{folder}/poi.db"))


async def _answers(address: Address) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET /readyz HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n")
    writer.close()
    if b" 200 " not in head:
        raise RuntimeError(head.decode())


async def _pending(url: str) -> int:
    sql = open_sql(url)
    try:
        return await sql.read(_unfinished)
    finally:
        await sql.close()


def _unfinished() -> Job[int]:
    rows = yield Query("select count(*) as pending from payment where state in ('sending', 'unknown')")
    return int(rows[0]["pending"])
