"""A sale in one request whose payment takes a while is seen on the station's screens of every process on one Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from poi_engine.errors import StorageError
from poi_engine.ports import PaymentResult
from poi_engine.session import Session
from poi_server.app import make_app
from poi_server.config import Config, Http, Storage
from poi_server.serving import Serving
from tests.server.shop import Shop, open_shop
from tests.server.test_live import told
from tests.server.test_whole_sale import sales_of, sold

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]


class Slow:
    """A terminal at which the customer looks for the card until `go_on`."""

    def __init__(self, shop: Shop, patch: pytest.MonkeyPatch) -> None:
        terminal = shop.services.engine.wiring.connectors["simulator"]
        self.go_on, self._authorise = asyncio.Event(), terminal.authorise
        patch.setattr(terminal, "authorise", self.authorise)

    async def authorise(self, *given: Any) -> PaymentResult:
        """Take the amount once the card is there."""
        await self.go_on.wait()
        return await self._authorise(*given)


@pytest.fixture
async def shop(tmp_path: Path, postgres_url: str, valkey_url: str) -> AsyncIterator[Shop]:
    """One of two servers on one storage."""
    async with open_shop(tmp_path, valkey_url, sql=postgres_url) as opened:
        yield opened


@pytest.fixture
async def other(shop: Shop, tmp_path: Path, postgres_url: str, valkey_url: str) -> AsyncIterator[Shop]:
    """The other one, with the same credentials."""
    storage = Storage(data=str(tmp_path / "other"), sql=postgres_url, redis=valkey_url)
    config = Config(http=Http(port=0), storage=storage)
    async with Serving(make_app(config), config) as serving, aiohttp.ClientSession(serving.base_url) as http:
        opened = Shop(serving, http)
        opened.secrets, opened.station_id = shop.secrets, shop.station_id
        yield opened


@asynccontextmanager
async def screen_of(shop: Shop) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """The station's screen at this server."""
    headers = {"Authorization": f"Bearer {shop.secrets['station']}"}
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await socket.send_json({"watch": "station", "station_id": shop.station_id})
        assert await socket.receive_json() == {"kind": "watching"}
        yield socket


async def session_told(screen: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next session on a screen."""
    session: dict[str, Any] = (await told(screen, lambda message: message["kind"] == "session"))["session"]
    return session


async def test_screens_of_another_process_see_it_while_it_is_paid(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Slow(shop, monkeypatch)
    async with screen_of(shop) as here, screen_of(other) as there:
        selling = asyncio.create_task(sold(shop, means="card"))
        shown = await session_told(there)
        assert (shown["state"], shown["decision"]["total"]) == ("paying", 350)
        assert [item["label"] for item in shown["basket"]["items"]] == ["Eclair"]
        for process in (shop, other):  # a screen that is opened now sees it, too
            found = (await process.ask("GET", f"/v1/stations/{shop.station_id}/session", role="station")).json
            assert (found["session_id"], found["state"]) == (shown["session_id"], "paying")
        terminal.go_on.set()
        paid = (await selling).json
        ended = await session_told(there)
        assert (ended["state"], ended["sale_id"]) == ("paid", paid["sale_id"])
        assert ended["revision"] > shown["revision"]
        assert [(await session_told(here))["state"] for _ in range(2)] == ["paying", "paid"]
    assert await sales_of(shop) == 1


async def test_the_station_is_busy_for_other_processes_meanwhile(
    shop: Shop, other: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Slow(shop, monkeypatch)
    async with screen_of(other) as there:
        selling = asyncio.create_task(sold(shop, means="card"))
        await session_told(there)
        refused = await sold(other, "key-2", means="cash")
        assert (refused.status, refused.code) == (409, "station-busy")
        terminal.go_on.set()
        assert (await selling).json["state"] == "paid"
    assert (await sold(other, "key-2", means="cash")).json["state"] == "paid"
    assert await sales_of(shop) == 2


async def test_an_answer_that_comes_while_it_is_being_stored_counts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The payment ends between the moment it is stored for the others and the moment this process knows of that."""
    terminal, sessions, states = Slow(shop, monkeypatch), shop.services.sessions, list[str]()
    refused = asyncio.Event()
    save = sessions.save

    async def stored(session: Session, *, expected_revision: int | None) -> bool:
        done = await save(session, expected_revision=expected_revision)
        states.append(session.state)
        if session.state == "paying":
            terminal.go_on.set()
            await refused.wait()
        elif not done:
            refused.set()
        return done

    monkeypatch.setattr(sessions, "save", stored)
    paid = (await sold(shop, means="card")).json
    assert (paid["state"], states) == ("paid", ["paying", "paid", "paid"])
    found = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session", role="station")).json
    assert (found["state"], found["sale_id"]) == ("paid", paid["sale_id"])


async def test_without_redis_it_is_paid_all_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, tried = Slow(shop, monkeypatch), list[str]()

    async def away(session: Session, *, expected_revision: int | None) -> bool:
        tried.append(session.state)
        terminal.go_on.set()
        raise StorageError("sessions-away", "Redis does not answer.")

    with monkeypatch.context() as cut_off:
        cut_off.setattr(shop.services.sessions, "save", away)
        paid = (await sold(shop, means="card")).json
    assert (paid["state"], tried[0], await sales_of(shop)) == ("paid", "paying", 1)
