"""A tap at the emulated reader, then the offers on the station's screen: how long each part takes."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import aiohttp
from msgspec import json

from bench.figures import Row, spread
from bench.offers import offers
from bench.server import Api, Server, fill
from bench.trade import Trade
from poi_nfc.emulator import Field, LoyaltyCard

CARDS = 40
"""Cards that take turns, so that none is taken for the tap before."""
GOAL = "goal: p99 < 10 ms"
_WAIT, _TRIES = 5.0, 6
"""Seconds until a card is laid down again, and how often it is."""


async def measure(folder: Path, trade: Trade, *, taps: int, live: int) -> list[Row]:
    """Taps one after the other at a counter with a basket, `live` offers in the catalogue."""
    filled = await fill(folder, offers(live, trade.articles), trade, stations=1, customers=CARDS)
    station = filled.stations[0]
    async with Field() as field, aiohttp.ClientSession() as http:
        config = f'[[nfc.readers]]\nstation = "{station}"\npath = "{field.path}"\n'
        async with Server(folder, module="bench.traced", config=config) as server:
            run = _Run(Api(http, server), http, server.url, station, field, trade)
            shown = await run.taps(taps)
        emitted = _emitted(folder / "taps.log")
        if len(emitted) != len(shown):
            raise RuntimeError(f"the reader told {len(emitted)} taps and the screen showed {len(shown)}")
    screen = [(shown[number] - emitted[number]) / 1e6 for number in range(len(shown))]
    poll = [(emitted[number] - run.laid[number]) / 1e6 for number in range(len(shown))]
    what = f"tap to offers on the screen, {live} live offers, {len(screen)} taps"
    return [
        Row(what, spread(screen, "ms"), GOAL),
        Row("  before it: card laid down to tap told (the emulated reader's poll and read)", spread(poll, "ms")),
        Row("  offers chosen at a tap", f"median {median(run.chosen):.0f}, most {max(run.chosen)}"),
    ]


class _Run:
    """The counter's screen and the hand that holds the cards."""

    def __init__(
        self, api: Api, http: aiohttp.ClientSession, url: str, station: str, field: Field, trade: Trade
    ) -> None:
        self._api = api
        self._http = http
        self._url = url
        self._station = station
        self._field = field
        self._trade = trade
        self.laid: list[int] = []
        self.chosen: list[int] = []

    async def taps(self, count: int) -> list[int]:
        """The moments (nanoseconds) at which each tap's decision reached the screen."""
        async with self._http.ws_connect(f"{self._url}/v1/live", headers=self._api.headers) as screen:
            await screen.send_json({"watch": "station", "station_id": self._station})
            await screen.receive()
            return [await self._tap(screen, await self._basket(number), number) for number in range(count)]

    async def _basket(self, number: int) -> str:
        """A session with a basket and nobody known; its id."""
        path = f"/v1/stations/{self._station}/session"
        session = await self._api.call("POST", path, {})
        if session["identity"] is not None:
            await self._api.call("POST", f"/v1/sessions/{session['session_id']}/abandon", {})
            session = await self._api.call("POST", path, {})
        basket = self._trade.baskets[number % len(self._trade.baskets)]
        entries = [{"code": item.code, "quantity": item.quantity} for item in basket.items]
        await self._api.call("PUT", f"/v1/sessions/{session['session_id']}/basket", {"entries": entries})
        return str(session["session_id"])

    async def _tap(self, screen: aiohttp.ClientWebSocketResponse, session_id: str, number: int) -> int:
        """Lay the card down until it is seen: a reader that a busy machine kept waiting may have missed it."""
        for _ in range(_TRIES):
            laid = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            holding = asyncio.create_task(self._field.present(LoyaltyCard.type4(f"BENCH-{number % CARDS}"), 0.12))
            with suppress(TimeoutError):
                async with asyncio.timeout(_WAIT):
                    shown = await self._shown(screen, session_id)
                self.laid.append(laid)
                await holding
                return shown
            await holding
        raise RuntimeError(f"tap {number} did not reach the screen in {_TRIES * _WAIT:.0f} s")

    async def _shown(self, screen: aiohttp.ClientWebSocketResponse, session_id: str) -> int:
        """The moment at which the session's customer and decision reach the screen."""
        while True:
            message = await screen.receive()
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            session = json.decode(message.data)["session"]
            if session["session_id"] == session_id and session["identity"] and session["decision"]:
                self.chosen.append(len(session["decision"]["offers"]))
                return now


def _emitted(log: Path) -> list[int]:
    return [int(line.split()[1]) for line in log.read_text().splitlines()]
