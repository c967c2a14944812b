"""The exact money of a combination: class by class, one rounding at the end of each class, shares that add up.

At the end of a class each line's amount is rounded half away from zero. Lines that are cut together (by a cap that
bites, and all lines of a basket class) are rounded together: their sum is rounded once and the money off is allocated
by largest remainder, ties by line id. What a class takes off a line is shared among the class's steps on that line by
largest remainder too, ties by the order of application, so offers and lines always add up. Where rounding would lift
a step above its cap, the minor unit goes to another step on the line, or back to the line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby

from poi_offers.exact import Exact, run_class
from poi_offers.steps import Sheet, Step


@dataclass(slots=True)
class Applied:
    """What is left of each line, the money off by (offer, line) position, and units given away by line."""

    left: list[int]
    shares: dict[tuple[int, int], int] = field(default_factory=dict)
    freed: dict[int, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What is to be paid, minor units."""
        return sum(self.left)

    def saved_by(self) -> dict[int, int]:
        """Money off by offer position, minor units."""
        saved: dict[int, int] = {}
        for (offer, _), amount in self.shares.items():
            saved[offer] = saved.get(offer, 0) + amount
        return saved


RunClass = Callable[[Sheet, Sequence[int], Sequence[Step]], Exact]


def apply(sheet: Sheet, steps: Sequence[Step], run: RunClass = run_class) -> Applied:
    """Apply steps that are in the order of arithmetic; `run` may remember what `run_class` found before."""
    applied = Applied(list(sheet.amounts))
    for _, members in groupby(steps, key=lambda step: step.rank):
        found = list(members)
        _settle(applied, found, run(sheet, applied.left, found))
    return applied


def _settle(applied: Applied, steps: list[Step], exact: Exact) -> None:
    after = rounded(exact, applied.left)
    shares = _share_out(exact, applied.left, after)
    if any(step.cap is not None for step in steps):
        _respect_caps(steps, shares, after)
    for (position, line), amount in shares.items():
        if amount:
            key = (steps[position].offer, line)
            applied.shares[key] = applied.shares.get(key, 0) + amount
    applied.left = after
    applied.freed.update(exact.freed)


def rounded(exact: Exact, before: Sequence[int]) -> list[int]:
    """Whole minor units left on each line at the end of a class."""
    whole = exact.whole
    after = [(2 * part + whole) // (2 * whole) for part in exact.parts]
    for pool in _pools(exact.tied):
        _round_together(exact, before, after, pool)
    return after


def _pools(tied: Sequence[tuple[int, ...]]) -> list[list[int]]:
    pools: list[set[int]] = []
    for lines in tied:
        merged = set(lines)
        apart = [pool for pool in pools if not pool & merged]
        merged = merged.union(*(pool for pool in pools if pool & merged))
        pools = [*apart, merged]
    return [sorted(pool) for pool in pools]


def _round_together(exact: Exact, before: Sequence[int], after: list[int], pool: list[int]) -> None:
    whole = exact.whole
    left = (2 * sum(exact.parts[line] for line in pool) + whole) // (2 * whole)
    off = {line: divmod(before[line] * whole - exact.parts[line], whole) for line in pool}
    missing = sum(before[line] for line in pool) - left - sum(floor for floor, _ in off.values())
    by_remainder = sorted(pool, key=lambda line: (-off[line][1], line))
    for rank, line in enumerate(by_remainder):
        after[line] = before[line] - off[line][0] - (1 if rank < missing else 0)


def _share_out(exact: Exact, before: Sequence[int], after: Sequence[int]) -> dict[tuple[int, int], int]:
    """Whole minor units off by (step position, line)."""
    by_line: dict[int, list[tuple[int, int, int]]] = {}
    for position, line, numerator, denominator in exact.cuts:
        by_line.setdefault(line, []).append((position, numerator, denominator))
    shares = {}
    for line, cuts in by_line.items():
        taken = before[line] - after[line]
        if len(cuts) == 1:
            shares[cuts[0][0], line] = taken
        else:
            for position, amount in _by_largest_remainder(taken, cuts):
                shares[position, line] = amount
    return shares


def _by_largest_remainder(taken: int, cuts: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    floors = [numerator // denominator for _, numerator, denominator in cuts]
    remainders = [Fraction(numerator % denominator, denominator) for _, numerator, denominator in cuts]
    order = sorted(range(len(cuts)), key=lambda i: (-remainders[i], i))
    for i in order[: taken - sum(floors)]:
        floors[i] += 1
    return [(position, floor) for (position, _, _), floor in zip(cuts, floors, strict=True)]


def _respect_caps(steps: Sequence[Step], shares: dict[tuple[int, int], int], after: list[int]) -> None:
    totals = [0] * len(steps)
    for (position, _), amount in shares.items():
        totals[position] += amount
    for position, step in enumerate(steps):
        if step.cap is not None and totals[position] > step.cap:
            _hand_over(steps, shares, totals, position)
            _give_back(shares, after, position, totals[position] - step.cap)


def _hand_over(steps: Sequence[Step], shares: dict[tuple[int, int], int], totals: list[int], position: int) -> None:
    cap = steps[position].cap or 0
    for line in sorted(line for at, line in shares if at == position and shares[at, line]):
        if totals[position] <= cap:
            return
        for other in sorted(at for at, on in shares if on == line and at != position):
            other_cap = steps[other].cap
            if other_cap is None or totals[other] < other_cap:
                shares[position, line] -= 1
                shares[other, line] += 1
                totals[position] -= 1
                totals[other] += 1
                break


def _give_back(shares: dict[tuple[int, int], int], after: list[int], position: int, over: int) -> None:
    for line in sorted(line for at, line in shares if at == position and shares[at, line])[:over]:
        shares[position, line] -= 1
        after[line] += 1
