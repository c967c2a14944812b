"""What screens see: the same session at once, only what is theirs, a fresh start when they lag, and after a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from poi_engine.clock import SystemClock
from poi_server.live import QUEUE, Live, Watcher
from tests.server.process import ServerProcess
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey

REFUSED = 1008


@asynccontextmanager
async def watching(shop: Shop, role: str, **watch: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A screen that watches."""
    headers = {"Authorization": f"Bearer {shop.secrets.get(role, role)}"}
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await socket.send_json(watch)
        assert await socket.receive_json() == {"kind": "watching"}
        yield socket


async def refused(shop: Shop, role: str, watch: object) -> int | None:
    """With which code a wish to watch is refused."""
    headers = {"Authorization": f"Bearer {shop.secrets.get(role, role)}"}
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await (socket.send_json(watch) if isinstance(watch, dict) else socket.send_str(str(watch)))
        message = await socket.receive(timeout=10)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
        return socket.close_code


async def told(
    socket: aiohttp.ClientWebSocketResponse, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
) -> dict[str, Any]:
    """The next message that is wanted."""
    async with asyncio.timeout(20):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if wanted(message):
                return message


async def basket(shop: Shop, amount: int) -> dict[str, Any]:
    """The station's session with one plain amount."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {}, role="station")).json
    body = {"entries": [{"amount": amount}]}
    answer = await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", body, role="station")
    return dict(answer.json)


async def join(shop: Shop) -> dict[str, Any]:
    """The customer's phone scans the station's code."""
    code = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/join-code", {}, role="station")).json
    body = {"station_id": shop.station_id, "token": code["url"].partition("#")[2]}
    answer = await shop.ask("POST", "/v1/me/join", body, role="phone")
    assert answer.status == 200, answer.json
    return dict(answer.json)


async def test_two_screens_of_a_station_see_the_same_session_at_once(shop: Shop) -> None:
    station = {"watch": "station", "station_id": shop.station_id}
    async with watching(shop, "station", **station) as one, watching(shop, "seller", **station) as two:
        session = await basket(shop, 1250)
        for screen in (one, two):
            shown = await told(screen, lambda message: message["session"]["revision"] == session["revision"])
            assert shown == {"kind": "session", "session": session}


async def test_counters_and_dashboards_learn_at_once_of_an_offer(shop: Shop) -> None:
    offer = {
        "offer_id": "off_told",
        "name": {"en": "Told"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 1}],
        "conditions": {"type": "subtotal", "min": 100},
    }
    station = {"watch": "station", "station_id": shop.station_id}
    async with watching(shop, "station", **station) as counter, watching(shop, "owner", watch="dashboard") as board:
        assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
        assert (await shop.ask("POST", "/v1/offers/off_told/pause")).status == 200
        for screen in (counter, board):
            assert [await told(screen) for _ in range(2)] == [{"kind": "offers"}] * 2


async def test_the_stations_screens_learn_at_once_that_nothing_counts_any_more(shop: Shop) -> None:
    """Told once for each change, and to no other station's screens."""
    path = f"/v1/stations/{shop.station_id}/training"
    async with watching(shop, "station", watch="station", station_id=shop.station_id) as screen:
        for on in (True, True, False):
            assert (await shop.ask("POST", path, {"on": on})).status == 200
        assert [await told(screen), await told(screen)] == [
            {"kind": "training", "on": True},
            {"kind": "training", "on": False},
        ]


