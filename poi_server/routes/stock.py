"""Stock: what lies where, what moves it, what runs out."""

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.goods.stock import CENTRAL, Place
from poi_engine.goods.stockroom import LowStock, Movement, NewMovement, PlaceStock, StockEntry
from poi_server.http import COUNTER, STAFF, Call, Routes

routes = Routes("stock")

PlaceName = Annotated[str, Meta(min_length=1, max_length=64)]


class PlaceList(Struct, frozen=True, kw_only=True):
    """Where goods may lie: `central`, which has no name, and the stores."""

    items: tuple[Place, ...]


class LowPage(Struct, frozen=True, kw_only=True):
    """What runs out at a place; `next` goes into `after` for the next page."""

    items: tuple[LowStock, ...]
    next: str | None = None


class ProductStock(Struct, frozen=True, kw_only=True):
    """A product at every place, thousandths of its unit; empty when its stock is not counted."""

    items: tuple[PlaceStock, ...]


class EntryPage(Struct, frozen=True, kw_only=True):
    """What changed a product's stock at a place, newest first; `next` goes into `before` for the next page."""

    items: tuple[StockEntry, ...]
    next: str | None = None


@routes.get("/v1/stock/places", roles=COUNTER, summary="The places where goods may lie")
async def stock_places(call: Call) -> PlaceList:
    return PlaceList(items=tuple(await call.engine.stock.places(call.merchant_id)))


@routes.get("/v1/stock/low", roles=COUNTER, summary="Products of which little is left at a place")
async def low_stock(
    call: Call,
    place: PlaceName = CENTRAL,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> LowPage:
    items = await call.engine.stock.low(call.merchant_id, place, limit=limit, after=after)
    return LowPage(items=tuple(items), next=items[-1].code if len(items) == limit else None)


@routes.get("/v1/products/{code}/stock", roles=COUNTER, summary="A product at every place")
async def product_stock(call: Call, code: str) -> ProductStock:
    product = await call.engine.products.by_code(call.merchant_id, code)
    return ProductStock(items=tuple(await call.engine.stock.of_product(call.merchant_id, product.code)))


@routes.get("/v1/products/{code}/stock/entries", roles=STAFF, right="stock", summary="What changed a product's stock")
async def stock_entries(
    call: Call,
    code: str,
    place: PlaceName = CENTRAL,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    before: Annotated[str, Meta(max_length=64)] = "",
) -> EntryPage:
    items = await call.engine.stock.entries(call.merchant_id, code, place, limit=limit, before=before)
    return EntryPage(items=tuple(items), next=items[-1].entry_id if len(items) == limit else None)


@routes.post(
    "/v1/stock/movements",
    roles=STAFF,
    right="stock",
    idempotent=True,
    status=201,
    summary="Receive, move, count, lose or find goods",
)
async def move_stock(call: Call, body: NewMovement) -> Movement:
    """`received`, `found`, `lost`: what came or went. `moved`: `to` another place. `counted`: what lies there for sale,
    without what tills hold; the difference is found or lost. What is received or counted is tracked from then on."""
    return await call.engine.stock.move(call.merchant_id, body, key=call.key, by=call.by)
