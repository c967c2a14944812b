"""Who watches what: sessions, customers and sales told to every screen, in every process, without waiting for any."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from poi_engine.clock import Clock, micros
from poi_engine.errors import StorageError
from poi_engine.ports import OrderTold, Seen
from poi_engine.session import Session
from poi_server.views import for_phone, shown

log = structlog.get_logger(__name__)

QUEUE = 64
"""Messages a slow screen may lag behind before it is told to load afresh."""

Topic = tuple[str, str, str]
"""Merchant, kind of thing watched, its id. Kinds: `station`, `counters`, `customer`, `dashboard`, `orders`, `question`,
`request`."""


def question_topic(merchant_id: str, station_id: str) -> Topic:
    """What is told when the question on a station's screens changes."""
    return merchant_id, "question", station_id


def request_topic(merchant_id: str, *name: str) -> Topic:
    """What is told when a till's request is to stop."""
    return merchant_id, "request", "\0".join(name)


def counters_topic(merchant_id: str) -> Topic:
    """What is told to the screens of all stations."""
    return merchant_id, "counters", ""


class Told(Struct, frozen=True, kw_only=True):
    """One message on its way to the screens of all processes. `body` is the JSON a screen receives."""

    origin: str
    topics: tuple[Topic, ...]
    body: bytes


class Watcher:
    """One screen's bounded queue; when it lags, everything is dropped for one `resync`."""

    def __init__(self) -> None:
        self._queue: deque[bytes] = deque()
        self._ready = asyncio.Event()

    def put(self, body: bytes) -> None:
        """Queue a message, or tell the screen to load afresh."""
        if len(self._queue) >= QUEUE:
            self.resync()
            return
        self._queue.append(body)
        self._ready.set()

    def resync(self) -> None:
        """Something was missed: drop what waits and tell the screen to load afresh."""
        self._queue.clear()
        self._queue.append(b'{"kind":"resync"}')
        self._ready.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """What is told, as it comes."""
        while True:
            await self._ready.wait()
            while self._queue:
                yield self._queue.popleft()
            self._ready.clear()


class Live:
    """The engine's `Screens`: tells watchers here at once and other processes through `publish`, if there are any.

    What nobody watches is not even written down.
    """

    def __init__(self, origin: str, publish: Callable[[bytes], Awaitable[None]] | None, clock: Clock) -> None:
        self._origin = origin
        self._clock = clock
        self._publish = publish
        self._watchers: dict[Topic, set[Watcher]] = defaultdict(set)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(Told)

    def watch(self, watcher: Watcher, topic: Topic) -> None:
        """Tell `watcher` about `topic` from now on."""
        self._watchers[topic].add(watcher)

    def forget(self, watcher: Watcher) -> None:
        """Stop telling `watcher` anything."""
        for topic in [topic for topic, watchers in self._watchers.items() if watcher in watchers]:
            self._watchers[topic].discard(watcher)
            if not self._watchers[topic]:
                del self._watchers[topic]

    def resync(self) -> None:
        """The fan-out was away: what other processes told meanwhile is lost, so every screen loads afresh."""
        for watcher in {watcher for watchers in self._watchers.values() for watcher in watchers}:
            watcher.resync()

    def receive(self, message: bytes) -> None:
        """A message from the fan-out between processes."""
        try:
            told = self._decoder.decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):  # not ours, or another version's: the next may be
            log.warning("fan-out-unreadable", bytes=len(message))
            return
        if told.origin != self._origin:
            self._deliver(told)

    async def session_changed(self, session: Session, *, to: Seen = "all") -> None:
        """The station's screens get the session; the customer's phone a summary."""
        station: Topic = (session.merchant_id, "station", session.station_id)
        if self._heard(station, to=to):
            told = shown(session, micros(self._clock.now()))
            await self._tell((station,), {"kind": "session", "session": told}, to=to)
        if session.identity is None:
            return
        phone: Topic = (session.merchant_id, "customer", session.identity.customer_id)
        if self._heard(phone, to=to):
            await self._tell((phone,), {"kind": "session", "session": for_phone(session)}, to=to)

    async def session_left(self, session: Session, station_id: str) -> None:
        """The screens of the station that it was handed over from see that it is elsewhere."""
        station: Topic = (session.merchant_id, "station", station_id)
        await self._tell((station,), {"kind": "session", "session": shown(session, micros(self._clock.now()))})

    async def customer_changed(self, merchant_id: str, customer_id: str, notice: str) -> None:
        """Points, rewards or profile changed."""
        await self._tell(((merchant_id, "customer", customer_id),), {"kind": "customer", "notice": notice})

    async def sale_committed(self, merchant_id: str, store_id: str, sale_id: str) -> None:
        """The dashboards count it."""
        body = {"kind": "sale", "sale_id": sale_id, "store_id": store_id}
        await self._tell(((merchant_id, "dashboard", ""),), body)

    async def offers_changed(self, merchant_id: str) -> None:
        """Every counter loads the offers again, and whoever watches the dashboard."""
        await self._tell(((merchant_id, "dashboard", ""), counters_topic(merchant_id)), {"kind": "offers"})

    async def order_changed(self, merchant_id: str, order: OrderTold) -> None:
        """The store's stations, the list of orders and the customer's phone load it again."""
        topics = [(merchant_id, "station", station_id) for station_id in order.stations]
        topics.append((merchant_id, "orders", ""))
        if order.customer_id is not None:
            topics.append((merchant_id, "customer", order.customer_id))
        body = {"kind": "order", "order_id": order.order_id, "state": order.state, "store_id": order.store_id}
        await self._tell(tuple(topics), body)

    async def seller_changed(self, merchant_id: str, station_id: str) -> None:
        """The station's screens ask who is signed in."""
        await self._tell(((merchant_id, "station", station_id),), {"kind": "seller"})

    async def training_changed(self, merchant_id: str, station_id: str, on: bool) -> None:
        """The station's screens show whether what is done there counts."""
        await self._tell(((merchant_id, "station", station_id),), {"kind": "training", "on": on})

    async def means_changed(self, merchant_id: str) -> None:
        """Every counter asks what is taken there, and how it goes on without the server."""
        await self._tell((counters_topic(merchant_id),), {"kind": "means"})

    async def question_changed(self, merchant_id: str, station_id: str) -> None:
        """The station's screens, and whoever waits for the answer, look at its question again."""
        topics = [(merchant_id, "station", station_id), question_topic(merchant_id, station_id)]
        await self._tell(tuple(topics), {"kind": "question"})

    async def request_stopped(self, merchant_id: str, *name: str) -> None:
        """Whoever works on the till's request stops, if it waits for somebody."""
        await self._tell((request_topic(merchant_id, *name),), {"kind": "stop"})

    def _heard(self, *topics: Topic, to: Seen = "all") -> bool:
        """Whether a screen watches here, or one might elsewhere."""
        if self._publish is not None and to != "here":
            return True
        return to != "elsewhere" and not self._watchers.keys().isdisjoint(topics)

    async def _tell(self, topics: tuple[Topic, ...], body: dict[str, Any], *, to: Seen = "all") -> None:
        if not self._heard(*topics, to=to):
            return
        told = Told(origin=self._origin, topics=topics, body=msgspec.json.encode(body))
        if to != "elsewhere":
            self._deliver(told)
        if self._publish is None or to == "here":
            return
        try:
            await self._publish(self._encode(told))
        except StorageError as error:
            log.warning("fan-out-away", error=error.code)

    def _deliver(self, told: Told) -> None:
        for topic in told.topics:
            for watcher in self._watchers.get(topic, ()):
                watcher.put(told.body)
