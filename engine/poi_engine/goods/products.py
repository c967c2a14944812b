"""The merchant's products: by code, by any of their GTINs, by search."""

from typing import Annotated, Literal
from unicodedata import normalize

from msgspec import Meta, Struct, json
from msgspec.structs import replace

from poi_engine.catalogue.offer_rows import next_version
from poi_engine.clock import Clock, micros
from poi_engine.errors import NotFound
from poi_engine.goods.prices import price_changes
from poi_engine.goods.unit_price import ContentUnit
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_offers.situation import SaleItem

Code = Annotated[str, Meta(min_length=1, max_length=64, pattern="^(?!value:|tip:)")]  # those are stored value and tips
Gtin = Annotated[str, Meta(pattern=r"^\d{8,14}\Z")]
Attribute = Annotated[str, Meta(min_length=1, max_length=60)]
MAX_PRICE = 100_000_000


class Product(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article. Prices in minor units VAT included, `vat_rate` in basis points.

    `tracked`: its stock is counted; null when a product is written: as it was. It stands on the low-stock list at
    `low_stock` thousandths or less. `parent`: the code of the product it is a variant of, told from the others by its
    `attributes` (size, colour). `content`: what a pack holds, thousandths of `content_unit`.
    """

    code: Code
    label: Annotated[str, Meta(min_length=1, max_length=200)]
    unit_price: Annotated[int, Meta(ge=0, le=MAX_PRICE)]
    category: Annotated[str, Meta(max_length=200)] = ""
    brand: Annotated[str, Meta(max_length=120)] = ""
    unit: Literal["piece", "kg", "l", "m", "h"] = "piece"
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    cost: Annotated[int, Meta(ge=0, le=MAX_PRICE)] | None = None
    gtin: Gtin | None = None
    active: bool = True
    tracked: bool | None = None
    low_stock: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    parent: Code | None = None
    attributes: Annotated[dict[Attribute, Attribute], Meta(max_length=10)] = {}
    content: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    content_unit: ContentUnit | None = None


COLUMNS = Product.__struct_fields__
_COLUMNS = ", ".join(COLUMNS)
_CODES = (1, 2, 4, 8, 16, 32, 64)  # codes a statement


class Products:
    """The products' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def by_code(self, merchant_id: str, code: str) -> Product:
        """The product with this code or GTIN."""
        found = await self._sql.read(lambda: find_product(merchant_id, code))
        if found is None:
            raise NotFound("product", code)
        return found

    async def find(self, merchant_id: str, code: str) -> Product | None:
        """The product on sale with this code or GTIN, if there is one."""
        found = await self._sql.read(lambda: find_product(merchant_id, code))
        return found if found is not None and found.active else None

    async def search(
        self, merchant_id: str, q: str = "", *, limit: int = 50, after: str | None = None, everything: bool = False
    ) -> list[Product]:
        """Products on sale whose label, code or GTIN holds `q`, by code; `after` is the last page's last code.

        `everything`: those that are not on sale too.
        """
        return await self._sql.read(lambda: _search(merchant_id, q.strip(), limit, after or "", everything))

    async def put(self, merchant_id: str, product: Product, *, who: str = "engine") -> Product:
        """Create or replace; a new price is a line in the price history, by `who`."""
        at = micros(self._clock.now())
        await self._sql.write(lambda: put_products(merchant_id, [product], who, ids=self._ids, at=at))
        return product


def put_products(merchant_id: str, products: list[Product], who: str, *, ids: Ids, at: int) -> Job[None]:
    """Create or replace products of different codes; their price changes are kept. `at` in microseconds."""
    yield from next_version(merchant_id)
    yield from price_changes(merchant_id, {one.code: one.unit_price for one in products}, who, ids=ids, at=at)
    counted = yield from _counted(merchant_id, [one.code for one in products if one.tracked is None])
    products = [one if one.tracked is not None else replace(one, tracked=one.code in counted) for one in products]
    row = f"({', '.join('?' * (len(COLUMNS) + 1))})"
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "code")
    yield Query(
        f"insert into product (merchant_id, {_COLUMNS}) values {', '.join([row] * len(products))} "
        f"on conflict (merchant_id, code) do update set {changes}",
        [value for product in products for value in (merchant_id, *_values(product))],
    )


def _counted(merchant_id: str, codes: list[str]) -> Job[set[str]]:
    """Those of the products whose stock is counted now."""
    if not codes:
        return set()
    marks = ", ".join("?" * len(codes))
    rows = yield Query(
        f"select code from product where merchant_id = ? and code in ({marks}) and tracked = 1", (merchant_id, *codes)
    )
    return {row["code"] for row in rows}


