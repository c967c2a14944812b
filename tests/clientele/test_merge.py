"""Two records of one person become one: nothing is lost, nothing doubled, whatever is under way."""

import asyncio

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, NotFound
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import InSegment
from poi_offers.offer_effects import AmountOff, Cashback, Effect, NextVisitCoupon
from tests.engine.shop import OTHER_STATION, SELLER, STATION, Card, M, Shop

MANAGER = Principal(merchant_id=M, access_id="acc_manager", role="manager", subject_id="slr_9")


async def offer(shop: Shop, offer_id: str, effect: Effect, **changes: object) -> None:
    """An offer with one effect."""
    made = Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", effects=(effect,), **changes)  # type: ignore[arg-type]
    await shop.engine.offers.create(M, made)


async def merge(shop: Shop, lives: str, absorbed: str, key: str | None = None) -> str:
    """Merge two records."""
    return await shop.engine.clientele.merges.merge(M, lives, absorbed, key=key or shop.key(), by=MANAGER)


async def worth(shop: Shop, *customers: str) -> tuple[int, int]:
    """Points and stored value of all these records, less what they owe."""
    total = [0, 0]
    for customer in customers:
        for at, (asset, debt) in enumerate((("points", "points_owed"), ("wallet", "value_owed"))):
            total[at] += await shop.balance(f"{asset}:{customer}") - await shop.balance(f"{debt}:{customer}")
    return total[0], total[1]


async def test_balances_visits_cards_and_coupons_move_and_every_reader_follows(shop: Shop) -> None:
    await offer(shop, "off_cash", Cashback(amount=300))
    await offer(shop, "off_give", NextVisitCoupon(offer_id="off_back", days=30))
    await offer(shop, "off_back", AmountOff(amount=10), conditions=InSegment(any_of=("coupon:off_back",)))
    ada, card = await shop.customer("Ada Byron"), (await present(shop)).identity
    assert card is not None
    await shop.engine.stations.abandon(M, (await shop.engine.stations.current(M, STATION)).session_id)  # type: ignore[union-attr]
    await shop.sell(2000, customer_id=ada)
    sold = await shop.sell(1000, customer_id=card.customer_id)
    before = await worth(shop, ada, card.customer_id)
    assert await merge(shop, ada, card.customer_id) == ada
    assert await worth(shop, ada) == before == await worth(shop, ada, card.customer_id)
    for known_as in (ada, card.customer_id):
        view = await shop.engine.customers.get(M, known_as)
        assert (view.customer_id, view.visits, view.spend, view.display_name) == (ada, 2, 3000, "Ada Byron")
        facts = await shop.engine.customers.facts(M, known_as, round(shop.clock.now() * 1e6))
        assert (facts.customer_id, facts.visits_in[30], facts.spend_in[30]) == (ada, 2, 3000)
        assert facts.segments == ("coupon:off_back",)
        assert len(await shop.engine.sales.list(M, customer_id=known_as)) == 2
    tapped = await present(shop)
    assert tapped.identity is not None
    assert (tapped.identity.customer_id, tapped.identity.display_name) == (ada, "Ada Byron")
    assert (await shop.engine.sales.get(M, sold.sale_id or "")).customer_id == card.customer_id, "the books stay"
    await shop.engine.stations.abandon(M, tapped.session_id)


async def present(shop: Shop) -> Session:
    """The card at the counter."""
    shop.clock.forward(5)
    return await shop.engine.stations.present(M, STATION, Card("loyalty", "LOYAL-1"))


async def test_a_refund_of_the_absorbed_records_sale_reaches_who_lives_on(shop: Shop) -> None:
    await offer(shop, "off_cash", Cashback(amount=300))
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await shop.sell(2000, customer_id=ada)
    sold = await shop.sell(1000, customer_id=bo)
    await merge(shop, ada, bo)
    before = await worth(shop, ada)
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "broken", key="r", by=SELLER)
    assert await worth(shop, ada) == (before[0] - 10, before[1] - 300)
    assert await worth(shop, bo) == (0, 0)
    assert (await shop.engine.customers.get(M, ada)).spend == 2000


