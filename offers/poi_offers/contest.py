"""How much the offers that compete for units can still take, given the units already held.

Units go by priority, and these offers are decided in that order: what is held stays held, and an undecided offer can
only be pushed along its own order of units by the undecided ones before it.
"""

from collections.abc import Iterable, Sequence

from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.steps import Sheet, Step
from poi_offers.units import assign, deal

ONE = 1_000_000
"""Shares kept of a line are in millionths."""

_ROUNDINGS = 3
"""Classes that may each round a line after the units, in minor units."""


class Contest:
    """The serving steps of the offers that share units with another one."""

    def __init__(self, sheet: Sheet, steps: Sequence[Step], pool: Iterable[int]) -> None:
        self._sheet = sheet
        self._serving = [step for step in steps if step.serves]
        self.offers = _sharing(self._serving, set(pool))
        self._free: dict[int, list[int]] = {}

    def most(self, mask: int, undecided: Sequence[int], keeps: Sequence[int]) -> tuple[dict[int, int], int]:
        """The most money off (minor units) by undecided offer, and by all of them together.

        `keeps` is the share of each line that the percents applied leave of what unit effects take.
        """
        free, ahead = self._free_units(mask), 0
        most = dict.fromkeys(undecided, 0)
        lines: set[int] = set()
        for step in self._serving:
            if step.offer in most:
                wanted, used = _claim(step, sum(free[line] for line in step.lines))
                most[step.offer] += self._dearest(step, wanted, ahead + wanted, free, keeps)
                ahead += used
                lines.update(step.lines)
        together = [_kept(self._sheet.prices[line] * free[line], keeps[line]) + _ROUNDINGS for line in lines]
        return most, sum(together)

    def served_out(self, mask: int, offer: int) -> bool:
        """True when the units already held leave nothing to the offer."""
        free = self._free_units(mask)
        steps = [step for step in self._serving if step.offer == offer]
        return all(_claim(step, sum(free[line] for line in step.lines))[0] == 0 for step in steps)

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
            reachable.append((_kept(_off(step, self._sheet.prices[line]), keeps[line]), count))
            among -= count
        most = _ROUNDINGS * min(wanted, len(step.lines))
        for off, count in sorted(reachable, reverse=True):
            most += off * min(count, wanted)
            wanted -= min(count, wanted)
        return most


def _sharing(serving: Sequence[Step], pool: set[int]) -> frozenset[int]:
    takers: dict[int, set[int]] = {}
    for step in serving:
        if step.offer in pool:
            for line in step.lines:
                takers.setdefault(line, set()).add(step.offer)
    return frozenset(offer for offers in takers.values() if len(offers) > 1 for offer in offers)


def _claim(step: Step, free: int) -> tuple[int, int]:
    """How many of the free units the step lowers at most, and how many it uses up."""
    if step.kind == "buy_get":
        bought, got = deal(free, step.buy, step.get, step.units or 1)
        return got, bought + got
    lowered = free if step.units is None else min(free, step.units)
    return lowered, lowered


def _off(step: Step, price: int) -> int:
    match step.kind:
        case "fixed":
            return price - step.amount
        case "buy_get":
            return -(-price * step.percent // HUNDRED_PERCENT)
        case _:
            return price


def _kept(amount: int, share: int) -> int:
    return -(-amount * share // ONE)
