"""The disk fills up: sales are refused, and go on once there is room."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from poi_engine.connectors.simulator_book import SimulatorBook
from tests.adversity.counter import REFUSALS, SECONDS
from tests.server.process import ServerProcess

pytestmark = pytest.mark.valkey


class Process:
    """A till at a server process, whose disk is to fill up."""

    def __init__(self, server: ServerProcess, http: aiohttp.ClientSession) -> None:
        self.server = server
        self._http = http
        self.station = ""

    async def ask(self, method: str, path: str, body: Any = None, key: str = "k") -> tuple[int, Any]:
        """Ask as the owner."""
        async with self._http.request(method, path, json=body, headers={"Idempotency-Key": key}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def furnish(self) -> None:
        """A store and a station."""
        _, store = await self.ask("POST", "/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
        station = {"store_id": store["store_id"], "name": "1"}
        self.station = (await self.ask("POST", "/v1/stations", station))[1]["station_id"]

    async def paid_at_last(self, path: str) -> dict[str, Any]:
        """Repeat the payment; ask when it is under way; accept again when it never reached the terminal."""
        key = "k"
        while True:
            status, answer = await self.ask("POST", f"{path}/pay", {"means": "card"}, key)
            if status == 200 and answer["state"] == "paid":
                return dict(answer)
            if status == 200 and answer["state"] == "declined":
                session = (await self.ask("GET", path))[1]
                key = str(session["decision_id"])
                body = {"decision_id": key, "total": 900}
                await self.ask("POST", f"{path}/accept", body)
            else:
                await self.ask("POST", f"{path}/status", {})

    async def accepted(self) -> str:
        """The path of an accepted session."""
        _, session = await self.ask("POST", f"/v1/stations/{self.station}/session", {})
        path = f"/v1/sessions/{session['session_id']}"
        _, session = await self.ask("PUT", f"{path}/basket", {"entries": [{"amount": 900}]})
        body = {"decision_id": session["decision_id"], "total": 900}
        assert (await self.ask("POST", f"{path}/accept", body))[0] == 200
        return path

    async def verified(self) -> None:
        """All invariants hold."""
        await asyncio.to_thread(self.server.stop)
        command = [sys.executable, "-m", "poi_server", "verify", "--data", str(self.server.folder)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[Process]:
    """A furnished server process on its own SQLite."""
    server = await asyncio.to_thread(ServerProcess, folder)
    try:
        headers = {"Authorization": f"Bearer {server.secret}"}
        async with aiohttp.ClientSession(server.base_url, headers=headers) as http:
            made = Process(server, http)
            await made.furnish()
            yield made
    finally:
        await asyncio.to_thread(server.stop)


async def _full_and_free_again(made: Process, path: str, free: Any) -> None:
    """Payments are refused and reads work; once there is room, the till comes to its sale by itself, once."""
    answers = [await made.ask("POST", f"{path}/pay", {"means": "card"}) for _ in range(3)]
    assert answers[0][0] == 503, answers[0]
    for status, answer in answers:  # room in the log that is used again may let one through to doubt
        assert (status, answer.get("code", answer.get("state"))) in REFUSALS, answer
    assert (await made.ask("GET", "/v1/sales"))[0] == 200
    await asyncio.to_thread(free)
    async with asyncio.timeout(SECONDS):
        paid = await made.paid_at_last(path)
    assert paid["state"] == "paid", paid
    assert len((await made.ask("GET", "/v1/sales"))[1]["items"]) == 1
    assert await asyncio.to_thread(_taken_by_the_terminal, made.server.folder) == [900]
    await made.verified()


def _taken_by_the_terminal(folder: Path) -> list[int]:
    """What its own book says was approved, minor units."""
    book = SimulatorBook(folder / "simulator.db")
    operations = [operation for operation in book.operations() if operation.kind == "authorise"]
    book.close()
    return [operation.amount for operation in operations if operation.approved and not operation.cancelled]


async def test_the_database_may_grow_no_more(tmp_path: Path) -> None:
    async with process(tmp_path / "data") as made:
        path = await made.accepted()
        limit = resource.RLIMIT_FSIZE
        before = resource.prlimit(made.server.pid, limit)
        resource.prlimit(made.server.pid, limit, (4096, before[1]))
        await _full_and_free_again(made, path, lambda: resource.prlimit(made.server.pid, limit, before))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"no file system may be mounted here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_the_disk_is_full(small_disk: Path) -> None:
    async with process(small_disk / "data") as made:
        path = await made.accepted()
        filler = small_disk / "filler"
        await asyncio.to_thread(_fill, filler)
        await _full_and_free_again(made, path, filler.unlink)


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as out:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    out.write(b"\0" * size)
            except OSError:
                continue
