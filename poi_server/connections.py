"""Connections before they are requests: how many, how many of one address, and how long until the headers are whole.

aiohttp waits for headers as long as a connection lives, so a guard stands between each socket and aiohttp's protocol.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import cast

from aiohttp import web

from poi_server.config import Limits
from poi_server.metrics import Metrics
from poi_server.problems import MEDIA_TYPE, encode_problem, problem

Inner = asyncio.Protocol


class Connections:
    """All open connections of a server, by aiohttp's protocol."""

    def __init__(self, limits: Limits, metrics: Metrics, proxies: Iterable[str] = ()) -> None:
        self.header_seconds = limits.header_seconds
        self._limits = limits
        self._metrics = metrics
        self._proxies = [ip_network(proxy, strict=False) for proxy in proxies]
        self._by_address: Counter[str] = Counter()
        self._guards: dict[Inner, Guard] = {}

    def factory(self, make: Callable[[], Inner]) -> Callable[[], Guard]:
        """A protocol factory for `create_server`; `make` is aiohttp's."""
        return lambda: Guard(self, make)

    def admit(self, guard: Guard, inner: Inner, address: str) -> bool:
        """Count a new connection; False when there are too many."""
        if len(self._guards) >= self._limits.connections:
            return False
        if self._by_address[address] >= self._limits.connections_per_address and not self._is_proxy(address):
            return False
        self._guards[inner] = guard
        self._by_address[address] += 1
        self._metrics.connections.inc()
        return True

    def gone(self, inner: Inner, address: str) -> None:
        """A connection that was admitted has ended."""
        del self._guards[inner]
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        self._metrics.connections.dec()

    def refused(self, why: str) -> None:
        """Count a connection that was closed before a request."""
        self._metrics.refused.labels(why).inc()

    def request_began(self, request: web.Request) -> None:
        """The headers are whole."""
        if guard := self._guards.get(request.protocol):
            guard.request_began()

    def request_ended(self, request: web.Request) -> None:
        """The next bytes are another request's headers."""
        if guard := self._guards.get(request.protocol):
            guard.request_ended()

    def _is_proxy(self, address: str) -> bool:
        return bool(self._proxies) and any(ip_address(address) in proxy for proxy in self._proxies)


class Guard(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, and ends a connection whose headers do not come."""

    def __init__(self, connections: Connections, make: Callable[[], Inner]) -> None:
        self._connections = connections
        self._make = make
        self._inner: Inner | None = None
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self._timer: asyncio.TimerHandle | None = None
        self._serving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection or refuse it."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""
        inner = self._make()
        if not self._connections.admit(self, inner, self._address):
            self._end(503, "busy", "The server has as many connections as it takes.")
            return
        self._inner = inner
        inner.connection_made(self._transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; outside a request they are headers."""
        if self._inner is not None:
            if not self._serving and self._timer is None:
                self._arm()
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the other side on."""
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        """Pass the full buffer on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass the drained buffer on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        if self._inner is not None:
            self._connections.gone(self._inner, self._address)
            self._inner.connection_lost(error)
            self._inner = None

    def request_began(self) -> None:
        """The headers are whole."""
        self._serving = True
        self._disarm()

    def request_ended(self) -> None:
        """Wait for the next headers."""
        self._serving = False

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._connections.header_seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._end(408, "too-slow", f"The headers did not arrive in {self._connections.header_seconds:g} seconds.")

    def _end(self, status: int, code: str, detail: str) -> None:
        self._connections.refused(code)
        assert self._transport is not None
        body = encode_problem(problem(code, status, detail, "-"))
        head = f"HTTP/1.1 {status} {problem(code, status, detail, '-').title}\r\nContent-Type: {MEDIA_TYPE}\r\n"
        self._transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self._transport.close()


CONNECTIONS = web.AppKey("connections", Connections)
