"""One request through one route: who asks, may they, what do they send, and the answer in their form."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import hdrs, web

from poi_engine.principal import Principal
from poi_engine.staff.rights import Acting
from poi_server.auth import SAFE_METHODS
from poi_server.http import Call, Route
from poi_server.limits import read_body
from poi_server.problems import Refusal
from poi_server.services import SERVICES, Services
from poi_server.sight import must
from poi_server.wire import chosen_type, encode

REQUEST_ID = web.RequestKey("request_id", str)


class Endpoint:
    """The aiohttp handler of one route."""

    def __init__(self, route: Route) -> None:
        self.route = route

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        services = request.app[SERVICES]
        try:
            principal = await self._admit(request)
        except Refusal as refusal:
            if self.route.page and refusal.status in (401, 403):
                raise web.HTTPSeeOther(f"/?next={quote(request.path)}") from None
            raise
        acting = await self._acting(services, principal, request) if principal and self.route.right else None
        call = Call(request, services, principal, request[REQUEST_ID], acting)
        media_type = "" if self.route.raw else chosen_type(request.headers.get(hdrs.ACCEPT, ""))
        arguments = self.route.signature.parameters(request, strict=not self.route.page)
        if request.method not in SAFE_METHODS:
            await self._read_body(request, arguments)
        return self._respond(call, await self.route.handler(call, **arguments), media_type)

    async def _admit(self, request: web.Request) -> Principal | None:
        services = request.app[SERVICES]
        changing = request.method not in SAFE_METHODS or self.route.websocket
        if self.route.open:
            if changing:
                services.gate.check_origin(request, by_cookie=False)
            return None
        principal, by_cookie = await services.doorkeeper.principal_of(request)
        if changing:
            services.gate.check_origin(request, by_cookie=by_cookie)
        self._authorise(request, principal)
        return principal

    def _authorise(self, request: web.Request, principal: Principal) -> None:
        if principal.role not in self.route.roles:
            raise Refusal(403, "role-refused", f"A {principal.role}'s credential may not do this.")
        if not self.route.permits(principal):
            raise Refusal(403, "scope-missing", f"This needs an API key with the scope {self.route.scope}.")
        station_id = request.match_info.get("station_id")
        if principal.role == "station" and station_id is not None and station_id != principal.subject_id:
            raise Refusal(403, "station-refused", "A station's credential works for its own station only.")
        if self.route.idempotent:
            _check_key(request.headers.get("Idempotency-Key"))

    async def _acting(self, services: Services, principal: Principal, request: web.Request) -> Acting | None:
        """Who acts, if they have the route's right; a partner's scope and a phone's own page stand for theirs."""
        right = self.route.right
        if right is None or principal.role in ("partner", "phone"):
            return None
        acting = await services.signins.acting(principal, active=request.method not in SAFE_METHODS)
        must(acting, right)
        return acting

    async def _read_body(self, request: web.Request, arguments: dict[str, Any]) -> None:
        signature = self.route.signature
        limits = request.app[SERVICES].config.limits
        body = await read_body(request, signature.limit_for(request.content_type), limits.body_seconds)
        decoded = signature.reader.read(request, body)
        if signature.body_name:
            arguments["body"] = decoded

    def _respond(self, call: Call, answer: Any, media_type: str) -> web.StreamResponse:
        if isinstance(answer, web.StreamResponse):
            answer.headers.extend(call.headers)
            return answer
        status = call.status or self.route.status
        if answer is None and status == 204:
            return web.Response(status=204, headers=call.headers)
        response = web.Response(body=encode(answer, media_type), status=status, headers=call.headers)
        response.headers[hdrs.CONTENT_TYPE] = media_type
        return response


def _check_key(key: str | None) -> None:
    if key is None:
        raise Refusal(400, "idempotency-key-missing", "Send an Idempotency-Key header, such as a UUID.")
    if not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable() and " " not in key):
        raise Refusal(400, "idempotency-key-invalid", "An Idempotency-Key has 1 to 255 visible ASCII characters.")
