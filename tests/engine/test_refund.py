"""Refunds: what goes back to whom, once, and never more than there was."""

import asyncio

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.errors import Conflict, RequestError
from poi_engine.principal import Principal
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import Cashback, PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

pytestmark = pytest.mark.valkey


async def refund(shop: Shop, sale_id: str | None, *lines: tuple[str, int], key: str = "r"):  # type: ignore[no-untyped-def]
    """Refund lines, or all that is left."""
    asked = [ReturnedLine(line_id=line_id, quantity=quantity) for line_id, quantity in lines] or None
    return await shop.engine.checkout.refund(M, sale_id or "", asked, "broken", key=key, by=SELLER)


def offer(offer_id: str, effect: object, **changes: object) -> Offer:
    """An offer with one effect."""
    return Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", effects=(effect,), **changes)  # type: ignore[arg-type]


async def test_a_full_return_undoes_the_sale(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_1", PercentOff(percent=1000), limits=(Limit(of="uses", cap=3),)))
    await shop.engine.offers.create(M, offer("off_2", Cashback(amount=150)))
    customer = await shop.customer()
    paid = await shop.sell(1000, 2000, customer_id=customer)
    assert await shop.balance(f"points:{customer}") == 27
    back = await refund(shop, paid.sale_id)
    assert (back.total, back.saved, back.subtotal, back.points) == (-2700, -300, -3000, -27)
    assert back.receipt.kind == "refund"
    assert back.receipt.refund_of == paid.sale_id
    assert await shop.balance(f"points:{customer}") == 0
    assert await shop.balance(f"wallet:{customer}") == 0
    assert await shop.balance("limit:off_1:0:total:ever") == 3
    assert await shop.balance("sales:sto_1") == 0
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.refunded, sale.refunds) == (2700, (back.sale_id,))
    assert (await shop.engine.customers.get(M, customer)).spend == 0
    with pytest.raises(Conflict) as nothing:
        await refund(shop, paid.sale_id, key="r2")
    assert nothing.value.code == "nothing-left"
    assert (await shop.engine.offers.use(M, "off_1")).saved == 0


