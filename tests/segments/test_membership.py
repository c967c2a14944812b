"""Membership: at any midnight exactly who fits, whatever was sold, brought back, merged and erased before."""

import random
from collections import Counter
from datetime import date

import pytest

from poi_engine.errors import NotFound, RequestError
from poi_engine.ports import Sql
from poi_engine.segments.model import All, Bought, SegmentDraft
from poi_engine.segments.rows import members_at
from poi_offers import offer_conditions
from poi_offers.offer_conditions import Frequency, InSegment
from tests.segments.making import condition
from tests.segments.world import GOODS, OWNER, M, World, oracle


class Life:
    """Things that happen to a merchant's customers, at random."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.people: list[str] = []
        self.sold: list[tuple[str, str, str]] = []
        self.own: list[str] = []
        self.done: Counter[str] = Counter()

    async def step(self) -> None:
        """One of them."""
        happenings = (self.come, self.buy, self.buy, self.buy, self.buy, self.bring_back, self.be_merged)
        rarer = (self.go, self.object, self.be_tagged, self.write_segment, self.wait)
        happens = self.dice.choice(happenings if self.dice.random() < 0.7 else rarer)
        try:
            await happens()
        except (NotFound, RequestError) as error:  # merged or erased before
            assert error.code in ("not-found", "same-customer", "merged-elsewhere")
        else:
            self.done[happens.__name__] += 1

    async def come(self) -> None:
        """A new customer."""
        birthday = self.dice.choice((None, "2000-02-29", "1990-11-24", "1985-12-01"))

        born = date.fromisoformat(birthday) if birthday else None
        self.people.append(await self.world.add(f"P{len(self.people)}", birthday=born))

    async def buy(self) -> None:
        """A sale, at times under an id that was merged."""
        who = self.dice.choice(self.people)
        codes = self.dice.choices([code for code, *_ in GOODS], k=self.dice.choice((1, 1, 2)))
        sale_id = await self.world.sell(who, *codes, points=self.dice.choice((0, 0, 1, 12)))
        self.sold.append((sale_id, who, codes[0]))

    async def bring_back(self) -> None:
        """A refund."""
        if self.sold:
            sold = self.sold.pop(self.dice.randrange(len(self.sold)))
            if sold[2]:
                await self.world.refund(*sold)

    async def be_merged(self) -> None:
        """Two records turn out to be one person."""
        if len(self.people) > 6:
            one, other = self.dice.sample(self.people, 2)
            await self.world.merge(one, other)

    async def go(self) -> None:
        """Be erased."""
        if len(self.people) > 6 and self.dice.random() < 0.4:
            await self.world.customers.erase(M, self.dice.choice(self.people), by=OWNER)

    async def object(self) -> None:
        """Give one's word, or take it back."""
        await self.world.objects(self.dice.choice(self.people), self.dice.random() < 0.5)

    async def be_tagged(self) -> None:
        """A word given by hand, among them some that nobody gives by hand."""
        words = tuple(self.dice.sample(("vip", "press", "rfm:champions", "coupon:off_1"), self.dice.choice((0, 1, 2))))
        await self.world.customers.update(M, self.dice.choice(self.people), segments=words)

    async def write_segment(self) -> None:
        """A new segment, another meaning for an old one, or one less."""
        draft = SegmentDraft(name={"en": "S"}, conditions=condition(self.dice))
        service = self.world.segments
        if len(self.own) < 4:
            self.own.append((await service.create(M, draft, by=OWNER)).segment_id)
        elif self.dice.random() < 0.7:
            await service.replace(M, self.dice.choice(self.own), draft, by=OWNER)
        else:
            await service.remove(M, self.own.pop(), by=OWNER)

    async def wait(self) -> None:
        """Hours or weeks."""
        self.world.clock.forward(self.dice.choice((3600, 86_400, 10 * 86_400, 40 * 86_400)))


@pytest.mark.parametrize("seed", range(3))
async def test_at_midnight_the_members_are_exactly_who_fits(sql: Sql, seed: int) -> None:
    world = await World(sql).begin()
    life = Life(world, seed)
    for _ in range(3):
        await life.come()
    sizes: list[int] = []
    for _ in range(5):
        for _ in range(25):
            await life.step()
            if life.dice.random() < 0.1:
                await world.segments.settle(M)
        await world.midnight()
        await world.segments.settle(M)
        expected = await oracle(world)
        assert await world.members() == expected
        sizes += [len(members) for members in expected.values()]
    assert max(sizes) > 2
    assert min(life.done[name] for name in ("buy", "bring_back", "be_merged", "write_segment", "wait")) > 0, life.done


