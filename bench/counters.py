"""Paid sales a second, each durable when it is answered, over several counters at once; and what one costs."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.figures import Row, spread
from bench.offers import offers
from bench.server import Api, Server, fill
from bench.trade import Trade
from poi_server.benchmark.machine import cpu_seconds

STATIONS = 8
REFUSED = frozenset({5, 51, 13, 14, 15, 16})
"""The simulated terminal declines or doubts amounts that end in these."""


async def measure(folder: Path, trade: Trade, *, seconds: float, live: int) -> list[Row]:
    """Counters sell as fast as the server answers: session, basket, acceptance, payment by card."""
    filled = await fill(folder, offers(live, trade.articles), trade, stations=STATIONS, customers=1)
    async with Server(folder) as server, aiohttp.ClientSession() as http:
        api = Api(http, server)
        counters = [_Counter(api, station, number) for number, station in enumerate(filled.stations)]
        await asyncio.gather(*(counter.sell(trade, time.perf_counter() + 1) for counter in counters))
        for counter in counters:
            counter.times.clear()
        cpu, start = cpu_seconds(server.pid), time.perf_counter()
        await asyncio.gather(*(counter.sell(trade, start + seconds) for counter in counters))
        took, used = time.perf_counter() - start, cpu_seconds(server.pid) - cpu
    times = [took * 1000 for counter in counters for took in counter.times]
    return [
        Row(f"paid sales a second, durable, {STATIONS} counters, {live} live offers", f"{len(times) / took:.0f}"),
        Row("  one sale: open, basket, accept, pay (four requests)", spread(times, "ms")),
        Row("  server's processor time a sale", f"{used / len(times) * 1000:.2f} ms"),
    ]


class _Counter:
    """One counter that sells one basket after the other; `times` in seconds."""

    def __init__(self, api: Api, station: str, number: int) -> None:
        self._api = api
        self._station = station
        self._number = number
        self.times: list[float] = []

    async def sell(self, trade: Trade, until: float) -> None:
        """Sell until the time is over."""
        while time.perf_counter() < until:
            basket = trade.baskets[self._number % len(trade.baskets)]
            self._number += STATIONS
            start = time.perf_counter()
            await self._sale([{"code": item.code, "quantity": item.quantity} for item in basket.items])
            self.times.append(time.perf_counter() - start)

    async def _sale(self, entries: list[dict[str, Any]]) -> None:
        session = await self._api.call("POST", f"/v1/stations/{self._station}/session", {})
        session = await self._basket(session["session_id"], entries)
        while session["decision"]["total"] % 100 in REFUSED:
            entries = [*entries, {"label": "Bag", "amount": 10}]
            session = await self._basket(session["session_id"], entries)
        path, decision = f"/v1/sessions/{session['session_id']}", session["decision"]
        accepted = {"decision_id": session["decision_id"], "total": decision["total"]}
        await self._api.call("POST", f"{path}/accept", accepted)
        key = secrets.token_hex(12)
        paid = await self._api.call("POST", f"{path}/pay", {"means": "card"}, Idempotency_Key=key)
        if paid["state"] != "paid":
            raise RuntimeError(f"a sale of {decision['total']} is {paid['state']}")

    async def _basket(self, session_id: str, entries: list[dict[str, Any]]) -> Any:
        return await self._api.call("PUT", f"/v1/sessions/{session_id}/basket", {"entries": entries})
