"""The servers that are compared, each with a store of its own, filled alike and kept running through the rounds."""

import asyncio
import json
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.offers import offers
from bench.sales.postgres import Postgres
from bench.sales.terminal import NAME
from bench.server import START_SECONDS, Server, fill
from bench.trade import Trade
from bench.usual_stack.schema import SCHEMA
from poi_engine.storage.valkey import server_program

CUSTOMERS = 500
SECRET = "bench"
_ROOTS = [path for path in sys.path if path]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is measured: whose server, on which store, with so many milliseconds added to each fsync."""

    stack: str
    store: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where the tills sell."""

    host: str
    port: int
    secret: str


class Stack(ABC):
    """A running server."""

    kind: Kind
    stations: tuple[str, ...]

    @abstractmethod
    async def start(self) -> Address:
        """Begin to serve."""

    @abstractmethod
    async def stop(self) -> None:
        """End, in order."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The server's process, with all its threads."""

    @property
    @abstractmethod
    def sql(self) -> str:
        """Where its rows are."""


class Ours(Stack):
    """`poi-server serve` with its embedded Valkey, on its SQLite file or on PostgreSQL."""

    def __init__(self, kind: Kind, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self.folder = folder
        self.stations: tuple[str, ...] = ()
        self._url = url
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join([str(folder / "plugins"), *_ROOTS])}
        self._server: Server | None = None

    async def prepare(self, trade: Trade, stations: int, live: int) -> None:
        """Fill the store."""
        made = offers(live, trade.articles)
        self.stations = (
            await fill(self.folder, made, trade, stations=stations, customers=CUSTOMERS, url=self._url, connector=NAME)
        ).stations
        await asyncio.to_thread(_plug_in, self.folder / "plugins")

    async def start(self) -> Address:
        """The shipped server, its terminal plugged in."""
        config = f'[payment]\nconnectors = ["{NAME}"]\n[logs]\nlevel = "warning"\n'
        config += f"[storage]\nsql = {json.dumps(self._url)}\n" if self._url else ""
        self._server = Server(self.folder, config=config, environment=self._environment)
        await self._server.__aenter__()
        return Address(*self._server.address, self._server.secret)

    async def stop(self) -> None:
        """SIGTERM."""
        if self._server is not None:
            await self._server.__aexit__(None, None, None)

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._server is not None
        os.kill(self._server.pid, signal.SIGKILL)
        await self._server.gone()

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._server is not None
        return self._server.pid

    @property
    def sql(self) -> str:
        """Its SQLite file or its database."""
        return self._url or f"sqlite:///{self.folder / 'poi.db'}"


def _plug_in(folder: Path) -> None:
    """An entry point for the terminal, as an installed package has it."""
    about = folder / "poi_bench_terminal-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: poi-bench-terminal\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[poi_server.connectors]\n{NAME} = bench.sales.terminal:opened\n")


class Usual(Stack):
    """FastAPI under uvicorn, redis-py to a valkey-server of its own, asyncpg to PostgreSQL."""

    def __init__(self, kind: Kind, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.kind = kind
        self.stations: tuple[str, ...] = ()
        self._folder = folder
        self._url = url
        self._environment = environment
        self._processes: list[asyncio.subprocess.Process] = []

    async def prepare(self, trade: Trade, stations: int, live: int) -> None:
        """Fill the store."""
        await asyncio.to_thread(self._folder.mkdir, parents=True)
        self.stations = tuple(f"sta_{number}" for number in range(stations))
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(SCHEMA)
            goods = [(one.code, one.label, one.category, one.unit_price, one.vat_rate) for one in trade.articles]
            await connection.executemany("insert into product values ($1, $2, $3, $4, $5)", goods)
            categories = sorted({one.category.partition("/")[0] for one in trade.articles})
            rules = [
                (f"ofr_{n}", f"Offer {n}", categories[n % len(categories)], 5 + n % 20, 500 * (n % 5), _TIERS[n % 4])
                for n in range(live)
            ]
            await connection.executemany("insert into offer values ($1, $2, $3, $4, $5, $6)", rules)
            people = [(f"cus_{n}", f"Customer {n}", "member", 0) for n in range(CUSTOMERS)]
            await connection.executemany(
                "insert into customer (customer_id, name, tier, points) values ($1, $2, $3, $4)", people
            )
            cards = [(f"BENCH-{n}", f"cus_{n}") for n in range(CUSTOMERS)]
            await connection.executemany("insert into credential values ($1, $2)", cards)
        finally:
            await connection.close()

    async def start(self) -> Address:
        """valkey-server, then uvicorn with one worker, uvloop and httptools."""
        socket = self._folder / "valkey.sock"
        options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no")
        self._processes = [await self._run(str(server_program()), *options)]
        port_file = self._folder / "port"
        port_file.unlink(missing_ok=True)
        server = await self._run(sys.executable, "-m", "bench.usual_stack", str(port_file))
        self._processes.append(server)
        async with asyncio.timeout(START_SECONDS):
            while not port_file.exists():
                if server.returncode is not None:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:])
                await asyncio.sleep(0.05)
        return Address("127.0.0.1", int(port_file.read_text()), SECRET)

    async def _run(self, *command: str) -> asyncio.subprocess.Process:
        known = {"POI_USUAL_SQL": self._url, "POI_USUAL_REDIS": f"unix://{self._folder / 'valkey.sock'}"}
        known |= {"POI_USUAL_SECRET": SECRET, "PYTHONPATH": os.pathsep.join(_ROOTS)}
        with (self._folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command, cwd=self._folder, stdout=log, stderr=log, env={**os.environ, **known, **self._environment}
            )

    async def stop(self) -> None:
        """SIGTERM, the server first."""
        for process in reversed(self._processes):
            if process.returncode is None:
                process.terminate()
                await process.wait()

    @property
    def pid(self) -> int:
        """uvicorn's process."""
        return self._processes[-1].pid

    @property
    def sql(self) -> str:
        """Its database."""
        return self._url


_TIERS = (None, None, "member", "gold")


async def opened(
    kind: Kind, folder: Path, database: Postgres | None, shim: Mapping[str, str], trade: Trade, stations: int, live: int
) -> Ours | Usual:
    """A filled stack that does not serve yet."""
    name = f"{kind.stack}-{kind.store}-{kind.delay_ms}".replace(" ", "-")
    url = await database.make_database(name) if database is not None and kind.store == "postgresql" else ""
    made = (Ours if kind.stack == "poi-server" else Usual)(kind, folder / name, url, shim)
    await made.prepare(trade, stations, live)
    return made


async def serve(stack: AsyncExitStack, server: Stack) -> Address:
    """Serve until the exit stack ends."""
    address = await server.start()
    stack.push_async_callback(server.stop)
    return address
