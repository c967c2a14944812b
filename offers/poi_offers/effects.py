"""Offers' effects as numbers, written once: what the compiled choice makes its steps and gains of.

An effect is ten words - what it is, class, percent, amount, cap, units, buy, get, number of tags it works on, number of
tags it does not - and then those tags: the numbers of product codes, brands and category paths.
"""

from collections.abc import Iterable, Sequence
from threading import Lock
from typing import NamedTuple

from poi_cext.choose import Effects
from poi_offers.model import Offer
from poi_offers.offer_effects import (
    AmountOff,
    BuyXGetY,
    Cashback,
    Effect,
    FixedPrice,
    FreeItem,
    PercentOff,
    PointsFixed,
    PointsMultiplier,
    PointsPerUnit,
)
from poi_offers.offer_parts import Selector
from poi_offers.selection import category_path
from poi_offers.situation import SaleItem
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, LINE_AMOUNT, LINE_PERCENT, UNITS

FIXED, FREE, BUY_GET, CHEAPEST, UNIT, PERCENT, AMOUNT = range(7)
POINTS, POINTS_PER, MULTIPLIER, CASHBACK_PERCENT, CASHBACK_AMOUNT, NOTHING = range(7, 13)
NONE = -1
MAX_KEPT = 20_000
"""Offers whose programs, and goods whose tags, are kept."""

Head = tuple[int, int, int, int, int, int, int, int]
"""What, class, percent, amount, cap, units, buy, get."""
Tags = list[int]


class Goods:
    """A number for every product code, brand and category path that an effect names."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._tags: dict[tuple[str, str, str], Tags] = {}

    def learn(self, words: Iterable[str]) -> Tags:
        """The numbers of an effect's words; new words get the next ones."""
        known = self._numbers
        before = len(known)
        numbers = [known.setdefault(word, len(known)) for word in words]
        if len(known) > before:
            self._tags.clear()
        return numbers

    def tags(self, item: SaleItem) -> Tags:
        """The numbers of a line's product code, brand and category with all above it, as far as effects name them."""
        key = (item.code, item.brand, item.category)
        found = self._tags.get(key)
        if found is None:
            if len(self._tags) >= MAX_KEPT:
                self._tags.clear()
            known = self._numbers
            words = _words((item.code,), (item.brand,), category_path(item.category))
            found = self._tags[key] = [known[word] for word in words if word in known]
        return found


def compile_effects(offer: Offer, goods: Goods) -> list[int]:
    """The words of an offer's effects, in their order."""
    words: list[int] = []
    for effect in offer.effects:
        items = getattr(effect, "items", None) or Selector()
        include = goods.learn(_words(items.products, items.brands, items.categories))
        exclude = goods.learn(_words(items.exclude_products, items.exclude_brands, items.exclude_categories))
        words += [*_head(effect), len(include), len(exclude), *include, *exclude]
    return words


def _words(products: Iterable[str], brands: Iterable[str], categories: Iterable[str]) -> list[str]:
    return [*(f"p:{p}" for p in products), *(f"b:{b}" for b in brands), *(f"c:{c}" for c in categories)]


def _head(effect: Effect) -> Head:
    match effect:
        case PercentOff(on="cheapest"):
            return (CHEAPEST, UNITS, effect.percent, 0, _or_none(effect.cap), effect.n, 0, 0)
        case PercentOff():
            rank = LINE_PERCENT if effect.on == "line" else BASKET_PERCENT
            return (PERCENT, rank, effect.percent, 0, _or_none(effect.cap), NONE, 0, 0)
        case AmountOff(on="unit"):
            return (UNIT, UNITS, 0, effect.amount, NONE, NONE, 0, 0)
        case AmountOff():
            rank = LINE_AMOUNT if effect.on == "line" else BASKET_AMOUNT
            return (AMOUNT, rank, 0, effect.amount, NONE, NONE, 0, 0)
        case FixedPrice():
            return (FIXED, UNITS, 0, effect.price, NONE, _or_none(effect.max_units), 0, 0)
        case FreeItem():
            return (FREE, UNITS, 0, 0, NONE, effect.units, 0, 0)
        case BuyXGetY():
            return (BUY_GET, UNITS, effect.percent, 0, NONE, effect.times, effect.buy, effect.get)
        case _:
            return _gain_head(effect)


def _gain_head(effect: Effect) -> Head:
    match effect:
        case PointsFixed(points=points):
            return (POINTS, UNITS, 0, points, NONE, NONE, 0, 0)
        case PointsPerUnit(points=points, amount=amount):
            return (POINTS_PER, UNITS, points, amount, NONE, NONE, 0, 0)
        case PointsMultiplier(factor=factor):
            return (MULTIPLIER, UNITS, 0, factor, NONE, NONE, 0, 0)
        case Cashback(percent=None, amount=amount, cap=cap):
            return (CASHBACK_AMOUNT, UNITS, 0, amount or 0, _or_none(cap), NONE, 0, 0)
        case Cashback(percent=percent, cap=cap):
            return (CASHBACK_PERCENT, UNITS, percent or 0, 0, _or_none(cap), NONE, 0, 0)
        case _:
            return (NOTHING, UNITS, 0, 0, NONE, NONE, 0, 0)


def _or_none(value: int | None) -> int:
    return NONE if value is None else value


class Written(NamedTuple):
    """An offer's program, and what else of it never changes: priority, exclusive, group_max, reward points."""

    offer: Offer
    program: Effects
    group: str | None
    priority: int
    exclusive: bool
    group_max: int
    reward: int


class EffectBook:
    """The programs of the offers met so far; any thread may ask."""

    def __init__(self) -> None:
        self._goods = Goods()
        self._written: dict[str, Written] = {}
        self._lock = Lock()

    def read(self, offers: Sequence[Offer], items: Sequence[SaleItem]) -> tuple[list[Written], list[Tags]]:
        """The programs of the offers, and the tags of the lines: numbers that belong together."""
        with self._lock:
            if len(self._written) > MAX_KEPT:
                self._written.clear()
                self._goods = Goods()
            written = [self._of(offer) for offer in offers]
            tags = self._goods.tags
            return written, [tags(item) for item in items]

    def _of(self, offer: Offer) -> Written:
        found = self._written.get(offer.offer_id)
        if found is None or found.offer is not offer:
            found = self._written[offer.offer_id] = self._write(offer)
        return found

    def _write(self, offer: Offer) -> Written:
        stacking = offer.stacking
        return Written(
            offer,
            Effects(compile_effects(offer, self._goods)),
            stacking.group,
            stacking.priority,
            stacking.exclusive,
            stacking.group_max,
            _or_none(offer.reward_points),
        )
