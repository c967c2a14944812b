"""What every test may use: SQL storage on both engines, a valkey-server, and a loop that nobody may block."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from blockbuster import blockbuster_ctx

from poi_engine.storage import migrate, open_sql
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.redis import RedisSessions, open_redis
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import verify
from tests.engine.shop import Shop, processes_of
from tests.servers import PostgresServer, ValkeyServer, absent, apart, postgres_programs

MAY_LOOK = (
    ("linecache.py", {"updatecache"}),  # a traceback that pytest or asyncio shows reads its lines
    ("storage/upgrade.py", {"upgrade"}),  # Alembic reads its revisions before anything is served
    ("tests/servers.py", {"start"}),  # a test's own server
    ("tests/storage/test_valkey.py", {"test_without_any_server_program_the_way_out_is_said"}),  # looks for one, in vain
    ("tests/storage/test_durability.py", {"cut"}),  # a cut made on purpose
)
OURS = ["poi_server", "poi_engine", "poi_offers", "poi_nfc", "poi_qr"]


@pytest.fixture(autouse=True)
def nobody_blocks_the_loop() -> Iterator[None]:
    """A blocking call of ours on the event loop fails the test."""
    with blockbuster_ctx(OURS) as watch:
        for function in watch.functions.values():
            for file, names in MAY_LOOK:
                function.can_block_in(file, names)
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests go first among those with as many tests, by whose number xdist sorts them."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """asyncio's own loop, or uvloop's with POI_TEST_LOOP=uvloop: the suite passes on both."""
    if os.environ.get("POI_TEST_LOOP") == "uvloop":
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    apart(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of an empty migrated SQLite file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'poi.db')}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A private PostgreSQL with one migrated database, `template_poi`."""
    programs = postgres_programs()
    if programs is None:
        absent("PostgreSQL's server programs are not installed (apt: postgresql)")
    server = PostgresServer(programs)
    try:
        server.make_database("template_poi")
        apart(migrate(server.url("template_poi")))
        yield server
    finally:
        server.remove()


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of an empty migrated PostgreSQL database."""
    return await asyncio.to_thread(postgres_server.empty_database, "template_poi")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def sql_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty migrated database: each test runs on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def sql(sql_url: str) -> AsyncIterator[SqliteSql | PostgresSql]:
    """Empty SQL storage, on SQLite and on PostgreSQL."""
    storage = open_sql(sql_url)
    yield storage
    await storage.close()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A private valkey-server; what tests leave in it stays, so take other merchants' names, or `valkey_url`."""
    server = ValkeyServer()
    yield server
    server.remove()


@pytest.fixture
async def valkey_url(valkey_server: ValkeyServer) -> str:
    """The address of an empty valkey-server."""
    sessions = open_redis(valkey_server.url)
    await sessions.forget_everything()
    await sessions.close()
    return valkey_server.url


@pytest.fixture
async def sessions(valkey_url: str) -> AsyncIterator[RedisSessions]:
    """Empty session state in a real valkey-server."""
    storage = open_redis(valkey_url)
    yield storage
    await storage.close()


@pytest.fixture
async def shop(sqlite_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop with its merchant, on SQLite and valkey-server; at the end every invariant of the storage must hold."""
    storage = open_sql(sqlite_url)
    made = Shop(storage, sessions, tmp_path)
    await made.setup()
    yield made
    findings = await verify(storage)
    await made.close()
    await storage.close()
    assert findings == []


@pytest.fixture
async def tills(sql_url: str, sessions: RedisSessions, tmp_path: Path) -> AsyncIterator[tuple[Shop, Shop]]:
    """Two processes' engines on one storage, on SQLite and on PostgreSQL."""
    async with processes_of([open_sql(sql_url), open_sql(sql_url)], sessions, tmp_path) as (one, two):
        yield one, two
