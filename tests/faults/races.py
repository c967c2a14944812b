"""Two counters reach for the same coupon, the same last points, the same last use of a limit: exactly one has it.

On SQLite both counters are in one process; on PostgreSQL each is in a server process of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp

from poi_engine.ids import Ids
from poi_engine.ledger import Move, balance, enter
from poi_engine.ports import Job, Query, Sql
from poi_engine.verify import verify
from tests.faults.place import Grounds, Place, grounds
from tests.faults.plan import Outcome, Plan

Json = dict[str, Any]
POINTS = 50
_LATER = {"session-busy", "payment-under-way", "storage-locked"}
OFFERS: dict[str, Json] = {
    "points": {
        "name": {"en": "5.00 for 50 points"},
        "effects": [{"type": "amount_off", "amount": 500}],
        "reward_points": POINTS,
    },
}


class Counter:
    """One counter, at its server."""

    def __init__(self, http: aiohttp.ClientSession, station: str) -> None:
        self._http = http
        self._station = station
        self._session: Json = {}

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Json]:
        """One request, again when somebody else is in the way."""
        while True:
            headers = {"Idempotency-Key": key} if key else {}
            async with self._http.request(method, path, json=body, headers=headers) as answer:
                told = await answer.json(content_type=None) or {}
                if answer.status != 503 and told.get("code") not in _LATER:
                    return answer.status, told
            await asyncio.sleep(0.005)
