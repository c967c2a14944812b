"""Two engines on one PostgreSQL and one valkey-server sell from the same limits and see the same session."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import PoiError, RequestError
from poi_engine.returns import ReturnedLine
from poi_engine.session import Session
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from poi_offers.model import Limit, Offer, PercentOff
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
CAP = 5


@pytest.fixture
async def shop(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on PostgreSQL; at the end every invariant of the storage must hold."""
    sql = open_sql(postgres_url)
    made = Shop(sql, sessions, tmp_path)
    await made.setup()
    limited = Offer(
        offer_id="off_1",
        name={"en": "x"},
        currency="EUR",
        effects=(PercentOff(percent=1000),),
        limits=(Limit(of="uses", cap=CAP),),
    )
    await made.engine.offers.create(M, limited)
    yield made
    findings = await verify(sql)
    await made.close()
    await sql.close()
    assert findings == []


async def test_a_session_begun_at_one_is_paid_and_returned_at_the_other(shop: Shop) -> None:
    other = shop.build()
    customer_id = await shop.customer()
    session = await shop.identify(await shop.basket(1000), customer_id)
    seen = await other.stations.get(M, session.session_id)
    assert seen == session
    assert seen.decision is not None
    assert seen.decision_id is not None
    accepted = await other.checkout.accept(M, seen.session_id, seen.decision_id, seen.decision.total, by=SELLER)
    paid = await shop.pay(accepted)
    back = await other.checkout.refund(M, paid.sale_id or "", None, "broken", key="r", by=SELLER)
    assert back.total == -900
    assert await shop.balance("limit:off_1:0:total:ever") == CAP
    assert (await other.customers.facts(M, customer_id, round(shop.clock.now() * 1e6))).visits_in[0] == 1


async def test_the_same_key_at_both_pays_once(shop: Shop) -> None:
    other = shop.build()
    accepted = await shop.accept(await shop.basket(1000))
    calls = [
        engine.checkout.pay(M, accepted.session_id, "card", key="one", by=SELLER)
        for engine in (shop.engine, other, shop.engine, other)
    ]
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert {one.sale_id for one in got if isinstance(one, Session)} == {shop.seen.sales[0]}
    assert {one.code for one in got if isinstance(one, PoiError)} <= {"payment-under-way"}
    again = await other.checkout.pay(M, accepted.session_id, "card", key="one", by=SELLER)
    assert again.sale_id == shop.seen.sales[0]


async def test_no_limit_is_oversold_and_no_line_over_returned(shop: Shop) -> None:
    engines = (shop.engine, shop.build())
    for _ in range(4):
        await asyncio.gather(
            *(sell(engine, station) for engine, station in zip(engines, (STATION, OTHER_STATION), strict=True))
        )
    assert await shop.balance("limit:off_1:0:total:ever") == 0
    uses = await shop.rows("select count(*) as n from redemption where offer_id = 'off_1'")
    assert uses == [{"n": CAP}]
    lines = [ReturnedLine(line_id="1", quantity=700)]
    calls = [
        engines[number % 2].checkout.refund(M, shop.seen.sales[0], lines, "broken", key=f"r{number}", by=SELLER)
        for number in range(4)
    ]
    got = await asyncio.gather(*calls, return_exceptions=True)
    assert [one.code for one in got if isinstance(one, RequestError)] == ["more-than-left"] * 3


async def sell(engine, station: str) -> None:  # type: ignore[no-untyped-def]
    """Accept what is shown until it is paid."""
    session = await engine.stations.open(M, station, [BasketEntry(amount=1000)])
    for _ in range(5):
        try:
            await engine.checkout.accept(M, session.session_id, session.decision_id, session.decision.total, by=SELLER)
            break
        except PoiError as error:
            assert error.code == "decide-again"
            session = await engine.stations.get(M, session.session_id)
    paid = await engine.checkout.pay(M, session.session_id, "cash", key=session.session_id, by=SELLER)
    assert paid.state == "paid"
