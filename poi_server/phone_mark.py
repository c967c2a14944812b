"""A browser's own lasting cookie, by which two customers on one phone are told from two friends."""

from aiohttp import web

from poi_engine.principal import Principal
from poi_server.http import Call

COOKIE = "poi_phone"
_BITS = 160
_SECONDS = 3 * 365 * 86_400


async def mark_phone(call: Call, principal: Principal) -> None:
    """Remember that this browser was paired as this customer; storage keeps a digest of the cookie only."""
    value = browser_of(call)
    await call.engine.clientele.referrals.mark(principal.merchant_id, principal.subject_id, value)
    keep_mark(call, value)


def browser_of(call: Call) -> str:
    """What this browser was told before, or a new word for it."""
    return call.request.cookies.get(COOKIE, "")[:64] or call.services.ids.secret(_BITS)


def keep_mark(call: Call, value: str) -> None:
    """Tell the browser its word."""
    carrier = web.Response()
    carrier.set_cookie(
        COOKIE,
        value,
        max_age=_SECONDS,
        path="/v1/pairings",
        httponly=True,
        samesite="Strict",
        secure=call.services.gate.secure(call.request),
    )
    call.headers.add("Set-Cookie", carrier.cookies[COOKIE].OutputString())
