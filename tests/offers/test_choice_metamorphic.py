"""What a change of the question may change in the choice: one more offer, another order, a line in two."""

from collections import Counter
from random import Random

import msgspec

from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff, Cashback, FixedPrice, FreeItem, PercentOff
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from tests.offers.choices import Given, both, given_choice, offer_of

CASES = 250


def best(given: Given, compiled: bool) -> tuple[int, int, list[str]]:
    """Total, value and ids of the chosen."""
    candidates, choice = given.candidates(compiled), given.chosen(compiled)
    assert choice.optimal
    evaluation = candidates.evaluate(choice.mask)
    ids = [offer.offer_id for i, offer in enumerate(candidates.offers) if choice.mask >> i & 1]
    return evaluation.applied.total, evaluation.value, ids


def unbounded(given: Given, **changes: object) -> Given:
    """Without a node bound that these baskets could meet."""
    return given.with_(policy=msgspec.structs.replace(given.policy, node_bound=200_000, **changes))


@both
def test_one_more_offer_never_lowers_the_value(compiled: bool) -> None:
    raised = 0
    for seed in range(CASES):
        dice = Random(seed)
        given = unbounded(given_choice(dice), choice="customer_best")
        more = given.with_(offers=(*given.offers, offer_of(dice, 99)))
        before, after = best(given, compiled)[1], best(more, compiled)[1]
        assert after >= before
        raised += after > before
    assert raised


@both
def test_the_order_of_offers_and_lines_changes_nothing(compiled: bool) -> None:
    moved = 0
    for seed in range(CASES):
        dice = Random(seed)
        given = unbounded(given_choice(dice))
        offers = tuple(dice.sample(given.offers, len(given.offers)))
        items = tuple(dice.sample(given.items, len(given.items)))
        moved += offers != given.offers and items != given.items
        shuffled = given.with_(offers=offers, items=items)
        assert shuffled.chosen(compiled) == given.chosen(compiled)
        assert best(shuffled, compiled) == best(given, compiled)
    assert moved


def in_whole_units(offer: Offer) -> bool:
    """Its money is whole per unit or per basket, so no rounding can tell a line in two from a whole one."""
    return all(
        isinstance(effect, FixedPrice | FreeItem | Cashback)
        or (isinstance(effect, PercentOff | AmountOff) and effect.on == "basket" and effect.items == Selector())
        for effect in offer.effects
    )


@both
def test_a_line_in_two_changes_only_which_of_equal_lines_is_lowered(compiled: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in range(6 * CASES):
        dice = Random(seed)
        given = unbounded(given_choice(dice, offers=20, lines=4), choice=dice.choice(("customer_best", "priority")))
        given = given.with_(offers=tuple(filter(in_whole_units, given.offers)))
        several = [item for item in given.items if item.units in (2, 3) and item.quantity % 1000 == 0]
        if not several or not given.offers:
            continue
        whole = dice.choice(several)
        one = msgspec.structs.replace(whole, quantity=1000)
        rest = msgspec.structs.replace(whole, line_id=f"{whole.line_id}+", quantity=whole.quantity - 1000)
        others = tuple(item for item in given.items if item is not whole)
        assert best(given.with_(items=(one, rest, *others)), compiled) == best(given, compiled)
        seen.update(type(effect).__name__ for offer in given.offers for effect in offer.effects)
    assert all(seen[kind] for kind in ("FixedPrice", "FreeItem", "PercentOff", "AmountOff", "Cashback")), seen


@both
def test_more_points_never_lower_the_value(compiled: bool) -> None:
    for seed in range(CASES):
        given = unbounded(given_choice(Random(seed)), choice="customer_best")
        poor, rich = best(given.with_(points=0), compiled), best(given.with_(points=10_000), compiled)
        assert rich[1] >= poor[1]


@both
def test_the_node_bound_never_raises_the_value(compiled: bool) -> None:
    hit = 0
    for seed in range(CASES):
        given = unbounded(given_choice(Random(seed)), choice="customer_best")
        bounded = given.with_(policy=Policy(node_bound=3, point_value=given.policy.point_value))
        choice = bounded.chosen(compiled)
        hit += not choice.optimal
        same = given.with_(policy=Policy(node_bound=200_000, point_value=given.policy.point_value))
        assert bounded.candidates(compiled).evaluate(choice.mask).value <= best(same, compiled)[1]
    assert hit
