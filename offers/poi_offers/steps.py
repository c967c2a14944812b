"""A basket as a numeric sheet, and offers as steps over it in the fixed order of arithmetic.

A step is one money effect of one offer. Steps run class by class: units and fixed prices, line percents, line
amounts, basket percents, basket amounts; within a class by priority descending, offer id, effect position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff, BuyXGetY, Effect, FixedPrice, FreeItem, PercentOff
from poi_offers.selection import selected
from poi_offers.situation import SaleItem

_line_id = attrgetter("line_id")
UNITS, LINE_PERCENT, LINE_AMOUNT, BASKET_PERCENT, BASKET_AMOUNT = range(5)
Kind = Literal["fixed", "free", "buy_get", "cheapest", "unit", "percent", "amount"]
SERVING: frozenset[Kind] = frozenset({"fixed", "free", "buy_get"})
"""Kinds that use units up: a unit serves at most one of them."""


class BasketError(ValueError):
    """A basket that cannot be decided: a stable `code`, the JSON `path` of the mistake, and how to mend it."""

    def __init__(self, code: str, path: str, message: str) -> None:
        super().__init__(f"{message} - at `{path}`")
        self.code = code
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Sheet:
    """The basket's lines in line id order: amounts and unit prices in minor units, whole units, costs."""

    items: tuple[SaleItem, ...]
    amounts: tuple[int, ...]
    prices: tuple[int, ...]
    units: tuple[int, ...]

    @property
    def subtotal(self) -> int:
        """Sum of the lines before any discount, minor units."""
        return sum(self.amounts)


@dataclass(frozen=True, slots=True)
class Step:
    """One money effect on the sheet; `offer` and `lines` are positions, `percent` basis points, `amount` minor units.

    The lines of a unit step are in the order in which it takes units. `units` bounds how many it takes.
    """

    offer: int
    rank: int
    kind: Kind
    lines: tuple[int, ...]
    percent: int = 0
    amount: int = 0
    cap: int | None = None
    units: int | None = None
    buy: int = 0
    get: int = 0

    @property
    def serves(self) -> bool:
        """True when the step uses units up."""
        return self.kind in SERVING


def sheet_of(items: Sequence[SaleItem]) -> Sheet:
    """Lay out the basket; the order of the lines given does not matter. A line id given twice is a `BasketError`."""
    lines = tuple(sorted(items, key=_line_id))
    if len(set(map(_line_id, lines))) != len(lines):
        _check_ids(items)
    return Sheet(
        items=lines,
        amounts=tuple([item.amount for item in lines]),
        prices=tuple([item.unit_price for item in lines]),
        units=tuple([item.units for item in lines]),
    )


def _check_ids(items: Sequence[SaleItem]) -> None:
    seen: set[str] = set()
    for position, item in enumerate(items):
        if item.line_id in seen:
            path = f"$.basket.items[{position}].line_id"
            raise BasketError("line_id_twice", path, f"give each line an id of its own: {item.line_id!r} is used twice")
        seen.add(item.line_id)


def steps_of(offers: Sequence[Offer], sheet: Sheet) -> list[Step]:
    """All steps that have something to work on, in the order of arithmetic."""
    keyed = [
        ((step.rank, -offer.stacking.priority, offer.offer_id, position), step)
        for index, offer in enumerate(offers)
        for position, effect in enumerate(offer.effects)
        if (step := _step(index, effect, sheet)) is not None
    ]
    return [step for _, step in sorted(keyed, key=lambda pair: pair[0])]


def _step(offer: int, effect: Effect, sheet: Sheet) -> Step | None:
    match effect:
        case PercentOff(on="cheapest"):
            lines = _cheapest_first(effect, sheet)
            cap = _cap(effect, lines, _worth_of_units(lines, effect.n, sheet))
            step = Step(offer, UNITS, "cheapest", lines, percent=effect.percent, cap=cap, units=effect.n)
        case PercentOff():
            rank = LINE_PERCENT if effect.on == "line" else BASKET_PERCENT
            lines = _priced(effect, sheet)
            cap = _cap(effect, lines, sum(sheet.amounts[line] for line in lines))
            step = Step(offer, rank, "percent", lines, percent=effect.percent, cap=cap)
        case AmountOff(on="unit"):
            step = Step(offer, UNITS, "unit", _cheapest_first(effect, sheet), amount=effect.amount)
        case AmountOff():
            rank = LINE_AMOUNT if effect.on == "line" else BASKET_AMOUNT
            lines = _priced(effect, sheet)
            worth = sum(sheet.amounts[line] for line in lines)
            step = Step(offer, rank, "amount", lines, amount=min(effect.amount, worth))
        case FixedPrice():
            lines = _dearest_first(effect, sheet)
            step = Step(offer, UNITS, "fixed", lines, amount=effect.price, units=effect.max_units)
        case FreeItem():
            step = Step(offer, UNITS, "free", _cheapest_first(effect, sheet), units=effect.units)
        case BuyXGetY():
            step = _buy_get(offer, effect, sheet)
        case _:
            return None
    works = bool(step.lines) and step.cap != 0
    return step if works else None


def _cap(effect: PercentOff, lines: Sequence[int], worth: int) -> int | None:
    """The cap where it can cut: at most the percent of the undiscounted worth, a minor unit a line for rounding."""
    most = -(-worth * effect.percent // 10_000) + len(lines)
    return None if effect.cap is not None and effect.cap >= most else effect.cap


def _worth_of_units(lines: Sequence[int], wanted: int, sheet: Sheet) -> int:
    worth = 0
    for line in lines:
        worth += min(wanted, sheet.units[line]) * sheet.prices[line]
        wanted -= min(wanted, sheet.units[line])
    return worth


def _buy_get(offer: int, effect: BuyXGetY, sheet: Sheet) -> Step:
    lines = _cheapest_first(effect, sheet)
    enough = sum(sheet.units[line] for line in lines) > effect.buy
    return Step(
        offer,
        UNITS,
        "buy_get",
        lines if enough else (),
        percent=effect.percent,
        units=effect.times,
        buy=effect.buy,
        get=effect.get,
    )


def _priced(effect: PercentOff | AmountOff, sheet: Sheet) -> tuple[int, ...]:
    return tuple(line for line in selected(effect.items, sheet.items) if sheet.amounts[line] > 0)


def _cheapest_first(effect: PercentOff | AmountOff | FreeItem | BuyXGetY, sheet: Sheet) -> tuple[int, ...]:
    lines = selected(effect.items, sheet.items)
    with_units = [line for line in lines if sheet.units[line] and sheet.prices[line]]
    return tuple(sorted(with_units, key=lambda line: (sheet.prices[line], line)))


def _dearest_first(effect: FixedPrice, sheet: Sheet) -> tuple[int, ...]:
    lines = selected(effect.items, sheet.items)
    dearer = [line for line in lines if sheet.units[line] and sheet.prices[line] > effect.price]
    return tuple(sorted(dearer, key=lambda line: (-sheet.prices[line], line)))
