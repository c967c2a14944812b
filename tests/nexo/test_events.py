"""What customers show at the counter is told to the till, at its own endpoint, secured by its key."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from poi_engine.errors import StorageError
from poi_engine.nexo.crypto import Sealer, SecurityTrailer
from poi_engine.ports import Job
from poi_server.app import make_app
from poi_server.config import Config, Http, Nexo, NexoPoi, Storage
from poi_server.nexo.events import event_in
from poi_server.nexo.messages import Login
from poi_server.serving import Serving
from tests.nexo.conftest import STATION, seat
from tests.nexo.messages import KEY, POI, SALE
from tests.server.shop import open_shop


async def test_a_till_hears_of_codes_and_customers(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    sealer = Sealer(KEY)

    async def take(request: web.Request) -> web.Response:
        message = msgspec.json.decode(await request.read())["SaleToPOIRequest"]
        plain = sealer.open(message["NexoBlob"], msgspec.convert(message["SecurityTrailer"], SecurityTrailer))
        heard.put_nowait(msgspec.json.decode(plain)["SaleToPOIRequest"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/events", take)
    async with TestServer(app) as till:
        poi = NexoPoi(poi_id=POI, station=STATION, sale_ids=(SALE,), notify=str(till.make_url("/events")))
        async with open_shop(tmp_path, valkey_url, nexo=Nexo(pois=(poi,), keys=(KEY,))) as shop:
            await seat(shop)
            first = await asyncio.wait_for(heard.get(), 5)
            assert first["EventNotification"]["EventToNotify"] == "Initialised"
            header = first["MessageHeader"]
            assert (header["MessageClass"], header["MessageType"]) == ("Event", "Notification")
            assert (header["POIID"], header["SaleID"]) == (POI, SALE)
            path = f"/v1/stations/{STATION}/scan"
            await shop.ask("POST", path, {"text": "3017620422003"}, role="till")
            scanned = (await asyncio.wait_for(heard.get(), 5))["EventNotification"]
            assert scanned["EventToNotify"] == "ScanBarcodeResult"
            assert scanned["EventDetails"].endswith("3017620422003")
            product = {"code": "4006381333931", "label": "Pen", "unit_price": 150}
            assert (await shop.ask("PUT", "/v1/products/4006381333931", product)).status < 300
            await shop.ask("POST", path, {"text": "4006381333931"}, role="till")
            scanned = (await asyncio.wait_for(heard.get(), 5))["EventNotification"]
            assert (scanned["EventToNotify"], scanned["EventDetails"]) == ("ScanBarcodeResult", "4006381333931")
            await shop.ask("POST", path, {"text": "LOYAL-0017"}, role="till")
            tapped = (await asyncio.wait_for(heard.get(), 5))["EventNotification"]
            assert tapped["EventToNotify"] == "CardInserted"
            assert "account=cus_" in tapped["EventDetails"]
        last = await asyncio.wait_for(heard.get(), 5)
        assert last["EventNotification"]["EventToNotify"] == "Shutdown"


@pytest.mark.postgresql
async def test_what_two_processes_hear_one_tells(tmp_path: Path, postgres_url: str, valkey_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        message = msgspec.json.decode(await request.read())["SaleToPOIRequest"]["EventNotification"]
        heard.put_nowait(message.get("EventDetails") or message["EventToNotify"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/events", take)
    async with TestServer(app) as till:
        poi = NexoPoi(poi_id=POI, station=STATION, sale_ids=(SALE,), notify=str(till.make_url("/events")))
        nexo = Nexo(pois=(poi,))
        async with open_shop(tmp_path / "a", valkey_url, sql=postgres_url, nexo=nexo) as shop:
            await seat(shop)
            storage = Storage(data=str(tmp_path / "b"), sql=postgres_url, redis=valkey_url)
            config = Config(storage=storage, http=Http(port=0), nexo=nexo)
            async with Serving(make_app(config), config):
                assert [await heard.get() for _ in range(2)] == ["Initialised"] * 2
                for code in ("3017620422003", "4006381333931", "5449000000996"):
                    await shop.ask("POST", f"/v1/stations/{STATION}/scan", {"text": code}, role="till")
                    assert await heard.get() == code, "what was told twice would come again here"
            assert await heard.get() == "Shutdown"


async def test_a_till_that_is_away_holds_nobody_up(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    poi = NexoPoi(poi_id=POI, station=STATION, notify="http://127.0.0.1:9/events")
    async with open_shop(tmp_path, valkey_url, nexo=Nexo(pois=(poi,))) as shop:
        await seat(shop)
        path = f"/v1/stations/{STATION}/scan"
        assert (await shop.ask("POST", path, {"text": "LOYAL-0017"}, role="till")).status == 200


def test_a_product_that_was_added_is_named_by_its_code() -> None:
    items = [{"code": "TEA", "label": "Tea"}, {"code": "CAKE", "label": "Cake"}]
    notice = {"code": "product-added", "values": {"label": "Tea"}}
    session = {"session_id": "ses_1", "revision": 3, "notice": notice, "basket": {"items": items}}
    assert event_in({"kind": "session", "session": session}) == ("ses_1 3 product-added", "ScanBarcodeResult", "TEA")
    assert event_in({"kind": "resync"}) is None


async def test_a_storage_that_was_away_ends_no_events(
    tmp_path: Path, sqlite_url: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened meanwhile is lost, as hints may be; the next event is told, and the server ends in peace."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        message = msgspec.json.decode(await request.read())["SaleToPOIRequest"]
        heard.put_nowait(message["EventNotification"]["EventToNotify"])
        raise web.HTTPTemporaryRedirect("/elsewhere")

    async def elsewhere(_: web.Request) -> web.Response:
        heard.put_nowait("redirected")
        return web.Response()

    def away(merchant_id: str, poi_id: str) -> Job[list[Login]]:
        raise StorageError("storage-away", "The storage is away.")
        yield

    app = web.Application()
    app.router.add_post("/events", take)
    app.router.add_post("/elsewhere", elsewhere)
    async with TestServer(app) as till:
        poi = NexoPoi(poi_id=POI, station=STATION, notify=str(till.make_url("/events")))
        async with open_shop(tmp_path, valkey_url, nexo=Nexo(pois=(poi,))) as shop:
            await seat(shop)
            assert await asyncio.wait_for(heard.get(), 5) == "Initialised"
            path = f"/v1/stations/{STATION}/scan"
            with monkeypatch.context() as broken:
                broken.setattr("poi_server.nexo.events.logins", away)
                await shop.ask("POST", path, {"text": "3017620422003"}, role="till")
                await asyncio.sleep(0.2)
            await shop.ask("POST", path, {"text": "LOYAL-0017"}, role="till")
            assert await asyncio.wait_for(heard.get(), 5) == "CardInserted"
            monkeypatch.setattr("poi_server.nexo.events.logins", away)
    assert heard.empty()
