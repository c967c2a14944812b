"""The catalogue: products by code, by GTIN, by search; their sheets, pictures and prices."""

import asyncio
import io
from datetime import datetime
from typing import Annotated, Literal, TypeVar

from aiohttp import hdrs, web
from babel.numbers import get_currency_precision
from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_engine.clock import moment
from poi_engine.errors import NotFound, RequestError
from poi_engine.facts import read_facts
from poi_engine.goods.file_export import Style, export_products
from poi_engine.goods.file_import import ImportReport
from poi_engine.goods.pictures import PictureRef, first_pictures
from poi_engine.goods.prices import PlannedPrice, PriceHistory
from poi_engine.goods.products import COLUMNS, MAX_PRICE, Product, line_of
from poi_engine.goods.sheets import ProductSheet, SheetView
from poi_engine.goods.stock import CENTRAL
from poi_engine.goods.stockroom import PlaceStock
from poi_engine.session import ENDED, Identity
from poi_offers.decision import Decision
from poi_offers.situation import Basket, CustomerFacts, Situation
from poi_server.http import COUNTER, EVERYONE, MANAGER, READER, Call, Routes
from poi_server.middleware import SECURITY_HEADERS
from poi_server.routes.counter import own_station
from poi_server.sight import acting_of
from poi_server.views import shown_decision
from poi_server.wire import CsvUpload, Upload

routes = Routes("products")

ONE = 1000
_KEPT = "private, max-age=31536000, immutable"
Reference = Annotated[str, Meta(min_length=1, max_length=64)]
ProductOrMore = TypeVar("ProductOrMore", bound=Product)


class Found(Product, frozen=True, kw_only=True):
    """A product as a search shows it: its first picture, and thousandths available, null where none are counted."""

    picture: str | None = None
    here: int | None = None
    central: int | None = None


class ProductPage(Struct, frozen=True, kw_only=True):
    """One page of products, by code; `next` goes into `after` for the next one."""

    items: tuple[Found, ...]
    next: str | None = None


class Variants(Struct, frozen=True, kw_only=True):
    """A family of products that differ in their attributes, by code."""

    items: tuple[Found, ...]


class ShopSheet(Struct, frozen=True, kw_only=True):
    """All that a seller tells of a product at a station, in one answer.

    `stock` is empty for a product that is not counted; `store_id` is the place that is here. `decision`: what one of it
    costs the customer identified at the station, or anybody, now, with the offers that apply to it.
    """

    product: SheetView
    store_id: str
    stock: tuple[PlaceStock, ...]
    variants: tuple[Found, ...]
    decision: Decision
    identified: bool


class PlanBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price to come: minor units, and the moment it starts."""

    unit_price: Annotated[int, Meta(ge=0, le=MAX_PRICE)]
    starts_at: Annotated[datetime, Meta(tz=True)]


class PictureOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pictures to keep, in their order."""

    pictures: Annotated[tuple[Reference, ...], Meta(max_length=20)]


class PictureList(Struct, frozen=True, kw_only=True):
    """A product's pictures in their order."""

    items: tuple[PictureRef, ...]


# --- search and sheets ---------------------------------------------------------------------------------------------


@routes.get("/v1/products", roles=COUNTER, scope="decisions", summary="Products whose label, code or GTIN holds a text")
async def search_products(
    call: Call,
    q: Annotated[str, Meta(max_length=100)] = "",
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
    place: Annotated[str, Meta(max_length=64)] = "",
    station_id: Annotated[str, Meta(max_length=64)] = "",
    inactive: bool = False,
) -> ProductPage:
    """`place`: a store's id, whose stock is `here`, or `station_id`: a station's store; `inactive`: what is not on sale
    too."""
    if station_id:
        place = (await call.engine.places.counter(call.merchant_id, station_id)).store_id
    search = call.engine.products.search
    items = await search(call.merchant_id, q, limit=limit, after=after or None, everything=inactive)
    found = await _found(call, items, place or CENTRAL)
    return ProductPage(items=found, next=items[-1].code if len(items) == limit else None)


@routes.get("/v1/products/{code}", roles=COUNTER, scope="decisions", summary="The product with this code or GTIN")
async def get_product(call: Call, code: str) -> SheetView:
    """`cost` is told to owners and managers only."""
    return _seen(call, await call.engine.sheets.get(call.merchant_id, code))


