"""A fixed, seeded catalogue of bare programs and its events, made once and kept as a file for the counted runs.

Shaped as a town's: a third of the offers name stores, a quarter a circle, a fifth a polygon, most of these and of the
rest a region; over these dates, hours, sums, tags and segments. One offer in twenty has two alternatives.
"""

from array import array
from itertools import accumulate
from math import cos, pi, radians, sin
from random import Random

from poi_cext.ops import (
    ANY,
    DAY,
    FAR,
    HIGH,
    INSIDE,
    MINUTE,
    NEAR,
    NONE,
    RANGE,
    REGION,
    STORE,
    SUM,
    UNION,
    UNKNOWN,
    ball_words,
    ring_words,
)

SEED = 20_261_122
OFFERS, STORES, REGIONS, SPOTS = 20_000, 2_000, 200, 100
COLUMNS, FAMILIES = 8, 8
TIER, SEGMENT, GOODS, PAYMENT = 2, 3, 4, 5
TOTAL, VISITS, RECENCY = 2, 3, 4
TODAY = 739_900
HOURS = [sorted(Random(n).sample(range(0, 10_080, 30), 2 * (1 + n % 7))) for n in range(60)]

Spot = tuple[float, float]
Words = list[int]


def spots() -> list[Spot]:
    """Where the stores are: longitude and latitude, within half a degree."""
    random = Random(SEED)
    return [(2.0 + random.random() / 2, 48.6 + random.random() / 2) for _ in range(SPOTS)]


def vector(lon: float, lat: float) -> tuple[float, float, float]:
    """The spot on the unit sphere."""
    phi, lam = radians(lat), radians(lon)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def programs(random: Random, count: int) -> list[list[Words]]:
    """So many offers' clauses."""
    return [[clause(random) for _ in range(2 if random.random() < 0.05 else 1)] for _ in range(count)]


def clause(random: Random) -> Words:
    """One alternative: where, then when and for whom."""
    words = place(random)
    for share, make in PARTS:
        if random.random() < share:
            words += make(random)
    return words


def place(random: Random) -> Words:
    """Stores, a circle, a polygon, or a region alone."""
    kind = random.random()
    if kind < 0.35:
        return part(ANY, STORE, sorted(random.sample(range(STORES), random.randint(1, 30))))
    bound = part(ANY, REGION, [random.randrange(REGIONS)]) if random.random() < 0.97 else []
    lon, lat = random.choice(spots())
    if kind < 0.6:
        inside = NEAR if random.random() < 0.98 else FAR
        return bound + part(inside, 0, ball_words(*vector(lon, lat), random.uniform(200, 5000) / 6_371_008.8))
    if kind < 0.8:
        return bound + part(INSIDE, 0, ring_words([ring(random, lon, lat)]))
    return bound


def ring(random: Random, lon: float, lat: float) -> list[Spot]:
    """Five to twelve corners round a spot."""
    count, size = random.randint(5, 12), random.uniform(0.03, 0.3)
    points = [(lon + size * cos(2 * pi * n / count), lat + size * sin(2 * pi * n / count)) for n in range(count)]
    return [*points, points[0]]


def part(op: int, subject: int, values: Words) -> Words:
    """One part of a program."""
    return [op, subject, len(values), *values]


def _dates(random: Random) -> Words:
    first = TODAY + random.randint(-60, 20)
    return part(RANGE, DAY, [first, first + random.randint(1, 90)])


def _some(random: Random, op: int, family: int, words: int, most: int) -> Words:
    return part(op, family, sorted(random.sample(range(words), random.randint(1, most))))


PARTS = (
    (0.92, _dates),
    (0.38, lambda random: part(UNION, MINUTE, random.choice(HOURS))),
    (0.35, lambda random: _some(random, ANY, TIER, 4, 2)),
    (0.25, lambda random: _some(random, ANY, PAYMENT, 8, 3)),
    (0.20, lambda random: part(RANGE, VISITS, [random.randint(1, 5), HIGH])),
    (0.10, lambda random: part(RANGE, RECENCY, [0, random.randint(3, 60)])),
    (0.40, lambda random: part(RANGE, TOTAL, [500 * random.randint(1, 12), HIGH])),
    (0.32, lambda random: _some(random, ANY, SEGMENT, 1024, 6)),
    (0.10, lambda random: _some(random, NONE, SEGMENT, 1024, 3)),
    (0.28, lambda random: _some(random, ANY, GOODS, 200, 5)),
    (0.05, lambda random: part(SUM, 0, [500, HIGH, 1, random.randrange(200)])),
)


def flat(clauses: list[list[Words]]) -> tuple[int, bytes, bytes, bytes]:
    """The offers as `Index.build` takes them: their number, each clause's offer, starts, words."""
    all_words = [(owner, words) for owner, some in enumerate(clauses) for words in some]
    starts = accumulate((len(words) for _, words in all_words), initial=0)
    owners = array("i", [owner for owner, _ in all_words])
    return (
        len(clauses),
        owners.tobytes(),
        array("q", starts).tobytes(),
        array("i", [word for _, words in all_words for word in words]).tobytes(),
    )


def events(random: Random, count: int) -> list[tuple[object, ...]]:
    """The arguments of so many events, each at another store, and the store last."""
    return [_event(random, store) for store in random.sample(range(STORES), count)]


def _event(random: Random, store: int) -> tuple[object, ...]:
    lon, lat = spots()[store % SPOTS]
    known = random.random() < 0.7
    numbers = [TODAY, random.randrange(10_080), random.randrange(200, 9000), UNKNOWN, UNKNOWN, 0, 0, 0]
    if known:
        numbers[VISITS : RECENCY + 1] = [random.randrange(9), random.randrange(90)]
    lines = [([random.randrange(200)], random.randrange(100, 3000), 1000) for _ in range(random.randint(2, 20))]
    sets: list[list[int] | None] = [
        [store],
        [store % REGIONS],
        [random.randrange(4)] if known else None,
        sorted(random.sample(range(1024), random.randint(5, 30))) if known else None,
        sorted({tags[0] for tags, _, _ in lines}),
        [random.randrange(8)],
        [0],
        None,
    ]
    return numbers, sets, lines, vector(lon, lat), (lon, lat), store
