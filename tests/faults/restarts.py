"""Storage goes and comes back while tills sell: Valkey killed, Valkey flushed, PostgreSQL killed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from poi_engine.storage.redis import open_redis
from tests.faults.audit import audited
from tests.faults.crowd import Crowd
from tests.faults.place import Place, grounds
from tests.faults.plan import Outcome, Plan
from tests.servers import PostgresServer, ValkeyServer

Fault = Callable[[], Awaitable[None]]


async def valkey(plan: Plan, made: Outcome) -> None:
    """Valkey dies and comes back empty, or is emptied."""
    async with AsyncExitStack() as stack:
        server = ValkeyServer()
        stack.callback(server.remove)
        ground = await stack.enter_async_context(grounds(plan.folder, plan.storage))
        place = await ground.place(POI_STORAGE_REDIS=server.url)
        dice = random.Random(f"{plan.seed} valkey")

        async def killed() -> None:
            server.stop()
            await asyncio.sleep(dice.uniform(0, 0.5))
            server.start()

        async def flushed() -> None:
            sessions = open_redis(server.url)
            await sessions.forget_everything()
            await sessions.close()

        await _rounds(plan, made, place, {"Valkey killed": killed, "Valkey flushed": flushed})


async def postgresql(plan: Plan, made: Outcome) -> None:
    """PostgreSQL dies and comes back."""
    async with grounds(plan.folder, "postgresql") as ground:
        server: PostgresServer = ground.postgres
        dice = random.Random(f"{plan.seed} postgresql")

        async def killed() -> None:
            server.stop(immediately=True)
            await asyncio.sleep(dice.uniform(0, 0.5))
            server.start()  # here: it ends with the thread that started it

        await _rounds(plan, made, await ground.place(), {"PostgreSQL killed": killed})


async def _rounds(plan: Plan, made: Outcome, place: Place, faults: dict[str, Fault]) -> None:
    dice = random.Random(f"{plan.seed} rounds")
    assert await place.start()
    crowd = Crowd(place, str(plan.seed))
    try:
        while made.times < plan.times and not plan.over:
            stop = asyncio.Event()
            tills = crowd.serve(stop)
            await asyncio.wait([tills], timeout=dice.uniform(0.2, 1.2))
            name = dice.choice(list(faults))
            await faults[name]()
            made.seen[name] += 1
            stop.set()
            await tills
            async with place.sql() as sql:
                made.sales = await audited(sql, place.folder, crowd.book)
            made.times += 1
            plan.say(f"{made.times:,} of {plan.times:,} times, {made.sales:,} sales")
    finally:
        made.repeated = crowd.repeated
        made.seen.update(crowd.book.seen)
