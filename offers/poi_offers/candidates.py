"""The offers a basket may get: which combinations are legal, what each is worth, which of two equals wins."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

from poi_cext.choose import COMPILED, Solver
from poi_offers.arithmetic import Applied, apply
from poi_offers.effects import EffectBook
from poi_offers.exact import Exact, run_class
from poi_offers.model import Offer
from poi_offers.offer_effects import Message, NextVisitCoupon
from poi_offers.points import THOUSAND, Gain, gains_of
from poi_offers.policy import Policy
from poi_offers.steps import UNITS, Sheet, Step, steps_of

_QUIET = (Message, NextVisitCoupon)

_id_of = attrgetter("offer_id")
_priority_of = attrgetter("stacking.priority")
_POLICIES = {"customer_best": 0, "priority": 1, "margin_best": 2}
_MOST_ROOM = 1 << 50
"""More minor units than any basket holds."""

_END = 1 << 30
"""Ends a list of priorities; above any priority, so that of two lists with a common start the shorter wins."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A combination's money; `value` and `cost` in thousandths of a minor unit, `gains` as (gain, amount)."""

    applied: Applied
    saved: dict[int, int]
    gains: tuple[tuple[Gain, int], ...]
    value: int
    cost: int

    def claimed(self, offer: int) -> int:
        """Money off and stored value an offer gives, minor units: what its money limits count."""
        stored = sum(amount for gain, amount in self.gains if gain.offer == offer and gain.kind == "cashback")
        return self.saved.get(offer, 0) + stored


