"""Reservations against a few limits, by four processes on PostgreSQL or one on SQLite: none is ever oversold."""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from poi_engine.checkout.frozen import Claim, decode
from poi_engine.checkout.reservation import fund
from poi_engine.clock import SystemClock, micros
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.redis import open_redis
from poi_engine.verify import verify
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import M, Shop
from tests.faults.place import PATHS, ROOT
from tests.faults.plan import Outcome, Plan
from tests.faults.reserver import limit_key
from tests.servers import PostgresServer, ValkeyServer, postgres_programs

PROCESSES = 4
LIMITS = 8
SHARE = 5
"""One reservation in so many finds a use left."""


async def run(plan: Plan, made: Outcome) -> None:
    """As many reservations as the plan says."""
    if plan.storage == "sqlite":
        plan.folder.mkdir(parents=True, exist_ok=True)
        await _reserved(plan, made, f"sqlite:///{plan.folder / 'poi.db'}", 1)
        return
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL's server programs are not installed (apt: postgresql)"
    server = PostgresServer(programs)
    try:
        server.make_database("limits")
        await _reserved(plan, made, server.url("limits"), PROCESSES)
    finally:
        server.remove()


async def _reserved(plan: Plan, made: Outcome, url: str, processes: int) -> None:
    await migrate(url)
    sql = open_sql(url)
    try:
        cap = max(1, plan.times // LIMITS // SHARE)
        document = await _accepted_once(sql, plan.folder, cap)
        await _funded(sql, document, cap)
        each = plan.times // processes
        order = {"url": url, "document": document, "limits": LIMITS, "cap": cap, "count": each}
        orders = [{**order, "first": number * each} for number in range(processes)]
        await _raced(plan, made, sql, orders)
        made.times = each * processes
        await _none_oversold(sql, made, cap)
    finally:
        await sql.close()


async def _accepted_once(sql: Sql, folder: Path, cap: int) -> str:
    """What an acceptance writes, made by one: the reservations are its likes."""
    server = ValkeyServer()
    sessions = open_redis(server.url)
    try:
        shop = await Shop(sql, sessions, folder).setup()
        for number in range(LIMITS):
            await shop.engine.offers.create(M, _offer(number, cap))
        accepted = await shop.accept(await shop.basket(2000, 350))
        rows = await _rows(sql, f"select document from checkout where checkout_id = '{accepted.checkout_id}'")
        await shop.engine.stations.abandon(M, accepted.session_id)
        await shop.close()
    finally:
        await sessions.close()
        server.remove()
    return str(rows[0]["document"])


def _offer(number: int, cap: int) -> Offer:
    return Offer(
        offer_id=f"off_{number}",
        name={"en": "1 % off"},
        currency="EUR",
        effects=(PercentOff(percent=100),),
        limits=(Limit(of="uses", cap=cap),),
    )


async def _funded(sql: Sql, document: str, cap: int) -> None:
    claim = decode(document).claims[0]
    clock = SystemClock()
    claims = [_claim(claim, number, cap) for number in range(LIMITS)]
    await sql.write(lambda: fund(M, claims, ids=Ids(clock.now), at=micros(clock.now())))


def _claim(claim: Claim, number: int, cap: int) -> Claim:
    return replace(claim, key=limit_key(number), cap=cap)


async def _raced(plan: Plan, made: Outcome, sql: Sql, orders: list[dict[str, Any]]) -> None:
    """All processes start together; meanwhile the limits are looked at again and again."""
    workers = [await _started(order) for order in orders]
    began = time.monotonic()
    looking = asyncio.create_task(_watched(plan, sql, made))
    try:
        answers = await asyncio.gather(*(_finished(worker) for worker in workers))
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        for worker in workers:
            if worker.returncode is None:  # another one has failed
                worker.kill()
                await worker.communicate()
    made.seen["reservations a second"] = round(sum(order["count"] for order in orders) / (time.monotonic() - began))
    for answer in answers:
        made.seen.update(Counter(json.loads(answer)))


async def _started(order: dict[str, Any]) -> asyncio.subprocess.Process:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.reserver"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": PATHS},
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(order).encode() + b"\n")
    await worker.stdin.drain()
    assert await worker.stdout.readline() == b"ready\n"
    return worker


async def _finished(worker: asyncio.subprocess.Process) -> bytes:
    answer, _ = await worker.communicate(b"go\n")
    assert worker.returncode == 0, "a process that reserves has failed"
    return answer


async def _watched(plan: Plan, sql: Sql, made: Outcome) -> None:
    while True:
        for row in await _rows(sql, _LEFT):
            assert row["left_"] >= 0, f"{row['account']} is oversold by {-row['left_']}"
            made.seen["looks at a limit"] += 1
        plan.say(f"{sum(row['left_'] for row in await _rows(sql, _LEFT)):,} uses left")
        await asyncio.sleep(0.1)


async def _none_oversold(sql: Sql, made: Outcome, cap: int) -> None:
    """By the accounts, by the transfers, and by the checkouts."""
    stand = made.seen["granted"] - made.seen["given_back"]
    left = await _rows(sql, _LEFT)
    assert len(left) == LIMITS
    assert all(0 <= row["left_"] <= cap for row in left), left
    assert LIMITS * cap - sum(row["left_"] for row in left) == stand
    checkouts = await _rows(sql, "select count(*) as n from checkout where state = 'reserved'")
    assert checkouts[0]["n"] == stand, (checkouts, made.seen)
    assert made.seen["granted"] + made.seen["refused"] == made.times
    found = await verify(sql)
    assert found == [], found[:5]


_LEFT = "select account, credits - debits - debits_pending as left_ from account where account like 'limit:%'"


async def _rows(sql: Sql, text: str) -> list[dict[str, Any]]:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text))]

    return await sql.read(job)