async def test_a_debt_of_one_record_is_paid_by_what_the_other_had(shop: Shop) -> None:
    reward = {"reward_points": 10}
    await offer(shop, "off_reward", AmountOff(amount=100), **reward)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    sold = await shop.sell(1000, customer_id=bo)
    session = await shop.identify(await shop.basket(200), bo)
    session = await shop.engine.stations.set_basket(
        M, session.session_id, [BasketEntry(amount=200)], rewards=("off_reward",)
    )
    await shop.pay(await shop.accept(session))
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "broken", key="r", by=SELLER)
    await shop.sell(3000, customer_id=ada)
    assert (await worth(shop, bo))[0] < 0 < (await worth(shop, ada))[0]
    before = await worth(shop, ada, bo)
    await merge(shop, ada, bo)
    assert await worth(shop, ada) == before
    assert await shop.balance(f"points_owed:{ada}") == 0, "debts are paid first"


async def test_a_payment_under_way_ends_where_it_began_and_leaves_nothing_there(shop: Shop) -> None:
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await offer(shop, "off_back", AmountOff(amount=10), conditions=InSegment(any_of=("coupon:off_back",)))
    await offer(shop, "off_give", NextVisitCoupon(offer_id="off_back", days=30))
    accepted = await shop.accept(await shop.identify(await shop.basket(1500), bo))
    await merge(shop, ada, bo)
    paid = await shop.pay(accepted)
    assert paid.state == "paid"
    assert await worth(shop, ada) == (15, 0)
    assert await worth(shop, bo) == (0, 0)
    view = await shop.engine.customers.get(M, ada)
    assert (view.visits, view.spend) == (1, 1500)
    assert len(await shop.rows("select code from coupon where customer_id = ?", (ada,))) == 1


async def test_points_that_a_payment_held_come_back_to_who_lives_on(shop: Shop) -> None:
    await offer(shop, "off_reward", AmountOff(amount=100), reward_points=5)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await shop.sell(1000, customer_id=bo)
    session = await shop.identify(await shop.basket(600), bo)
    entries = [BasketEntry(amount=600)]
    session = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
    accepted = await shop.accept(session)
    assert await shop.balance(f"points:{bo}") == 5
    await merge(shop, ada, bo)
    assert (await shop.balance(f"points:{ada}"), await shop.balance(f"points:{bo}")) == (5, 0)
    await shop.engine.stations.abandon(M, accepted.session_id)
    assert (await shop.balance(f"points:{ada}"), await shop.balance(f"points:{bo}")) == (10, 0)


async def test_a_decision_for_the_absorbed_record_is_made_again(shop: Shop) -> None:
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    session = await shop.identify(await shop.basket(700), bo)
    await merge(shop, ada, bo)
    with pytest.raises(Conflict, match="become one") as again:
        await shop.accept(session)
    assert again.value.code == "decide-again"
    shown = await shop.engine.stations.get(M, session.session_id)
    assert shown.identity is not None
    assert shown.identity.customer_id == ada
    assert (await shop.pay(await shop.accept(shown))).state == "paid"
    assert (await shop.engine.customers.get(M, ada)).visits == 1


async def test_a_wallet_payment_accepted_before_is_paid_from_the_joint_wallet(shop: Shop) -> None:
    await offer(shop, "off_cash", Cashback(amount=900))
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    await shop.sell(1000, customer_id=bo)
    accepted = await shop.accept(await shop.identify(await shop.basket(500), bo))
    await merge(shop, ada, bo)
    assert (await shop.pay(accepted, "wallet")).state == "paid"
    assert await worth(shop, ada) == (15, 900 - 500 + 900)
    assert await worth(shop, bo) == (0, 0)


async def test_what_one_record_used_of_a_limit_counts_for_the_other(shop: Shop) -> None:
    await offer(shop, "off_once", AmountOff(amount=100), limits=(Limit(of="uses", cap=1, per="customer"),))
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    sold = await shop.sell(1000, customer_id=bo)
    await merge(shop, ada, bo)
    assert await saved(shop, ada) == 0, "the person has used it"
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key="r", by=SELLER)
    assert await saved(shop, ada) == 100, "the only use was given back"
    assert await saved(shop, ada) == 0


