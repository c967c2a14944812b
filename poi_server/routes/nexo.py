"""Tills that speak nexo Retailer 3.0, behind a station's credential."""

from aiohttp import web

from poi_server.http import Call, Routes
from poi_server.nexo.door import Door
from poi_server.nexo.server import NEXO
from poi_server.wire import JsonUpload

routes = Routes("nexo")


@routes.post("/nexo", roles={"station"}, summary="A message of a till: SaleToPOIRequest in, SaleToPOIResponse out")
async def message(call: Call, body: JsonUpload) -> web.StreamResponse:
    """Its POIID is the station's id, or one that the configuration gives to the station."""
    return await Door(call.request.app[NEXO]).received(call.request, body.content, call.principal)
