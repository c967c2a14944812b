"""Products on the customer's phone: search, scan, and compare what they cost this customer at the stores."""

from datetime import datetime
from typing import Annotated
from urllib.parse import unquote

from msgspec import Meta, Struct

from poi_engine.clock import moment
from poi_engine.errors import NotFound, RequestError
from poi_engine.goods.pictures import first_pictures
from poi_engine.goods.products import Product, line_of
from poi_engine.goods.sheets import SheetText, per_unit, read_sheet
from poi_engine.goods.stock import CENTRAL
from poi_engine.goods.unit_price import UnitPrice, unit_price
from poi_engine.setup import Store
from poi_offers.decision import ChosenOffer, NearMiss
from poi_offers.situation import Basket, CustomerFacts, Situation
from poi_server.http import PHONE, Call, Routes
from poi_server.routes.counter import TypedScan
from poi_server.routes.phone import nearest, offer_name
from poi_server.views import shown_decision
from poi_server.wire import Upload

routes = Routes("phone products")

ONE = 1000
MOST_COMPARED = 4
MOST_NEAR_MISSES = 3
TOLD = ("subtotal", "quantity", "item", "points", "visits", "card", "code")
"""What a near miss may lack to be worth a word beside a product."""


class PhoneProduct(Struct, frozen=True, kw_only=True):
    """A product as customers see it: its price in minor units, VAT included, and by kilogram, litre, metre or piece."""

    code: str
    label: str
    brand: str
    category: str
    unit: str
    unit_price: int
    per_unit: UnitPrice | None
    attributes: dict[str, str]
    picture: str | None


class PhoneProducts(Struct, frozen=True, kw_only=True):
    """One page of products, by code; `next` goes into `after` for the next one."""

    items: tuple[PhoneProduct, ...]
    next: str | None = None


class Read(Struct, frozen=True, kw_only=True):
    """What came of a picture or line: the product's code, or null when it is no product of this shop."""

    seen: bool
    code: str | None = None


class Unlock(Struct, frozen=True, kw_only=True):
    """An offer that does not apply yet, and what it still needs."""

    offer_id: str
    name: dict[str, str]
    near_miss: NearMiss


class AtStore(Struct, frozen=True, kw_only=True):
    """What one of the product costs the customer at a store now, minor units, with the offers that apply there.

    `in_stock` is null where stock is not counted; `distance` in metres from the position that was asked with.
    """

    store_id: str
    store: str
    distance: int | None
    total: int
    saved: int
    per_unit: UnitPrice | None
    in_stock: bool | None
    offers: tuple[ChosenOffer, ...]
    unlocks: tuple[Unlock, ...]


class Compared(Struct, frozen=True, kw_only=True):
    """A product with its texts and what it costs at each store; `central`: whether the central stock has it."""

    product: PhoneProduct
    texts: dict[str, SheetText]
    central: bool | None
    stores: tuple[AtStore, ...]


class Comparison(Struct, frozen=True, kw_only=True):
    """The products side by side, in the order asked for; their stores are the same, in the same order."""

    items: tuple[Compared, ...]


class Shopper(Struct, frozen=True, kw_only=True):
    """For whom it is decided, and when."""

    facts: CustomerFacts
    at: datetime
    currency: str


