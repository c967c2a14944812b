"""From a reader's thread to the counter: what happened at a reader becomes a credential or a notice at its station."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from poi_engine.errors import PoiError
from poi_nfc.tap import ReaderEvent

if TYPE_CHECKING:
    from poi_engine.stations import Stations

log = structlog.get_logger(__name__)


class TapDesk:
    """Receives reader events on the loop; every tap is presented at its station."""

    def __init__(self, stations: Stations, merchant_id: str) -> None:
        self._stations = stations
        self._merchant_id = merchant_id
        self._tasks: set[asyncio.Task[None]] = set()

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
            if event.tap is not None:
                await self._stations.present(self._merchant_id, station_id, event.tap)
            else:
                await self._stations.refuse(self._merchant_id, station_id, event.code or "unreadable")
        except PoiError as error:
            log.warning("tap_failed", station=station_id, code=error.code, detail=error.message)

    async def close(self) -> None:
        """Let the taps under way finish."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
