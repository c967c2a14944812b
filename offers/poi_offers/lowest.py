"""The least a set of offers applied together can leave: what every smaller set is bounded by.

Every step leaves more of each line when it is given more, and none makes a difference between two baskets larger. So a
set leaves no more than each of its parts, but for the lines that a cap ties together: these are rounded down here.
Amounts over a denominator are exact while it is small and no cap cuts several lines; beyond that they are counted in
1 / 2**20 of a minor unit, rounded down.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from math import gcd

from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, LINE_AMOUNT, Step

FINE = 20
"""Fractions of a minor unit are counted in 1 / 2**FINE."""
RATIO = 32
"""Shares that are multiplied with are counted in 1 / 2**RATIO."""
WIDEST = 1 << 60
"""The largest denominator that is kept exactly."""


@dataclass(slots=True)
class Part:
    """What is left of one line: exactly (`num / den`), or from below in 1 / 2**FINE when `den` is 0; minor units."""

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
    """Lower bounds in minor units: each line at the start of a class (by rank), at the end, and the total."""

    starts: dict[int, list[int]]
    left: list[int]
    total: int


def lowest(left: list[int], steps: Sequence[Step], tied: Set[int], by_line: bool) -> Lowest:
    """From what the units left of each line; `steps` are those of the other classes, in the order of arithmetic.

    `by_line` asks for each line's own bound at the very end; else only the total is needed there.
    """
    starts, total = {}, sum(left)
    classes = {rank: list(members) for rank, members in groupby(steps, key=lambda step: step.rank)}
    for rank in range(1, BASKET_AMOUNT + 1):
        starts[rank] = left
        members = classes.get(rank)
        if not members:
            continue
        if rank == LINE_AMOUNT:
            left = _amounts(left, members)
            total = sum(left)
        elif rank < BASKET_PERCENT:
            left = [part.whole(line in tied) for line, part in enumerate(_percents(left, members))]
            total = sum(left)
        elif rank == BASKET_PERCENT:
            parts = _percents(left, members)
            total = _total(parts)
            left = [part.whole(down=True) for part in parts]
        else:
            left, total = _basket_amounts(left, total, members, by_line)
    return Lowest(starts, left, total)


def _amounts(left: Sequence[int], steps: Sequence[Step]) -> list[int]:
    after = list(left)
    for step in steps:
        for line in step.lines:
            after[line] = max(0, after[line] - step.amount)
    return after


def _percents(left: Sequence[int], steps: Sequence[Step]) -> list[Part]:
    parts = [Part(amount) for amount in left]
    for step in steps:
        scope = [parts[line] for line in step.lines]
        if step.cap is not None and sum(part.fine() for part in scope) * step.percent > _fine_percent(step.cap):
            _cut_together(scope, step.cap)
        else:
            share = HUNDRED_PERCENT - step.percent
            common = gcd(share, HUNDRED_PERCENT)
            for part in scope:
                part.keep(share // common, HUNDRED_PERCENT // common)
    return parts


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


def _basket_amounts(left: list[int], total: int, steps: Sequence[Step], by_line: bool) -> tuple[list[int], int]:
    total = max(0, total - sum(step.amount for step in steps))
    if not by_line:
        return left, total
    parts = [Part(amount) for amount in left]
    for step in steps:
        _cut_together([parts[line] for line in step.lines], step.amount)
    return [part.whole(down=True) for part in parts], total
