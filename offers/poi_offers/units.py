"""Which units each unit effect works on.

Units are taken by their price before any discount, so that the order of other offers never changes which unit is the
cheapest. Free and got units are the cheapest ones not served yet, fixed prices serve the dearest first, ties by line
id. Units of one line are served from its first unit on, so what is served of a line is always a prefix of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from poi_offers.steps import Sheet, Step


@dataclass(frozen=True, slots=True)
class Span:
    """Units `start` to `end` (excluded) of a line, held by a step; `paid` units are used up at their full price."""

    line: int
    start: int
    end: int
    paid: bool = False


def assign(sheet: Sheet, steps: Iterable[Step]) -> list[tuple[Step, list[Span]]]:
    """The spans of each unit step, in the order given."""
    served = [0] * len(sheet.units)
    return [(step, _spans(sheet, step, served)) for step in steps]


def _spans(sheet: Sheet, step: Step, served: list[int]) -> list[Span]:
    match step.kind:
        case "unit":
            return [Span(line, 0, sheet.units[line]) for line in step.lines]
        case "cheapest":
            return _take(sheet, step.lines, step.units, [0] * len(sheet.units))
        case "buy_get":
            return _bought_and_got(sheet, step, served)
        case _:
            return _take(sheet, step.lines, step.units, served)


def _bought_and_got(sheet: Sheet, step: Step, served: list[int]) -> list[Span]:
    free = sum(sheet.units[line] - served[line] for line in step.lines)
    bought, got = deal(free, step.buy, step.get, step.units or 1)
    return _take(sheet, step.lines, got, served) + _take(sheet, step.lines, bought, served, paid=True)


def deal(units: int, buy: int, get: int, times: int) -> tuple[int, int]:
    """How many of `units` are bought and how many got: whole rounds, then a last round with fewer got."""
    rounds = min(times, units // (buy + get))
    bought, got = rounds * buy, rounds * get
    left = units - bought - got
    if rounds < times and left > buy:
        return bought + buy, got + left - buy
    return bought, got


def _take(sheet: Sheet, lines: Sequence[int], wanted: int | None, served: list[int], paid: bool = False) -> list[Span]:
    spans = []
    for line in lines:
        start, free = served[line], sheet.units[line] - served[line]
        count = free if wanted is None else min(free, wanted)
        if count:
            spans.append(Span(line, start, start + count, paid))
            served[line] += count
        if wanted is not None:
            wanted -= count
    return spans
