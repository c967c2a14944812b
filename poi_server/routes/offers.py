"""Offers as merchants write them: create, change, pause, remove, and how they are used."""

from functools import partial
from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.catalogue.offer_book import OfferUse, OfferView
from poi_engine.errors import RequestError
from poi_offers.model import Offer
from poi_server.http import COUNTER, MANAGER, READER, STAFF, Call, Routes

routes = Routes("offers")
changes = partial(routes.route, roles=MANAGER, right="campaigns", scope="offers:write")
"""How a manager, or a partner who may, changes offers."""


class OfferPage(Struct, frozen=True, kw_only=True):
    """One page of offers, by id; `next` goes into `after` for the next one."""

    items: tuple[OfferView, ...]
    next: str | None = None


@routes.get("/v1/offers", roles=COUNTER, scope="offers:read", summary="The merchant's offers")
async def list_offers(
    call: Call,
    limit: Annotated[int, Meta(ge=1, le=200)] = 100,
    after: str = "",
) -> OfferPage:
    items = await call.engine.offers.list(call.merchant_id, limit=limit, after=after or None)
    return OfferPage(items=tuple(items), next=items[-1].offer.offer_id if len(items) == limit else None)


@changes("POST", "/v1/offers", status=201, summary="Create an offer")
async def create_offer(call: Call, body: Offer) -> OfferView:
    return await call.engine.offers.create(call.merchant_id, body, by=call.by)


@routes.get("/v1/offers/{offer_id}", roles=STAFF, scope="offers:read", summary="One offer in its newest version")
async def get_offer(call: Call, offer_id: str) -> OfferView:
    return await call.engine.offers.get(call.merchant_id, offer_id)


@changes("PUT", "/v1/offers/{offer_id}", summary="Write a new version of an offer")
async def replace_offer(call: Call, offer_id: str, body: Offer) -> OfferView:
    if body.offer_id != offer_id:
        raise RequestError("id-differs", "The id in the body is not the one in the path.", path="$.offer_id")
    return await call.engine.offers.replace(call.merchant_id, body, by=call.by)


@changes("DELETE", "/v1/offers/{offer_id}", summary="Remove an offer for good")
async def remove_offer(call: Call, offer_id: str) -> None:
    await call.engine.offers.remove(call.merchant_id, offer_id, by=call.by)


@changes("POST", "/v1/offers/{offer_id}/pause", summary="Pause an offer")
async def pause_offer(call: Call, offer_id: str) -> OfferView:
    return await call.engine.offers.pause(call.merchant_id, offer_id, by=call.by)


@changes("POST", "/v1/offers/{offer_id}/resume", summary="Make a paused offer live again")
async def resume_offer(call: Call, offer_id: str) -> OfferView:
    return await call.engine.offers.resume(call.merchant_id, offer_id, by=call.by)


@routes.get(
    "/v1/offers/{offer_id}/use", roles=STAFF | READER, scope="offers:read", summary="Uses, savings and what is left"
)
async def offer_use(call: Call, offer_id: str) -> OfferUse:
    return await call.engine.offers.use(call.merchant_id, offer_id)
