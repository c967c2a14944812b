"""The one WebSocket: a screen says what it watches and is told when it changes."""

import asyncio
from contextlib import suppress
from typing import Literal

import msgspec
from aiohttp import WSMsgType, web
from msgspec import Struct
from msgspec.structs import replace

from poi_engine.errors import StorageError
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_server.auth import presented_secret
from poi_server.http import EVERYONE, READER, STAFF, Call, Routes
from poi_server.live import Topic, Watcher, counters_topic
from poi_server.sight import acting_of
from poi_server.views import unnamed

routes = Routes("live")

MESSAGE_BYTES = 1024
WATCHES = 16
HEARTBEAT = 20.0
_SESSION = b'{"kind":"session"'


class SessionTold(Struct, frozen=True, kw_only=True):
    """What a station's screen is told of its session."""

    kind: Literal["session"]
    session: Session


class Watch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a screen asks to be told about."""

    watch: Literal["station", "customer", "dashboard", "orders"]
    station_id: str = ""


@routes.get("/v1/live", roles=EVERYONE - {"partner"}, summary="Be told of sessions, points and sales as they change")
async def live(call: Call) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MESSAGE_BYTES)
    await socket.prepare(call.request)
    watcher = Watcher()
    sender = asyncio.create_task(_send(call, socket, watcher))
    call.services.sockets.add(socket)
    try:
        await _receive(call, socket, watcher)
    finally:
        call.services.sockets.discard(socket)
        call.services.live.forget(watcher)
        sender.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):  # the screen may be gone in the middle of a message
            await sender
    return socket


async def _receive(call: Call, socket: web.WebSocketResponse, watcher: Watcher) -> None:
    watched = 0
    async for message in socket:
        topic = _topic(call.principal, message.data) if message.type is WSMsgType.TEXT else None
        watched += 1
        if topic is None or watched > WATCHES:
            await socket.close(code=1008, message=b"that cannot be watched with this credential")
            return
        call.services.live.watch(watcher, topic)
        if topic[1] == "station":
            call.services.live.watch(watcher, counters_topic(call.merchant_id))
        await socket.send_str('{"kind":"watching"}')
        if topic[1] == "station":
            await _tell_question(call, socket, topic[2])


async def _tell_question(call: Call, socket: web.WebSocketResponse, station_id: str) -> None:
    """A screen that comes while something is asked there is told so."""
    with suppress(StorageError):  # without Redis nothing is asked
        if await call.services.questions.current(call.merchant_id, station_id) is not None:
            await socket.send_str('{"kind":"question"}')


async def _send(call: Call, socket: web.WebSocketResponse, watcher: Watcher) -> None:
    async for body in watcher.messages():
        if not await _still_welcome(call):
            await socket.close(code=1008, message=b"this credential has ended")
            return
        await socket.send_str((await _fit(call, body)).decode())


async def _fit(call: Call, body: bytes) -> bytes:
    """A station where somebody has to sign in and nobody is gets its session without the customer."""
    if call.principal.role != "station" or not body.startswith(_SESSION) or (await acting_of(call)).may("sell"):
        return body
    told = msgspec.json.decode(body, type=SessionTold)
    return msgspec.json.encode(replace(told, session=unnamed(told.session)))


async def _still_welcome(call: Call) -> bool:
    """Whether the credential that opened the socket still stands: a revoked screen is told nothing more."""
    secret, _ = presented_secret(call.request)
    try:
        return await call.services.access.authenticate(secret) == call.principal
    except StorageError:
        return False


def _topic(principal: Principal, text: str) -> Topic | None:
    """The topic, if this caller may watch it."""
    try:
        wanted = msgspec.json.decode(text, type=Watch)
    except msgspec.DecodeError:
        return None
    role, merchant_id = principal.role, principal.merchant_id
    if wanted.watch == "station" and (role in STAFF or principal.subject_id == wanted.station_id):
        return (merchant_id, "station", wanted.station_id) if role != "phone" else None
    if wanted.watch == "customer" and role == "phone":
        return (merchant_id, "customer", principal.subject_id)
    if wanted.watch == "orders" and role in STAFF:
        return (merchant_id, "orders", "")
    if wanted.watch == "dashboard" and role in READER:
        return (merchant_id, "dashboard", "")
    return None
