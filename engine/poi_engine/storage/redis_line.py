"""One connection to one Redis or Valkey server that many callers share without waiting for each other.

Commands are written as they come and answered in the order they were sent, so that a command costs neither a turn of
its own on the loop nor a connection from a pool. For `redis://` and `unix://`: TLS, Sentinel, Cluster go by redis-py.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import NoScriptError, ResponseError

_CONNECT_SECONDS = 1.5
_SILENT_SECONDS = 2.0  # without any answer while some are awaited
_MOST = 20_000  # commands without an answer
_OWN = frozenset({"host", "port", "db", "username", "password", "path", "connection_class"})


class _Server(NamedTuple):
    host: str
    port: int
    path: str
    hello: tuple[tuple[str, ...], ...]


class Line:
    """Connects when first used, and anew after a break; what was under way then is sent once more."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._wire: _Wire | None = None
        self._connecting = asyncio.Lock()

    async def do(self, *parts: str | bytes | int) -> Any:
        """A command's answer. Raises `ResponseError` when it is refused, `OSError` or `TimeoutError` without one."""
        command = _packed(parts)
        try:
            return await self._sent(command)
        except ConnectionError:  # it went stale while it was idle
            return await self._sent(command)

    async def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.end(ConnectionError("the connection is closed"))

    async def _sent(self, command: bytes) -> Any:
        wire = self._wire
        if wire is None or wire.ended:
            wire = await self._connected()
        return _answer(await wire.ask(command))

    async def _connected(self) -> "_Wire":
        async with self._connecting:
            if self._wire is None or self._wire.ended:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    self._wire = await self._connect()
            return self._wire

    async def _connect(self) -> "_Wire":
        loop, server = asyncio.get_running_loop(), self._server
        if server.path:
            _, wire = await loop.create_unix_connection(_Wire, server.path)
        else:
            _, wire = await loop.create_connection(_Wire, server.host, server.port)
        try:
            for command in server.hello:
                _answer(await wire.ask(_packed(command)))
        except BaseException as error:
            wire.end(ConnectionError(f"refused: {error}"))
            raise
        return wire


class _Wire(asyncio.Protocol):
    """A connection while it lasts."""

    def __init__(self) -> None:
        self.ended = False
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._answered = 0
        self._loop = asyncio.get_running_loop()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it

    def ask(self, command: bytes) -> "asyncio.Future[Any]":
        """Send a command; its answer comes in its turn."""
        if self.ended or self._transport is None or len(self._waiting) >= _MOST:
            raise ConnectionError("the connection takes no command")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(answer)
        self._transport.write(command)
        if self._watch is None:
            self._watch = self._loop.call_later(_SILENT_SECONDS, self._look, self._answered)
        return answer

    def data_received(self, data: bytes) -> None:
        """Hand out the answers."""
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not False:
                answer = self._waiting.popleft()
                self._answered += 1
                if not answer.done():
                    answer.set_result(found)
        except (hiredis.HiredisError, IndexError) as error:
            self.end(ConnectionError(f"it speaks no Redis: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """The server went away."""
        self.end(ConnectionError(str(error or "the server closed the connection")))

    def end(self, why: Exception) -> None:
        """Close; nobody waits any longer."""
        self.ended = True
        if self._watch is not None:
            self._watch.cancel()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(why)
        if self._transport is not None:
            self._transport.abort()

    def _look(self, answered: int) -> None:
        """Whether any answer has come since the last look."""
        self._watch = None
        if self._waiting and answered == self._answered:
            self.end(TimeoutError("no answer in time"))
        elif self._waiting:
            self._watch = self._loop.call_later(_SILENT_SECONDS, self._look, self._answered)


def line_to(url: str) -> Line | None:
    """A line to the address, unless it asks for more than a line can."""
    if url.partition("://")[0] not in ("redis", "unix"):
        return None
    known = parse_url(url)
    if set(known) - _OWN:
        return None
    hello: list[tuple[str, ...]] = []
    if "password" in known:
        hello.append(("AUTH", *([known["username"]] if "username" in known else []), known["password"]))
    if known.get("db"):
        hello.append(("SELECT", str(known["db"])))
    return Line(_Server(known.get("host", "localhost"), known.get("port", 6379), known.get("path", ""), tuple(hello)))


def _packed(parts: Sequence[str | bytes | int]) -> bytes:
    packed: bytes = hiredis.pack_command(cast(Any, tuple(parts)))  # typed upstream as a tuple of one
    return packed


def _answer(found: Any) -> Any:
    if isinstance(found, hiredis.ReplyError):
        text = str(found)
        raise NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
    return found
