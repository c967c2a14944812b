"""A limit that the offers of a campaign share: two offers together never take more of it than it holds."""

import asyncio
from pathlib import Path

import pytest

from poi_engine.errors import Conflict, RequestError
from poi_engine.session import Session
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from poi_offers.model import Limit
from poi_offers.offer_effects import AmountOff, Message, PercentOff
from tests.campaigns.writing import draft
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey

TWO = (AmountOff(amount=100), AmountOff(amount=60))


def shared(of: str, cap: int, **more: str) -> Limit:
    return Limit(of=of, cap=cap, shared=True, **more)  # type: ignore[arg-type]


async def started(shop: Shop, *limits: Limit) -> str:
    book = shop.engine.campaigns
    made = await book.create(M, draft(*TWO, limits=limits), by=SELLER)
    return (await book.start(M, made.campaign_id, by=SELLER)).campaign_id


async def saved(shop: Shop) -> int:
    session = await shop.sell(1000)
    assert session.decision is not None
    return session.decision.saved


async def test_money_is_given_once_whichever_offer_gives_it(shop: Shop) -> None:
    campaign_id = await started(shop, shared("money", 400))
    assert [await saved(shop) for _ in range(5)] == [160, 160, 60, 0, 0]
    counters = await shop.engine.counters.read(M, campaign_id)
    assert counters.saved == 380
    assert [(one.offer_id, one.left) for one in counters.left] == [("", 20)]
    assert await shop.balance(f"limit:{campaign_id}:money:total:ever") == 20


async def test_uses_are_counted_over_all_offers(shop: Shop) -> None:
    campaign_id = await started(shop, shared("uses", 3))
    assert [await saved(shop) for _ in range(3)] == [160, 100, 0]
    assert (await shop.engine.counters.read(M, campaign_id)).uses == 3


async def test_beside_it_each_offer_may_have_a_limit_of_its_own(shop: Shop) -> None:
    campaign_id = await started(shop, shared("uses", 5), Limit(of="uses", cap=2))
    assert [await saved(shop) for _ in range(3)] == [160, 160, 0]
    left = {(one.offer_id, one.left) for one in (await shop.engine.counters.read(M, campaign_id)).left}
    assert left == {("", 1), (f"{campaign_id}.1", 0), (f"{campaign_id}.2", 0)}


async def test_a_returned_sale_gives_its_part_back(shop: Shop) -> None:
    await started(shop, shared("money", 160))
    session = await shop.sell(1000)
    assert await saved(shop) == 0
    await shop.engine.checkout.refund(M, str(session.sale_id), None, "broken", key=shop.key(), by=SELLER)
    assert await saved(shop) == 160


async def _at_once(shop: Shop) -> None:
    """Two stations accept in the same moment what both were shown: 160 of the 200 that are left."""
    campaign_id = await started(shop, shared("money", 200))
    sessions = [await shop.basket(1000, station=station) for station in (STATION, OTHER_STATION)]
    assert [one.decision and one.decision.saved for one in sessions] == [160, 160]
    accepted = await asyncio.gather(*map(shop.accept, sessions), return_exceptions=True)
    won = [one for one in accepted if isinstance(one, Session)]
    assert len(won) == 1
    assert [one.code for one in accepted if isinstance(one, Conflict)] == ["decide-again"]
    await shop.pay(won[0])
    assert await saved(shop) == 0
    assert (await shop.engine.counters.read(M, campaign_id)).saved == 160


async def test_two_stations_at_once_do_not_exceed_it(shop: Shop) -> None:
    await _at_once(shop)


@pytest.mark.postgresql
async def test_nor_on_postgresql(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> None:
    sql = open_sql(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    try:
        await shop.setup()
        await _at_once(shop)
        assert await verify(sql) == []
    finally:
        await shop.engine.offers.close()
        await shop.close()
        await sql.close()


async def test_an_offer_without_money_may_stand_under_a_shared_limit(shop: Shop) -> None:
    book, hello = shop.engine.campaigns, Message(text={"en": "Hello"})
    limits = (shared("money", 150),)
    made = await book.create(M, draft(PercentOff(percent=1000), hello, limits=limits), by=SELLER)
    await book.start(M, made.campaign_id, by=SELLER)
    assert [await saved(shop) for _ in range(2)] == [100, 0]
    with pytest.raises(RequestError) as refused:
        await book.create(M, draft(hello, limits=limits), by=SELLER)
    assert (refused.value.code, refused.value.path) == ("limit-without-money", "$.limits[0].of")
