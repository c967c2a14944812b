"""The local certificate authority, for phones and tablets to trust."""

from __future__ import annotations

from aiohttp import web

from poi_engine.errors import NotFound
from poi_server.http import ANYONE, Call, Routes

routes = Routes("authority")


@routes.get(
    "/ca.pem",
    roles=ANYONE,
    summary="The local authority's certificate",
    produces="application/x-x509-ca-cert",
)
async def certificate(call: Call) -> web.Response:
    """Compare its fingerprint with the one that `serve` printed before you trust it."""
    if call.services.authority is None:
        raise NotFound("local authority", "ca.pem")
    return web.Response(body=call.services.authority, content_type="application/x-x509-ca-cert")
