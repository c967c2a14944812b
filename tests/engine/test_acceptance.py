"""Accepting: freeze, reserve, once; and what happens when something has gone meanwhile."""

import asyncio

import pytest

from poi_engine.errors import Conflict, Forbidden
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import InSegment
from poi_offers.offer_effects import NextVisitCoupon, PercentOff
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey


def offer(offer_id: str = "off_ten", **changes: object) -> Offer:
    """Ten percent off everything."""
    values: dict[str, object] = {"effects": (PercentOff(percent=1000),), **changes}
    return Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", **values)  # type: ignore[arg-type]


async def test_accepting_twice_is_accepting_once(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(limits=(Limit(of="uses", cap=5),)))
    session = await shop.basket(1000)
    first, second = await asyncio.gather(shop.accept(session), shop.accept(session), return_exceptions=True)
    states = [got for got in (first, second) if not isinstance(got, BaseException)]
    assert states
    assert all(got.state == "paying" for got in states)
    assert await shop.balance("limit:off_ten:0:total:ever") == 4
    again = await shop.accept(session)
    assert again.checkout_id == states[0].checkout_id
    await shop.pay(again)


async def test_only_the_decision_and_total_shown_can_be_accepted(shop: Shop) -> None:
    session = await shop.basket(1000)
    newer = await shop.engine.stations.decide_again(M, session.session_id)
    assert newer.decision_id != session.decision_id
    with pytest.raises(Conflict) as wrong:
        await shop.accept(session)
    assert wrong.value.code == "decision-changed"
    assert newer.decision_id is not None
    with pytest.raises(Conflict) as wrong:
        await shop.engine.checkout.accept(M, newer.session_id, newer.decision_id, 999, by=SELLER)
    assert wrong.value.code == "decision-changed"


async def test_the_last_use_goes_to_one_and_the_other_is_asked_again(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(limits=(Limit(of="uses", cap=1),)))
    here, there = await shop.basket(1000), await shop.basket(1000, station="sta_2")
    assert here.decision is not None
    assert here.decision.total == 900
    await shop.pay(await shop.accept(here))
    with pytest.raises(Conflict) as gone:
        await shop.accept(there)
    assert gone.value.code == "decide-again"
    shown = await shop.engine.stations.get(M, there.session_id)
    assert shown.notice is not None
    assert shown.notice.code == "decide-again"
    assert shown.decision is not None
    assert shown.decision.total == 1000
    assert (await shop.pay(await shop.accept(shown))).state == "paid"


async def test_a_raised_cap_takes_effect_and_a_new_version_is_bought(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(limits=(Limit(of="uses", cap=1),)))
    await shop.sell(1000)
    assert (await shop.basket(1000)).decision.total == 1000  # type: ignore[union-attr]
    await shop.engine.offers.replace(M, offer(limits=(Limit(of="uses", cap=2),)))
    session = await shop.engine.stations.decide_again(M, (await shop.basket()).session_id)
    assert session.decision is not None
    assert [(chosen.offer_id, chosen.version) for chosen in session.decision.offers] == [("off_ten", 2)]
    await shop.pay(await shop.accept(session))
    assert await shop.balance("limit:off_ten:0:total:ever") == 0


async def test_an_abandoned_session_gives_everything_back(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(limits=(Limit(of="money", cap=150),)))
    accepted = await shop.accept(await shop.basket(1000))
    assert await shop.balance("limit:off_ten:0:total:ever") == 50
    assert (await shop.engine.stations.abandon(M, accepted.session_id)).state == "abandoned"
    assert await shop.balance("limit:off_ten:0:total:ever") == 150
    assert (await shop.basket(1000)).session_id != accepted.session_id


