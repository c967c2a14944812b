"""A day of sales that several means pay: what the plans of their statements are judged by."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.session import Session
from poi_engine.settings import MealVoucher, write_setting
from tests.engine.shop import SELLER, M, Shop
from tests.engine.test_split_refund import refuse_once
from tests.engine.test_split_tender import gift_card

UNHEARD, DECLINED = 1013, 1005


async def day_of_tenders(shop: Shop) -> None:
    """Taken, declined, left in doubt, given up; and all of it taken back, by the terminal and by a person."""
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", MealVoucher(categories=("food",))))
    paid = await split(shop)
    give = shop.terminal.refund
    refuse_once(shop, 700)
    with pytest.raises(Conflict) as doubt:
        await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="split", by=SELLER)
    assert doubt.value.code == "refund-unknown"
    shop.terminal.refund = give  # type: ignore[method-assign]
    whole = await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="split", by=SELLER)
    assert whole.means == "split"
    for outcome in ("declined", "refunded"):
        await by_a_person(shop, outcome)
    await given_up(shop)
    await shop.engine.fiscal.train(M, "sta_1", True, by=SELLER)
    assert (await shop.sell(500, means="cash")).sale_id is None
    await shop.engine.fiscal.train(M, "sta_1", False, by=SELLER)


async def split(shop: Shop) -> Session:
    """A sale that a meal voucher, a gift card, two cards and cash pay."""
    _, code = await gift_card(shop, 500)
    session = await shop.engine.stations.open(M, "sta_1", [BasketEntry(code="tarte"), BasketEntry(amount=6000)])
    session = await shop.accept(await shop.identify(session, await shop.customer("Eve")))
    await shop.pay(session, "meal_voucher", amount=300)
    await shop.pay(session, "gift_card", amount=500, gift_card=code)
    await shop.pay(session, "card", amount=DECLINED)
    await shop.pay(session, "card", amount=UNHEARD)
    await shop.engine.checkout.ask_status(M, session.session_id)
    await shop.pay(session, "card", amount=700)
    paid = await shop.pay(session, "cash")
    assert paid.state == "paid"
    return paid


async def by_a_person(shop: Shop, outcome: str) -> None:
    """A refund of which one card has its share, and somebody says what became of the other's."""
    session = await shop.accept(await shop.basket(3000))
    part = await shop.pay(session, "card", amount=2000)
    paid = await shop.pay(session, "card")
    give = shop.terminal.refund
    refuse_once(shop, part.due)
    with pytest.raises(Conflict):
        await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key=outcome, by=SELLER)
    shop.terminal.refund = give  # type: ignore[method-assign]
    refunds = shop.engine.checkout.refunds
    [doubt] = await refunds.in_doubt(M, paid.sale_id or "")
    await shop.engine.resolving.refund(M, paid.sale_id or "", doubt.refund_id, outcome, "looked", by=SELLER)  # type: ignore[arg-type]


async def given_up(shop: Shop) -> None:
    """A sale that two means paid in part."""
    session = await shop.accept(await shop.basket(3000))
    await shop.pay(session, "cash", amount=500)
    await shop.pay(session, "card", amount=1000)
    assert (await shop.engine.stations.abandon(M, session.session_id)).state == "abandoned"
