"""Random choices from a seed: every effect, cap, group, exclusive, limit, reward and policy, and large figures."""

import os
from dataclasses import dataclass, replace
from random import Random

import pytest

from poi_cext.choose import COMPILED
from poi_offers.candidates import Candidates, Evaluation
from poi_offers.choice import Choice, choose, choose_plainly
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import (
    AmountOff,
    BuyXGetY,
    Cashback,
    Effect,
    FixedPrice,
    FreeItem,
    Message,
    PercentOff,
    PointsFixed,
    PointsMultiplier,
    PointsPerUnit,
)
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.situation import SaleItem
from poi_offers.steps import sheet_of

SELECTORS = (
    Selector(),
    Selector(),
    Selector(products=("a",)),
    Selector(products=("b", "c")),
    Selector(categories=("food",)),
    Selector(categories=("food/sweet",)),
    Selector(brands=("x",)),
    Selector(exclude_products=("a",)),
    Selector(exclude_categories=("food/sweet",)),
    Selector(products=("a", "d"), exclude_brands=("y",)),
)
PERCENTS = (100, 333, 500, 1000, 1500, 2000, 3000, 5000, 10_000)
CAPS = (None, None, 0, 1, 50, 99, 200, 333, 1000)
AMOUNTS = (1, 5, 50, 99, 100, 250, 777)

if os.environ.get("CI") and os.environ.get("POI_PURE") != "1":
    assert COMPILED, "poi_cext._choose was not built"
both = pytest.mark.parametrize(
    "compiled", [False, *([True] if COMPILED else [])], ids=lambda compiled: "compiled" if compiled else "plain"
)


@dataclass(frozen=True)
class Given:
    """All that a choice depends on."""

    offers: tuple[Offer, ...]
    items: tuple[SaleItem, ...]
    policy: Policy
    points: int
    room: dict[str, int]
    earns: bool

    def candidates(self, compiled: bool) -> Candidates:
        """Ready to be chosen among, by the compiled choice or by its twin."""
        sheet = sheet_of(self.items)
        found = Candidates(self.offers, sheet, self.policy, self.points, self.room, self.earns, compiled=compiled)
        assert compiled or found.solver is None
        return found

    def chosen(self, compiled: bool) -> Choice:
        """The choice."""
        candidates = self.candidates(compiled)
        return choose(candidates) if compiled else choose_plainly(candidates)

    def with_(self, **changes: object) -> "Given":
        """The same but for some of it."""
        return replace(self, **changes)  # type: ignore[arg-type]


def given_choice(dice: Random, offers: int = 10, lines: int = 8, scale: int = 1) -> Given:
    """A basket and the offers it may get; prices are `scale` times as high."""
    some = tuple(offer_of(dice, i) for i in range(dice.randint(1, offers)))
    policy = Policy(
        choice=dice.choice(("customer_best", "customer_best", "priority", "margin_best")),
        points=dice.choice((1, 3)),
        point_value=dice.choice((0, 500, 1000, 3000, 90_000)),
        node_bound=dice.choice((20_000, 20_000, 20_000, 5, 40)),
    )
    return Given(
        offers=some,
        items=tuple(item_of(dice, i, scale) for i in range(dice.randint(1, lines))),
        policy=policy,
        points=dice.choice((0, 50, 120, 400)),
        room={offer.offer_id: dice.choice((1, 50, 150, 600)) for offer in some if dice.random() < 0.25},
        earns=dice.random() < 0.9,
    )


def item_of(dice: Random, number: int, scale: int = 1) -> SaleItem:
    """A line; its order by id is its number's."""
    return SaleItem(
        line_id=f"l{number:02}",
        label="thing",
        unit_price=dice.choice((0, 1, 5, 99, 100, 235, 333, 1000, 1999)) * scale,
        quantity=dice.choice((1000, 1000, 2000, 3000, 1500, 333)),
        unit=dice.choice(("piece", "piece", "piece", "kg")),
        code=dice.choice("abcd"),
        category=dice.choice(("food", "food/sweet", "tools", "")),
        brand=dice.choice("xy"),
        cost=dice.choice((None, dice.randrange(300))),
    )


def offer_of(dice: Random, number: int) -> Offer:
    """An offer; by id they stand in another order than by number."""
    return Offer(
        offer_id=f"o{dice.randrange(10)}-{number}",
        name={"en": "offer"},
        currency="EUR",
        effects=tuple(effect_of(dice) for _ in range(dice.choice((1, 1, 2)))),
        stacking=Stacking(
            priority=dice.choice((0, 0, 1, 5)),
            exclusive=dice.random() < 0.08,
            group=dice.choice((None, None, None, "g", "h")),
            group_max=dice.randint(1, 2),
        ),
        reward_points=dice.choice((None, None, None, None, None, 40, 100)),
    )


def effect_of(dice: Random) -> Effect:
    """Any effect, over lines of any kind."""
    items, percent, cap = dice.choice(SELECTORS), dice.choice(PERCENTS), dice.choice(CAPS)
    amount = dice.choice(AMOUNTS)
    match dice.randrange(15):
        case 0:
            return PercentOff(percent=percent, items=items, cap=cap)
        case 1:
            return PercentOff(percent=percent, items=items, cap=cap, on="line")
        case 2:
            return PercentOff(percent=percent, items=items, cap=cap, on="cheapest", n=dice.randint(1, 3))
        case 3:
            return AmountOff(amount=amount, items=items)
        case 4:
            return AmountOff(amount=amount, items=items, on="line")
        case 5:
            return AmountOff(amount=amount, items=items, on="unit")
        case 6:
            most = dice.choice((None, 1, 2, 3))
            return FixedPrice(price=dice.choice((0, 50, 100, 333)), items=items, max_units=most)
        case 7:
            return FreeItem(items=items, units=dice.randint(1, 2))
        case 8 | 9:
            buy, get, times = (dice.randint(1, 2) for _ in range(3))
            return BuyXGetY(items=items, buy=buy, get=get, percent=dice.choice((3333, 5000, 10_000)), times=times)
        case 10:
            return PointsFixed(points=dice.choice((1, 30, 200)))
        case 11:
            return PointsPerUnit(points=dice.randint(1, 5), amount=dice.choice((10, 100, 300)), items=items)
        case 12:
            return PointsMultiplier(factor=dice.choice((1500, 2000, 5000)))
        case 13:
            return dice.choice((Cashback(percent=percent, cap=cap), Cashback(amount=amount, cap=cap)))
        case _:
            return Message(text={"en": "hello"})


def money(evaluation: Evaluation) -> tuple[object, ...]:
    """All that an evaluation says."""
    gains = [(gain.offer, gain.position, gain.kind, gain.worth, amount) for gain, amount in evaluation.gains]
    return evaluation.applied, evaluation.saved, evaluation.value, evaluation.cost, gains
