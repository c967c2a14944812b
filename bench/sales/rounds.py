"""One round at a time: tills sell for some seconds while the processor time of every part is read."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.sales.stacks import CUSTOMERS, Address, Ours, Usual
from bench.sales.till import Plan, Sold
from bench.trade import Trade
from poi_server.benchmark.machine import cpu_seconds

TILLS = 2
WARM_SECONDS = 1.0
START_SECONDS = 1.5
"""Until every till's process is up and connected."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many stations sell: as fast as they can (`pace` 0), or so many sales a second in all; requests a sale."""

    concurrency: int
    pace: int = 0
    requests: int = 4


@dataclass(frozen=True, slots=True)
class Round:
    """What came of it. `times` in seconds, the rest for one sale in microseconds; `made` counts the warming up too."""

    rate: float
    times: tuple[float, ...]
    cpu_us: float
    till_us: float
    others_us: float
    made: int


async def sell(stack: Ours | Usual, address: Address, trade: Trade, load: Load, seconds: float) -> Round:
    """Sell for so many seconds."""
    begin = time.monotonic() + START_SECONDS + WARM_SECONDS
    plans = [
        _plan(stack, address, trade, load, begin, seconds, number) for number in range(min(TILLS, load.concurrency))
    ]
    selling = [asyncio.create_task(_till(plan)) for plan in plans]
    try:
        await asyncio.sleep(begin - time.monotonic())
        used, others = cpu_seconds(stack.pid), _others(stack.pid)
        await asyncio.sleep(begin + seconds - time.monotonic())
        used, others_used = cpu_seconds(stack.pid) - used, _since(others, _others(stack.pid))
        sold = await asyncio.gather(*selling)
    finally:
        for till in selling:
            till.cancel()
        await asyncio.gather(*selling, return_exceptions=True)
    times = tuple(took for one in sold for took in one.times)
    made = sum(one.made for one in sold)
    count = max(1, len(times))
    return Round(
        rate=len(times) / seconds,
        times=times,
        cpu_us=used / count * 1e6,
        till_us=sum(one.cpu for one in sold) / max(1, made) * 1e6,
        others_us=others_used / count * 1e6,
        made=made,
    )


def _plan(
    stack: Ours | Usual, address: Address, trade: Trade, load: Load, begin: float, seconds: float, number: int
) -> Plan:
    tills = min(TILLS, load.concurrency)
    return Plan(
        host=address.host,
        port=address.port,
        secret=address.secret,
        stations=stack.stations[: load.concurrency][number::tills],
        baskets=_bodies(trade)[number::tills],
        cards=tuple(f"BENCH-{card}" for card in range(CUSTOMERS))[number::tills],
        begin=begin,
        end=begin + seconds,
        pace=load.pace / tills,
        whole=load.requests == 1,
        silent=',"explain":false}' if isinstance(stack, Ours) else "}",
    )


def _bodies(trade: Trade) -> tuple[str, ...]:
    return tuple(
        json.dumps({"entries": [{"code": item.code, "quantity": item.quantity} for item in basket.items]})
        for basket in trade.baskets
    )


async def _till(plan: Plan) -> Sold:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.sales.till"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        out, problems = await process.communicate(msgspec.json.encode(plan))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(problems.decode()[-1500:])
    return msgspec.json.decode(out, type=Sold)


def _others(server: int) -> dict[int, float]:
    """Processor seconds of the stores that serve the run: every valkey-server and PostgreSQL process of ours."""
    used: dict[int, float] = {}
    for pid in _stores(os.getpid()):
        with suppress(OSError):  # it has just ended
            if pid != server:
                used[pid] = cpu_seconds(pid)
    return used


def _since(before: dict[int, float], now: dict[int, float]) -> float:
    return sum(used - before.get(pid, 0.0) for pid, used in now.items())


def _stores(parent: int) -> Sequence[int]:
    """The processes below `parent` that are stores."""
    found, waiting = list[int](), [parent]
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                children = [int(child) for child in task.read_text().split()]
            except OSError:  # it has just ended
                continue
            waiting += children
            found += [child for child in children if _name(child).startswith(("valkey", "redis", "postgres"))]
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
