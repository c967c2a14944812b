"""Who is let in: a secured message, or a station's credential; and how long a till waits without hearing anything."""

import asyncio
import secrets
import shutil
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from poi_engine.nexo.crypto import Sealer, SecurityKey
from poi_engine.ports import PaymentResult
from poi_server.config import Nexo, NexoPoi, Tls
from poi_server.nexo import door
from poi_server.nexo.listener import NEXO_PORT
from poi_server.tls import server_context
from tests.nexo.conftest import COMMON_NAME, STATION, seat
from tests.nexo.messages import KEY, POI, header, request
from tests.nexo.till import Refused, node_till, payment
from tests.server.shop import Shop, open_shop


async def send(shop: Shop, folder: Path, message: Any, **headers: str) -> tuple[int, bytes]:
    """Send to the tills' port; its certificate is checked against our own authority's."""
    context = await asyncio.to_thread(ssl.create_default_context, cafile=str(folder / "tls" / "ca.pem"))
    content = message if isinstance(message, bytes) else msgspec.json.encode(message)
    url = f"{shop.serving.app[NEXO_PORT].base_url}/nexo/"
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    async with shop.http.post(url, data=content, headers=sent, ssl=context) as answer:
        return answer.status, await answer.read()


def secured(message: dict[str, Any], key: SecurityKey = KEY, **changes: Any) -> dict[str, Any]:
    blob, trailer = Sealer(key).seal(msgspec.json.encode(message))
    inner = message["SaleToPOIRequest"]["MessageHeader"]
    clear = {"MessageHeader": inner, "NexoBlob": blob, "SecurityTrailer": msgspec.to_builtins(trailer)}
    return {"SaleToPOIRequest": clear | changes}


async def test_a_plain_message_takes_the_stations_credential(shop: Shop, tmp_path: Path) -> None:
    message = request("Diagnosis", {})
    assert (await send(shop, tmp_path, message))[0] == 401
    for role, status in (("till", 200), ("owner", 403), ("station", 403), ("phone", 403)):
        assert (await send(shop, tmp_path, message, X_API_Key=shop.secrets[role]))[0] == status, role
    status, content = await send(shop, tmp_path, message, X_API_Key="wrong")
    assert (status, msgspec.json.decode(content)["errorCode"]) == (401, "secret-wrong")
    assert (await send(shop, tmp_path, message, Authorization=f"Bearer {shop.secrets['till']}"))[0] == 200
    own = await shop.ask("POST", "/nexo", message, role="station")
    assert (own.status, own.json["errorCode"]) == (403, "station-refused")
    assert (await shop.ask("POST", "/nexo", message, role="owner")).status == 403


async def test_every_fault_of_a_secured_message_has_one_answer(shop: Shop, tmp_path: Path) -> None:
    message = request("Diagnosis", {})
    trailer = secured(message)["SaleToPOIRequest"]["SecurityTrailer"]
    faults: list[dict[str, Any]] = [
        {"SecurityTrailer": trailer | {"KeyVersion": 9}},
        {"SecurityTrailer": trailer | {"Hmac": "AAAA"}},
        {"SecurityTrailer": trailer | {"Nonce": "AAAA"}},
        {"NexoBlob": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"MessageHeader": header("Payment")},
    ]
    answers = {await send(shop, tmp_path, secured(message, **fault)) for fault in faults}
    assert len(answers) == 1
    status, content = answers.pop()
    assert (status, msgspec.json.decode(content)["errorCode"]) == (400, "nexo-crypto")
    assert (await send(shop, tmp_path, secured(message)))[0] == 200


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 400), (b"{", 400), (b'{"SaleToPOIRequest":{}}', 400), (b"x" * 70_000, 413)]
)
async def test_what_is_no_message_is_refused_by_the_transport(
    shop: Shop, tmp_path: Path, content: bytes, status: int
) -> None:
    found, told = await send(shop, tmp_path, content, X_API_Key=shop.secrets["till"])
    assert found == status == msgspec.json.decode(told)["status"]


