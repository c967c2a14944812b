"""Segments of the customers: who is in them, how many would be, and the merchant's own."""

from typing import Annotated

from aiohttp import hdrs, web
from msgspec import Meta

from poi_engine.insights.export import Column
from poi_engine.segments.model import Question, SegmentDraft
from poi_engine.segments.segments import MemberPage, SegmentList, SegmentView, SizeAnswer
from poi_server import exporting
from poi_server.http import MANAGER, Call, Routes
from poi_server.sight import note

routes = Routes("segments")

_IDS = (Column("customer_id", "text"),)


@routes.get("/v1/segments", roles=MANAGER, right="campaigns", summary="The segments and how many are in each")
async def list_segments(call: Call) -> SegmentList:
    return await call.engine.segments.list(call.merchant_id)


@routes.post("/v1/segments", roles=MANAGER, right="campaigns", status=201, summary="Write a segment of your own")
async def create_segment(call: Call, body: SegmentDraft) -> SegmentView:
    """Its members are counted in the background: `state` is `counting` until everybody is judged."""
    return await call.engine.segments.create(call.merchant_id, body, by=call.by)


@routes.post(
    "/v1/segments/size", roles=MANAGER, right="campaigns", summary="How many customers would be in such a segment"
)
async def segment_size(call: Call, body: Question) -> SizeAnswer:
    """By facts at most a minute old; your next question ends this one with `superseded`."""
    return await call.engine.segments.size(call.merchant_id, body, asker=call.principal.access_id)


@routes.get("/v1/segments/{segment_id}", roles=MANAGER, right="campaigns", summary="One segment")
async def get_segment(call: Call, segment_id: str) -> SegmentView:
    return await call.engine.segments.get(call.merchant_id, segment_id)


@routes.put("/v1/segments/{segment_id}", roles=MANAGER, right="campaigns", summary="Write a segment anew")
async def replace_segment(call: Call, segment_id: str, body: SegmentDraft) -> SegmentView:
    return await call.engine.segments.replace(call.merchant_id, segment_id, body, by=call.by)


@routes.delete(
    "/v1/segments/{segment_id}", roles=MANAGER, right="campaigns", summary="Remove a segment that no offer needs"
)
async def remove_segment(call: Call, segment_id: str) -> None:
    await call.engine.segments.remove(call.merchant_id, segment_id, by=call.by)


@routes.get("/v1/segments/{segment_id}/members", roles=MANAGER, right="see_history", summary="Who is in a segment")
async def segment_members(
    call: Call,
    segment_id: str,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> MemberPage:
    """Who looked at the members is audited."""
    page = await call.engine.segments.members(call.merchant_id, segment_id, limit=limit, after=after)
    await note(call, "view-segment", segment_id)
    return page


@routes.get(
    "/v1/segments/{segment_id}/export",
    roles=MANAGER,
    right="campaigns",
    produces="text/csv",
    summary="The ids of a segment's members as a CSV file",
)
async def export_segment(call: Call, segment_id: str) -> web.StreamResponse:
    """Who took them is audited."""
    pages = await call.engine.segments.ids(call.merchant_id, segment_id, by=call.by)
    name = f"{segment_id.replace(':', '_')}.csv"
    headers = {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
        hdrs.CONTENT_TYPE: exporting.MEDIA["csv"],
    }
    return web.Response(body=exporting.as_csv(_IDS, pages, 0), headers=headers)
