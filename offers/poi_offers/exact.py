"""One class of arithmetic, exactly: what its steps leave on each line, before the class's one rounding.

Amounts are integers over one common denominator, which is many times faster than fractions and as exact.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm

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


Price = int | Fraction
Runs = list[tuple[int, Price]]


def _run_units(sheet: Sheet, exact: Exact, steps: Sequence[Step]) -> None:
    runs: dict[int, Runs] = {}
    for position, (step, spans) in enumerate(assign(sheet, steps)):
        priced = [span for span in spans if not span.paid]
        for span in priced:
            runs.setdefault(span.line, [(sheet.units[span.line], sheet.prices[span.line])])
        cuts = _unit_cuts(runs, step, priced)
        exact.cuts.extend((position, line, cut.numerator, cut.denominator) for line, cut in cuts.items())
        if step.cap is not None and len(cuts) > 1 and sum(cuts.values()) == step.cap:
            exact.tied.append(tuple(sorted(cuts)))
        if step.kind == "free" or (step.kind == "buy_get" and step.percent == HUNDRED_PERCENT):
            _count_freed(exact, priced)
    _write_back(sheet, exact, runs)


def _unit_cuts(runs: dict[int, Runs], step: Step, spans: Iterable[Span]) -> dict[int, Price]:
    """Lower the units of the spans by the step; the exact money off by line."""
    spans = list(spans)
    before = {span.line: _amount(runs[span.line]) for span in spans}
    wanted = [(span, _cut_out(runs[span.line], span, step, Fraction(1))) for span in spans]
    cuts = {span.line: before[span.line] - _amount(lowered) for span, lowered in wanted}
    total = sum(cuts.values())
    if step.cap is not None and total > step.cap:
        keep = Fraction(step.cap) / total
        wanted = [(span, _cut_out(runs[span.line], span, step, keep)) for span in spans]
        cuts = {span.line: before[span.line] - _amount(lowered) for span, lowered in wanted}
    for span, lowered in wanted:
        runs[span.line] = lowered
    return cuts


def _cut_out(runs: Runs, span: Span, step: Step, keep: Fraction) -> Runs:
    """The runs with the units of the span lowered by `keep` (0 to 1) of what the step takes."""
    lowered: Runs = []
    at = 0
    for count, price in runs:
        inside = max(0, min(at + count, span.end) - max(at, span.start))
        ahead = min(max(span.start - at, 0), count)
        pieces = ((ahead, price), (inside, _lower(price, step, keep)), (count - ahead - inside, price))
        lowered.extend((length, value) for length, value in pieces if length)
        at += count
    return lowered


def _lower(price: Price, step: Step, keep: Fraction) -> Price:
    match step.kind:
        case "fixed":
            off: Price = max(0, price - step.amount)
        case "unit":
            off = min(price, step.amount)
        case "free":
            off = price
        case _:
            off = Fraction(price * step.percent, HUNDRED_PERCENT)
    return price - off * keep


def _amount(runs: Runs) -> Price:
    return sum(count * price for count, price in runs)


def _count_freed(exact: Exact, spans: Iterable[Span]) -> None:
    for span in spans:
        exact.freed[span.line] = exact.freed.get(span.line, 0) + span.end - span.start


def _write_back(sheet: Sheet, exact: Exact, runs: dict[int, Runs]) -> None:
    left = {line: Fraction(_amount(line_runs)) for line, line_runs in runs.items()}
    exact.whole = lcm(*(amount.denominator for amount in left.values()))
    exact.parts = [part * exact.whole for part in exact.parts]
    for line, amount in left.items():
        rest = sheet.amounts[line] - sheet.units[line] * sheet.prices[line]
        exact.parts[line] = rest * exact.whole + amount.numerator * (exact.whole // amount.denominator)
