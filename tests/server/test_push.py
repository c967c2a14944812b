"""Notifications: a push service of our own decrypts what arrives, and only phones whose customers agree get any."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import http_ece
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec

from poi_engine.webpush import public_point, to_text
from poi_server.config import Push
from tests.server.shop import Answer, Shop, open_shop
from tests.servers import ValkeyServer

pytestmark = pytest.mark.valkey

AUTH = b"0123456789abcdef"


class Service:
    """A browser and its push service: a key, and every message that came, decrypted."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.status = 201
        self.heard: asyncio.Queue[tuple[dict[str, str], Any]] = asyncio.Queue()
        self.server: TestServer

    async def take(self, request: web.Request) -> web.Response:
        """What a push service does with a message; the browser's part too."""
        body = await request.read()
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=AUTH, version="aes128gcm")
        await self.heard.put((dict(request.headers), msgspec.json.decode(plain)))
        return web.Response(status=self.status)

    def subscription(self, **more: Any) -> dict[str, Any]:
        """What the Push API gives the page."""
        private = self.key.private_numbers().private_value.to_bytes(32, "big")
        keys = {"p256dh": to_text(public_point(private)), "auth": to_text(AUTH)}
        return {"endpoint": str(self.server.make_url("/send/one")), "keys": keys, "language": "en", **more}

    async def next(self) -> tuple[dict[str, str], Any]:
        """The next message."""
        return await asyncio.wait_for(self.heard.get(), 20)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A push service on loopback."""
    made = Service()
    app = web.Application()
    app.router.add_post("/send/{name}", made.take)
    made.server = TestServer(app, host="127.0.0.1")
    async with made.server:
        yield made


@pytest.fixture
async def shop(tmp_path: Path, valkey_server: ValkeyServer) -> AsyncIterator[Shop]:
    """A server that may send to loopback, with an offer."""
    async with open_shop(tmp_path, valkey_server.url, push=Push(services=("127.0.0.1",))) as opened:
        effects = [{"type": "amount_off", "amount": 100}]
        offer = {"offer_id": "off_1", "name": {"en": "One off", "fr": "Moins un"}, "currency": "EUR"}
        assert (await opened.ask("POST", "/v1/offers", {**offer, "effects": effects})).status == 201
        yield opened


async def _agree(shop: Shop, given: bool = True) -> None:
    answer = await shop.ask("PUT", "/v1/me/consents/push", {"given": given, "version": 1}, role="phone")
    assert answer.status == 200


async def _subscribe(shop: Shop, service: Service, **more: Any) -> Answer:
    return await shop.ask("POST", "/v1/me/push", service.subscription(**more), role="phone")


async def _notify(shop: Shop) -> Answer:
    return await shop.ask("POST", "/v1/offers/off_1/notify", role="manager")


async def _sent(shop: Shop) -> None:
    """Wait until nothing is being sent."""
    await asyncio.gather(*shop.services.pushing.running)


async def test_a_phone_that_agreed_hears_of_an_offer(shop: Shop, service: Service) -> None:
    await _agree(shop)
    assert (await _subscribe(shop, service)).status == 204
    assert (await _notify(shop)).status == 204
    headers, note = await service.next()
    assert note == {"title": "My shop", "body": "One off", "url": "/me#offers", "tag": "off_1"}
    assert headers["Content-Encoding"] == "aes128gcm" and headers["Authorization"].startswith("vapid t=")
    key = (await shop.ask("GET", "/v1/me/push", role="phone")).json["key"]
    assert headers["Authorization"].endswith(f"k={key}")
    acts = (await shop.ask("GET", "/v1/audit")).json["items"]
    assert "notify-offer" in {act["act"] for act in acts}


async def test_without_consent_nothing_is_kept_and_nothing_sent(shop: Shop, service: Service) -> None:
    """The word counts when it is sent, not when the phone subscribed."""
    refused = await _subscribe(shop, service)
    assert (refused.status, refused.code) == (409, "no-consent")
    await _agree(shop)
    await _subscribe(shop, service)
    await _agree(shop, given=False)
    await _notify(shop)
    await _sent(shop)
    assert service.heard.empty()


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_forgotten(shop: Shop, service: Service, status: int) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    service.status = status
    await _notify(shop)
    await service.next()
    await _sent(shop)
    assert (await shop.services.push.receivers(shop.merchant_id, "", 10))[0] == []


async def test_a_phone_leaves_and_an_erased_customer_is_gone(shop: Shop, service: Service) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    endpoint = {"endpoint": service.subscription()["endpoint"]}
    assert (await shop.ask("POST", "/v1/me/push/leave", endpoint, role="phone")).status == 204
    assert (await shop.services.push.receivers(shop.merchant_id, "", 10))[0] == []
    await _subscribe(shop, service)
    assert len((await shop.services.push.receivers(shop.merchant_id, "", 10))[0]) == 1
    await shop.ask("DELETE", "/v1/me", role="phone")
    assert (await shop.services.push.receivers(shop.merchant_id, "", 10))[0] == []


@pytest.mark.parametrize(
    "endpoint",
    ["https://example.org/x", "http://169.254.169.254/latest", "https://127.0.0.1@example.org/", "ftp://127.0.0.1/x"],
)
async def test_only_push_services_are_sent_to(shop: Shop, service: Service, endpoint: str) -> None:
    await _agree(shop)
    answer = await _subscribe(shop, service, endpoint=endpoint)
    assert (answer.status, answer.code, answer.json["path"]) == (422, "push-service-unknown", "$.endpoint")


async def test_keys_that_are_none_are_refused(shop: Shop, service: Service) -> None:
    await _agree(shop)
    answer = await _subscribe(shop, service, keys={"p256dh": "A" * 87, "auth": to_text(AUTH)})
    assert (answer.status, answer.code) == (422, "push-keys-wrong")
