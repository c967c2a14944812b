"""Bounds of what a partial combination can still become: never too low for the value, never too high for the cost.

Every step and every rounding leaves more when it is given more, and none makes a difference between two baskets
larger. So applying all undecided offers at once bounds the money off from above. Three kinds of undecided offers are
counted apart, each by the most it can take off the undiscounted basket: those that compete for units, those of an
exclusion group (only as many as the group admits), and those a money limit may keep out. Lines that are rounded
together may each end up to one minor unit lower than alone, which the bound grants.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby

from poi_offers.candidates import Candidates, bits
from poi_offers.contest import ONE, Contest
from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.points import THOUSAND, Gain
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, LINE_AMOUNT, LINE_PERCENT, UNITS, Sheet, Step
from poi_offers.units import deal


@dataclass(slots=True)
class _Lowest:
    """A bound over a set applied together: `value` in thousandths, and the share of a line (in millionths) that its
    percents keep: of what unit effects and percents take off (`keeps`), of what line amounts take (`keeps_amounts`).
    """

    value: int
    keeps: list[int]
    keeps_amounts: list[int]
    worth: dict[int, int] = field(default_factory=dict)


class Bounds:
    """Bounds over the offers of `pool`; `order` is the order in which to decide them."""

    def __init__(self, candidates: Candidates, pool: Sequence[int]) -> None:
        self._candidates = candidates
        self._sheet = candidates.sheet
        self._steps = {i: [(s, _most_off(self._sheet, s)) for s in candidates.steps if s.offer == i] for i in pool}
        self._most = {i: self._most_money(i) for i in pool}
        self._gain = {i: self._most_gain(i) for i in pool}
        self._contest = Contest(self._sheet, candidates.steps, pool)
        apart = {i for i in pool if i in self._contest.offers or self._grouped(i) or self.limited(i)}
        self._apart = sum(1 << i for i in apart)
        self._tied = _tied_lines(candidates)
        self._slack = len(self._tied) + sum(len(step.lines) for step in candidates.steps if step.cap is not None)
        self._even = _slope(candidates.gains) <= THOUSAND
        self._left: dict[int, _Lowest] = {}
        self.order = sorted(pool, key=self._turn)

    def _turn(self, offer: int) -> tuple[int, str, int, int]:
        """Units first (their assignment goes by priority), then groups, then limits, then all that simply stack."""
        group = self._candidates.offers[offer].stacking.group
        if offer in self._contest.offers:
            return (0, "", 0, offer)
        if group is not None:
            return (1, group, -self._worth(offer), offer)
        return (2 if self.limited(offer) else 3, "", 0, offer)

    def _grouped(self, offer: int) -> bool:
        return self._candidates.offers[offer].stacking.group is not None

    def limited(self, offer: int) -> bool:
        """True when a money limit may keep the offer out."""
        room = self._candidates.room[offer]
        return room is not None and self._most[offer] + self._gain[offer] // THOUSAND > room

    def free_to_join(self, offer: int) -> bool:
        """True when neither a group nor a price in points keeps the offer out of any combination."""
        return not self._grouped(offer) and self._candidates.offers[offer].reward_points is None

    def idle(self, mask: int, offer: int) -> bool:
        """True when the offer works on units alone, none are left for it, and no rule minds it."""
        if offer not in self._contest.offers or not self.free_to_join(offer) or self._gain[offer]:
            return False
        only_units = all(step.serves for step, _ in self._steps[offer])
        return only_units and not self.limited(offer) and self._contest.served_out(mask, offer)

    def _worth(self, offer: int) -> int:
        return self._most[offer] * THOUSAND + self._gain[offer]

    # --- the value from above -------------------------------------------------------------------------------------

    def value(self, mask: int, undecided: Sequence[int]) -> int:
        """No combination that contains `mask` and otherwise only undecided offers is worth more (thousandths)."""
        together, apart = mask, []
        for offer in undecided:
            if self._apart >> offer & 1:
                apart.append(offer)
            else:
                together |= 1 << offer
        lowest = self._lowest(together)
        return lowest.value + (self._apart_bound(mask, apart, lowest) if apart else 0)

    def _gain_bound(self, gain: Gain, total: int, left: list[int]) -> int:
        most = gain.value(self._sheet.amounts)
        if not self._even:
            return most
        paid = total if gain.lines is None else gain.base(left) + total - sum(left)
        return min(most, gain.most(paid))

    def _apart_bound(self, mask: int, apart: Sequence[int], lowest: "_Lowest") -> int:
        contested = [offer for offer in apart if offer in self._contest.offers]
        beside = {offer: self._worth_beside(offer, lowest) for offer in apart}
        slack = self._slack * THOUSAND
        if not contested:
            return slack + self._sum_by_group(mask, beside)
        units, together = self._contest.most(mask, contested, lowest.keeps)
        alone = {offer: worth + units.get(offer, 0) * THOUSAND for offer, worth in beside.items()}
        apart_most = {offer: min(worth, self._worth(offer)) for offer, worth in alone.items()}
        joint = together * THOUSAND + self._sum_by_group(mask, beside)
        return slack + min(joint, self._sum_by_group(mask, apart_most))

    def _sum_by_group(self, mask: int, worth: dict[int, int]) -> int:
        """The sum over the offers, of each group only as many as it admits."""
        offers = self._candidates.offers
        groups: dict[str, list[int]] = {}
        total = 0
        for offer, most in worth.items():
            group = offers[offer].stacking.group
            if group is None:
                total += most
            else:
                groups.setdefault(group, []).append(offer)
        for group, members in groups.items():
            taken = sum(1 for i in bits(mask) if offers[i].stacking.group == group)
            places = max(offers[i].stacking.group_max for i in members) - taken
            total += sum(sorted((worth[i] for i in members), reverse=True)[: max(places, 0)])
        return total

    def _worth_beside(self, offer: int, lowest: "_Lowest") -> int:
        """The most the offer adds to a combination: what the percents applied leave of its money off, and its gains.

        Money off units that are competed for is left to the contest.
        """
        found = lowest.worth.get(offer)
        if found is None:
            contested = offer in self._contest.offers
            steps = [(step, most) for step, most in self._steps[offer] if not (contested and step.serves)]
            money = sum(self._off_beside(step, most, lowest) for step, most in steps)
            found = lowest.worth[offer] = min(money, self._most[offer]) * THOUSAND + self._gain[offer]
        return found

    def _off_beside(self, step: Step, most: int, lowest: "_Lowest") -> int:
        if step.rank == BASKET_AMOUNT or step.cap is not None:
            return most
        keeps = lowest.keeps_amounts if step.rank == LINE_AMOUNT else lowest.keeps
        share = max(keeps[line] for line in step.lines)
        return min(most, -(-most * share // ONE) + 2 * len(step.lines)) if share < ONE else most

    # --- the least that can be left -------------------------------------------------------------------------------

    def _lowest(self, mask: int) -> "_Lowest":
        """The least left when no offer outside the mask is applied."""
        found = self._left.get(mask)
        if found is None:
            steps = self._candidates.steps_in(mask)
            total, left = self._compose(steps)
            gains = (self._gain_bound(gain, total, left) for gain in self._candidates.gains if mask >> gain.offer & 1)
            value = (self._sheet.subtotal - total) * THOUSAND + sum(gains)
            count = len(left)
            keeps, keeps_amounts = _kept(steps, LINE_PERCENT, count), _kept(steps, BASKET_PERCENT, count)
            found = self._left[mask] = _Lowest(value, keeps, keeps_amounts)
        return found

    def _compose(self, steps: Sequence[Step]) -> tuple[int, list[int]]:
        """The least total and the least of each line, minor units."""
        left, total = list(self._sheet.amounts), self._sheet.subtotal
        for rank, group in groupby(steps, key=lambda step: step.rank):
            members = list(group)
            exact = self._candidates.run_class(self._sheet, left, members)
            if rank >= BASKET_PERCENT:
                rounded = (2 * sum(exact.parts) + exact.whole) // (2 * exact.whole)
                most_off = sum(step.amount for step in members)
                total = max(rounded, total - most_off) if rank == BASKET_AMOUNT else rounded
                left = [part // exact.whole for part in exact.parts]
            else:
                left = [self._least(line, part, exact.whole) for line, part in enumerate(exact.parts)]
                total = sum(left)
        return total, left

    def _least(self, line: int, part: int, whole: int) -> int:
        return part // whole if line in self._tied else (2 * part + whole) // (2 * whole)

    # --- the most one offer can give ------------------------------------------------------------------------------

    def _most_gain(self, offer: int) -> int:
        return sum(gain.value(self._sheet.amounts) for gain in self._candidates.gains if gain.offer == offer)

    def _most_money(self, offer: int) -> int:
        steps = [step for step, _ in self._steps[offer]]
        most = min(self._sheet.subtotal, sum(most for _, most in self._steps[offer]))
        room = self._candidates.room[offer]
        return most if room is None else min(most, room + 2 * sum(len(step.lines) for step in steps) + 1)

    # --- the cost from below --------------------------------------------------------------------------------------

    def cost(self, mask: int, undecided: Iterable[int]) -> int:
        """No combination that contains `mask` and otherwise only undecided offers costs less (thousandths)."""
        evaluation = self._candidates.evaluate(mask)
        money = self._sheet.subtotal - evaluation.applied.total - 2 * self._slack
        fixed = sum(gain.worth * gain.amount(0) for gain in self._candidates.gains if mask >> gain.offer & 1)
        given = sum(units * self._candidates.spared(line) for line, units in evaluation.applied.freed.items())
        spared = sum(self._most_spared(offer) for offer in undecided)
        return (money + given - spared) * THOUSAND + fixed

    def _most_spared(self, offer: int) -> int:
        return sum(
            max(0, -self._candidates.spared(line)) * self._sheet.units[line]
            for step in self._candidates.steps
            if step.offer == offer and step.kind in {"free", "buy_get"}
            for line in step.lines
        )


def _kept(steps: Sequence[Step], first_rank: int, count: int) -> list[int]:
    keeps = [ONE] * count
    for step in steps:
        if step.rank >= first_rank and step.kind == "percent" and step.cap is None:
            for line in step.lines:
                keeps[line] = -(-keeps[line] * (HUNDRED_PERCENT - step.percent) // HUNDRED_PERCENT)
    return keeps


def _tied_lines(candidates: Candidates) -> frozenset[int]:
    """Lines that may be rounded together with others before the last class is over."""
    steps = candidates.steps
    tied: set[int] = set()
    for step in steps:
        if step.rank < BASKET_PERCENT and step.cap is not None and len(step.lines) > 1:
            tied.update(step.lines)
    ranks = {step.rank for step in steps}
    whole = sum(1 for amount in candidates.sheet.amounts if amount)
    scoped = any(step.rank == BASKET_AMOUNT and len(step.lines) < whole for step in steps)
    if BASKET_PERCENT in ranks and scoped:
        tied.update(range(len(candidates.sheet.items)))
    return frozenset(tied)


def _slope(gains: Iterable[Gain]) -> Fraction:
    """How much the gains grow, at most, with each minor unit paid (thousandths of a minor unit)."""
    return sum((Fraction(gain.times * gain.worth, gain.each * gain.divisor) for gain in gains), Fraction(0))


def _most_off(sheet: Sheet, step: Step) -> int:
    if step.rank == UNITS:
        most = _most_off_units(sheet, step)
    elif step.kind == "percent" and step.rank == BASKET_PERCENT:
        most = _share(sum(sheet.amounts[line] for line in step.lines), step.percent)
    elif step.kind == "percent":
        most = sum(_share(sheet.amounts[line], step.percent) for line in step.lines)
    elif step.rank == BASKET_AMOUNT:
        most = min(step.amount, sum(sheet.amounts[line] for line in step.lines))
    else:
        most = sum(min(step.amount, sheet.amounts[line]) for line in step.lines)
    return most if step.cap is None else min(most, step.cap + len(step.lines))


def _most_off_units(sheet: Sheet, step: Step) -> int:
    total = sum(sheet.units[line] for line in step.lines)
    match step.kind:
        case "unit":
            return sum(min(step.amount, sheet.prices[line]) * sheet.units[line] for line in step.lines)
        case "fixed":
            return _dearest(sheet, step, step.units or total) - step.amount * min(step.units or total, total)
        case "free":
            return _dearest(sheet, step, step.units or total)
        case "buy_get":
            _, got = deal(total, step.buy, step.get, step.units or 1)
            return _share(_dearest(sheet, step, got), step.percent) + len(step.lines)
        case _:
            return _share(_dearest(sheet, step, step.units or total), step.percent) + len(step.lines)


def _dearest(sheet: Sheet, step: Step, wanted: int) -> int:
    """Price of the dearest units of the step before any discount."""
    amount = 0
    for line in sorted(step.lines, key=lambda line: -sheet.prices[line]):
        count = min(wanted, sheet.units[line])
        amount += count * sheet.prices[line]
        wanted -= count
    return amount


def _share(amount: int, percent: int) -> int:
    return -(-amount * percent // HUNDRED_PERCENT)
