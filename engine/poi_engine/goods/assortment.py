"""What is sold, kept in memory for as long as no product changes: every basket asks for it."""

from collections.abc import Iterable

from poi_engine.catalogue.offer_rows import catalogue_version
from poi_engine.goods.products import Product, by_codes, find_product, is_gtin
from poi_engine.ports import Job

_MERCHANTS, _PRODUCTS = 100, 20_000
"""At most so many are remembered, and so many products of each."""


class Assortment:
    """The products that a process has read. What another process changed is seen at once: each question reads the
    catalogue's version, and what was read at another version is forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, dict[str, Product]]] = {}

    def on_sale(self, merchant_id: str, codes: Iterable[str]) -> Job[dict[str, Product]]:
        """The products that are sold, by the code they were asked for with. For jobs that only read."""
        asked = list(dict.fromkeys(codes))
        if not asked:
            return {}
        known = self._at((yield from catalogue_version(merchant_id)), merchant_id)
        unknown = [code for code in asked if code not in known]
        found = {product.code: product for product in (yield from by_codes(merchant_id, unknown))}
        if len(known) < _PRODUCTS:
            known.update(found)
        for code in unknown:
            if code not in found and is_gtin(code) and (product := (yield from find_product(merchant_id, code))):
                found[code] = product
        products = {code: found.get(code) or known.get(code) for code in asked}
        return {code: product for code, product in products.items() if product is not None and product.active}

    def _at(self, version: int, merchant_id: str) -> dict[str, Product]:
        """What is known of this version. A reader of an older snapshot only makes the next one ask anew."""
        kept = self._known.get(merchant_id)
        if kept is None or kept[0] != version:
            if len(self._known) >= _MERCHANTS:
                self._known.clear()
            kept = self._known[merchant_id] = (version, {})
        return kept[1]
