"""One class of arithmetic, exactly: what its steps leave on each line, before the class's one rounding.

Amounts are integers over one common denominator, which is many times faster than fractions and as exact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import gcd

from poi_offers.steps import BASKET_PERCENT, UNITS, Sheet, Step
from poi_offers.units import Span, assign

HUNDRED_PERCENT = 10_000


@dataclass(slots=True)
class Exact:
    """Line amounts `parts[i] / whole`; `cuts` are (step, line, numerator, denominator) in the order made.

    `tied` are lines that one cap or basket amount cuts together: they share one rounding. `freed` counts the units
    given away for nothing, by line.
    """

    parts: list[int]
    whole: int = 1
    cuts: list[tuple[int, int, int, int]] = field(default_factory=list)
    tied: list[tuple[int, ...]] = field(default_factory=list)
    freed: dict[int, int] = field(default_factory=dict)


def run_class(sheet: Sheet, left: Sequence[int], steps: Sequence[Step]) -> Exact:
    """Apply the steps of one class to whole line amounts (minor units)."""
    exact = Exact(list(left))
    if steps[0].rank == UNITS:
        _run_units(sheet, exact, steps)
        return exact
    for position, step in enumerate(steps):
        _run_lines(exact, position, step)
    if steps[0].rank >= BASKET_PERCENT:
        exact.tied = [tuple(sorted({line for step in steps for line in step.lines}))]
    return exact


def _run_lines(exact: Exact, position: int, step: Step) -> None:
    if step.kind == "percent":
        in_scope = sum(exact.parts[line] for line in step.lines)
        capped = step.cap is not None and in_scope * step.percent > step.cap * HUNDRED_PERCENT * exact.whole
        if capped and step.cap is not None:
            _cut_together(exact, position, step.lines, step.cap)
        else:
            _cut_share(exact, position, step)
    elif step.rank < BASKET_PERCENT:
        _cut_each(exact, position, step)
    else:
        _cut_together(exact, position, step.lines, step.amount)


def _cut_share(exact: Exact, position: int, step: Step) -> None:
    common = gcd(step.percent, HUNDRED_PERCENT)
    share, of = step.percent // common, HUNDRED_PERCENT // common
    _rescale(exact, of)
    for line in step.lines:
        cut = exact.parts[line] // of * share
        exact.parts[line] -= cut
        exact.cuts.append((position, line, cut, exact.whole))


def _cut_each(exact: Exact, position: int, step: Step) -> None:
    most = step.amount * exact.whole
    for line in step.lines:
        cut = min(most, exact.parts[line])
        exact.parts[line] -= cut
        exact.cuts.append((position, line, cut, exact.whole))


def _cut_together(exact: Exact, position: int, lines: tuple[int, ...], amount: int) -> None:
    """Take `amount` off the lines together, in proportion to what is left of each."""
    in_scope = sum(exact.parts[line] for line in lines)
    target = min(amount * exact.whole, in_scope)
    if in_scope == 0:
        return
    common = gcd(target, in_scope)
    share, of = target // common, in_scope // common
    _rescale(exact, of)
    for line in lines:
        cut = exact.parts[line] // of * share
        exact.parts[line] -= cut
        exact.cuts.append((position, line, cut, exact.whole))
    exact.tied.append(lines)


def _rescale(exact: Exact, factor: int) -> None:
    if factor != 1:
        exact.parts = [part * factor for part in exact.parts]
        exact.whole *= factor


# --- units: a line's units are runs of equal current price ---------------------------------------------------------

Runs = list[tuple[int, int]]
"""(count, price) of neighbouring units; prices are over the common denominator."""


def _run_units(sheet: Sheet, exact: Exact, steps: Sequence[Step]) -> None:
    for step in steps:
        exact.whole *= HUNDRED_PERCENT // gcd(step.percent, HUNDRED_PERCENT) if step.percent else 1
    runs: dict[int, Runs] = {}
    for position, (step, spans) in enumerate(assign(sheet, steps)):
        priced = [span for span in spans if not span.paid]
        for span in priced:
            if span.line not in runs:
                runs[span.line] = [(sheet.units[span.line], sheet.prices[span.line] * exact.whole)]
        _cut_units(exact, runs, position, step, priced)
        if step.kind == "free" or (step.kind == "buy_get" and step.percent == HUNDRED_PERCENT):
            _count_freed(exact, priced)
    _write_back(sheet, exact, runs)


def _cut_units(exact: Exact, runs: dict[int, Runs], position: int, step: Step, spans: Sequence[Span]) -> None:
    """Lower the units of the spans by the step, at most by its cap."""
    cuts = [_cut_span(runs, exact.whole, step, span, 1, 1) for span in spans]
    total = sum(off for _, off in cuts)
    if step.cap is not None and total > step.cap * exact.whole:
        common = gcd(step.cap * exact.whole, total)
        keep, of = step.cap * exact.whole // common, total // common
        _rescale_runs(exact, runs, of)
        cuts = [_cut_span(runs, exact.whole, step, span, keep, of) for span in spans]
        exact.tied.append(tuple(sorted(span.line for span in spans)))
    for span, (lowered, off) in zip(spans, cuts, strict=True):
        runs[span.line] = lowered
        exact.cuts.append((position, span.line, off, exact.whole))


def _rescale_runs(exact: Exact, runs: dict[int, Runs], factor: int) -> None:
    exact.whole *= factor
    for line, line_runs in runs.items():
        runs[line] = [(count, price * factor) for count, price in line_runs]


def _cut_span(runs: dict[int, Runs], whole: int, step: Step, span: Span, keep: int, of: int) -> tuple[Runs, int]:
    """The line's runs with the units of the span lowered by `keep / of` of what the step takes, and the money off."""
    lowered: Runs = []
    at = taken = 0
    for count, price in runs[span.line]:
        inside = min(at + count, span.end) - max(at, span.start)
        if inside <= 0:
            lowered.append((count, price))
        else:
            off = _off(price, whole, step) // of * keep
            ahead = max(span.start - at, 0)
            pieces = ((ahead, price), (inside, price - off), (count - ahead - inside, price))
            lowered.extend(piece for piece in pieces if piece[0])
            taken += inside * off
        at += count
    return lowered, taken


def _off(price: int, whole: int, step: Step) -> int:
    """What the step takes off one unit."""
    match step.kind:
        case "fixed":
            return max(0, price - step.amount * whole)
        case "unit":
            return min(price, step.amount * whole)
        case "free":
            return price
        case _:
            return price * step.percent // HUNDRED_PERCENT


def _count_freed(exact: Exact, spans: Iterable[Span]) -> None:
    for span in spans:
        exact.freed[span.line] = exact.freed.get(span.line, 0) + span.end - span.start


def _write_back(sheet: Sheet, exact: Exact, runs: dict[int, Runs]) -> None:
    exact.parts = [part * exact.whole for part in exact.parts]
    for line, line_runs in runs.items():
        rest = sheet.amounts[line] - sheet.units[line] * sheet.prices[line]
        exact.parts[line] = rest * exact.whole + sum(count * price for count, price in line_runs)
