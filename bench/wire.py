"""A load generator that costs little: requests encoded beforehand, one round trip at a time on each connection."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast


def request(host: str, path: str, secret: str, body: bytes) -> bytes:
    """The bytes of a POST with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Lane(asyncio.Protocol):
    """One connection: sends the next request when the last one is answered, until the time is over."""

    def __init__(self, requests: Sequence[bytes], first: int, until: float, done: asyncio.Future[int]) -> None:
        self._requests = requests
        self._next = first
        self._until = until
        self._done = done
        self._data = b""
        self.answered = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it
        self._send()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(RuntimeError(f"the server answered {head.splitlines()[0].decode()}: {body[:300].decode()}"))
            return
        self.answered += 1
        self._data = b""
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail(RuntimeError("the server closed the connection"))

    def _send(self) -> None:
        assert self._transport is not None
        if time.perf_counter() >= self._until:
            if not self._done.done():
                self._done.set_result(self.answered)
            self._transport.close()
            return
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError("an answer without a Content-Length")


async def rate(address: tuple[str, int], requests: Sequence[bytes], lanes: int, seconds: float) -> float:
    """Answers per second over so many connections."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    results: list[asyncio.Future[int]] = []
    for lane in range(lanes):
        done: asyncio.Future[int] = loop.create_future()
        results.append(done)
        first = lane * len(requests) // lanes
        await loop.create_connection(lambda f=first, d=done: _Lane(requests, f, start + seconds, d), *address)  # type: ignore[misc]
    answered = sum(await asyncio.gather(*results))
    return answered / (time.perf_counter() - start)


async def ask(address: tuple[str, int], message: bytes) -> bytes:
    """One request's body."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
    finally:
        writer.close()
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head.splitlines()[0].decode()}: {body[:300].decode()}")
    return body
