"""What needs nothing of each other goes to PostgreSQL in one round trip: a sale is no chain of waits for the wire."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.redis import RedisSessions
from tests.engine.shop import Shop, processes_of

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]


@pytest.fixture
async def shop(postgres_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A server on PostgreSQL."""
    async with processes_of([PostgresSql(postgres_url)], sessions, tmp_path) as [made]:
        yield made


async def test_an_accepted_sale_is_paid_in_few_round_trips(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two transactions: the payment about to be sent, and the sale."""
    ada, asked = await shop.customer("Ada"), []
    for _ in range(2):  # the first time much is asked that is known from then on
        session = await shop.accept(await shop.identify(await shop.basket(1000), ada))
        with monkeypatch.context() as counting:
            asked.clear()
            for name in ("fetch", "execute"):
                counting.setattr(asyncpg.Connection, name, counted(getattr(asyncpg.Connection, name), asked))
            assert (await shop.pay(session)).state == "paid"
    trips = [text for text in asked if "pg_logical_emit_message" not in text]
    assert len(trips) <= 16, "\n".join(text[:120] for text in trips)


def counted(method: Any, asked: list[str]) -> Any:
    """The same method; what it is asked is noted."""

    async def ask(self: Any, query: str, *values: Any, **how: Any) -> Any:
        asked.append(query)
        return await method(self, query, *values, **how)

    return ask
