"""Random programs of the matcher's own language: the compiled index and matcher against their plain twins."""

import importlib
from array import array
from itertools import accumulate
from math import cos, pi, sin
from random import Random
from types import ModuleType

from poi_cext import _match_py, match
from poi_cext.ops import (
    ANY,
    BUNDLE,
    DAY,
    EITHER,
    FAR,
    HIGH,
    INSIDE,
    LOW,
    MAYBE,
    MINUTE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    REGION,
    STEP,
    STORE,
    SUM,
    SUM_OUT,
    UNION,
    UNKNOWN,
    ball_words,
    ring_words,
)
from tests.fuzz.steps import Add, Difference, Discard, Look, Own, Program, ProgramStep, Renew
from tests.fuzz.tally import Tally

COLUMNS, FAMILIES = 9, 20
CROWDS = 0.15
"""Share of worlds with thousands of owners."""
Values = tuple[int, ...]
Place = tuple[Values | None, Values | None, tuple[float, float, float] | None, tuple[float, float] | None]
"""Its stores, regions, point and spot."""
LOOKS = 40
OPS = (ANY, NONE, RANGE, UNION, EITHER, STEP, NOT_STEP, NEAR, FAR, MAYBE, SUM, INSIDE, OUTSIDE, SUM_OUT, BUNDLE)
NUMBERS = (LOW, -7, -1, 0, 1, 2, 3, 5, 10, 11, 20, HIGH - 1, HIGH)
VALUES = (*range(40), 63, 64, 65, 100, 65_535, 65_536, 65_537, HIGH, LOW, -1)
DOMAINS = (range(64), tuple(value for value in VALUES if value >= 0), VALUES)
"""Values of a family's parts: small ones, none negative, any."""
WEIGHTS = (0, 1, 499, 500, 501, 1000, 2000, HIGH)
SPOTS = ((0.0, 0.0), (10.0, 0.0), (180.0, 0.0), (-180.0, 0.0), (2.3522, 48.8566), (179.99, -13.85), (0.0, 90.0))


# --- making -------------------------------------------------------------------------------------------------------