async def test_a_reward_needs_points_and_a_sure_customer(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_reward", reward_points=10))
    customer = await shop.customer()
    await shop.sell(1200, customer_id=customer)
    session = await shop.basket(1000)
    session = await shop.identify(session, customer, assurance="identify")
    assert session.decision is not None
    assert session.decision.offers == ()
    session = await _ask_reward(shop, session.session_id)
    assert session.decision is not None
    assert session.decision.offers == (), "a mere card spends nothing"
    session = await shop.engine.stations.confirm_identity(M, session.session_id, SELLER)
    assert session.decision is not None
    assert session.decision.total == 900
    assert len(await shop.rows("select * from audit where act = 'confirm-identity'")) == 1
    accepted = await shop.accept(session)
    assert await shop.balance(f"points:{customer}") == 2, "held, not yet spent"
    paid = await shop.pay(accepted)
    assert paid.state == "paid"
    assert await shop.balance(f"points:{customer}") == 2 + 9


async def _ask_reward(shop: Shop, session_id: str):  # type: ignore[no-untyped-def]
    from poi_engine.basket import BasketEntry

    return await shop.engine.stations.set_basket(M, session_id, [BasketEntry(amount=1000)], rewards=("off_reward",))


async def test_a_coupon_is_given_used_once_and_void_after_a_full_return(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_give", effects=(NextVisitCoupon(offer_id="off_back", days=30),)))
    await shop.engine.offers.create(M, offer("off_back", conditions=InSegment(any_of=("coupon:off_back",))))
    customer = await shop.customer()
    first = await shop.sell(1000, customer_id=customer)
    await shop.engine.offers.remove(M, "off_give")
    here = await shop.identify(await shop.basket(1000), customer)
    there = await shop.identify(await shop.basket(1000, station="sta_2"), customer)
    assert here.decision is not None
    assert [chosen.offer_id for chosen in here.decision.offers] == ["off_back"]
    accepted = await shop.accept(here)
    with pytest.raises(Conflict) as gone:
        await shop.accept(there)
    assert gone.value.code == "decide-again"
    await shop.engine.stations.abandon(M, accepted.session_id)
    there = await shop.engine.stations.decide_again(M, there.session_id)
    assert there.decision is not None
    assert there.decision.total == 900
    await shop.engine.stations.abandon(M, there.session_id)
    assert first.sale_id is not None
    await shop.engine.checkout.refund(M, first.sale_id, None, "returned", key="r", by=SELLER)
    after = await shop.identify(await shop.basket(1000), customer)
    assert after.decision is not None
    assert after.decision.total == 1000


async def test_a_wallet_pays_only_for_a_sure_customer_and_never_below_zero(shop: Shop) -> None:
    from poi_offers.offer_effects import Cashback

    await shop.engine.offers.create(M, offer("off_cash", effects=(Cashback(percent=5000),)))
    customer = await shop.customer()
    await shop.sell(1000, customer_id=customer)
    assert await shop.balance(f"wallet:{customer}") == 500
    await shop.engine.offers.pause(M, "off_cash")
    accepted = await shop.accept(await shop.identify(await shop.basket(600), customer))
    with pytest.raises(Conflict) as short:
        await shop.pay(accepted, "wallet")
    assert short.value.code == "insufficient"
    assert (await shop.pay(accepted, "cash")).state == "paid"
    accepted = await shop.accept(await shop.identify(await shop.basket(400), customer))
    assert (await shop.pay(accepted, "wallet")).state == "paid"
    assert await shop.balance(f"wallet:{customer}") == 100
    accepted = await shop.accept(await shop.identify(await shop.basket(50), customer, assurance="identify"))
    with pytest.raises(Forbidden):
        await shop.pay(accepted, "wallet")
    await shop.engine.stations.abandon(M, accepted.session_id)


async def test_a_total_of_nothing_needs_no_tender(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(effects=(PercentOff(percent=10_000),)))
    paid = await shop.sell(1000)
    assert paid.state == "paid"
    assert paid.sale_id is not None
    sale = await shop.engine.sales.get(M, paid.sale_id)
    assert (sale.total, sale.means, sale.receipt.payments) == (0, "none", ())
    assert await shop.operations() == []


async def test_a_reservation_of_a_clock_that_was_put_back_is_not_held_until_it_catches_up(shop: Shop) -> None:
    session = await shop.accept(await shop.basket(1000))
    shop.clock.forward(-7200)
    assert (await shop.engine.recovery.run()).let_go == 1
    found = await shop.engine.stations.get(M, session.session_id)
    assert found.state == "decided"
    assert (await shop.pay(await shop.accept(found), "cash")).state == "paid"


class Killed(BaseException):
    """The process ends."""


async def test_a_reservation_that_was_never_shown_is_taken_as_it_is(shop: Shop) -> None:
    """Whatever has become of the limits and of the customer meanwhile: nothing more is held, or taken."""

    def trace(name: str) -> None:
        if name == "accept.reserved":
            raise Killed

    await shop.engine.offers.create(M, offer(limits=(Limit(of="uses", cap=2),)))
    ada, other = await shop.customer(), await shop.customer()
    session = await shop.identify(await shop.basket(1000), ada)
    shop.engine = shop.build(trace)
    with pytest.raises(Killed):
        await shop.accept(session)
    shop.engine = shop.build()
    await shop.engine.offers.replace(M, offer(limits=(Limit(of="uses", cap=3),)))
    await shop.engine.clientele.merges.merge(M, other, ada, key=shop.key(), by=SELLER)
    assert (await shop.accept(session)).state == "paying"
    assert await shop.rows("select state from checkout") == [{"state": "reserved"}]
    assert await shop.balance("limit:off_ten:0:total:ever") == 1


async def test_a_forgotten_reservation_is_let_go_and_can_be_accepted_again(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer(limits=(Limit(of="uses", cap=1),)))
    accepted = await shop.accept(await shop.basket(1000))
    shop.clock.forward(16 * 60)
    done = await shop.engine.recovery.run()
    assert done.let_go == 1
    assert await shop.balance("limit:off_ten:0:total:ever") == 1
    shown = await shop.engine.stations.get(M, accepted.session_id)
    assert (shown.state, shown.notice and shown.notice.code) == ("decided", "accept-again")
    assert (await shop.pay(await shop.accept(shown))).state == "paid"
