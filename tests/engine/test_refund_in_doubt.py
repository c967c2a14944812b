"""A refund that the terminal did not answer: asked about, ended by a person at last, and never counted twice."""

import asyncio
from typing import Any

import pytest

from poi_engine.checkout.refund_jobs import Doubt
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict, Forbidden, RequestError
from poi_engine.ports import Capabilities, Job, PaymentResult, Query
from poi_engine.sales import SaleView
from poi_engine.staff.approvals import Allowance
from poi_offers.model import Offer
from poi_offers.offer_conditions import InSegment
from poi_offers.offer_effects import AmountOff, NextVisitCoupon
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

pytestmark = pytest.mark.valkey


async def in_doubt(shop: Shop) -> tuple[str, Doubt]:
    """10.13 of a sale of 31.00 are to go back; the terminal gives them and does not answer."""
    paid = await shop.sell(2087, 1013)
    sale_id = paid.sale_id or ""
    with pytest.raises(Conflict) as refused:
        await back(shop, sale_id, "r")
    assert refused.value.code == "refund-unknown"
    (doubt,) = await shop.engine.checkout.refunds.in_doubt(M, sale_id)
    return sale_id, doubt


async def back(shop: Shop, sale_id: str, key: str) -> SaleView:
    """The second line comes back."""
    line = [ReturnedLine(line_id="2", quantity=1000)]
    return await shop.engine.checkout.refund(M, sale_id, line, "broken", key=key, by=SELLER)


async def resolve(
    shop: Shop, sale_id: str, refund_id: str, outcome: str, allowance: Allowance | None = None
) -> SaleView:
    """A person's word."""
    return await shop.engine.resolving.refund(
        M,
        sale_id,
        refund_id,
        outcome,
        "the slip says so",
        by=SELLER,
        allowance=allowance,  # type: ignore[arg-type]
    )


async def payment(shop: Shop, refund_id: str) -> object:
    """The state of the refund's payment."""
    return (await shop.rows("select state from payment where checkout_id = ?", (refund_id,)))[0]["state"]


async def test_it_is_listed_with_who_asked_and_why(shop: Shop) -> None:
    _, doubt = await in_doubt(shop)
    assert (doubt.total, doubt.currency, doubt.by, doubt.reason) == (1013, "EUR", "seller:sel_1", "broken")


