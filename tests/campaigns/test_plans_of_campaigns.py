"""What somebody waits for walks no table that grows with the sales."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poi_engine.campaigns.audience import LAPSING
from poi_engine.catalogue.past import Days
from poi_offers.model import Limit
from tests.campaigns.writing import draft
from tests.engine.plans import Recorded, walks
from tests.engine.shop import SELLER, START, M, Shop

pytestmark = pytest.mark.valkey

ALLOWED = {
    "from customer where merchant_id = ? and erased_at is null and merged_into is null": "how many customers there are",
    "and erased_at is null and merged_into is null": "birthdays are counted at night",
}
"""How a statement that may walk ends, and why it may."""


async def test_campaigns_and_suggestions_walk_no_growing_table(shop: Shop, sqlite_template: Path) -> None:
    recorded = Recorded(shop.sql)
    shop.sql = recorded
    shop.engine = shop.build()
    ada, today = await shop.customer(), datetime.fromtimestamp(START, UTC).date()
    await shop.sell(1000, customer_id=ada)
    made = await shop.engine.campaigns.create(M, draft(limits=(Limit(of="uses", cap=9),)), by=SELLER)
    before = len(recorded.statements)
    await shop.engine.campaigns.start(M, made.campaign_id, by=SELLER)
    await shop.engine.counters.read(M, made.campaign_id)
    await shop.engine.campaigns.audience(M, ("rfm:new", LAPSING))
    days = Days(today - timedelta(days=9), today)
    for most in (100, 0.5):
        previews = type(shop.engine.previews)(recorded, shop.engine.offers, most)  # type: ignore[arg-type]
        assert [step async for step in previews.run(M, "cmp_x", draft(audience=("rfm:new", LAPSING)), days)]
    await shop.engine.suggestions.compute(M)
    await _told_and_measured(shop)
    session = await shop.identify(await shop.basket(100), ada)
    assert (await shop.engine.advisor.of(session)).visits == 1
    await shop.engine.campaigns.stop(M, made.campaign_id, by=SELLER)
    assert len(recorded.statements) > before + 20
    with closing(sqlite3.connect(f"file:{sqlite_template}?mode=ro", uri=True)) as database:
        found = {text: walks(database, text, values) for text, values in recorded.statements.items()}
    bad = {text: steps for text, steps in found.items() if steps and not text.endswith(tuple(ALLOWED))}
    assert not bad, "\n".join(f"{text}\n    {'; '.join(steps)}" for text, steps in bad.items())


async def _told_and_measured(shop: Shop) -> None:
    """A sending from its first row to its last, and a campaign's lift, in which a customer's coupons are looked up."""
    asked = draft(audience=("rfm:new", LAPSING), limits=(Limit(of="uses", cap=9, per="customer"),), holdout=1000)
    book, notices = shop.engine.campaigns, shop.engine.notices
    made = await book.start(M, (await book.create(M, asked, by=SELLER)).campaign_id, by=SELLER)
    await notices.reach(M, made.offer_ids[0])
    begun = await notices.send(M, made.offer_ids[0], "one", by=SELLER)
    (notice,) = await notices.open()
    offer = await notices.offer_of(notice)
    assert offer is not None
    await notices.gather(notice, offer)
    await notices.take(notice, 9)
    await notices.settle(notice, {"sub_1": "again", "sub_2": "gone"})
    await notices.get(M, begun.notice_id)
    await shop.engine.campaign_lifts.read(M, made.campaign_id)
