"""kill -9 in the middle of a sending: the next process tells everybody else, and nobody sees a message twice."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from poi_engine.webpush import new_key, public_point, to_text
from tests.server.process import ServerProcess, headers

pytestmark = pytest.mark.valkey

PHONES = 12
ANSWERED = 3
"""Messages that the push service takes before it falls silent."""


class Service:
    """A push service that takes `ANSWERED` messages, then keeps the others waiting until it is told to go on."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.topics: set[str] = set()
        self.silent = True
        self.full = asyncio.Event()
        app = web.Application()
        app.router.add_post("/send/{phone}", self.take)
        self.server = TestServer(app, host="127.0.0.1")

    async def take(self, request: web.Request) -> web.Response:
        """One message for one phone."""
        await request.read()
        self.heard[request.match_info["phone"]] += 1
        self.topics.add(request.headers["Topic"])
        if self.silent and self.heard.total() > ANSWERED:
            self.full.set()
            await asyncio.sleep(60)
        return web.Response(status=201)


async def _ask(http: aiohttp.ClientSession, secret: str, method: str, path: str, body: Any = None, **more: str) -> Any:
    async with http.request(method, path, json=body, headers=headers(secret, **more)) as answer:
        assert answer.status < 300, (path, await answer.text())
        return await answer.json() if answer.status != 204 else None


async def _furnish(http: aiohttp.ClientSession, owner: str, service: Service) -> None:
    """Customers whose phones listen, and an offer."""
    for number in range(PHONES):
        invited = await _ask(http, owner, "POST", "/v1/pairings", {"role": "phone"})
        claim = {"secret": invited["secret"], "cookie": False}
        phone = (await _ask(http, owner, "POST", "/v1/pairings/claim", claim))["secret"]
        await _ask(http, phone, "PUT", "/v1/me/consents/push", {"given": True, "version": 1})
        keys = {"p256dh": to_text(public_point(new_key())), "auth": to_text(b"0123456789abcdef")}
        endpoint = str(service.server.make_url(f"/send/phone{number}"))
        await _ask(http, phone, "POST", "/v1/me/push", {"endpoint": endpoint, "keys": keys})
    offer = {"offer_id": "off_1", "name": {"en": "One off"}, "currency": "EUR"}
    await _ask(http, owner, "POST", "/v1/offers", {**offer, "effects": [{"type": "amount_off", "amount": 100}]})


def _a_minute_later(folder: Path) -> dict[str, int]:
    """What the dead process wrote down; whoever had a message in hand has had it for long enough."""
    with closing(sqlite3.connect(folder / "poi.db")) as database, database:
        counted = dict(database.execute("select state, count(*) from notice_phone group by state").fetchall())
        database.execute("update notice_phone set due_at = 0 where state = 'sending'")
    return counted


async def _done(http: aiohttp.ClientSession, owner: str, notice_id: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = await _ask(http, owner, "GET", f"/v1/notices/{notice_id}")
            if found["state"] == "done":
                return found
            await asyncio.sleep(0.1)


async def test_nobody_is_left_out_and_nobody_hears_twice(tmp_path: Path) -> None:
    service = Service()
    async with service.server:
        server = await asyncio.to_thread(ServerProcess, tmp_path / "data", POI_PUSH_SERVICES="127.0.0.1")
        try:
            async with aiohttp.ClientSession(server.base_url) as http:
                await _furnish(http, server.secret, service)
                begun = await _ask(http, server.secret, "POST", "/v1/offers/off_1/notify", Idempotency_Key="one")
                await asyncio.wait_for(service.full.wait(), 30)
            await asyncio.to_thread(server.kill)
            for _ in range(20):
                await asyncio.sleep(0.01)  # what it had sent comes in
            first, service.silent = Counter(service.heard), False
            counted = await asyncio.to_thread(_a_minute_later, server.folder)
            assert sum(counted.values()) == PHONES and counted["sending"]
            await asyncio.to_thread(server.start)
            async with aiohttp.ClientSession(server.base_url) as http:
                again = await _ask(http, server.secret, "POST", "/v1/offers/off_1/notify", Idempotency_Key="one")
                assert again["notice_id"] == begun["notice_id"], "pressed again, it is the same sending"
                found = await _done(http, server.secret, begun["notice_id"])
        finally:
            await asyncio.to_thread(server.stop)
    assert (found["phones"], found["sent"]) == (PHONES, PHONES)
    assert len(service.heard) == PHONES
    assert sum(service.heard.values()) == PHONES + sum(first.values()) - counted.get("sent", 0)
    assert len(service.topics) == 1, "what left a second time takes the place of the first"
