"""Notifications: a phone subscribes with consent; the merchant tells of an offer."""

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.errors import NotFound
from poi_engine.ports import Job
from poi_engine.push import Subscription
from poi_server.http import MANAGER, PHONE, Call, Routes
from poi_server.pushing import Note
from poi_server.routes.phone import offer_name

routes = Routes("notifications")


class PushKey(Struct, frozen=True, kw_only=True):
    """What a browser subscribes with (`applicationServerKey`), base64 for addresses."""

    key: str


class Leaving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subscription's address."""

    endpoint: Annotated[str, Meta(min_length=8, max_length=1000)]


@routes.get("/v1/me/push", roles=PHONE, summary="The key to subscribe with")
async def push_key(call: Call) -> PushKey:
    return PushKey(key=await call.services.push.public_key(call.merchant_id))


@routes.post("/v1/me/push", roles=PHONE, summary="Send notifications to this phone; needs the consent to them")
async def subscribe(call: Call, body: Subscription) -> None:
    call.services.pushing.check(body.endpoint)
    await call.services.push.subscribe(call.merchant_id, call.principal.subject_id, body)


@routes.post("/v1/me/push/leave", roles=PHONE, summary="Send no more notifications to this phone")
async def unsubscribe(call: Call, body: Leaving) -> None:
    await call.services.push.unsubscribe(call.merchant_id, call.principal.subject_id, body.endpoint)


@routes.post(
    "/v1/offers/{offer_id}/notify",
    roles=MANAGER,
    right="campaigns",
    summary="Tell everybody who agreed to notifications of an offer (audited)",
)
async def notify(call: Call, offer_id: str) -> None:
    """The messages leave in the background; those under way when the server stops are not sent again."""
    merchant_id = call.merchant_id
    offer = (await call.engine.offers.catalogue(merchant_id)).get(offer_id)
    if offer is None:
        raise NotFound("offer", offer_id)
    name = (await call.engine.offers.merchant(merchant_id)).name
    call.services.pushing.start(merchant_id, Note(title=name, body=offer_name(offer), url="/me#offers", tag=offer_id))
    audit_id, at = call.services.ids.new("aud"), call.engine.wiring.at()
    audit = insert_audit(merchant_id, audit_id, call.by.who, "notify-offer", offer_id, "", at)

    def job() -> Job[None]:
        yield audit

    await call.services.sql.write(job)
