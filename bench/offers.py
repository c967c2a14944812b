"""Ten thousand live offers as merchants of a town would have them, the same every time, and situations to meet them.

Most say where, when and for whom they hold; few hold at once for one customer at one counter.
"""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from poi_offers.model import Offer, Stacking
from poi_offers.offer_conditions import (
    All,
    Birthday,
    Bundle,
    BundleItem,
    CardScheme,
    Channel,
    Circle,
    Condition,
    Dates,
    FirstPurchase,
    Frequency,
    InSegment,
    Polygon,
    Quantity,
    Region,
    Stores,
    Subtotal,
    TierIs,
    Weekly,
    WeeklyWindow,
)
from poi_offers.offer_effects import AmountOff, Effect, FreeItem, PercentOff, PointsFixed, PointsMultiplier
from poi_offers.offer_parts import Selector
from poi_offers.situation import Basket, CustomerFacts, Place, SaleItem, Situation

COUNT = 10_000
LAT, LON = 48.8566, 2.3059
"""Where the counter stands, WGS 84 degrees."""
STORE = "sto_bench"


def offers(count: int, articles: Sequence[SaleItem], *, seed: int = 7) -> list[Offer]:
    """So many offers on these articles; today (UTC) lies in the middle of their days."""
    dice = random.Random(seed)
    today = datetime.now(UTC).date()
    return [_offer(dice, number, articles, today) for number in range(count)]


def situations(count: int, baskets: Sequence[Basket], *, seed: int = 11) -> list[Situation]:
    """Customers with baskets at the counter through a day, every fourth unknown."""
    dice = random.Random(seed)
    start = datetime.now(UTC).replace(hour=7, minute=0, second=0, microsecond=0)
    return [
        Situation(
            at=start + timedelta(minutes=dice.randrange(12 * 60)),
            place=Place(zone="Europe/Paris", lat=LAT, lon=LON, store_id=STORE, regions=("FR", "FR-75")),
            basket=baskets[number % len(baskets)],
            customer=_customer(dice, number) if number % 4 else None,
        )
        for number in range(count)
    ]


def _customer(dice: random.Random, number: int) -> CustomerFacts:
    return CustomerFacts(
        customer_id=f"cus_{number}",
        tier=dice.choice(("member", "silver", "gold")),
        segments=(f"segment-{dice.randrange(60)}",),
        birthday=date(1990, 1, 1) + timedelta(days=dice.randrange(365)),
        visits_in={0: 9, 7: 1, 30: 2, 90: 5, 365: 9},
        spend_in={0: 30_000, 7: 1_000, 30: 5_000, 90: 12_000, 365: 30_000},
        points=dice.randrange(500),
    )


def _offer(dice: random.Random, number: int, articles: Sequence[SaleItem], today: date) -> Offer:
    items = _selector(dice, articles)
    return Offer(
        offer_id=f"off_bench_{number:06}",
        name={"fr": f"Offre {number}", "en": f"Offer {number}"},
        currency="EUR",
        conditions=All(of=(_where(dice), _when(dice, today), _who(dice), _what(dice, items))),
        effects=(_effect(dice, items),),
        stacking=Stacking(priority=dice.randrange(100), group=f"group-{number % 5}", group_max=2),
    )


def _selector(dice: random.Random, articles: Sequence[SaleItem]) -> Selector:
    article = dice.choice(articles)
    match dice.randrange(4):
        case 0 if article.category:
            return Selector(categories=(article.category,))
        case _:
            return Selector(products=tuple({dice.choice(articles).code for _ in range(4)}))


def _where(dice: random.Random) -> Condition:
    lat, lon = LAT + dice.uniform(-0.2, 0.2), LON + dice.uniform(-0.3, 0.3)
    match dice.randrange(4):
        case 0:
            return Circle(lat=lat, lon=lon, radius=dice.uniform(300, 6_000))
        case 1:
            side = dice.uniform(0.01, 0.05)
            ring = ((lon, lat), (lon + side, lat), (lon + side, lat + side), (lon, lat + side), (lon, lat))
            return Polygon(rings=(ring,))
        case 2:
            return Stores(any_of=tuple(f"sto_{dice.randrange(40)}" for _ in range(3)))
        case _:
            return Region(any_of=(dice.choice(("FR", "DE", "ES", "IT", "BE", f"FR-{dice.randrange(1, 96):02}")),))


def _when(dice: random.Random, today: date) -> Condition:
    if dice.randrange(2):
        first = today + timedelta(days=dice.randrange(-60, 10))
        return Dates(first=first, last=first + timedelta(days=dice.randrange(1, 60)))
    days = tuple(sorted(dice.sample(range(1, 8), 3)))
    start = dice.randrange(6, 20)
    return Weekly(windows=(WeeklyWindow(days=days, start=f"{start:02}:00", end=f"{start + 3:02}:30"),))


def _who(dice: random.Random) -> Condition:
    match dice.randrange(7):
        case 0:
            return TierIs(any_of=(dice.choice(("silver", "gold")),))
        case 1:
            return InSegment(any_of=(f"segment-{dice.randrange(60)}",))
        case 2:
            return Birthday(before=3, after=3)
        case 3:
            return FirstPurchase()
        case 4:
            return Frequency(min=dice.randrange(1, 8), days=90)
        case 5:
            return CardScheme(any_of=(dice.choice(("cb", "visa", "amex")),))
        case _:
            return Channel(any_of=("counter", "phone", "partner"))


def _what(dice: random.Random, items: Selector) -> Condition:
    match dice.randrange(3):
        case 0:
            return Subtotal(min=dice.randrange(500, 6_000))
        case 1:
            return Quantity(min=1000, items=items)
        case _:
            return Bundle(of=(BundleItem(items=items),))


def _effect(dice: random.Random, items: Selector) -> Effect:
    match dice.randrange(5):
        case 0:
            return PercentOff(percent=dice.choice((500, 1000, 2000)), on="line", items=items)
        case 1:
            return AmountOff(amount=dice.choice((50, 100, 200)))
        case 2:
            return FreeItem(items=items)
        case 3:
            return PointsFixed(points=dice.randrange(5, 50))
        case _:
            return PointsMultiplier(factor=2000)