async def test_a_sale_is_followed_at_once(sql: Sql) -> None:
    world = await World(sql).begin()
    twice = await world.own(Frequency(min=2))
    pastry = await world.own(Bought(categories=("food",), days=30))
    ada = await world.add()
    await world.segments.settle(M)
    assert await world.members() == {}
    await world.sell(ada, "eclair")
    await world.segments.settle(M)
    assert await world.members() == {pastry: {ada}, "rfm:new": {ada}}
    await world.sell(ada, "cafe")
    await world.segments.settle(M)
    assert (await world.members())[twice] == {ada}
    facts = await world.customers.facts(M, ada, world.at)
    assert set(facts.segments) >= {twice, pastry}


async def test_time_alone_moves_customers_at_the_merchants_midnight(sql: Sql) -> None:
    world = await World(sql).begin()
    gone = await world.own(offer_conditions.Recency(min_days=2))
    born = await world.own(offer_conditions.Birthday())

    ada = await world.add(birthday=date(1990, 11, 24))
    await world.sell(ada, "eclair")
    await world.segments.settle(M)  # 22 November, 14:00 in Paris
    await world.midnight()
    await world.segments.settle(M)
    assert not {gone, born} & (await world.members()).keys()
    world.clock.forward(23 * 3600)  # 23:01 in Paris, where it is the 23rd still
    await world.segments.settle(M)
    assert not {gone, born} & (await world.members()).keys()
    await world.midnight()
    await world.segments.settle(M)
    assert {gone, born} <= (await world.members()).keys()
    await world.midnight()
    await world.segments.settle(M)
    assert born not in await world.members()


async def test_who_was_in_at_a_moment_stays_known(sql: Sql) -> None:

    world = await World(sql).begin()
    twice = await world.own(Frequency(min=1, days=7))
    ada, bob = await world.add("Ada"), await world.add("Bob")
    before = world.at
    await world.sell(ada, "eclair")
    await world.segments.settle(M)
    inside = world.at
    await world.midnight(9)
    await world.sell(bob, "eclair")
    await world.segments.settle(M)
    now = world.at
    found = [await sql.read(lambda at=at: members_at(M, [twice], at)) for at in (before, inside, now)]  # type: ignore[misc]
    assert found == [set(), {ada}, {bob}]


async def test_erased_and_merged_customers_leave(sql: Sql) -> None:
    world = await World(sql).begin()
    everybody = await world.own(All(of=()))
    ada, bob, eve = [await world.add(name) for name in ("Ada", "Bob", "Eve")]
    for one in (ada, bob, eve):
        await world.sell(one, "tarte")
    await world.segments.settle(M)
    assert (await world.members())[everybody] == {ada, bob, eve}
    await world.customers.erase(M, eve, by=OWNER)
    await world.merge(ada, bob)
    assert (await world.members())[everybody] == {ada}, "at once"
    await world.midnight()
    await world.segments.settle(M)
    assert await world.members() == await oracle(world)
    kept = await world.rows("select customer_id from bought union select customer_id from segment_past")
    assert {row["customer_id"] for row in kept} <= {ada, bob}


async def test_who_objects_is_in_no_segment_until_they_agree_again(sql: Sql) -> None:
    world = await World(sql).begin()
    everybody = await world.own(All(of=()))
    ada = await world.add()
    await world.objects(ada, True)
    await world.sell(ada, "eclair")
    await world.segments.settle(M)
    assert await world.members() == {}
    await world.objects(ada, False)
    await world.segments.settle(M)
    assert (await world.members())[everybody] == {ada}


async def test_words_that_only_the_program_gives_cannot_be_given_by_hand(sql: Sql) -> None:
    world = await World(sql).begin()
    ada = await world.add(segments=("vip", "rfm:champions", "coupon:off_1", "seg_1"))
    assert (await world.customers.facts(M, ada, world.at)).segments == ("vip",)


async def test_a_segment_of_a_segment_is_built_in_ones_only(sql: Sql) -> None:
    world = await World(sql).begin()
    for word in ("seg_06d", "coupon:off_1"):
        with pytest.raises(RequestError) as refused:
            await world.own(All(of=(InSegment(any_of=("rfm:new", word)),)))
        assert (refused.value.code, refused.value.path) == ("segment-of-segments", "$.conditions.of[0].any_of[1]")
