"""Real servers for the tests: a private PostgreSQL and a private valkey-server, on loopback and unix sockets only."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import asyncpg
import pytest

from poi_engine.errors import StorageError
from poi_engine.storage.valkey import server_program

START_SECONDS = 60
_SHAPE = """
select (select count(*) from pg_trigger where not tgisinternal), (select count(*) from pg_constraint),
  (select count(*) from pg_index), (select count(*) from pg_class where relkind = 'r'),
  (select version_num::bigint from alembic_version)
"""
_TRUNCATE = """
set session_replication_role = replica;
do $$ declare tables text; begin
  select string_agg(quote_ident(tablename), ', ') into tables from pg_tables
    where schemaname = 'public' and tablename <> 'alembic_version';
  execute 'truncate ' || tables;
end $$
"""


def absent(what: str) -> NoReturn:
    """A part of the machine is missing: a failure where everything must be there, a reason to skip elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def apart(work: Coroutine[None, None, None]) -> None:
    """Run a coroutine to its end on a loop of its own, also where another loop runs."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def unused_port() -> int:
    """A TCP port of loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_programs() -> Path | None:
    """The newest folder of PostgreSQL's server programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).parent if on_path else None


class PostgresServer:
    """A PostgreSQL of our own in a temporary folder, in `where`; it refuses root, so it runs as another user then."""

    def __init__(self, programs: Path, where: Path | None = None) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="poi-pg-", dir=where))
        self.port = unused_port()
        self.password = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            os.chown(self.folder, 65534, 65534)
        self._initialise()
        self.start()

    def _as_server(self) -> list[str]:
        """How to run a program that must end with us, and never as root."""
        if os.getuid() != 0:
            return ["setpriv", "--pdeathsig", "TERM"]
        return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig", "TERM"]

    def _initialise(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(self.password)
        secret.chmod(0o644)
        subprocess.run(
            [
                *self._as_server(),
                *(self._programs / "initdb", "-D", self.folder / "data", "-U", "poi", "--no-sync"),
                *("--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}"),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )
        secret.unlink()

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        settings |= {"fsync": "off", "max_connections": 120, "shared_buffers": "32MB"}
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_server(), self._programs / "postgres", "-D", self.folder / "data"]
                + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        self._wait_ready()

    def _wait_ready(self) -> None:
        asking = [self._programs / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        for _ in range(START_SECONDS * 20):
            if subprocess.run(asking, check=False).returncode == 0:
                return
            time.sleep(0.05)
        pytest.fail(f"PostgreSQL does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def make_database(self, name: str, template: str = "template1") -> None:
        """Make a database; blocks."""
        apart(self._run(f'create database "{name}" template "{template}"'))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def empty_database(self, template: str) -> str:
        """The address of the one database that tests share, emptied, or made anew when its schema was changed."""
        apart(self._empty(template))
        return self.url("poi")

    async def _empty(self, template: str) -> None:
        await self._run("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'poi'")
        try:
            clean = await self._shape(template) == await self._shape("poi")
        except asyncpg.InvalidCatalogNameError:
            clean = False
        if clean:
            await self._truncate()
        else:
            await self._run("drop database if exists poi with (force)")
            await self._run(f'create database poi template "{template}"')

    async def _shape(self, database: str) -> list[tuple[int, ...]]:
        connection = await asyncpg.connect(self.url(database))
        try:
            return [tuple(row) for row in await connection.fetch(_SHAPE)]
        finally:
            await connection.close()

    async def _truncate(self) -> None:
        connection = await asyncpg.connect(self.url("poi"))
        try:
            await connection.execute(_TRUNCATE)
        finally:
            await connection.close()

    def stop(self, *, immediately: bool = False) -> None:
        """End it: at once and without a goodbye, or by breaking off what runs."""
        if self._process is not None:
            self._process.send_signal(3 if immediately else 2)  # SIGQUIT, SIGINT: its own immediate and fast modes
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """End it and forget its data."""
        self.stop(immediately=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, tcp: bool = False) -> str:
        """The address of one of its databases, on its unix socket or on loopback."""
        if tcp:
            return f"postgresql://poi:{self.password}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://poi:{self.password}@/{database}?host={self.folder}&port={self.port}"


class ValkeyServer:
    """A valkey-server of our own that keeps nothing; `options` are added to its command line, `config` is its file."""

    def __init__(self, *options: str, tcp: bool = False, config: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="poi-vk-", dir="/tmp"))
        self.port = unused_port() if tcp else 0
        self._options = options
        self._config = self.folder / "config"
        self._config.write_text(config)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}" if self.port else f"unix://{self.folder}/valkey.sock"

    def start(self) -> None:
        """Start it and wait until it answers."""
        try:
            program = server_program()
        except StorageError as error:
            absent(error.message)
        self._process = subprocess.Popen(
            [program, self._config, *self._settings()],
            cwd=self.folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(START_SECONDS * 100):
            if self._answers():
                return
            time.sleep(0.01)
        pytest.fail("valkey-server does not start")

    def _settings(self) -> list[str]:
        listening = ["--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", f"{self.folder}/valkey.sock"]
        return [*listening, "--save", "", "--appendonly", "no", "--loglevel", "warning", *self._options]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{self.folder}/valkey.sock")
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Kill it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
