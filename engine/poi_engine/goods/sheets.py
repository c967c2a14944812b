"""Product sheets: what is told of a product beyond its price: texts by language, every GTIN, pictures, variants."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from poi_engine.catalogue.offer_rows import lock_catalogue
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.goods.pictures import PictureRef, read_pictures
from poi_engine.goods.products import COLUMNS, Gtin, Product, find_product, gtin_forms, put_products, read_products
from poi_engine.goods.unit_price import UnitPrice, unit_price
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql

Language = Annotated[str, Meta(pattern=r"^[a-z]{2}\Z")]
MAX_VARIANTS = 200


class SheetText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product's words in one language; an empty label is the product's own."""

    label: Annotated[str, Meta(max_length=200)] = ""
    description: Annotated[str, Meta(max_length=5000)] = ""


class ProductSheet(Product, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product with its words and further GTINs; what is null stays as it is."""

    gtins: Annotated[tuple[Gtin, ...], Meta(max_length=20)] | None = None
    texts: Annotated[dict[Language, SheetText], Meta(max_length=20)] | None = None


class SheetView(ProductSheet, frozen=True, kw_only=True):
    """A product's whole sheet. `per_unit`: its price by kilogram, litre, metre or piece."""

    pictures: tuple[PictureRef, ...] = ()
    per_unit: UnitPrice | None = None


class Sheets:
    """The sheets' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def get(self, merchant_id: str, code: str) -> SheetView:
        """The sheet of the product with this code or GTIN."""
        return await self._sql.read(lambda: read_sheet(merchant_id, code))

    async def put(self, merchant_id: str, sheet: ProductSheet, *, who: str) -> SheetView:
        """Create or replace; `Conflict` `gtin-taken` when a GTIN is another product's."""
        at = micros(self._clock.now())
        if sheet.gtin is None and sheet.gtins:  # the first is the product's own
            sheet = replace(sheet, gtin=sheet.gtins[0], gtins=sheet.gtins[1:])

        def job() -> Job[SheetView]:
            yield from lock_catalogue(merchant_id)
            yield from _check(merchant_id, sheet)
            product = Product(**{name: getattr(sheet, name) for name in COLUMNS})
            yield from put_products(merchant_id, [product], who, ids=self._ids, at=at)
            if sheet.gtins is not None:
                yield from put_gtins(merchant_id, {sheet.code: sheet.gtins})
            if sheet.texts is not None:
                yield from put_texts(merchant_id, sheet.code, sheet.texts)
            return (yield from read_sheet(merchant_id, sheet.code))

        return await self._sql.write(job)

    async def variants(self, merchant_id: str, code: str) -> list[Product]:
        """The product's variants, or the other variants beside it, by code; itself among them."""
        return await self._sql.read(lambda: read_variants(merchant_id, code))


def read_sheet(merchant_id: str, code: str) -> Job[SheetView]:
    """The sheet of the product with this code or GTIN."""
    product = yield from find_product(merchant_id, code)
    if product is None:
        raise NotFound("product", code)
    gtins = yield Query(
        "select gtin from product_gtin where merchant_id = ? and code = ? order by gtin", (merchant_id, product.code)
    )
    texts = yield Query(
        "select language, label, description from product_text where merchant_id = ? and code = ? order by language",
        (merchant_id, product.code),
    )
    return SheetView(
        **{name: getattr(product, name) for name in COLUMNS},
        gtins=tuple(row["gtin"] for row in gtins),
        texts={row["language"]: SheetText(label=row["label"], description=row["description"]) for row in texts},
        pictures=(yield from read_pictures(merchant_id, product.code)),
        per_unit=per_unit(product),
    )


def per_unit(product: Product) -> UnitPrice | None:
    """The product's price by kilogram, litre, metre or piece, where it is known."""
    return unit_price(product.unit_price, product.content, product.content_unit, product.unit)


def read_variants(merchant_id: str, code: str) -> Job[list[Product]]:
    """Every variant of the product's family, at most `MAX_VARIANTS`; nothing for a product without variants."""
    product = yield from find_product(merchant_id, code)
    if product is None:
        raise NotFound("product", code)
    where = f"parent = ? order by code limit {MAX_VARIANTS}"
    return (yield from read_products(merchant_id, where, (product.parent or product.code,)))


def put_gtins(merchant_id: str, gtins: dict[str, tuple[str, ...]]) -> Job[None]:
    """Replace the further GTINs of products, {code: GTINs}."""
    yield Query(f"delete from product_gtin where merchant_id = ? and code in ({_marks(gtins)})", (merchant_id, *gtins))
    rows = [(merchant_id, gtin, code) for code, some in gtins.items() for gtin in dict.fromkeys(some)]
    if rows:
        yield Query(
            "insert into product_gtin (merchant_id, gtin, code) values " + ", ".join(["(?, ?, ?)"] * len(rows)),
            [value for row in rows for value in row],
        )


def put_texts(merchant_id: str, code: str, texts: dict[str, SheetText]) -> Job[None]:
    """Replace a product's words; a language without any is left out."""
    yield Query("delete from product_text where merchant_id = ? and code = ?", (merchant_id, code))
    for language, text in texts.items():
        if any(asdict(text).values()):
            yield Query(
                "insert into product_text (merchant_id, code, language, label, description) values (?, ?, ?, ?, ?)",
                (merchant_id, code, language, text.label, text.description),
            )


def owners_of(merchant_id: str, gtins: Sequence[str]) -> Job[dict[str, set[str]]]:
    """The codes of the products that have each of these GTINs, however they are written."""
    forms = {form: gtin for gtin in gtins for form in gtin_forms(gtin)}
    owners: dict[str, set[str]] = {}
    for table in ("product", "product_gtin"):
        rows = yield Query(
            f"select gtin, code from {table} where merchant_id = ? and gtin in ({_marks(forms)})",
            (merchant_id, *forms),
        )
        for row in rows:
            owners.setdefault(forms[row["gtin"]], set()).add(row["code"])
    return owners


def _check(merchant_id: str, sheet: ProductSheet) -> Job[None]:
    if (sheet.content is None) != (sheet.content_unit is None):
        raise RequestError("content", "A content needs a quantity and a unit, such as 250 g.", path="$.content")
    gtins = [*([sheet.gtin] if sheet.gtin else []), *(sheet.gtins or ())]
    if gtins:
        owners = yield from owners_of(merchant_id, gtins)
        for gtin in gtins:
            if others := sorted(owners.get(gtin, set()) - {sheet.code}):
                path = "$.gtin" if gtin == sheet.gtin else f"$.gtins[{(sheet.gtins or ()).index(gtin)}]"
                raise Conflict("gtin-taken", f"The GTIN {gtin} is that of product {others[0]!r}.", path=path)
    if sheet.parent is not None:
        yield from _check_parent(merchant_id, sheet.code, sheet.parent)


def _check_parent(merchant_id: str, code: str, parent: str) -> Job[None]:
    """One step only: a variant has no variants."""
    above = yield from read_products(merchant_id, "code = ?", (parent,))
    below = yield from read_products(merchant_id, "parent = ? limit 1", (code,))
    if code == parent or below or (above and above[0].parent is not None):
        message = "A variant's parent is another product that is no variant itself."
        raise RequestError("parent", message, path="$.parent")


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)
