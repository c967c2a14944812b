"""Killed in the middle of selling: how long until the server is ready again, and no payment is left in doubt."""

import asyncio
import contextlib
import time
from dataclasses import dataclass

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


async def recover(server: Ours, address: Address, trade: Trade, seconds: float) -> Recovery:
    """Kill the server after it has sold for so many seconds and start it again."""
    load = Load(min(STATIONS, len(server.stations)))
    selling = asyncio.create_task(sell(server, address, trade, load, 2 * seconds))
    await asyncio.sleep(START_SECONDS + WARM_SECONDS + seconds)
    await server.kill()
    with contextlib.suppress(RuntimeError, OSError):  # the tills' connections and the process are gone
        await selling
    pending = await _pending(server)
    since = time.monotonic()
    again = await server.start()
    await _answers(again)
    ready = time.monotonic() - since
    while await _pending(server):  # noqa: ASYNC110  (another process resolves them)
        await asyncio.sleep(0.02)
    return Recovery(ready, time.monotonic() - since, pending)


async def _answers(address: Address) -> None:
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET /readyz HTTP/1.1\r\nHost: {address.host}:{address.port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n")
    writer.close()
    if b" 200 " not in head:
        raise RuntimeError(head.decode())


async def _pending(server: Ours) -> int:
    sql = open_sql(server.sql)
    try:
        return await sql.read(_unfinished)
    finally:
        await sql.close()


def _unfinished() -> Job[int]:
    rows = yield Query("select count(*) as pending from payment where state in ('sending', 'unknown')")
    return int(rows[0]["pending"])
