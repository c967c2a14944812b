"""Counts by itself what is due: the figures are at most some seconds behind, and nobody who reads them waits long."""

import asyncio
import contextlib
import logging

from poi_engine.errors import PoiError
from poi_engine.insights.rollup import due_merchants, settle
from poi_engine.ports import Sql

_log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


class Counting:
    """The work behind the rollups; `start` lets it run by itself."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on, by itself."""
        self._task = asyncio.create_task(self._keep(), name="counting")

    async def close(self) -> None:
        """No more; what is due stays due."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self) -> None:
        while True:
            try:
                for merchant_id in await self._sql.read(due_merchants):
                    await settle(self._sql, merchant_id)
            except PoiError as error:  # storage away: the next round finds it again
                _log.warning("counting: %s", error.code)
            except Exception:  # a fault of ours must not make this the last round
                _log.exception("counting failed")
            await asyncio.sleep(PAUSE_SECONDS)
