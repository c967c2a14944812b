"""Several processes, crashes in the middle, and two persons at once: membership ends where it should."""

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

import pytest

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.errors import RequestError, StorageError
from poi_engine.ports import Job, Sql
from poi_engine.segments.model import Bought, SegmentDraft
from poi_engine.segments.rounds import LEASE
from poi_engine.storage import open_sql
from poi_offers.model import Offer
from poi_offers.offer_conditions import Frequency, InSegment, Recency
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import Seen
from tests.segments.world import OWNER, M, World, oracle

T = TypeVar("T")


class Breaking:
    """Storage that goes away after so many transactions."""

    def __init__(self, sql: Sql, left: int) -> None:
        self._sql = sql
        self.left = left

    def _count(self) -> None:
        if self.left == 0:
            raise StorageError("sql-away", "The power is out.")
        self.left -= 1

    async def read(self, job: Callable[[], Job[T]]) -> T:
        self._count()
        return await self._sql.read(job)

    async def write(self, job: Callable[[], Job[T]]) -> T:
        self._count()
        return await self._sql.write(job)


async def crowd(world: World, count: int, seed: int) -> list[str]:
    """Customers with some history."""
    dice = random.Random(seed)
    people = [await world.add(f"P{number}") for number in range(count)]
    for _ in range(count * 2):
        await world.sell(dice.choice(people), dice.choice(("eclair", "cafe")))
        world.clock.forward(dice.choice((60, 86_400)))
    return people


async def test_two_processes_that_sell_and_judge_at_once_agree_with_the_oracle(sql: Sql) -> None:
    first = await World(sql).begin()
    second = World(sql, first.clock)
    await first.own(Frequency(min=2, days=30))
    people = await crowd(first, 6, 1)
    dice = random.Random(2)

    async def sell(world: World) -> None:
        for _ in range(12):
            await world.sell(dice.choice(people), dice.choice(("eclair", "tarte")))

    async def judge(world: World) -> None:
        for _ in range(6):
            await world.segments.settle(M)
            await asyncio.sleep(0)

    await first.midnight()
    await asyncio.gather(sell(first), sell(second), judge(first), judge(second))
    await first.midnight()
    await asyncio.gather(first.segments.settle(M), second.segments.settle(M))
    first.clock.forward(LEASE // 1_000_000 + 1)
    await second.segments.settle(M)
    assert await first.members() == await oracle(first)


@pytest.mark.parametrize("left", [*range(1, 24, 2), 30, 50])
async def test_a_crash_at_any_step_of_a_night_is_made_good(sqlite_url: str, left: int) -> None:

    sql = open_sql(sqlite_url)
    try:
        world = await World(sql).begin()
        await crowd(world, 5, 3)
        await world.segments.settle(M)
        for conditions in (Recency(min_days=1), Bought(products=("eclair",), days=2)):
            await world.segments.create(M, SegmentDraft(name={"en": "S"}, conditions=conditions), by=OWNER)
        await world.midnight(2)
        broken = World(Breaking(sql, left), world.clock)
        try:
            await broken.segments.settle(M)
        except StorageError:
            assert broken.sql.left == 0  # type: ignore[attr-defined]
        again = World(sql, world.clock)
        await again.segments.settle(M)
        world.clock.forward(LEASE // 1_000_000 + 1)
        await again.segments.settle(M)
        assert await world.members() == await oracle(world)
        states = {item.state for item in (await again.segments.list(M)).items}
        assert states == {"ready"}
        assert await world.rows("select * from segment_due") == []
    finally:
        await sql.close()


async def test_a_night_is_one_processs(sql: Sql) -> None:
    first = await World(sql).begin()
    second = World(sql, first.clock)
    await crowd(first, 4, 5)
    held = asyncio.Event()
    go_on = asyncio.Event()

    class Waiting:
        """Storage that lets another process try in the middle of the round."""

        async def read(self, job: Callable[[], Job[T]]) -> T:
            if held.is_set() and not go_on.is_set():
                await go_on.wait()
            return await sql.read(job)

        async def write(self, job: Callable[[], Job[T]]) -> T:
            done = await sql.write(job)
            held.set()
            return done

    slow = World(Waiting(), first.clock)
    night = asyncio.create_task(slow.segments.settle(M))
    await held.wait()  # it has the lease
    before = await first.rows("select runner from segment_round")
    await second.segments.settle(M)
    assert await first.rows("select runner from segment_round") == before
    assert (await second.segments.list(M)).judged_day is None
    go_on.set()
    await night
    assert (await second.segments.list(M)).judged_day is not None
    assert await first.members() == await oracle(first)


async def test_a_segment_is_not_removed_while_an_offer_for_it_is_made(sql: Sql) -> None:
    world = await World(sql).begin()
    book = OfferBook(sql, Seen(), world.clock)
    outcomes = set()
    for number in range(12):
        segment_id = (await world.segments.create(M, SegmentDraft(name={"en": "S"}), by=OWNER)).segment_id
        offer = Offer(
            offer_id=f"off_{number}",
            name={"en": "For them"},
            currency="EUR",
            effects=(AmountOff(amount=100),),
            conditions=InSegment(any_of=(segment_id,)),
        )
        tasks = [book.create(M, offer), world.segments.remove(M, segment_id, by=OWNER)]
        made, removed = await asyncio.gather(*(tasks if number % 2 else tasks[::-1]), return_exceptions=True)
        if not number % 2:
            made, removed = removed, made
        refused = [one.code for one in (made, removed) if isinstance(one, RequestError)]
        assert refused in (["segment-unknown"], ["segment-used"])
        outcomes.add(refused[0])
    await book.close()
    assert outcomes