async def test_a_payment_reaches_the_station_the_dashboard_and_the_phone(shop: Shop) -> None:
    async with (
        watching(shop, "station", watch="station", station_id=shop.station_id) as station,
        watching(shop, "owner", watch="dashboard") as dashboard,
        watching(shop, "phone", watch="customer") as phone,
    ):
        session = await basket(shop, 1250)
        await join(shop)
        path = f"/v1/sessions/{session['session_id']}"
        session = (await shop.ask("GET", path)).json
        body = {"decision_id": session["decision_id"], "total": 1250}
        assert (await shop.ask("POST", f"{path}/accept", body)).status == 200
        paid = (await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": "k"})).json
        assert (await told(dashboard))["sale_id"] == paid["sale_id"]
        at_last = await told(station, lambda message: message["session"]["state"] == "paid")
        assert at_last["session"]["sale_id"] == paid["sale_id"]
        mine = await told(phone, lambda message: message.get("session", {}).get("state") == "paid")
        assert "facts" not in mine["session"]
        assert (await told(phone, lambda message: message["kind"] == "customer"))["notice"] == "sale"


async def test_a_phone_sees_only_its_own(shop: Shop) -> None:
    phone = await shop.services.access.claim((await shop.services.access.invite(shop.merchant_id, "phone", "")).secret)
    shop.secrets["stranger"] = phone.secret
    async with watching(shop, "phone", watch="customer") as mine, watching(shop, "stranger", watch="customer") as other:
        await basket(shop, 1250)
        await join(shop)
        shown = await told(mine, lambda message: message["kind"] == "session")
        assert shown["session"]["total"] == 1250
        with pytest.raises(TimeoutError):
            await other.receive(timeout=0.3)
    assert await refused(shop, "phone", {"watch": "station", "station_id": shop.station_id}) == REFUSED
    assert await refused(shop, "phone", {"watch": "dashboard"}) == REFUSED


async def test_a_station_sees_only_itself(shop: Shop) -> None:
    made = await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Counter 2"})
    assert await refused(shop, "station", {"watch": "station", "station_id": made.json["station_id"]}) == REFUSED
    assert await refused(shop, "station", {"watch": "dashboard"}) == REFUSED
    assert await refused(shop, "seller", {"watch": "dashboard"}) == REFUSED


async def test_another_merchant_sees_nothing(shop: Shop) -> None:
    shop.secrets["foreign"] = await shop.other_merchant()
    async with watching(shop, "foreign", watch="station", station_id=shop.station_id) as stranger:
        await basket(shop, 1250)
        with pytest.raises(TimeoutError):
            await stranger.receive(timeout=0.3)
    answer = await shop.ask("GET", f"/v1/stations/{shop.station_id}/session", role="foreign")
    assert answer.status == 404 or answer.content == b"null"


async def test_without_a_credential_there_is_no_socket(shop: Shop) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await shop.http.ws_connect("/v1/live")
    assert raised.value.status == 401
    headers = {"Authorization": f"Bearer {shop.secrets['owner']}", "Origin": "https://evil.example"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await shop.http.ws_connect("/v1/live", headers=headers)
    assert raised.value.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
        await shop.http.ws_connect("/v1/live", headers={"Authorization": f"Bearer {shop.secrets['partner']}"})
    assert raised.value.status == 403


@pytest.mark.parametrize("watch", ["", "{", "[]", '{"watch":"everything"}', '{"watch":"station","more":1}', "x" * 900])
async def test_nonsense_closes_the_socket(shop: Shop, watch: str) -> None:
    assert await refused(shop, "owner", watch) == REFUSED


async def test_a_screen_that_lags_is_told_to_load_afresh() -> None:
    async def nobody(_message: bytes) -> None:
        """No other process."""

    live, slow, quick = Live("here", nobody, SystemClock()), Watcher(), Watcher()
    for watcher in (slow, quick):
        live.watch(watcher, ("mer_1", "dashboard", ""))
    received: list[bytes] = []

    async def read() -> None:
        async for body in quick.messages():
            received.append(body)  # noqa: PERF401

    reading = asyncio.create_task(read())
    for number in range(QUEUE + 10):
        await live.sale_committed("mer_1", "sto_1", f"sal_{number}")
        await asyncio.sleep(0)
    reading.cancel()
    assert len(received) == QUEUE + 10
    late = [await anext(slow.messages()) for _ in range(10)]
    assert late[0] == b'{"kind":"resync"}'
    assert b"sal_65" in late[1]


async def test_the_session_goes_on_after_a_restart_in_the_middle(tmp_path: Path) -> None:
    server = await asyncio.to_thread(ServerProcess, tmp_path / "data")
    try:
        await _through_restarts(server)
    finally:
        await asyncio.to_thread(server.stop)


async def _through_restarts(server: ServerProcess) -> None:
    """Open, stop, go on; accept, kill -9, go on; pay."""
    _, store = await _ask(server, "POST", "/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
    station = (await _ask(server, "POST", "/v1/stations", {"store_id": store["store_id"], "name": "1"}))[1][
        "station_id"
    ]
    _, session = await _ask(server, "POST", f"/v1/stations/{station}/session", {})
    path = f"/v1/sessions/{session['session_id']}"
    _, session = await _ask(server, "PUT", f"{path}/basket", {"entries": [{"amount": 1990}]})
    assert await asyncio.to_thread(server.stop) == 0
    await asyncio.to_thread(server.start)
    assert await _ask(server, "GET", f"/v1/stations/{station}/session") == (200, session)
    body = {"decision_id": session["decision_id"], "total": 1990}
    status, accepted = await _ask(server, "POST", f"{path}/accept", body)
    assert (status, accepted["state"]) == (200, "paying")
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    status, paid = await _ask(server, "POST", f"{path}/pay", {"means": "card"}, key="k")
    assert (status, paid["state"]) == (200, "paid")


async def _ask(server: ServerProcess, method: str, path: str, body: Any = None, key: str = "k") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {server.secret}", "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession(server.base_url, headers=headers) as http,
        http.request(method, path, json=body) as answer,
    ):
        return answer.status, await answer.json(content_type=None)
