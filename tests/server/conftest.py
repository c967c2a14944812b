"""A furnished server for each test: real SQLite (a copied template), real valkey-server, an unused loopback port."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.shop import Shop, open_shop


@pytest.fixture
async def shop(tmp_path: Path, sqlite_url: str, valkey_url: str) -> AsyncIterator[Shop]:
    """A furnished server; `sqlite_url` laid the migrated file into its data folder."""
    async with open_shop(tmp_path, valkey_url) as opened:
        yield opened
