"""Requests under way, and how another request stops one that waits for somebody."""

from __future__ import annotations

import asyncio

Key = tuple[str, ...]


class Waiting:
    """The requests under way that may be stopped, by merchant, POI, till and ServiceID."""

    def __init__(self) -> None:
        self._stops: dict[Key, asyncio.Event] = {}

    def began(self, key: Key) -> asyncio.Event:
        """What is set when the request is stopped."""
        return self._stops.setdefault(key, asyncio.Event())

    def over(self, key: Key) -> None:
        """The request has its answer."""
        self._stops.pop(key, None)

    def stop(self, key: Key) -> None:
        """Stop a request, if it is under way."""
        if (found := self._stops.get(key)) is not None:
            found.set()

    def end_all(self) -> None:
        """Stop all of them: the server ends."""
        for stop in self._stops.values():
            stop.set()
