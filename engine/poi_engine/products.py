"""The merchant's products: by code, by GTIN, by search."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.errors import NotFound
from poi_engine.ports import Job, Query, Row, Sql
from poi_offers.situation import SaleItem

_COLUMNS = "code, label, category, brand, unit, unit_price, vat_rate, cost, gtin, active"


class Product(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An article. Prices in minor units VAT included, `vat_rate` in basis points."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]
    label: Annotated[str, Meta(min_length=1, max_length=200)]
    unit_price: Annotated[int, Meta(ge=0, le=100_000_000)]
    category: Annotated[str, Meta(max_length=200)] = ""
    brand: Annotated[str, Meta(max_length=120)] = ""
    unit: Literal["piece", "kg", "l", "m", "h"] = "piece"
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    cost: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    gtin: Annotated[str, Meta(pattern=r"^\d{8,14}\Z")] | None = None
    active: bool = True


class Products:
    """The products' service."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

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
        self, merchant_id: str, q: str = "", *, limit: int = 50, after: str | None = None
    ) -> list[Product]:
        """Products on sale whose label, code or GTIN holds `q`, by code; `after` is the last page's last code."""
        pattern = "%" + q.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

        def job() -> Job[list[Product]]:
            rows = yield Query(
                f"select {_COLUMNS} from product where merchant_id = ? and active = 1 and code > ? and "
                "(lower(label) like ? escape '\\' or lower(code) like ? escape '\\' or gtin like ? escape '\\') "
                "order by code limit ?",
                (merchant_id, after or "", pattern, pattern, pattern, limit),
            )
            return [_product(row) for row in rows]

        return await self._sql.read(job)

    async def put(self, merchant_id: str, product: Product) -> Product:
        """Create or replace."""

        def job() -> Job[None]:
            yield Query(
                f"insert into product (merchant_id, {_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict (merchant_id, code) do update set label = excluded.label, category = excluded.category, "
                "brand = excluded.brand, unit = excluded.unit, unit_price = excluded.unit_price, "
                "vat_rate = excluded.vat_rate, cost = excluded.cost, gtin = excluded.gtin, active = excluded.active",
                (
                    *(merchant_id, product.code, product.label, product.category, product.brand, product.unit),
                    *(product.unit_price, product.vat_rate, product.cost, product.gtin, int(product.active)),
                ),
            )

        await self._sql.write(job)
        return product


def find_product(merchant_id: str, code: str) -> Job[Product | None]:
    """The product with this code, else with this GTIN (a leading zero more or less is the same GTIN)."""
    rows = yield Query(f"select {_COLUMNS} from product where merchant_id = ? and code = ?", (merchant_id, code))
    if not rows and code.isascii() and code.isdigit() and 8 <= len(code) <= 14:
        forms = sorted({code, code.lstrip("0"), code.zfill(13), code.zfill(14)})
        marks = ", ".join("?" * len(forms))
        rows = yield Query(
            f"select {_COLUMNS} from product where merchant_id = ? and gtin in ({marks}) order by active desc, code",
            (merchant_id, *forms),
        )
    return _product(rows[0]) if rows else None


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


def _product(row: Row) -> Product:
    return Product(**{**{name: row[name] for name in _COLUMNS.split(", ")}, "active": bool(row["active"])})
