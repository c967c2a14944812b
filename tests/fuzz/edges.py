"""Offers and situations where matchers go wrong: limits met exactly, poles, clock changes, 32 bits, many words."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from math import cos, pi, sin

import msgspec

from poi_offers import model, offer_conditions, offer_parts
from poi_offers.errors import OfferError
from poi_offers.geo import distance
from poi_offers.offer_conditions import Condition
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, Place, SaleItem, Situation
from poi_offers.storetime import wall_clock, zone
from poi_offers.validate_conditions import MAX_CLAUSES, check_conditions, clause_count
from tests.offers.generate import CITIES, LEAVES, PRODUCTS, REGIONS, RULES, SEGMENTS, Generator

ZONES = (
    *("Europe/Paris", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "Pacific/Apia"),
    *("Asia/Kathmandu", "Antarctica/Troll", "Africa/Casablanca", "America/St_Johns", "UTC"),
)
YEARS = (2011, 2026, 2028)
"""Apia skips a day in the first; the last is a leap year."""
AMOUNTS = (1, 2, 499, 500, 501, 999, 1000, 1001, 1500, 2000, 3000, 10**9 - 1, 10**9)
PRICES = (0, 1, 2, 499, 500, 501, 1000, 1500, 10**8)
QUANTITIES = (1, 499, 500, 501, 999, 1000, 1001, 2000, 3000, 10**8)
COUNTS = (0, 1, 2, 3, 6, 7, 30, 499, 500, 501, 10**9 - 1, 10**9, 10**9 + 1, 2**31 - 2)
SUMS = (*COUNTS, -1, 2**31 - 1, 2**31, 2**40, -(2**31), -(2**31) - 1, -(2**40))
RADII = (1e-9, 0.001, 1.0, 50.0, 5000.0, 8_000_000.0, 10_007_554.0, 20_037_507.9, 20_037_508.0)
POLES = ((90.0, 0.0), (-90.0, 17.0), (89.999999, -179.9), (0.0, 180.0), (0.0, -180.0), (0.0, 0.0))
CODES = ("SUMMER", " summer ", "été 26", "ÉTÉ 26", "Straße", "STRASSE", "İ", "welcome")
REGION_PATHS = (*REGIONS, "FR-IDF", "FR-IDF-75", "U", "FR-7")
BINS = ("", "4", "49", "4970", "497010", "49701012", "5", "51", "513100", "51310099")
HARD_RULES = (
    "FREQ=HOURLY",
    "FREQ=HOURLY;BYHOUR=1,2,3;BYMINUTE=0,30",
    "FREQ=DAILY;BYHOUR=2;BYMINUTE=30",
    "FREQ=DAILY;COUNT=1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO,SU",
    "FREQ=YEARLY;BYYEARDAY=-1,366",
    "FREQ=MONTHLY;BYDAY=-1SU;BYHOUR=1,2,3",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=WEEKLY;INTERVAL=3;WKST=SU;BYDAY=SA,SU,MO;BYHOUR=0,23",
)
Points = tuple[tuple[float, float], ...]
NIGHT_MINUTES = (0, 1, 59, 60, 61, 90, 119, 120, 121, 150, 179, 180, 181, 210, 1410, 1439)


@lru_cache(maxsize=64)
def clock_changes(name: str) -> tuple[datetime, ...]:
    """The instants in `YEARS` at which the zone's offset changes, UTC."""
    found = []
    for year in YEARS:
        start = datetime(year, 1, 1, tzinfo=UTC)
        days = [start + timedelta(days=n) for n in range(366)]
        found += [_change(name, *two) for two in pairwise(days) if len({_offset(name, at) for at in two}) == 2]
    return tuple(found)


def _offset(name: str, at: datetime) -> timedelta | None:
    return at.astimezone(zone(name)).utcoffset()


def _change(name: str, before: datetime, after: datetime) -> datetime:
    old = _offset(name, before)
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if _offset(name, middle) == old else (before, middle)
    return after.replace(second=0, microsecond=0)


