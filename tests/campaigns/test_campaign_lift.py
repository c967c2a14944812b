"""A campaign's lift from sales that the counter made: an effect planted in them is found, of few nothing is said."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from poi_engine.campaigns.model import CampaignOffer
from poi_engine.errors import Conflict, NotFound
from poi_engine.segments.lift import Sample, lift
from poi_offers.holdout import chance_of
from poi_offers.offer_conditions import All, InSegment
from poi_offers.offer_effects import PointsFixed
from tests.campaigns.writing import draft
from tests.engine.shop import SELLER, START, M, Shop

pytestmark = pytest.mark.valkey

HELD_OUT = 5000
PLANTED = 0.08
TODAY = datetime.fromtimestamp(START, UTC).date()
OFFERS = (PointsFixed(points=20), PointsFixed(points=30))
"""They take no money off: what a customer spends is what the test planted."""


async def planted(shop: Shop, customers: int) -> tuple[str, dict[str, int]]:
    """Customers who come once, after the campaign's start; whoever gets an offer of it spends 8 % more.

    Both groups would usually spend alike, so that the lot, which is another each time, moves no mean.
    """
    seen = Counter[bool]()
    people = [await shop.customer(f"Customer {n}") for n in range(customers)]
    book = shop.engine.campaigns
    made = await book.create(M, draft(*OFFERS, holdout=HELD_OUT), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    spent = {}
    for customer_id in people:
        without = chance_of(made.campaign_id, customer_id) < HELD_OUT
        usual = 850 + 37 * seen[without] % 300
        seen[without] += 1
        amount = usual if without else round(usual * (1 + PLANTED))
        session = await shop.sell(amount, means="cash", customer_id=customer_id)
        assert session.decision is not None
        assert len(session.decision.offers) == (0 if without else 2), "who is held out of one is held out of all"
        spent[customer_id] = amount
    return made.campaign_id, spent


async def test_an_effect_of_8_percent_is_found_in_the_counters_sales(shop: Shop) -> None:
    campaign_id, spent = await planted(shop, 300)
    found = await shop.engine.campaign_lifts.read(M, campaign_id)
    groups: tuple[list[int], list[int]] = ([], [])
    for customer_id, amount in spent.items():
        groups[chance_of(campaign_id, customer_id) < HELD_OUT].append(amount)
    assert found.spend == lift(*map(Sample.of, groups))
    assert found.spend.low is not None and found.spend.high is not None
    assert 0 < found.spend.low < PLANTED < found.spend.high
    assert (found.spend.enough, found.spend.significant) == (True, True)
    assert not found.visits.significant, "they came as often"
    assert [(one.name["en"], one.spend) for one in found.offers] == [("Offer 0", None), ("Offer 1", None)]
    assert (found.first, found.last, found.provisional) == (TODAY, TODAY, True)


async def test_of_50_customers_it_says_that_there_is_not_enough_data(shop: Shop) -> None:
    campaign_id, _ = await planted(shop, 50)
    found = (await shop.engine.campaign_lifts.read(M, campaign_id)).spend
    assert found.treated + found.held_out == 50
    assert (found.enough, found.effect, found.low) == (False, None, None)
    assert found.needed is not None and found.needed > 50


async def test_the_audience_is_everybodys_who_may_have_one_of_its_offers(shop: Shop) -> None:
    """Of an offer for fewer there is a figure of its own; its customers are among the campaign's."""
    ada, bob, _ = [await shop.customer(name) for name in ("Ada", "Bob", "Cleo")]
    for customer_id in (ada, bob):
        await shop.sell(1000, customer_id=customer_id)
    for _ in range(3):
        await shop.sell(1000, customer_id=ada)
    await shop.engine.segments.settle(M)
    narrow = CampaignOffer(
        name={"en": "New only"}, effects=OFFERS[:1], conditions=All(of=(InSegment(any_of=("rfm:new",)),))
    )
    wide = CampaignOffer(name={"en": "All"}, effects=OFFERS[1:])
    book = shop.engine.campaigns
    made = await book.create(M, draft(offers=(narrow, wide), holdout=HELD_OUT), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    found = await shop.engine.campaign_lifts.read(M, made.campaign_id)
    assert found.spend.treated + found.spend.held_out == 3
    new, everybody = found.offers
    assert new.spend is not None and new.spend.treated + new.spend.held_out == 1
    assert everybody.spend is None, "the same customers as the whole campaign's"


async def test_it_is_measured_from_its_start_to_its_end(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.create(M, draft(holdout=HELD_OUT), by=SELLER)
    with pytest.raises(Conflict, match="not begun"):
        await shop.engine.campaign_lifts.read(M, made.campaign_id)
    await book.start(M, made.campaign_id, by=SELLER)
    shop.clock.forward(40 * 86_400)
    assert (await shop.engine.campaign_lifts.read(M, made.campaign_id)).last == TODAY + timedelta(days=40)
    await book.stop(M, made.campaign_id, by=SELLER)
    shop.clock.forward(9 * 86_400)
    found = await shop.engine.campaign_lifts.read(M, made.campaign_id)
    assert (found.first, found.last, found.provisional) == (TODAY, TODAY + timedelta(days=40), False)


async def test_what_cannot_be_measured_is_said(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.start(M, (await book.create(M, draft(), by=SELLER)).campaign_id, by=SELLER)
    with pytest.raises(Conflict, match="Nobody is held out"):
        await shop.engine.campaign_lifts.read(M, made.campaign_id)
    with pytest.raises(NotFound):
        await shop.engine.campaign_lifts.read(M, "cmp_none")