@routes.put("/v1/products/{code}", roles=MANAGER, right="catalogue", summary="Create or replace a product")
async def put_product(call: Call, code: str, body: ProductSheet) -> SheetView:
    """What is left out gets its default; `tracked`, `gtins` and `texts` that are left out stay as they are."""
    if body.code != code:
        raise RequestError("code-differs", "The code in the body is not the one in the path.", path="$.code")
    return await call.engine.sheets.put(call.merchant_id, body, who=call.by.who)


@routes.get("/v1/products/{code}/variants", roles=COUNTER, scope="decisions", summary="A product's variants")
async def get_variants(call: Call, code: str, place: Annotated[str, Meta(max_length=64)] = "") -> Variants:
    items = await call.engine.sheets.variants(call.merchant_id, code)
    return Variants(items=await _found(call, items, place or CENTRAL))


@routes.get("/v1/products/{code}/sheet", roles=COUNTER, summary="A product as a seller shows it at a station")
async def shop_sheet(call: Call, code: str, station_id: Annotated[str, Meta(max_length=64)] = "") -> ShopSheet:
    """`station_id` may be left out by a station, which is the one."""
    merchant_id, engine = call.merchant_id, call.engine
    product = await engine.sheets.get(merchant_id, code)
    station_id = own_station(call, station_id or _station_of(call))
    counter = await engine.places.counter(merchant_id, station_id)
    variants = await engine.sheets.variants(merchant_id, product.code)
    stock, found, (decision, identified) = await asyncio.gather(
        engine.stock.of_product(merchant_id, product.code),
        _found(call, variants, counter.store_id),
        _decide(call, product, station_id),
    )
    return ShopSheet(
        product=_seen(call, product),
        store_id=counter.store_id,
        stock=tuple(stock),
        variants=found,
        decision=decision,
        identified=identified,
    )


def _station_of(call: Call) -> str:
    if call.principal.role != "station":
        raise RequestError("which-station", "Name the station in `station_id`.", path="?station_id")
    return call.principal.subject_id


async def _decide(call: Call, product: SheetView, station_id: str) -> tuple[Decision, bool]:
    """What one of the product costs whoever stands at the station: the choice for a basket of that one line."""
    merchant_id, engine = call.merchant_id, call.engine
    at = engine.wiring.at()
    identity = await _identity(call, station_id)
    facts: CustomerFacts | None = None
    if identity is not None:
        customer_id = identity.customer_id
        facts = await call.services.sql.read(lambda: read_facts(merchant_id, customer_id, at))
    currency = (await engine.offers.merchant(merchant_id)).currency
    plain = Product(**{name: getattr(product, name) for name in COLUMNS})
    situation = Situation(
        at=moment(at),
        place=(await engine.places.counter(merchant_id, station_id)).place,
        basket=Basket(currency=currency, items=(line_of(plain, "1", ONE),)),
        customer=facts,
        channel="counter",
    )
    return shown_decision(await engine.offers.decide(merchant_id, situation)), identity is not None


def _seen(call: Call, product: ProductOrMore) -> ProductOrMore:
    """The product without what it costs the merchant, but for those who set its price."""
    return product if call.principal.role in READER else replace(product, cost=None)


async def _identity(call: Call, station_id: str) -> Identity | None:
    if not (await acting_of(call)).may("sell"):
        return None
    session = await call.engine.stations.current(call.merchant_id, station_id)
    return None if session is None or session.state in ENDED else session.identity


async def _found(call: Call, items: list[Product], place: str) -> tuple[Found, ...]:
    codes = [item.code for item in items]
    pictures = await call.services.sql.read(lambda: first_pictures(call.merchant_id, codes))
    tracked = [item.code for item in items if item.tracked]
    levels = await call.engine.stock.levels(call.merchant_id, tracked, place) if tracked else {}
    return tuple(_seen(call, _shown(item, pictures.get(item.code), levels.get(item.code), place)) for item in items)


