"""Which basket lines a selector names."""

from collections.abc import Sequence

from poi_offers.offer_parts import Selector
from poi_offers.situation import SaleItem

_EVERYTHING = Selector()


def fits(selector: Selector, item: SaleItem) -> bool:
    """True when the line is included (or nothing is) and not excluded."""
    if _named(item, selector.exclude_products, selector.exclude_brands, selector.exclude_categories):
        return False
    if not (selector.products or selector.brands or selector.categories):
        return True
    return _named(item, selector.products, selector.brands, selector.categories)


def selected(selector: Selector, items: Sequence[SaleItem]) -> tuple[int, ...]:
    """Positions of the lines that fit."""
    if selector == _EVERYTHING:
        return tuple(range(len(items)))
    return tuple(i for i, item in enumerate(items) if fits(selector, item))


def category_path(category: str) -> list[str]:
    """A category and everything above it: `a/b/c` gives `a`, `a/b`, `a/b/c`."""
    parts = category.split("/")
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _named(item: SaleItem, products: Sequence[str], brands: Sequence[str], categories: Sequence[str]) -> bool:
    if item.code in products or item.brand in brands:
        return True
    return bool(categories) and any(_below(item.category, path) for path in categories)


def _below(category: str, path: str) -> bool:
    return category == path or category.startswith(path + "/")
