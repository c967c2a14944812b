"""Where a run happens: a server on storage of its own, killed and started at will, furnished once and copied after."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from poi_engine.ports import Sql
from poi_engine.storage import open_sql
from poi_server.running import read_note
from tests.servers import PostgresServer, postgres_programs, unused_port

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
STATIONS, CARDS = 36, 12
_FOLDERS = (".", "engine", "nfc", "qr", "offers", "cext")
PATHS = os.pathsep.join(str(ROOT / part) for part in _FOLDERS)
OFTEN = 1_000_000
"""A limit that is never reached."""
OFFERS = (
    {
        "offer_id": "off_ten",
        "name": {"en": "10 % off"},
        "currency": "EUR",
        "effects": [{"type": "percent_off", "percent": 1000}],
        "limits": [{"of": "uses", "cap": OFTEN}],
    },
    {
        "offer_id": "off_first",
        "name": {"en": "2.00 off for the first forty"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 200}],
        "limits": [{"of": "uses", "cap": 40}],
    },
)


class Forker:
    """Starts servers; `settings` are for the forking process itself."""

    def __init__(self, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POI_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.servers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**environment, "PYTHONPATH": PATHS, **settings},
        )

    def fork(self, order: dict[str, Any]) -> int:
        """Start one; its process number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the forking process; the servers go on."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Place:
    """A server on `folder`; `url` is its SQL storage. Its address stays the same over every restart."""

    def __init__(self, forker: Forker, folder: Path, sql_url: str = "", **settings: str) -> None:
        self._forker = forker
        self.folder = folder
        self.port = unused_port()
        self.url = sql_url or f"sqlite:///{folder / 'poi.db'}"
        self._settings = {
            "POI_LIMITS_REQUESTS_PER_SECOND": "1000000",
            "POI_LIMITS_REQUESTS_AT_ONCE": "1000000",
            **({"POI_STORAGE_SQL": sql_url} if sql_url else {}),
            **settings,
        }
        self.pid = 0
        self.gone = asyncio.Event()
        self.gone.set()
        self._operator = self.secret = ""
        self.stations: list[str] = []
        self.cards: list[str] = []

    @property
    def base_url(self) -> str:
        """Where it listens, or will."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, last: int = 0, of: str = "") -> bool:
        """Start it; False when it reached its last step, `of` those that begin so, before it served."""
        order = {"folder": str(self.folder), "settings": self._settings, "port": self.port, "last": last, "of": of}
        self.pid = await asyncio.to_thread(self._forker.fork, order)
        self.gone = _watched(self.pid)
        return await self._serves()

    async def _serves(self) -> bool:
        async with asyncio.timeout(START_SECONDS):
            while not self.gone.is_set():
                note = read_note(self.folder)
                if note is not None and note.pid == self.pid:
                    self._operator = note.secret
                    return True
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.gone.wait(), 0.01)
        if not (self.folder / "killed-at").exists():
            raise AssertionError(f"the server does not start: {self.log()[-3000:]}")
        return False

    def killed_at(self) -> str:
        """The step at which it killed itself, told once."""
        file = self.folder / "killed-at"
        name = file.read_text() if file.exists() else ""
        file.unlink(missing_ok=True)
        return name

    async def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait until it is gone."""
        if self.pid and not self.gone.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, sign)
            async with asyncio.timeout(30):
                await self.gone.wait()

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "server.log").read_text()

    async def furnish(self) -> None:
        """A store with its counters, offers with limits, customers with cards."""
        headers = {"Authorization": f"Bearer {self._operator}"}
        async with aiohttp.ClientSession(self.base_url, headers=headers) as http:
            invited = await _made(http, "/v1/pairings", {"role": "owner", "subject_id": "tills"})
            claimed = {"secret": invited["secret"], "cookie": False}
            self.secret = (await _made(http, "/v1/pairings/claim", claimed))["secret"]
            store = await _made(http, "/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
            for number in range(STATIONS):
                station = {"store_id": store["store_id"], "name": f"Counter {number}"}
                self.stations.append((await _made(http, "/v1/stations", station))["station_id"])
            for offer in OFFERS:
                await _made(http, "/v1/offers", offer)
            for number in range(CARDS):
                customer = await _made(http, "/v1/customers", {"display_name": f"Customer {number}"})
                card = {"scheme": "loyalty", "subject": f"LOY-{number:04}"}
                await _made(http, f"/v1/customers/{customer['customer_id']}/credentials", card)
                self.cards.append(card["subject"])

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[Sql]:
        """Its storage, seen from outside."""
        storage = open_sql(self.url)
        try:
            yield storage
        finally:
            await storage.close()

    def reaching(self, sql_url: str) -> "Place":
        """The same place, whose server reaches its storage at another address; the audit goes there straight."""
        self._settings["POI_STORAGE_SQL"] = sql_url
        return self

    def copied(self, folder: Path, sql_url: str = "", **settings: str) -> "Place":
        """The same shop on storage of its own; this one must have ended."""
        shutil.copytree(self.folder, folder)
        made = Place(self._forker, folder, sql_url, **settings)
        made.stations, made.cards, made.secret = self.stations, self.cards, self.secret
        return made


class Grounds:
    """Furnished places, one after the other: made once, then copied. `disk`: where PostgreSQL keeps its data."""

    def __init__(self, folder: Path, storage: str, disk: Path | None = None, **settings: str) -> None:
        self.folder = folder
        self.storage = storage
        self._disk = disk
        self._forker = Forker(**settings)
        self._postgres: PostgresServer | None = None
        self._first: Place | None = None
        self._places: list[Place] = []

    @property
    def postgres(self) -> PostgresServer:
        """The private PostgreSQL."""
        assert self._postgres is not None
        return self._postgres

    async def open(self) -> None:
        """Furnish the first."""
        url = ""
        if self.storage == "postgresql":
            programs = postgres_programs()
            assert programs is not None, "PostgreSQL's server programs are not installed (apt: postgresql)"
            self._postgres = PostgresServer(programs, self._disk)  # here: it ends with the thread that started it
            self._postgres.make_database("first")
            url = self._postgres.url("first")
        self._first = Place(self._forker, self.folder / "first", url)
        self._first.folder.mkdir(parents=True)
        assert await self._first.start()
        await self._first.furnish()
        await self._first.end()

    async def place(self, folder: Path | None = None, **settings: str) -> Place:
        """A furnished place of its own, not started yet."""
        assert self._first is not None
        name, url = f"place_{len(self._places)}", ""
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.make_database, name, "first")
            url = self._postgres.url(name)
        self._places.append(self._first.copied(folder or self.folder / name, url, **settings))
        return self._places[-1]

    async def close(self) -> None:
        """Nothing is left running."""
        for place in self._places:
            await place.end()
        self._forker.close()
        if self._postgres is not None:
            self._postgres.remove()


@asynccontextmanager
async def grounds(folder: Path, storage: str, disk: Path | None = None, **settings: str) -> AsyncIterator[Grounds]:
    """Furnished places, gone at the end."""
    made = Grounds(folder, storage, disk, **settings)
    try:
        await made.open()
        yield made
    finally:
        await made.close()


def _watched(pid: int) -> asyncio.Event:
    """Set when the process has ended."""
    gone, loop = asyncio.Event(), asyncio.get_running_loop()
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        gone.set()
        return gone

    def ended() -> None:
        loop.remove_reader(watch)
        os.close(watch)
        gone.set()

    loop.add_reader(watch, ended)
    return gone


async def _made(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with http.post(path, json=body) as answer:
        assert answer.status < 300, (path, await answer.text())
        return dict(await answer.json(content_type=None) or {})
