"""Offers as columns: each clause of each offer is a row, absent conditions have a value that says so.

The shares are invented but plain: most offers are bound to stores, a chain or a trade; most have dates; a clause has
3.8 other conditions in the mean. Ten million offers fit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.ragged import Flags, Floats, Ints, Longs, Ragged, random_sets, row_of, starts_of, within
from poi_server.benchmark.world import TRADES, World

STORES, CIRCLE, POLYGON, EVERYWHERE = range(4)
TIERS, SCHEMES, CHANNELS = 4, 6, 3
SEGMENTS, CATEGORIES, PRODUCTS = 1024, 200, 50_000
FIRST_PRODUCT = 1000
"""Among the goods, the number of the first product; categories come before."""
MASKS = 399
"""Different weekly timetables."""
KM = 1 / 111.195
"""Degrees of latitude in a kilometre."""
FREE_EVERYWHERE, TRADE_EVERYWHERE, FREE_POLYGONS = 700, 3_000, 6_000
"""Offers of nobody in particular are few, however many offers there are."""

Bytes = NDArray[np.uint8]


@dataclass(slots=True)
class Clauses:
    """The columns. `shape` is the row in the table of its kind: store lists, circles or polygons.

    Ranges are (low, high) with LOW or HIGH where open; sets of few values are bit masks (0: no condition).
    """

    owner: Ints
    kind: Bytes
    shape: Ints
    chain: Ints
    trades: NDArray[np.uint64]
    store_lists: Ragged
    circles: Floats
    corners: Longs
    ring: Floats
    dates: Ints
    weekly: NDArray[np.int16]
    tier: Bytes
    scheme: Bytes
    channel: Bytes
    points: Ints
    visits: Ints
    recency: Ints
    birthday: Ints
    subtotal: Ints
    segment_any: Ragged
    segment_none: Ragged
    category_any: Ragged
    category_all: Ragged
    product_any: Ragged

    def __len__(self) -> int:
        """How many clauses there are."""
        return len(self.owner)


@dataclass(frozen=True, slots=True)
class Shares:
    """What differs between workloads."""

    kinds: tuple[float, float, float, float] = (0.35, 0.25, 0.20, 0.20)
    bound: bool = True
    least_corners: int = 5
    most_corners: int = 12
    two_clauses: float = 0.05


def make_clauses(dice: np.random.Generator, world: World, offers: int, today: int, shares: Shares) -> Clauses:
    """The clauses of so many offers; `today` (an ordinal) lies in the dates of about half of them."""
    owner = np.repeat(np.arange(offers, dtype=np.int32), 1 + (dice.random(offers) < shares.two_clauses))
    count = len(owner)
    kind = np.searchsorted(np.cumsum(shares.kinds)[:3], dice.random(count), side="right").astype(np.uint8)
    chain, trades = _bindings(dice, world, kind, owner, shares.bound)
    shape = np.zeros(count, np.int32)
    for one in (STORES, CIRCLE, POLYGON):
        shape[kind == one] = np.arange(np.count_nonzero(kind == one))
    at = world.some_store(dice, chain)
    corners, ring = _polygons(dice, world, at[kind == POLYGON], shares)
    return Clauses(
        owner=owner,
        kind=kind,
        shape=shape,
        chain=chain,
        trades=trades,
        store_lists=_store_lists(dice, world, int(np.count_nonzero(kind == STORES))),
        circles=_circles(dice, world, at[kind == CIRCLE]),
        corners=corners,
        ring=ring,
        **_moment(dice, count, today),
        **_customer(dice, count),
        **_basket(dice, count),
    )


def _bindings(
    dice: np.random.Generator, world: World, kind: Bytes, owner: Ints, bound: bool
) -> tuple[Ints, NDArray[np.uint64]]:
    """To a chain (80 % of what is not a list of stores), to one to three trades (17 %), or to nobody."""
    count = len(kind)
    free = kind != STORES
    fate = dice.random(count)
    few = dice.random(count)
    if not bound:
        return np.full(count, -1, np.int32), np.zeros(count, np.uint64)
    to_chain = free & (fate < 0.80)
    to_trade = free & (fate >= 0.80) & (fate < 0.97)
    nobody = free & (fate >= 0.97)
    to_chain |= to_trade & (kind == EVERYWHERE) & (few > _share(TRADE_EVERYWHERE, to_trade & (kind == EVERYWHERE)))
    to_chain |= nobody & (kind == EVERYWHERE) & (few > _share(FREE_EVERYWHERE, nobody & (kind == EVERYWHERE)))
    to_chain |= nobody & (kind == POLYGON) & (few > _share(FREE_POLYGONS, nobody & (kind == POLYGON)))
    chain = dice.integers(0, world.chains, int(owner[-1]) + 1)[owner]
    picks = [np.uint64(1) << dice.integers(0, TRADES, count).astype(np.uint64) for _ in range(3)]
    trades = picks[0] | np.where(few < 0.66, picks[1], np.uint64(0)) | np.where(few < 0.33, picks[2], np.uint64(0))
    trades = np.where(to_trade & ~to_chain, trades, np.uint64(0))
    return np.where(to_chain, chain, -1).astype(np.int32), trades


def _share(most: int, which: Flags) -> float:
    return most / max(1, int(np.count_nonzero(which)))


def _store_lists(dice: np.random.Generator, world: World, count: int) -> Ragged:
    """One to thirty stores that follow each other chain by chain; short lists are commoner."""
    lengths = np.floor(31 ** dice.random(count)).astype(np.int64)
    first = np.repeat(dice.integers(0, world.stores, count), lengths)
    values = world.by_chain[(first + within(lengths)) % world.stores]
    order = np.argsort((row_of(lengths) << 32) | values)
    return Ragged(starts_of(lengths), values[order])


def _circles(dice: np.random.Generator, world: World, at: Ints) -> Floats:
    """Latitude, longitude and radius in metres (200 m to 5 km) around a store."""
    lat = world.lat[at] + dice.normal(0.0, 0.005, len(at))
    lon = world.lon[at] + dice.normal(0.0, 0.005, len(at))
    return np.column_stack((lat, lon, 200.0 * 25.0 ** dice.random(len(at))))


def _polygons(dice: np.random.Generator, world: World, at: Ints, shares: Shares) -> tuple[Longs, Floats]:
    """Where each ring begins, and (lon, lat) of the corners of all: 3 to 50 km across, around a store."""
    lengths = dice.integers(shares.least_corners, shares.most_corners, len(at), endpoint=True)
    size = np.repeat(1.5 * (25 / 1.5) ** dice.random(len(at)) * KM, lengths)
    angle = (within(lengths) + 0.8 * dice.random(len(size))) * (2 * np.pi / np.repeat(lengths, lengths))
    reach = size * dice.uniform(0.6, 1.4, len(size))
    lat = np.repeat(world.lat[at] + dice.normal(0.0, 0.02, len(at)), lengths)
    lon = np.repeat(world.lon[at] + dice.normal(0.0, 0.02, len(at)), lengths)
    ring = np.column_stack((lon + reach * np.cos(angle) / np.cos(np.radians(lat)), lat + reach * np.sin(angle)))
    return starts_of(lengths), ring


def _moment(dice: np.random.Generator, count: int, today: int) -> dict[str, Any]:
    dates = _nothing(count)
    has = dice.random(count) < 0.92
    dates[:, 0][has] = (today + dice.integers(-150, 30, count))[has]
    dates[:, 1][has] = (dates[:, 0] + dice.integers(20, 150, count))[has]
    weekly = np.where(dice.random(count) < 0.38, dice.integers(0, MASKS, count), -1).astype(np.int16)
    return {
        "dates": dates,
        "weekly": weekly,
        "scheme": _mask(dice, count, 0.25, SCHEMES),
        "channel": _mask(dice, count, 0.10, CHANNELS),
    }


def _customer(dice: np.random.Generator, count: int) -> dict[str, Any]:
    birthday = np.full((count, 2), -1, np.int32)
    has = dice.random(count) < 0.04
    birthday[has] = np.column_stack((dice.integers(0, 8, count), dice.integers(0, 15, count)))[has]
    return {
        "tier": _mask(dice, count, 0.35, TIERS),
        "points": _range(dice, count, 0.10, 20, 900),
        "visits": _range(dice, count, 0.20, 1, 40),
        "recency": _range(dice, count, 0.10, 5, 120),
        "birthday": birthday,
        "segment_any": random_sets(dice, dice.random(count) < 0.32, 1, 6, SEGMENTS),
        "segment_none": random_sets(dice, dice.random(count) < 0.10, 1, 3, SEGMENTS),
    }


def _basket(dice: np.random.Generator, count: int) -> dict[str, Any]:
    return {
        "subtotal": _range(dice, count, 0.40, 500, 12_000, least_only=0.7),
        "category_any": random_sets(dice, dice.random(count) < 0.28, 1, 5, CATEGORIES),
        "category_all": random_sets(dice, dice.random(count) < 0.05, 2, 2, CATEGORIES),
        "product_any": random_sets(dice, dice.random(count) < 0.18, 1, 20, PRODUCTS),
    }


def _nothing(count: int) -> Ints:
    columns = np.empty((count, 2), np.int32)
    columns[:, 0], columns[:, 1] = LOW, HIGH
    return columns


def _range(dice: np.random.Generator, count: int, share: float, first: int, last: int, least_only: float = 0.4) -> Ints:
    """From a number on, up to a number, or from one to another."""
    columns = _nothing(count)
    has, way = dice.random(count) < share, dice.random(count)
    ends = np.sort(dice.integers(first, last, (count, 2)), axis=1)
    low, high = has & (way < 0.5 + least_only / 2), has & (way >= least_only)
    columns[:, 0][low] = ends[:, 0][low]
    columns[:, 1][high] = ends[:, 1][high]
    return columns


def _mask(dice: np.random.Generator, count: int, share: float, kinds: int) -> Bytes:
    """One or two of the kinds."""
    bits = (1 << dice.integers(0, kinds, count)) | (1 << dice.integers(0, kinds, count))
    return np.where(dice.random(count) < share, bits, 0).astype(np.uint8)
