"""A PostgreSQL of the run's own, durable as it is shipped: fsync and synchronous_commit are on."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import asyncpg

from bench.sales.slow_disk import slowed

START_SECONDS = 60


def programs() -> Path | None:
    """The newest folder of PostgreSQL's server programs, if it is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).parent if on_path else None


class Postgres:
    """On a unix socket in a folder of its own, every fsync `delay_ms` longer. Blocking: run it in a thread."""

    def __init__(self, where: Path, delay_ms: int) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="poi-pg-", dir="/tmp"))  # another user must reach it
        self._programs = where
        self._environment = {**os.environ, **slowed(self._folder, delay_ms)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the cluster, start it, wait until it answers."""
        if os.getuid() == 0:
            os.chown(self._folder, 65534, 65534)
        made = [
            str(self._programs / "initdb"),
            "-D",
            str(self._folder / "data"),
            "-U",
            "poi",
            "--encoding=UTF8",
            "--locale=C",
        ]
        subprocess.run([*_not_as_root(), *made, "--auth=trust"], check=True, capture_output=True, cwd=self._folder)
        settings = {"listen_addresses": "", "unix_socket_directories": self._folder, "max_connections": 120}
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_not_as_root(), str(self._programs / "postgres"), "-D", str(self._folder / "data")]
                + [part for name, value in settings.items() for part in ("-c", f"{name}={value}")],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        asking = [str(self._programs / "pg_isready"), "-q", "-h", str(self._folder)]
        for _ in range(START_SECONDS * 20):
            if subprocess.run(asking, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError((self._folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """End it at once; its data is thrown away."""
        if self._process is not None:
            self._process.send_signal(3)  # SIGQUIT: its own immediate mode
            self._process.wait(30)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The postmaster."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://poi@/{database}?host={self._folder}"

    async def make_database(self, name: str) -> str:
        """A new database; its address."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()
        return self.url(name)


def _not_as_root() -> list[str]:
    """How to run a program that must end with us, and never as root."""
    if os.getuid() != 0:
        return ["setpriv", "--pdeathsig", "TERM"]
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig", "TERM"]
