"""Cut, delay, lose, double and overtake on every connection: tills to server, server to PostgreSQL, server to Valkey.

Bytes of a stream are neither doubled nor reordered: TCP does neither. Whole requests are, between tills and server.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

from tests.adversity.http_proxy import between_requests, by_seed
from tests.adversity.proxy import Proxy, between
from tests.faults.audit import audited
from tests.faults.crowd import Crowd
from tests.faults.place import Grounds, Place, grounds
from tests.faults.plan import Outcome, Plan
from tests.servers import ValkeyServer

ROUND_SECONDS = 1.5
"""How long a wire is bad before everything is compared."""


async def requests(plan: Plan, made: Outcome) -> None:
    """The tills' requests are lost, doubled, cut, and overtake each other."""
    async with grounds(plan.folder, plan.storage) as ground:
        place = await ground.place()
        assert await place.start()
        async with between_requests(place.port, by_seed(random.Random(f"{plan.seed} wire"))) as proxy:
            await _rounds(plan, made, place, Crowd(place, str(plan.seed), base_url=proxy.base_url), _nothing)
        made.seen.update({f"a request {fate}": often for fate, often in proxy.met.items()})


async def valkey(plan: Plan, made: Outcome) -> None:
    """The wire between server and Valkey."""
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(grounds(plan.folder, plan.storage))
        server = ValkeyServer(tcp=True)
        stack.callback(server.remove)
        wire = await stack.enter_async_context(between(server.port))
        place = await ground.place(POI_STORAGE_REDIS=f"redis://127.0.0.1:{wire.port}")
        await _over(plan, made, place, wire)


async def postgresql(plan: Plan, made: Outcome) -> None:
    """The wire between server and PostgreSQL."""
    async with AsyncExitStack() as stack:
        ground: Grounds = await stack.enter_async_context(grounds(plan.folder, "postgresql"))
        wire = await stack.enter_async_context(between(ground.postgres.port))
        place = await ground.place()
        name = place.url.partition("@/")[2].partition("?")[0]
        url = f"postgresql://poi:{ground.postgres.password}@127.0.0.1:{wire.port}/{name}?sslmode=disable"
        await _over(plan, made, place.reaching(url), wire)


async def _over(plan: Plan, made: Outcome, place: Place, wire: Proxy) -> None:
    assert await place.start()
    try:
        dice = random.Random(f"{plan.seed} wire")
        await _rounds(plan, made, place, Crowd(place, str(plan.seed)), lambda: _trouble(wire, dice, made))
    finally:
        await place.end()


async def _rounds(
    plan: Plan, made: Outcome, place: Place, crowd: Crowd, trouble: Callable[[], "asyncio.Future[None]"]
) -> None:
    """Tills serve while there is trouble; then all is well, everything is brought to its end, and compared."""
    try:
        while made.times < plan.times and not plan.over:
            stop = asyncio.Event()
            tills = crowd.serve(stop)
            troubled = trouble()
            await asyncio.wait([tills], timeout=ROUND_SECONDS)
            troubled.cancel()
            with suppress(asyncio.CancelledError):
                await troubled
            stop.set()
            await tills
            async with place.sql() as sql:
                made.sales = await audited(sql, place.folder, crowd.book)
            made.times += 1
            plan.say(f"{made.times:,} of {plan.times:,} rounds, {made.sales:,} sales")
    finally:
        made.repeated = crowd.repeated
        made.seen.update(crowd.book.seen)


def _nothing() -> "asyncio.Future[None]":
    return asyncio.ensure_future(asyncio.sleep(0))


def _trouble(wire: Proxy, dice: random.Random, made: Outcome) -> "asyncio.Future[None]":
    return asyncio.ensure_future(_weather(wire, dice, made))


async def _weather(wire: Proxy, dice: random.Random, made: Outcome) -> None:
    """One fault after the other, with calm in between."""
    faults: dict[str, Callable[[], None]] = {
        "cut": wire.cut,
        "half-closed": wire.half_close,
        "slow": lambda: setattr(wire, "delay", dice.uniform(0.005, 0.05)),
        "deaf": lambda: setattr(wire, "deaf", True),
        "cut after some bytes": lambda: wire.cut_after(dice.randrange(1, 4000)),
    }
    try:
        while True:
            name = dice.choice(list(faults))
            made.seen[f"the wire is {name}"] += 1
            faults[name]()
            await asyncio.sleep(dice.uniform(0.05, 0.4))
            wire.cut()  # what was swallowed never comes: the connection is of no more use
            wire.mend()
            await asyncio.sleep(dice.uniform(0.05, 0.4))
    finally:
        wire.cut()
        wire.mend()
