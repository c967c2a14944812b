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


async def _notify(shop: Shop, key: str = "one") -> Answer:
    return await shop.ask("POST", "/v1/offers/off_1/notify", role="manager", headers={"Idempotency-Key": key})


async def _done(shop: Shop, notice_id: str) -> dict[str, Any]:
    """What became of a sending, once it is over."""
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await shop.ask("GET", f"/v1/notices/{notice_id}", role="manager")).json
            if found["state"] == "done":
                return found
            await asyncio.sleep(0.02)


async def _sent(shop: Shop, key: str = "one") -> dict[str, int]:
    """Send, and count the phones by what became of them."""
    begun = await _notify(shop, key)
    assert begun.status == 202, begun.content
    found = await _done(shop, begun.json["notice_id"])
    return {name: found[name] for name in ("phones", "sent", "failed", "gone", "withdrawn") if found[name]}


async def _reach(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = (await shop.ask("GET", "/v1/offers/off_1/notify", role="manager")).json
    return found


async def test_a_phone_that_agreed_hears_of_an_offer(shop: Shop, service: Service) -> None:
    await _agree(shop)
    assert (await _subscribe(shop, service)).status == 204
    assert await _sent(shop) == {"phones": 1, "sent": 1}
    headers, note = await service.next()
    assert note == {"title": "My shop", "body": "One off", "url": "/me#offers", "tag": "off_1"}
    assert headers["Content-Encoding"] == "aes128gcm" and headers["Authorization"].startswith("vapid t=")
    key = (await shop.ask("GET", "/v1/me/push", role="phone")).json["key"]
    assert headers["Authorization"].endswith(f"k={key}")
    assert len(headers["Topic"]) == 32
    acts = (await shop.ask("GET", "/v1/audit")).json["items"]
    assert [act["act"] for act in acts].count("notify-offer") == 1


async def test_pressed_twice_it_is_sent_once(shop: Shop, service: Service) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    begun = [await _notify(shop) for _ in range(3)]
    assert len({answer.json["notice_id"] for answer in begun}) == 1
    await _done(shop, begun[0].json["notice_id"])
    await service.next()
    assert service.heard.empty()
    other = {"offer_id": "off_2", "name": {"en": "Two"}, "currency": "EUR"}
    effects = [{"type": "amount_off", "amount": 1}]
    assert (await shop.ask("POST", "/v1/offers", {**other, "effects": effects})).status == 201
    refused = await shop.ask("POST", "/v1/offers/off_2/notify", headers={"Idempotency-Key": "one"})
    assert (refused.status, refused.code) == (422, "idempotency-mismatch")
    unnamed = await shop.ask("POST", "/v1/offers/off_2/notify")
    assert (unnamed.status, unnamed.code) == (400, "idempotency-key-missing")


async def test_before_it_is_sent_it_says_whom_it_reaches(shop: Shop, service: Service) -> None:
    """One customer with a phone that listens; others without consent, and without a phone."""
    silent = [(await shop.ask("POST", "/v1/customers", {"display_name": f"C{n}"})).json["customer_id"] for n in "ab"]
    before = await _reach(shop)
    assert (before["audience"], before["no_consent"], before["customers"]) == (3, 3, 0)
    await _agree(shop)
    await shop.ask("PUT", f"/v1/customers/{silent[0]}/consents/push", {"given": True, "version": 1})
    await _subscribe(shop, service)
    reach = await _reach(shop)
    counted = {name: reach[name] for name in ("audience", "customers", "phones", "no_consent", "no_phone")}
    assert counted == {"audience": 3, "customers": 1, "phones": 1, "no_consent": 1, "no_phone": 1}
    assert reach["last"] is None
    await _sent(shop)
    after = await _reach(shop)
    assert (after["customers"], after["heard_lately"], after["hours"]) == (0, 1, 24)
    assert after["last"]["sent"] == 1


async def test_a_customer_hears_of_offers_once_a_day(shop: Shop, service: Service) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    assert await _sent(shop) == {"phones": 1, "sent": 1}
    assert await _sent(shop, "two") == {}
    rule = {"hours": 0}
    assert (await shop.ask("PUT", "/v1/programme/notices", rule, role="manager")).json == rule
    assert await _sent(shop, "three") == {"phones": 1, "sent": 1}
    assert (await shop.ask("GET", "/v1/programme/notices", role="auditor")).json == rule
    wrong = await shop.ask("PUT", "/v1/programme/notices", {"hours": -1})
    assert (wrong.status, wrong.json["path"]) == (422, "$.hours")


async def test_without_consent_nothing_is_kept_and_nothing_sent(shop: Shop, service: Service) -> None:
    refused = await _subscribe(shop, service)
    assert (refused.status, refused.code) == (409, "no-consent")
    await _agree(shop)
    await _subscribe(shop, service)
    await _agree(shop, given=False)
    assert await _sent(shop) == {}
    assert service.heard.empty()


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_is_forgotten(shop: Shop, service: Service, status: int) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    service.status = status
    assert await _sent(shop) == {"phones": 1, "gone": 1}
    reach = await _reach(shop)
    assert (reach["no_phone"], reach["heard_lately"]) == (1, 0)


async def test_what_a_service_refuses_has_failed(shop: Shop, service: Service) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    service.status = 403
    assert await _sent(shop) == {"phones": 1, "failed": 1}


async def test_a_phone_leaves_and_an_erased_customer_is_gone(shop: Shop, service: Service) -> None:
    await _agree(shop)
    await _subscribe(shop, service)
    endpoint = {"endpoint": service.subscription()["endpoint"]}
    assert (await shop.ask("POST", "/v1/me/push/leave", endpoint, role="phone")).status == 204
    assert (await _reach(shop))["phones"] == 0
    await _subscribe(shop, service)
    assert (await _reach(shop))["phones"] == 1
    await shop.ask("DELETE", "/v1/me", role="phone")
    assert (await _reach(shop))["phones"] == 0


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