class EdgeGenerator(Generator):
    """A small world: a few places and moments that everything else is drawn close to. Every offer passes the checks."""

    def __init__(self, seed: int, segments: Sequence[str] = SEGMENTS, products: Sequence[str] = PRODUCTS) -> None:
        super().__init__(seed)
        self.segments, self.products = segments, products
        self.zone = self.pick(ZONES)
        self.base = self._base()
        self.places = [self._place(n) for n in range(self.random.randint(3, 6))]
        self.moment = self.base

    def _base(self) -> datetime:
        changes = clock_changes(self.zone)
        if changes and self.chance(0.6):
            return self.pick(changes)
        edges = (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC))
        any_time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=self.random.randrange(3 * 525_600))
        return self.pick((*edges, any_time, any_time))

    # --- situations -----------------------------------------------------------------------------------------------

    def _place(self, number: int) -> Place:
        lat, lon = self.spot()
        registered, known = number < 2 or self.chance(0.3), self.chance(0.9)
        return Place(
            zone=self.zone if self.chance(0.8) else self.pick(ZONES),
            lat=lat if known else None,
            lon=lon if known else None,
            store_id=f"sto_{self.random.randrange(12)}" if registered else None,
            regions=self.some(REGION_PATHS, 0, 2) if registered or self.chance(0.3) else (),
        )

    def spot(self) -> tuple[float, float]:
        """Latitude and longitude: a city, a pole, the antimeridian, or a whole degree."""
        if self.chance(0.25):
            return self.pick(POLES)
        _, lat, lon, _ = self.pick(CITIES)
        return (float(round(lat)), float(round(lon))) if self.chance(0.4) else (lat, lon)

    def near(self) -> tuple[float, float]:
        """A spot of this world, mostly one where somebody will be."""
        known = [(place.lat, place.lon) for place in self.places if place.lat is not None and place.lon is not None]
        return self.pick(known) if known and self.chance(0.8) else self.spot()

    def situation(self) -> Situation:
        """The next question: same place or another, some minutes, hours or days on, or back."""
        step = self.pick((0, 0, 1, 30, 59, 60, 60, 61, 1440, 7 * 1440, -60, -1440))
        self.moment += timedelta(minutes=step, seconds=self.pick((0, 0, 59)))
        if abs(self.moment - self.base) > timedelta(days=40) or self.chance(0.1):
            self.moment = self.base + timedelta(minutes=self.random.randrange(-200, 200))
        made = super().situation()
        return msgspec.structs.replace(made, at=self.moment)

    def place(self) -> Place:
        """One of the world's places; a free position is sometimes somewhere new."""
        place = self.pick(self.places)
        if place.store_id is not None or not self.chance(0.6):
            return place
        lat, lon = self.near() if self.chance(0.6) else self.spot()
        shift = self.pick((0.0, 1e-9, 1e-5, 0.003, 0.1))
        lat = max(-90.0, min(90.0, lat + self.random.uniform(-shift, shift)))
        return msgspec.structs.replace(place, lat=lat, lon=_wrapped(lon + self.random.uniform(-shift, shift)))

    def basket(self) -> Basket:
        """Up to seven lines, seldom fifty, with amounts at the edges."""
        count = 50 if self.chance(0.02) else self.random.randrange(8)
        return Basket(
            currency="EUR",
            items=tuple(self.item(str(n)) for n in range(count)),
            codes=self.some((*CODES, "other"), 1, 3) if self.chance(0.5) else (),
        )

    def item(self, line_id: str) -> SaleItem:
        """One line, with prices and quantities that meet the offers' limits."""
        made = super().item(line_id)
        big = self.chance(0.03)
        return msgspec.structs.replace(
            made,
            code=self.pick(self.products) if self.chance(0.8) else "unheard-of",
            unit_price=self.pick(PRICES) if big else self.pick(PRICES[:-1]),
            quantity=self.pick(QUANTITIES) if big else self.pick(QUANTITIES[:-1]),
        )

    def customer(self) -> CustomerFacts:
        """Somebody with numbers at the edges."""
        made = super().customer()
        if self.chance(0.4):
            return made
        last = self.base - timedelta(minutes=self.pick((0, 1, 60, 1440, 2880, 500 * 1440, -1440)))
        return msgspec.structs.replace(
            made,
            segments=self.some(self.segments, 0, 30) * self.pick((1, 1, 1, 2)),
            birthday=self._birthday() if self.chance(0.9) else None,
            visits_in={days: self.pick(COUNTS) for days in (0, 7, 30, 90, 365) if self.chance(0.8)},
            spend_in={days: self.pick(SUMS) for days in (0, 7, 30, 90, 365) if self.chance(0.8)},
            last_visit=last if self.chance(0.8) else None,
            points=self.pick(SUMS),
        )

    def _birthday(self) -> date:
        near = self.today() + timedelta(days=self.pick((0, 1, -1, 7, -7, 8, -8, 182, 183)))
        return self.pick((date(1996, 2, 29), date(1990, 12, 31), date(1990, 1, 1), near))

    def payment(self) -> PaymentFacts:
        """A means of payment of which more or fewer digits are known."""
        made = super().payment()
        return msgspec.structs.replace(made, bin=self.pick(BINS)) if self.chance(0.5) else made

    def today(self) -> date:
        """The world's first day, store time."""
        return wall_clock(self.base, self.zone).date()

    # --- conditions -----------------------------------------------------------------------------------------------

    def offer(self, offer_id: str = "off_1", depth: int = 4) -> model.Offer:
        """An offer that passes the checks, of at most sixteen alternatives."""
        made = super().offer(offer_id, 1)
        stacking = model.Stacking(priority=self.pick((0, 0, 1, 2, 999, 1000)))
        return msgspec.structs.replace(made, conditions=self.tree(depth), stacking=stacking)

    def tree(self, depth: int) -> Condition:
        """A valid tree; now and then one with just sixteen alternatives, or a chain of negations."""
        kind = self.random.random()
        if kind < 0.05:
            return self._sixteen()
        if kind < 0.1:
            return offer_conditions.Not(of=offer_conditions.Not(of=offer_conditions.Not(of=self.leaf())))
        if kind < 0.2:
            return offer_conditions.Not(of=self.leaf())
        while True:
            made = self.condition(depth)
            if clause_count(made, positive=True) <= MAX_CLAUSES and _is_valid(made):
                return made

    def _sixteen(self) -> Condition:
        if self.chance(0.4):
            return offer_conditions.Any(of=tuple(self.leaf() for _ in range(16)))
        if self.chance(0.5):
            return offer_conditions.Not(of=offer_conditions.All(of=tuple(self.leaf() for _ in range(16))))
        return offer_conditions.All(of=tuple(offer_conditions.Any(of=(self.leaf(), self.leaf())) for _ in range(4)))

    def too_wide(self) -> Condition:
        """A tree of seventeen alternatives or more."""
        wide = offer_conditions.Any(of=tuple(self.leaf() for _ in range(self.random.randint(17, 20))))
        return self.pick((wide, offer_conditions.Not(of=offer_conditions.All(of=wide.of))))

    def leaf(self, kind: type | None = None) -> Condition:
        """A valid leaf, half of them at the edges."""
        chosen = kind or self.pick(tuple(LEAVES))
        while True:
            hard = HARD.get(chosen) if self.chance(0.6) else None
            made = hard(self) if hard is not None else LEAVES[chosen](self)
            if _is_valid(made):
                return made

    def span(self, values: Sequence[int]) -> tuple[int | None, int | None]:
        """A lower limit, an upper one, or both, perhaps the same."""
        low, high = sorted((self.pick(values), self.pick(values)))
        return self.pick(((low, None), (None, high), (low, high), (low, low)))

    def selector(self) -> offer_parts.Selector:
        """As before, over this world's products."""
        made = super().selector()
        if not made.products:
            return made
        return msgspec.structs.replace(made, products=self.some(self.products, 1, 6))


