"""Two counters reach for the same coupon, the same last 50 points, the same last use of a limit: exactly one has it.

On SQLite both are of one process; on PostgreSQL each is of a server process of its own.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from poi_engine import ledger
from poi_engine.basket import BasketEntry
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.redis import open_redis
from poi_engine.verify import verify
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import Code, InSegment
from poi_offers.offer_effects import AmountOff, PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop
from tests.faults.place import PATHS, ROOT
from tests.faults.plan import Outcome, Plan
from tests.faults.racer import redeem
from tests.servers import PostgresServer, ValkeyServer, postgres_programs

POINTS = 50
ENDLESS = 4_000_000_000_000_000  # microseconds since 1970
OFFERS = (
    Offer(
        offer_id="off_points",
        name={"en": "5.00 for 50 points"},
        currency="EUR",
        effects=(AmountOff(amount=500),),
        reward_points=POINTS,
    ),
    Offer(
        offer_id="off_coupon",
        name={"en": "15 % with the coupon"},
        currency="EUR",
        effects=(PercentOff(percent=1500),),
        conditions=InSegment(any_of=("coupon:off_coupon",)),
    ),
    Offer(
        offer_id="off_limit",
        name={"en": "20 % for one"},
        currency="EUR",
        effects=(PercentOff(percent=2000),),
        conditions=Code(any_of=("ONE",)),
        limits=(Limit(of="uses", cap=1),),
    ),
)
Both = Callable[[list[dict[str, Any]]], Awaitable[list[str]]]
"""Let both counters go at the same moment."""


async def run(plan: Plan, made: Outcome) -> None:
    """As many rounds as the plan says."""
    async with AsyncExitStack() as stack:
        valkey = ValkeyServer()
        stack.callback(valkey.remove)
        url = _database(plan, stack)
        await migrate(url)
        sql, sessions = open_sql(url), open_redis(valkey.url)
        stack.push_async_callback(sql.close)
        stack.push_async_callback(sessions.close)
        shop = await Shop(sql, sessions, plan.folder).setup()
        stack.push_async_callback(shop.close)
        for offer in OFFERS:
            await shop.engine.offers.create(M, offer)
        both = await _both(plan, stack, shop, url, valkey.url)
        await _rounds(plan, made, shop, both)
        found = await verify(sql)
        assert found == [], found[:5]


def _database(plan: Plan, stack: AsyncExitStack) -> str:
    if plan.storage == "sqlite":
        return f"sqlite:///{plan.folder / 'poi.db'}"
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL's server programs are not installed (apt: postgresql)"
    server = PostgresServer(programs)
    stack.callback(server.remove)
    server.make_database("races")
    return server.url("races")


async def _both(plan: Plan, stack: AsyncExitStack, shop: Shop, url: str, redis: str) -> Both:
    """In this process, or in two others."""
    if plan.storage == "sqlite":

        async def here(asked: list[dict[str, Any]]) -> list[str]:
            return list(await asyncio.gather(*(redeem(shop.engine, one) for one in asked)))

        return here
    racers = [await _racer(stack, url, redis, str(plan.folder)) for _ in range(2)]

    async def there(asked: list[dict[str, Any]]) -> list[str]:
        return list(await asyncio.gather(*(_told(racer, one) for racer, one in zip(racers, asked, strict=True))))

    return there


async def _racer(stack: AsyncExitStack, *words: str) -> asyncio.subprocess.Process:
    racer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.racer", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": PATHS},
    )
    stack.push_async_callback(racer.communicate, b"")
    assert racer.stdout is not None
    assert await racer.stdout.readline() == b"ready\n"
    return racer


async def _told(racer: asyncio.subprocess.Process, asked: dict[str, Any]) -> str:
    assert racer.stdin is not None
    assert racer.stdout is not None
    racer.stdin.write(json.dumps(asked).encode() + b"\n")
    return str(json.loads(await racer.stdout.readline()))


async def _rounds(plan: Plan, made: Outcome, shop: Shop, both: Both) -> None:
    kinds = {"points": _points, "coupon": _coupon, "limit": _limit}
    while made.times < plan.times and not plan.over:
        kind = list(kinds)[made.times % len(kinds)]
        sessions = await kinds[kind](shop)
        asked = [_asked(session, f"off_{kind}") for session in sessions]
        answers = await both(asked)
        assert sorted(answers) == ["decide-again", "paid"], (kind, answers)
        made.seen[f"{kind}: the {'first' if answers[0] == 'paid' else 'second'} won"] += 1
        await _settled(shop, sessions, answers)
        made.times += 1
        made.sales += 1
        plan.say(f"{made.times:,} of {plan.times:,} races")


def _asked(session: Session, offer_id: str) -> dict[str, Any]:
    assert session.decision is not None
    chosen = [offer.offer_id for offer in session.decision.offers]
    assert offer_id in chosen, f"{offer_id} is not shown: {chosen}"
    return {"session": session.session_id, "decision": session.decision_id, "total": session.decision.total}


async def _settled(shop: Shop, sessions: list[Session], answers: list[str]) -> None:
    """What was reached for is gone once; the loser leaves, and the winner brings it back: the limit has its use."""
    winner, loser = sessions if answers[0] == "paid" else sessions[::-1]
    if winner.identity is not None:
        assert await shop.balance(f"points:{winner.identity.customer_id}") < POINTS
    await shop.engine.stations.abandon(M, loser.session_id)
    paid = await shop.engine.stations.get(M, winner.session_id)
    assert await shop.balance("limit:off_limit:0:total:ever") in (0, 1)
    await shop.engine.checkout.refund(
        M, paid.sale_id or "", None, "the next round", key=f"back-{paid.sale_id}", by=SELLER
    )


async def _points(shop: Shop) -> list[Session]:
    """One customer with 50 points, at both counters, each wanting the reward."""
    customer = await shop.customer()
    move = ledger.Move(kind="points", debit="points", credit=f"points:{customer}", amount=POINTS, unit=ledger.POINTS)
    given = f"given:{customer}"
    await shop.sql.write(lambda: ledger.enter(M, given, [move], ids=shop.ids, at=_at(shop)))
    return [await _open(shop, station, customer, rewards=("off_points",)) for station in (STATION, OTHER_STATION)]


async def _coupon(shop: Shop) -> list[Session]:
    """One customer with one coupon, at both counters."""
    customer = await shop.customer()

    def give() -> Job[None]:
        yield Query(
            "insert into coupon (merchant_id, code, customer_id, offer_id, sale_id, expires_at) "
            "values (?, ?, ?, 'off_coupon', '', ?)",
            (M, shop.ids.secret(), customer, ENDLESS),
        )

    await shop.sql.write(give)
    return [await _open(shop, station, customer) for station in (STATION, OTHER_STATION)]


async def _limit(shop: Shop) -> list[Session]:
    """Two strangers with the same code."""
    return [await _open(shop, station, None, codes=("ONE",)) for station in (STATION, OTHER_STATION)]


async def _open(
    shop: Shop, station: str, customer: str | None, *, rewards: tuple[str, ...] = (), codes: tuple[str, ...] = ()
) -> Session:
    session = await shop.engine.stations.open(M, station, [])
    if customer is not None:
        session = await shop.identify(session, customer)
    entries = [BasketEntry(amount=2000)]
    return await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=rewards, codes=codes)


def _at(shop: Shop) -> int:
    return round(shop.clock.now() * 1_000_000)
