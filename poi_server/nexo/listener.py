"""The tills' own TLS port, as local terminals have it: `POST /nexo/`."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from msgspec.structs import replace

from poi_engine.nexo.crypto import Sealer
from poi_server.auth import Gate
from poi_server.config import Http, Tls
from poi_server.connections import CONNECTIONS, Connections
from poi_server.middleware import around
from poi_server.nexo.door import Door
from poi_server.nexo.server import NexoServer
from poi_server.services import SERVICES, Services
from poi_server.serving import Serving
from poi_server.tls import machine_names, server_context

NEXO_PORT = web.AppKey("nexo_port", Serving)
"""The tills' own port, where there is one."""


async def nexo_server(services: Services, merchant_id: str) -> NexoServer:
    """The server of the merchant's tills; its keys are derived here, once."""
    sealers = await asyncio.to_thread(lambda: tuple(Sealer(key) for key in services.config.nexo.keys))
    server = NexoServer(services, merchant_id, sealers)
    await server.events.start()
    return server


@asynccontextmanager
async def listening(server: NexoServer, connections: Connections, folder: Path) -> AsyncIterator[Serving | None]:
    """Listen where the configuration says; nowhere if it says nothing."""
    services, nexo = server.services, server.config
    if not nexo.host:
        yield None
        return
    names = machine_names(nexo.host)
    context, _ = await asyncio.to_thread(
        server_context,
        Tls(certificate=nexo.certificate, key=nexo.key),
        folder / "tls",
        names,
        datetime.now(UTC),
        file="nexo",
        called=nexo.common_name,
    )
    app = web.Application(middlewares=[around])
    gate = Gate(hosts=(*names, *services.config.http.hosts), proxies=(), secure=True)
    app[SERVICES], app[CONNECTIONS] = dataclasses.replace(services, gate=gate), connections
    door = Door(server)
    for path in ("/nexo", "/nexo/"):
        app.router.add_post(path, door.serve)
    config = replace(services.config, http=Http(host=nexo.host, port=nexo.port))
    async with Serving(app, config, context) as serving:
        yield serving
