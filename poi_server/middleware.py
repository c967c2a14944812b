"""Around every request: its id, the Host rule, problems instead of exceptions, headers, the log and the figures."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import hdrs, web

from poi_engine.errors import PoiError
from poi_engine.ids import random_bits
from poi_server.connections import CONNECTIONS
from poi_server.endpoint import REQUEST_ID
from poi_server.problems import Refusal, from_error, from_http, internal, problem_response
from poi_server.services import SERVICES, Services

log = structlog.get_logger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OWN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
        "manifest-src 'self'; font-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "poi-server",
}


@web.middleware
async def around(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Serve a request so that whatever happens inside, the answer is one of ours."""
    services = request.app[SERVICES]
    given = request.headers.get("Request-Id", "")
    request_id = given if _OWN_ID.match(given) else f"{random_bits(64):016x}"
    request[REQUEST_ID] = request_id
    connections = request.app[CONNECTIONS]
    connections.request_began(request)
    started = time.perf_counter()
    try:
        response = await _answer(request, handler, services, request_id)
    finally:
        connections.request_ended(request)
    if not response.prepared:
        _dress(response, request_id, strict=services.gate.strict)
    _note(request, response, services, request_id, time.perf_counter() - started)
    return response


async def _answer(request: web.Request, handler: _Handler, services: Services, request_id: str) -> web.StreamResponse:
    try:
        services.gate.check_host(request)
        return await handler(request)
    except Refusal as refusal:
        return problem_response(from_error(refusal, request_id), refusal.headers)
    except PoiError as error:
        if error.status >= 500:
            await _log_failure("request_failed", request, error)
        return problem_response(from_error(error, request_id), _retry(error))
    except web.HTTPException as error:
        return _http_error(error, request_id)
    except Exception as error:
        await _log_failure("request_broke", request, error)
        return problem_response(internal(request_id))


async def _log_failure(event: str, request: web.Request, error: Exception) -> None:
    """Log with the trace, in a thread: writing a trace reads the source files."""
    route = request.match_info.route.resource
    where = route.canonical if route is not None else "unmatched"
    await asyncio.to_thread(log.error, event, request_id=request[REQUEST_ID], route=where, exc_info=error)


def _retry(error: PoiError) -> dict[str, str]:
    return {"Retry-After": "2"} if error.status == 503 else {}


def _http_error(error: web.HTTPException, request_id: str) -> web.StreamResponse:
    if error.status < 400:
        return web.Response(status=error.status, headers={hdrs.LOCATION: error.headers.get(hdrs.LOCATION, "/")})
    headers = {"Allow": error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else {}
    return problem_response(from_http(error, request_id), headers)


def _dress(response: web.StreamResponse, request_id: str, *, strict: bool) -> None:
    headers = response.headers
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    headers["Request-Id"] = request_id
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if strict:
        headers["Strict-Transport-Security"] = "max-age=31536000"


def _note(
    request: web.Request, response: web.StreamResponse, services: Services, request_id: str, seconds: float
) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unmatched"
    services.metrics.request(request.method, route, response.status, seconds)
    if services.log_requests or response.status >= 500:
        log.info(
            "request",
            request_id=request_id,
            method=request.method,
            route=route,
            status=response.status,
            ms=round(seconds * 1000, 1),
        )