@routes.get("/v1/me/products", roles=PHONE, summary="Products whose label, code or GTIN holds a text")
async def find_products(
    call: Call,
    q: Annotated[str, Meta(max_length=100)] = "",
    limit: Annotated[int, Meta(ge=1, le=100)] = 30,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> PhoneProducts:
    found = await call.engine.products.search(call.merchant_id, q, limit=limit, after=after or None)
    codes = [item.code for item in found]
    pictures = await call.services.sql.read(lambda: first_pictures(call.merchant_id, codes))
    items = tuple(_product(item, pictures.get(item.code)) for item in found)
    return PhoneProducts(items=items, next=codes[-1] if len(codes) == limit else None)


@routes.post(
    "/v1/me/scan", roles=PHONE, summary="A camera frame, a photo (still=1) or a typed code: which product is it"
)
async def scan_product(call: Call, body: TypedScan | Upload, still: bool = False) -> Read:
    """Pictures are read and dropped; nothing but a product's code is answered."""
    scanning, source = call.services.scanning, f"phone:{call.principal.subject_id}"
    if isinstance(body, Upload):
        found = await scanning.read_image(source, body.content, still=still)
    else:
        found = scanning.read_line(source, body.text)
    if found is None:
        return Read(seen=False)
    known = found.scheme in ("gtin", "product") and await call.engine.products.find(call.merchant_id, found.subject)
    return Read(seen=True, code=known.code if known else None)


@routes.get("/v1/me/compare", roles=PHONE, summary="Products at the stores: price, stock, and the offers for me there")
async def compare(
    call: Call,
    codes: Annotated[str, Meta(min_length=1, max_length=400)],
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None,
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None,
) -> Comparison:
    """`codes` are separated by commas; a comma within a code is written `%2C`. The position is used and dropped."""
    wanted = list(dict.fromkeys(unquote(code) for code in codes.split(",") if code))
    if not 1 <= len(wanted) <= MOST_COMPARED:
        raise RequestError("too-many-products", f"Name 1 to {MOST_COMPARED} products.", path="?codes")
    customer_id, at = call.principal.subject_id, call.engine.wiring.at()
    facts = await call.engine.customers.facts(call.merchant_id, customer_id, at)
    who = Shopper(facts=facts, at=moment(at), currency=(await call.engine.offers.merchant(call.merchant_id)).currency)
    stores = nearest(await call.services.setup.stores(call.merchant_id), lat, lon)
    return Comparison(items=tuple([await _compared(call, code, stores, who) for code in wanted]))


async def _compared(call: Call, code: str, stores: list[tuple[float | None, Store]], who: Shopper) -> Compared:
    product = await call.engine.products.find(call.merchant_id, code)
    if product is None:
        raise NotFound("product", code)
    sheet = await call.services.sql.read(lambda: read_sheet(call.merchant_id, product.code))
    levels = (await call.engine.stock.levels(call.merchant_id, [product.code])).get(product.code)
    at_stores = [await _at_store(call, product, store, metres, who, levels) for metres, store in stores]
    return Compared(
        product=_product(product, sheet.pictures[0].picture_id if sheet.pictures else None),
        texts={str(language): text for language, text in (sheet.texts or {}).items()},
        central=_enough(product, levels, CENTRAL),
        stores=tuple(at_stores),
    )


async def _at_store(
    call: Call,
    product: Product,
    store: Store,
    metres: float | None,
    who: Shopper,
    levels: dict[str, int] | None,
) -> AtStore:
    """The choice for a basket of one of the product, at this store, for this customer."""
    live = await call.engine.offers.catalogue(call.merchant_id)
    situation = Situation(
        at=who.at,
        place=await call.engine.places.place(call.merchant_id, store.store_id),
        basket=Basket(currency=who.currency, items=(line_of(product, "1", ONE),)),
        customer=who.facts,
        channel="phone",
    )
    decision = shown_decision(await call.engine.offers.decide(call.merchant_id, situation))
    unlocks = [
        Unlock(offer_id=offer.offer_id, name=offer_name(offer), near_miss=reason.near_miss)
        for reason in decision.reasons
        if reason.near_miss is not None
        and reason.near_miss.what in TOLD
        and (offer := live.get(reason.offer_id)) is not None
    ]
    return AtStore(
        store_id=store.store_id,
        store=store.name,
        distance=None if metres is None else round(metres),
        total=decision.total,
        saved=decision.saved,
        per_unit=unit_price(decision.total, product.content, product.content_unit, product.unit),
        in_stock=_enough(product, levels, store.store_id),
        offers=decision.offers,
        unlocks=tuple(unlocks[:MOST_NEAR_MISSES]),
    )


def _enough(product: Product, levels: dict[str, int] | None, place: str) -> bool | None:
    """Whether one of it is there; of what is sold by weight or length, anything."""
    if levels is None:
        return None
    return levels.get(place, 0) >= (ONE if product.unit == "piece" else 1)


def _product(item: Product, picture: str | None) -> PhoneProduct:
    return PhoneProduct(
        code=item.code,
        label=item.label,
        brand=item.brand,
        category=item.category,
        unit=item.unit,
        unit_price=item.unit_price,
        per_unit=per_unit(item),
        attributes=item.attributes,
        picture=picture,
    )
