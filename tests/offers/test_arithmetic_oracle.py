"""The arithmetic against a second, plain writing of the rules with fractions and one price per single unit."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_offers.arithmetic import apply
from poi_offers.model import Offer
from poi_offers.money import round_half_away
from poi_offers.offer_effects import AmountOff, BuyXGetY, Effect, FixedPrice, FreeItem, PercentOff
from poi_offers.selection import selected
from poi_offers.situation import SaleItem
from poi_offers.steps import sheet_of, steps_of
from tests.offers.combinations import baskets, offer_lists

KINDS = {
    0: ("fixed_price", "free_item", "buy_get", "percent_cheapest", "amount_unit"),
    1: ("percent_line",),
    2: ("amount_line",),
    3: ("percent_basket",),
    4: ("amount_basket",),
}
Turn = tuple[Effect, list[int]]


class Plain:
    """A basket of single units, each with its price now."""

    def __init__(self, items: list[SaleItem]) -> None:
        self.items = items
        self.units = [[Fraction(item.unit_price)] * item.units for item in items]
        self.served = [[False] * item.units for item in items]
        self.rests = [item.amount - item.units * item.unit_price for item in items]
        self.line = [Fraction(item.amount) for item in items]

    def by_price(self, lines: list[int], dearest: bool = False) -> list[tuple[int, int]]:
        order = sorted(lines, key=lambda i: (-self.items[i].unit_price if dearest else self.items[i].unit_price, i))
        return [(i, u) for i in order if self.items[i].unit_price for u in range(len(self.units[i]))]

    def unserved(self, lines: list[int], dearest: bool = False) -> list[tuple[int, int]]:
        return [(i, u) for i, u in self.by_price(lines, dearest) if not self.served[i][u]]

    def serve(self, units: list[tuple[int, int]]) -> None:
        for i, u in units:
            self.served[i][u] = True

    def lower(self, offs: dict[tuple[int, int], Fraction], cap: int | None) -> None:
        total = sum(offs.values())
        keep = Fraction(cap) / total if cap is not None and total > cap else Fraction(1)
        for (i, u), off in offs.items():
            self.units[i][u] -= off * keep

    def unit_effect(self, effect: Effect, lines: list[int]) -> None:
        match effect:
            case PercentOff(percent=percent, n=n, cap=cap):
                offs = {(i, u): self.units[i][u] * percent / 10_000 for i, u in self.by_price(lines)[:n]}
                self.lower(offs, cap)
            case AmountOff(amount=amount):
                offs = {(i, u): min(self.units[i][u], Fraction(amount)) for i, u in self.by_price(lines)}
                self.lower(offs, None)
            case FixedPrice(price=price, max_units=most):
                dearer = [(i, u) for i, u in self.unserved(lines, True) if self.items[i].unit_price > price]
                taken = dearer if most is None else dearer[:most]
                self.serve(taken)
                self.lower({(i, u): max(self.units[i][u] - price, Fraction(0)) for i, u in taken}, None)
            case FreeItem(units=count):
                taken = self.unserved(lines)[:count]
                self.serve(taken)
                self.lower({(i, u): self.units[i][u] for i, u in taken}, None)
            case BuyXGetY(buy=buy, get=get, percent=percent, times=times):
                units = self.unserved(lines)
                bought = got = 0
                for _ in range(times):
                    if len(units) - bought - got > buy:
                        bought += buy
                        got += min(get, len(units) - bought - got)
                self.serve(units[: bought + got])
                self.lower({(i, u): self.units[i][u] * percent / 10_000 for i, u in units[:got]}, None)


def rank(effect: Effect) -> int | None:
    """The effect's class."""
    match effect:
        case FixedPrice() | FreeItem() | BuyXGetY() | PercentOff(on="cheapest") | AmountOff(on="unit"):
            return 0
        case PercentOff(on=on):
            return 1 if on == "line" else 3
        case AmountOff(on=on):
            return 2 if on == "line" else 4
        case _:
            return None


def cut_together(line: list[Fraction], lines: list[int], amount: Fraction) -> None:
    whole = sum((line[i] for i in lines), Fraction(0))
    if whole:
        kept = 1 - min(amount, whole) / whole
        for i in lines:
            line[i] *= kept


def line_effect(line: list[Fraction], effect: Effect, lines: list[int]) -> None:
    match effect:
        case PercentOff(percent=percent, cap=cap):
            off = sum((line[i] for i in lines), Fraction(0)) * percent / 10_000
            cut_together(line, lines, off if cap is None else min(off, Fraction(cap)))
        case AmountOff(amount=amount, on="line"):
            for i in lines:
                line[i] = max(Fraction(0), line[i] - amount)
        case AmountOff(amount=amount):
            cut_together(line, lines, Fraction(amount))


def exact_class(items: list[SaleItem], before: list[int], turns: list[Turn], units: bool) -> list[Fraction]:
    """What one class leaves of each line, not rounded."""
    if units:
        plain = Plain(items)
        for effect, lines in turns:
            plain.unit_effect(effect, lines)
        return [rest + sum(prices) for rest, prices in zip(plain.rests, plain.units, strict=True)]
    line = [Fraction(amount) for amount in before]
    for effect, lines in turns:
        line_effect(line, effect, lines)
    return line


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def check_each_class(seen: Counter[str], data: st.DataObject) -> None:
    items: list[SaleItem] = data.draw(baskets())
    wanted = data.draw(st.integers(0, 4))
    offers: list[Offer] = data.draw(offer_lists(most=4, kinds=KINDS[wanted]))
    ordered = sorted(offers, key=lambda offer: (-offer.stacking.priority, offer.offer_id))
    turns = [
        (effect, list(selected(effect.items, items)))
        for offer in ordered
        for effect in offer.effects
        if rank(effect) == wanted and isinstance(effect, PercentOff | AmountOff | FixedPrice | FreeItem | BuyXGetY)
    ]
    sheet = sheet_of(items)
    steps = [step for step in steps_of(offers, sheet) if step.rank == wanted]
    result = apply(sheet, steps)
    before = [item.amount for item in items]
    exact = exact_class(items, before, turns, wanted == 0)
    capped = any(step.cap is not None and len(step.lines) > 1 for step in steps)
    seen.update([f"class {wanted}" for _ in turns])
    seen["capped"] += capped
    for left, fraction, most in zip(result.left, exact, before, strict=True):
        assert 0 <= left <= most
        if capped or wanted >= 3:
            assert abs(left - fraction) <= 1
        else:
            assert left == round_half_away(fraction)
    if wanted >= 3 and not capped:
        assert result.total == round_half_away(sum(exact, Fraction(0)))
    assert sum(result.shares.values()) == sum(before) - result.total
    for index in range(len(offers)):
        caps = [step.cap for step in steps if step.offer == index]
        if caps and None not in caps:
            assert result.saved_by().get(index, 0) <= sum(cap or 0 for cap in caps)


def test_every_class_is_what_the_plain_rules_say(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    check_each_class(seen)
    with capsys.disabled():
        print(f"\n{dict(seen)}")
    assert all(seen[f"class {number}"] for number in range(5))
    assert seen["capped"]
