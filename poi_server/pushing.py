"""Sending notifications over the browsers' push services: the messages that `poi_engine.campaigns.notices` keeps.

A message is taken from its row, sent, and its result written. One whose result was never written, because the process
died in between, is sent again under the same topic and tag: the push service, or the phone, puts it in the place of the
first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from urllib.parse import urlsplit

import aiohttp
import structlog
from msgspec import Struct, json

from poi_engine.campaigns.notice_rows import Delivery, Notice, Result
from poi_engine.campaigns.notices import Notices
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.clock import Clock
from poi_engine.errors import PoiError, RequestError
from poi_engine.push import Push
from poi_engine.webpush import authorization, check_keys, encrypt, new_key
from poi_offers.model import Offer
from poi_server.config import Push as PushConfig

log = structlog.get_logger(__name__)
AT_ONCE = 8
SECONDS = 10.0
PAGE = 40
"""Messages in hand: with eight at once and ten seconds each they are answered for before their minute is over."""
LOOK_SECONDS = 20.0
"""How long a message may wait for its time unseen."""
KEPT_SECONDS = 24 * 3600
"""How long a push service keeps a message for a phone that is off."""
GONE = (404, 410)
LATER = (408, 425, 429)


class Note(Struct, frozen=True, kw_only=True):
    """What a notification says, by language; a newer one with the same `tag` takes its place on the phone.

    `topic`: a push service that still keeps a message of the same topic forgets that one.
    """

    title: str
    body: dict[str, str]
    url: str
    tag: str
    topic: str


class Pushing:
    """Sends in the background what is to be sent, and looks for more every `LOOK_SECONDS`."""

    def __init__(self, push: Push, notices: Notices, offers: OfferBook, clock: Clock, config: PushConfig) -> None:
        self._push = push
        self._notices = notices
        self._offers = offers
        self._clock = clock
        self._config = config
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

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

    def start(self) -> None:
        """Begin with what an earlier process left."""
        self._task = asyncio.create_task(self._run(), name="notifications")

    def wake(self) -> None:
        """There is something to send."""
        self._wanted.set()

    async def close(self) -> None:
        """Stop sending; the next process goes on."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.round()
            except PoiError as error:  # storage away: the next round finds it again
                log.warning("push.stopped", code=error.code)
            except Exception:  # a fault of ours must not end the sending for good
                log.exception("push.failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wanted.wait()

    async def round(self) -> None:
        """Send all that is due."""
        for notice in await self._notices.open():
            offer = await self._notices.offer_of(notice)
            if offer is None:
                continue
            if notice.state == "gathering":
                await self._notices.gather(notice, offer)
            await self._send(notice, offer)

    async def _send(self, notice: Notice, offer: Offer) -> None:
        note = await self._note(notice, offer)
        private = await self._push.key(notice.merchant_id)
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while page := await self._notices.take(notice, PAGE):
                gate = asyncio.Semaphore(AT_ONCE)

                async def one(delivery: Delivery, gate: asyncio.Semaphore = gate) -> None:
                    async with gate:
                        result = await self._one(http, private, note, delivery)
                        await self._notices.settle(notice, {delivery.subscription_id: result})

                await asyncio.gather(*map(one, page))

    async def _note(self, notice: Notice, offer: Offer) -> Note:
        return Note(
            title=(await self._offers.merchant(notice.merchant_id)).name,
            body={str(language): name for language, name in offer.name.items()},
            url="/me#offers",
            tag=offer.offer_id,
            topic=hashlib.sha256(notice.notice_id.encode()).hexdigest()[:32],
        )

    async def _one(self, http: aiohttp.ClientSession, private: bytes, note: Note, delivery: Delivery) -> Result:
        try:
            self.check(delivery.endpoint)
            body, token = await asyncio.to_thread(self._sealed, private, note, delivery)
        except (RequestError, ValueError):
            return "failed"
        headers = {
            "Authorization": token,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_SECONDS),
            "Topic": note.topic,
        }
        try:
            async with http.post(delivery.endpoint, data=body, headers=headers, allow_redirects=False) as answer:
                return _result(answer.status)
        except (aiohttp.ClientError, TimeoutError):
            return "again"

    def _sealed(self, private: bytes, note: Note, delivery: Delivery) -> tuple[bytes, str]:
        words = note.body.get(delivery.language) or next(iter(note.body.values()), "")
        payload = json.encode({"title": note.title, "body": words, "url": note.url, "tag": note.tag})
        point, secret = check_keys(delivery.p256dh, delivery.auth)
        body = encrypt(payload, point, secret, salt=os.urandom(16), sender=new_key())
        return body, authorization(delivery.endpoint, private, self._config.contact, self._clock.now())


def _result(status: int) -> Result:
    if status in GONE:
        return "gone"
    if status < 300:
        return "sent"
    return "again" if status >= 500 or status in LATER else "failed"


def _matches(host: str, service: str) -> bool:
    """`*.example.org` is any name below example.org; anything else is one name."""
    return host.endswith(service[1:]) if service.startswith("*.") else host == service
