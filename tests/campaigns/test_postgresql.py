"""The same campaigns and suggestions on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poi_engine.campaigns.audience import LAPSING
from poi_engine.campaigns.preview import Preview
from poi_engine.catalogue.past import Days
from poi_engine.setup import Setup
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from poi_offers.model import Limit
from tests.campaigns.test_suggestions import by_kind, plant
from tests.campaigns.writing import draft
from tests.engine.shop import SELLER, START, M, Shop

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]

TODAY = datetime.fromtimestamp(START, UTC).date()


async def test_a_campaigns_life(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> None:
    sql = open_sql(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    try:
        await shop.setup()
        await Setup(sql, shop.ids).load_zones()
        ada, book = await shop.customer(), shop.engine.campaigns
        for _ in range(3):
            await shop.sell(1000, customer_id=ada)
        days = Days(TODAY - timedelta(days=3), TODAY + timedelta(days=1))
        for most in (5000, 1):
            previews = type(shop.engine.previews)(sql, shop.engine.offers, most)
            asked = draft(audience=("rfm:new", LAPSING)) if most == 1 else draft()
            *_, preview = [step async for step in previews.run(M, "cmp_x", asked, days)]
            assert isinstance(preview, Preview)
            assert (preview.cost, preview.customers) == ((0, 0) if most == 1 else (300, 1))
        later = draft(limits=(Limit(of="uses", cap=2),), first=TODAY + timedelta(days=1))
        made = await book.create(M, later, by=SELLER)
        await book.start(M, made.campaign_id, by=SELLER)
        shop.clock.forward(86_400)
        assert await book.round() == 1
        await shop.sell(1000, customer_id=ada)
        counters = await shop.engine.counters.read(M, made.campaign_id)
        assert (counters.uses, counters.saved, counters.customers, counters.revenue) == (1, 100, 1, 900)
        assert counters.left[0].left == 1
        assert (await book.audience(M, ("rfm:new", LAPSING))).size == 0
        await book.stop(M, made.campaign_id, by=SELLER)
        assert [one.state for one in await book.list(M, before="cmp_z")] == ["stopped"]
        assert await verify(sql) == []
    finally:
        await shop.engine.offers.close()
        await shop.close()
        await sql.close()


async def test_what_is_planted_is_suggested(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> None:
    sql = open_sql(postgres_url)
    shop = Shop(sql, sessions, tmp_path)
    try:
        await shop.setup()
        await Setup(sql, shop.ids).load_zones()
        people = await plant(shop)
        for _ in range(2):
            found = by_kind((await shop.engine.suggestions.compute(M)).items)
            assert found.keys() >= {"together", "quiet_hours", "lapsing", "birthdays"}
        assert found["lapsing"].figures == {"customers": len(people), "usual_days": 7}
        await shop.engine.suggestions.dismiss(M, found["together"].suggestion_id, by=SELLER)
        shop.engine.suggestions.start_due()
    finally:
        await shop.engine.suggestions.close()
        await shop.engine.offers.close()
        await shop.close()
        await sql.close()