async def test_a_part_takes_back_its_share_and_keeps_the_limit(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_1", PercentOff(percent=1000), limits=(Limit(of="uses", cap=3),)))
    customer = await shop.customer()
    paid = await shop.sell(1000, 2000, customer_id=customer)
    back = await refund(shop, paid.sale_id, ("1", 500))
    assert (back.total, back.points) == (-450, -4)
    assert await shop.balance("limit:off_1:0:total:ever") == 2
    with pytest.raises(RequestError) as more:
        await refund(shop, paid.sale_id, ("1", 501), key="r2")
    assert (more.value.code, more.value.path) == ("more-than-left", "$.lines[0].quantity")
    rest = await refund(shop, paid.sale_id, key="r3")
    assert (rest.total, rest.points) == (-2250, -23)
    assert await shop.balance("limit:off_1:0:total:ever") == 3


async def test_points_that_were_spent_become_a_debt_settled_first(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_r", PercentOff(percent=1000), reward_points=20))
    customer = await shop.customer()
    first = await shop.sell(2500, customer_id=customer)
    session = await shop.identify(await shop.basket(1000), customer)
    session = await shop.engine.stations.set_basket(
        M, session.session_id, [BasketEntry(amount=1000)], rewards=("off_r",)
    )
    await shop.pay(await shop.accept(session))
    assert await shop.balance(f"points:{customer}") == 25 - 20 + 9
    back = await refund(shop, first.sale_id)
    assert await shop.balance(f"points:{customer}") == 0
    assert await shop.balance(f"points_owed:{customer}") == 11
    assert back.receipt.points_owed == 11
    third = await shop.sell(1500, customer_id=customer)
    assert await shop.balance(f"points_owed:{customer}") == 0
    assert await shop.balance(f"points:{customer}") == 4
    assert (await shop.engine.sales.get(M, third.sale_id or "")).receipt.points_owed == 0


async def test_two_refunds_at_once_never_give_back_more_than_there_was(shop: Shop) -> None:
    paid = await shop.sell(1000)
    got = await asyncio.gather(
        *(refund(shop, paid.sale_id, ("1", 600), key=f"k{number}") for number in range(4)), return_exceptions=True
    )
    assert sum(1 for one in got if not isinstance(one, BaseException)) == 1
    assert {one.code for one in got if isinstance(one, RequestError)} == {"more-than-left"}
    paid_by = await paid_reference(shop)
    assert await asyncio.to_thread(shop.terminal.book.refunded, paid_by) == 600


async def paid_reference(shop: Shop) -> str:
    """The only authorisation's reference."""
    [paid] = [done.reference for done in await shop.operations() if done.kind == "authorise"]
    return paid


async def test_the_same_key_refunds_once(shop: Shop) -> None:
    paid = await shop.sell(1000)
    first = await refund(shop, paid.sale_id, ("1", 100))
    assert (await refund(shop, paid.sale_id, ("1", 100))).sale_id == first.sale_id
    with pytest.raises(Conflict) as other:
        await refund(shop, paid.sale_id, ("1", 200))
    assert other.value.code == "idempotency-mismatch"


async def test_a_refund_in_doubt_is_asked_about_with_the_same_key(shop: Shop) -> None:
    paid = await shop.sell(2087, 1013)
    with pytest.raises(Conflict) as doubt:
        await refund(shop, paid.sale_id, ("2", 1000))
    assert doubt.value.code == "refund-unknown"
    with pytest.raises(RequestError) as aside:
        await refund(shop, paid.sale_id, ("2", 1), key="other")
    assert aside.value.code == "more-than-left", "what is in doubt is set aside"
    assert (await refund(shop, paid.sale_id, ("2", 1000))).total == -1013


async def test_a_refund_in_doubt_is_resolved_after_a_restart(shop: Shop) -> None:
    paid = await shop.sell(2087, 1013)
    with pytest.raises(Conflict):
        await refund(shop, paid.sale_id, ("2", 1000))
    await shop.restart()
    assert (await shop.engine.sales.get(M, paid.sale_id or "")).refunded == 1013


async def test_a_declined_refund_leaves_the_sale_as_it_was(shop: Shop) -> None:
    paid = await shop.sell(2095, 1005)
    for _ in range(2):
        with pytest.raises(Conflict) as declined:
            await refund(shop, paid.sale_id, ("2", 1000), key="d")
        assert declined.value.code == "refund-declined"
    assert (await shop.engine.sales.get(M, paid.sale_id or "")).refunded == 0


async def test_cash_and_wallet_go_back_where_they_came_from(shop: Shop) -> None:
    await shop.engine.offers.create(M, offer("off_2", Cashback(amount=1000)))
    customer = await shop.customer()
    first = await shop.sell(500, means="cash", customer_id=customer)
    await shop.engine.offers.remove(M, "off_2")
    paid = await shop.sell(800, means="wallet", customer_id=customer)
    assert await shop.balance(f"wallet:{customer}") == 200
    await refund(shop, paid.sale_id)
    assert await shop.balance(f"wallet:{customer}") == 1000
    back = await refund(shop, first.sale_id, key="r2")
    assert back.means == "cash"
    assert await shop.balance(f"wallet:{customer}") == 0
    assert await shop.operations() == []


async def test_the_refunding_station_writes_the_receipt_in_its_own_journal(shop: Shop) -> None:
    paid = await shop.sell(500)
    by = Principal(merchant_id=M, access_id="acc_2", role="station", subject_id=OTHER_STATION)
    back = await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="r", by=by)
    assert (back.station_id, back.receipt_number) == (OTHER_STATION, 1)
    with pytest.raises(Conflict) as again:
        await shop.engine.checkout.refund(M, back.sale_id, None, "twice", key="q", by=by)
    assert again.value.code == "is-a-refund"


async def test_a_reason_is_no_place_for_a_card_number(shop: Shop) -> None:
    """Receipts of refunds say why, for ever."""
    sold = await shop.sell(1000)
    with pytest.raises(RequestError, match="card's number"):
        await shop.engine.checkout.refund(
            M, sold.sale_id or "", None, "card 4111111111111111", key=shop.key(), by=SELLER
        )
