"""Campaigns from draft to end: the moves, the offers they make, the counters, and one process that does it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from poi_engine.campaigns.model import MOVES, Act, CampaignDraft, CampaignOffer, State, after, begins, ends
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_offers.model import Limit
from poi_offers.offer_conditions import Code, InSegment, Recurrence
from poi_offers.offer_effects import AmountOff, Message, PercentOff
from poi_offers.storetime import zone
from tests.campaigns.writing import TEN, draft
from tests.engine.shop import SELLER, START, M, Shop

TODAY = datetime.fromtimestamp(START, UTC).date()
DAY = 86_400.0


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("act", get_args(Act))
def test_what_is_not_in_the_table_of_moves_is_refused(state: State, act: Act) -> None:
    if (state, act) in MOVES:
        assert after(state, act) == MOVES[state, act]
    else:
        with pytest.raises(Conflict, match=state):
            after(state, act)


def test_nothing_leads_out_of_removed_and_every_state_is_reached() -> None:
    assert not [move for move in MOVES if move[0] == "removed"]
    assert {"draft", *MOVES.values()} == set(get_args(State))


def test_a_period_begins_in_the_first_store_and_ends_in_the_last() -> None:
    zones = [zone("Europe/Paris"), zone("Pacific/Apia"), zone("America/New_York")]
    one = draft(first=date(2026, 12, 1), last=date(2026, 12, 1))
    assert begins(one, zones) == datetime(2026, 11, 30, 11, tzinfo=UTC)  # Apia is 13 hours ahead
    assert ends(one, zones) == datetime(2026, 12, 2, 5, tzinfo=UTC)  # New York 5 behind
    assert begins(draft(), zones) is ends(draft(), zones) is None


@pytest.mark.valkey
async def test_a_campaign_starts_counts_and_stops(shop: Shop) -> None:
    book, ada = shop.engine.campaigns, await shop.customer()
    made = await book.create(M, draft(limits=(Limit(of="uses", cap=3),)), by=SELLER)
    assert made.state == "draft"
    assert (await shop.sell(1000)).decision.total == 1000
    started = await book.start(M, made.campaign_id, by=SELLER)
    assert (started.state, started.offer_ids) == ("live", (f"{made.campaign_id}.1",))
    for customer_id in (ada, ada, None):
        session = await shop.sell(1000, customer_id=customer_id)
        assert session.decision is not None and session.decision.total == 900
    counters = await shop.engine.counters.read(M, made.campaign_id)
    assert (counters.uses, counters.saved, counters.customers) == (3, 300, 1)
    assert (counters.baskets, counters.revenue, counters.left[0].left) == (3, 2700, 0)
    assert (await shop.sell(1000)).decision.total == 1000  # the limit is used up
    stopped = await book.stop(M, made.campaign_id, by=SELLER)
    assert stopped.state == "stopped" and stopped.ended_at is not None
    assert (await shop.engine.offers.get(M, started.offer_ids[0])).state == "paused"


@pytest.mark.valkey
async def test_stopping_pauses_its_offers_at_once(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.create(M, draft(AmountOff(amount=100), AmountOff(amount=50)), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    assert (await shop.sell(1000)).decision.saved == 150
    await book.stop(M, made.campaign_id, by=SELLER)
    assert (await shop.sell(1000)).decision.saved == 0
    acts = await shop.rows("select act from audit where subject_id = ? order by created_at", (made.campaign_id,))
    assert [row["act"] for row in acts] == ["create-campaign", "start-campaign", "stop-campaign"]


@pytest.mark.valkey
async def test_what_a_refund_takes_back_is_counted(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.create(M, draft(), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    kept, returned = [await shop.sell(1000) for _ in range(2)]
    await shop.engine.checkout.refund(M, str(returned.sale_id), None, "broken", key=shop.key(), by=SELLER)
    counters = await shop.engine.counters.read(M, made.campaign_id)
    assert (counters.uses, counters.saved, counters.baskets, counters.revenue) == (2, 100, 2, 900)
    assert kept.sale_id != returned.sale_id


@pytest.mark.valkey
async def test_a_round_starts_and_ends_by_the_stores_days(shop: Shop) -> None:
    book = shop.engine.campaigns
    tomorrow = TODAY + timedelta(days=1)
    made = await book.create(M, draft(first=tomorrow, last=tomorrow), by=SELLER)
    assert (await book.start(M, made.campaign_id, by=SELLER)).state == "scheduled"
    assert await book.round() == 0
    with pytest.raises(NotFound):
        await shop.engine.offers.get(M, f"{made.campaign_id}.1")
    shop.clock.forward(10 * 3600 + 1)  # midnight in Paris
    assert [await book.round() for _ in range(2)] == [1, 0]
    assert (await shop.sell(1000)).decision.total == 900
    shop.clock.forward(DAY)
    assert (await shop.sell(1000)).decision.total == 1000  # before any round has ended it
    assert await book.round() == 1
    assert (await book.get(M, made.campaign_id)).state == "ended"


@pytest.mark.valkey
async def test_of_two_processes_one_starts_it(shop: Shop) -> None:
    first, second = shop.build(), shop.build(exclusive=False)
    made = await first.campaigns.create(M, draft(first=TODAY + timedelta(days=1)), by=SELLER)
    await first.campaigns.start(M, made.campaign_id, by=SELLER)
    shop.clock.forward(DAY)
    done = await asyncio.gather(*(engine.campaigns.round() for engine in (first, second, first, second)))
    assert sorted(done) == [0, 0, 0, 1]
    offers = await shop.rows("select version, state from offer where offer_id = ?", (f"{made.campaign_id}.1",))
    assert offers == [{"version": 1, "state": "live"}]
    stops = (engine.campaigns.stop(M, made.campaign_id, by=SELLER) for engine in (first, second))
    outcomes = await asyncio.gather(*stops, return_exceptions=True)
    assert [type(one) for one in outcomes if isinstance(one, Exception)] == [Conflict]
    for engine in (first, second):
        await engine.offers.close()


@pytest.mark.valkey
async def test_scheduled_can_be_withdrawn_changed_and_started_anew(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.create(M, draft(first=TODAY + timedelta(days=9)), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    with pytest.raises(Conflict, match="cannot be changed"):
        await book.change(M, made.campaign_id, draft(), by=SELLER)
    await book.withdraw(M, made.campaign_id, by=SELLER)
    changed = await book.change(M, made.campaign_id, draft(name="Sooner"), by=SELLER)
    assert (changed.draft.name, changed.draft.first, changed.revision) == ("Sooner", None, 4)
    assert (await book.start(M, made.campaign_id, by=SELLER)).state == "live"


@pytest.mark.valkey
async def test_the_offers_carry_audience_period_limits_and_holdout(shop: Shop) -> None:
    await shop.sql.write(_segment)
    book, limit = shop.engine.campaigns, Limit(of="money", cap=5000, per="customer")
    offer = CampaignOffer(name={"en": "Ten"}, effects=(TEN,), conditions=Code(any_of=("autumn",)))
    asked = draft(offers=(offer,), audience=("seg_1", "rfm:loyal"), limits=(limit,), first=TODAY, holdout=1000)
    made = await book.start(M, (await book.create(M, asked, by=SELLER)).campaign_id, by=SELLER)
    sold = (await shop.engine.offers.get(M, made.offer_ids[0])).offer
    assert (sold.campaign_id, sold.holdout, sold.limits) == (made.campaign_id, 1000, (limit,))
    kinds = [type(part).__name__ for part in sold.conditions.of]
    assert kinds == ["Dates", "InSegment", "Code"]
    assert sold.conditions.of[1] == InSegment(any_of=("seg_1", "rfm:loyal"))


def _segment() -> Job[None]:
    yield Query(
        "insert into segment (merchant_id, segment_id, name, conditions, state, created_at, changed_at) "
        "values (?, 'seg_1', '{}', '{}', 'ready', 0, 0)",
        (M,),
    )


BAD: dict[str, tuple[CampaignDraft, str]] = {
    "backwards": (draft(first=date(2026, 2, 2), last=date(2026, 2, 1)), "$.last"),
    "too-late": (draft(first=date(9999, 2, 2)), "$.first"),
    "no-such-segment": (draft(audience=("rfm:loyal", "seg_gone")), "$.audience[1]"),
    "second-offer": (draft(TEN, Message(text={})), "$.offers[1].effects[0].text"),
    "limit-of-nothing": (draft(Message(text={"en": "Hello"}), limits=(Limit(of="money", cap=1),)), "$.limits[0]"),
    "condition": (
        draft(
            offers=(
                CampaignOffer(
                    name={"en": "X"},
                    effects=(TEN,),
                    conditions=Recurrence(rrule="FREQ=NEVER", start=datetime(2026, 1, 1), minutes=5),  # noqa: DTZ001
                ),
            )
        ),
        "$.offers[0].conditions",
    ),
}


@pytest.mark.valkey
@pytest.mark.parametrize("case", BAD)
async def test_a_mistake_is_said_at_its_place_in_the_draft(shop: Shop, case: str) -> None:
    bad, path = BAD[case]
    with pytest.raises(RequestError) as refused:
        await shop.engine.campaigns.create(M, bad, by=SELLER)
    assert (refused.value.path or "").startswith(path), refused.value.path
    assert await shop.engine.campaigns.list(M) == []


@pytest.mark.valkey
async def test_what_is_over_before_it_starts_is_refused_and_removed(shop: Shop) -> None:
    book = shop.engine.campaigns
    made = await book.create(M, draft(last=TODAY - timedelta(days=1)), by=SELLER)
    with pytest.raises(RequestError, match="last day is over"):
        await book.start(M, made.campaign_id, by=SELLER)
    await book.remove(M, made.campaign_id, by=SELLER)
    with pytest.raises(NotFound):
        await book.get(M, made.campaign_id)


@pytest.mark.valkey
async def test_the_list_goes_on_after_a_page_newest_first(shop: Shop) -> None:
    book = shop.engine.campaigns
    names = []
    for number in range(3):
        shop.clock.forward(1)
        names.append((await book.create(M, draft(PercentOff(percent=100 + number)), by=SELLER)).campaign_id)
    first = await book.list(M, limit=2)
    rest = await book.list(M, limit=2, before=first[-1].campaign_id)
    assert [one.campaign_id for one in (*first, *rest)] == names[::-1]
