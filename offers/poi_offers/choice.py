"""The choice of the best combination: exact branch and bound, and the greedy answer when the node bound is hit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from poi_offers.bound import Bounds
from poi_offers.candidates import Candidates, bits
from poi_offers.reduce import parts, unbeaten


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen combination (a mask over the candidates), whether it is known to be the best, the nodes it took."""

    mask: int
    optimal: bool
    nodes: int = 0


class _BoundHit(Exception):
    """The search met its bound in nodes."""


def choose(candidates: Candidates) -> Choice:
    """The best combination under the policy, the same on every process: compiled where it can be."""
    if candidates.solver is not None:
        try:
            return Choice(*candidates.solver.choose())
        except OverflowError:
            candidates.solver = None
    return choose_plainly(candidates)


def choose_plainly(candidates: Candidates) -> Choice:
    """As `choose`, in plain Python: the same nodes in the same order, whatever the size of the figures."""
    policy = candidates.policy.choice
    pool = candidates.valued
    tally = Tally()
    if not pool:
        return Choice(0, optimal=True)
    try:
        if policy == "priority":
            mask = _by_priority(candidates, partial(_exact, tally=tally))
        elif policy == "margin_best":
            mask = _Margin(candidates, pool, 0, tally).run()
        else:
            mask = _exact(candidates, pool, 0, tally)
        return Choice(mask, optimal=True, nodes=tally.nodes)
    except _BoundHit:
        return Choice(_greedy_answer(candidates), optimal=False, nodes=tally.nodes)


@dataclass(slots=True)
class Tally:
    """The nodes of all searches of a choice."""

    nodes: int = 0


def better(candidates: Candidates, mask: int, against: int | None) -> bool:
    """True when the combination is worth more, or wins the tie."""
    if against is None:
        return True
    mine, theirs = candidates.evaluate(mask).value, candidates.evaluate(against).value
    return mine > theirs or (mine == theirs and candidates.wins_tie(mask, against))


def _by_priority(candidates: Candidates, pick: Callable[[Candidates, Sequence[int], int], int]) -> int:
    """Class by class, the highest priority first; what a class chose stays."""
    chosen = 0
    offers = candidates.offers
    for priority in sorted({offers[i].stacking.priority for i in candidates.valued}, reverse=True):
        pool = [i for i in candidates.valued if offers[i].stacking.priority == priority]
        chosen = pick(candidates, pool, chosen)
    return chosen


def _exact(candidates: Candidates, pool: Sequence[int], fixed: int, tally: Tally) -> int:
    """The best of the pool beside the fixed offers, the exclusive ones each alone."""
    stacking = unbeaten(candidates, [i for i in pool if not candidates.exclusive >> i & 1], fixed)
    best, spent = fixed, 0
    for part in parts(candidates, stacking, fixed):
        search = _Value(candidates, part, fixed, tally, spent)
        best |= search.run()
        spent = search.nodes
    for alone in pool if not fixed else ():
        mask = 1 << alone
        if mask & candidates.exclusive and candidates.legal(mask) and better(candidates, mask, best):
            best = mask
    return best


class _Node(NamedTuple):
    """A partial combination: `at` is where in the order to go on, `idle` and `later` are masks of offers set aside.

    `bound` is that of its value where it is known.
    """

    at: int
    mask: int
    idle: int
    later: int
    bound: int | None = None


