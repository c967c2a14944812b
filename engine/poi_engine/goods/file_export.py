"""Products as a CSV file that the import reads back, page by page in constant memory."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Literal

from poi_engine.goods.products import Product, read_products
from poi_engine.goods.sheets import SheetText
from poi_engine.ports import Job, Query, Sql

Style = Literal["plain", "french"]
"""`plain`: commas and decimal points. `french`: semicolons, decimal commas and a byte order mark, as Excel wants it."""

PAGE = 500
LANGUAGES = ("fr", "en")
COLUMNS = (
    *("code", "label", "unit_price", "category", "brand", "unit", "vat_rate", "cost", "gtin", "active", "tracked"),
    *("low_stock", "parent", "attributes", "content"),
    *(f"{field}_{language}" for language in LANGUAGES for field in ("label", "description")),
)
_FORMULA = ("=", "+", "-", "@")


async def export_products(sql: Sql, merchant_id: str, digits: int, style: Style = "plain") -> AsyncIterator[bytes]:
    """The file in pieces: the first line, then a page of products each. `digits`: decimals of the currency."""
    yield (b"\xef\xbb\xbf" if style == "french" else b"") + _lines([COLUMNS], style)
    after = ""
    while True:
        page = await sql.read(lambda after=after: _page(merchant_id, after))  # type: ignore[misc]
        if page:
            yield _lines([_cells(product, gtins, texts, digits, style) for product, gtins, texts in page], style)
        if len(page) < PAGE:
            return
        after = page[-1][0].code


_Full = tuple[Product, tuple[str, ...], dict[str, SheetText]]


def _page(merchant_id: str, after: str) -> Job[list[_Full]]:
    products = yield from read_products(merchant_id, f"code > ? order by code limit {PAGE}", (after,))
    if not products:
        return []
    codes = [product.code for product in products]
    among = f"merchant_id = ? and code in ({', '.join('?' * len(codes))})"
    gtins: dict[str, tuple[str, ...]] = {}
    for row in (yield Query(f"select code, gtin from product_gtin where {among} order by gtin", (merchant_id, *codes))):
        gtins[row["code"]] = (*gtins.get(row["code"], ()), row["gtin"])
    texts: dict[str, dict[str, SheetText]] = {}
    rows = yield Query(
        f"select code, language, label, description from product_text where {among}", (merchant_id, *codes)
    )
    for row in rows:
        words = SheetText(label=row["label"], description=row["description"])
        texts.setdefault(row["code"], {})[row["language"]] = words
    return [(product, gtins.get(product.code, ()), texts.get(product.code, {})) for product in products]


def _cells(
    product: Product, gtins: tuple[str, ...], texts: Mapping[str, SheetText], digits: int, style: Style
) -> list[str]:
    def number(value: int | None, places: int) -> str:
        return "" if value is None else _decimal(value, places, "," if style == "french" else ".")

    yes, no = ("oui", "non") if style == "french" else ("yes", "no")
    content = "" if product.content is None else f"{number(product.content, 3)} {product.content_unit}"
    words = [texts.get(language, SheetText()) for language in LANGUAGES]
    return [
        *(_safe(product.code), _safe(product.label), number(product.unit_price, digits), _safe(product.category)),
        *(_safe(product.brand), product.unit, number(product.vat_rate, 2), number(product.cost, digits)),
        " ".join([*([product.gtin] if product.gtin else []), *gtins]),
        *(yes if product.active else no, yes if product.tracked else no, number(product.low_stock, 3)),
        *(_safe(product.parent or ""), _safe("|".join(f"{k}={value}" for k, value in product.attributes.items()))),
        content,
        *(_safe(text) for word in words for text in (word.label, word.description)),
    ]


def _decimal(value: int, places: int, point: str) -> str:
    whole, part = divmod(value, 10**places)
    digits = f"{part:0{places}d}" if places else ""
    digits = digits if places == 2 else digits.rstrip("0")
    return f"{whole}{point}{digits}" if digits else str(whole)


def _safe(text: str) -> str:
    """A text that a spreadsheet would take for a formula stays a text."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: list[list[str]] | list[tuple[str, ...]], style: Style) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";" if style == "french" else ",").writerows(rows)
    return out.getvalue().encode()