def find_product(merchant_id: str, code: str) -> Job[Product | None]:
    """The product with this code, else with this GTIN (a leading zero more or less is the same GTIN)."""
    rows = yield Query(f"select {_COLUMNS} from product where merchant_id = ? and code = ?", (merchant_id, code))
    if rows or not is_gtin(code):
        return _product(rows[0]) if rows else None
    forms = gtin_forms(code)
    marks = ", ".join("?" * len(forms))
    rows = yield Query(
        f"select {_COLUMNS} from product where merchant_id = ? and gtin in ({marks}) order by active desc, code",
        (merchant_id, *forms),
    )
    if not rows:
        named = ", ".join(f"p.{name}" for name in COLUMNS)
        rows = yield Query(
            f"select {named} from product_gtin g join product p on p.merchant_id = g.merchant_id and p.code = g.code "
            f"where g.merchant_id = ? and g.gtin in ({marks}) order by p.active desc, p.code",
            (merchant_id, *forms),
        )
    return _product(rows[0]) if rows else None


def is_gtin(code: str) -> bool:
    """Whether a text has the form of a GTIN: 8 to 14 digits."""
    return code.isascii() and code.isdigit() and 8 <= len(code) <= 14


def gtin_forms(gtin: str) -> list[str]:
    """The ways in which the same GTIN is written: with leading zeros and without."""
    return sorted({gtin, gtin.lstrip("0"), gtin.zfill(13), gtin.zfill(14)})


def line_of(product: Product, line_id: str, quantity: int) -> SaleItem:
    """A basket line of a product; quantity in thousandths."""
    return SaleItem(
        line_id=line_id,
        label=product.label,
        unit_price=product.unit_price,
        quantity=quantity,
        unit=product.unit,
        code=product.code,
        category=product.category,
        brand=product.brand,
        vat_rate=product.vat_rate,
        cost=product.cost,
    )


def all_on_sale(merchant_id: str, most: int) -> Job[list[Product]]:
    """The products that are sold, by code; `most` of them."""
    rows = yield Query(
        f"select {_COLUMNS} from product where merchant_id = ? and active = 1 order by code limit ?",
        (merchant_id, most),
    )
    return [_product(row) for row in rows]


def by_codes(merchant_id: str, codes: list[str]) -> Job[list[Product]]:
    """The products with these codes; the codes are filled up to a few lengths, so that few statements are prepared."""
    found: list[Product] = []
    for start in range(0, len(codes), _CODES[-1]):
        some = codes[start : start + _CODES[-1]]
        length = next(length for length in _CODES if length >= len(some))
        some += some[-1:] * (length - len(some))
        found += yield from read_products(merchant_id, f"code in ({', '.join('?' * length)})", tuple(some))
    return found


def read_products(merchant_id: str, where: str, values: tuple[object, ...]) -> Job[list[Product]]:
    """The products that a condition selects."""
    rows = yield Query(f"select {_COLUMNS} from product where merchant_id = ? and {where}", (merchant_id, *values))
    return [_product(row) for row in rows]


def _search(merchant_id: str, q: str, limit: int, after: str, everything: bool) -> Job[list[Product]]:
    if not after and is_gtin(q):
        found = yield from find_product(merchant_id, q)
        if found is not None and (found.active or everything):
            return [found]
    like = _like(q)
    condition = "lower(label) like ? escape '\\' or lower(code) like ? escape '\\' or gtin like ? escape '\\'"
    where = f"({condition}) and" if q else ""
    on_sale = "" if everything else "active = 1 and"
    values = (like, like, like) if q else ()
    return (
        yield from read_products(
            merchant_id, f"{where} {on_sale} code > ? order by code limit ?", (*values, after, limit)
        )
    )


def _like(q: str) -> str:
    """What holds the text. A letter with an accent stands for any: SQLite's `lower` leaves the capital É as it is."""
    plain = normalize("NFC", q).lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return "%" + "".join(letter if letter.isascii() else "_" for letter in plain) + "%"


def _values(product: Product) -> list[object]:
    values = {name: getattr(product, name) for name in COLUMNS}
    values |= {"active": int(product.active), "tracked": int(bool(product.tracked))}
    values["attributes"] = json.encode(product.attributes).decode() if product.attributes else "{}"
    return [values[name] for name in COLUMNS]


def _product(row: Row) -> Product:
    values, text = dict(row), row["attributes"]
    values["active"], values["tracked"] = bool(row["active"]), bool(row["tracked"])
    values["attributes"] = {} if text == "{}" else json.decode(text, type=dict[str, str])
    return Product(**values)