async def test_while_the_terminal_is_giving_back_nobody_asks_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not know the refund yet, and be told never to do it."""
    paid = await shop.sell(2087, 1010)
    connector, sent, goes_on = shop.engine.wiring.connector("simulator"), asyncio.Event(), asyncio.Event()
    refund = connector.refund

    async def slow(*asked: Any) -> PaymentResult:
        sent.set()
        await goes_on.wait()
        return await refund(*asked)

    monkeypatch.setattr(connector, "refund", slow)
    giving_back = asyncio.create_task(back(shop, paid.sale_id or "", "r"))
    await sent.wait()
    (opened,) = await shop.rows("select checkout_id from checkout where state = 'paying' and total < 0")
    await shop.engine.checkout.refunds.ask_status(M, opened["checkout_id"])
    assert await payment(shop, opened["checkout_id"]) == "sending"
    goes_on.set()
    assert (await giving_back).total == -1010


async def test_a_person_says_the_money_went_back(shop: Shop) -> None:
    sale_id, doubt = await in_doubt(shop)
    sale = await resolve(shop, sale_id, doubt.refund_id, "refunded")
    assert (sale.refunded, await shop.engine.checkout.refunds.in_doubt(M, sale_id)) == (1013, [])
    refund = await shop.engine.sales.get(M, sale.refunds[0])
    assert (refund.guaranteed, (await back(shop, sale_id, "r")).sale_id) == (False, refund.sale_id)
    audited = await shop.rows("select act, subject_id, why from audit where act like 'resolve-refund%'")
    assert audited == [{"act": "resolve-refund-refunded", "subject_id": doubt.refund_id, "why": "the slip says so"}]


async def test_a_person_says_it_did_not_and_the_terminal_undoes_what_it_gave(shop: Shop) -> None:
    sale_id, doubt = await in_doubt(shop)
    assert (await resolve(shop, sale_id, doubt.refund_id, "declined")).refunded == 0
    assert await payment(shop, doubt.refund_id) == "declined"
    with pytest.raises(Conflict) as declined:
        await back(shop, sale_id, "r")
    assert declined.value.code == "refund-declined"
    gone = [one.cancelled for one in await shop.operations() if one.kind == "refund"]
    assert gone == [True]
    rest = [ReturnedLine(line_id="1", quantity=1000)]
    again = await shop.engine.checkout.refund(M, sale_id, rest, "broken", key="again", by=SELLER)
    assert again.total == -2087, "the quantities are free"


async def test_what_the_terminal_could_not_undo_at_once_is_undone_by_recovery(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sale_id, doubt = await in_doubt(shop)
    monkeypatch.setattr(shop.terminal, "capabilities", Capabilities(cancel=False))
    await resolve(shop, sale_id, doubt.refund_id, "declined")
    assert (await payment(shop, doubt.refund_id), (await shop.engine.recovery.run()).in_doubt) == ("reversing", 1)
    monkeypatch.undo()
    assert (await shop.engine.recovery.run()).resolved == 1
    assert await payment(shop, doubt.refund_id) == "reversed"


async def test_it_is_ended_once_and_with_a_reason(shop: Shop) -> None:
    sale_id, doubt = await in_doubt(shop)
    for outcome, reason, path in (("maybe", "because", "$.outcome"), ("refunded", "  ", "$.reason")):
        with pytest.raises(RequestError) as refused:
            await shop.engine.resolving.refund(M, sale_id, doubt.refund_id, outcome, reason, by=SELLER)  # type: ignore[arg-type]
        assert refused.value.path == path
    await resolve(shop, sale_id, doubt.refund_id, "refunded")
    for refund_id in (doubt.refund_id, "ref_nothing"):
        with pytest.raises(Conflict) as late:
            await resolve(shop, sale_id, refund_id, "declined")
        assert late.value.code == "not-in-doubt"


async def test_a_seller_needs_a_second_person(shop: Shop) -> None:
    sale_id, doubt = await in_doubt(shop)
    with pytest.raises(Forbidden) as refused:
        await resolve(shop, sale_id, doubt.refund_id, "refunded", Allowance(who=SELLER.who, needs=True))
    assert refused.value.code == "approval-needed"
    assert len(await shop.engine.checkout.refunds.in_doubt(M, sale_id)) == 1


# --- a card's refund without a terminal ------------------------------------------------------------------------------


async def test_no_terminal_on_file_is_no_refund_for_a_card(shop: Shop) -> None:
    """However it is asked about: only cash, the wallet and nothing at all go back without a terminal."""
    paid = await shop.sell(1000)
    await shop.sql.write(_forget_connector)
    with pytest.raises(Conflict) as refused:
        await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="r", by=SELLER)
    assert refused.value.code == "refund-declined"
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert sale.refunded == 0


def _forget_connector() -> Job[None]:
    yield Query("update payment set connector = '' where merchant_id = ?", (M,))


async def test_nor_is_one_that_a_crash_left_open(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = await shop.sell(1000)

    async def silent(*_: object) -> PaymentResult:
        return PaymentResult(outcome="unknown", payment_ref="")

    monkeypatch.setattr(shop.engine.checkout.refunds, "_give_back", silent)
    with pytest.raises(Conflict) as doubt:
        await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="r", by=SELLER)
    assert doubt.value.code == "refund-unknown"
    await shop.sql.write(_forget_connector)
    assert (await shop.engine.recovery.run()).resolved == 1
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.refunded, sale.refunds) == (0, ())


# --- coupons ---------------------------------------------------------------------------------------------------------


async def test_a_coupon_that_a_payment_holds_while_its_sale_comes_back_is_void_afterwards(shop: Shop) -> None:
    await _coupon_programme(shop)
    ada = await shop.customer()
    first = await shop.sell(1000, customer_id=ada)
    holding = await shop.accept(await shop.identify(await shop.basket(2000, station=OTHER_STATION), ada))
    assert holding.decision is not None and holding.decision.saved == 300
    await shop.engine.offers.remove(M, "off_give")
    await shop.engine.checkout.refund(M, first.sale_id or "", None, "all", key="r", by=SELLER)
    await shop.engine.stations.abandon(M, holding.session_id)
    later = await shop.sell(2000, customer_id=ada)
    assert later.decision is not None and later.decision.saved == 0


async def test_one_that_was_spent_stays_spent_and_comes_back_void(shop: Shop) -> None:
    await _coupon_programme(shop)
    ada = await shop.customer()
    first = await shop.sell(1000, customer_id=ada)
    await shop.engine.offers.remove(M, "off_give")
    second = await shop.sell(2000, customer_id=ada)
    assert second.decision is not None and second.decision.saved == 300
    for number, sold in enumerate((first, second)):
        await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key=f"r{number}", by=SELLER)
    third = await shop.sell(2000, customer_id=ada)
    assert third.decision is not None and third.decision.saved == 0


async def _coupon_programme(shop: Shop) -> None:
    """Three euros off at the next visit."""
    give = NextVisitCoupon(offer_id="off_back", days=30)
    personal = InSegment(any_of=("coupon:off_back",))
    off = Offer(
        offer_id="off_back", name={"en": "Back"}, currency="EUR", effects=(AmountOff(amount=300),), conditions=personal
    )
    await shop.engine.offers.create(M, off)
    await shop.engine.offers.create(M, Offer(offer_id="off_give", name={"en": "Give"}, currency="EUR", effects=(give,)))
