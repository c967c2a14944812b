"""The catalogue: products by code, by GTIN, by search."""

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.errors import RequestError
from poi_engine.products import Product
from poi_server.http import COUNTER, MANAGER, Call, Routes

routes = Routes("products")


class ProductPage(Struct, frozen=True, kw_only=True):
    """One page of products, by code; `next` goes into `after` for the next one."""

    items: tuple[Product, ...]
    next: str | None = None


@routes.get("/v1/products", roles=COUNTER, scope="decisions", summary="Products whose label, code or GTIN holds a text")
async def search_products(
    call: Call,
    q: Annotated[str, Meta(max_length=100)] = "",
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> ProductPage:
    items = await call.engine.products.search(call.merchant_id, q, limit=limit, after=after or None)
    return ProductPage(items=tuple(items), next=items[-1].code if len(items) == limit else None)


@routes.get("/v1/products/{code}", roles=COUNTER, scope="decisions", summary="The product with this code or GTIN")
async def get_product(call: Call, code: str) -> Product:
    return await call.engine.products.by_code(call.merchant_id, code)


@routes.put("/v1/products/{code}", roles=MANAGER, right="catalogue", summary="Create or replace a product")
async def put_product(call: Call, code: str, body: Product) -> Product:
    if body.code != code:
        raise RequestError("code-differs", "The code in the body is not the one in the path.", path="$.code")
    return await call.engine.products.put(call.merchant_id, body)
