"""A situation with what its leaves need again and again: the wall clock, the regions, the codes."""

from functools import cached_property

from poi_offers.decision import NearMiss
from poi_offers.offer_parts import Selector
from poi_offers.selection import category_path, selected
from poi_offers.situation import Situation
from poi_offers.storetime import minute_of_week, wall_clock

Answer = tuple[bool | None, NearMiss | None]
"""A leaf's truth (None = unknown) and, when it is not true, how far it is from it."""

_Goods = tuple[frozenset[str], frozenset[str], frozenset[str]]

YES: Answer = (True, None)
NO: Answer = (False, None)
UNKNOWN: Answer = (None, None)
NOBODY: Answer = (None, NearMiss(what="identity"))
NO_CARD: Answer = (None, NearMiss(what="card"))


class Scene:
    """One situation under judgement."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.wall = wall_clock(situation.at, situation.place.zone)
        """The store's wall clock, naive."""
        self.minute = minute_of_week(self.wall)
        """Minutes since Monday 00:00 on the store's wall clock."""
        self._goods: _Goods | None = None

    @cached_property
    def codes(self) -> frozenset[str]:
        """The codes given, folded."""
        return frozenset(fold_code(code) for code in self.situation.basket.codes)

    @cached_property
    def regions(self) -> frozenset[str] | None:
        """The place's regions and those they lie in (`FR-75` lies in `FR`); None at a free position without any."""
        place = self.situation.place
        if place.store_id is None and not place.regions:
            return None
        return frozenset(above for region in place.regions for above in region_path(region))

    @property
    def goods(self) -> _Goods:
        """The basket's product codes, its brands, and its categories with everything above them."""
        if self._goods is None:
            self._goods = self._named()
        return self._goods

    def _named(self) -> _Goods:
        items = self.situation.basket.items
        above = frozenset(path for item in items for path in category_path(item.category))
        return frozenset(item.code for item in items), frozenset(item.brand for item in items), above

    def lines(self, selector: Selector) -> tuple[int, ...]:
        """As `selection.selected` on the basket; most selectors name nothing that is in it."""
        products, brands, categories = selector.products, selector.brands, selector.categories
        codes, makes, above = self.goods
        named = products or brands or categories
        if named and codes.isdisjoint(products) and makes.isdisjoint(brands) and above.isdisjoint(categories):
            return ()
        return selected(selector, self.situation.basket.items)


def region_path(region: str) -> list[str]:
    """A region and everything it lies in: `FR-IDF-75` gives `FR`, `FR-IDF`, `FR-IDF-75`."""
    parts = region.split("-")
    return ["-".join(parts[: depth + 1]) for depth in range(len(parts))]


def fold_code(code: str) -> str:
    """A code without the differences that do not matter: case and surrounding spaces."""
    return code.strip().casefold()
