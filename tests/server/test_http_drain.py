"""Stopping: nobody new comes in, what is under way finishes, screens are told, nothing holds the end up."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from poi_engine.setup import Store
from poi_server.app import make_app
from poi_server.config import Config, Http, Limits, Storage
from poi_server.serving import PortBusy, Serving
from tests.server.shop import Shop


async def test_a_request_under_way_is_answered_and_a_new_one_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_merchant_id: str) -> list[Store]:
        begun.set()
        await go_on.wait()
        return []

    monkeypatch.setattr(shop.services.setup, "stores", slow)
    under_way = asyncio.create_task(shop.ask("GET", "/v1/stores"))
    await begun.wait()
    stopping = asyncio.create_task(shop.serving.stop())
    await asyncio.sleep(0.05)
    with pytest.raises(OSError, match=r"Connect call failed|refused"):
        await shop.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert not stopping.done()
    go_on.set()
    assert (await under_way).json == {"items": []}
    await stopping


async def test_screens_are_told_that_the_server_goes_away(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.secrets['station']}"}
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await socket.send_json({"watch": "station", "station_id": shop.station_id})
        assert await socket.receive_json() == {"kind": "watching"}
        stopping = asyncio.create_task(shop.serving.stop())
        ended = await socket.receive()
        assert (ended.type, ended.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await stopping


async def test_a_half_sent_body_does_not_hold_the_end_up(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    storage = Storage(data=str(tmp_path), redis=valkey_url)
    config = Config(http=Http(port=0), storage=storage, limits=Limits(body_seconds=0.5, drain_seconds=30.0))
    serving = Serving(make_app(config), config)
    await serving.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(b"POST /v1/access/leave HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        await serving.stop()
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_server_that_cannot_listen_leaves_nothing_open(
    tmp_path: Path, sqlite_url: str, valkey_url: str, shop: Shop
) -> None:
    storage = Storage(data=str(tmp_path / "other"), redis=valkey_url)
    config = Config(http=Http(port=shop.serving.port), storage=storage)
    with pytest.raises(PortBusy, match="Cannot listen"):
        await Serving(make_app(config), config).start()
    free = Config(http=Http(port=0), storage=storage)
    async with Serving(make_app(free), free):
        pass
