"""A seeded generator of offers and situations: small worlds, so that conditions come true, false and unknown."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

from poi_offers import model, offer_conditions, offer_effects, offer_parts
from poi_offers.offer_conditions import Condition
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, Place, SaleItem, Situation

T = TypeVar("T")

STORES = tuple(f"sto_{n}" for n in range(12))
TIERS = ("bronze", "silver", "gold")
SEGMENTS = tuple(f"seg_{n}" for n in range(40))
REGIONS = ("FR", "FR-75", "FR-13", "US", "US-NY", "NZ")
SCHEMES = ("cb", "visa", "mastercard", "amex")
PARTNERS = ("par_a", "par_b")
CODES = ("SUMMER", "été 26", "Welcome")
PRODUCTS = tuple(f"p{n}" for n in range(20))
BRANDS = ("acme", "globex", "")
CATEGORIES = ("food", "food/pastry", "food/pastry/macaron", "food/bread", "drink/hot", "")
CITIES = (
    ("Europe/Paris", 48.8566, 2.3522, ("FR-75",)),
    ("America/New_York", 40.7128, -74.006, ("US-NY",)),
    ("Pacific/Auckland", -36.8485, 174.7633, ("NZ",)),
    ("Pacific/Apia", -13.85, -179.99, ()),
    ("Asia/Kathmandu", 27.7172, 85.324, ("NP",)),
)
RULES = (
    "FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=SA,SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=9,17",
    "FREQ=MONTHLY;BYDAY=1MO",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=YEARLY;BYMONTH=11,12;BYDAY=FR",
    "FREQ=HOURLY;INTERVAL=5",
    "FREQ=DAILY;COUNT=400",
    "FREQ=DAILY;UNTIL=20261231T000000",
)
SOME_DAY = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Generator:
    """Random offers, conditions and situations; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def offer(self, offer_id: str = "off_1", depth: int = 3) -> model.Offer:
        """An offer with a random tree of conditions."""
        return model.Offer(
            offer_id=offer_id,
            name={"en": offer_id},
            currency="EUR",
            effects=(offer_effects.PercentOff(percent=self.random.randrange(100, 5000, 100)),),
            conditions=self.condition(depth),
            stacking=model.Stacking(priority=self.random.randrange(4)),
        )

    def condition(self, depth: int) -> Condition:
        """A tree of at most this depth and sixteen alternatives."""
        kind = self.random.random()
        if depth <= 1 or kind < 0.25:
            return self.leaf()
        if kind < 0.4:
            return offer_conditions.Not(of=self.condition(depth - 1))
        if kind < 0.75:
            return offer_conditions.All(of=self._parts(depth, 4))
        return offer_conditions.Any(of=self._parts(depth, 2))

    def leaf(self, kind: type | None = None) -> Condition:
        """A leaf of the given or of a random kind."""
        return LEAVES[kind or self.pick(tuple(LEAVES))](self)

    def situation(self) -> Situation:
        """A basket somewhere, some time, of somebody or nobody."""
        return Situation(
            at=SOME_DAY + timedelta(minutes=self.random.randrange(-400 * 1440, 400 * 1440)),
            place=self.place(),
            basket=self.basket(),
            customer=self.customer() if self.chance(0.8) else None,
            payment=self.payment() if self.chance(0.6) else None,
            channel=self.pick(("counter", "phone", "partner")),
            partner=self.pick((*PARTNERS, "par_c")) if self.chance(0.5) else None,
        )

    def place(self) -> Place:
        """A store, or a free position."""
        zone, lat, lon, regions = self.pick(CITIES)
        spread = self.pick((0.0, 0.001, 0.02))
        at_store = self.chance(0.8)
        known = self.chance(0.9)
        return Place(
            zone=zone,
            lat=lat + self.random.uniform(-spread, spread) if known else None,
            lon=max(-180.0, min(180.0, lon + self.random.uniform(-spread, spread))) if known else None,
            store_id=self.pick(STORES) if at_store else None,
            regions=regions if at_store or self.chance(0.3) else (),
        )

    def basket(self) -> Basket:
        """Up to six lines, some by weight."""
        return Basket(
            currency="EUR",
            items=tuple(self.item(str(n)) for n in range(self.random.randrange(7))),
            codes=self.some((*CODES, " summer ", "other"), 0, 2) if self.chance(0.5) else (),
        )

    def item(self, line_id: str) -> SaleItem:
        """One line."""
        by_weight = self.chance(0.2)
        return SaleItem(
            line_id=line_id,
            label=line_id,
            unit_price=self.random.randrange(0, 3000, 5),
            quantity=self.random.randrange(1, 3000) if by_weight else 1000 * self.random.randrange(1, 4),
            unit="kg" if by_weight else "piece",
            code=self.pick(PRODUCTS),
            brand=self.pick(BRANDS),
            category=self.pick(CATEGORIES),
        )

    def customer(self) -> CustomerFacts:
        """Somebody of whom more or less is on file."""
        visits = self.random.randrange(8)
        return CustomerFacts(
            customer_id="cus_1",
            tier=self.pick(TIERS) if self.chance(0.8) else None,
            segments=self.some(SEGMENTS, 0, 8),
            birthday=date(1980, 1, 1) + timedelta(days=self.random.randrange(7000)) if self.chance(0.8) else None,
            visits_in={days: max(0, visits - n) for n, days in enumerate((0, 365, 90, 30, 7)) if self.chance(0.8)},
            spend_in={days: self.random.randrange(20_000) for days in (0, 365, 90, 30, 7) if self.chance(0.8)},
            last_visit=SOME_DAY - timedelta(minutes=self.random.randrange(500 * 1440)) if self.chance(0.8) else None,
            points=self.random.randrange(500),
        )

    def payment(self) -> PaymentFacts:
        """A means of payment, more or less known."""
        return PaymentFacts(
            scheme=self.pick(SCHEMES) if self.chance(0.8) else None,
            card_type=self.pick(("debit", "credit", "prepaid", "commercial")) if self.chance(0.8) else None,
            bin=self.pick(("", "4970", "497010", "49701012", "5", "513100")) if self.chance(0.8) else None,
            entry_mode=self.pick(("contactless", "chip", "swipe", "cash")) if self.chance(0.8) else None,
        )

    def selector(self) -> offer_parts.Selector:
        """Any lines, or some."""
        if self.chance(0.3):
            return offer_parts.Selector()
        return offer_parts.Selector(
            products=self.some(PRODUCTS, 0, 4),
            brands=self.some(("acme", "globex"), 0, 1),
            categories=self.some(CATEGORIES[:-1], 0, 2),
            exclude_products=self.some(PRODUCTS, 0, 2),
            exclude_brands=("acme",) if self.chance(0.1) else (),
            exclude_categories=("food/bread",) if self.chance(0.2) else (),
        )

    def limits(self, top: int) -> tuple[int | None, int | None]:
        """A lower limit, an upper one, or both."""
        low, high = sorted((self.random.randrange(1, top), self.random.randrange(1, top)))
        return self.pick(((low, None), (None, high), (low, high)))

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return self.random.choice(choices)

    def some(self, choices: Sequence[T], least: int, most: int) -> tuple[T, ...]:
        """A few different ones of the choices."""
        return tuple(self.random.sample(choices, self.random.randint(least, min(most, len(choices)))))

    def chance(self, share: float) -> bool:
        """True in this share of the cases."""
        return self.random.random() < share

    def _parts(self, depth: int, most: int) -> tuple[Condition, ...]:
        return tuple(self.condition(depth - 1) for _ in range(self.random.randint(1, most)))


