"""The least a set of offers applied together can leave: what every smaller set is bounded by.

Every step leaves more of each line when it is given more, and none makes a difference between two baskets larger. So a
set leaves no more than each of its parts, but for the lines that a cap ties together: these are rounded down here. The
basket's classes work on bundles: lines that the same steps and gains see are one, as only their sum is rounded.
Amounts over a denominator are exact while it is small and no cap cuts several; beyond that they are counted in
1 / 2**20 of a minor unit, rounded down.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from math import gcd

from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, LINE_AMOUNT, LINE_PERCENT, Step

FINE = 20
"""Fractions of a minor unit are counted in 1 / 2**FINE."""
RATIO = 32
"""Shares that are multiplied with are counted in 1 / 2**RATIO."""
WIDEST = 1 << 60
"""The largest denominator that is kept exactly."""


@dataclass(slots=True)
class Part:
    """What is left of a line or a bundle: exactly (`num / den`), or from below in 1 / 2**FINE when `den` is 0."""

    num: int
    den: int = 1

    def keep(self, share: int, of: int) -> None:
        """Leave `share / of`."""
        if self.den * of > WIDEST:
            self.num, self.den = self.fine(), 0
        if self.den:
            self.num *= share
            self.den *= of
        else:
            self.num = self.num * ((share << RATIO) // of) >> RATIO

    def take(self, amount: int) -> None:
        """Take an amount in minor units off; never below zero."""
        self.num = max(0, self.num - (amount * self.den if self.den else amount << FINE))

    def fine(self) -> int:
        """From below, in 1 / 2**FINE."""
        return (self.num << FINE) // self.den if self.den else self.num

    def whole(self, down: bool) -> int:
        """In minor units: rounded down, or half up when it is exact."""
        if not self.den:
            return self.num >> FINE
        return self.num // self.den if down else (2 * self.num + self.den) // (2 * self.den)


@dataclass(slots=True)
class Lowest:
    """Lower bounds in minor units: each line before line percents, line amounts and basket percents (`starts`, by
    rank), each bundle at the very end, and the total."""

    starts: dict[int, list[int]]
    bundles: list[int]
    total: int


@dataclass(slots=True)
class Bundles:
    """Lines that the same basket steps and gains see."""

    lines: list[list[int]]
    of: list[int]

    def scope(self, lines: Iterable[int]) -> list[int]:
        """The bundles of some lines that a step or a gain sees."""
        return sorted({self.of[line] for line in lines})


def bundles_of(count: int, scopes: Sequence[Iterable[int]]) -> Bundles:
    """Bundle `count` lines by which scopes they are in."""
    seen_by: list[list[int]] = [[] for _ in range(count)]
    for number, scope in enumerate(scopes):
        for line in scope:
            seen_by[line].append(number)
    numbers: dict[tuple[int, ...], int] = {}
    of = [numbers.setdefault(tuple(seen), len(numbers)) for seen in seen_by]
    lines: list[list[int]] = [[] for _ in numbers]
    for line, bundle in enumerate(of):
        lines[bundle].append(line)
    return Bundles(lines, of)


def lowest(left: list[int], steps: Sequence[Step], tied: Set[int], bundles: Bundles) -> Lowest:
    """From what the units left of each line; `steps` are those of the other classes, in the order of arithmetic."""
    classes = {rank: list(members) for rank, members in groupby(steps, key=lambda step: step.rank)}
    starts = {LINE_PERCENT: left}
    parts = [Part(amount) for amount in left]
    _percents(parts, [(step, step.lines) for step in classes.get(LINE_PERCENT, ())])
    left = starts[LINE_AMOUNT] = [part.whole(line in tied) for line, part in enumerate(parts)]
    left = starts[BASKET_PERCENT] = _amounts(left, classes.get(LINE_AMOUNT, ()))
    ends = [sum(left[line] for line in lines) for lines in bundles.lines]
    total = sum(left)
    if BASKET_PERCENT in classes:
        parts = [Part(amount) for amount in ends]
        _percents(parts, [(step, bundles.scope(step.lines)) for step in classes[BASKET_PERCENT]])
        total, ends = _total(parts), _ends(parts, bundles)
    if BASKET_AMOUNT in classes:
        parts = [Part(amount) for amount in ends]
        for step in classes[BASKET_AMOUNT]:
            _cut_together([parts[at] for at in bundles.scope(step.lines)], step.amount)
            total -= step.amount
        total, ends = max(0, total), _ends(parts, bundles)
    return Lowest(starts, ends, total)


def _ends(parts: Sequence[Part], bundles: Bundles) -> list[int]:
    """Each line of a bundle may be rounded down: together by less than a minor unit a line."""
    return [max(0, part.whole(down=True) - len(lines) + 1) for part, lines in zip(parts, bundles.lines, strict=True)]


def _amounts(left: Sequence[int], steps: Iterable[Step]) -> list[int]:
    after = list(left)
    for step in steps:
        for line in step.lines:
            after[line] = max(0, after[line] - step.amount)
    return after


def _percents(parts: Sequence[Part], steps: Iterable[tuple[Step, Sequence[int]]]) -> None:
    for step, places in steps:
        scope = [parts[place] for place in places]
        if step.cap is not None and sum(part.fine() for part in scope) * step.percent > _fine_percent(step.cap):
            _cut_together(scope, step.cap)
        else:
            share = HUNDRED_PERCENT - step.percent
            common = gcd(share, HUNDRED_PERCENT)
            for part in scope:
                part.keep(share // common, HUNDRED_PERCENT // common)


def _fine_percent(amount: int) -> int:
    return (amount << FINE) * HUNDRED_PERCENT


def _cut_together(scope: Sequence[Part], amount: int) -> None:
    """Take an amount off in proportion to what is left."""
    if len(scope) == 1:
        scope[0].take(amount)
        return
    for part in scope:
        part.num, part.den = part.fine(), 0
    together = sum(part.num for part in scope)
    if together:
        keeps = (max(0, together - (amount << FINE)) << RATIO) // together
        for part in scope:
            part.num = part.num * keeps >> RATIO


def _total(parts: Sequence[Part]) -> int:
    """The sum in minor units: half up when every part is exact, else down."""
    dens = {part.den for part in parts}
    common = _common(dens)
    if not common:
        return sum(part.fine() for part in parts) >> FINE
    return (2 * sum(part.num * (common // part.den) for part in parts) + common) // (2 * common)


def _common(dens: Set[int]) -> int:
    """A small common multiple; 0 when there is none."""
    common = 1
    for den in sorted(dens):
        if not den:
            return 0
        common *= den // gcd(common, den)
        if common > WIDEST:
            return 0
    return common
