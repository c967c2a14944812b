"""From a reader's thread to the counter: what happened at a reader becomes a credential or a notice at its station."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from poi_engine.errors import PoiError
from poi_nfc.tap import ReaderEvent, Tap

if TYPE_CHECKING:
    from poi_engine.staff.sellers import Sellers
    from poi_engine.staff.signin import SignIns
    from poi_engine.stations import Stations

log = structlog.get_logger(__name__)

BADGE_SECONDS = 2.0
"""How long a badge at the same station is taken for one tap: it must not sign its person out again."""


class TapDesk:
    """Receives reader events on the loop: a seller's badge signs in or out, every other tap is presented there."""

    def __init__(self, stations: Stations, sellers: Sellers, signins: SignIns, merchant_id: str) -> None:
        self._stations = stations
        self._sellers = sellers
        self._signins = signins
        self._merchant_id = merchant_id
        self._tasks: set[asyncio.Task[None]] = set()
        self._badges: dict[str, tuple[str, float]] = {}

    def on_event(self, station_id: str, event: ReaderEvent) -> None:
        """What happened at a station's reader."""
        if event.kind in ("tap", "unreadable"):
            task = asyncio.create_task(self._present(station_id, event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            log.info("reader", station=station_id, reader=event.reader, kind=event.kind, detail=event.detail)

    async def _present(self, station_id: str, event: ReaderEvent) -> None:
        try:
            if event.tap is None:
                await self._stations.refuse(self._merchant_id, station_id, event.code or "unreadable")
            elif not await self._by_badge(station_id, event.tap):
                await self._by_customer(station_id, event.tap)
        except PoiError as error:
            log.warning("tap_failed", station=station_id, code=error.code, detail=error.message)

    async def _by_badge(self, station_id: str, tap: Tap) -> bool:
        """Whether it was a badge; its person is signed in or out now."""
        seller_id = await self._sellers.badge_of(self._merchant_id, tap)
        if seller_id is None:
            return False
        last, at = self._badges.get(station_id, ("", 0.0))
        now = time.monotonic()
        self._badges[station_id] = (seller_id, now)
        if last != seller_id or now - at > BADGE_SECONDS:
            try:
                await self._signins.with_badge(self._merchant_id, station_id, seller_id)
            except PoiError as error:
                await self._stations.refuse(self._merchant_id, station_id, error.code)
        return True

    async def _by_customer(self, station_id: str, tap: Tap) -> None:
        at_station = await self._signins.at(self._merchant_id, station_id)
        if "sell" in at_station.rights:
            await self._stations.present(self._merchant_id, station_id, tap)
        else:
            await self._stations.refuse(self._merchant_id, station_id, "sign-in-needed")

    async def close(self) -> None:
        """Let the taps under way finish."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