def _circle(g: Generator) -> Condition:
    _, lat, lon, _ = g.pick(CITIES)
    return offer_conditions.Circle(lat=lat, lon=lon, radius=g.pick((50.0, 800.0, 5000.0, 8_000_000.0)))


def _polygon(g: Generator) -> Condition:
    _, lat, lon, _ = g.pick(CITIES)
    size = g.pick((0.0005, 0.01, 3.0))
    corners = ((-size, -size), (size, -size), (size * 1.2, size / 2), (0.0, size), (-size, -size))
    ring = tuple(((lon + x + 180) % 360 - 180, lat + y) for x, y in corners)
    hole = tuple(((lon + x / 8 + 180) % 360 - 180, lat + y / 8) for x, y in corners)
    return offer_conditions.Polygon(rings=(ring, hole) if g.chance(0.5) else (ring,))


def _dates(g: Generator) -> Condition:
    low, high = g.limits(800)
    start = date(2025, 10, 18)
    first = None if low is None else start + timedelta(days=low)
    return offer_conditions.Dates(first=first, last=None if high is None else start + timedelta(days=high))


def _weekly(g: Generator) -> Condition:
    return offer_conditions.Weekly(windows=tuple(_window(g) for _ in range(g.random.randint(1, 3))))


def _window(g: Generator) -> offer_conditions.WeeklyWindow:
    start = g.random.randrange(1440)
    end = (start + g.random.randrange(1, 1440)) % 1440
    days = tuple(sorted(g.some(range(1, 8), 1, 6)))
    return offer_conditions.WeeklyWindow(days=days, start=_clock(start), end=_clock(end))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _recurrence(g: Generator) -> Condition:
    start = datetime.fromisoformat("2025-06-01T08:00") + timedelta(minutes=g.random.randrange(0, 700_000, 15))
    return offer_conditions.Recurrence(rrule=g.pick(RULES), start=start, minutes=g.pick((30, 600, 3000)))


