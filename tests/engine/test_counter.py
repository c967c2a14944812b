"""The counter: baskets and their mistakes, two tabs, hand-over, other processes' offers, customers and tiers."""

import itertools
from datetime import date

import pytest
from msgspec.structs import replace

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.loyalty import next_tier, settle, take_back, tier_of
from poi_engine.session import MOVES, SessionState, move
from poi_engine.settings import Tier
from poi_offers.model import Offer
from poi_offers.offer_conditions import Subtotal
from poi_offers.offer_effects import PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, Card, M, Shop

pytestmark = pytest.mark.valkey


def offer(percent: int) -> Offer:
    """So much off everything."""
    return Offer(offer_id="off_1", name={"en": "x"}, currency="EUR", effects=(PercentOff(percent=percent),))


async def test_a_basket_of_products_and_amounts(shop: Shop) -> None:
    entries = [BasketEntry(code="eclair", quantity=3000), BasketEntry(amount=500, label="Commande")]
    session = await shop.engine.stations.open(M, STATION, entries)
    assert session.basket.subtotal == 3 * 350 + 500
    assert [item.vat_rate for item in session.basket.items] == [550, 2000]
    assert session.decision is not None
    empty = await shop.engine.stations.set_basket(M, session.session_id, [])
    assert (empty.state, empty.decision) == ("open", None)


async def test_a_till_that_shows_no_reasons_is_given_none_of_what_does_not_hold(shop: Shop) -> None:
    await shop.engine.offers.create(M, replace(offer(10), conditions=Subtotal(min=10_000)))
    session, entries = await shop.engine.stations.open(M, STATION), [BasketEntry(amount=500)]
    asked = [
        await shop.engine.stations.set_basket(M, session.session_id, entries, explain=how) for how in (None, "eligible")
    ]
    told = [one.decision for one in asked]
    assert [[reason.outcome for reason in one.reasons] for one in told if one] == [["condition_false"], []]
    assert [one.total for one in told if one] == [500, 500]


@pytest.mark.parametrize(
    ("entry", "code", "path"),
    [
        (BasketEntry(), "code-or-amount", "$.entries[0]"),
        (BasketEntry(code="eclair", amount=1), "code-or-amount", "$.entries[0]"),
        (BasketEntry(code="nothing"), "unknown-product", "$.entries[0].code"),
        (BasketEntry(amount=-1), "bad-amount", "$.entries[0].amount"),
        (BasketEntry(amount=1, quantity=0), "bad-quantity", "$.entries[0].quantity"),
        (BasketEntry(amount=10**12), "bad-amount", "$.entries[0].amount"),
        (BasketEntry(amount=1, label=""), "bad-label", "$.entries[0].label"),
        (BasketEntry(amount=1, label="4111 1111 1111 1111"), "card-number", "$.entries[0].label"),
    ],
)
async def test_a_mistake_is_named_with_its_place(shop: Shop, entry: BasketEntry, code: str, path: str) -> None:
    session = await shop.basket(100)
    with pytest.raises(RequestError) as wrong:
        await shop.engine.stations.set_basket(M, session.session_id, [entry])
    assert (wrong.value.code, wrong.value.path) == (code, path)
    assert (await shop.engine.stations.get(M, session.session_id)).basket == session.basket


async def test_two_tabs_share_the_session_and_the_slower_one_is_told(shop: Shop) -> None:
    session = await shop.basket(100)
    assert (await shop.engine.stations.open(M, STATION)).session_id == session.session_id
    await shop.engine.stations.set_basket(M, session.session_id, [BasketEntry(amount=200)], revision=session.revision)
    with pytest.raises(Conflict) as slower:
        await shop.engine.stations.set_basket(
            M, session.session_id, [BasketEntry(amount=300)], revision=session.revision
        )
    assert slower.value.code == "revision"
    assert shop.seen.sessions[-1].basket.subtotal == 200


async def test_a_session_goes_on_at_another_station_and_after_a_restart(shop: Shop) -> None:
    session = await shop.basket(100)
    moved = await shop.engine.handovers.hand_over(M, session.session_id, OTHER_STATION)
    assert await shop.engine.stations.current(M, STATION) is None
    await shop.restart()
    current = await shop.engine.stations.current(M, OTHER_STATION)
    assert current == moved
    assert (await shop.pay(await shop.accept(moved))).state == "paid"
    with pytest.raises(Conflict):
        await shop.engine.handovers.hand_over(M, session.session_id, STATION)


async def test_another_process_sees_a_changed_offer_within_a_second(shop: Shop) -> None:
    other = shop.build()
    await other.offers.create(M, offer(1000))
    session = await other.stations.open(M, STATION, [BasketEntry(amount=1000)])
    assert session.decision is not None
    assert session.decision.total == 900
    await shop.engine.offers.replace(M, offer(2000))
    shop.clock.forward(1)
    session = await other.stations.decide_again(M, session.session_id)
    assert session.decision is not None
    assert session.decision.total == 800
    await shop.engine.offers.pause(M, "off_1")
    shop.clock.forward(1)
    session = await other.stations.decide_again(M, session.session_id)
    assert session.decision is not None
    assert session.decision.total == 1000
    assert shop.seen.offers == 3


