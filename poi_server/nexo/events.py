"""What happens at a counter, told to its till: the till's own endpoint takes notifications, if it has one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import structlog

from poi_engine.clock import moment
from poi_engine.errors import PoiError
from poi_engine.nexo.crypto import Sealer
from poi_server.config import NexoPoi
from poi_server.live import Watcher
from poi_server.nexo.envelope import REQUEST, sealed
from poi_server.nexo.messages import logins
from poi_server.nexo.wire.common import MessageHeader
from poi_server.nexo.wire.session import EventNotification
from poi_server.services import Services
from poi_server.wire import JSON

log = structlog.get_logger(__name__)
SECONDS = 5.0
"""How long a till has to take a notification. One that it does not take is not sent again: events are hints."""

ONCE = 60
"""Seconds within which every process has heard of what happened."""


class Events:
    """Tells tills what their customers show at the counter."""

    def __init__(
        self, services: Services, merchant_id: str, pois: Iterable[NexoPoi], sealers: Sequence[Sealer]
    ) -> None:
        self._services = services
        self._merchant_id = merchant_id
        self._pois = [poi for poi in pois if poi.notify]
        self._sealers = sealers
        self._tasks: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin to tell, and say that we are here."""
        if not self._pois:
            return
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS))
        for poi in self._pois:
            watcher = Watcher()  # from now on: nothing that happens meanwhile is missed
            self._services.live.watch(watcher, (self._merchant_id, "station", poi.station))
            self._tasks.append(asyncio.create_task(self._tell(poi, watcher), name=f"nexo-events {poi.poi_id}"))

    async def close(self) -> None:
        """Stop telling, and say so."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*(self._send(poi, "Shutdown", "") for poi in self._pois if self._http))
        if self._http is not None:
            await self._http.close()

    async def _tell(self, poi: NexoPoi, watcher: Watcher) -> None:
        await self._send(poi, "Initialised", "")
        last = ""
        try:
            async for message in watcher.messages():
                found = event_in(msgspec.json.decode(message))
                if found is not None and found[0] != last:
                    last = found[0]
                    await self._send_once(poi, *found)
        finally:
            self._services.live.forget(watcher)

    async def _send_once(self, poi: NexoPoi, mark: str, event: str, details: str) -> None:
        """Every process hears of it, and one tells the till."""
        try:
            first = await self._services.sessions.first_use(f"nexo-event {poi.poi_id} {mark}", ONCE)
        except PoiError as error:
            log.warning("nexo_event_lost", poi_id=poi.poi_id, event_name=event, error=error.code)
            return
        if first:
            await self._send(poi, event, details)

    async def _send(self, poi: NexoPoi, event: str, details: str) -> None:
        assert self._http is not None
        try:
            content = sealed(await self._header(poi), self._body(event, details), self._sealer(poi), REQUEST)
            async with self._http.post(poi.notify, data=content, headers={"Content-Type": JSON}, allow_redirects=False):
                pass  # nobody reads what it says
        except (aiohttp.ClientError, OSError, TimeoutError, PoiError) as error:  # the storage may be away too
            log.warning("nexo_event_lost", poi_id=poi.poi_id, event_name=event, error=type(error).__name__)

    def _sealer(self, poi: NexoPoi) -> Sealer | None:
        """The POI's own key, or the first one."""
        return next((one for one in self._sealers if not poi.keys or one.identifier in poi.keys), None)

    async def _header(self, poi: NexoPoi) -> MessageHeader:
        found = await self._services.sql.read(lambda: logins(self._merchant_id, poi.poi_id))
        return MessageHeader(
            message_class="Event",
            message_category="Event",
            message_type="Notification",
            poiid=poi.poi_id,
            sale_id=found[0].sale_system if found else next(iter(poi.sale_ids), None),
            protocol_version="3.0",
        )

    def _body(self, event: str, details: str) -> dict[str, Any]:
        at = moment(self._services.engine.wiring.at()).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        told = EventNotification(time_stamp=at, event_to_notify=event, event_details=details or None)
        return {"EventNotification": told}


def event_in(message: dict[str, Any]) -> tuple[str, str, str] | None:
    """What a message to the station's screen means to its till: a mark of its own, the event and its details."""
    session = message.get("session") or {}
    notice = session.get("notice") or {}
    code, values = notice.get("code"), notice.get("values") or {}
    mark = f"{session.get('session_id')} {session.get('revision')} {code}"
    if code == "unknown-product":
        return mark, "ScanBarcodeResult", values.get("code", "")
    if code == "product-added":
        items = session["basket"]["items"]
        product = next((item["code"] for item in reversed(items) if item["label"] == values.get("label")), "")
        return mark, "ScanBarcodeResult", product
    if code == "identified":
        account = (session.get("identity") or {}).get("customer_id", "")
        return mark, "CardInserted", urlencode({"scheme": values.get("scheme", ""), "account": account})
    return None
