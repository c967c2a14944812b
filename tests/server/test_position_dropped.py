"""Where a phone stands serves the one question and is dropped: storage, session state and log keep nothing of it."""

import asyncio
import struct
from pathlib import Path

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from poi_engine.setup import NewStore
from poi_offers.model import Offer
from poi_offers.offer_conditions import Circle
from poi_offers.offer_effects import Message
from poi_server.config import Logs
from tests.server.shop import Shop, open_shop

pytestmark = pytest.mark.valkey

LAT, LON = 48.271828, 2.314159
AT = f"lat={LAT}&lon={LON}"
ASKED = (f"/v1/me/offers?{AT}", f"/v1/me/compare?codes=honey&{AT}")


def traces(kept: bytes) -> list[str]:
    """What of the position is in these bytes: as digits, or as a number of either byte order."""
    forms = {str(number): str(number)[:7].encode() for number in (LAT, LON)}
    forms |= {f"{order}{number}": struct.pack(f"{order}d", number) for number in (LAT, LON) for order in "<>"}
    return [name for name, form in forms.items() if form in kept]


async def furnished(shop: Shop) -> None:
    """A store close by, an offer for whoever is near it, and a product."""
    m, hello = shop.merchant_id, {"en": "near"}
    near, effects = Circle(lat=48.27, lon=2.31, radius=2_000), (Message(text=hello),)
    offer = Offer(offer_id="off_near", name=hello, currency="EUR", effects=effects, conditions=near)
    await shop.services.engine.offers.create(m, offer)
    await shop.services.setup.add_store(m, NewStore(name="Near", zone="Europe/Paris", lat=48.27, lon=2.31))
    product = {"code": "honey", "label": "Honey", "unit_price": 450, "vat_rate": 550}
    assert (await shop.ask("PUT", "/v1/products/honey", product)).status in (200, 201)


async def remembered(url: str) -> bytes:
    """Everything a valkey-server holds."""
    async with redis.asyncio.from_url(url) as client:
        return b"".join([key + (await client.dump(key) or b"") async for key in client.scan_iter()])


def written(folder: Path) -> bytes:
    """Everything in a folder's files."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_a_position_leaves_no_trace(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    with capture_logs() as lines:
        async with open_shop(tmp_path, valkey_url, logs=Logs(level="debug", requests="all")) as shop:
            await furnished(shop)
            for path in ASKED:
                answer = await shop.ask("GET", path, role="phone")
                assert answer.status == 200
            wrong = await shop.ask("GET", f"/v1/me/offers?lat={LAT}&lon={LON}x", role="phone")
            assert wrong.status == 422
            held = await remembered(valkey_url)
    stored = await asyncio.to_thread(written, tmp_path)
    assert [line for line in lines if line["event"] == "request"], "requests were logged"
    assert b"Honey" in stored
    assert (traces(repr(lines).encode()), traces(held), traces(stored)) == ([], [], [])
