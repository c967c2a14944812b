"""The compiled choice and its plain twin: the same offers, the same nodes, the same money, to the last minor unit."""

from collections import Counter
from random import Random
from typing import Any

import pytest

from poi_cext.choose import COMPILED
from poi_offers.choice import choose, choose_plainly
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import AmountOff, PercentOff
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.situation import SaleItem
from tests.offers.choices import SELECTORS, Given, given_choice, item_of, money

pytestmark = pytest.mark.skipif(not COMPILED, reason="poi_cext._choose was not built")
FEATURES = (
    *("PercentOff.basket", "PercentOff.line", "PercentOff.cheapest", "AmountOff.basket", "AmountOff.line"),
    *("AmountOff.unit", "FixedPrice", "FreeItem", "BuyXGetY", "PointsFixed", "PointsPerUnit", "PointsMultiplier"),
    *("Cashback", "Message", "capped", "group", "exclusive", "reward", "limit", "anonymous", "bound hit", "chosen"),
    *("customer_best", "priority", "margin_best"),
)


def features(given: Given, seen: Counter[str]) -> None:
    """Count what occurs."""
    seen[given.policy.choice] += 1
    seen["limit"] += bool(given.room)
    seen["anonymous"] += not given.earns
    for offer in given.offers:
        seen["group"] += offer.stacking.group is not None
        seen["exclusive"] += offer.stacking.exclusive
        seen["reward"] += offer.reward_points is not None
        for effect in offer.effects:
            kind, on = type(effect).__name__, getattr(effect, "on", None)
            seen[f"{kind}.{on}" if on else kind] += 1
            seen["capped"] += getattr(effect, "cap", None) is not None


def compare(given: Given, dice: Random, seen: Counter[str]) -> None:
    """Both answers, and the money of a few combinations."""
    compiled, plain = given.candidates(True), given.candidates(False)
    if compiled.solver is None:
        seen["too large to begin with"] += 1
        return
    choice, expected = choose(compiled), choose_plainly(plain)
    seen["too large on the way"] += compiled.solver is None
    assert choice == expected
    assert (compiled.valued, compiled.quiet) == (plain.valued, plain.quiet)
    seen["bound hit"] += not choice.optimal
    seen["chosen"] += choice.mask != 0
    seen["nodes"] += choice.nodes
    for mask in (choice.mask, *(dice.getrandbits(len(given.offers)) for _ in range(3))):
        assert money(compiled.evaluate(mask)) == money(plain.evaluate(mask))


def show(capsys: pytest.CaptureFixture[str], seen: Counter[str], wanted: tuple[str, ...]) -> None:
    """Print the counts; what never occurred was not tested."""
    with capsys.disabled():
        print(f"\n{dict(seen)}")
    assert all(seen[name] for name in wanted), [name for name in wanted if not seen[name]]


