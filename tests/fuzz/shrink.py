"""From a long history that shows a difference to a short one: fewer steps, then simpler ones."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import TypeVar

import msgspec

from poi_offers import offer_conditions
from poi_offers.offer_conditions import Condition
from poi_offers.situation import Situation
from tests.fuzz.steps import Add, Ask, Look, Own, Put

T = TypeVar("T")


def shrunk(steps: list[T], fails: Callable[[list[T]], bool], patience: float = 60.0) -> list[T]:
    """A history no longer than `steps` that fails as well, found within `patience` seconds."""
    until = monotonic() + patience
    steps = _fewer(steps, fails, until)
    progress = True
    while progress and monotonic() < until:
        progress = False
        for i, step in enumerate(steps):
            better = next((one for one in simpler(step) if fails([*steps[:i], one, *steps[i + 1 :]])), None)
            if better is not None:
                steps, progress = [*steps[:i], better, *steps[i + 1 :]], True
                break
    return steps


def _fewer(steps: list[T], fails: Callable[[list[T]], bool], until: float) -> list[T]:
    """Leave out ever smaller runs of steps."""
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps) and monotonic() < until:
            less = steps[:at] + steps[at + size :]
            if fails(less):
                steps = less
            else:
                at += size
        size //= 2
    return steps


def simpler(step: object) -> Iterator[object]:
    """The step with less in it, in every way there is."""
    match step:
        case Put(offer):
            for tree in _smaller_trees(offer.conditions):
                yield Put(msgspec.structs.replace(offer, conditions=tree))
        case Ask(situation, top):
            yield from (Ask(one, top) for one in _smaller_situations(situation))
        case Own(clauses) | Add(_, clauses):
            for less in _smaller_clauses(clauses):
                yield msgspec.structs.replace(step, clauses=less)
        case Look():
            yield from _smaller_looks(step)


def _smaller_trees(tree: Condition) -> Iterator[Condition]:
    if isinstance(tree, offer_conditions.Not):
        yield tree.of
        yield from (offer_conditions.Not(of=part) for part in _smaller_trees(tree.of))
    elif isinstance(tree, (offer_conditions.All, offer_conditions.Any)):
        yield from tree.of
        for i, part in enumerate(tree.of):
            before, after = tree.of[:i], tree.of[i + 1 :]
            if len(tree.of) > 1:
                yield type(tree)(of=(*before, *after))
            yield from (type(tree)(of=(*before, less, *after)) for less in _smaller_trees(part))


def _smaller_situations(situation: Situation) -> Iterator[Situation]:
    basket, place, replace = situation.basket, situation.place, msgspec.structs.replace
    for name in ("customer", "payment", "partner"):
        if getattr(situation, name) is not None:
            yield replace(situation, **{name: None})
    for i in range(len(basket.items)):
        yield replace(situation, basket=replace(basket, items=basket.items[:i] + basket.items[i + 1 :]))
    if basket.codes:
        yield replace(situation, basket=replace(basket, codes=()))
    if place.regions:
        yield replace(situation, place=replace(place, regions=()))
    customer = situation.customer
    if customer is not None and customer.segments:
        yield replace(situation, customer=replace(customer, segments=()))


def _smaller_clauses(clauses: tuple[tuple[int, ...], ...]) -> Iterator[tuple[tuple[int, ...], ...]]:
    for i, program in enumerate(clauses):
        before, after = clauses[:i], clauses[i + 1 :]
        if len(clauses) > 1:
            yield (*before, *after)
        at = 0
        while at < len(program):
            end = at + 3 + program[at + 2]
            yield (*before, program[:at] + program[end:], *after)
            at = end


def _smaller_looks(look: Look) -> Iterator[Look]:
    if look.top:
        yield msgspec.structs.replace(look, top=0)
    for i in range(len(look.lines)):
        yield msgspec.structs.replace(look, lines=look.lines[:i] + look.lines[i + 1 :])
    for i, values in enumerate(look.sets):
        if values:
            yield msgspec.structs.replace(look, sets=(*look.sets[:i], values[: len(values) // 2], *look.sets[i + 1 :]))
