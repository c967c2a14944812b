"""A field with cards and readers that sense it, over real UDP sockets on loopback."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from nfc.clf import ContactlessFrontend  # noqa: F401  (its first import reads files: not on a test's loop)

from poi_nfc.drivers.nfcpy_driver import NfcpyReader
from poi_nfc.emulator import Field
from poi_nfc.tap import ReaderEvent, Tap

PATIENCE_SECONDS = 20


class Watched:
    """A running reader and what it tells, in order."""

    def __init__(self, path: str, *, name: str = "counter-1", **options: object) -> None:
        self._events: asyncio.Queue[ReaderEvent] = asyncio.Queue()
        emit = partial(asyncio.get_running_loop().call_soon_threadsafe, self._events.put_nowait)
        self.reader = NfcpyReader(path, name=name, emit=emit, clock=time.time, **options)  # type: ignore[arg-type]
        self.reader.start()

    async def next(self) -> ReaderEvent:
        """Return the next event."""
        return await asyncio.wait_for(self._events.get(), PATIENCE_SECONDS)

    async def expect(self, *kinds: str) -> ReaderEvent:
        """Take one event per kind, in this order, and return the last."""
        told = [await self.next() for _ in kinds]
        assert tuple(event.kind for event in told) == kinds, told
        return told[-1]

    async def tap(self) -> Tap:
        """Return the credential of the next event, which must be a tap."""
        tap = (await self.expect("tap")).tap
        assert tap is not None
        return tap

    async def stop(self) -> bool:
        """Stop the reader's thread."""
        return await asyncio.to_thread(self.reader.stop, PATIENCE_SECONDS)


Watch = Callable[..., Watched]


@pytest.fixture
async def field() -> AsyncIterator[Field]:
    """An open, empty field on a port of its own."""
    async with Field() as opened:
        yield opened


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Start readers that are stopped at the test's end."""
    started: list[Watched] = []

    def start(path: str, **options: object) -> Watched:
        started.append(Watched(path, **options))
        return started[-1]

    yield start
    for watched in started:
        assert await watched.stop()