def test_small_baskets_of_every_feature(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(3000):
        dice = Random(seed)
        given = given_choice(dice)
        features(given, seen)
        compare(given, dice, seen)
    show(capsys, seen, (*FEATURES, "nodes"))


def test_many_offers(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(60):
        dice = Random(seed)
        compare(given_choice(dice, offers=26, lines=20), dice, seen)
    show(capsys, seen, ("nodes", "bound hit", "chosen"))


def capped_offers(dice: Random, count: int, scale: int) -> tuple[Offer, ...]:
    """Percents whose caps cut across each other, which makes long denominators, and amounts shared by the basket."""
    return tuple(
        Offer(
            offer_id=f"o{i}",
            name={"en": "offer"},
            currency="EUR",
            effects=(
                dice.choice(
                    (
                        PercentOff(
                            percent=dice.choice((333, 1999, 9999)),
                            items=dice.choice(SELECTORS),
                            cap=dice.choice((None, dice.randrange(1, 300) * scale, dice.randrange(1, 300) * scale)),
                            on=dice.choice(("line", "line", "basket", "cheapest")),
                            n=3,
                        ),
                        AmountOff(amount=dice.randrange(1, 300), items=dice.choice(SELECTORS)),
                    )
                ),
            ),
            stacking=Stacking(priority=dice.choice((0, 1))),
        )
        for i in range(count)
    )


def longest(given: Given) -> int:
    """Bits of the longest numerator when all offers apply, in exact arithmetic without any limit."""
    plain, bits = given.candidates(False), 0
    run = plain.run_class

    def watched(*args: object) -> object:
        nonlocal bits
        exact = run(*args)  # type: ignore[arg-type]
        bits = max(bits, *(part.bit_length() for part in exact.parts))
        return exact

    plain.run_class = watched  # type: ignore[assignment, method-assign]
    plain.evaluate((1 << len(plain.offers)) - 1)
    return bits


def test_long_denominators(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(150):
        dice = Random(seed)
        scale = dice.choice((1, 7919))
        items = tuple(item_of(dice, i, scale) for i in range(12))
        offers = capped_offers(dice, dice.randint(3, 10), scale)
        given = Given(offers, items, Policy(node_bound=dice.choice((30, 2000))), 0, {}, earns=False)
        bits = longest(given)
        seen["below 128 bits" if bits < 126 else "below 1024 bits" if bits < 1000 else "longer"] += 1
        compare(given, dice, seen)
        candidates, plain = given.candidates(True), given.candidates(False)
        everything = (1 << len(offers)) - 1
        assert money(candidates.evaluate(everything)) == money(plain.evaluate(everything))
    show(capsys, seen, ("below 128 bits", "below 1024 bits", "longer"))


def test_a_sum_that_ends_in_a_half_is_told_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    """Caps that cut across each other take whole amounts off a half: no approximation can tell where it rounds to."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        dice = Random(seed)
        items = tuple(item_of(dice, i, 101) for i in range(6))
        crossing = tuple(
            off_line(i, percent=9999, items=SELECTORS[2 + i % 8], cap=dice.randrange(1, 9)) for i in range(seed % 12)
        )
        half = off_line(99, percent=dice.choice((1000, 5000)), items=Selector(products=("a",)))
        given = Given((half, *crossing), items, Policy(node_bound=30), 0, {}, earns=False)
        compare(given, dice, seen)
        candidates, plain = given.candidates(True), given.candidates(False)
        everything = (1 << len(given.offers)) - 1
        assert money(candidates.evaluate(everything)) == money(plain.evaluate(everything))
    show(capsys, seen, ("nodes", "too large on the way"))


def off_line(number: int, **what: Any) -> Offer:
    """A percent off the lines; the one of the highest number goes first."""
    effects = (PercentOff(on="line", **what),)
    stacking = Stacking(priority=number)
    return Offer(offer_id=f"o{number:02}", name={"en": "offer"}, currency="EUR", effects=effects, stacking=stacking)


def test_figures_too_large_for_the_compiled_choice_are_left_to_the_twin() -> None:
    dear = SaleItem(line_id="l", label="gold", unit_price=100_000_000, quantity=100_000_000)
    given = Given(capped_offers(Random(1), 4, 1), (dear,), Policy(), 0, {}, earns=True)
    assert given.candidates(True).solver is None
    assert given.chosen(True) == given.chosen(False)


def test_more_offers_than_the_compiled_choice_takes_are_left_to_the_twin() -> None:
    offers = tuple(
        Offer(offer_id=f"o{i}", name={"en": "x"}, currency="EUR", effects=(AmountOff(amount=1 + i),), stacking=GROUPED)
        for i in range(130)
    )
    given = Given(offers, (item_of(Random(2), 0, 100),), Policy(), 0, {}, earns=True)
    assert given.candidates(True).solver is None
    assert given.chosen(True) == given.chosen(False)


GROUPED = Stacking(group="g")