class ProgramGenerator:
    """A world of programs: some places, and values of which many meet."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.places = [self._place() for _ in range(5)]
        self.day = 739_000

    def steps(self) -> list[ProgramStep]:
        """Owners, then questions with changes between them."""
        crowd = self.random.random() < CROWDS
        count = self.random.choice((1500, 5000) if crowd else (0, 1, 30, 100, 300))
        made: list[ProgramStep] = [Own(self.simple() if crowd else self.clauses()) for _ in range(count)]
        for _ in range(LOOKS // 4 if crowd else LOOKS):
            made += [self._change(len(made)) for _ in range(self.random.choice((0, 0, 1, 3)))]
            made.append(self.look())
        return made

    def _change(self, owners: int) -> ProgramStep:
        kind = self.random.random()
        if kind < 0.5:
            return Add(self.random.randrange(-3 << 32, (owners + 3) << 32) | 1, self.clauses())
        if kind < 0.85:
            return Discard(self.random.randrange(owners + 5))
        return Renew(self.random.choice(("merge", "reopen", "forget")))

    def clauses(self) -> tuple[Program, ...]:
        """Up to sixteen programs."""
        count = self.random.choice((0, 1, 1, 1, 1, 2, 2, 3, 16))
        return tuple(self.program() for _ in range(count))

    def simple(self) -> tuple[Program, ...]:
        """Programs that are true often enough for thousands of rows to live on at a place."""
        return tuple(self._short() for _ in range(self.random.choice((1, 1, 1, 2, 3))))

    def _short(self) -> Program:
        kinds = self.random.sample((ANY, ANY, NONE, RANGE, UNION, EITHER, SUM), self.random.randrange(1, 4))
        doubt = [MAYBE] if self.random.random() < 0.2 else []
        everywhere = (ANY, STORE, 6, *range(6)) if self.random.random() < 0.5 else ()
        return (*everywhere, *(word for op in (*kinds, *doubt) for word in self.part(op)))

    def program(self) -> Program:
        """A few parts, often with one that an index can find it by."""
        return tuple(word for _ in range(self.random.randrange(5)) for word in self.part(self.random.choice(OPS)))

    def part(self, op: int) -> list[int]:
        """One part."""
        subject, values = _MAKERS[op](self)
        return [op, subject, len(values), *values]

    def look(self) -> Look:
        """A question from one of the places, or from a free position."""
        number = self.random.randrange(len(self.places))
        stores, regions, point, spot = self.places[number]
        free = self.random.random() < 0.4
        full = self.random.random() < 0.05
        sets = [tuple(range(64)) if full else self.maybe(self.values(30)) for _ in range(FAMILIES)]
        sets[STORE], sets[REGION] = stores, regions
        numbers = [self.random.choice((UNKNOWN, *NUMBERS)) for _ in range(COLUMNS)]
        self.day += self.random.choice((0, 0, 0, 1, -1))
        numbers[DAY], numbers[MINUTE] = self.day, self.random.randrange(10_080)
        top = self.random.choice((0, 0, 1, 2, 7, self.random.randrange(1, 40)))
        lines = tuple(self._line() for _ in range(self.random.choice((0, 1, 4, 40))))
        return Look(tuple(numbers), tuple(sets), lines, point, spot, None if free else number, top)

    def _line(self) -> tuple[tuple[int, ...], int, int]:
        return tuple(self.random.sample(range(12), 3)), self.random.choice(WEIGHTS), self.random.choice(WEIGHTS)

    def _place(self) -> Place:
        spot = self.random.choice(SPOTS)
        known = self.random.random() < 0.8
        stores, regions = self.maybe((self.random.randrange(6),)), self.maybe(self.values(4))
        there = self.random.choice(SPOTS) if self.random.random() < 0.1 else spot
        return stores, regions, _vector(*there) if known else None, spot if known else None

    def maybe(self, values: tuple[int, ...]) -> tuple[int, ...] | None:
        """The values, or unknown."""
        return values if self.random.random() < 0.75 else None

    def values(self, most: int) -> tuple[int, ...]:
        """Some different values, sorted."""
        return tuple(sorted(self.random.sample(VALUES, self.random.randrange(min(most, len(VALUES)) + 1))))

    def tags(self) -> list[int]:
        """Some tags that lines bear, or nearly."""
        return sorted(self.random.sample(range(14), self.random.randrange(4)))

    def span(self) -> list[int]:
        """A range, seldom an empty one."""
        low, high = self.random.choice(NUMBERS), self.random.choice(NUMBERS)
        return [low, high] if self.random.random() < 0.1 else sorted((low, high))

    def column(self) -> int:
        """Any column but the day and the minute, which have ranges of their own."""
        return self.random.randrange(2, COLUMNS)


def _vector(lon: float, lat: float) -> tuple[float, float, float]:
    phi, lam = lat * pi / 180, lon * pi / 180
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def _set(g: ProgramGenerator) -> tuple[int, list[int]]:
    family = g.random.choice((STORE, REGION, *range(FAMILIES)))
    most = 1200 if g.random.random() < 0.02 else 6
    if family == STORE:
        return family, sorted(g.random.sample(range(6), g.random.randrange(4)))
    if most > 6:
        return family, sorted(g.random.sample(range(-600, 3000), most))
    return family, sorted(g.random.sample(DOMAINS[family % 3], g.random.randrange(most + 1)))


def _range(g: ProgramGenerator) -> tuple[int, list[int]]:
    kind = g.random.random()
    if kind < 0.3:
        return DAY, sorted(g.day + g.random.randrange(-3, 4) for _ in range(2))
    if kind < 0.5:
        return MINUTE, sorted(g.random.randrange(10_080) for _ in range(2))
    return g.column(), g.span()


def _union(g: ProgramGenerator) -> tuple[int, list[int]]:
    if g.random.random() < 0.6:
        return MINUTE, sorted(g.random.sample(range(10_080), 2 * g.random.randrange(1, 9)))
    return g.column(), sorted(g.random.sample(NUMBERS, 2 * g.random.randrange(4)))


def _either(g: ProgramGenerator) -> tuple[int, list[int]]:
    return g.column(), [*g.span(), g.column(), *g.span()]


def _step(g: ProgramGenerator) -> tuple[int, list[int]]:
    return g.random.choice((DAY, g.column())), [g.random.choice((1, 2, 3, 7, HIGH))]


def _ball(g: ProgramGenerator) -> tuple[int, list[int]]:
    centre = _vector(*g.random.choice(SPOTS))
    return 0, ball_words(*centre, g.random.choice((0.0, 1e-12, 1e-6, 0.01, 0.5, 1.414, 1.9999999, 2.0)))


def _sum(g: ProgramGenerator) -> tuple[int, list[int]]:
    limits = sorted((g.random.choice((LOW, *WEIGHTS)), g.random.choice((HIGH, *WEIGHTS))))
    included = g.tags()
    return g.random.randrange(2), [*limits, len(included), *included, *g.tags()]


def _bundle(g: ProgramGenerator) -> tuple[int, list[int]]:
    parts = [(g.random.choice(WEIGHTS[1:]), g.tags()) for _ in range(g.random.randrange(1, 4))]
    return 0, [len(parts), *(word for quantity, tags in parts for word in (quantity, len(tags), *tags))]


def _rings(g: ProgramGenerator) -> tuple[int, list[int]]:
    """Boxes and stars, some a whole turn away, some with a corner or an edge just at a place, some with a hole."""
    lon, lat = g.random.choice(SPOTS)
    size, count = g.random.choice((1e-7, 0.01, 1.0, 40.0)), g.random.choice((3, 4, 4, 30))
    lon += g.random.choice((0.0, 0.0, size, 0.7 * size, -360.0 if lon > 0 else 360.0))
    rings = [_ring(lon, lat, size, count)]
    if g.random.random() < 0.4:
        rings.append(_ring(lon, lat, size / 3, 4))
    return 0, ring_words(rings)


def _ring(lon: float, lat: float, size: float, count: int) -> list[tuple[float, float]]:
    if count == 4:
        points = [(lon + x * size, lat + y * size) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    else:
        turns = [2 * pi * n / count for n in range(count)]
        points = [(lon + size * cos(turn), lat + size * sin(turn)) for turn in turns]
    return [*points, points[0]]


_MAKERS = {
    **dict.fromkeys((ANY, NONE), _set),
    RANGE: _range,
    UNION: _union,
    EITHER: _either,
    **dict.fromkeys((STEP, NOT_STEP), _step),
    **dict.fromkeys((NEAR, FAR), _ball),
    MAYBE: lambda g: (0, []),
    **dict.fromkeys((SUM, SUM_OUT), _sum),
    **dict.fromkeys((INSIDE, OUTSIDE), _rings),
    BUNDLE: _bundle,
}


# --- playing ------------------------------------------------------------------------------------------------------


def modules() -> list[ModuleType]:
    """The twin, and the compiled matcher when it is in use."""
    return [_match_py, importlib.import_module("poi_cext._match")] if match.COMPILED else [_match_py]


def play(steps: list[ProgramStep], tally: Tally) -> None:
    """The whole history over all matchers; a `Difference` ends it."""
    first = [step.clauses for step in steps if isinstance(step, Own)]
    views = [(module, module.Matcher(_index(module, first), plan_bytes=1 << 14)) for module in modules()]
    for step in steps:
        if isinstance(step, Renew):
            views = [(module, _renewed(module, view, step.how)) for module, view in views]
            tally[f"program {step.how}"] += 1
        else:
            _agree([_done(module, view, step) for module, view in views], step, len(first) > 1024, tally)


def _index(module: ModuleType, owners: list[tuple[Program, ...]]) -> object:
    programs = [(owner, program) for owner, clauses in enumerate(owners) for program in clauses]
    starts = accumulate((len(program) for _, program in programs), initial=0)
    words = array("i", [word for _, program in programs for word in program])
    of_clause = array("i", [owner for owner, _ in programs])
    return module.Index.build(COLUMNS, FAMILIES, len(owners), of_clause, array("q", starts), words)


def _renewed(module: ModuleType, view: object, how: str) -> object:
    if how == "merge":
        index, _ = view.merged()
        return module.Matcher(index, plan_bytes=1 << 14)
    if how == "forget":
        view.forget_plans()
        return view
    if view.added or view.dead:
        return view
    kept = {name: bytes(section) for name, section in view.index.sections().items()}
    return module.Matcher(module.Index.open(kept), plan_bytes=1 << 14)


def _done(module: ModuleType, view: object, step: ProgramStep) -> object:
    match step:
        case Add(order, clauses):
            return view.add(order, clauses)
        case Discard(owner):
            view.discard(owner)
            return view.lives(owner), view.added, view.dead
        case Look(numbers, sets, lines, point, spot, place, top):
            event = module.Event(numbers, sets, lines, point, spot)
            reach = view.reach(event, place)
            return *view.match(event, place, top), reach if place is not None else None
    return None


def _agree(answers: list[object], step: ProgramStep, crowd: bool, tally: Tally) -> None:
    if any(answer != answers[0] for answer in answers[1:]):
        raise Difference(f"on {type(step).__name__}: the twin says {answers[0]}, the compiled matcher {answers[1]}")
    if isinstance(step, Look):
        sure, maybe, _ = answers[0]
        tally["program pairs"] += 1
        tally["program sure"] += len(sure)
        tally["program crowd"] += crowd
        tally["program maybe"] += len(maybe)
        tally["program top"] += step.top > 0 and len(sure) + len(maybe) == step.top
        tally["program free" if step.place is None else "program plan"] += 1
