"""A proxy of our own between the server and its storage: it cuts, delays, swallows and half-closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CHUNK = 65_536


class Proxy:
    """Listens on an unused loopback port and passes bytes on to a TCP port or unix socket.

    `delay` holds every chunk for some seconds; `deaf` swallows what the storage answers.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.open = True
        self.delay = 0.0
        self.deaf = False
        self._left: int | None = None
        self.heard = asyncio.Event()
        """Set when bytes of the storage were swallowed."""

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        self.cut()
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection now; new ones are refused until `mend`."""
        self.open = False
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()

    def mend(self) -> None:
        """Let everything through again."""
        self.open, self.delay, self.deaf, self._left = True, 0.0, False, None
        self.heard.clear()

    def cut_after(self, count: int) -> None:
        """Break every connection after so many more bytes, wherever in a message that is."""
        self._left = count

    def half_close(self) -> None:
        """Say to both sides that the other one has nothing more to send."""
        for pair in self._pairs:
            for writer in pair:
                with suppress(OSError):
                    writer.write_eof()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.open:
            writer.transport.abort()
            return
        try:
            there, back = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, back)
        self._pairs.add(pair)
        passing = [
            asyncio.create_task(self._pass(reader, back, answers=False)),
            asyncio.create_task(self._pass(there, writer, answers=True)),
        ]
        self._tasks.update(passing)
        await asyncio.wait(passing)
        self._tasks.difference_update(passing)
        self._pairs.discard(pair)
        for end in pair:
            end.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    def _passing(self, chunk: bytes) -> bytes:
        """What gets through before the cut."""
        if self._left is None:
            return chunk
        passing = chunk[: self._left]
        self._left -= len(passing)
        return passing

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(OSError, RuntimeError):  # a half-closed wire takes nothing more
            while chunk := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if answers and self.deaf:
                    self.heard.set()
                    continue
                writer.write(self._passing(chunk))
                await writer.drain()
                if self._left == 0:
                    self.cut()
            writer.write_eof()


@asynccontextmanager
async def between(target: int | Path) -> AsyncIterator[Proxy]:
    """A running proxy."""
    proxy = Proxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
