"""Requests under way, and how another request, in whichever process it arrives, stops one that waits for somebody."""

from __future__ import annotations

import asyncio

from poi_server.live import Live, Watcher, request_topic

Key = tuple[str, ...]


class _Stop(Watcher):
    """Set when its request is to stop; that is all that is ever told of it."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def put(self, body: bytes) -> None:
        self.event.set()

    def resync(self) -> None:
        """What was missed may have been meant for any: nobody stops for it."""


class Waiting:
    """The requests under way that may be stopped, by merchant, POI, till and ServiceID."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stops: dict[Key, _Stop] = {}

    def began(self, key: Key) -> asyncio.Event:
        """What is set when the request is stopped."""
        stop = self._stops.get(key)
        if stop is None:
            stop = self._stops[key] = _Stop()
            self._live.watch(stop, request_topic(*key))
        return stop.event

    def over(self, key: Key) -> None:
        """The request has its answer."""
        if (stop := self._stops.pop(key, None)) is not None:
            self._live.forget(stop)

    async def stop(self, key: Key) -> None:
        """Stop a request, if any process is working on it."""
        await self._live.request_stopped(*key)

    def end_all(self) -> None:
        """Stop all of them: the server ends."""
        for stop in self._stops.values():
            stop.event.set()