async def test_a_limit_used_by_both_records_is_given_back_only_when_both_uses_are(shop: Shop) -> None:
    await offer(shop, "off_once", AmountOff(amount=100), limits=(Limit(of="uses", cap=1, per="customer"),))
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    sales = [await shop.sell(1000, customer_id=customer) for customer in (ada, bo)]
    await merge(shop, ada, bo)
    for turn, sold in enumerate(sales):
        assert await saved(shop, ada) == 0
        await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key=f"r{turn}", by=SELLER)
    assert await saved(shop, ada) == 100


async def test_a_use_reserved_before_and_paid_after_the_merge_counts_too(shop: Shop) -> None:
    await offer(shop, "off_once", AmountOff(amount=100), limits=(Limit(of="uses", cap=1, per="customer"),))
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    accepted = await shop.accept(await shop.identify(await shop.basket(1000), bo))
    await merge(shop, ada, bo)
    await shop.pay(accepted)
    assert await saved(shop, ada) == 0


async def saved(shop: Shop, customer_id: str) -> int:
    """What the customer saves on ten euros, sold."""
    paid = await shop.sell(1000, customer_id=customer_id)
    assert paid.decision is not None
    return paid.decision.saved


async def test_three_records_become_one_whatever_the_order(shop: Shop) -> None:
    await offer(shop, "off_once", AmountOff(amount=100), limits=(Limit(of="uses", cap=2, per="customer"),))
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    for customer in (ada, bo, cy):
        await shop.sell(1000, customer_id=customer)
    before = await worth(shop, ada, bo, cy)
    await merge(shop, bo, cy)
    await merge(shop, ada, bo)
    assert await worth(shop, ada) == before
    for known_as in (ada, bo, cy):
        assert (await shop.engine.customers.get(M, known_as)).customer_id == ada
    assert len(await shop.engine.sales.list(M, customer_id=cy)) == 3
    assert await saved(shop, ada) == 0, "three uses of two"


async def test_a_merge_is_done_once_and_only_where_it_makes_sense(shop: Shop) -> None:
    ada, bo, cy = [await shop.customer(name) for name in ("Ada", "Bo", "Cy")]
    await merge(shop, ada, bo, "key")
    assert await merge(shop, ada, bo, "key") == ada
    assert await merge(shop, ada, bo) == ada, "it is so already"
    for lives, absorbed, code in ((ada, ada, "same-customer"), (cy, bo, "merged-elsewhere")):
        with pytest.raises(Conflict) as refused:
            await merge(shop, lives, absorbed)
        assert refused.value.code == code
    with pytest.raises(Conflict) as mismatch:
        await merge(shop, ada, cy, "key")
    assert mismatch.value.code == "idempotency-mismatch"
    await shop.engine.customers.erase(M, cy, by=MANAGER)
    for lives, absorbed in ((ada, cy), (cy, ada), (ada, "cus_nobody")):
        with pytest.raises(NotFound):
            await merge(shop, lives, absorbed)
    audited = await shop.rows("select subject_id, why from audit where act = 'merge-customers'")
    assert audited == [{"subject_id": ada, "why": bo}]


async def test_merging_while_both_records_pay(shop: Shop) -> None:
    """At any interleaving the points of both sales are on the living record."""
    await offer(shop, "off_cash", Cashback(amount=100))
    for turn in range(6):
        ada, bo = await shop.customer(f"Ada {turn}"), await shop.customer(f"Bo {turn}")
        await shop.sell(1000, customer_id=bo)
        here = await shop.accept(await shop.identify(await shop.basket(1000), bo))
        there = await shop.accept(await shop.identify(await shop.basket(1000, station=OTHER_STATION), ada))
        lives, absorbed = (ada, bo) if turn % 2 else (bo, ada)
        await asyncio.gather(shop.pay(here), merge(shop, lives, absorbed), shop.pay(there, "cash"))
        assert await worth(shop, lives) == (30, 300)
        assert await worth(shop, absorbed) == (0, 0)
        assert (await shop.engine.customers.get(M, absorbed)).visits == 3
