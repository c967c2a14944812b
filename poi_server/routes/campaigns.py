"""Campaigns as merchants run them: drafts, previews over past sales, start and stop, counters."""

from contextlib import aclosing
from datetime import date, timedelta
from functools import partial
from typing import Annotated

import msgspec
from aiohttp import hdrs, web
from msgspec import Meta, Struct

from poi_engine.campaigns.audience import AudienceSize
from poi_engine.campaigns.book import CampaignView
from poi_engine.campaigns.counters import Counters
from poi_engine.campaigns.lift import CampaignLift
from poi_engine.campaigns.model import CampaignDraft
from poi_engine.catalogue.past import Days
from poi_engine.errors import PoiError
from poi_engine.suggestions.service import SuggestionList
from poi_server.http import MANAGER, READER, Call, Routes
from poi_server.routes.insights import today

routes = Routes("campaigns")
changes = partial(routes.route, roles=MANAGER, right="campaigns")
"""How a manager changes campaigns."""

SegmentIds = Annotated[str, Meta(max_length=2000, pattern=r"^[!-~]*\Z")]
"""Ids with commas between them: of ASCII an address can carry so many."""

NDJSON = "application/x-ndjson"
PREVIEW_DAYS = 30


class CampaignPage(Struct, frozen=True, kw_only=True):
    """One page of campaigns, newest first; `next` goes into `before` for the next one."""

    items: tuple[CampaignView, ...]
    next: str | None = None


class PreviewFailed(Struct, frozen=True, kw_only=True, tag_field="kind", tag="failed"):
    """Something came in between; nothing was changed."""

    code: str
    detail: str


@routes.get("/v1/campaigns", roles=READER, right="insights", summary="The merchant's campaigns, newest first")
async def list_campaigns(
    call: Call, limit: Annotated[int, Meta(ge=1, le=200)] = 100, before: Annotated[str, Meta(max_length=64)] = ""
) -> CampaignPage:
    items = await call.engine.campaigns.list(call.merchant_id, limit=limit, before=before or None)
    return CampaignPage(items=tuple(items), next=items[-1].campaign_id if len(items) == limit else None)


@changes("POST", "/v1/campaigns", status=201, summary="Write the draft of a campaign")
async def create_campaign(call: Call, body: CampaignDraft) -> CampaignView:
    return await call.engine.campaigns.create(call.merchant_id, body, by=call.by)


@changes(
    "POST",
    "/v1/campaigns/preview",
    produces=NDJSON,
    summary="Try a draft on past sales: lines of progress, then the preview; hanging up stops it",
)
async def preview(
    call: Call, body: CampaignDraft, campaign_id: str = "", first: date | None = None, last: date | None = None
) -> web.StreamResponse:
    last_day = last or await today(call)
    days = Days(first or last_day - timedelta(days=PREVIEW_DAYS - 1), last_day)
    previews = call.engine.previews
    await previews.check(call.merchant_id, body, days)
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: NDJSON, hdrs.CACHE_CONTROL: "no-store"})
    await response.prepare(call.request)
    steps = previews.run(call.merchant_id, campaign_id or call.services.ids.new("cmp"), body, days)
    async with aclosing(steps):
        try:
            async for step in steps:
                await response.write(msgspec.json.encode(step) + b"\n")
        except ConnectionResetError:  # whoever asked has gone
            return response
        except PoiError as error:
            await response.write(msgspec.json.encode(PreviewFailed(code=error.code, detail=error.message)) + b"\n")
    await response.write_eof()
    return response


@routes.get(
    "/v1/campaigns/audience",
    roles=MANAGER,
    right="campaigns",
    summary="How many customers are in one of these segments; none named is everybody",
)
async def audience_size(call: Call, segments: SegmentIds = "") -> AudienceSize:
    words = tuple(word for word in segments.split(",") if word)
    return await call.engine.campaigns.audience(call.merchant_id, words)


@routes.get("/v1/campaigns/{campaign_id}", roles=READER, right="insights", summary="One campaign")
async def get_campaign(call: Call, campaign_id: str) -> CampaignView:
    return await call.engine.campaigns.get(call.merchant_id, campaign_id)


@changes("PUT", "/v1/campaigns/{campaign_id}", summary="Write a draft anew")
async def change_campaign(call: Call, campaign_id: str, body: CampaignDraft) -> CampaignView:
    return await call.engine.campaigns.change(call.merchant_id, campaign_id, body, by=call.by)


@changes("DELETE", "/v1/campaigns/{campaign_id}", summary="Take a draft, or what is over, off the list")
async def remove_campaign(call: Call, campaign_id: str) -> None:
    await call.engine.campaigns.remove(call.merchant_id, campaign_id, by=call.by)


@changes("POST", "/v1/campaigns/{campaign_id}/start", summary="Make its offers at once, or be ready for its first day")
async def start_campaign(call: Call, campaign_id: str) -> CampaignView:
    return await call.engine.campaigns.start(call.merchant_id, campaign_id, by=call.by)


@changes("POST", "/v1/campaigns/{campaign_id}/withdraw", summary="Make what has not begun a draft again")
async def withdraw_campaign(call: Call, campaign_id: str) -> CampaignView:
    return await call.engine.campaigns.withdraw(call.merchant_id, campaign_id, by=call.by)


@changes("POST", "/v1/campaigns/{campaign_id}/stop", summary="Pause its offers, at once and for good")
async def stop_campaign(call: Call, campaign_id: str) -> CampaignView:
    return await call.engine.campaigns.stop(call.merchant_id, campaign_id, by=call.by)


@routes.get(
    "/v1/campaigns/{campaign_id}/counters",
    roles=READER,
    right="insights",
    summary="What it has done so far, and what is left of its limits",
)
async def campaign_counters(call: Call, campaign_id: str) -> Counters:
    return await call.engine.counters.read(call.merchant_id, campaign_id)


@routes.get(
    "/v1/campaigns/{campaign_id}/lift",
    roles=READER,
    right="insights",
    summary="A campaign's effect over all its offers, by its holdout",
)
async def campaign_lift(
    call: Call, campaign_id: str, first: date | None = None, last: date | None = None
) -> CampaignLift:
    """By default from its start to its end, or up to today. See `enough` and `needed`."""
    return await call.engine.campaign_lifts.read(call.merchant_id, campaign_id, first, last)


# --- suggestions ---------------------------------------------------------------------------------------------------


@routes.get(
    "/v1/suggestions", roles=MANAGER, right="campaigns", summary="What the figures give reason to do, with the figures"
)
async def list_suggestions(call: Call) -> SuggestionList:
    return await call.engine.suggestions.list(call.merchant_id)


@routes.post("/v1/suggestions", roles=MANAGER, right="campaigns", summary="Compute the suggestions now")
async def compute_suggestions(call: Call) -> SuggestionList:
    return await call.engine.suggestions.compute(call.merchant_id)


@routes.delete("/v1/suggestions/{suggestion_id}", roles=MANAGER, right="campaigns", summary="Put a suggestion aside")
async def dismiss_suggestion(call: Call, suggestion_id: str) -> None:
    await call.engine.suggestions.dismiss(call.merchant_id, suggestion_id, by=call.by)
