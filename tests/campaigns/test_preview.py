"""A preview says what a plain replay of the past sales says: with the campaign's offers, less without them."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.campaigns.model import CampaignDraft, CampaignOffer, offers_of
from poi_engine.campaigns.preview import Preview, Previews, Progress
from poi_engine.catalogue.past import Days, past_baskets
from poi_engine.errors import RequestError
from poi_engine.ports import Job, Query
from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_conditions import Spend
from poi_offers.offer_effects import AmountOff, Effect, PercentOff
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_server.replay.requests import Question
from poi_server.replay.run import Replay
from tests.campaigns.writing import TEN, draft
from tests.engine.shop import SELLER, START, STATION, M, Shop

pytestmark = pytest.mark.valkey

DAY = 86_400.0
LIVE = (
    Offer(
        offer_id="off_live",
        name={"en": "Live"},
        currency="EUR",
        effects=(AmountOff(amount=120),),
        conditions=Spend(min=1),
        limits=(Limit(of="uses", cap=4),),
    ),
    Offer(
        offer_id="off_alone",
        name={"en": "Alone"},
        currency="EUR",
        effects=(PercentOff(percent=700),),
        stacking=Stacking(exclusive=True),
    ),
)
CUSTOMERS = 4


async def past(shop: Shop, dice: random.Random, sales: int) -> Days:
    """So many sales of some weeks, some to known customers; answers their period."""
    people = [*[await shop.customer(f"Customer {n}") for n in range(CUSTOMERS)], None, None]
    first = datetime.fromtimestamp(shop.clock.seconds, UTC).date()
    for _ in range(sales):
        shop.clock.forward(dice.choice((600.0, 0.4 * DAY, DAY, 3 * DAY)))
        entries = [BasketEntry(code=dice.choice(("eclair", "tarte", "cafe")), quantity=dice.choice((1000, 2000)))]
        entries += [BasketEntry(amount=dice.randrange(50, 4000))] * dice.randrange(2)
        session = await shop.engine.stations.open(M, STATION, entries)
        customer_id = dice.choice(people)
        if customer_id is not None:
            session = await shop.identify(session, customer_id)
        await shop.pay(await shop.accept(session), "cash")
    return Days(first, datetime.fromtimestamp(shop.clock.seconds, UTC).date() + timedelta(days=1))


async def tried(shop: Shop, asked: CampaignDraft, days: Days, most: int = 5000) -> tuple[Preview, list[Progress]]:
    """The preview, and the progress that was told before."""
    previews = Previews(shop.sql, shop.engine.offers, most)
    await previews.check(M, asked, days)
    steps = [step async for step in previews.run(M, "cmp_x", asked, days)]
    assert isinstance(steps[-1], Preview)
    return steps[-1], [step for step in steps if isinstance(step, Progress)]


def any_draft(dice: random.Random) -> CampaignDraft:
    """One or two offers of any kind that matters here, with or without limits and holdout."""
    effects: list[Effect] = [
        TEN,
        PercentOff(percent=5000, on="line", items=Selector(categories=("food/pastry",))),
        AmountOff(amount=300),
    ]
    limits = dice.choice(
        (
            (),
            (Limit(of="uses", cap=3),),
            (Limit(of="uses", cap=1, per="customer", period="week"),),
            (Limit(of="money", cap=900, period="day"), Limit(of="uses", cap=2, per="store", period="week")),
        )
    )
    offers = tuple(
        CampaignOffer(
            name={"en": "One"}, effects=(effect,), stacking=Stacking(exclusive=dice.random() < 0.3, priority=place)
        )
        for place, effect in enumerate(dice.sample(effects, dice.choice((1, 2))))
    )
    return CampaignDraft(name="Any", offers=offers, limits=limits, holdout=dice.choice((0, 0, 4000)))


@pytest.mark.parametrize("seed", range(4))
async def test_a_preview_equals_a_plain_replay(shop: Shop, seed: int) -> None:
    dice = random.Random(seed)
    for offer in LIVE:
        await shop.engine.offers.create(M, offer)
    days = await past(shop, dice, 24)
    baskets = [one async for one in past_baskets(shop.sql, days)]
    costs = set()
    for _ in range(6):
        asked = any_draft(dice)
        offers = offers_of("cmp_x", asked, "EUR", dated=False)
        without, beside = Replay(LIVE, Policy()), Replay((*LIVE, *offers), Policy())
        cost, touched, customers = 0, 0, set()
        weeks: dict[date, int] = defaultdict(int)
        for basket in baskets:
            before, after = (side.decide(Question(basket, None)) for side in (without, beside))
            hit = bool({offer.offer_id for offer in offers} & {chosen.offer_id for chosen in after.offers})
            cost += after.saved - before.saved
            touched += hit
            customers |= {basket.customer.customer_id} if hit and basket.customer else set()
            day = basket.at.astimezone(ZoneInfo("Europe/Paris")).date()
            weeks[day - timedelta(days=day.weekday())] += after.saved - before.saved
        preview, progress = await tried(shop, asked, days)
        assert (preview.cost, preview.baskets, preview.customers) == (cost, touched, len(customers))
        assert {week.monday: week.cost for week in preview.weeks} == dict(weeks)
        assert sum(week.touched for week in preview.weeks) == preview.baskets
        assert (preview.sales, preview.replayed, preview.sampled) == (24, 24, False)
        assert [step.done for step in progress] == sorted(step.done for step in progress)
        costs.add(cost)
    assert len(costs) > 2, "the drafts should differ in what they cost"


async def test_the_audience_is_todays(shop: Shop) -> None:
    days = await past(shop, random.Random(9), 20)
    members = [
        str(row["customer_id"]) for row in await shop.rows("select customer_id from customer order by 1 limit 2")
    ]

    def join() -> Job[None]:
        for customer_id in members:
            yield Query(
                "insert into segment_member (merchant_id, segment_id, customer_id, since) values (?, 'rfm:new', ?, 0)",
                (M, customer_id),
            )

    nobody, _ = await tried(shop, draft(audience=("rfm:loyal",)), days)
    assert (nobody.baskets, nobody.customers, nobody.cost) == (0, 0, 0)
    await shop.sql.write(join)
    some, _ = await tried(shop, draft(audience=("rfm:new",)), days)
    bought = await shop.rows("select distinct customer_id from sale where customer_id in (?, ?)", members)
    assert some.customers == len(bought) > 0
    assert some.anonymous == 0


async def test_the_campaigns_own_days_do_not_hide_the_past(shop: Shop) -> None:
    days = await past(shop, random.Random(1), 5)
    preview, _ = await tried(shop, draft(first=days.last + timedelta(days=30)), days)
    assert preview.baskets == 5
    assert preview.anonymous + preview.customers > 0


async def test_of_many_sales_a_share_of_the_customers_is_taken(shop: Shop) -> None:
    days = await past(shop, random.Random(2), 40)
    full, _ = await tried(shop, draft(), days)
    sample, _ = await tried(shop, draft(), days, most=12)
    assert (sample.weight, sample.sampled, sample.sales) == (4, True, 40)
    assert 0 < sample.replayed < 40
    assert sample.baskets == sample.replayed * 4
    assert full.baskets == full.replayed == 40


async def test_who_stops_listening_stops_the_work_and_the_next_has_its_turn(shop: Shop) -> None:
    days = await past(shop, random.Random(3), 5)
    previews = shop.engine.previews
    run = previews.run(M, "cmp_x", draft(), days)
    async for step in run:
        assert isinstance(step, Progress)
        if step.of:
            break
    await run.aclose()
    assert [type(step) async for step in previews.run(M, "cmp_x", draft(), days)][-1] is Preview


async def test_a_running_campaign_is_not_tried_beside_itself(shop: Shop) -> None:
    made = await shop.engine.campaigns.create(M, draft(), by=SELLER)
    days = await past(shop, random.Random(4), 5)
    await shop.engine.campaigns.start(M, made.campaign_id, by=SELLER)
    steps = [step async for step in shop.engine.previews.run(M, made.campaign_id, draft(), days)]
    assert isinstance(steps[-1], Preview)
    assert steps[-1].baskets == 5


async def test_no_period_beyond_a_year(shop: Shop) -> None:
    today = datetime.fromtimestamp(START, UTC).date()
    for first in (today - timedelta(days=400), today + timedelta(days=1)):
        with pytest.raises(RequestError, match="days apart"):
            await shop.engine.previews.check(M, draft(), Days(first, today))
