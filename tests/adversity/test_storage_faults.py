"""Redis away, SQL away, disk full: refused before money moves, finished where it was begun, mended by itself."""

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
from poi_engine.verify import verify
from poi_server.app import make_app
from poi_server.config import Config, Http, Storage
from poi_server.serving import Serving
from tests.adversity.proxy import Proxy, between
from tests.server.process import ServerProcess
from tests.server.shop import Answer, Shop
from tests.servers import PostgresServer, ValkeyServer

pytestmark = pytest.mark.valkey

SECONDS = 40
REFUSALS = {
    (503, "storage-full"),
    (503, "storage-away"),
    (503, "commit-unknown"),
    (409, "payment-under-way"),
    (200, "unknown"),
}


class Till:
    """What a till does, over HTTP."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.keys = 0

    async def open(self) -> Answer:
        """A new session, or the refusal."""
        return await self.shop.ask("POST", f"/v1/stations/{self.shop.station_id}/session", {})

    async def accepted(self, amount: int = 1234) -> str:
        """The path of a session whose total is accepted."""
        session = (await self.open()).json
        path = f"/v1/sessions/{session['session_id']}"
        session = (await self.shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": amount}]})).json
        body = {"decision_id": session["decision_id"], "total": amount}
        answer = await self.shop.ask("POST", f"{path}/accept", body)
        assert (answer.status, answer.json["state"]) == (200, "paying")
        return path

    async def pay(self, path: str, means: str = "card", key: str = "key") -> Answer:
        """Pay what was accepted."""
        return await self.shop.ask("POST", f"{path}/pay", {"means": means}, headers={"Idempotency-Key": key})

    async def sells(self) -> None:
        """A whole sale, as soon as it is possible again."""
        async with asyncio.timeout(SECONDS):
            while (await self.open()).status != 200:
                await self.ready()
        self.keys += 1
        paid = await self.pay(await self.accepted(), key=f"again-{self.keys}")
        assert paid.json["state"] == "paid", paid.json

    async def ready(self) -> tuple[int, str]:
        """What /readyz says."""
        answer = await self.shop.ask("GET", "/readyz", role=None)
        return answer.status, answer.json["status"]

    async def sales(self) -> int:
        """How many sales there are."""
        return len((await self.shop.ask("GET", "/v1/sales")).json["items"])


@asynccontextmanager
async def serving(folder: Path, **storage: str) -> AsyncIterator[Till]:
    """A furnished server on this storage; at the end all of it is verified."""
    config = Config(http=Http(port=0), storage=Storage(data=str(folder), **storage))
    async with (
        Serving(make_app(config), config) as server,
        aiohttp.ClientSession(server.base_url, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        shop = Shop(server, http)
        await shop.furnish()
        yield Till(shop)
        assert await verify(shop.services.sql) == []


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """A valkey-server of one's own, to be killed."""
    server = ValkeyServer(tcp=True)
    yield server
    server.remove()


