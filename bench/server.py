"""The server under measurement, in a process of its own on an unused port of loopback, ended by its number."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bench.offers import LAT, LON
from bench.trade import Trade
from poi_engine.access import Access
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.clientele.customers import Customers
from poi_engine.clock import SystemClock
from poi_engine.goods.products import Product, Products
from poi_engine.ids import Ids
from poi_engine.setup import NewStation, NewStore, Setup
from poi_engine.storage import migrate, open_sql
from poi_offers.model import Offer
from poi_offers.situation import SaleItem
from poi_server.live import Live
from poi_server.running import Running, read_note

T = TypeVar("T")
START_SECONDS = 110
_AT_ONCE = 250


class Server:
    """`python -m <module> serve ...` on a data folder; use as an async context manager."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        module: str = "poi_server",
        config: str = "",
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._arguments = arguments
        self._module = module
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""
        self.secret = ""

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "127.0.0.1", parts.port or 80

    async def __aenter__(self) -> Self:
        file = self._folder / "bench.toml"
        file.write_text(self._config)
        with (self._folder / "serve.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module, "serve", "--port", "0", *self._arguments),
                *("--data", str(self._folder), "--config", str(file)),
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self._environment},
            )
        try:
            note = await self._note()
        except BaseException:
            await self._stop()
            raise
        self.url, self.secret = note.address, note.secret
        return self

    async def _note(self) -> Running:
        assert self._process is not None
        async with asyncio.timeout(START_SECONDS):
            while (note := read_note(self._folder)) is None or note.pid != self._process.pid:
                if self._process.returncode is not None:
                    raise RuntimeError((self._folder / "serve.log").read_text()[-2000:])
                await asyncio.sleep(0.05)
        return note

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._stop()

    async def gone(self) -> None:
        """Wait for the end of a process that was killed."""
        assert self._process is not None
        await self._process.wait()

    async def _stop(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Api:
    """Calls with the operator's secret; any answer but a good one ends the run."""

    def __init__(self, http: aiohttp.ClientSession, server: Server) -> None:
        self._http = http
        self._url = server.url
        self.headers = {"Authorization": f"Bearer {server.secret}"}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._http.request(method, self._url + path, json=body, headers=self.headers | named) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
            return json.loads(text) if text else None


@dataclass(frozen=True, slots=True)
class Filled:
    """What a data folder was filled with."""

    store_id: str
    stations: tuple[str, ...]
    customers: tuple[str, ...]


async def fill(
    folder: Path,
    offers: Sequence[Offer],
    trade: Trade,
    *,
    stations: int,
    customers: int,
    url: str = "",
    connector: str = "simulator",
) -> Filled:
    """A shop through the engine's own services, before a server takes the folder (or the database at `url`).

    Cards are `BENCH-0`, `BENCH-1` ...
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    url, clock = url or f"sqlite:///{folder / 'poi.db'}", SystemClock()
    await migrate(url)
    sql = open_sql(url)
    ids = Ids(clock.now)
    try:
        m, _ = await Access(sql, clock, ids, exclusive=True).ensure_owner("Bench", "EUR", "fr")
        book, people, goods = (
            OfferBook(sql, Live("bench", _nobody, clock), clock),
            Customers(sql, clock, ids),
            Products(sql, clock, ids),
        )
        await _all([book.create(m, offer) for offer in offers])
        await _all([goods.put(m, _product(article)) for article in trade.articles])
        known = await _all(
            [people.by_credential(m, "loyalty", f"BENCH-{number}", create=True) for number in range(customers)]
        )
        store_id, made = await _stations(Setup(sql, ids), m, stations, connector)
        return Filled(store_id, made, tuple(person.customer_id for person in known if person is not None))
    finally:
        await sql.close()


async def _all(calls: Sequence[Coroutine[None, None, T]]) -> list[T]:
    """Many small writes, some hundred at once."""
    done: list[T] = []
    for start in range(0, len(calls), _AT_ONCE):
        done += await asyncio.gather(*calls[start : start + _AT_ONCE])
    return done


async def _stations(setup: Setup, merchant_id: str, count: int, connector: str) -> tuple[str, tuple[str, ...]]:
    place = NewStore(name="Bench", zone="Europe/Paris", lat=LAT, lon=LON, regions=("FR", "FR-75"))
    store = await setup.add_store(merchant_id, place)
    counters = [f"Counter {number}" for number in range(count)]
    made = [NewStation(store_id=store.store_id, name=name, connector=connector) for name in counters]
    ids = [(await setup.add_station(merchant_id, station)).station_id for station in made]
    return store.store_id, tuple(ids)


def _product(article: SaleItem) -> Product:
    return Product(
        code=article.code,
        label=article.label,
        unit_price=article.unit_price,
        category=article.category,
        brand=article.brand,
        vat_rate=article.vat_rate,
    )


async def _nobody(_message: bytes) -> None:
    """Nobody else is told."""
