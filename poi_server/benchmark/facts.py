"""Events: a customer with a basket at a counter, as plain Python numbers and lists, and as the matcher takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from poi_cext.match import Event
from poi_offers.geo import unit_vector
from poi_server.benchmark.clauses import CATEGORIES, CHANNELS, FIRST_PRODUCT, PRODUCTS, SCHEMES, SEGMENTS, TIERS
from poi_server.benchmark.layout import numbers_of, sets_of
from poi_server.benchmark.world import ZONE, World

DAY = datetime(2026, 11, 20, tzinfo=ZoneInfo(ZONE))
"""All events of a run happen on one day, a Friday."""

Line = tuple[int, int, int, int]
"""Product, category, price of one in minor units, pieces."""


@dataclass(frozen=True)
class Facts:
    """What is known at one counter at one moment; None means unknown. Amounts in minor units, WGS 84 degrees."""

    at: datetime
    lat: float
    lon: float
    chain: int
    trade: int
    store: int | None
    lines: Sequence[Line]
    tier: int | None = None
    segments: Sequence[int] | None = None
    points: int | None = None
    visits: int | None = None
    recency: int | None = None
    birthday: tuple[int, int] | None = None
    scheme: int | None = None
    channel: int = 0

    @cached_property
    def day(self) -> int:
        """The ordinal of the store's day."""
        return self._wall.toordinal()

    @cached_property
    def minute(self) -> int:
        """The minute of the store's week."""
        return self._wall.weekday() * 1440 + self._wall.hour * 60 + self._wall.minute

    @cached_property
    def subtotal(self) -> int:
        """Before any discount."""
        return sum(price * pieces for _, _, price, pieces in self.lines)

    @cached_property
    def categories(self) -> frozenset[int]:
        """Those in the basket."""
        return frozenset(category for _, category, _, _ in self.lines)

    @cached_property
    def products(self) -> frozenset[int]:
        """Those in the basket."""
        return frozenset(product for product, _, _, _ in self.lines)

    @property
    def _wall(self) -> datetime:
        return self.at.astimezone(ZoneInfo(ZONE))


@dataclass(frozen=True, slots=True)
class Packed:
    """An event as the matcher's caller has it: lists and tuples of Python numbers. `place` is None where it is free."""

    numbers: list[int]
    sets: list[list[int] | None]
    lines: list[tuple[list[int], int, int]]
    point: tuple[float, float, float]
    spot: tuple[float, float]
    place: int | None
    facts: Facts

    def event(self) -> Event:
        """The matcher's event, built anew."""
        return Event(self.numbers, self.sets, self.lines, self.point, self.spot)


def packed(facts: Facts) -> Packed:
    """The facts in the matcher's numbering."""
    goods = [
        ([category, FIRST_PRODUCT + product], price * pieces, 1000 * pieces)
        for product, category, price, pieces in facts.lines
    ]
    return Packed(
        numbers=numbers_of(facts),
        sets=sets_of(facts),
        lines=goods,
        point=unit_vector(facts.lat, facts.lon),
        spot=(facts.lon, facts.lat),
        place=facts.store,
        facts=facts,
    )


def make_events(
    dice: np.random.Generator,
    world: World,
    stores: Sequence[int],
    *,
    least_lines: int = 2,
    most_lines: int = 20,
    today: datetime = DAY,
    moments: Sequence[datetime] = (),
) -> list[Facts]:
    """An event at each of the stores, 30 % of them of nobody known, between 8 and 22 o'clock of one day."""
    return [
        _event(dice, world, store, int(dice.integers(least_lines, most_lines + 1)), today, moments) for store in stores
    ]


def cold_stores(dice: np.random.Generator, world: World, count: int) -> list[int]:
    """Random stores, each another one as long as there are enough."""
    order: list[int] = dice.permutation(world.stores).tolist()
    return (order * (count // len(order) + 1))[:count]


def hot_stores(dice: np.random.Generator, world: World, count: int, few: int = 64) -> list[int]:
    """A few random stores in turn."""
    order: list[int] = dice.permutation(world.stores)[:few].tolist()
    return (order * (count // few + 1))[:count]


def freed(facts: Facts, lat: float, lon: float) -> Facts:
    """The same from a chain's app at a free position: no store, but the chain and its trade are known."""
    return replace(facts, store=None, lat=lat, lon=lon)


def _event(
    dice: np.random.Generator, world: World, store: int, lines: int, today: datetime, moments: Sequence[datetime]
) -> Facts:
    minute = int(dice.integers(480, 1320))
    at = moments[minute % len(moments)] if moments else today + timedelta(minutes=minute)
    chain = int(world.chain[store])
    facts = Facts(
        at=at.astimezone(UTC),
        lat=float(world.lat[store]),
        lon=float(world.lon[store]),
        chain=chain,
        trade=int(world.trade_of[chain]),
        store=store,
        lines=_lines(dice, lines),
        scheme=int(dice.integers(SCHEMES)) if dice.random() < 0.6 else None,
        channel=int(dice.integers(CHANNELS)),
    )
    return facts if dice.random() < 0.3 else _identified(dice, facts)


def _identified(dice: np.random.Generator, facts: Facts) -> Facts:
    until = int(dice.integers(0, 365))
    segments = dice.choice(SEGMENTS, int(dice.integers(5, 31)), replace=False)
    return replace(
        facts,
        tier=int(dice.integers(TIERS)) if dice.random() < 0.8 else None,
        segments=sorted(segments.tolist()),
        points=int(dice.integers(0, 1000)),
        visits=int(dice.integers(1, 50)),
        recency=int(dice.integers(0, 150)),
        birthday=(until, (365 - until) % 365) if dice.random() < 0.8 else None,
    )


def _lines(dice: np.random.Generator, count: int) -> list[Line]:
    products = dice.choice(PRODUCTS, count, replace=False).tolist()
    prices, pieces = dice.integers(80, 1500, count).tolist(), dice.integers(1, 4, count).tolist()
    return [(p, p % CATEGORIES, price, n) for p, price, n in zip(products, prices, pieces, strict=True)]
