"""The NFC readers of this process: made from their paths by entry points, a thread each, events onto the loop."""

import asyncio
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from typing import Protocol

import structlog

from poi_engine.errors import DeviceError, RequestError
from poi_nfc.emulator import Card, Field, LoyaltyCard
from poi_nfc.errors import ReaderUnavailable
from poi_nfc.tap import ReaderEvent

log = structlog.get_logger(__name__)

GROUP = "poi_server.readers"
OnEvent = Callable[[str, ReaderEvent], None]
"""Called on the loop with the station's id and what happened at its reader."""


class Reader(Protocol):
    """What an entry point of `poi_server.readers` builds."""

    def start(self) -> None: ...

    def stop(self) -> bool: ...


class Readers:
    """Starts and stops readers, and lays emulated cards into a station's emulated field.

    A path's scheme (`usb`, `tty`, `com`, `udp`, or a plug-in's) names the entry point. `clock` gives UTC seconds.
    """

    def __init__(self, on_event: OnEvent, clock: Callable[[], float], *, emulate: bool) -> None:
        self._on_event = on_event
        self._clock = clock
        self._emulate = emulate
        self._readers: dict[str, Reader] = {}
        self._fields: dict[str, Field] = {}
        self._opening = asyncio.Lock()

    async def start(self, station_id: str, path: str) -> None:
        """Start a reader for a station; `DeviceError` if it cannot be driven here."""
        name = f"{station_id}/{path}"
        emit = partial(self._emit, asyncio.get_running_loop(), station_id)
        # a driver is imported at its first use, which reads files
        self._readers[name] = await asyncio.to_thread(_started, path, name, emit, self._clock)

    async def present_card(self, station_id: str, card: str, kind: int, seconds: float) -> None:
        """Hold an emulated loyalty card (Type 2 or 4) into the station's emulated field, which opens on first use."""
        if not self._emulate:
            raise RequestError("no-emulated-field", "Emulated taps are switched off here.", status=409)
        emulated = _loyalty_card(card, kind)
        await (await self._field(station_id)).present(emulated, seconds)

    def close(self) -> None:
        """Stop every reader; blocks for well under a second each."""
        for name, reader in self._readers.items():
            if not reader.stop():
                log.warning("reader-still-held", reader=name)
        for field in self._fields.values():
            field.close()

    async def _field(self, station_id: str) -> Field:
        async with self._opening:
            if station_id not in self._fields:
                field = Field()
                await field.open()
                await self.start(station_id, field.path)
                self._fields[station_id] = field
            return self._fields[station_id]

    def _emit(self, loop: asyncio.AbstractEventLoop, station_id: str, event: ReaderEvent) -> None:
        loop.call_soon_threadsafe(self._on_event, station_id, event)


def _loyalty_card(card: str, kind: int) -> Card:
    try:
        return LoyaltyCard.type2(card) if kind == 2 else LoyaltyCard.type4(card)
    except ValueError as error:
        raise RequestError("card-reference", str(error), path="$.card") from error


def _started(path: str, name: str, emit: Callable[[ReaderEvent], None], clock: Callable[[], float]) -> Reader:
    scheme = path.partition(":")[0]
    points = tuple(entry_points(group=GROUP, name=scheme))
    if not points:
        known = ", ".join(sorted({point.name for point in entry_points(group=GROUP)}))
        raise DeviceError("unknown-reader", f"No reader driver is called {scheme!r}; there are: {known}.")
    try:
        reader: Reader = points[0].load()(path, name=name, emit=emit, clock=clock)
        reader.start()
    except ReaderUnavailable as error:
        raise DeviceError(error.code, error.detail) from error
    return reader
