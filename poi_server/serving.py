"""A listening server: the application behind guarded connections, drained when it stops."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self

from aiohttp import web

from poi_engine.errors import DeviceError
from poi_server.config import Config
from poi_server.connections import CONNECTIONS

KEEP_ALIVE_SECONDS = 30.0
LINGERING_SECONDS = 2.0
HANDSHAKE_SECONDS = 5.0


class PortBusy(DeviceError):
    """Somebody else listens there."""


class Serving:
    """Use as an async context manager, or `start` and `stop`. `port` is the real one once it listens."""

    def __init__(self, app: web.Application, config: Config, context: ssl.SSLContext | None = None) -> None:
        self.app = app
        self._config = config
        self._context = context
        self._server: asyncio.Server | None = None
        self.port = config.http.port
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGERING_SECONDS,
            shutdown_timeout=config.limits.drain_seconds,
        )

    @property
    def base_url(self) -> str:
        """How this machine reaches the server."""
        host = self._config.http.host
        shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        return f"{'https' if self._context else 'http'}://{shown}:{self.port}"

    async def start(self) -> None:
        """Open the parts and listen."""
        try:
            await self._runner.setup()
            await self._listen()
        except BaseException:
            await self._runner.cleanup()
            raise

    async def _listen(self) -> None:
        make = self._runner.server
        assert make is not None
        http = self._config.http
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self.app[CONNECTIONS].factory(make),
                http.host or None,
                http.port,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self._context else None,
                backlog=512,
            )
        except OSError as error:
            where = f"{http.host}:{http.port}"
            raise PortBusy("port-busy", f"Cannot listen on {where}: {error.strerror or error}.") from None

        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Accept nobody any more, let requests under way finish, close the parts."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.stop()
