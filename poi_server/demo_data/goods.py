"""The data set's products as a merchant would keep them: codes, labels, category paths, prices."""

from collections.abc import Iterable

from poi_engine.goods.products import Product
from poi_server.demo_data.journey import Article

FOOD_VAT, OTHER_VAT = 550, 2000
"""French rates in basis points; the data set has none."""

_OTHER = frozenset(
    {"DRUG GM", "COSMETICS", "FLORAL", "SPIRITS", "GARDEN CENTER", "TRAVEL & LEISURE", "FUEL", "PHOTO & VIDEO", "TOYS"}
    | {"COUPON", "MISCELLANEOUS", "AUTOMOTIVE", "ELECT &PLUMBING", "GM MERCH EXP", "HOUSEWARES", "POSTAL CENTER"}
)


def code_of(product_id: int) -> str:
    """An EAN-13 of the range for use within one company (prefix 29), with its check digit."""
    digits = f"29{product_id:010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def category_of(article: Article) -> str:
    """A category path such as `grocery/frzn-ice/ice-crushed-cubed`."""
    parts = (_slug(text) for text in (article.department, article.category, article.kind))
    return "/".join(part for part in parts if part)


def label_of(article: Article) -> str:
    """What the receipt prints."""
    name = (article.kind or article.category or article.department or "Article").capitalize()
    size = f", {article.size.lower()}" if article.size else ""
    return f"{name}{size}"[:200]


def vat_of(article: Article) -> int:
    """Basis points."""
    return OTHER_VAT if article.department in _OTHER else FOOD_VAT


def product_of(article: Article, price: int) -> Product:
    """The product with a unit price in minor units."""
    code = code_of(article.product_id)
    return Product(
        code=code,
        gtin=code,
        label=label_of(article),
        category=category_of(article),
        brand=f"{article.brand} brand" if article.brand else "",
        unit_price=price,
        vat_rate=vat_of(article),
    )


def products_of(articles: Iterable[Article], prices: dict[int, int]) -> list[Product]:
    """The products that have a price."""
    return [product_of(article, prices[article.product_id]) for article in articles if article.product_id in prices]


def _slug(text: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return "-".join(words)
