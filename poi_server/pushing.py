"""Sending notifications: every subscribed phone whose customer agrees, over the browsers' push services."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from urllib.parse import urlsplit

import aiohttp
import structlog
from msgspec import Struct, json

from poi_engine.clock import Clock
from poi_engine.errors import Conflict, PoiError, RequestError
from poi_engine.push import Push, Receiver
from poi_engine.webpush import authorization, check_keys, encrypt, new_key
from poi_server.config import Push as PushConfig

log = structlog.get_logger(__name__)
PAGE = 200
AT_ONCE = 8
SECONDS = 10.0
KEPT_SECONDS = 24 * 3600
"""How long a push service keeps a message for a phone that is off."""
GONE = (404, 410)


class Note(Struct, frozen=True, kw_only=True):
    """What a notification says, by language; a newer one with the same `tag` takes its place."""

    title: str
    body: dict[str, str]
    url: str
    tag: str


class Pushing:
    """Sends in the background; what is not sent when the server stops is not sent later."""

    def __init__(self, push: Push, clock: Clock, config: PushConfig) -> None:
        self._push = push
        self._clock = clock
        self._config = config
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    def check(self, endpoint: str) -> None:
        """Refuse an address that is no push service's: the server sends nothing elsewhere."""
        try:
            parts = urlsplit(endpoint)
            host = parts.hostname or ""
            known = any(_matches(host, service) for service in self._config.services)
        except ValueError:
            known = False
        if not known or parts.username or ((parts.scheme, host) != ("http", "127.0.0.1") and parts.scheme != "https"):
            message = "This is no address of a push service that this server sends to."
            raise RequestError("push-service-unknown", message, path="$.endpoint")

    def start(self, merchant_id: str, note: Note) -> None:
        """Begin to send a note to everybody who agrees; one at a time for each tag."""
        name = (merchant_id, note.tag)
        if name in self._running:
            raise Conflict("being-sent", "This notification is being sent right now.")
        task = asyncio.create_task(self._send(merchant_id, note), name=f"push {note.tag}")
        self._running[name] = task
        task.add_done_callback(lambda _: self._running.pop(name, None))

    @property
    def running(self) -> list[asyncio.Task[None]]:
        """What is being sent."""
        return list(self._running.values())

    async def close(self) -> None:
        """Stop sending."""
        tasks = self.running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, merchant_id: str, note: Note) -> None:
        results: Counter[str] = Counter()
        try:
            private = await self._push.key(merchant_id)
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            async with aiohttp.ClientSession(timeout=timeout) as http:
                after: str | None = ""
                while after is not None:
                    receivers, after = await self._push.receivers(merchant_id, after, PAGE)
                    results += await self._page(http, merchant_id, private, note, receivers)
        except PoiError as error:
            log.warning("push.stopped", code=error.code)
        log.info("push.sent", tag=note.tag, **results)

    async def _page(
        self, http: aiohttp.ClientSession, merchant_id: str, private: bytes, note: Note, receivers: list[Receiver]
    ) -> Counter[str]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(receiver: Receiver) -> str:
            async with gate:
                return await self._one(http, private, note, receiver)

        told = await asyncio.gather(*map(one, receivers))
        gone = [receiver.subscription_id for receiver, result in zip(receivers, told, strict=True) if result == "gone"]
        await self._push.forget(merchant_id, gone)
        return Counter(told)

    async def _one(self, http: aiohttp.ClientSession, private: bytes, note: Note, receiver: Receiver) -> str:
        try:
            self.check(receiver.endpoint)
            body, token = await asyncio.to_thread(self._sealed, private, note, receiver)
            headers = {
                "Authorization": token,
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(KEPT_SECONDS),
            }
            async with http.post(receiver.endpoint, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status in GONE:
                    return "gone"
                return "sent" if answer.status < 300 else "failed"
        except (aiohttp.ClientError, TimeoutError, RequestError, ValueError):
            return "failed"

    def _sealed(self, private: bytes, note: Note, receiver: Receiver) -> tuple[bytes, str]:
        words = note.body.get(receiver.language) or next(iter(note.body.values()), "")
        payload = json.encode({"title": note.title, "body": words, "url": note.url, "tag": note.tag})
        point, secret = check_keys(receiver.p256dh, receiver.auth)
        body = encrypt(payload, point, secret, salt=os.urandom(16), sender=new_key())
        return body, authorization(receiver.endpoint, private, self._config.contact, self._clock.now())


def _matches(host: str, service: str) -> bool:
    """`*.example.org` is any name below example.org; anything else is one name."""
    return host.endswith(service[1:]) if service.startswith("*.") else host == service