async def test_offers_are_refused_with_their_mistake(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(1000))
    with pytest.raises(Conflict) as twice:
        await shop.engine.offers.create(M, offer(1000))
    assert twice.value.code == "offer-exists"
    dollars = Offer(offer_id="off_2", name={"en": "x"}, currency="USD", effects=(PercentOff(percent=1),))
    with pytest.raises(RequestError) as currency:
        await shop.engine.offers.create(M, dollars)
    assert (currency.value.code, currency.value.path) == ("currency-differs", "$.currency")
    await shop.engine.offers.remove(M, "off_1")
    with pytest.raises(NotFound):
        await shop.engine.offers.get(M, "off_1")
    assert await shop.engine.offers.list(M) == []


async def test_other_merchants_see_nothing(shop: Shop) -> None:
    paid = await shop.sell(500, customer_id=await shop.customer())
    for read in (
        shop.engine.sales.get("mer_2", paid.sale_id or ""),
        shop.engine.stations.get("mer_2", paid.session_id),
        shop.engine.customers.get("mer_2", paid.identity.customer_id if paid.identity else ""),
    ):
        with pytest.raises(NotFound):
            await read


async def test_a_customer_is_found_named_linked_and_forgotten(shop: Shop) -> None:
    customers, find = shop.engine.customers, shop.engine.clientele.search.find
    session = await shop.engine.stations.present(M, STATION, Card("loyalty", "LOYAL-9"))
    assert session.identity is not None
    customer_id = session.identity.customer_id
    named = await customers.update(M, customer_id, display_name="Zoé", birthday=date(1990, 2, 28))
    assert (named.pseudonym, named.birthday) == (False, date(1990, 2, 28))
    assert [one.customer_id for one in (await find(M, "Zoe", by=SELLER)).items] == [customer_id]
    assert [one.customer_id for one in (await find(M, "LOYAL-9", by=SELLER)).items] == [customer_id]
    other = await shop.customer()
    with pytest.raises(Conflict) as taken:
        await customers.link_credential(M, other, "loyalty", "LOYAL-9")
    assert taken.value.code == "credential-taken"
    await shop.engine.stations.set_basket(M, session.session_id, [BasketEntry(amount=700)])
    paid = await shop.pay(await shop.accept(await shop.engine.stations.get(M, session.session_id)))
    await customers.erase(M, customer_id, by=SELLER)
    with pytest.raises(NotFound):
        await customers.get(M, customer_id)
    kept = str(await shop.rows("select document from checkout")) + str(await shop.rows("select * from idempotency"))
    assert "Zo" not in kept
    assert "1990" not in kept
    assert (await shop.engine.sales.get(M, paid.sale_id or "")).customer_id == customer_id


async def test_facts_count_visits_spend_and_windows(shop: Shop) -> None:
    customer_id = await shop.customer()
    await shop.sell(1000, customer_id=customer_id)
    shop.clock.forward(20 * 86_400)
    await shop.sell(500, customer_id=customer_id)
    shop.clock.forward(86_400)
    facts = await shop.engine.customers.facts(M, customer_id, round(shop.clock.now() * 1e6))
    assert facts.visits_in == {0: 2, 7: 1, 30: 2, 90: 2, 365: 2}
    assert facts.spend_in == {0: 1500, 7: 500, 30: 1500, 90: 1500, 365: 1500}
    assert facts.points == 15
    assert facts.last_visit is not None


async def test_the_tier_follows_the_years_spending(shop: Shop) -> None:
    customer_id = await shop.customer()
    await shop.sell(30_000, customer_id=customer_id)
    assert (await shop.engine.customers.get(M, customer_id)).tier == "silver"
    shop.clock.forward(366 * 86_400)
    await shop.sell(100, customer_id=customer_id)
    assert (await shop.engine.customers.get(M, customer_id)).tier == "member"


def test_tiers_and_debts_are_plain_arithmetic() -> None:
    tiers = (Tier(name="silver", spend=100), Tier(name="gold", spend=500))
    assert [tier_of(spend, tiers, "base") for spend in (0, 99, 100, 499, 500)] == [
        "base",
        "base",
        "silver",
        "silver",
        "gold",
    ]
    assert next_tier(120, tiers) == (tiers[1], 380)
    assert next_tier(500, tiers) is None
    assert (settle(10, 4).settled, settle(10, 4).kept, settle(3, 9).kept) == (4, 6, 0)
    assert (take_back(10, 4).now, take_back(10, 4).later, take_back(3, 9).later) == (4, 6, 0)


async def test_only_the_moves_of_the_table_are_legal(shop: Shop) -> None:
    opened = await shop.basket()
    for before, after in itertools.product(SessionState, SessionState):
        session = replace(opened, state=before)
        if after in MOVES[before]:
            assert move(session, after).revision == session.revision + 1
        else:
            with pytest.raises(Conflict, match="cannot become"):
                move(session, after)