def _is_valid(condition: Condition) -> bool:
    try:
        check_conditions(condition)
    except OfferError:
        return False
    return True


def _circle(g: EdgeGenerator) -> Condition:
    """Now and then somebody stands just on its line."""
    lat, lon = g.spot()
    there = distance(*g.near(), lat, lon)
    radius = min(there, 20_037_508.0) if there > 0 and g.chance(0.3) else g.pick(RADII)
    return offer_conditions.Circle(lat=lat, lon=lon, radius=radius)


def _polygon(g: EdgeGenerator) -> Condition:
    """A box or a star, near somebody or with somebody just on its edge or corner, with or without a hole."""
    lat, lon = g.near()
    size = g.pick((1e-6, 0.01, 0.5, 3.0, 60.0))
    shape = _star(g) if g.chance(0.3) else ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    dx, dy = g.pick(((0.0, 0.0), (0.0, 0.0), (size, 0.0), (size, size), (0.0, -size), (0.3 * size, 0.1 * size)))
    rings = [_ring(lon + dx, lat + dy, size, shape)]
    if g.chance(0.5):
        rings.append(_ring(lon + dx, lat + dy, size / g.pick((2, 8)), ((-0.5, -0.5), (0.5, -0.5), (0.0, 0.5))))
    return offer_conditions.Polygon(rings=tuple(rings))


def _star(g: EdgeGenerator) -> Points:
    count = g.pick((5, 5, 12, 60, 200))
    radii = [g.random.uniform(0.6, 1.0) for _ in range(count)]
    return tuple((r * cos(2 * pi * n / count), r * sin(2 * pi * n / count)) for n, r in enumerate(radii))


def _ring(lon: float, lat: float, size: float, shape: Points) -> Points:
    points = [(_wrapped(lon + x * size), max(-90.0, min(90.0, lat + y * size))) for x, y in shape]
    return (*points, points[0])


def _wrapped(lon: float) -> float:
    return lon - 360.0 if lon > 180.0 else lon + 360.0 if lon < -180.0 else lon


def _dates(g: EdgeGenerator) -> Condition:
    days = [g.today() + timedelta(days=n) for n in (-30, -1, 0, 1, 2, 30)]
    low, high = sorted((g.pick((date.min, *days)), g.pick((*days, date.max))))
    return offer_conditions.Dates(first=g.pick((low, None)), last=g.pick((high, None)))


