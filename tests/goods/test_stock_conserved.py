"""Stock against a plain count: whatever tills, deliveries and counts do, nothing is lost or doubled."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_engine import ledger
from poi_engine.basket import BasketEntry
from poi_engine.goods.stock import CENTRAL, OutOfStock, Wanted, hold_steps, tracked_of
from poi_engine.goods.stockroom import MovedLine, NewMovement
from poi_engine.ports import Job
from poi_engine.session import Session
from poi_engine.setup import Setup
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
PLACES = (CENTRAL, "sto_1")
CODE = "eclair"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["received", "found", "lost", "counted", "moved", "order", "hold", "post", "void"]),
        st.sampled_from(PLACES),
        st.integers(1, 3000),
    ),
    max_size=25,
)


class Oracle:
    """The same stock, counted on fingers."""

    def __init__(self) -> None:
        self.there: Counter[str] = Counter()
        self.held: dict[str, tuple[str, int]] = {}

    def available(self, place: str) -> int:
        return self.there[place] - sum(amount for where, amount in self.held.values() if where == place)

    def does(self, act: str, place: str, amount: int, checkout_id: str) -> bool:
        """Whether it can be done; then it is."""
        left = self.available(place)
        if act in ("received", "found"):
            self.there[place] += amount
        elif act == "counted":
            self.there[place] += amount - left
        elif act in ("lost", "moved", "order") and amount > left:
            return False
        elif act in ("lost", "moved"):
            self.there[place] -= amount
            self.there[self.other(place)] += amount if act == "moved" else 0
        elif act in ("order", "hold"):
            self.there[place] += max(0, amount - left)  # in the hand, so it was there
            self.held[checkout_id] = (place, amount)
        return True

    def end(self, checkout_id: str, act: str) -> None:
        where, amount = self.held.pop(checkout_id)
        self.there[where] -= amount if act == "post" else 0

    @staticmethod
    def other(place: str) -> str:
        return next(one for one in PLACES if one != place)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_every_movement_and_checkout_against_a_plain_count(shop: Shop, steps: list[tuple[str, str, int]]) -> None:
    oracle, before = Oracle(), {place: await shop.balance(f"stock:{place}:{CODE}") for place in PLACES}
    for place in PLACES:
        oracle.there[place] = before[place]
    for act, place, amount in steps:
        await step(shop, oracle, act, place, amount)
        for one in PLACES:
            assert await shop.balance(f"stock:{one}:{CODE}") == oracle.available(one), act
    for checkout_id in list(oracle.held):
        await end(shop, oracle, checkout_id, "void")
    goods = [await shop.balance(f"goods:{name}") for name in ("received", "found", "lost", "sold")]
    assert sum(oracle.there.values()) + sum(goods) == 0


async def step(shop: Shop, oracle: Oracle, act: str, place: str, amount: int) -> None:
    if act in ("post", "void"):
        if oracle.held:
            await end(shop, oracle, next(iter(oracle.held)), act)
        return
    checkout_id = shop.ids.new("chk")
    expected = oracle.does(act, place, amount, checkout_id)
    try:
        if act in ("order", "hold"):
            await shop.sql.write(lambda: hold(shop, checkout_id, place, amount, act == "hold"))
        else:
            to = Oracle.other(place) if act == "moved" else None
            lines = (MovedLine(code=CODE, quantity=amount),)
            asked = NewMovement(kind=act, place=place, to=to, lines=lines)  # type: ignore[arg-type]
            await shop.engine.stock.move(M, asked, key=shop.key(), by=SELLER)
    except OutOfStock:
        assert not expected
    else:
        assert expected


def hold(shop: Shop, checkout_id: str, place: str, amount: int, in_hand: bool) -> Job[None]:
    wanted = [Wanted(code=CODE, place=place, quantity=amount, in_hand=in_hand)]
    tracked = yield from tracked_of(M, [CODE])
    steps = yield from hold_steps(M, checkout_id, wanted, "station:sta_1", tracked=tracked, ids=shop.ids, at=1)
    yield from ledger.change(M, steps, ids=shop.ids, at=1)


async def end(shop: Shop, oracle: Oracle, checkout_id: str, act: str) -> None:
    job = ledger.post if act == "post" else ledger.void
    await shop.sql.write(lambda: job(M, checkout_id, ids=shop.ids, at=1))
    oracle.end(checkout_id, act)


# --- many tills at once --------------------------------------------------------------------------------------------

TILLS = 12


@pytest.fixture
async def crowded(sql_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop with many tills."""
    sql = open_sql(sql_url)
    made = Shop(sql, sessions, tmp_path)
    await made.setup()
    await Setup(sql, made.ids).load_zones()  # as a server does before it listens: jobs of PostgreSQL run on the loop
    asked = NewMovement(kind="received", place="sto_1", lines=(MovedLine(code=CODE, quantity=1000),))
    await made.engine.stock.move(M, asked, key="first", by=SELLER)
    yield made
    await made.close()
    await sql.close()


async def test_tills_that_order_the_last_piece_at_once_hold_it_once(crowded: Shop) -> None:
    shop = crowded

    async def order(number: int) -> bool:
        for _ in range(3):
            try:
                await shop.sql.write(lambda: hold(shop, f"chk_{number}", "sto_1", 1000, in_hand=False))
            except ledger.Insufficient:  # another till was faster after the look
                continue
            except OutOfStock:
                return False
            return True
        return False

    assert sum(await asyncio.gather(*(order(number) for number in range(TILLS)))) == 1
    assert await shop.balance(f"stock:sto_1:{CODE}") == 0
    assert [one.rule for one in await verify(shop.sql)] == ["transfer-left-open"]


async def test_two_tills_with_a_piece_in_hand_each_sell_both(crowded: Shop) -> None:
    shop = crowded

    async def sell(station: str) -> Session:
        session = await shop.engine.stations.open(M, station)
        session = await shop.engine.stations.set_basket(M, session.session_id, [BasketEntry(code=CODE)])
        return await shop.pay(await shop.accept(session), "cash")

    paid = await asyncio.gather(sell("sta_1"), sell("sta_2"))
    assert {session.state for session in paid} == {"paid"}
    assert await shop.balance(f"stock:sto_1:{CODE}") == 0
    assert (await shop.balance("goods:sold"), await shop.balance("goods:found")) == (2000, -1000)
    assert await verify(shop.sql) == []