class Candidates:
    """Eligible offers over one basket; combinations are bit masks over `offers` (priority descending, then id).

    `points` is the customer's balance for rewards, `room` the minor units left under each offer's money limits (None:
    no such limit), `earns` tells whether points and stored value have somebody to go to. `book` keeps what was read of
    the offers for the next basket. `solver` is the compiled choice over the same; None where it is not built or not
    wanted, or the figures are too large for it.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        sheet: Sheet,
        policy: Policy,
        points: int = 0,
        room: dict[str, int] | None = None,
        earns: bool = True,
        book: EffectBook | None = None,
        compiled: bool = COMPILED,
    ) -> None:
        self.offers = tuple(sorted(sorted(offers, key=_id_of), key=_priority_of, reverse=True))
        self.sheet = sheet
        self.policy = policy
        self.points = points
        self.earns = earns
        self.room = tuple([room.get(offer.offer_id) for offer in self.offers] if room else [None] * len(self.offers))
        self.groups = self._number_groups()
        self.solver = self._solver(book or EffectBook()) if compiled else None
        self._evaluations: dict[int, Evaluation] = {}
        self._units: dict[int, Exact] = {}

    def _number_groups(self) -> tuple[int | None, ...]:
        numbers: dict[str, int] = {}
        groups = [offer.stacking.group for offer in self.offers]
        return tuple(None if group is None else numbers.setdefault(group, len(numbers)) for group in groups)

    @cached_property
    def steps(self) -> list[Step]:
        """All steps in the order of arithmetic."""
        return steps_of(self.offers, self.sheet)

    @cached_property
    def gains(self) -> list[Gain]:
        """Points and cashback that give something on the undiscounted basket."""
        return gains_of(self.offers, self.sheet, self.policy) if self.earns else []

    @cached_property
    def exclusive(self) -> int:
        """The offers that stand alone or not at all."""
        return sum(1 << i for i, offer in enumerate(self.offers) if offer.stacking.exclusive)

    @cached_property
    def valued(self) -> tuple[int, ...]:
        """Offers that may be worth something here: these are chosen among."""
        if self.solver is not None:
            return tuple(bits(self.solver.valued))
        working = {step.offer for step in self.steps} | {gain.offer for gain in self.gains if gain.worth}
        return tuple(i for i in range(len(self.offers)) if i in working)

    @cached_property
    def quiet(self) -> tuple[int, ...]:
        """Offers of value 0 that still give something: messages, coupons, points of no worth."""
        giving = {gain.offer for gain in self.gains} if self.solver is None else set(bits(self.solver.giving))
        valued = set(self.valued)
        return tuple(
            i
            for i, offer in enumerate(self.offers)
            if i not in valued and (i in giving or all(isinstance(e, _QUIET) for e in offer.effects))
        )

    def _solver(self, book: EffectBook) -> "Solver | None":
        sheet, policy = self.sheet, self.policy
        written, tags = book.read(self.offers, sheet.items)
        ranks = {offer_id: rank for rank, offer_id in enumerate(sorted(map(_id_of, self.offers)))}
        terms = [
            (
                found.priority,
                found.exclusive,
                -1 if group is None else group,
                found.group_max,
                found.reward,
                -1 if room is None else min(room, _MOST_ROOM),
                ranks[found.offer.offer_id],
            )
            for found, group, room in zip(written, self.groups, self.room, strict=True)
        ]
        spared = [0 if item.cost is None else item.cost - item.unit_price for item in sheet.items]
        try:
            return Solver(
                list(zip(tags, sheet.amounts, sheet.prices, sheet.units, spared, strict=True)),
                [found.program for found in written],
                terms,
                _POLICIES[policy.choice],
                policy.node_bound,
                self.points,
                policy.points,
                policy.points_amount,
                policy.point_value,
                self.earns,
            )
        except OverflowError:
            return None

    # --- legality -------------------------------------------------------------------------------------------------

    def addable(self, mask: int, offer: int) -> bool:
        """True when exclusivity, groups and the customer's points allow the offer beside the combination."""
        if mask and (mask & self.exclusive or self.exclusive >> offer & 1):
            return False
        return not self.full_group(mask, offer) and self.points_short(mask, offer) <= 0

    def full_group(self, mask: int, offer: int) -> list[int]:
        """The members that keep the offer out of its group; empty when it has a place."""
        group = self.offers[offer].stacking.group
        if group is None:
            return []
        members = [i for i in bits(mask) if self.offers[i].stacking.group == group]
        most = min(self.offers[i].stacking.group_max for i in (*members, offer))
        return members if len(members) >= most else []

    def points_short(self, mask: int, offer: int) -> int:
        """Points missing to pay the offer beside the combination's rewards; not above 0 when they suffice."""
        price = self.offers[offer].reward_points
        if price is None:
            return 0
        return price + sum(self.offers[i].reward_points or 0 for i in bits(mask)) - self.points

    def within_limits(self, mask: int) -> bool:
        """True when no offer of the combination gives more than its money limits leave."""
        limited = [i for i in bits(mask) if self.room[i] is not None]
        if not limited:
            return True
        evaluation = self.evaluate(mask)
        return all(evaluation.claimed(i) <= (self.room[i] or 0) for i in limited)

    def legal(self, mask: int) -> bool:
        """True when the combination breaks no rule."""
        return all(self.addable(mask & ~(1 << i), i) for i in bits(mask)) and self.within_limits(mask)

    # --- worth ----------------------------------------------------------------------------------------------------

    def steps_in(self, mask: int) -> list[Step]:
        """The steps of a combination in the order of arithmetic."""
        return [step for step in self.steps if mask >> step.offer & 1]

    def run_class(self, sheet: Sheet, left: Sequence[int], steps: Sequence[Step]) -> Exact:
        """As `exact.run_class`, remembering the unit class: it is the dearest, and often asked again."""
        if steps[0].rank != UNITS:
            return run_class(sheet, left, steps)
        offers = 0
        for step in steps:
            offers |= 1 << step.offer
        found = self._units.get(offers)
        if found is None:
            found = self._units[offers] = run_class(sheet, left, steps)
        return found

    def evaluate(self, mask: int) -> Evaluation:
        """The combination's exact money."""
        found = self._evaluations.get(mask)
        if found is None:
            found = self._evaluations[mask] = self._evaluate(mask)
        return found

    def _evaluate(self, mask: int) -> Evaluation:
        if self.solver is not None:
            try:
                left, shares, freed, given, value, cost = self.solver.evaluate(mask)
            except OverflowError:
                return self._evaluate_plainly(mask)
            applied = Applied(left, shares, freed)
            gains = tuple((_gain(*gain), gain[-1]) for gain in given)
            return Evaluation(applied, applied.saved_by(), gains, value, cost)
        return self._evaluate_plainly(mask)

    def _evaluate_plainly(self, mask: int) -> Evaluation:
        applied = apply(self.sheet, self.steps_in(mask), self.run_class)
        given = [(gain, gain.amount(gain.base(applied.left))) for gain in self.gains if mask >> gain.offer & 1]
        gains = tuple((gain, amount) for gain, amount in given if amount)
        value = (self.sheet.subtotal - applied.total) * THOUSAND + sum(gain.worth * amount for gain, amount in gains)
        cost = value + THOUSAND * sum(units * self.spared(line) for line, units in applied.freed.items())
        return Evaluation(applied, applied.saved_by(), gains, value, cost)

    def spared(self, line: int) -> int:
        """What a unit given away costs the merchant beyond its price, minor units (negative when it costs less)."""
        cost = self.sheet.items[line].cost
        return 0 if cost is None else cost - self.sheet.prices[line]

    # --- ties -----------------------------------------------------------------------------------------------------

    def priorities(self, mask: int) -> tuple[int, ...]:
        """Priorities in descending order, closed so that the greater tuple wins a tie."""
        return (*(self.offers[i].stacking.priority for i in bits(mask)), _END)

    def wins_tie(self, mask: int, against: int) -> bool:
        """True when the combination goes before an equally good one."""
        mine, theirs = self.priorities(mask), self.priorities(against)
        return mine > theirs if mine != theirs else self._ids(mask) < self._ids(against)

    def may_win_tie(self, mask: int, undecided: Sequence[int], against: int) -> bool:
        """True when the combination, or one it may grow into, can go before an equally good one.

        Only an offer of higher priority than the lowest one chosen can improve a tie.
        """
        if not mask:
            return True
        lowest = min(self.offers[i].stacking.priority for i in bits(mask))
        better = sum(1 << i for i in undecided if self.offers[i].stacking.priority > lowest)
        if not better:
            return self.wins_tie(mask, against)
        return self.priorities(mask | better) >= self.priorities(against)

    def with_idle(self, mask: int, idle: int) -> int:
        """The combination with those of some idle offers (no money, no rule) that improve its place in a tie."""
        if not mask:
            return mask
        lowest = min(self.offers[i].stacking.priority for i in bits(mask))
        return mask | sum(1 << i for i in bits(idle) if self.offers[i].stacking.priority > lowest)

    def _ids(self, mask: int) -> list[str]:
        return sorted(self.offers[i].offer_id for i in bits(mask))


def _gain(offer: int, position: int, cashback: bool, worth: int, _: int) -> Gain:
    return Gain(offer, position, "cashback" if cashback else "points", worth)


def bits(mask: int) -> Iterator[int]:
    """Positions of the set bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
