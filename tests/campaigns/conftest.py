"""The shop on SQLite and a real valkey-server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from tests.engine.shop import Shop


async def _closed(shop: Shop) -> None:
    await shop.engine.suggestions.close()
    await shop.engine.offers.close()
    await shop.close()


@pytest.fixture
async def shop(sqlite_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop with its merchant; at the end every invariant of the storage must hold."""
    sql = open_sql(sqlite_url)
    made = Shop(sql, sessions, tmp_path)
    await made.setup()
    yield made
    findings = await verify(sql)
    await _closed(made)
    await sql.close()
    assert findings == []


@pytest.fixture
async def past_shop(sqlite_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop for figures without books, which no check of the books would let pass."""
    sql = open_sql(sqlite_url)
    made = Shop(sql, sessions, tmp_path)
    await made.setup()
    yield made
    await _closed(made)
    await sql.close()
