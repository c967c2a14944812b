"""What sells, when, for how much, by which means and to whom."""

import asyncio
from datetime import date, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from aiohttp import hdrs, web
from babel.numbers import get_currency_precision
from msgspec import Meta

from poi_engine.clock import micros, moment
from poi_engine.errors import NotFound, RequestError
from poi_engine.insights import BestSellers, Cohorts, Filter, Insights, Order, SalesBehind, View
from poi_engine.insights import export as exports
from poi_engine.setup import Store
from poi_server import exporting
from poi_server.http import READER, Call, Routes
from poi_server.sight import note

routes = Routes("insights")

LONGEST_DAYS = 1100
_YEARS = range(2000, 2200)

Text = Annotated[str, Meta(max_length=200)]
Amount = Annotated[int, Meta(ge=0, le=10**12)]
Page = Annotated[int, Meta(ge=1, le=200)]


@routes.get(
    "/v1/insights",
    roles=READER,
    right="insights",
    summary="The figures of a period, and of the one it is compared with",
)
async def insights(
    call: Call,
    first: date | None = None,
    last: date | None = None,
    store_id: Text | None = None,
    top: Annotated[int, Meta(ge=0, le=200)] = 20,
    compare: Literal["none", "before", "year"] = "none",
) -> Insights:
    """The best customers have their names for whoever may see customers, and are pseudonyms for others."""
    view = await _view(call, first, last, store_id)
    named = call.acting.may("customers")
    return await call.services.insights.read(view, top=top, compare=None if compare == "none" else compare, named=named)


@routes.get("/v1/insights/products", roles=READER, right="insights", summary="Best sellers with their trend")
async def best_sellers(
    call: Call,
    first: date | None = None,
    last: date | None = None,
    store_id: Text | None = None,
    order: Order = "total",
    compare: Literal["before", "year"] = "before",
    limit: Page = 50,
    after: Annotated[int, Meta(ge=0, le=10**7)] = 0,
) -> BestSellers:
    view = await _view(call, first, last, store_id)
    return await call.services.insights.best_sellers(view, order=order, compare=compare, limit=limit, after=after)


@routes.get(
    "/v1/insights/cohorts",
    roles=READER,
    right="insights",
    summary="Of the new customers of each month, how many came back when",
)
async def cohorts(call: Call, store_id: Text | None = None, months: Annotated[int, Meta(ge=1, le=36)] = 12) -> Cohorts:
    return await call.services.insights.cohorts(call.merchant_id, await today(call), months, store_id)


@routes.get("/v1/insights/sales", roles=READER, right="insights", summary="The sales behind a figure, newest day first")
async def sales_behind(
    call: Call,
    first: date | None = None,
    last: date | None = None,
    store_id: Text | None = None,
    kind: Literal["sale", "refund"] | None = None,
    day: date | None = None,
    weekday: Annotated[int, Meta(ge=1, le=7)] | None = None,
    hour: Annotated[int, Meta(ge=0, le=23)] | None = None,
    seller_id: Text | None = None,
    station_id: Text | None = None,
    means: Text | None = None,
    card_type: Text | None = None,
    card_scheme: Text | None = None,
    entry_mode: Text | None = None,
    channel: Text | None = None,
    visitor: Literal["new", "returning", "anonymous"] | None = None,
    low: Amount | None = None,
    high: Amount | None = None,
    code: Text | None = None,
    label: Text | None = None,
    offer_id: Text | None = None,
    customer_id: Text | None = None,
    limit: Page = 50,
    after: Text | None = None,
) -> SalesBehind:
    """Customers by their pseudonyms. Who looked at one customer's sales (`customer_id`) is audited."""
    wanted = Filter(
        kind=kind,
        day=None if day is None else day.isoformat(),
        weekday=weekday,
        hour=hour,
        seller_id=seller_id,
        station_id=station_id,
        means=means,
        card_type=card_type,
        card_scheme=card_scheme,
        entry_mode=entry_mode,
        channel=channel,
        visitor=visitor,
        low=low,
        high=high,
        code=code,
        label=label,
        offer_id=offer_id,
        customer_id=customer_id,
    )
    view = await _view(call, first, last, store_id)
    if customer_id is not None:
        await note(call, "view-sales", customer_id)
    return await call.services.insights.sales(view, wanted, limit=limit, after=after)


@routes.get(
    "/v1/insights/export/{table}",
    roles=READER,
    right="insights",
    produces="text/csv",
    summary="A table of the figures, or the sales themselves, as a file",
)
async def export(
    call: Call,
    table: str,
    format: exporting.Format = "csv",
    style: exporting.Style = "plain",
    first: date | None = None,
    last: date | None = None,
    store_id: Text | None = None,
) -> web.StreamResponse:
    """Who took which table is audited. Customers have names for whoever may see customers, else pseudonyms alone."""
    wanted = exports.table(table, named=call.acting.may("customers"))
    view = await _view(call, first, last, store_id)
    currency = (await call.services.setup.merchant(call.merchant_id)).currency
    digits = await asyncio.to_thread(get_currency_precision, currency)
    pages = exports.pages(call.services.sql, wanted, view)
    if format == "parquet":
        await asyncio.to_thread(exporting.parquet_module)
        body = exporting.as_parquet(wanted.columns, pages, digits)
    else:
        body = exporting.as_csv(wanted.columns, pages, digits, style)
    await note(call, "export-figures", table, f"{view.period.first} to {view.period.last}, {format}")
    name = f"{table}_{view.period.first}_{view.period.last}.{format}"
    headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"', hdrs.CONTENT_TYPE: exporting.MEDIA[format]}
    return web.Response(body=body, headers=headers)


async def _view(call: Call, first: date | None, last: date | None, store_id: str | None) -> View:
    """The merchant's period, by default the thirty days up to today; at one of their stores or at all."""
    if store_id is not None and store_id not in {store.store_id for store in await _stores(call)}:
        raise NotFound("store", store_id)
    last_day = last or await today(call)
    first_day = first or last_day - timedelta(days=29)
    for name, one in (("first", first_day), ("last", last_day)):
        if one.year not in _YEARS:
            message = f"Give a day from {_YEARS[0]} to {_YEARS[-1]}."
            raise RequestError("bad-period", message, path=f"$.{name}")
    if not 0 <= (last_day - first_day).days <= LONGEST_DAYS:
        raise RequestError(
            "bad-period", f"The first day comes before the last, at most {LONGEST_DAYS} days apart.", path="$.first"
        )
    return View.of(call.merchant_id, first_day, last_day, store_id)


async def _stores(call: Call) -> list[Store]:
    return await call.services.setup.stores(call.merchant_id)


async def today(call: Call) -> date:
    """Today at the merchant's first store; UTC if there is none."""
    head = await call.services.setup.merchant(call.merchant_id)
    zone = await asyncio.to_thread(ZoneInfo, head.zone)  # the first use reads a file
    return moment(micros(call.services.clock.now())).astimezone(zone).date()
