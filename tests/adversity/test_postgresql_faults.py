"""PostgreSQL is restarted, cut off and mute: what cannot be written is refused before money moves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from poi_engine.connectors.simulator_book import SimulatorBook
from tests.adversity.counter import REFUSALS, SECONDS, Till, serving
from tests.adversity.proxy import Proxy, between
from tests.servers import PostgresServer

pytestmark = pytest.mark.valkey


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