class _Search(ABC):
    """Depth first over the offers of a pool: with, then without; a branch that cannot win is left."""

    def __init__(self, candidates: Candidates, pool: Sequence[int], fixed: int, tally: Tally, spent: int = 0) -> None:
        self.candidates = candidates
        self.tally = tally
        self.bounds = Bounds(candidates, [i for i in pool if not candidates.exclusive >> i & 1], fixed)
        self.fixed = fixed
        self.may_idle = True
        self.best: int | None = None
        self.nodes = spent

    def run(self) -> int:
        stack = [_Node(0, self.fixed, 0, 0)]
        while stack:
            node = stack.pop()
            self._count()
            ahead = self.ahead(node)
            if ahead or node.later:
                stack += self._below(node, ahead)
            else:
                self.settle(self.with_idle(node.mask, node.idle))
        return self.fixed if self.best is None else self.best

    def ahead(self, node: "_Node") -> list[int]:
        """The offers of the order that may still join."""
        return [i for i in self.bounds.order[node.at :] if self.candidates.addable(node.mask, i)]

    def _below(self, node: "_Node", ahead: Sequence[int]) -> list["_Node"]:
        """The nodes to look at next, the last one first."""
        at, mask, idle, later, bound = node
        waiting = [*ahead, *bits(later)]
        if ahead:
            offer, at = ahead[0], self.bounds.order.index(ahead[0]) + 1
            if self.may_idle and self.bounds.idle(mask, offer):
                return [_Node(at, mask, idle | 1 << offer, later, bound)]
            if self.may_wait(offer, sum(1 << i for i in waiting)):
                return [_Node(at, mask, idle, later | 1 << offer, bound)]
        else:
            offer = waiting[0]
            later &= ~(1 << offer)
        if not self.hopeful(mask, waiting, idle, bound):
            return []
        return self.branch(offer, _Node(at, mask | 1 << offer, idle, later), _Node(at, mask, idle, later))

    def _count(self) -> None:
        self.nodes += 1
        self.tally.nodes += 1
        if self.nodes > self.candidates.policy.node_bound:
            raise _BoundHit

    @abstractmethod
    def with_idle(self, mask: int, idle: int) -> int:
        """The decided combination with those of its idle offers (they change no amount) that belong in it."""

    def settle(self, mask: int) -> None:
        """Offer a decided combination, unless its bound says enough."""
        self.offer(mask)

    @abstractmethod
    def offer(self, mask: int) -> None:
        """Take a decided combination when it is the best so far."""

    @abstractmethod
    def hopeful(self, mask: int, undecided: Sequence[int], idle: int, bound: int | None = None) -> bool:
        """False when nothing below can beat the best so far."""

    @abstractmethod
    def may_wait(self, offer: int, undecided: int) -> bool:
        """True when the offer is better decided after all others."""

    @abstractmethod
    def branch(self, offer: int, having: "_Node", without: "_Node") -> list["_Node"]:
        """Of the node with the offer and the one without it those that may lead to an answer, the last one first."""


class _Value(_Search):
    """Greatest value."""

    def with_idle(self, mask: int, idle: int) -> int:
        return self.candidates.with_idle(mask, idle)

    def settle(self, mask: int) -> None:
        if self.hopeful(mask, (), 0):
            self.offer(mask)

    def offer(self, mask: int) -> None:
        if self.candidates.within_limits(mask) and better(self.candidates, mask, self.best):
            self.best = mask

    def may_wait(self, offer: int, undecided: int) -> bool:
        return self.bounds.unrivalled(offer, undecided)

    def hopeful(self, mask: int, undecided: Sequence[int], idle: int, bound: int | None = None) -> bool:
        if self.best is None:
            return True
        value = self.candidates.evaluate(self.best).value
        if bound is None:
            bound = self.bounds.value(mask, undecided)
        return bound > value or (
            bound == value and self.candidates.may_win_tie(mask, [*undecided, *bits(idle)], self.best)
        )

    def branch(self, offer: int, having: _Node, without: _Node) -> list[_Node]:
        """What promises more goes first where that is in doubt."""
        if not self.bounds.apart(offer):
            return [without, having]
        having, without = self._bounded(having), self._bounded(without)
        assert having.bound is not None and without.bound is not None
        return [having, without] if without.bound > having.bound else [without, having]

    def _bounded(self, node: _Node) -> _Node:
        return node._replace(bound=self.bounds.value(node.mask, [*self.ahead(node), *bits(node.later)]))


