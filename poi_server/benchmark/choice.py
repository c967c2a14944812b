"""Problems of choice: thirty offers that all apply to one basket, the same every time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from poi_offers.model import Offer, Stacking
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
from poi_offers.situation import SaleItem

CATEGORIES = tuple(f"food/{name}" for name in ("bread", "cheese", "fish", "fruit", "meat", "pastry", "sweet", "wine"))
BRANDS = ("alba", "bruno", "cap", "delta", "ebro", "fjord")
CODES = 60
"""Products the baskets are made of."""


@dataclass(frozen=True, slots=True)
class Family:
    """How the offers of a problem stand in each other's way; shares are in hundredths."""

    name: str
    lines: int
    groups: int
    grouped: int
    exclusive: int


FAMILIES = (
    Family("20 lines, 4 groups, many conflicts", lines=20, groups=4, grouped=80, exclusive=5),
    Family("20 lines, 6 groups, few conflicts", lines=20, groups=6, grouped=30, exclusive=5),
    Family("50 lines, no groups", lines=50, groups=0, grouped=0, exclusive=5),
    Family("50 lines, 6 groups", lines=50, groups=6, grouped=40, exclusive=5),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Offers that are all eligible for one basket."""

    family: str
    offers: tuple[Offer, ...]
    items: tuple[SaleItem, ...]


def problems(seed: int, count: int = 400, offers: int = 30) -> Iterator[Problem]:
    """So many problems, the families in turn."""
    dice = random.Random(seed)
    for number in range(count):
        family = FAMILIES[number % len(FAMILIES)]
        items = tuple(_item(dice, f"line-{i:02}") for i in range(family.lines))
        yield Problem(family.name, tuple(_offer(dice, i, family) for i in range(offers)), items)


def _item(dice: random.Random, line_id: str) -> SaleItem:
    product = dice.randrange(CODES)
    return SaleItem(
        line_id=line_id,
        label=f"Product {product}",
        unit_price=_price(product),
        quantity=1000 * dice.choice((1, 1, 1, 2, 3)),
        code=f"p{product}",
        category=CATEGORIES[product % len(CATEGORIES)],
        brand=BRANDS[product % len(BRANDS)],
    )


def _offer(dice: random.Random, number: int, family: Family) -> Offer:
    group = f"group-{dice.randrange(family.groups)}" if dice.randrange(100) < family.grouped else None
    return Offer(
        offer_id=f"off_{number:02}",
        name={"fr": f"Offre {number}", "en": f"Offer {number}"},
        currency="EUR",
        effects=(_effect(dice),),
        stacking=Stacking(
            priority=dice.choice((0, 0, 0, 10, 50)),
            exclusive=dice.randrange(100) < family.exclusive,
            group=group,
            group_max=dice.choice((1, 1, 2)),
        ),
    )


def _effect(dice: random.Random) -> Effect:
    items, cap = _selector(dice), dice.choice((None, None, 300, 1000))
    match dice.randrange(20):
        case 0 | 1 | 2 | 3:
            return PercentOff(percent=dice.choice((500, 1000, 1500, 2000, 3000)), on="line", items=items, cap=cap)
        case 4 | 5:
            return PercentOff(percent=dice.choice((300, 500, 1000)), items=dice.choice((items, Selector())), cap=cap)
        case 6:
            return PercentOff(percent=5000, on="cheapest", items=items, n=dice.choice((1, 2)))
        case 7 | 8:
            return AmountOff(amount=dice.choice((20, 50, 100)), on="line", items=items)
        case 9 | 10:
            return AmountOff(amount=dice.choice((10, 30, 50)), on="unit", items=items)
        case 11 | 12:
            return AmountOff(amount=dice.choice((100, 250, 500)))
        case 13:
            product = dice.randrange(CODES)
            price = _price(product) * dice.choice((70, 80, 90)) // 100
            return FixedPrice(price=price, items=_products(product), max_units=dice.choice((None, 2, 4)))
        case 14:
            return FreeItem(items=_products(*(dice.randrange(CODES) for _ in range(4))))
        case 15 | 16:
            percent, times = dice.choice((5000, 10_000)), dice.choice((1, 2))
            bought = dice.choice((items, _products(*(dice.randrange(CODES) for _ in range(4)))))
            return BuyXGetY(items=bought, buy=dice.choice((1, 2)), percent=percent, times=times)
        case 17:
            return PointsPerUnit(points=1, amount=100, items=items)
        case 18:
            return dice.choice((PointsFixed(points=50), PointsMultiplier(factor=2000)))
        case _:
            return Cashback(percent=dice.choice((200, 500)), cap=cap)


def _selector(dice: random.Random) -> Selector:
    match dice.randrange(4):
        case 0:
            return Selector(categories=(dice.choice(CATEGORIES),))
        case 1:
            return Selector(brands=(dice.choice(BRANDS),))
        case 2:
            return Selector(categories=("food",), exclude_categories=(dice.choice(CATEGORIES),))
        case _:
            return _products(*(dice.randrange(CODES) for _ in range(8)))


def _products(*products: int) -> Selector:
    return Selector(products=tuple(f"p{product}" for product in products))


def _price(product: int) -> int:
    """Minor units."""
    return 79 + product * 37 % 1900
