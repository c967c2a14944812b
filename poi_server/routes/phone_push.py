"""Notifications: a phone subscribes with consent; the merchant tells of an offer."""

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.campaigns.notices import NoticeView, Reach
from poi_engine.push import Subscription
from poi_engine.settings import NoticeRule
from poi_server.http import MANAGER, PHONE, READER, Call, Routes

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


@routes.get(
    "/v1/offers/{offer_id}/notify",
    roles=MANAGER,
    right="campaigns",
    summary="Whom a notification of this offer would reach now, and the last one sent",
)
async def reach(call: Call, offer_id: str) -> Reach:
    return await call.engine.notices.reach(call.merchant_id, offer_id)


@routes.post(
    "/v1/offers/{offer_id}/notify",
    roles=MANAGER,
    right="campaigns",
    idempotent=True,
    status=202,
    summary="Tell of an offer whoever may have it and agreed to notifications (audited)",
)
async def notify(call: Call, offer_id: str) -> NoticeView:
    """The messages are kept and sent in the background; `/v1/notices/{notice_id}` tells how far they are."""
    begun = await call.engine.notices.send(call.merchant_id, offer_id, call.key, by=call.by)
    call.services.pushing.wake()
    return begun


@routes.get(
    "/v1/notices/{notice_id}",
    roles=MANAGER,
    right="campaigns",
    summary="How far a notification is, and what became of it",
)
async def notice(call: Call, notice_id: str) -> NoticeView:
    return await call.engine.notices.get(call.merchant_id, notice_id)


@routes.get("/v1/programme/notices", roles=READER, summary="How often a customer is told of offers")
async def notice_rule(call: Call) -> NoticeRule:
    return await call.engine.notices.rule(call.merchant_id)


@routes.put("/v1/programme/notices", roles=MANAGER, right="campaigns", summary="Change how often")
async def change_notice_rule(call: Call, body: NoticeRule) -> NoticeRule:
    return await call.engine.notices.change_rule(call.merchant_id, body, by=call.by)
