"""Whole sales a second beside the usual stack, in one run: rounds of every server in turn, medians of the rounds.

    python -m bench.sales [--seconds 5] [--rounds 3] [--store sqlite] [--stack poi-server] [--json FILE]

A sale is four requests of a till over HTTP: the customer's card is scanned, the basket is set and decided, the total is
accepted and reserved, the card is charged; or one request that asks for all of it. It counts when its answer has come.
Server CPU is user and system time of the server's process with all its threads; that of Valkey and PostgreSQL is shown
apart.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from bench.figures import quantile
from bench.sales.postgres import Postgres, programs
from bench.sales.recovery import Recovery, recover
from bench.sales.rounds import Load, Round, sell
from bench.sales.slow_disk import slowed
from bench.sales.stacks import Kind, Ours, Usual, opened, serve
from bench.trade import Trade, trade
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql
from poi_server.benchmark.machine import described, load

SLOW_MS = 3
PACE = 1000
KINDS = tuple(
    Kind(stack, store, delay)
    for delay in (0, SLOW_MS)
    for stack, store in (("poi-server", "sqlite"), ("poi-server", "postgresql"), ("fastapi", "postgresql"))
)
_PACKAGES = ("aiohttp", "uvloop", "asyncpg", "fastapi", "uvicorn", "redis")


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured."""

    kinds: tuple[Kind, ...]
    loads: tuple[Load, ...]
    rounds: int
    seconds: float
    live: int
    json: Path | None


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m bench.sales", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are shown")
    parser.add_argument("--offers", type=int, default=20, help="live offers")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 64], help="stations that sell at once")
    parser.add_argument("--stack", choices=("poi-server", "fastapi"), help="only this one")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), help="only this one")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    given = parser.parse_args()
    kinds = [one for one in KINDS if given.stack in (None, one.stack) and given.store in (None, one.store)]
    most = max(given.concurrency)
    loads = [Load(count, pace, requests) for requests in (4, 1) for count, pace in _stations(given.concurrency, most)]
    if given.quick:
        kinds = [one for one in kinds if not one.delay_ms]
        loads = [Load(4, 0, requests) for requests in (4, 1)]
        return Options(tuple(kinds), tuple(loads), 1, 0.3, given.offers, given.json)
    return Options(tuple(kinds), tuple(loads), given.rounds, given.seconds, given.offers, given.json)


def _stations(counts: list[int], most: int) -> list[tuple[int, int]]:
    """Stations that sell as fast as they can, and the most of them at the pace."""
    return [(count, 0) for count in counts] + [(most, PACE)]


@dataclass(frozen=True, slots=True)
class Measured:
    """The rounds of one server under one load."""

    kind: Kind
    load: Load
    rounds: tuple[Round, ...]

    def row(self) -> dict[str, Any]:
        """Medians of the rounds; `paced` is the rate asked for, 0 where each station sold as fast as it could."""
        times = [sorted(one.times) or [0.0] for one in self.rounds]
        return {
            "stack": self.kind.stack,
            "store": self.kind.store,
            "fsync_delay_ms": self.kind.delay_ms,
            "workers": 1,
            "concurrency": self.load.concurrency,
            "requests": self.load.requests,
            "paced": self.load.pace,
            "sales_per_s": round(median(one.rate for one in self.rounds), 1),
            "p50_ms": round(median(median(one) for one in times) * 1000, 2),
            "p99_ms": round(median(quantile(one, 0.99) for one in times) * 1000, 2),
            "cpu_us_per_sale": round(median(one.cpu_us for one in self.rounds)),
            "store_cpu_us_per_sale": round(median(one.others_us for one in self.rounds)),
            "till_cpu_us_per_sale": round(median(one.till_us for one in self.rounds)),
        }


