"""Points and cashback: what offers and the programme give on what is paid after discounts, floored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from poi_offers.model import Offer
from poi_offers.offer_effects import Cashback, Effect, PointsFixed, PointsMultiplier, PointsPerUnit
from poi_offers.policy import Policy
from poi_offers.selection import selected
from poi_offers.steps import Sheet

THOUSAND = 1000
SLOPE = 20
"""Slopes are in thousandths of a minor unit, over 2**SLOPE."""


@dataclass(frozen=True, slots=True)
class Gain:
    """One points or cashback effect: `fixed`, or `times` for each full `each` minor units paid, at most `cap`.

    A gain with `share` is in thousandths of the count (multiplier) or basis points of the amount (cashback).
    `lines` is None for the whole sale. `worth` is the value of one point or minor unit, thousandths of a minor unit.
    """

    offer: int
    position: int
    kind: Literal["points", "cashback"]
    worth: int
    fixed: int = 0
    times: int = 0
    each: int = 1
    divisor: int = 1
    lines: tuple[int, ...] | None = None
    cap: int | None = None

    def base(self, left: Sequence[int]) -> int:
        """What is paid on the gain's lines, minor units."""
        return sum(left) if self.lines is None else sum(left[line] for line in self.lines)

    def amount(self, paid: int) -> int:
        """Points or minor units given for `paid` minor units on the gain's lines."""
        return self._capped(self.fixed + self.times * (paid // self.each) // self.divisor)

    def value(self, left: Sequence[int]) -> int:
        """Worth of the gain on what is left of the lines, thousandths of a minor unit."""
        return self.amount(self.base(left)) * self.worth

    def slope(self) -> int:
        """How much it grows, at most, with each minor unit paid, in thousandths over 2**SLOPE."""
        return -((-self.times * self.worth << SLOPE) // (self.each * self.divisor))

    def most(self, paid: int) -> int:
        """A bound of `value` that grows evenly with `paid` (no steps), thousandths of a minor unit."""
        even = self.fixed * self.worth - (-self.times * self.worth * max(paid, 0) // (self.each * self.divisor))
        return even if self.cap is None else min(even, self.cap * self.worth)

    def _capped(self, amount: int) -> int:
        return amount if self.cap is None else min(amount, self.cap)


def gains_of(offers: Sequence[Offer], sheet: Sheet, policy: Policy) -> list[Gain]:
    """The points and cashback effects that give something on the undiscounted basket."""
    found = [
        gain
        for index, offer in enumerate(offers)
        for position, effect in enumerate(offer.effects)
        if (gain := _gain(index, position, effect, sheet, policy)) is not None
    ]
    return [gain for gain in found if gain.amount(gain.base(sheet.amounts)) > 0]


def base_points(total: int, policy: Policy) -> int:
    """The programme's own points for a sale of `total` minor units."""
    return policy.points * (total // policy.points_amount)


def _gain(offer: int, position: int, effect: Effect, sheet: Sheet, policy: Policy) -> Gain | None:
    worth = policy.point_value
    match effect:
        case PointsFixed(points=points):
            return Gain(offer, position, "points", worth, fixed=points)
        case PointsPerUnit(points=points, amount=each, items=items):
            lines = selected(items, sheet.items)
            whole_sale = len(lines) == len(sheet.items)
            return Gain(offer, position, "points", worth, times=points, each=each, lines=None if whole_sale else lines)
        case PointsMultiplier(factor=factor):
            times = policy.points * (factor - THOUSAND)
            return Gain(offer, position, "points", worth, times=times, each=policy.points_amount, divisor=THOUSAND)
        case Cashback(percent=None, amount=amount, cap=cap):
            return Gain(offer, position, "cashback", THOUSAND, fixed=amount or 0, cap=cap)
        case Cashback(percent=percent, cap=cap):
            return Gain(offer, position, "cashback", THOUSAND, times=percent or 0, divisor=10_000, cap=cap)
        case _:
            return None
