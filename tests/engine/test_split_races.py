"""Two processes at one split sale, one gift card, one customer: PostgreSQL decides, and each cent counts once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, PoiError
from poi_engine.session import Session
from poi_engine.settings import MealVoucher, write_setting
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop, processes_of
from tests.engine.test_split_tender import gift_card

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
UNHEARD = 1013
ROUNDS = 3


@pytest.fixture
async def two(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[tuple[Shop, Shop]]:
    """Two processes of one shop, each with connections of its own."""
    second = open_sql(postgres_url)
    async with processes_of([open_sql(postgres_url)], sessions, tmp_path) as [shop]:
        yield shop, shop.beside(second)
    await second.close()


def codes(got: list[Session | BaseException]) -> set[str]:
    """Why those who were refused were."""
    for one in got:
        if isinstance(one, BaseException) and not isinstance(one, PoiError):
            raise one
    return {one.code for one in got if isinstance(one, PoiError)}


async def test_parts_never_exceed_the_total(two: tuple[Shop, Shop]) -> None:
    shop, _ = two
    for _ in range(ROUNDS):
        session = await shop.accept(await shop.basket(3000))
        tills = [till for till in two for _ in range(3)]
        pays = [till.pay(session, means, amount=700) for till, means in zip(tills, ("cash", "card") * 3, strict=True)]
        got = await asyncio.gather(*pays, return_exceptions=True)
        assert codes(got) <= {"payment-under-way", "more-than-due"}
        now = await shop.engine.stations.get(M, session.session_id)
        assert now.due == 3000 - 700 * len([one for one in got if isinstance(one, Session)])
        last = await asyncio.gather(*(till.pay(session, "cash") for till in two), return_exceptions=True)
        assert len([one for one in last if isinstance(one, Session) and one.state == "paid"]) == 1
        assert codes(last) <= {"payment-under-way", "already-paid"}


async def test_giving_up_and_paying_at_once_is_one_of_both(two: tuple[Shop, Shop]) -> None:
    shop, beside = two
    ends = set()
    for _ in range(ROUNDS):
        session = await shop.accept(await shop.basket(3000))
        await shop.pay(session, "card", amount=1000)
        gone, paid = await asyncio.gather(
            beside.engine.stations.abandon(M, session.session_id, by=SELLER),
            shop.pay(session, "cash"),
            return_exceptions=True,
        )
        assert codes([gone, paid]) <= {"payment-under-way", "illegal-move", "not-accepted"}
        state = (await shop.engine.stations.get(M, session.session_id)).state
        text = "select sum(amount) as n from payment where checkout_id = ? and state = 'captured'"
        kept = int(str((await shop.rows(text, (session.checkout_id,)))[0]["n"] or 0))
        assert (state, kept) in (("paid", 3000), ("abandoned", 0))
        ends.add(state)
    assert ends


async def test_two_who_ask_about_a_part_in_doubt_take_it_once(two: tuple[Shop, Shop]) -> None:
    shop, _ = two
    for _ in range(ROUNDS):
        session = await shop.accept(await shop.basket(3000))
        await shop.pay(session, "cash", amount=500)
        assert (await shop.pay(session, "card", amount=UNHEARD)).state == "unknown"
        asked = [till.engine.checkout.ask_status(M, session.session_id) for till in two for _ in range(2)]
        codes(await asyncio.gather(*asked, return_exceptions=True))
        now = await shop.engine.stations.get(M, session.session_id)
        assert [one.state for one in now.tenders] == ["captured", "captured"]
        assert now.due == 3000 - 500 - UNHEARD
        assert (await shop.pay(session, "cash")).state == "paid"
    assert not any(one.cancelled for one in await shop.operations())


async def test_one_gift_card_at_two_tills(two: tuple[Shop, Shop]) -> None:
    shop, _ = two
    card_id, code = await gift_card(shop, 1000)
    sessions = [await shop.accept(await shop.basket(3000, station=name)) for name in (STATION, OTHER_STATION)]
    refusals = set()
    for _ in range(3):
        pays = [
            till.pay(session, "gift_card", amount=300, gift_card=code)
            for till, session in zip(two, sessions, strict=True)
        ]
        refusals |= codes(await asyncio.gather(*pays, return_exceptions=True))
    assert refusals == {"insufficient"}
    assert await shop.balance(f"gift_card:{card_id}") == 100
    for session in sessions:
        await shop.engine.stations.abandon(M, session.session_id)
    assert await shop.balance(f"gift_card:{card_id}") == 1000


async def test_one_customers_vouchers_at_two_tills(two: tuple[Shop, Shop]) -> None:
    shop, _ = two
    await shop.sql.write(lambda: write_setting(M, "meal_voucher", MealVoucher(categories=("food",))))
    ada = await shop.customer()
    sessions = []
    for name in (STATION, OTHER_STATION):
        session = await shop.engine.stations.open(M, name, [BasketEntry(code="tarte"), BasketEntry(amount=100)])
        sessions.append(await shop.accept(await shop.identify(session, ada)))
    pays = [till.pay(session, "meal_voucher", amount=1500) for till, session in zip(two, sessions, strict=True)]
    got = await asyncio.gather(*pays, return_exceptions=True)
    assert [one.code for one in got if isinstance(one, Conflict)] == ["voucher-cap"]
