"""Suggestions from the sales of a whole shop: computed, kept, put aside, used, and never a name in them."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import json
from msgspec.structs import replace

from poi_engine.campaigns.audience import LAPSING
from poi_engine.errors import Conflict, NotFound
from poi_engine.ports import Job, Query
from poi_engine.suggestions.model import Suggestion
from poi_engine.suggestions.service import AGAIN_DAYS
from tests.campaigns.yesterdays import sold, write
from tests.engine.shop import SELLER, START, M, Shop

pytestmark = pytest.mark.valkey

NAMES = ("Ada", "Bob", "Cleo", "Dora")
DAY = 86_400.0


async def plant(shop: Shop) -> list[str]:
    """Eight weeks: coffee goes with éclairs, Tuesday afternoons are quiet, four regulars stay away; answers who."""
    dice = random.Random(7)
    people = [await shop.customer(name) for name in NAMES]
    now = datetime.fromtimestamp(START, UTC)
    first = datetime(2026, 9, 26, tzinfo=ZoneInfo("Europe/Paris"))
    made = []
    for day in range(57):
        at = first + timedelta(days=day)
        for hour in range(8, 19):
            quiet = at.isoweekday() == 2 and 13 <= hour < 16
            for n in range(0 if quiet else 2):
                codes = ["cafe", "eclair"] if dice.random() < 0.25 else [dice.choice(("tarte", "tarte", "cafe"))]
                made.append(sold(f"sal_{day:02}{hour:02}{n}", at + timedelta(hours=hour, minutes=10 * n), codes))
    for place, customer_id in enumerate(people):
        for week in range(5):  # a week apart, the last one three weeks ago
            at = now - timedelta(days=21 + 7 * week, hours=3)
            made.append(sold(f"sal_v{place}{week}", at, ["tarte"], customer_id))
    await shop.sql.write(lambda: write(made))
    await shop.sql.write(lambda: _known(people))
    return people


def _known(people: list[str]) -> Job[None]:
    for customer_id in people:
        yield Query(
            "update customer set visits = 5, spend = 9450, last_visit_at = ?, birthday = '1990-11-30' "
            "where merchant_id = ? and customer_id = ?",
            (int((START - 21 * DAY - 3 * 3600) * 1_000_000), M, customer_id),
        )


def by_kind(items: tuple[Suggestion, ...]) -> dict[str, Suggestion]:
    """The first of each kind."""
    return {one.kind: one for one in reversed(items)}


async def test_the_planted_is_found_with_its_figures(past_shop: Shop) -> None:
    people = await plant(past_shop)
    computed = await past_shop.engine.suggestions.compute(M)
    found = by_kind(computed.items)
    assert found.keys() >= {"together", "quiet_hours", "lapsing", "birthdays"}
    pair = found["together"].figures
    rows = await past_shop.rows(
        "select count(*) as n, sum(case when code = 'cafe' then 1 else 0 end) as cafe, "
        "sum(case when code = 'eclair' then 1 else 0 end) as eclair, count(distinct sale_id) as baskets from sale_line"
    )
    assert (pair["first"], pair["second"]) == ("cafe", "eclair")
    assert [pair[name] for name in ("baskets", "with_first", "with_second", "both")] == [
        *(rows[0][name] for name in ("baskets", "cafe", "eclair", "eclair"))
    ]
    quiet = found["quiet_hours"].figures
    assert (quiet["days"], quiet["start"], quiet["end"], quiet["sales"]) == ([2], 13, 16, 0.0)
    assert found["lapsing"].figures == {"customers": len(people), "usual_days": 7}
    assert found["birthdays"].figures == {"customers": len(people), "month": "2026-11"}
    assert computed.computed_at is not None


async def test_every_draft_can_be_started_as_it_is(past_shop: Shop) -> None:
    people = await plant(past_shop)
    book = past_shop.engine.campaigns
    for one in (await past_shop.engine.suggestions.compute(M)).items:
        made = await book.create(M, one.draft, by=SELLER)
        assert (await book.start(M, made.campaign_id, by=SELLER)).state == "live"
    assert (await book.audience(M, (LAPSING,))).size == len(people)
    session = await past_shop.identify(await past_shop.basket(1000), people[0])
    assert session.decision is not None
    assert [offer.saved for offer in session.decision.offers] == [150] or session.decision.offers == ()  # held out
    assert any(LAPSING in one.facts.segments for one in [session] if one.facts)


async def test_nothing_in_them_names_a_person(past_shop: Shop) -> None:
    people = await plant(past_shop)
    text = json.encode((await past_shop.engine.suggestions.compute(M)).items).decode()
    assert "lapsing" in text
    assert not [word for word in (*people, *NAMES) if word in text]


async def test_who_objects_to_being_looked_at_is_left_out(past_shop: Shop) -> None:
    people = await plant(past_shop)

    def objection() -> Job[None]:
        yield Query(
            "insert into consent (merchant_id, consent_id, customer_id, purpose, given, version, who, place, how, "
            "created_at) values (?, 'con_1', ?, 'profiling', 0, 1, 'phone', '', 'phone', 1)",
            (M, people[0]),
        )

    await past_shop.sql.write(objection)
    found = by_kind((await past_shop.engine.suggestions.compute(M)).items)
    assert found["lapsing"].figures["customers"] == len(people) - 1
    away = await past_shop.rows("select customer_id from lapsing order by customer_id")
    assert [row["customer_id"] for row in away] == sorted(people[1:])


async def test_of_too_few_people_nothing_is_told(past_shop: Shop) -> None:
    await plant(past_shop)

    def fewer() -> Job[None]:
        yield Query("update customer set birthday = null, visits = 1 where display_name in ('Ada', 'Bob')")

    await past_shop.sql.write(fewer)
    assert not {"lapsing", "birthdays"} & by_kind((await past_shop.engine.suggestions.compute(M)).items).keys()


async def test_who_comes_back_is_no_longer_away(past_shop: Shop) -> None:
    people = await plant(past_shop)
    await past_shop.engine.suggestions.compute(M)
    await past_shop.sell(500, customer_id=people[0])
    past_shop.clock.forward(1)
    await past_shop.engine.suggestions.compute(M)
    away = await past_shop.rows("select customer_id from lapsing")
    assert {row["customer_id"] for row in away} == set(people[1:])


async def test_put_aside_it_stays_aside_for_a_while_and_used_it_is_used(past_shop: Shop) -> None:
    await plant(past_shop)
    suggestions, book = past_shop.engine.suggestions, past_shop.engine.campaigns
    found = by_kind((await suggestions.compute(M)).items)
    await suggestions.dismiss(M, found["together"].suggestion_id, by=SELLER)
    with pytest.raises(NotFound):
        await suggestions.dismiss(M, found["together"].suggestion_id, by=SELLER)
    lapsing = found["lapsing"]
    await book.create(M, replace(lapsing.draft, suggestion_id=lapsing.suggestion_id), by=SELLER)
    assert not {"together", "lapsing"} & by_kind((await suggestions.compute(M)).items).keys()

    def long_ago() -> Job[None]:
        yield Query("update suggestion set changed_at = changed_at - ?", ((AGAIN_DAYS + 1) * int(DAY * 1_000_000),))

    await past_shop.sql.write(long_ago)
    assert {"together", "lapsing"} <= by_kind((await suggestions.compute(M)).items).keys()


async def test_what_no_longer_holds_is_gone(past_shop: Shop) -> None:
    await plant(past_shop)
    await past_shop.engine.suggestions.compute(M)
    past_shop.clock.forward(200 * DAY)
    assert (await past_shop.engine.suggestions.compute(M)).items == ()
    states = await past_shop.rows("select distinct state from suggestion")
    assert states == [{"state": "gone"}]


async def test_of_two_processes_one_computes_each_night(past_shop: Shop) -> None:
    await plant(past_shop)
    one, two = past_shop.build(), past_shop.build(exclusive=False)
    for engine in (one, two):
        engine.suggestions.start_due()
    await asyncio.gather(*(engine.suggestions._task for engine in (one, two) if engine.suggestions._task))
    computed = (await one.suggestions.list(M)).computed_at
    assert computed is not None
    two.suggestions.start_due()
    await two.suggestions._task  # type: ignore[misc]
    assert (await one.suggestions.list(M)).computed_at == computed
    past_shop.clock.forward(DAY)
    two.suggestions.start_due()
    await two.suggestions._task  # type: ignore[misc]
    assert (await one.suggestions.list(M)).computed_at != computed


async def test_while_it_is_computed_nobody_else_begins(past_shop: Shop) -> None:
    def taken() -> Job[None]:
        yield Query(
            "insert into suggestion_round (merchant_id, day, runner, until) values (?, '', 'run_x', ?)",
            (M, int((START + 60) * 1_000_000)),
        )

    await past_shop.sql.write(taken)
    with pytest.raises(Conflict, match="computed"):
        await past_shop.engine.suggestions.compute(M)
    past_shop.clock.forward(61)
    assert (await past_shop.engine.suggestions.compute(M)).items == ()