def _shown(item: Product, picture: str | None, levels: dict[str, int] | None, place: str) -> Found:
    values = {name: getattr(item, name) for name in COLUMNS}
    if levels is None:
        return Found(**values, picture=picture)
    here = None if place == CENTRAL else levels[place]
    return Found(**values, picture=picture, here=here, central=levels[CENTRAL])


# --- files ---------------------------------------------------------------------------------------------------------


@routes.get("/v1/products.csv", roles=MANAGER, right="catalogue", produces="text/csv", summary="All products as CSV")
async def export_csv(call: Call, style: Style = "plain") -> web.StreamResponse:
    """`french`: semicolons, decimal commas and a byte order mark. The file can be sent back to be imported."""
    headers = {
        **SECURITY_HEADERS,
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="products.csv"',
        "Cache-Control": "no-store",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(call.request)
    digits = await _digits(call)
    async for piece in export_products(call.services.sql, call.merchant_id, digits, style):
        await response.write(piece)
    await response.write_eof()
    return response


@routes.post("/v1/products.csv", roles=MANAGER, right="catalogue", summary="Import products from a CSV file")
async def import_csv(call: Call, body: CsvUpload, dry_run: bool = False) -> ImportReport:
    """Wholly or not at all: a file with mistakes changes nothing, and the answer tells them by line and column.

    `dry_run`: tell them and write nothing. Files above 8 MB: `poi-server products import`.
    """
    imports = call.engine.imports
    digits = await _digits(call)
    return await imports.run(call.merchant_id, call.by.who, digits, io.BytesIO(body.content), dry_run=dry_run)


async def _digits(call: Call) -> int:
    """The decimals of the merchant's currency."""
    currency = (await call.engine.offers.merchant(call.merchant_id)).currency
    return int(await asyncio.to_thread(get_currency_precision, currency))  # it reads a file the first time


# --- prices --------------------------------------------------------------------------------------------------------


@routes.get("/v1/products/{code}/prices", roles=READER, summary="A product's prices over time")
async def price_history(call: Call, code: str) -> PriceHistory:
    return await call.engine.prices.history(call.merchant_id, code)


@routes.post("/v1/products/{code}/prices", roles=MANAGER, right="catalogue", status=201, summary="Plan a price to come")
async def plan_price(call: Call, code: str, body: PlanBody) -> PlannedPrice:
    plan = call.engine.prices.plan
    return await plan(call.merchant_id, code, body.unit_price, body.starts_at, who=call.by.who)


@routes.delete(
    "/v1/products/{code}/prices/{plan_id}", roles=MANAGER, right="catalogue", summary="Take back a price to come"
)
async def cancel_price(call: Call, code: str, plan_id: str) -> None:
    await call.engine.prices.cancel(call.merchant_id, code, plan_id, by=call.by)


# --- pictures ------------------------------------------------------------------------------------------------------


@routes.post("/v1/products/{code}/pictures", roles=MANAGER, right="catalogue", status=201, summary="Add a picture")
async def add_picture(call: Call, code: str, body: Upload) -> PictureRef:
    """The body is a JPEG, PNG or WebP file; it is drawn anew and kept as WebP without metadata."""
    return await call.engine.pictures.add(call.merchant_id, code, body.content, by=call.by)


@routes.put(
    "/v1/products/{code}/pictures",
    roles=MANAGER,
    right="catalogue",
    summary="Order a product's pictures, or take some off",
)
async def order_pictures(call: Call, code: str, body: PictureOrder) -> PictureList:
    return PictureList(items=await call.engine.pictures.order(call.merchant_id, code, body.pictures, by=call.by))


@routes.get("/v1/pictures/{picture_id}", roles=EVERYONE, scope="decisions", produces="image/webp", summary="A picture")
async def get_picture(call: Call, picture_id: str, size: Literal["large", "small"] = "large") -> web.Response:
    """A name never means another picture: it may be kept for ever."""
    etag = f"{picture_id}-{size}"
    headers = {"ETag": f'"{etag}"', "Cache-Control": _KEPT}
    if any(tag.value == etag for tag in call.request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    try:
        kept = await call.engine.pictures.get(call.merchant_id, picture_id, size)
    except NotFound:
        call.headers[hdrs.CACHE_CONTROL] = "no-store"
        raise
    return web.Response(body=kept.content, content_type=kept.content_type, headers=headers)
