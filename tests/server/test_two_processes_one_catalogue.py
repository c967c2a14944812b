"""Two server processes of one machine, sharing their data folder: thousands of offers lie in one file both map."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from msgspec import json

from poi_engine.ports import Job, Query
from poi_engine.storage.postgres import PostgresSql
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import AmountOff
from tests.server.process import ServerProcess

pytestmark = [pytest.mark.valkey, pytest.mark.postgresql]

OFFERS = 2100
DEADLINE = 20


def offer(number: int, amount: int = 100) -> Offer:
    """An amount off; the best one applies alone."""
    return Offer(
        offer_id=f"off_{number:05}",
        name={"en": f"Offer {number}"},
        currency="EUR",
        effects=(AmountOff(amount=amount),),
        stacking=Stacking(exclusive=True),
    )


class Machine:
    """The processes, each spoken to by a client of its own, and their storage."""

    def __init__(self, folder: Path, sql: PostgresSql) -> None:
        self.folder = folder
        self.sql = sql
        self.servers: list[ServerProcess] = []
        self.clients: list[aiohttp.ClientSession] = []
        self.station = ""

    async def ask(self, process: int, method: str, path: str, body: Any = None) -> Any:
        """Ask one of the two; it must succeed."""
        async with self.clients[process].request(method, path, json=body) as answer:
            found = await answer.json(content_type=None)
            assert answer.status < 300, found
            return found

    async def furnish(self) -> None:
        """A store, a counter, and the offers, written to SQL in one piece."""
        store = await self.ask(0, "POST", "/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
        station = {"store_id": store["store_id"], "name": "Counter"}
        self.station = (await self.ask(0, "POST", "/v1/stations", station))["station_id"]
        await self.sql.write(lambda: put_rows([offer(number) for number in range(OFFERS)]))

    async def saved(self, process: int) -> int:
        """Minor units off a basket of 20.00 at the counter, decided by one of the two."""
        session = await self.ask(process, "POST", f"/v1/stations/{self.station}/session", {})
        path = f"/v1/sessions/{session['session_id']}/basket"
        return int((await self.ask(process, "PUT", path, {"entries": [{"amount": 2000}]}))["decision"]["saved"])

    async def mapped(self, process: int) -> set[str]:
        """Inodes of the catalogues in a process's memory."""
        maps = await asyncio.to_thread(Path(f"/proc/{self.servers[process].pid}/maps").read_text)
        return {line.split()[4] for line in maps.splitlines() if line.endswith(".catalogue")}

    async def on_disk(self) -> set[str]:
        """Inodes of the catalogues in the data folder."""
        files = await asyncio.to_thread(lambda: list((self.folder / "catalogues").glob("*.catalogue")))
        return {str(path.stat().st_ino) for path in files}


def put_rows(offers: list[Offer]) -> Job[None]:
    """New offers as a bulk load writes them."""
    rows = yield Query("select merchant_id from merchant")
    merchant_id = rows[0]["merchant_id"]
    rows = yield Query(
        "insert into catalogue (merchant_id, version) values (?, 1) on conflict (merchant_id) "
        "do update set version = catalogue.version + 1 returning version",
        (merchant_id,),
    )
    for one in offers:
        yield Query(
            "insert into offer (merchant_id, offer_id, version, state, changed_at, changed_in) "
            "values (?, ?, 1, 'live', 0, ?)",
            (merchant_id, one.offer_id, rows[0]["version"]),
        )
        yield Query(
            "insert into offer_version (merchant_id, offer_id, version, document, created_at) values (?, ?, 1, ?, 0)",
            (merchant_id, one.offer_id, json.encode(one).decode()),
        )


@pytest.fixture
async def machine(postgres_url: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Machine]:
    """Two processes on one data folder; the second starts when the first has furnished the shop."""
    settings = {"POI_STORAGE_SQL": postgres_url, "POI_STORAGE_REDIS": valkey_url}
    async with AsyncExitStack() as stack:
        made = Machine(tmp_path / "data", PostgresSql(postgres_url))
        stack.push_async_callback(made.sql.close)
        for number in range(2):
            server = await asyncio.to_thread(ServerProcess, made.folder, **settings)
            stack.push_async_callback(asyncio.to_thread, server.stop)
            made.servers.append(server)
            headers = {"Authorization": f"Bearer {server.secret}"}
            made.clients.append(
                await stack.enter_async_context(aiohttp.ClientSession(server.base_url, headers=headers))
            )
            if number == 0:
                await made.furnish()
        yield made


async def until(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Ask again and again until it holds; generous, for machines that are busy."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # each round asks both over HTTP
            pass


async def test_both_map_one_file_see_each_others_changes_and_take_the_merged_one(machine: Machine) -> None:
    async def both_map_the_file() -> bool:
        saved = [await machine.saved(process) for process in (0, 1)]
        assert saved == [saved[0]] * 2
        there = await machine.on_disk()
        return len(there) == 1 and await machine.mapped(0) == await machine.mapped(1) == there

    await until(both_map_the_file)
    first = await machine.on_disk()
    await machine.ask(1, "POST", "/v1/offers", json.decode(json.encode(offer(90_000, 700))))
    assert await machine.saved(1) == 700

    async def the_other_saves_as_much() -> bool:
        return await machine.saved(0) == 700

    await until(the_other_saves_as_much)
    more = [offer(number, 100) for number in range(10_000, 11_200)]
    await machine.sql.write(lambda: put_rows(more))

    async def both_map_a_newer_file() -> bool:
        assert [await machine.saved(process) for process in (0, 1)] == [700, 700]
        there = await machine.on_disk()
        return there != first and await machine.mapped(0) == await machine.mapped(1) == there

    await until(both_map_a_newer_file)
    await machine.ask(0, "POST", "/v1/offers/off_90000/pause", {})
    assert await machine.saved(0) == 100

    async def the_other_saves_as_little() -> bool:
        return await machine.saved(1) == 100

    await until(the_other_saves_as_little)
    assert "refused" not in machine.servers[0].log()