@pytest.fixture
async def wire(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    """A proxy before it."""
    async with between(valkey.port) as proxy:
        yield proxy


@pytest.fixture
async def till(wire: Proxy, tmp_path: Path, sqlite_url: str) -> AsyncIterator[Till]:
    """A server whose Redis is reached over the proxy."""
    async with serving(tmp_path, redis=f"redis://127.0.0.1:{wire.port}") as made:
        yield made


async def _without_redis(till: Till, path: str) -> None:
    """A payment under way finishes, a new session is refused, and readiness says degraded."""
    paid = await till.pay(path)
    assert (paid.status, paid.json["state"]) == (200, "paid"), paid.json
    refused = await till.open()
    assert (refused.status, refused.code) == (503, "sessions-away"), refused.json
    assert refused.headers["Retry-After"]
    assert await till.ready() == (200, "degraded")
    again = await till.pay(path)
    assert (again.json["state"], again.json["sale_id"]) == ("paid", paid.json["sale_id"])
    assert await till.sales() == 1


async def test_redis_is_cut_off(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.cut()
    await _without_redis(till, path)
    wire.mend()
    await till.sells()
    assert await till.ready() == (200, "ready")


async def test_redis_is_killed_and_comes_back_empty(till: Till, valkey: ValkeyServer) -> None:
    path = await till.accepted()
    await asyncio.to_thread(valkey.stop)
    await _without_redis(till, path)
    await asyncio.to_thread(valkey.start)
    await till.sells()
    assert await till.ready() == (200, "ready")
    assert (await till.shop.ask("GET", path)).json["state"] == "paid"


async def test_redis_swallows_what_it_is_asked(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.deaf = True
    async with asyncio.timeout(SECONDS):
        paid = await till.pay(path)
        assert (paid.status, paid.json["state"]) == (200, "paid"), paid.json
        assert await till.ready() == (200, "degraded")
    wire.mend()
    wire.cut()
    wire.mend()
    await till.sells()


async def test_redis_half_closes(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.half_close()
    paid = await till.pay(path)
    assert (paid.status, paid.json["state"]) == (200, "paid")
    await till.sells()


async def test_another_means_than_the_card_seen_is_refused_for_its_own_reason(till: Till, wire: Proxy) -> None:
    """Redis is away: the offers were decided for the card, so cash needs a new decision, and nothing stays held."""
    session = (await till.open()).json
    path = f"/v1/sessions/{session['session_id']}"
    await till.shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": 1234}]})
    session = (await till.shop.ask("POST", f"{path}/card", {})).json
    body = {"decision_id": session["decision_id"], "total": 1234}
    assert (await till.shop.ask("POST", f"{path}/accept", body)).json["state"] == "paying"
    wire.cut()
    refused = await till.pay(path, "cash")
    assert (refused.status, refused.code) == (409, "decide-again"), refused.json
    wire.mend()
    await till.sells()
    assert await till.sales() == 1


async def test_redis_is_slow(till: Till, wire: Proxy) -> None:
    wire.delay = 0.05
    await till.sells()
    assert await till.ready() == (200, "ready")


@pytest.fixture
async def sql_wire(postgres_server: PostgresServer) -> AsyncIterator[Proxy]:
    """A proxy before PostgreSQL."""
    async with between(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
async def sql_till(
    sql_wire: Proxy, postgres_server: PostgresServer, postgres_url: str, valkey_url: str, tmp_path: Path
) -> AsyncIterator[Till]:
    """A server whose PostgreSQL is reached over the proxy."""
    name = postgres_url.partition("@/")[2].partition("?")[0]
    url = f"postgresql://poi:{postgres_server.password}@127.0.0.1:{sql_wire.port}/{name}?sslmode=disable"
    async with serving(tmp_path, sql=url, redis=valkey_url) as made:
        yield made


def _asked_of_the_terminal(folder: Path) -> int:
    """Authorisations in the terminal's own book."""
    book = SimulatorBook(folder / "simulator.db")
    found = book.count("authorise")
    book.close()
    return found


async def _refused_before_money_moves(till: Till, path: str, folder: Path) -> None:
    refused = await till.pay(path)
    assert refused.status == 503, refused.json
    assert (refused.status, refused.code) in REFUSALS, refused.json
    assert await till.ready() == (503, "unavailable")
    assert await asyncio.to_thread(_asked_of_the_terminal, folder) == 0


async def _pays_at_last(till: Till, path: str) -> None:
    async with asyncio.timeout(SECONDS):
        while (paid := await till.pay(path)).status == 503:
            await till.ready()
    assert paid.json["state"] == "paid", paid.json
    assert await till.sales() == 1
    assert await till.ready() == (200, "ready")


@pytest.mark.postgresql
async def test_postgresql_is_restarted(
    sql_till: Till, sql_wire: Proxy, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    path = await sql_till.accepted()
    await asyncio.to_thread(lambda: postgres_server.stop(immediately=True))
    try:
        await _refused_before_money_moves(sql_till, path, tmp_path)
    finally:
        postgres_server.start()  # here: it ends with the thread that started it
    await _pays_at_last(sql_till, path)


@pytest.mark.postgresql
async def test_postgresql_is_cut_off(sql_till: Till, sql_wire: Proxy, tmp_path: Path) -> None:
    path = await sql_till.accepted()
    sql_wire.cut()
    await _refused_before_money_moves(sql_till, path, tmp_path)
    sql_wire.mend()
    await _pays_at_last(sql_till, path)


@pytest.mark.postgresql
async def test_postgresql_answers_nobody(sql_till: Till, sql_wire: Proxy, tmp_path: Path) -> None:
    """Whether the commit happened or not, the key pays once."""
    path = await sql_till.accepted()
    sql_wire.deaf = True
    async with asyncio.timeout(SECONDS):
        refused = await sql_till.pay(path, "cash")
    assert refused.status == 503, refused.json
    sql_wire.cut()
    sql_wire.mend()
    async with asyncio.timeout(SECONDS):
        while (paid := await sql_till.pay(path, "cash")).status == 503:
            await sql_till.ready()
    assert paid.json["state"] == "paid", paid.json
    assert await sql_till.sales() == 1


@pytest.mark.postgresql
async def test_postgresql_half_closes_while_two_tills_sell(sql_till: Till, sql_wire: Proxy) -> None:
    await sql_till.sells()
    sql_wire.half_close()
    async with asyncio.timeout(SECONDS):
        while (await sql_till.ready())[0] != 200:
            await sql_till.open()
    await sql_till.sells()
    assert await sql_till.sales() == 2


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
