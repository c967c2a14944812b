"""A session goes on at another station of its store."""

import asyncio

from msgspec import Struct

from poi_engine.session import Session
from poi_server.http import COUNTER, Call, Routes
from poi_server.routes.counter import own_session, own_station
from poi_server.sight import shown_to

routes = Routes("counter")


class HandOverBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The station that goes on with the session."""

    station_id: str


class Neighbour(Struct, frozen=True, kw_only=True):
    """Another station of the same store; `free`: nobody is being served there."""

    station_id: str
    name: str
    free: bool


class Neighbours(Struct, frozen=True, kw_only=True):
    """Where a session can go on, by name."""

    items: tuple[Neighbour, ...]


@routes.get(
    "/v1/stations/{station_id}/neighbours",
    roles=COUNTER,
    right="sell",
    summary="The other stations of the store, for a hand-over",
)
async def neighbours(call: Call, station_id: str) -> Neighbours:
    here = await call.services.setup.station(call.merchant_id, own_station(call, station_id))
    stations = await call.services.setup.stations(call.merchant_id)
    others = [one for one in stations if one.store_id == here.store_id and one.station_id != station_id]
    free = await asyncio.gather(*(call.engine.handovers.is_free(call.merchant_id, one.station_id) for one in others))
    return Neighbours(
        items=tuple(
            Neighbour(station_id=one.station_id, name=one.name, free=empty)
            for one, empty in zip(others, free, strict=True)
        )
    )


@routes.post(
    "/v1/sessions/{session_id}/hand-over",
    roles=COUNTER,
    right="sell",
    summary="Go on with the session at another station",
)
async def hand_over(call: Call, session_id: str, body: HandOverBody) -> Session:
    known = await own_session(call, session_id)
    return shown_to(call, await call.engine.handovers.hand_over(call.merchant_id, session_id, body.station_id, known))
