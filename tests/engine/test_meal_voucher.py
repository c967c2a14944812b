"""Meal vouchers pay for what may be eaten, and only so much of it in a customer's day."""

import asyncio

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.session import Session
from poi_engine.settings import MealVoucher, Programme, write_setting
from poi_engine.verify import verify
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

pytestmark = pytest.mark.valkey
TARTE, CAFE = 1890, 220
FOOD = MealVoucher(categories=("food",))


@pytest.fixture
async def canteen(shop: Shop) -> Shop:
    """A shop that takes meal vouchers for food, 25.00 a day."""
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", FOOD))
    return shop


async def lunch(shop: Shop, *codes: str, plain: int = 0, who: str | None = None, at: str = "sta_1") -> Session:
    """An accepted basket of products, and something else of a plain amount."""
    entries = [BasketEntry(code=code) for code in codes] + ([BasketEntry(amount=plain)] if plain else [])
    session = await shop.engine.stations.open(M, at, entries)
    return await shop.accept(await shop.identify(session, who) if who else session)


async def voucher(shop: Shop, session: Session, amount: int | None = None) -> Session:
    """Pay by meal voucher."""
    return await shop.pay(session, "meal_voucher", amount=amount)


async def refused(shop: Shop, session: Session, amount: int | None, code: str) -> str:
    """The refusal's sentence."""
    with pytest.raises(Conflict) as error:
        await voucher(shop, session, amount)
    assert (error.value.code, error.value.path) == (code, "$.amount")
    return error.value.message


async def test_they_pay_for_food_alone(canteen: Shop) -> None:
    session = await lunch(canteen, "tarte", "cafe", plain=5000)
    assert str(TARTE + CAFE) in await refused(canteen, session, TARTE + CAFE + 1, "voucher-not-eligible")
    part = await voucher(canteen, session, TARTE + CAFE)
    assert part.due == 5000
    assert " 0 " in await refused(canteen, session, 1, "voucher-not-eligible")
    paid = await canteen.pay(session, "card")
    assert paid.state == "paid"
    sale = await canteen.engine.sales.get(M, paid.sale_id or "")
    assert [(one.means, one.amount) for one in sale.receipt.payments] == [("meal_voucher", 2110), ("card", 5000)]
    assert await verify(canteen.sql) == []


async def test_a_shop_that_names_no_category_takes_none(shop: Shop) -> None:
    assert Programme().meal_voucher == MealVoucher(categories=(), daily_cap=2500)
    await refused(shop, await lunch(shop, "cafe"), None, "voucher-not-eligible")


async def test_a_category_is_not_the_beginning_of_a_word(shop: Shop) -> None:
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", MealVoucher(categories=("food/past",))))
    await refused(shop, await lunch(shop, "tarte"), None, "voucher-not-eligible")
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", MealVoucher(categories=("food/pastry",))))
    assert (await voucher(shop, await shop.engine.stations.current(M, "sta_1"))).state == "paid"  # type: ignore[arg-type]


async def test_somebody_unknown_has_the_cap_once_a_sale(canteen: Shop) -> None:
    for _ in range(2):
        session = await lunch(canteen, "tarte", "tarte")
        assert "2500" in await refused(canteen, session, None, "voucher-cap")
        await voucher(canteen, session, 2000)
        assert "500" in await refused(canteen, session, 501, "voucher-cap")
        await voucher(canteen, session, 500)
        assert (await canteen.pay(session, "cash")).state == "paid"


async def test_a_customers_day_has_it_once_whatever_the_station_and_midnight_renews_it(canteen: Shop) -> None:
    ada = await canteen.customer()
    assert (await voucher(canteen, await lunch(canteen, "tarte", who=ada))).state == "paid"
    session = await lunch(canteen, "tarte", who=ada, at=OTHER_STATION)
    assert str(2500 - TARTE) in await refused(canteen, session, TARTE, "voucher-cap")
    await canteen.engine.stations.abandon(M, session.session_id)
    canteen.clock.forward(10 * 3600)  # 14:00 in Paris and ten hours: the next day has begun
    assert (await voucher(canteen, await lunch(canteen, "tarte", who=ada, at=OTHER_STATION))).state == "paid"


async def test_what_comes_back_the_same_day_can_be_paid_again(canteen: Shop) -> None:
    ada = await canteen.customer()
    paid = await voucher(canteen, await lunch(canteen, "tarte", who=ada))
    await canteen.engine.checkout.refund(M, paid.sale_id or "", None, "cold", key="r", by=SELLER)
    assert (await voucher(canteen, await lunch(canteen, "tarte", who=ada))).state == "paid"


async def test_two_tills_share_one_day(canteen: Shop) -> None:
    ada = await canteen.customer()
    tills = [await lunch(canteen, "tarte", plain=100, who=ada, at=name) for name in ("sta_1", OTHER_STATION)]
    got = await asyncio.gather(*(voucher(canteen, till, TARTE) for till in tills), return_exceptions=True)
    assert sorted(one.code if isinstance(one, Conflict) else "taken" for one in got) == ["taken", "voucher-cap"]


async def test_without_a_cap_the_food_is_the_end_of_it(shop: Shop) -> None:
    rule = MealVoucher(categories=("food",), daily_cap=None)
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", rule))
    assert (await voucher(shop, await lunch(shop, "tarte", "tarte"))).state == "paid"


async def test_what_they_may_pay_is_told_beforehand_and_is_what_is_taken(canteen: Shop) -> None:
    """25.00 a day: of 21.10 of food all, then of another 21.10 what the day has left."""
    who = await canteen.customer()
    session = await canteen.basket(5000)
    look = canteen.engine.checkout.meal_voucher
    assert (await look(M, session.session_id)).amount == 0, "no food"
    await canteen.engine.stations.abandon(M, session.session_id)
    session = await lunch(canteen, "tarte", "cafe", plain=5000, who=who)
    told = await look(M, session.session_id)
    assert (told.amount, told.eligible, told.left_today) == (2110, 2110, 2500)
    part = await voucher(canteen, session, 1000)
    told = await look(M, part.session_id)
    assert (told.amount, told.eligible, told.left_today) == (1110, 1110, 1500)
    await voucher(canteen, session, told.amount)
    await canteen.pay(session, "cash")
    session = await lunch(canteen, "tarte", "cafe", who=who)
    told = await look(M, session.session_id)
    assert (told.amount, told.eligible, told.left_today) == (390, 2110, 390)
    await refused(canteen, session, told.amount + 1, "voucher-cap")
    assert (await voucher(canteen, session, told.amount)).due == 2110 - 390