async def test_a_long_payment_gives_signs_of_life(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces before the answer: a client that gives up on a silent connection stays."""
    simulator = shop.services.engine.wiring.connectors["simulator"]
    authorise, asked, go_on = simulator.authorise, asyncio.Event(), asyncio.Event()

    async def slowly(*arguments: Any) -> PaymentResult:
        asked.set()
        await go_on.wait()
        return await authorise(*arguments)

    monkeypatch.setattr(simulator, "authorise", slowly)
    monkeypatch.setattr(door, "QUIET_SECONDS", 0.05)
    message = secured(request("Payment", payment(10)))
    context = await asyncio.to_thread(ssl.create_default_context, cafile=str(tmp_path / "tls" / "ca.pem"))
    url = f"{shop.serving.app[NEXO_PORT].base_url}/nexo/"
    async with shop.http.post(url, json=message, ssl=context) as answer:
        assert answer.status == 200
        assert await answer.content.readexactly(3) == b"   "
        await asyncio.wait_for(asked.wait(), 5)
        go_on.set()
        content = await answer.read()
    told = msgspec.json.decode(content)["SaleToPOIResponse"]
    assert set(told) == {"MessageHeader", "NexoBlob", "SecurityTrailer"}


async def test_where_it_is_required_a_till_logs_in_first(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    nexo = Nexo(login="required", pois=(NexoPoi(poi_id=POI, station=STATION),))
    async with open_shop(tmp_path, valkey_url, nexo=nexo) as shop:
        await seat(shop)

        async def ask(category: str, service: str) -> Any:
            answer = await shop.ask("POST", "/nexo", request(category, {}, service), role="till")
            return answer.json["SaleToPOIResponse"][f"{category}Response"]["Response"]

        refused = await ask("GetTotals", "1")
        assert (refused["Result"], refused["ErrorCondition"]) == ("Failure", "LoggedOut")
        assert (await ask("Login", "2"))["Result"] == "Success"
        assert (await ask("GetTotals", "3"))["Result"] == "Success"
        assert (await ask("Logout", "4"))["Result"] == "Success"
        assert (await ask("GetTotals", "5"))["ErrorCondition"] == "LoggedOut"


async def test_a_key_opens_its_own_pois_alone(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    """Whoever holds one counter's passphrase sells at no other."""
    other = SecurityKey(identifier="other", passphrase="another secret one")
    pois = (NexoPoi(poi_id=POI, station=STATION, keys=("other",)),)
    async with open_shop(
        tmp_path, valkey_url, nexo=Nexo(host="127.0.0.1", port=0, pois=pois, keys=(KEY, other))
    ) as shop:
        await seat(shop)
        message = request("Diagnosis", {})
        status, content = await send(shop, tmp_path, secured(message))
        assert (status, msgspec.json.decode(content)["errorCode"]) == (403, "station-refused")
        assert (await send(shop, tmp_path, secured(message, other)))[0] == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
async def test_the_vendors_client_finds_a_counter_as_it_finds_a_local_terminal(
    tmp_path: Path, sqlite_url: str, valkey_url: str, client_socket: Path
) -> None:
    """An address of its own, port 8443, path `/nexo/`, a certificate of the server's authority in its form of name."""
    host = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 1}.{secrets.randbelow(250) + 1}"
    poi = NexoPoi(poi_id=POI, station=STATION)
    nexo = Nexo(host=host, pois=(poi,), keys=(KEY,), common_name=COMMON_NAME)
    async with open_shop(tmp_path, valkey_url, nexo=nexo) as shop:
        await seat(shop)
        authority, secret = tmp_path / "tls" / "ca.pem", shop.secrets["till"]
        async with node_till(client_socket, f"https://{host}", secret, authority) as till:
            for secured in (False, True):
                found = await till.ask("Diagnosis", {}, secured=secured)
                assert found["Response"] == {"Result": "Success"}
        other = tmp_path / "other.pem"
        await asyncio.to_thread(server_context, Tls(), tmp_path / "other", (host,), datetime.now(UTC))
        await asyncio.to_thread(shutil.copy, tmp_path / "other" / "ca.pem", other)
        async with node_till(client_socket, f"https://{host}", secret, other) as till:
            with pytest.raises(Refused):
                await till.ask("Diagnosis", {}, secured=True)


async def test_the_tills_port_has_one_path_and_nothing_else(shop: Shop, tmp_path: Path) -> None:
    context = await asyncio.to_thread(ssl.create_default_context, cafile=str(tmp_path / "tls" / "ca.pem"))
    base, message = shop.serving.app[NEXO_PORT].base_url, request("Diagnosis", {})
    credential = {"X-API-Key": shop.secrets["till"]}
    for method, path, status in (
        ("POST", "/nexo/", 200),
        ("POST", "/nexo", 200),
        ("GET", "/nexo/", 405),
        ("POST", "/", 404),
        ("POST", "/v1/sales", 404),
        ("GET", "/v1/sales", 404),
        ("GET", "/ca.pem", 404),
    ):
        async with shop.http.request(method, base + path, json=message, headers=credential, ssl=context) as answer:
            assert answer.status == status, (method, path)
    elsewhere = credential | {"Host": "else.where"}
    async with shop.http.post(f"{base}/nexo/", json=message, headers=elsewhere, ssl=context) as answer:
        assert answer.status == 421
    with pytest.raises(aiohttp.ClientConnectionError):
        await shop.http.post(base.replace("https", "http") + "/nexo/", json=message, headers=credential)
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await shop.http.post(f"{base}/nexo/", json=message, headers=credential)
