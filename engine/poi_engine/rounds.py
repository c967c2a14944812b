"""What the server does from time to time: each round in a task of its own, so that no long one delays another."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from poi_engine.errors import PoiError

_log = logging.getLogger(__name__)

Round = Callable[[], Awaitable[object]]


class Rounds:
    """Runs each round, waits `seconds`, and runs it again; a round that fails is logged, and comes again."""

    def __init__(self, rounds: Mapping[str, Round], seconds: float) -> None:
        self._rounds = rounds
        self._seconds = seconds
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; the first runs are `seconds` away."""
        self._tasks = [asyncio.create_task(self._keep(name), name=name) for name in self._rounds]

    async def close(self) -> None:
        """Stop, in the middle of a round too: what it began is undone or found by the next one."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _keep(self, name: str) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._rounds[name]()
            except PoiError as error:  # storage away: the next round finds it again
                _log.warning("%s: %s", name, error.code)
            except Exception:  # a fault of ours must not make this the last round
                _log.exception("%s failed", name)
