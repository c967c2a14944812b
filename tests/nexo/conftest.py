"""A furnished server with a port for tills, and the vendor's client for it."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_engine.nexo.crypto import Sealer
from poi_engine.ports import Job, Query
from poi_server.config import Nexo, NexoPoi
from poi_server.nexo.envelope import RESPONSE, sealed
from poi_server.nexo.listener import NEXO_PORT
from poi_server.nexo.wire.common import MessageHeader
from tests.nexo.messages import KEY, POI
from tests.nexo.till import LIBRARY, NodeTill, node_client, node_till
from tests.nexo.typings import faults, typings
from tests.server.shop import BY, Shop, open_shop

COMMON_NAME = "P400Plus-123456789.test.terminal.adyen.com"
"""The vendor's client takes no other form of name."""
UNTYPED = ".RepeatedResponseMessageBody.ReconciliationResponse: unknown"
"""Told by TransactionStatus beside what the typings have there."""
STATION = "sta_of_the_till"
"""A station whose id is known before the server starts: the configuration names it."""


@pytest.fixture(autouse=True)
def as_typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever this server tells a till in a test is as the vendor's published typings have it."""
    found: list[str] = []

    def checked(header: MessageHeader, body: dict[str, Any], sealer: Sealer | None, kind: str = RESPONSE) -> bytes:
        told = msgspec.json.decode(sealed(header, body, None, kind))
        found.extend(fault for fault in faults(told, "TerminalApiResponse") if not fault.endswith(UNTYPED))
        return sealed(header, body, sealer, kind)

    if LIBRARY.is_dir():
        typings()  # read from its files now, off the loop
        for module in ("server", "events"):
            monkeypatch.setattr(f"poi_server.nexo.{module}.sealed", checked)
    yield
    assert found == []


@pytest.fixture
async def shop(tmp_path: Path, sqlite_url: str, valkey_url: str) -> AsyncIterator[Shop]:
    """A furnished server with a station that is the till's POI."""
    pois = (NexoPoi(poi_id=POI, station=STATION),)
    nexo = Nexo(
        host="127.0.0.1", port=0, pois=pois, keys=(KEY,), common_name=COMMON_NAME, card_seconds=5, screen_seconds=1
    )
    async with open_shop(tmp_path, valkey_url, nexo=nexo) as opened:
        await seat(opened)
        yield opened


async def seat(shop: Shop) -> None:
    """Give the shop the till's station and its credential."""

    def job() -> Job[None]:
        values = (shop.merchant_id, STATION, shop.store_id, "Till", 2000, "simulator")
        columns = "merchant_id, station_id, store_id, name, vat_rate, connector"
        yield Query(f"insert into station ({columns}) values (?, ?, ?, ?, ?, ?)", values)

    await shop.services.sql.write(job)
    granted = await shop.services.access.grant(shop.merchant_id, "station", STATION, "till", by=BY)
    shop.secrets["till"], shop.station_id = granted.secret, STATION


@pytest.fixture(scope="session")
def client_socket() -> Iterator[Path]:
    """The vendor's client, started once: loading it takes more than a second."""
    with tempfile.TemporaryDirectory(prefix="poi-nx-", dir="/tmp") as folder, node_client(Path(folder)) as socket:
        yield socket


@pytest.fixture
async def till(shop: Shop, tmp_path: Path, client_socket: Path) -> AsyncIterator[NodeTill]:
    """A till that uses the vendor's client."""
    # What the client appends to its address falls into the query, so any port can be reached.
    endpoint = f"{shop.serving.app[NEXO_PORT].base_url}/nexo/?"
    async with node_till(client_socket, endpoint, shop.secrets["till"], tmp_path / "tls" / "ca.pem") as opened:
        yield opened
