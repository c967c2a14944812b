"""An offer's lift from the rows: the audience as it was when the offer began, and what they did since."""

import random
from datetime import date, timedelta

import pytest

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Sql
from poi_engine.segments.lift import Sample, lift
from poi_engine.segments.lift_reader import Lifts
from poi_offers.holdout import held_out
from poi_offers.model import Offer
from poi_offers.offer_conditions import All, Condition, Frequency, InSegment
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import Seen
from tests.segments.world import OWNER, M, World

TODAY = date(2026, 11, 22)
EVERYBODY = All(of=())


async def offer(world: World, conditions: Condition = EVERYBODY, offer_id: str = "off_1", holdout: int = 3000) -> Offer:
    """An offer from now on."""
    made = Offer(
        offer_id=offer_id,
        name={"en": "Ten off"},
        currency="EUR",
        effects=(AmountOff(amount=10),),
        conditions=conditions,
        holdout=holdout,
    )
    book = OfferBook(world.sql, Seen(), world.clock)
    await book.create(M, made)
    await book.close()
    return made


async def test_what_each_did_since_the_offer_began_is_compared(sql: Sql) -> None:
    world, dice = await World(sql).begin(), random.Random(3)
    people = [await world.add(f"P{number}") for number in range(30)]
    for one in people:
        await world.sell(one, "tarte")  # before the offer
    world.clock.forward(60)
    made = await offer(world)
    late = await world.add("Late")
    spend, visits = dict.fromkeys(people, 0), dict.fromkeys(people, 0)
    for _ in range(60):
        world.clock.forward(dice.choice((60, 40_000)))
        one = dice.choice([*people, late])
        sale_id = await world.sell(one, "eclair", "cafe")
        back = dice.random() < 0.2
        if back:
            await world.refund(sale_id, one, "cafe")
        if one != late:
            spend[one] += 570 - 220 * back
            visits[one] += 1
    one, other = people[:2]
    await world.merge(one, other)
    spend[one], visits[one] = spend[one] + spend.pop(other), visits[one] + visits.pop(other)
    await world.customers.erase(M, people[2], by=OWNER)
    del spend[people[2]], visits[people[2]]
    last = TODAY + timedelta(days=60)
    found = await Lifts(sql, world.clock).of_offer(M, "off_1", TODAY, last)
    for told, did in ((found.spend, spend), (found.visits, visits)):
        treated = Sample.of(value for who, value in did.items() if not held_out(made, who))
        without = Sample.of(value for who, value in did.items() if held_out(made, who))
        assert told == lift(treated, without)
        assert without.customers > 2
    assert (found.provisional, found.audience) == (True, ())


async def test_the_audience_is_who_was_in_the_segment_when_the_offer_began(sql: Sql) -> None:
    world = await World(sql).begin()
    lately = await world.own(Frequency(min=1, days=7))
    ada, bob = await world.add("Ada"), await world.add("Bob")
    await world.sell(ada, "eclair")
    await world.segments.settle(M)
    await offer(world, All(of=(InSegment(any_of=(lately,)), InSegment(none_of=("vip",)))))
    world.clock.forward(9 * 86_400)
    await world.sell(bob, "eclair")
    await world.segments.settle(M)
    assert (await world.members())[lately] == {bob}
    found = await Lifts(sql, world.clock).of_offer(M, "off_1", TODAY, TODAY + timedelta(days=9))
    assert found.audience == (lately,)
    assert found.spend.treated + found.spend.held_out == 1, "Ada, who came in since then is none of it"


async def test_only_the_asked_days_count(sql: Sql) -> None:
    world = await World(sql).begin()
    ada = await world.add("Ada")
    await offer(world)
    await world.sell(ada, "eclair")
    await world.midnight(3)
    await world.sell(ada, "tarte")
    lifts = Lifts(sql, world.clock)
    means = []
    for first, last in ((0, 2), (3, 3), (0, 9)):
        found = await lifts.of_offer(M, "off_1", TODAY + timedelta(days=first), TODAY + timedelta(days=last))
        means.append(found.spend.treated_mean + found.spend.held_out_mean)
    assert means == [350, 1890, 2240]
    assert not (await lifts.of_offer(M, "off_1", TODAY, TODAY + timedelta(days=2))).provisional


async def test_what_cannot_be_measured_is_said(sql: Sql) -> None:
    world = await World(sql).begin()
    await offer(world, holdout=0)
    lifts = Lifts(sql, world.clock)
    with pytest.raises(Conflict, match="Nobody is held out"):
        await lifts.of_offer(M, "off_1")
    with pytest.raises(NotFound):
        await lifts.of_offer(M, "off_2")
    for first, last in ((date(1, 1, 1), None), (TODAY, TODAY - timedelta(days=1)), (date(2020, 1, 1), TODAY)):
        with pytest.raises(RequestError) as refused:
            await lifts.of_offer(M, "off_1", first, last)
        assert (refused.value.code, refused.value.path) == ("bad-period", "$.first")
