"""Rows of a product file against the products on file: what they change, and what stands in their way."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.catalogue.offer_rows import lock_catalogue
from poi_engine.goods.file_reader import Mistake, Row
from poi_engine.goods.file_values import Values
from poi_engine.goods.products import Product, put_products, read_products
from poi_engine.goods.sheets import SheetText, owners_of, put_gtins, put_texts
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query

_PLAIN = ("label", "unit_price", "category", "brand", "unit", "vat_rate", "active", "tracked")
"""Columns in which an empty cell leaves what is on file, or the default."""
_CLEARED = ("cost", "low_stock", "parent")
"""Columns in which an empty cell means none."""


class Written(Struct, kw_only=True):
    """What rows did."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    mistakes: list[Mistake] = []

    def add(self, other: "Written") -> None:
        """Count those of another batch too."""
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.mistakes += other.mistakes


def check_rows(merchant_id: str, rows: Sequence[Row]) -> Job[list[Mistake]]:
    """What stands in the way of these rows, by line: new products without a name or price, GTINs of others."""
    before = yield from _before(merchant_id, rows)
    taken = yield from _taken(merchant_id, rows)
    seen = set(before)
    found = []
    for row in rows:
        code = row.values["code"]
        found += [*_missing(row, code in seen), *taken.get(row.line, ())]
        seen.add(code)
    return found


def write_rows(merchant_id: str, rows: Sequence[Row], who: str, *, ids: Ids, at: int) -> Job[Written]:
    """Make the products what the rows say; a row whose GTIN is another's is left out and told. `at` microseconds."""
    yield from lock_catalogue(merchant_id)
    before = yield from _before(merchant_id, rows)
    taken = yield from _taken(merchant_id, rows)
    after, kept = dict(before), []
    for row in rows:
        code = row.values["code"]
        if row.line not in taken and not list(_missing(row, code in after)):
            after[code] = merged(after.get(code), row.values)
            kept.append(row)
    changed = [product for code, product in after.items() if before.get(code) != product]
    if changed:
        yield from put_products(merchant_id, changed, who, ids=ids, at=at)
    yield from _put_others(merchant_id, kept)
    created = len(after) - len(before)
    return Written(
        created=created,
        changed=len(changed) - created,
        unchanged=len(after) - len(changed),
        mistakes=[mistake for line in sorted(taken) for mistake in taken[line]],
    )


def merged(product: Product | None, values: Values) -> Product:
    """The product as a row makes it; columns that the file has not stay as they are."""
    changes: dict[str, Any] = {name: values[name] for name in _PLAIN if values.get(name) is not None}
    if product is None or "category" in values:
        changes["category"] = values.get("category") or ""
    if product is None or "brand" in values:
        changes["brand"] = values.get("brand") or ""
    changes |= {name: values[name] for name in _CLEARED if name in values}
    if "gtin" in values:
        changes["gtin"] = values["gtin"][0] if values["gtin"] else None
    if "content" in values:
        changes["content"], changes["content_unit"] = values["content"] or (None, None)
    attributes = _attributes(product, values)
    if attributes is not None:
        changes["attributes"] = attributes
    if product is None:
        return Product(code=values["code"], **changes)
    return replace(product, **changes)


def _attributes(product: Product | None, values: Values) -> dict[str, str] | None:
    """All of them from one column, or each from its own."""
    own = {name.partition(":")[2]: value for name, value in values.items() if name.startswith("attribute:")}
    if "attributes" not in values and not own:
        return None
    base = values.get("attributes", product.attributes if product else {})
    return {name: value for name, value in {**base, **own}.items() if value}


def _before(merchant_id: str, rows: Sequence[Row]) -> Job[dict[str, Product]]:
    codes = list(dict.fromkeys(row.values["code"] for row in rows))
    if not codes:
        return {}
    found = yield from read_products(merchant_id, f"code in ({', '.join('?' * len(codes))})", tuple(codes))
    return {product.code: product for product in found}


def _missing(row: Row, known: bool) -> Iterable[Mistake]:
    for column, words in (("label", "name"), ("unit_price", "price")):
        if not known and row.values.get(column) is None:
            message = f"The product {row.values['code']!r} is new: it needs a {words}."
            yield Mistake(line=row.line, column=column, code=f"csv-new-{words}", value="", message=message)


def _taken(merchant_id: str, rows: Sequence[Row]) -> Job[dict[int, list[Mistake]]]:
    """Rows, by line, with a GTIN of another product: of one on file, or of an earlier row of the batch."""
    wanted = [(gtin, row) for row in rows for gtin in row.values.get("gtin") or ()]
    if not wanted:
        return {}
    owners: Mapping[str, set[str]] = yield from owners_of(merchant_id, list(dict.fromkeys(gtin for gtin, _ in wanted)))
    claimed: dict[str, str] = {}
    found: dict[int, list[Mistake]] = {}
    for gtin, row in wanted:
        code = row.values["code"]
        others = sorted((owners.get(gtin, set()) | {claimed.setdefault(gtin.lstrip("0"), code)}) - {code})
        if others:
            message = f"The GTIN {gtin} is that of product {others[0]!r}. A GTIN is one product's."
            mistake = Mistake(line=row.line, column="gtin", code="csv-gtin-taken", value=gtin, message=message)
            found.setdefault(row.line, []).append(mistake)
    return found


def _put_others(merchant_id: str, rows: Sequence[Row]) -> Job[None]:
    """Further GTINs and words, where the file has columns for them."""
    gtins = {row.values["code"]: row.values["gtin"][1:] for row in rows if "gtin" in row.values}
    if gtins:
        yield from _put_gtins(merchant_id, gtins)
    texts = {row.values["code"]: row.values for row in rows if any(_language(name) for name in row.values)}
    for code, values in texts.items():
        yield from _put_words(merchant_id, code, values)


def _put_gtins(merchant_id: str, gtins: dict[str, tuple[str, ...]]) -> Job[None]:
    """Only where there are some, now or before."""
    rows = yield Query(
        f"select distinct code from product_gtin where merchant_id = ? and code in ({', '.join('?' * len(gtins))})",
        (merchant_id, *gtins),
    )
    had = {row["code"] for row in rows}
    changed = {code: some for code, some in gtins.items() if some or code in had}
    if changed:
        yield from put_gtins(merchant_id, changed)


def _language(column: str) -> str:
    return column.partition(":")[2] if column.startswith(("label:", "description:")) else ""


def _put_words(merchant_id: str, code: str, values: Values) -> Job[None]:
    rows = yield Query(
        "select language, label, description from product_text where merchant_id = ? and code = ?", (merchant_id, code)
    )
    before = {row["language"]: SheetText(label=row["label"], description=row["description"]) for row in rows}
    texts = dict(before)
    for column, value in values.items():
        if language := _language(column):
            field = column.partition(":")[0]
            texts[language] = replace(texts.get(language, SheetText()), **{field: value or ""})
    if texts != before:
        yield from put_texts(merchant_id, code, texts)