async def _run(options: Options) -> dict[str, Any]:
    bought = trade()
    print(f"{bought.source}; {options.live} live offers", flush=True)
    with tempfile.TemporaryDirectory(prefix="poi-bench-") as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            servers = [server async for server in _servers(options, folder, bought, stack)]
            return await _measured(options, servers, bought, stack)


async def _servers(options: Options, folder: Path, bought: Trade, stack: AsyncExitStack) -> Any:
    databases: dict[int, Postgres] = {}
    most = max(one.concurrency for one in options.loads)
    where = programs()
    for kind in options.kinds:
        slow = await asyncio.to_thread(slowed, folder, kind.delay_ms)
        if kind.store == "postgresql":
            if where is None:
                print(f"PostgreSQL is not installed: {kind.stack} on it is left out", file=sys.stderr)
                continue
            if kind.delay_ms not in databases:
                made = databases[kind.delay_ms] = await asyncio.to_thread(Postgres, where, kind.delay_ms)
                stack.push_async_callback(asyncio.to_thread, made.stop)
                await asyncio.to_thread(made.start)
        database = databases.get(kind.delay_ms)
        yield await opened(kind, folder, database, slow, bought, most, options.live)


async def _measured(
    options: Options, servers: list[Ours | Usual], bought: Trade, stack: AsyncExitStack
) -> dict[str, Any]:
    addresses = [await serve(stack, server) for server in servers]
    found: defaultdict[tuple[int, Load], list[Round]] = defaultdict(list)
    made: defaultdict[int, int] = defaultdict(int)
    for _ in range(options.rounds):
        for number, one, wanted in _turns(servers, options.loads):
            told = await sell(one, addresses[number], bought, wanted, options.seconds)
            found[number, wanted].append(told)
            made[number] += told.made
    rows = [Measured(servers[number].kind, wanted, tuple(rounds)).row() for (number, wanted), rounds in found.items()]
    for number, one in enumerate(servers):
        if (kept := await sales_in(one)) != made[number]:
            raise RuntimeError(f"{one.kind}: {made[number]} sales were answered and {kept} are kept")
    for one in servers:  # each starts alone: what the others have still to count would slow it
        await one.stop()
    recovered = [
        (one.kind, await recover(one, bought, options.seconds, options.rounds))
        for one in servers
        if isinstance(one, Ours) and not one.kind.delay_ms
    ]
    return {"rows": rows, "recovery": [_recovery(kind, told) for kind, told in recovered]}


def _turns(servers: list[Ours | Usual], loads: tuple[Load, ...]) -> Iterator[tuple[int, Ours | Usual, Load]]:
    for wanted in loads:
        for number, one in enumerate(servers):
            yield number, one, wanted


def _recovery(kind: Kind, told: Recovery) -> dict[str, Any]:
    return {
        "store": kind.store,
        "ready_s": round(told.ready, 2),
        "resolved_s": round(told.resolved, 2),
        "pending": told.pending,
    }


async def sales_in(server: Ours | Usual) -> int:
    """The sales in a server's store."""
    sql = open_sql(server.sql)

    def job() -> Job[int]:
        rows = yield Query("select count(*) as made from sale")
        return int(rows[0]["made"])

    try:
        return await sql.read(job)
    finally:
        await sql.close()


def _table(rows: list[dict[str, Any]]) -> str:
    names = list(rows[0])
    wide = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in names}
    lines = ["  ".join(name.rjust(wide[name]) for name in names)]
    return "\n".join(lines + ["  ".join(str(row[name]).rjust(wide[name]) for name in names) for row in rows])


def main() -> int:
    """Print the machine and the table."""
    options = _options()
    print(described(_PACKAGES), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        made = loop.run(_run(options))
    print(_table(made["rows"]))
    for one in made["recovery"]:
        print(
            f"killed while selling, {one['store']}: ready after {one['ready_s']} s, "
            f"{one['pending']} pending payments resolved after {one['resolved_s']} s"
        )
    print(f"load average at the end: {load():.2f}")
    if options.json:
        options.json.write_text(json.dumps(made, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