def _segment(g: Generator) -> Condition:
    wanted = g.some(SEGMENTS, 0, 12)
    refused = tuple(one for one in g.some(SEGMENTS, 1, 8) if one not in wanted)
    return offer_conditions.InSegment(any_of=wanted, none_of=refused if g.chance(0.5) else ())


def _recency(g: Generator) -> Condition:
    low, high = g.limits(500)
    return offer_conditions.Recency(min_days=low, max_days=high)


def _frequency(g: Generator) -> Condition:
    low, high = g.limits(8)
    return offer_conditions.Frequency(min=low, max=high, days=g.pick((0, 7, 30, 90, 365)))


def _spend(g: Generator) -> Condition:
    low, high = g.limits(20_000)
    return offer_conditions.Spend(min=low, max=high, days=g.pick((0, 7, 30, 90, 365)))


def _points(g: Generator) -> Condition:
    low, high = g.limits(500)
    return offer_conditions.PointsBalance(min=low, max=high)


def _subtotal(g: Generator) -> Condition:
    low, high = g.limits(12_000)
    return offer_conditions.Subtotal(min=low, max=high, items=g.selector())


def _quantity(g: Generator) -> Condition:
    low, high = g.limits(9000)
    return offer_conditions.Quantity(min=low, max=high, items=g.selector())


def _bundle(g: Generator) -> Condition:
    parts = range(g.random.randint(1, 3))
    return offer_conditions.Bundle(
        of=tuple(offer_conditions.BundleItem(items=g.selector(), quantity=g.pick((500, 1000, 2000))) for _ in parts)
    )


LEAVES: dict[type, Callable[[Generator], Condition]] = {
    offer_conditions.Circle: _circle,
    offer_conditions.Polygon: _polygon,
    offer_conditions.Stores: lambda g: offer_conditions.Stores(any_of=g.some(STORES, 1, 6)),
    offer_conditions.Region: lambda g: offer_conditions.Region(any_of=g.some(REGIONS, 1, 3)),
    offer_conditions.Dates: _dates,
    offer_conditions.Weekly: _weekly,
    offer_conditions.Recurrence: _recurrence,
    offer_conditions.TierIs: lambda g: offer_conditions.TierIs(any_of=g.some(TIERS, 1, 2)),
    offer_conditions.InSegment: _segment,
    offer_conditions.Birthday: lambda g: offer_conditions.Birthday(before=g.pick((0, 7, 182)), after=g.pick((0, 30))),
    offer_conditions.NthVisit: lambda g: offer_conditions.NthVisit(n=g.random.randint(1, 6), every=g.chance(0.5)),
    offer_conditions.Recency: _recency,
    offer_conditions.Frequency: _frequency,
    offer_conditions.Spend: _spend,
    offer_conditions.FirstPurchase: lambda g: offer_conditions.FirstPurchase(),
    offer_conditions.PointsBalance: _points,
    offer_conditions.Subtotal: _subtotal,
    offer_conditions.Quantity: _quantity,
    offer_conditions.Bundle: _bundle,
    offer_conditions.CardScheme: lambda g: offer_conditions.CardScheme(any_of=g.some(SCHEMES, 1, 2)),
    offer_conditions.CardType: lambda g: offer_conditions.CardType(
        any_of=g.some(("debit", "credit", "prepaid", "commercial"), 1, 2)
    ),
    offer_conditions.BinPrefix: lambda g: offer_conditions.BinPrefix(
        any_of=g.some(("4", "4970", "49701", "49701012", "51"), 1, 2)
    ),
    offer_conditions.EntryMode: lambda g: offer_conditions.EntryMode(
        any_of=g.some(("contactless", "chip", "phone", "cash"), 1, 2)
    ),
    offer_conditions.Channel: lambda g: offer_conditions.Channel(any_of=g.some(("counter", "phone", "partner"), 1, 2)),
    offer_conditions.Partner: lambda g: offer_conditions.Partner(any_of=g.some(PARTNERS, 1, 2)),
    offer_conditions.Code: lambda g: offer_conditions.Code(any_of=g.some(CODES, 1, 2)),
}
