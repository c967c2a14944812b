"""A proxy of our own between tills and server that knows whole requests: it loses, doubles, cuts, overtakes them.

Each request has a fate of its own, drawn by seed. A doubled one reaches the server twice, at once or later; one that
waits is overtaken by those that came after it; one that is cut breaks off after any of its bytes.
"""

import asyncio
import random
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

FATES = {
    "passes": 60,
    "is lost": 5,
    "loses its answer": 7,
    "is doubled": 7,
    "comes again later": 7,
    "waits": 6,
    "is cut": 4,
    "has its answer cut": 4,
}
_LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)\s*$")
_CONNECTION = re.compile(rb"(?im)^connection:.*\r\n")
_LATER_SECONDS = 0.6
Fate = Callable[[bytes], tuple[str, int]]
"""What becomes of a request, and after how many bytes."""


def by_seed(dice: random.Random) -> Fate:
    """Fates by their weights; a cut anywhere."""

    def fate(request: bytes) -> tuple[str, int]:
        return dice.choices(list(FATES), list(FATES.values()))[0], dice.randrange(len(request))

    return fate


class HttpProxy:
    """Listens on an unused loopback port; each request goes to the server over a connection of its own.

    With `tls` both sides are secured: it listens with that, and trusts whatever certificate the server has.
    """

    def __init__(self, port: int, fate: Fate, tls: ssl.SSLContext | None = None) -> None:
        self._target = port
        self._fate = fate
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self.port = 0
        self.met: Counter[str] = Counter()

    @property
    def base_url(self) -> str:
        """Where tills send their requests."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Let what comes again later arrive, then listen no more."""
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                while request := await _message(reader):
                    answer, whole = await self._answered(request)
                    writer.write(answer)
                    await writer.drain()
                    if not whole:
                        break
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answered(self, request: bytes) -> tuple[bytes, bool]:
        """What the till is given, and whether that is all of the answer."""
        fate, place = self._fate(request)
        self.met[fate] += 1
        match fate:
            case "is lost":
                return b"", False
            case "is cut":
                return await self._forwarded(request[: place % len(request)]), False
            case "waits":
                await asyncio.sleep(_LATER_SECONDS / 3)
            case "is doubled":
                answers = await asyncio.gather(self._forwarded(request), self._forwarded(request))
                return answers[place % 2], True
            case "comes again later":
                self._later(request)
        answer = await self._forwarded(request)
        if fate == "loses its answer":
            return b"", False
        if fate == "has its answer cut":
            return answer[: place % max(1, len(answer))], False
        return answer, True

    def _later(self, request: bytes) -> None:
        async def again() -> None:
            await asyncio.sleep(_LATER_SECONDS)
            with suppress(OSError):
                await self._forwarded(request)

        task: asyncio.Task[object] = asyncio.create_task(again())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forwarded(self, request: bytes) -> bytes:
        """The server's whole answer; what is not a whole request gets none."""
        towards = _trusting() if self._tls else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target, ssl=towards)
        try:
            writer.write(_CONNECTION.sub(b"", request, count=1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            if not _is_whole(request):
                await writer.drain()
                return b""
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def between_requests(port: int, fate: Fate, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpProxy]:
    """A running proxy before the server at `port`."""
    proxy = HttpProxy(port, fate, tls)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def _message(reader: asyncio.StreamReader) -> bytes:
    """A whole request, or nothing when no more come."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    found = _LENGTH.search(head)
    return head + (await reader.readexactly(int(found[1])) if found else b"")


def _is_whole(request: bytes) -> bool:
    head, found, body = request.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    return bool(found) and len(body) >= (int(length[1]) if length else 0)