class _Margin(_Search):
    """Least cost among the combinations to which nothing more can be added."""

    def __init__(self, candidates: Candidates, pool: Sequence[int], fixed: int, tally: Tally) -> None:
        super().__init__(candidates, pool, fixed, tally)
        self.any_limit = any(room is not None for room in candidates.room)
        self.may_idle = not self.any_limit  # it may come before those who hold the units, and change what they take
        self.forced = 0 if self.any_limit else sum(1 << i for i in self.bounds.order if self.bounds.free_to_join(i))

    def run(self) -> int:
        best = super().run()
        for alone in self.candidates.valued:
            if self.candidates.exclusive >> alone & 1 and self.candidates.addable(0, alone):
                self.offer(1 << alone)
        return best if self.best is None else self.best

    def with_idle(self, mask: int, idle: int) -> int:
        return mask | idle

    def offer(self, mask: int) -> None:
        if self.candidates.within_limits(mask) and self._cheaper(mask) and is_maximal(self.candidates, mask):
            self.best = mask

    def _cheaper(self, mask: int) -> bool:
        if self.best is None:
            return True
        mine, theirs = self.candidates.evaluate(mask).cost, self.candidates.evaluate(self.best).cost
        return mine < theirs or (mine == theirs and self.candidates.wins_tie(mask, self.best))

    def may_wait(self, offer: int, undecided: int) -> bool:
        return False

    def hopeful(self, mask: int, undecided: Sequence[int], idle: int, bound: int | None = None) -> bool:
        undecided = [*undecided, *bits(idle)]
        if not self._can_be_filled(mask, undecided):
            return False
        if self.best is None:
            return True
        forced = mask | sum(1 << i for i in undecided if self.forced >> i & 1)
        return self.bounds.cost(forced, undecided) <= self.candidates.evaluate(self.best).cost

    def _can_be_filled(self, mask: int, undecided: Sequence[int]) -> bool:
        """False when an offer was left out whose group keeps a place for it: such a combination is not maximal."""
        candidates, offers = self.candidates, self.candidates.offers
        waiting = mask | sum(1 << i for i in undecided)
        for out in self.bounds.order if not self.any_limit else ():
            group = candidates.groups[out]
            if waiting >> out & 1 or group is None or offers[out].reward_points is not None:
                continue
            members = [i for i in bits(waiting) if candidates.groups[i] == group]
            if len(members) < min(offers[i].stacking.group_max for i in (*members, out)):
                return False
        return True

    def branch(self, offer: int, having: _Node, without: _Node) -> list[_Node]:
        """An offer that nothing keeps out is in every combination to which nothing can be added."""
        may_leave_out = self.any_limit or not self.bounds.free_to_join(offer)
        return [without, having] if may_leave_out else [having]


def is_maximal(candidates: Candidates, mask: int) -> bool:
    """True when no further offer can be added legally."""
    others = (i for i in candidates.valued if not mask >> i & 1)
    return not any(candidates.addable(mask, i) and candidates.within_limits(mask | 1 << i) for i in others)


# --- greedy: the specified answer when the search meets its bound ---------------------------------------------------


def _greedy_answer(candidates: Candidates) -> int:
    policy = candidates.policy.choice
    if policy == "priority":
        return _by_priority(candidates, greedy)
    if policy == "margin_best":
        return _greedy_cost(candidates)
    return greedy(candidates, candidates.valued, 0)


def greedy(candidates: Candidates, pool: Sequence[int], fixed: int) -> int:
    """Add offers by what each is worth alone (then priority, then id); keep each that is legal and raises the value."""
    chosen = fixed
    for offer in sorted(pool, key=lambda i: (-candidates.evaluate(1 << i).value, i)):
        grown = chosen | 1 << offer
        raises = candidates.evaluate(grown).value > candidates.evaluate(chosen).value
        if raises and candidates.addable(chosen, offer) and candidates.within_limits(grown):
            chosen = grown
    return chosen


def _greedy_cost(candidates: Candidates) -> int:
    """Add offers by what each costs alone, the cheapest first; keep each that is legal."""
    chosen = 0
    for offer in sorted(candidates.valued, key=lambda i: (candidates.evaluate(1 << i).cost, i)):
        grown = chosen | 1 << offer
        if candidates.addable(chosen, offer) and candidates.within_limits(grown):
            chosen = grown
    return chosen
