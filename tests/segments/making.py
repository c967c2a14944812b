"""Random segments for tests: every leaf, every nesting."""

import random
from collections.abc import Callable

from poi_engine.segments.model import All, Any, Bought, Condition, Not
from poi_offers import offer_conditions

TIERS = ("member", "silver", "gold", "")
WORDS = ("vip", "press")
GROUPS = ("rfm:champions", "rfm:loyal", "rfm:promising", "rfm:new", "rfm:at_risk", "rfm:lapsed")
PRODUCTS = ("eclair", "tarte", "cafe")
CATEGORIES = ("food", "food/pastry", "food/drink")


def leaf(dice: random.Random) -> Condition:
    """One condition."""
    return dice.choice(_LEAVES)(dice)


def condition(dice: random.Random, depth: int = 2) -> Condition:
    """A tree of conditions."""
    if depth == 0 or dice.random() < 0.3:
        return leaf(dice)
    if dice.random() < 0.25:
        return Not(of=condition(dice, depth - 1))
    of = tuple(condition(dice, depth - 1) for _ in range(dice.choice((1, 2, 2, 3))))
    return All(of=of) if dice.random() < 0.5 else Any(of=of)


def leaves(tree: Condition) -> list[Condition]:
    """The conditions of a tree, without what joins them."""
    if isinstance(tree, Not):
        return leaves(tree.of)
    if isinstance(tree, (All, Any)):
        return [one for part in tree.of for one in leaves(part)]
    return [tree]


def _between(dice: random.Random, *values: int) -> dict[str, int]:
    low, high = sorted(dice.choices(values, k=2))
    return dice.choice(({"min": low}, {"max": high}, {"min": low, "max": high}))


def _recency(dice: random.Random) -> Condition:
    low, high = sorted(dice.choices((0, 1, 7, 30, 100), k=2))
    shape = dice.choice(({"min_days": low}, {"max_days": high}, {"min_days": low, "max_days": high}))
    return offer_conditions.Recency(**shape)


def _segment(dice: random.Random) -> Condition:
    wanted = tuple(dice.sample((*WORDS, *GROUPS), dice.randrange(4)))
    rest = [word for word in (*WORDS, *GROUPS) if word not in wanted]
    none_of = tuple(dice.sample(rest, dice.randrange(2 if wanted else 3)))
    return offer_conditions.InSegment(any_of=wanted or ("vip",) if not none_of else wanted, none_of=none_of)


def _bought(dice: random.Random) -> Condition:
    days = dice.choice((1, 7, 30, 90, 400))
    what = dice.randrange(3)
    if what == 0:
        return Bought(products=tuple(dice.sample(PRODUCTS, dice.choice((1, 2)))), days=days)
    if what == 1:
        return Bought(categories=(dice.choice(CATEGORIES),), days=days)
    return Bought(products=(dice.choice(PRODUCTS),), brands=("maison",), days=days)


_LEAVES: tuple[Callable[[random.Random], Condition], ...] = (
    lambda dice: offer_conditions.TierIs(any_of=tuple(dice.sample(TIERS[:3], dice.choice((1, 2))))),
    _segment,
    lambda dice: offer_conditions.Birthday(before=dice.choice((0, 3, 30)), after=dice.choice((0, 7, 182))),
    lambda dice: offer_conditions.NthVisit(n=dice.choice((1, 2, 3, 5)), every=dice.random() < 0.5),
    _recency,
    lambda dice: offer_conditions.Frequency(days=dice.choice((0, 7, 30, 90, 365)), **_between(dice, 0, 1, 2, 3, 5)),
    lambda dice: offer_conditions.Spend(
        days=dice.choice((0, 7, 30, 90, 365)), **_between(dice, 0, 500, 1500, 3000, 6000)
    ),
    lambda dice: offer_conditions.FirstPurchase(),
    lambda dice: offer_conditions.PointsBalance(**_between(dice, 0, 1, 10, 50)),
    _bought,
)
