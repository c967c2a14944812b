"""The fiscal part: closings, the event log, training, e-reporting and the archive."""

import asyncio
from datetime import date, datetime
from tempfile import TemporaryFile
from typing import Annotated

from aiohttp import hdrs, web
from babel.numbers import get_currency_precision
from msgspec import Meta, Struct

from poi_engine.clock import moment
from poi_engine.fiscal.events import MERCHANT, Event
from poi_engine.fiscal.model import Closed, Kind
from poi_engine.fiscal.reporting import DayReport, as_csv, report_of
from poi_engine.fiscal.service import Standing
from poi_engine.fiscal.version import SOURCES, VERSION, unmodified
from poi_server.http import COUNTER, READER, Call, Routes
from poi_server.problems import Refusal
from poi_server.sight import acting_of

routes = Routes("fiscal")

Before = Annotated[int, Meta(ge=1, le=1 << 62)]
Page = Annotated[int, Meta(ge=1, le=500)]
Year = Annotated[str, Meta(pattern=r"^2[0-9]{3}\Z")]
_NEWEST = 1 << 62
_PIECE = 1 << 18


class ClosingBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The period to be closed: the station's day now, or its month or year that is over."""

    kind: Kind


class ClosingPage(Struct, frozen=True, kw_only=True):
    """One page of closings, newest first; `next` goes into `before` for the next one."""

    items: tuple[Closed, ...]
    next: int | None = None


class EventPage(Struct, frozen=True, kw_only=True):
    """One page of events, newest first; `next` goes into `before` for the next one."""

    items: tuple[Event, ...]
    next: int | None = None


class TrainingBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the station is in training from now on."""

    on: bool


class PublicKey(Struct, frozen=True, kw_only=True):
    """A key by which closings and archives are verified: Ed25519, 32 bytes in hex."""

    key_id: str
    public_key: str
    since: datetime


class FiscalPart(Struct, frozen=True, kw_only=True):
    """The fiscal part that runs: its version, its sources' hash, whether that is the published one, and the keys."""

    version: str
    hash: str
    unmodified: bool
    keys: tuple[PublicKey, ...]


# --- closings ------------------------------------------------------------------------------------------------------


@routes.post(
    "/v1/stations/{station_id}/closings",
    roles=COUNTER,
    right="close_day",
    summary="Close the station's day, or its month or year that is over",
)
async def close(call: Call, station_id: str, body: ClosingBody) -> Closed:
    """Days, months and years before it that nobody closed are closed first. Closing a closed day again answers its
    closing."""
    closing = call.engine.fiscal.close(call.merchant_id, station_id, body.kind, by=call.by)
    return await asyncio.shield(closing)


@routes.get(
    "/v1/stations/{station_id}/closings", roles=COUNTER | READER, summary="The station's closings, newest first"
)
async def closings(call: Call, station_id: str, before: Before = _NEWEST, limit: Page = 50) -> ClosingPage:
    await _must_read_books(call)
    await call.services.setup.station(call.merchant_id, station_id)
    items = await call.engine.fiscal.closings(call.merchant_id, station_id, before=before, limit=limit)
    return ClosingPage(items=tuple(items), next=items[-1].closing.number if len(items) == limit else None)


@routes.get(
    "/v1/stations/{station_id}/day", roles=COUNTER | READER, summary="The station's open day so far, without closing it"
)
async def standing(call: Call, station_id: str) -> Standing:
    await _must_read_books(call)
    return await call.engine.fiscal.standing(call.merchant_id, station_id)


@routes.get("/v1/stations/{station_id}/events", roles=READER, right="audit", summary="The station's event log")
async def station_events(call: Call, station_id: str, before: Before = _NEWEST, limit: Page = 50) -> EventPage:
    await call.services.setup.station(call.merchant_id, station_id)
    return await _events(call, station_id, before, limit)


@routes.get("/v1/fiscal/events", roles=READER, right="audit", summary="The merchant's own event log")
async def merchant_events(call: Call, before: Before = _NEWEST, limit: Page = 50) -> EventPage:
    """Starts and stops of the server, other versions of the fiscal part, archives, verifications."""
    return await _events(call, MERCHANT, before, limit)


