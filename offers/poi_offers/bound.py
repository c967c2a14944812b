"""Bounds of what a partial combination can still become: never too low for the value, never too high for the cost.

All undecided offers that simply stack are applied at once: that bounds their money off from above. Three kinds are
counted apart: those that compete for units, those of an exclusion group (only as many as the group admits), and those
a money limit may keep out. Each adds at most what it would take off the lines as those applied leave them, and of that
only the share that the percents after it keep; and, with each class that rounds, a minor unit on each line it touches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from poi_offers.candidates import Candidates, bits
from poi_offers.contest import ONE, SHARE, Contest, claim, kept, unit_off
from poi_offers.exact import HUNDRED_PERCENT
from poi_offers.lowest import Lowest, bundles_of, lowest
from poi_offers.points import THOUSAND, Gain
from poi_offers.steps import BASKET_AMOUNT, BASKET_PERCENT, LINE_AMOUNT, LINE_PERCENT, UNITS, Sheet, Step
from poi_offers.units import assign


@dataclass(slots=True)
class Frame:
    """A set applied together: its bound `value` in thousandths, and what others can add to it.

    `keeps` are the shares of a line (in 1 / 2**SHARE) kept by the percents from each class on; `most_keeps` the share
    kept of what a capped step takes, by the step's position.
    """

    low: Lowest
    value: int
    keeps: list[list[int]]
    most_keeps: dict[int, int]
    worth: dict[int, int] = field(default_factory=dict)


class Bounds:
    """Bounds over the offers of `pool` beside the `fixed` ones; `order` is the order in which to decide them."""

    def __init__(self, candidates: Candidates, pool: Sequence[int], fixed: int = 0) -> None:
        self._candidates = candidates
        self._sheet = candidates.sheet
        players = {*pool, *bits(fixed)}
        self._steps = [step for step in candidates.steps if step.offer in players]
        self._gains = [gain for gain in candidates.gains if gain.offer in players]
        self._contest = Contest(self._sheet, self._steps, players)
        self._own_steps = {i: [at for at, step in enumerate(self._steps) if step.offer == i] for i in pool}
        self._offs: dict[int, dict[int, int]] = {}
        for i in pool:
            self._offs.update(_static_offs(self._sheet, self._contest, self._steps, self._own_steps[i]))
        self._gain = {i: sum(g.value(self._sheet.amounts) for g in self._gains if g.offer == i) for i in pool}
        self._most = {i: self._most_money(i) for i in pool}
        apart = {i for i in pool if i in self._contest.offers or self._grouped(i) or self.limited(i)}
        self._apart = sum(1 << i for i in apart)
        self._tied = _tied_lines(self._steps)
        scopes = [step.lines for step in self._steps if step.rank >= BASKET_PERCENT]
        scopes += [gain.lines for gain in self._gains if gain.lines is not None]
        self._bundles = bundles_of(len(self._sheet.amounts), scopes)
        self._tie_slack = self._count_ties()
        self._even = sum(gain.slope() for gain in self._gains) <= THOUSAND << SHARE
        self._roundings = _roundings(self._steps)
        self._slack = {i: self._slack_of(i) * THOUSAND for i in apart}
        self._basket_slack = 2 * THOUSAND
        self._all_slack = sum(sum(counts) for counts in self._roundings) * THOUSAND
        self._frames: dict[int, Frame] = {}
        self._group_worth = self._worth_of_groups(pool)
        self.order = sorted(pool, key=self._turn)

    def _worth_of_groups(self, pool: Sequence[int]) -> dict[int, int]:
        worth: dict[int, int] = {}
        for i in pool:
            group = self._candidates.groups[i]
            if group is not None:
                worth[group] = max(worth.get(group, 0), self._worth(i))
        return worth

    def _turn(self, offer: int) -> tuple[int, int, int, int, int]:
        """Units first (their assignment goes by priority), then groups, then limits, then all that simply stack.

        For the least cost groups come first, the cheapest of each before the others.
        """
        group = self._candidates.groups[offer]
        if self._candidates.policy.choice == "margin_best":
            return (0 if group is not None else 1, 0, group or 0, self._worth(offer), offer)
        if offer in self._contest.offers:
            return (0, 0, 0, 0, offer)
        if group is not None:
            return (1, -self._group_worth[group], group, -self._worth(offer), offer)
        return (2 if self.limited(offer) else 3, 0, 0, -self._worth(offer), offer)

    def apart(self, offer: int) -> bool:
        """True when the offer is counted apart from those that simply stack."""
        return self._apart >> offer & 1 == 1

    def _grouped(self, offer: int) -> bool:
        return self._candidates.groups[offer] is not None

    def limited(self, offer: int) -> bool:
        """True when a money limit may keep the offer out."""
        room = self._candidates.room[offer]
        return room is not None and self._most[offer] + self._gain[offer] // THOUSAND > room

    def free_to_join(self, offer: int) -> bool:
        """True when neither a group nor a price in points keeps the offer out of any combination."""
        return not self._grouped(offer) and self._candidates.offers[offer].reward_points is None

    def unrivalled(self, offer: int, undecided: int) -> bool:
        """True when the offer's units are its own by now, and nothing else keeps it out: it simply stacks."""
        simple = offer in self._contest.offers and self.free_to_join(offer) and not self.limited(offer)
        return simple and not self._contest.has_rivals(offer, undecided)

    def idle(self, mask: int, offer: int) -> bool:
        """True when the offer works on units alone, none are left for it, and no rule minds it."""
        if offer not in self._contest.offers or not self.free_to_join(offer) or self._gain[offer]:
            return False
        only_units = all(self._steps[at].serves for at in self._own_steps[offer])
        return only_units and not self.limited(offer) and self._contest.served_out(mask, offer)

    def _worth(self, offer: int) -> int:
        return self._most[offer] * THOUSAND + self._gain[offer]

    # --- the value from above -------------------------------------------------------------------------------------

    def value(self, mask: int, undecided: Sequence[int]) -> int:
        """No combination that contains `mask` and otherwise only undecided offers is worth more (thousandths)."""
        together, apart, waiting = mask, [], sum(1 << i for i in undecided)
        for offer in undecided:
            if self._apart >> offer & 1 and not self.unrivalled(offer, waiting):
                apart.append(offer)
            else:
                together |= 1 << offer
        frame = self._frame(together)
        return frame.value + (self._apart_bound(mask, apart, frame) if apart else 0)

    def _apart_bound(self, mask: int, apart: Sequence[int], frame: Frame) -> int:
        contested = [offer for offer in apart if offer in self._contest.offers]
        beside = {offer: self._worth_beside(offer, frame) for offer in apart}
        units, together = self._contest.most(mask, contested, frame.keeps[UNITS])
        alone = {offer: min(worth + units.get(offer, 0), self._worth(offer)) for offer, worth in beside.items()}
        each = {offer: worth + self._slack[offer] for offer, worth in alone.items()}
        bounds = [
            self._sum_by_group(mask, each),
            self._sum_by_group(mask, alone) + self._all_slack,
            self._sum_by_group(mask, beside) + together + self._all_slack,
        ]
        return min(bounds) + self._basket_slack

    def _sum_by_group(self, mask: int, worth: dict[int, int]) -> int:
        """The sum over the offers, of each group only as many as it admits."""
        groups: dict[int, list[int]] = {}
        total = 0
        for offer, most in worth.items():
            group = self._candidates.groups[offer]
            if group is None:
                total += most
            else:
                groups.setdefault(group, []).append(offer)
        return total + sum(self._group_most(mask, members, worth) for members in groups.values())

    def _group_most(self, mask: int, members: Sequence[int], worth: dict[int, int]) -> int:
        """The most that members of a group add beside those taken: of each size only members that admit so many."""
        offers, group = self._candidates.offers, self._candidates.groups[members[0]]
        taken = [i for i in bits(mask) if self._candidates.groups[i] == group]
        largest = max(offers[i].stacking.group_max for i in members)
        limit = min((offers[i].stacking.group_max for i in taken), default=largest)
        best = 0
        for size in range(len(taken) + 1, min(limit, largest, len(taken) + len(members)) + 1):
            admitting = (worth[i] for i in members if offers[i].stacking.group_max >= size)
            best = max(best, sum(sorted(admitting, reverse=True)[: size - len(taken)]))
        return best

    def _worth_beside(self, offer: int, frame: Frame) -> int:
        """The most the offer adds to the set: of its money off what the percents keep, and its gains (thousandths).

        Money off units that are competed for is left to the contest.
        """
        found = frame.worth.get(offer)
        if found is None:
            contested = offer in self._contest.offers
            own = [at for at in self._own_steps[offer] if not (contested and self._steps[at].serves)]
            money = sum(self._off_beside(at, frame) for at in own)
            gain = sum(self._gain_bound(g, frame.low) for g in self._gains if g.offer == offer)
            found = frame.worth[offer] = min(money, self._most[offer] * THOUSAND) + gain
        return found

    def _off_beside(self, at: int, frame: Frame) -> int:
        step = self._steps[at]
        keeps = frame.keeps[step.rank]
        if step.rank == UNITS:
            most = sum(kept(off, keeps[line]) for line, off in self._offs[at].items())
            return most if step.cap is None else min(most, kept(step.cap, frame.most_keeps[at]))
        if step.rank == BASKET_AMOUNT:
            return step.amount * THOUSAND
        left = frame.low.starts[step.rank]
        if step.rank == LINE_AMOUNT:
            return sum(kept(min(step.amount, left[line]), keeps[line]) for line in step.lines)
        share = -(-(step.percent << SHARE) // HUNDRED_PERCENT)
        inside = sum(left[line] * keeps[line] for line in step.lines) * THOUSAND
        most = -(-inside * share // (ONE << SHARE))
        return most if step.cap is None else min(most, kept(step.cap, frame.most_keeps[at]))

    def _gain_bound(self, gain: Gain, low: Lowest) -> int:
        most = gain.value(self._sheet.amounts)
        if not self._even:
            return most
        paid = low.total
        if gain.lines is not None:
            paid += sum(low.bundles[at] for at in self._bundles.scope(gain.lines)) - sum(low.bundles)
        return min(most, gain.most(paid))

    # --- a set applied together -----------------------------------------------------------------------------------

    def _frame(self, mask: int) -> Frame:
        found = self._frames.get(mask)
        if found is None:
            found = self._frames[mask] = self._framed(mask)
        return found

    def _framed(self, mask: int) -> Frame:
        steps = [step for step in self._steps if mask >> step.offer & 1]
        low = lowest(self._after_units(steps), [s for s in steps if s.rank != UNITS], self._tied, self._bundles)
        gains = sum(self._gain_bound(gain, low) for gain in self._gains if mask >> gain.offer & 1)
        keeps, most_keeps = self._kept(mask)
        return Frame(low, (self._sheet.subtotal - low.total) * THOUSAND + gains, keeps, most_keeps)

    def _after_units(self, steps: Sequence[Step]) -> list[int]:
        units = [step for step in steps if step.rank == UNITS]
        if not units:
            return list(self._sheet.amounts)
        exact = self._candidates.run_class(self._sheet, self._sheet.amounts, units)
        return [
            part // exact.whole if line in self._tied else (2 * part + exact.whole) // (2 * exact.whole)
            for line, part in enumerate(exact.parts)
        ]

    def _kept(self, mask: int) -> tuple[list[list[int]], dict[int, int]]:
        """From the last step to the first: how much of a difference on each line can still be seen at the end.

        A cap that cuts several lines can carry it from one of them to another.
        """
        now = [ONE] * len(self._sheet.amounts)
        keeps, most_keeps = [now] * (BASKET_AMOUNT + 1), {}
        for at in range(len(self._steps) - 1, -1, -1):
            step = self._steps[at]
            applied = mask >> step.offer & 1
            if step.cap is not None:
                now = list(now)
                most = max(now[line] for line in step.lines)
                if not applied:
                    most_keeps[at] = most
                for line in step.lines:
                    now[line] = most
            elif applied and step.kind == "percent":
                now = list(now)
                for line in step.lines:
                    now[line] = -(-now[line] * (HUNDRED_PERCENT - step.percent) // HUNDRED_PERCENT)
            for rank in range(step.rank + 1):
                keeps[rank] = now
        return keeps, most_keeps

    # --- the most one offer can give ------------------------------------------------------------------------------

    def _most_money(self, offer: int) -> int:
        """The most it takes off the undiscounted basket, minor units."""
        steps = [self._steps[at] for at in self._own_steps[offer]]
        most = min(self._sheet.subtotal, sum(self._most_off(at) for at in self._own_steps[offer]))
        room = self._candidates.room[offer]
        return most if room is None else min(most, room + 2 * sum(len(step.lines) for step in steps) + 1)

    def _most_off(self, at: int) -> int:
        sheet, step = self._sheet, self._steps[at]
        if step.rank == UNITS:
            most = sum(self._offs[at].values()) if at in self._offs else _most_contested(sheet, step)
        elif step.kind == "percent":
            most = -(-sum(sheet.amounts[line] for line in step.lines) * step.percent // HUNDRED_PERCENT)
        elif step.rank == BASKET_AMOUNT:
            most = step.amount
        else:
            most = sum(min(step.amount, sheet.amounts[line]) for line in step.lines)
        return most if step.cap is None else min(most, step.cap)

    def _slack_of(self, offer: int) -> int:
        """How many roundings the offer can touch."""
        steps = [self._steps[at] for at in self._own_steps[offer]]
        slack = 0
        for rank in (UNITS, LINE_PERCENT):
            touched = {line for step in steps if step.rank <= rank for line in step.lines}
            slack += sum(self._roundings[rank][line] for line in self._carried(touched))
        return slack

    def _carried(self, touched: set[int]) -> set[int]:
        """The lines, and those to which caps can carry a difference on them."""
        for step in self._steps:
            if step.cap is not None and step.rank < BASKET_PERCENT and touched & set(step.lines):
                touched = touched | set(step.lines)
        return touched

    def _count_ties(self) -> int:
        """How many minor units lines that are rounded together may differ from being rounded alone."""
        slack = len(self._tied) + sum(len(step.lines) for step in self._steps if step.cap is not None)
        whole = sum(1 for amount in self._sheet.amounts if amount)
        scoped = any(step.rank == BASKET_AMOUNT and len(step.lines) < whole for step in self._steps)
        percent = any(step.rank == BASKET_PERCENT for step in self._steps)
        return slack + (len(self._sheet.amounts) if scoped and percent else 0)

    # --- the cost from below --------------------------------------------------------------------------------------

    def cost(self, mask: int, undecided: Iterable[int]) -> int:
        """No combination that contains `mask` and otherwise only undecided offers costs less (thousandths).

        Who holds units that an undecided offer may take, itself or through others, may end up costing nothing.
        """
        waiting = sum(1 << i for i in undecided if not mask >> i & 1)
        settled = mask & ~self._contest.pushed(mask, waiting)
        evaluation = self._candidates.evaluate(settled)
        money = self._sheet.subtotal - evaluation.applied.total - 2 * self._tie_slack
        fixed = sum(gain.worth * gain.amount(0) for gain in self._candidates.gains if mask >> gain.offer & 1)
        given = sum(units * self._candidates.spared(line) for line, units in evaluation.applied.freed.items())
        spared = sum(self._most_spared(offer) for offer in bits(waiting | mask & ~settled))
        return (money + given - spared) * THOUSAND + fixed

    def _most_spared(self, offer: int) -> int:
        return sum(
            max(0, -self._candidates.spared(line)) * self._sheet.units[line]
            for step in self._candidates.steps
            if step.offer == offer and step.kind in {"free", "buy_get"}
            for line in step.lines
        )


def _roundings(steps: Iterable[Step]) -> list[list[int]]:
    """By class (units, line percents) and line: 1 where the class may round."""
    steps = list(steps)
    last = max((line for step in steps for line in step.lines), default=-1)
    counts = [[0] * (last + 1), [0] * (last + 1)]
    for step in steps:
        if step.rank <= LINE_PERCENT and step.percent and (step.percent != HUNDRED_PERCENT or step.cap is not None):
            for line in step.lines:
                counts[step.rank][line] = 1
    return counts


def _tied_lines(steps: Iterable[Step]) -> frozenset[int]:
    """Lines that may be rounded together with others before the basket's classes."""
    tied = (step.lines for step in steps if step.rank < BASKET_PERCENT and step.cap is not None and len(step.lines) > 1)
    return frozenset(line for lines in tied for line in lines)


def _static_offs(
    sheet: Sheet, contest: Contest, steps: Sequence[Step], own: Sequence[int]
) -> dict[int, dict[int, int]]:
    """By step and line, the most the offer's unit effects take off undiscounted units it need not compete for."""
    mine = [at for at in own if steps[at].rank == UNITS]
    if mine and steps[mine[0]].offer in contest.offers:
        mine = [at for at in mine if not steps[at].serves]
    offs: dict[int, dict[int, int]] = {}
    for at, (step, spans) in zip(mine, assign(sheet, [steps[at] for at in mine]), strict=True):
        offs[at] = {}
        for span in spans:
            if not span.paid:
                off = unit_off(step, sheet.prices[span.line]) * (span.end - span.start)
                offs[at][span.line] = offs[at].get(span.line, 0) + off
    return offs


def _most_contested(sheet: Sheet, step: Step) -> int:
    wanted, _ = claim(step, sum(sheet.units[line] for line in step.lines))
    amount = 0
    for line in sorted(step.lines, key=lambda line: -sheet.prices[line]):
        count = min(wanted, sheet.units[line])
        amount += count * unit_off(step, sheet.prices[line])
        wanted -= count
    return amount
