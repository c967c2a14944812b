"""How much the offers that compete for units can still take, given the units already held.

Units go by priority, and these offers are decided in that order: what is held stays held, and an undecided offer can
only be pushed along its own order of units by the undecided ones before it.
"""

from collections.abc import Iterable, Sequence

from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.points import THOUSAND
from poi_offers.steps import Sheet, Step
from poi_offers.units import assign, deal

SHARE = 20
"""Shares kept of a line are counted in 1 / 2**SHARE."""

ONE = 1 << SHARE


class Contest:
    """The serving steps of the offers that share units with another one."""

    def __init__(self, sheet: Sheet, steps: Sequence[Step], players: Iterable[int]) -> None:
        self._sheet = sheet
        self._serving = [step for step in steps if step.serves]
        self._rivals = _rivals(self._serving, set(players))
        self.offers = frozenset(offer for offer, rivals in self._rivals.items() if rivals)
        self._free: dict[int, list[int]] = {}

    def most(self, mask: int, undecided: Sequence[int], keeps: Sequence[int]) -> tuple[dict[int, int], int]:
        """The most money off (thousandths of a minor unit) by undecided offer, and by all of them together.

        `keeps` is the share of each line that the percents applied leave of what unit effects take.
        """
        free = self._free_units(mask)
        most = dict.fromkeys(undecided, 0)
        lines: set[int] = set()
        ahead: list[tuple[Step, int]] = []
        for step in self._serving:
            if step.offer in most:
                wanted, used = claim(step, sum(free[line] for line in step.lines))
                pushed = sum(min(other_used, _shared(step, other, free)) for other, other_used in ahead)
                most[step.offer] += self._dearest(step, wanted, pushed + wanted, free, keeps)
                ahead.append((step, used))
                lines.update(step.lines)
        return most, sum(kept(self._sheet.prices[line] * free[line], keeps[line]) for line in lines)

    def has_rivals(self, offer: int, undecided: int) -> bool:
        """True when one of the undecided offers (a mask) shares a line with the offer."""
        return self._rivals[offer] & undecided != 0

    def pushed(self, mask: int, undecided: int) -> int:
        """Those of the offers (masks) whose units may change when undecided ones join: their rivals, and theirs."""
        reached, fresh = undecided, undecided
        while fresh:
            offer = fresh.bit_length() - 1
            grown = self._rivals.get(offer, 0) & (mask | undecided) & ~reached
            reached |= grown
            fresh = fresh & ~(1 << offer) | grown
        return reached & mask

    def served_out(self, mask: int, offer: int) -> bool:
        """True when the units already held leave nothing to the offer."""
        free = self._free_units(mask)
        steps = [step for step in self._serving if step.offer == offer]
        return all(claim(step, sum(free[line] for line in step.lines))[0] == 0 for step in steps)

    def _free_units(self, mask: int) -> list[int]:
        held = [step for step in self._serving if mask >> step.offer & 1]
        key = sum(1 << offer for offer in {step.offer for step in held})
        found = self._free.get(key)
        if found is None:
            found = self._free[key] = list(self._sheet.units)
            for _, spans in assign(self._sheet, held):
                for span in spans:
                    found[span.line] -= span.end - span.start
        return found

    def _dearest(self, step: Step, wanted: int, among: int, free: Sequence[int], keeps: Sequence[int]) -> int:
        """What the step takes off the `wanted` best of its first `among` free units."""
        reachable: list[tuple[int, int]] = []
        for line in step.lines:
            count = min(free[line], among)
            reachable.append((kept(unit_off(step, self._sheet.prices[line]), keeps[line]), count))
            among -= count
        most = 0
        for off, count in sorted(reachable, reverse=True):
            most += off * min(count, wanted)
            wanted -= min(count, wanted)
        return most


def _shared(step: Step, other: Step, free: Sequence[int]) -> int:
    """The free units on which both may work."""
    return sum(free[line] for line in step.lines if line in other.lines)


def _rivals(serving: Sequence[Step], players: set[int]) -> dict[int, int]:
    """By offer, the others (a mask) that work on a line it works on."""
    takers: dict[int, int] = {}
    for step in serving:
        if step.offer in players:
            for line in step.lines:
                takers[line] = takers.get(line, 0) | 1 << step.offer
    rivals: dict[int, int] = {}
    for step in serving:
        if step.offer in players:
            for line in step.lines:
                rivals[step.offer] = rivals.get(step.offer, 0) | takers[line] & ~(1 << step.offer)
    return rivals


def claim(step: Step, free: int) -> tuple[int, int]:
    """How many of the free units the step lowers at most, and how many it uses up."""
    if step.kind == "buy_get":
        bought, got = deal(free, step.buy, step.get, step.units or 1)
        return got, bought + got
    lowered = free if step.units is None else min(free, step.units)
    return lowered, lowered


def unit_off(step: Step, price: int) -> int:
    """The most the step takes off one unit of that price, minor units."""
    match step.kind:
        case "fixed":
            return price - step.amount
        case "unit":
            return min(price, step.amount)
        case "free":
            return price
        case _:
            return -(-price * step.percent // HUNDRED_PERCENT)


def kept(amount: int, share: int) -> int:
    """That share of an amount in minor units, in thousandths, rounded up."""
    return (amount * THOUSAND * share + ONE - 1) >> SHARE