async def _events(call: Call, chain: str, before: int, limit: int) -> EventPage:
    items = await call.engine.fiscal.events(call.merchant_id, chain, before=before, limit=limit)
    return EventPage(items=tuple(items), next=items[-1].number if len(items) == limit else None)


async def _must_read_books(call: Call) -> None:
    """A day's figures are for whoever may close it, and for auditors."""
    acting = await acting_of(call)
    if not (acting.may("close_day") or acting.may("audit")):
        raise Refusal(403, acting.missing, "You have not the right: close day.")


# --- training ------------------------------------------------------------------------------------------------------


@routes.post(
    "/v1/stations/{station_id}/training",
    roles=COUNTER,
    right="close_day",
    summary="Begin or end training at the station",
)
async def train(call: Call, station_id: str, body: TrainingBody) -> Standing:
    """In training nothing is reserved, paid or counted; receipts are marked and kept in a chain apart."""
    if await call.engine.fiscal.train(call.merchant_id, station_id, body.on, by=call.by):
        await call.services.live.training_changed(call.merchant_id, station_id, body.on)
    return await call.engine.fiscal.standing(call.merchant_id, station_id)


# --- for the administration ----------------------------------------------------------------------------------------


@routes.get("/v1/fiscal", roles=READER, summary="The fiscal part that runs, and the keys that verify its signatures")
async def part(call: Call) -> FiscalPart:
    rows = await call.engine.fiscal.keys(call.merchant_id)
    keys = tuple(
        PublicKey(key_id=key_id, public_key=public.hex(), since=moment(created)) for key_id, public, created in rows
    )
    return FiscalPart(version=VERSION, hash=SOURCES, unmodified=unmodified(), keys=keys)


@routes.get(
    "/v1/fiscal/archive/{year}",
    roles=READER,
    right="audit",
    produces="application/zip",
    summary="The archive of a year's closed days, with what verifies it",
)
async def archive(call: Call, year: Year) -> web.StreamResponse:
    """A zip of JSON lines with a signed manifest and a script that verifies it. That it was made is on record."""
    merchant = await call.services.setup.merchant(call.merchant_id)
    digits = await asyncio.to_thread(get_currency_precision, merchant.currency)
    by = (await acting_of(call)).by
    with await asyncio.to_thread(TemporaryFile) as file:
        await call.engine.fiscal.archive(call.merchant_id, year, file, digits=digits, by=by)
        headers = {
            hdrs.CONTENT_TYPE: "application/zip",
            hdrs.CONTENT_DISPOSITION: f'attachment; filename="archive_{year}.zip"',
            hdrs.CONTENT_LENGTH: str(await asyncio.to_thread(file.tell)),
        }
        response = web.StreamResponse(headers=headers)
        await response.prepare(call.request)
        await asyncio.to_thread(file.seek, 0)
        while piece := await asyncio.to_thread(file.read, _PIECE):
            await response.write(piece)
        await response.write_eof()
        return response


@routes.get("/v1/fiscal/e-reporting", roles=READER, right="audit", summary="A day's sums by VAT rate and by means")
async def e_reporting(call: Call, day: date) -> DayReport:
    """Of the stations whose day is closed; `open_stations` are those that are not."""
    return await call.services.sql.read(lambda: report_of(call.merchant_id, day))


@routes.get(
    "/v1/fiscal/e-reporting.csv",
    roles=READER,
    right="audit",
    produces="text/csv",
    summary="A day's sums by VAT rate and by means, as CSV",
)
async def e_reporting_csv(call: Call, day: date) -> web.Response:
    report = await call.services.sql.read(lambda: report_of(call.merchant_id, day))
    digits = await asyncio.to_thread(get_currency_precision, report.currency)
    headers = {
        hdrs.CONTENT_TYPE: "text/csv; charset=utf-8",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="e-reporting_{day}.csv"',
    }
    return web.Response(text=as_csv([report], digits), headers=headers)
