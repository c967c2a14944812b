"""A number for every word an offer names, family by family; a word no offer names has none.

Numbers never change: what an index was built from stays true when the words it needs are merged into a shared table.
"""

from array import array
from collections.abc import Hashable, Iterable
from enum import IntEnum, auto
from itertools import accumulate
from typing import Any, NamedTuple

from poi_cext.words import Words, gather
from poi_offers.geo import unit_vector
from poi_offers.rules import Rules
from poi_offers.scene import region_path
from poi_offers.selection import category_path
from poi_offers.situation import Place, SaleItem

MAX_KEPT = 20_000
"""Different goods, places or single words whose numbers are kept."""


class Family(IntEnum):
    """Sets; the first two belong to the place, as the matcher knows."""

    STORE = 0
    REGION = 1
    TIER = auto()
    SEGMENT = auto()
    CODE = auto()  # folded
    SCHEME = auto()
    CARD_TYPE = auto()
    ENTRY_MODE = auto()
    CHANNEL = auto()
    PARTNER = auto()
    BIN = auto()  # the beginnings of the card's known digits
    BIN_WHOLE = auto()  # all its known digits
    GOODS = auto()  # product codes, brands and category paths of the basket
    RULE = auto()  # the recurrences active now


_RULE = int(Family.RULE)


class Spot(NamedTuple):
    """A place for the matcher; places with the same `key` (None: a free position) differ in nothing it asks of them."""

    key: Hashable
    stores: list[int] | None
    regions: list[int] | None
    point: tuple[float, float, float] | None
    spot: tuple[float, float] | None


class Vocabulary:
    """A table of words that is shared and never changes, and the few words learnt since."""

    def __init__(self, base: Words | None = None) -> None:
        self.base = base or Words.build([()] * len(Family))
        self.learnt: tuple[dict[str, int], ...] = tuple({} for _ in Family)
        self._goods: dict[tuple[str, str, str], list[int]] = {}
        self._spots: dict[Place, Spot] = {}
        self._keys: dict[Hashable, int] = {}
        self._next_key = 0
        self._ones: tuple[dict[str, list[int]], ...] = tuple({} for _ in Family)
        self._rules = Rules(self._rule)

    def learn(self, family: Family, words: Iterable[str]) -> list[int]:
        """The numbers of an offer's words, sorted; new words get the next ones."""
        base, learnt = self.base, self.learnt[family]
        numbers, known, shared = set(), len(learnt), base.count(family)
        for word in words:
            number = learnt.get(word, -1)
            if number < 0 and (number := base.find(family, word)) < 0:
                number = learnt[word] = shared + len(learnt)
            numbers.add(number)
        if len(learnt) > known:
            self._forget(family)
        return sorted(numbers)

    def find(self, family: int, words: Iterable[str]) -> list[int]:
        """The numbers of those words that an offer names."""
        return self.base.find_all(family, words, self.learnt[family])

    def one(self, family: int, word: str | None) -> list[int] | None:
        """A single word's numbers: one or none; None without a word. Kept for the next question with the same."""
        if word is None:
            return None
        kept = self._ones[family]
        numbers = kept.get(word)
        if numbers is None:
            _make_room(kept)
            numbers = kept[word] = self.find(family, (word,))
        return numbers

    @property
    def kept_goods(self) -> dict[tuple[str, str, str], list[int]]:
        """Numbers by (code, brand, category) of a line, for `goods`; what is learnt later makes it another one."""
        return self._goods

    def goods(self, item: SaleItem, kept: dict[tuple[str, str, str], list[int]]) -> list[int]:
        """The numbers of a line's product code, brand and categories, kept for the next basket with the same."""
        words = goods_of((item.code,), (item.brand,), category_path(item.category))
        _make_room(kept)
        numbers = kept[item.code, item.brand, item.category] = self.find(Family.GOODS, words)
        return numbers

    def spot(self, place: Place) -> Spot:
        """The place for the matcher, kept for the next question from there."""
        kept = self._spots
        spot = kept.get(place)
        if spot is None:
            _make_room(kept)
            spot = kept[place] = self._spot(place)
        return spot

    def rules(self, day: int, minute: int) -> list[int]:
        """The numbers of the recurrences active on a day (its ordinal) at a minute of its week."""
        return self._rules.active(self.base.count(_RULE) + len(self.learnt[_RULE]), day, minute)

    def _rule(self, number: int) -> str:
        shared = self.base.count(_RULE)
        return self.base.word(_RULE, number) if number < shared else list(self.learnt[_RULE])[number - shared]

    def merged(self) -> Words:
        """A table of all words so far."""
        learnt = [list(words) for words in self.learnt]
        if not any(learnt):
            return self.base
        sections, new = self.base.sections(), [word.encode() for words in learnt for word in words]
        bounds, picks, border = [0], array("q"), sum(self.base.count(family) for family in Family)
        first, later = 0, border
        for family, words in enumerate(learnt):
            picks.extend(range(first, first + self.base.count(family)))
            picks.extend(range(later, later + len(words)))
            first, later = first + self.base.count(family), later + len(words)
            bounds.append(len(picks))
        parts = array("q", accumulate(map(len, new), initial=0)), b"".join(new)
        return Words.packed(array("q", bounds), *gather((sections["starts"], sections["blob"]), parts, picks))

    def rebase(self, base: Words) -> None:
        """Stand on a table that `merged` made, keeping the words learnt since."""
        self.learnt = tuple(
            {word: number for word, number in words.items() if number >= base.count(family)}
            for family, words in enumerate(self.learnt)
        )
        self.base = base

    def _forget(self, family: Family) -> None:
        """What was kept without the new words; whoever still holds it has asked before."""
        self._ones = tuple({} if other == family else kept for other, kept in enumerate(self._ones))
        if family == Family.GOODS:
            self._goods = {}
        if family in (Family.STORE, Family.REGION):
            self._spots = {}

    def _spot(self, place: Place) -> Spot:
        stores = None if place.store_id is None else self.find(Family.STORE, (place.store_id,))
        regions: list[int] | None = None
        if stores is not None or place.regions:  # a free position without regions lies in unknown ones
            above = {path for region in place.regions for path in region_path(region)}
            regions = sorted(self.find(Family.REGION, above))
        if place.lat is None or place.lon is None:
            return Spot(self._key(place, stores, regions), stores, regions, None, None)
        key, point = self._key(place, stores, regions), unit_vector(place.lat, place.lon)
        return Spot(key, stores, regions, point, (place.lon, place.lat))

    def _key(self, place: Place, stores: list[int] | None, regions: list[int] | None) -> int | None:
        """A number for all that the matcher asks of a store's place; a free position seldom comes again."""
        if stores is None or regions is None:
            return None
        asked = (place.lat, place.lon, *stores, None, *regions)
        key = self._keys.get(asked)
        if key is None:
            _make_room(self._keys)
            key = self._keys[asked] = self._next_key
            self._next_key += 1
        return key


def goods_of(products: Iterable[str], brands: Iterable[str], categories: Iterable[str]) -> set[str]:
    """Words of the goods family."""
    return {f"p:{word}" for word in products} | {f"b:{word}" for word in brands} | {f"c:{word}" for word in categories}


def _make_room(kept: dict[Any, Any]) -> None:
    if len(kept) >= MAX_KEPT:
        kept.clear()
