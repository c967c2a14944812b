"""Two server processes on one PostgreSQL and one Redis: the same sessions, the same limits, the same keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from poi_engine.storage.postgres import PostgresSql
from poi_engine.verify import verify
from tests.server.process import ServerProcess

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]

LIMIT = 7
STATIONS = 12


class Pair:
    """Both processes, each spoken to by a client of its own, and what the first furnished."""

    def __init__(self, servers: list[ServerProcess], clients: list[aiohttp.ClientSession]) -> None:
        self.servers = servers
        self.clients = clients
        self.stations: list[str] = []

    async def ask(self, process: int, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """Ask one of the two."""
        sent = {"Idempotency-Key": key} if key else {}
        async with self.clients[process].request(method, path, json=body, headers=sent) as answer:
            return answer.status, await answer.json(content_type=None)

    async def furnish(self) -> None:
        """A store, its counters, and an offer for the first few sales."""
        _, store = await self.ask(0, "POST", "/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
        for number in range(STATIONS):
            station = {"store_id": store["store_id"], "name": f"Counter {number}"}
            self.stations.append((await self.ask(0, "POST", "/v1/stations", station))[1]["station_id"])
        offer = {
            "offer_id": "off_first",
            "name": {"en": "For the first few"},
            "currency": "EUR",
            "effects": [{"type": "amount_off", "amount": 500}],
            "limits": [{"of": "uses", "cap": LIMIT}],
        }
        status, made = await self.ask(0, "POST", "/v1/offers", offer)
        assert status == 201, made

    async def decided(self, process: int, station: str, amount: int = 2000) -> dict[str, Any]:
        """A session at a station with a basket."""
        _, session = await self.ask(process, "POST", f"/v1/stations/{station}/session", {})
        path = f"/v1/sessions/{session['session_id']}/basket"
        status, session = await self.ask(process, "PUT", path, {"entries": [{"amount": amount}]})
        assert status == 200, session
        return dict(session)

    async def accept(self, process: int, session: dict[str, Any]) -> tuple[int, Any]:
        """Accept what the session shows."""
        body = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        return await self.ask(process, "POST", f"/v1/sessions/{session['session_id']}/accept", body)


@asynccontextmanager
async def _client(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {server.secret}"}
    async with aiohttp.ClientSession(server.base_url, headers=headers) as client:
        yield client


@pytest.fixture
async def pair(postgres_url: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    """Two real processes, ended at the end; then the storage is verified."""
    settings = {"POI_STORAGE_SQL": postgres_url, "POI_STORAGE_REDIS": valkey_url}
    async with AsyncExitStack() as stack:
        servers = []
        for name in ("one", "two"):
            server = await asyncio.to_thread(ServerProcess, tmp_path / name, **settings)
            stack.push_async_callback(asyncio.to_thread, server.stop)
            servers.append(server)
        made = Pair(servers, [await stack.enter_async_context(_client(server)) for server in servers])
        await made.furnish()
        yield made
    sql = PostgresSql(postgres_url)
    findings = await verify(sql)
    await sql.close()
    assert findings == []


async def _until(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> dict[str, Any]:
    """The next message of a kind."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if message["kind"] == wanted:
                return message


async def test_a_screen_of_one_process_shows_what_the_other_changes(pair: Pair) -> None:
    station = pair.stations[0]
    await pair.decided(0, station, 1500)
    async with pair.clients[1].ws_connect("/v1/live") as socket:
        await socket.send_json({"watch": "station", "station_id": station})
        assert await socket.receive_json() == {"kind": "watching"}
        session = await pair.decided(0, station, 2600)
        shown = (await _until(socket, "session"))["session"]
        assert (shown["session_id"], shown["decision"]["subtotal"]) == (session["session_id"], 2600)
        assert shown["revision"] == session["revision"]
    status, there = await pair.ask(1, "GET", f"/v1/stations/{station}/session")
    assert (status, there) == (200, session)


async def test_one_process_goes_on_with_the_other_ones_session_and_a_key_pays_once(pair: Pair) -> None:
    session = await pair.decided(0, pair.stations[0])
    status, accepted = await pair.accept(1, session)
    assert (status, accepted["state"]) == (200, "paying")
    path = f"/v1/sessions/{session['session_id']}/pay"
    paying = (pair.ask(number % 2, "POST", path, {"means": "cash"}, key="one-key") for number in range(8))
    answers = await asyncio.gather(*paying)
    assert {(status, answer["state"]) for status, answer in answers} == {(200, "paid")}
    assert len({answer["sale_id"] for _, answer in answers}) == 1
    for process in (0, 1):
        _, sales = await pair.ask(process, "GET", "/v1/sales")
        assert len(sales["items"]) == 1


async def test_a_limit_of_n_uses_is_given_exactly_n_times_by_both(pair: Pair) -> None:
    sessions = [await pair.decided(number % 2, station) for number, station in enumerate(pair.stations)]
    assert all(session["decision"]["total"] == 1500 for session in sessions)
    accepting = (pair.accept((number + 1) % 2, session) for number, session in enumerate(sessions))
    answers = await asyncio.gather(*accepting)
    granted = [session for status, session in answers if status == 200]
    refused = [problem for status, problem in answers if status != 200]
    assert len(granted) == LIMIT
    assert {(problem["status"], problem["code"]) for problem in refused} == {(409, "decide-again")}
    for number, session in enumerate(granted):
        path = f"/v1/sessions/{session['session_id']}/pay"
        status, paid = await pair.ask(number % 2, "POST", path, {"means": "cash"}, key=f"pay-{number}")
        assert (status, paid["state"]) == (200, "paid")
    for process in (0, 1):
        _, use = await pair.ask(process, "GET", "/v1/offers/off_first/use")
        assert use["uses"] == LIMIT


async def test_what_one_process_revokes_the_other_refuses(pair: Pair) -> None:
    _, key = await pair.ask(0, "POST", "/v1/api-keys", {"label": "app", "scopes": ["sales:read"]})
    held = {"Authorization": f"Bearer {key['secret']}"}
    async with pair.clients[1].get("/v1/sales", headers=held) as answer:
        assert answer.status == 200
    await pair.ask(0, "DELETE", f"/v1/api-keys/{key['access_id']}")
    async with pair.clients[1].get("/v1/sales", headers=held) as answer:
        assert answer.status == 401


async def test_an_offer_paused_by_one_process_is_paused_for_the_other(pair: Pair) -> None:
    session = await pair.decided(1, pair.stations[0])
    assert session["decision"]["total"] == 1500
    status, _ = await pair.ask(0, "POST", "/v1/offers/off_first/pause", {})
    assert status == 200
    async with asyncio.timeout(20):  # the other process looks for changes from time to time
        while session["decision"]["total"] != session["decision"]["subtotal"]:
            session = await pair.decided(1, pair.stations[0], 2100)