def _weekly(g: EdgeGenerator) -> Condition:
    return offer_conditions.Weekly(windows=tuple(_window(g) for _ in range(g.random.randint(1, 4))))


def _window(g: EdgeGenerator) -> offer_conditions.WeeklyWindow:
    today = g.today().isoweekday()
    days = g.pick(((today,), (today, today % 7 + 1), (7, 1), (1, 2, 3, 4, 5, 6, 7)))
    return offer_conditions.WeeklyWindow(days=tuple(sorted(days)), start=_clock(g), end=_clock(g))


def _clock(g: EdgeGenerator) -> str:
    wall = wall_clock(g.base, g.zone)
    minute = g.pick((*NIGHT_MINUTES, wall.hour * 60 + wall.minute, (wall.hour * 60 + wall.minute + 60) % 1440))
    return f"{minute // 60:02}:{minute % 60:02}"


def _recurrence(g: EdgeGenerator) -> Condition:
    wall = wall_clock(g.base, g.zone).replace(second=0, microsecond=0)
    start = wall + timedelta(minutes=g.pick((0, 0, -60, -61, 30, -1440, -10 * 1440, -366 * 1440)))
    return offer_conditions.Recurrence(
        rrule=g.pick((*RULES, *HARD_RULES)), start=start, minutes=g.pick((1, 30, 60, 61, 1440, 44_640))
    )


def _segment(g: EdgeGenerator) -> Condition:
    wanted = g.some(g.segments, 0, 40)
    refused = tuple(one for one in g.some(g.segments, 0, 8) if one not in wanted)
    return offer_conditions.InSegment(any_of=wanted, none_of=refused)


def _recency(g: EdgeGenerator) -> Condition:
    low, high = g.span((0, 1, 2, 3, 499, 500, 501, 10**9))
    return offer_conditions.Recency(min_days=low, max_days=high)


def _frequency(g: EdgeGenerator) -> Condition:
    low, high = g.span(COUNTS[:12])
    return offer_conditions.Frequency(min=low, max=high, days=g.pick((0, 7, 30, 90, 365)))


def _spend(g: EdgeGenerator) -> Condition:
    low, high = g.span(COUNTS[:12])
    return offer_conditions.Spend(min=low, max=high, days=g.pick((0, 7, 30, 90, 365)))


def _points(g: EdgeGenerator) -> Condition:
    low, high = g.span(COUNTS[:12])
    return offer_conditions.PointsBalance(min=low, max=high)


def _subtotal(g: EdgeGenerator) -> Condition:
    low, high = g.span((0, *AMOUNTS))
    return offer_conditions.Subtotal(min=low, max=high, items=g.selector())


def _quantity(g: EdgeGenerator) -> Condition:
    low, high = g.span(AMOUNTS)
    return offer_conditions.Quantity(min=low, max=high, items=g.selector())


def _bundle(g: EdgeGenerator) -> Condition:
    """Components that may want the same lines, or the very same component twice."""
    parts = [
        offer_conditions.BundleItem(items=g.selector(), quantity=g.pick(QUANTITIES[:-1]))
        for _ in range(g.random.randint(1, 4))
    ]
    return offer_conditions.Bundle(of=tuple(parts) if g.chance(0.7) else (*parts, parts[0]))


HARD: dict[type, Callable[[EdgeGenerator], Condition]] = {
    offer_conditions.Circle: _circle,
    offer_conditions.Polygon: _polygon,
    offer_conditions.Region: lambda g: offer_conditions.Region(any_of=g.some(REGION_PATHS, 1, 3)),
    offer_conditions.Dates: _dates,
    offer_conditions.Weekly: _weekly,
    offer_conditions.Recurrence: _recurrence,
    offer_conditions.InSegment: _segment,
    offer_conditions.Birthday: lambda g: offer_conditions.Birthday(
        before=g.pick((0, 1, 7, 181, 182)), after=g.pick((0, 1, 7, 182))
    ),
    offer_conditions.NthVisit: lambda g: offer_conditions.NthVisit(
        n=g.pick((1, 2, 3, 7, 500, 100_000)), every=g.chance(0.6)
    ),
    offer_conditions.Recency: _recency,
    offer_conditions.Frequency: _frequency,
    offer_conditions.Spend: _spend,
    offer_conditions.PointsBalance: _points,
    offer_conditions.Subtotal: _subtotal,
    offer_conditions.Quantity: _quantity,
    offer_conditions.Bundle: _bundle,
    offer_conditions.BinPrefix: lambda g: offer_conditions.BinPrefix(any_of=g.some(BINS[1:], 1, 3)),
    offer_conditions.Code: lambda g: offer_conditions.Code(any_of=g.some(CODES, 1, 2)),
}
