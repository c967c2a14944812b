"""A message over HTTP: whose it is, its answer, and a sign of life while a payment takes long."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from aiohttp import hdrs, web

from poi_engine.errors import PoiError
from poi_engine.principal import Principal
from poi_server.limits import read_body
from poi_server.nexo.envelope import MAX_BYTES, Asked
from poi_server.problems import Refusal
from poi_server.wire import JSON

if TYPE_CHECKING:
    from poi_server.nexo.server import NexoServer

QUIET_SECONDS = 5.0
"""How long a till hears nothing; then a space, and another one after as long again: some give up sooner."""
_SECRET_MAX = 128


class Door:
    """Takes the messages of one listening port, or of the API's own route."""

    def __init__(self, server: NexoServer) -> None:
        self._server = server

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a till on the port of its own: secured, or plain with a station's credential."""
        services = self._server.services
        try:
            content = await read_body(request, MAX_BYTES, services.config.limits.body_seconds)
            asked = self._server.opened(content)
            credential = await self._credential(request) if asked.sealer is None else None
            return await self.answered(request, asked, credential)
        except PoiError as error:
            return refused(error)

    async def received(self, request: web.Request, content: bytes, credential: Principal) -> web.StreamResponse:
        """Answer a till whose credential was checked at the API's door."""
        try:
            return await self.answered(request, self._server.opened(content), credential)
        except PoiError as error:
            return refused(error)

    async def answered(self, request: web.Request, asked: Asked, credential: Principal | None) -> web.StreamResponse:
        """The answer, with spaces before it if it takes long; a till that hangs up interrupts nothing."""
        answering = asyncio.ensure_future(self._server.answer(asked, credential))
        done, _ = await asyncio.wait({answering}, timeout=QUIET_SECONDS)
        if done:
            return web.Response(body=answering.result(), content_type=JSON)
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: JSON})
        await response.prepare(request)
        while not done:
            await response.write(b" ")
            done, _ = await asyncio.wait({answering}, timeout=QUIET_SECONDS)
        await response.write(answering.result())
        await response.write_eof()
        return response

    async def _credential(self, request: web.Request) -> Principal:
        """A station's, in the header that terminals' clients send, or as a bearer."""
        services = self._server.services
        bearer = request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer ").strip()
        secret = (request.headers.get("X-API-Key") or bearer)[:_SECRET_MAX]
        if not secret:
            raise Refusal(401, "sign-in", "Secure the message, or send the station's credential as X-API-Key.")
        principal = await services.doorkeeper.enter(secret, services.gate.address_of(request))
        if principal.role != "station":
            raise Refusal(403, "role-refused", "A till uses the credential of its station.")
        return principal


def refused(error: PoiError) -> web.Response:
    """A refusal by the transport, as the vendors' clients read it."""
    code, message = (error.code, error.message) if error.status != 500 else ("internal", "Something broke here.")
    told = {"status": error.status, "errorCode": code, "message": message, "path": error.path}
    body = msgspec.json.encode({name: value for name, value in told.items() if value is not None})
    headers = getattr(error, "headers", None)
    return web.Response(body=body, status=error.status, content_type=JSON, headers=headers)
