"""What is written of somebody while they are being erased is erased with them, or refused."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.clientele.notes import Notes
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.redis import RedisSessions
from tests.engine.shop import SELLER, M, Shop, processes_of

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]
PEOPLE = 30
_LEFT = """
select 'note' as left_over from customer_note x join customer c on c.customer_id = x.customer_id and erased_at > 0
union all
select 'card' from credential x join customer c on c.customer_id = x.customer_id and erased_at > 0
"""


@pytest.fixture
async def shop(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A server on PostgreSQL, whose transactions run side by side."""
    async with processes_of([PostgresSql(postgres_url)], sessions, tmp_path) as [made]:
        yield made


async def test_nothing_personal_is_written_after_an_erasure(shop: Shop) -> None:
    customers, notes = shop.engine.customers, Notes(shop.sql, shop.clock, shop.ids)
    for number in range(PEOPLE):
        ada = await shop.customer("Ada")
        ended = await asyncio.gather(
            notes.add(M, ada, "likes lemon", by=SELLER),
            customers.erase(M, ada, by=SELLER),
            customers.link_credential(M, ada, "loyalty", f"CARD-{number}", by=SELLER),
            return_exceptions=True,
        )
        assert {getattr(one, "code", "done") for one in ended if one is not None} <= {"done", "not-found"}, ended
    assert await shop.rows(_LEFT) == []
