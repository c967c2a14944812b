"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from msgspec import Struct

from poi_server.health import check_sessions, check_sql
from poi_server.http import ANYONE, OWNER, Call, Routes
from poi_server.metrics import CONTENT_TYPE

routes = Routes("health")


class Alive(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Struct, frozen=True, kw_only=True):
    """Whether it can sell: `degraded` means payments finish, but no new session opens."""

    status: Literal["ready", "degraded", "unavailable"]
    sql: Literal["up", "down"]
    redis: Literal["up", "down"]


@routes.get("/livez", roles=ANYONE, summary="Is the process alive")
async def livez(call: Call) -> Alive:
    """For a supervisor: restart when this does not answer."""
    return Alive()


@routes.get("/readyz", roles=ANYONE, summary="Can it sell")
async def readyz(call: Call) -> Ready:
    """200 when ready or degraded (Redis is away), 503 when SQL is away."""
    sql = await check_sql(call.services.sql)
    redis = await check_sessions(call.services.sessions)
    call.services.metrics.redis_degraded.set(0 if redis else 1)
    if not sql:
        call.status = 503
    status: Literal["ready", "degraded", "unavailable"] = "unavailable"
    if sql:
        status = "ready" if redis else "degraded"
    return Ready(status=status, sql="up" if sql else "down", redis="up" if redis else "down")


@routes.get("/metrics", roles=OWNER, scope="metrics", summary="Figures for Prometheus", produces="text/plain")
async def metrics(call: Call) -> web.Response:
    """In Prometheus' text format; Prometheus sends an API key with the scope `metrics` as bearer token."""
    response = web.Response(body=call.services.metrics.text())
    response.headers["Content-Type"] = CONTENT_TYPE
    return response
