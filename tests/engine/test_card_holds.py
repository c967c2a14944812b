"""An amount held on a card before the sale: taken once and at most, or let go, whatever the terminal answers."""

import asyncio

import pytest

from poi_engine.checkout.hold_rows import CardHold
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_engine.verify import verify
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
HELD = 5000


async def hold(shop: Shop, amount: int = HELD, key: str = "hold") -> CardHold:
    return await shop.engine.holds.open(M, STATION, amount, key=key, by=SELLER)


async def complete(shop: Shop, made: CardHold, *amounts: int, station: str = STATION, key: str = "take") -> Session:
    session = await shop.accept(await shop.basket(*amounts, station=station))
    return await shop.engine.checkout.pay(M, session.session_id, "card", hold=made.hold_id, key=key, by=SELLER)


async def released(shop: Shop, made: CardHold) -> CardHold:
    return await shop.engine.holds.release(M, made.hold_id, "went away", by=SELLER)


def captures(shop: Shop) -> list[tuple[str, int, bool]]:
    """What the terminal was asked to take of holds, and whether it did."""
    return [
        (one.of_reference, one.amount, one.approved) for one in shop.terminal.book.operations() if one.kind == "capture"
    ]


async def test_a_sale_takes_a_part_of_what_is_held_in_one_capture(shop: Shop) -> None:
    made = await hold(shop)
    assert (made.state, made.amount) == ("held", HELD)
    paid = await complete(shop, made, 1200, 800)
    assert (paid.state, [one.means for one in paid.tenders]) == ("paid", ["card"])
    assert await asyncio.to_thread(captures, shop) == [(made.hold_id, 2000, True)]
    refund = await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="back", by=SELLER)
    assert refund.total == -2000
    assert await verify(shop.sql) == []


async def test_a_hold_is_asked_for_once_under_its_key(shop: Shop) -> None:
    first, second = await asyncio.gather(hold(shop), hold(shop))
    assert first.hold_id == second.hold_id
    operations = await asyncio.to_thread(shop.terminal.book.operations)
    assert [one.reference for one in operations if one.kind == "authorise"] == [first.hold_id]


async def test_a_hold_is_taken_once_by_two_sales_at_the_same_time(shop: Shop) -> None:
    made = await hold(shop)
    session = await shop.accept(await shop.basket(1000))

    async def pay(key: str) -> Session:
        return await shop.engine.checkout.pay(M, session.session_id, "card", hold=made.hold_id, key=key, by=SELLER)

    ends = await asyncio.gather(pay("a"), pay("b"), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["Conflict", "Session"]
    with pytest.raises(Conflict, match="once"):
        await complete(shop, made, 700, key="again")
    with pytest.raises(Conflict, match="once"):
        await released(shop, made)
    assert await asyncio.to_thread(captures, shop) == [(made.hold_id, 1000, True)]


async def test_more_than_is_held_is_refused_before_anything_is_sent_and_nothing_is_held_elsewhere(shop: Shop) -> None:
    made = await hold(shop)
    with pytest.raises(Conflict) as refused:
        await complete(shop, made, HELD + 1)
    assert refused.value.code == "more-than-held"
    with pytest.raises(NotFound):
        await complete(shop, made, 700, station=OTHER_STATION, key="elsewhere")
    assert await asyncio.to_thread(captures, shop) == []
    assert (await released(shop, made)).state == "released"


async def test_what_is_let_go_is_not_taken_any_more(shop: Shop) -> None:
    made = await hold(shop)
    assert (await released(shop, made)).state == "released"
    assert (await released(shop, made)).state == "released"
    operation = await asyncio.to_thread(shop.terminal.book.find, made.hold_id)
    assert operation is not None and operation.cancelled
    with pytest.raises(Conflict) as refused:
        await complete(shop, made, 700)
    assert refused.value.code == "hold-over"


async def test_a_capture_that_is_declined_leaves_the_hold_to_another_or_to_be_let_go(shop: Shop) -> None:
    made = await hold(shop)
    assert (await complete(shop, made, 1005, key="no")).state == "declined"
    assert (await complete(shop, made, 1100, key="yes")).state == "paid"
    assert [one for one in await asyncio.to_thread(captures, shop) if one[2]] == [(made.hold_id, 1100, True)]


@pytest.mark.parametrize(("amount", "state"), [(5013, "held"), (5014, "declined"), (5016, "declined")])
async def test_a_hold_without_an_answer_waits_and_asks(shop: Shop, amount: int, state: str) -> None:
    made = await hold(shop, amount)
    assert made.state == ("declined" if amount == 5016 else "opening")
    if made.state == "opening":
        with pytest.raises(Conflict):
            await released(shop, made)
    await shop.engine.holds.round()
    assert (await shop.engine.holds.get(M, made.hold_id)).state == state


async def test_a_capture_without_an_answer_is_asked_about_and_makes_one_sale(shop: Shop) -> None:
    made = await hold(shop)
    doubtful = await complete(shop, made, 1013)
    assert doubtful.state == "unknown"
    with pytest.raises(Conflict):
        await released(shop, made)
    assert (await shop.engine.checkout.ask_status(M, doubtful.session_id)).state == "paid"
    assert await asyncio.to_thread(captures, shop) == [(made.hold_id, 1013, True)]


async def test_where_nothing_is_left_to_pay_the_card_is_let_go(shop: Shop) -> None:
    made = await hold(shop)
    assert (await complete(shop, made, 0)).state == "paid"
    assert (await shop.engine.holds.get(M, made.hold_id)).state == "releasing"
    await shop.engine.holds.round()
    assert (await shop.engine.holds.get(M, made.hold_id)).state == "released"
    assert await asyncio.to_thread(captures, shop) == []


async def test_nothing_is_held_for_nothing_nor_by_other_means_nor_in_training(shop: Shop) -> None:
    with pytest.raises(RequestError):
        await hold(shop, 0)
    made, session = await hold(shop), await shop.accept(await shop.basket(1000))
    with pytest.raises(RequestError, match="Only a card"):
        await shop.engine.checkout.pay(M, session.session_id, "cash", hold=made.hold_id, key="cash", by=SELLER)

    def training() -> Job[None]:
        yield Query("update station set training = 1")

    await shop.sql.write(training)
    shop.engine.places.forget()
    with pytest.raises(Conflict) as refused:
        await hold(shop, key="exercise")
    assert refused.value.code == "in-training"
