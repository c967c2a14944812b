"""Which terminals this process waits for, and how the processes that share its storage hear of it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from poi_engine.errors import StorageError
from poi_engine.ports import Job, Query
from poi_engine.wiring import Wiring

TELLING_SECONDS, TOLD_SECONDS = 1.0, 3
"""How often a process says that it waits for a terminal, and how long that, or having just begun, is believed."""


class UnderWay:
    """What is under way at terminals, by name: a checkout whose payment is sent, a payment that is given back."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._sending: Counter[str] = Counter()
        self._telling: dict[str, asyncio.Task[None]] = {}

    @contextmanager
    def sending(self, name: str) -> Iterator[None]:
        """While this process waits for the terminal, nobody here or in another process asks for the status: from before
        it is written that something is sent, for who reads that would ask at once."""
        self._sending[name] += 1
        if self._w.grace and name not in self._telling:
            self._telling[name] = asyncio.create_task(self._keep_telling(name))
        try:
            yield
        finally:
            self._sending -= Counter((name,))
            if name in self._telling and not self.is_sending(name):
                self._telling.pop(name).cancel()

    def is_sending(self, name: str) -> bool:
        """Whether this process waits for the terminal's answer now."""
        return name in self._sending

    async def is_paying(self, merchant_id: str, checkout_id: str) -> bool:
        """Whether this process, or another one that shares the storage, waits for a payment's answer now."""
        if self.is_sending(checkout_id):
            return True
        if not self._w.grace:
            return False
        sent = await self._w.sql.read(lambda: _sent_at(merchant_id, checkout_id))
        return sent is not None and await self.is_elsewhere(checkout_id, sent)

    async def is_elsewhere(self, name: str, begun_at: int) -> bool:
        """Whether another process waits for the terminal, if it began at `begun_at` (microseconds UTC).

        It does if it began just now, or says so again and again; one that was killed says nothing more. Where nobody
        can be heard the grace is waited out.
        """
        if not self._w.grace:
            return False
        seconds = abs(self._w.at() - begun_at) / 1_000_000
        if seconds < TOLD_SECONDS:
            return True
        try:
            return await self._w.sessions.is_sending(name)
        except StorageError:
            return seconds < self._w.grace

    async def _keep_telling(self, name: str) -> None:
        """Most payments are answered before anybody needs to be told."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            with suppress(StorageError):
                await self._w.sessions.tell_sending(name, TOLD_SECONDS)


def _sent_at(merchant_id: str, checkout_id: str) -> Job[int | None]:
    rows = yield Query(
        "select max(created_at) as sent_at from payment where merchant_id = ? and checkout_id = ? "
        "and state = 'sending'",
        (merchant_id, checkout_id),
    )
    return None if rows[0]["sent_at"] is None else int(rows[0]["sent_at"])
