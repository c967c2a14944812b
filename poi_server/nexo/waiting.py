"""Requests that wait for somebody at the counter, and how another request stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

Key = tuple[str, ...]


class Waiting:
    """The requests under way that can be stopped, by merchant, POI, till and ServiceID."""

    def __init__(self) -> None:
        self._stops: dict[Key, asyncio.Event] = {}

    @contextmanager
    def stoppable(self, key: Key) -> Iterator[asyncio.Event]:
        """While inside, `stop` sets the event."""
        stop = self._stops[key] = asyncio.Event()
        try:
            yield stop
        finally:
            self._stops.pop(key, None)

    def stop(self, key: Key) -> bool:
        """Stop a request; False when there is nothing to stop."""
        found = self._stops.get(key)
        if found is not None:
            found.set()
        return found is not None

    def end_all(self) -> None:
        """Stop all of them: the server ends."""
        for stop in self._stops.values():
            stop.set()
