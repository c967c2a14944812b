"""Kleene's logic over all, any and not; whose path is blamed, and when a near miss may be promised."""

from itertools import product

import pytest

from poi_offers.eligibility import judge, truth_of
from poi_offers.offer_conditions import All, Any, CardScheme, Channel, Code, Condition, Not, Subtotal, TierIs
from poi_offers.scene import Scene
from tests.offers.generate import Generator
from tests.offers.scenes import at

TRUE: Condition = Channel(any_of=("counter",))
FALSE: Condition = Channel(any_of=("phone",))
UNKNOWN: Condition = CardScheme(any_of=("cb",))
VALUES = {True: TRUE, False: FALSE, None: UNKNOWN}
SHORT = Subtotal(min=320)


def truth(condition: Condition) -> bool | None:
    return judge(condition, at()).truth


@pytest.mark.parametrize(("a", "b"), list(product(VALUES, VALUES)))
def test_all_is_the_least_and_any_the_greatest(a: bool | None, b: bool | None) -> None:
    order = [False, None, True]
    parts = (VALUES[a], VALUES[b])
    assert truth(All(of=parts)) is min(a, b, key=order.index)
    assert truth(Any(of=parts)) is max(a, b, key=order.index)


def test_not_turns_true_and_false_and_leaves_unknown() -> None:
    assert [truth(Not(of=VALUES[value])) for value in (True, False, None)] == [False, True, None]


def test_all_of_nothing_is_true_and_any_of_nothing_false() -> None:
    assert truth(All(of=())) is True
    assert truth(Any(of=())) is False


def test_a_false_part_is_blamed_before_an_unknown_one() -> None:
    verdict = judge(All(of=(TRUE, UNKNOWN, All(of=(FALSE,)))), at())
    assert (verdict.truth, verdict.path) == (False, "$.conditions.of[2].of[0]")


def test_the_first_unknown_part_is_blamed_when_none_is_false() -> None:
    verdict = judge(All(of=(TRUE, UNKNOWN, Code(any_of=("a",)))), at())
    assert (verdict.truth, verdict.path) == (None, "$.conditions.of[1]")
    assert verdict.near_miss is not None
    assert verdict.near_miss.what == "card"


def test_a_not_that_fails_is_blamed_itself() -> None:
    assert judge(Not(of=TRUE), at()).path == "$.conditions"
    assert judge(Not(of=UNKNOWN), at()).path == "$.conditions.of"


def test_more_spending_is_only_promised_when_nothing_else_is_missing() -> None:
    alone = judge(All(of=(TRUE, SHORT)), at())
    assert alone.near_miss is not None
    assert (alone.near_miss.what, alone.near_miss.missing) == ("subtotal", 320)
    assert judge(All(of=(SHORT, UNKNOWN)), at()).near_miss is None
    assert judge(All(of=(SHORT, FALSE)), at()).near_miss is None


def test_any_part_s_near_miss_would_do() -> None:
    verdict = judge(Any(of=(FALSE, SHORT)), at())
    assert verdict.path == "$.conditions.of[0]"
    assert verdict.near_miss is not None
    assert verdict.near_miss.what == "subtotal"


def test_a_negation_never_asks_for_a_code_but_may_ask_who_it_is() -> None:
    assert judge(Not(of=Code(any_of=("a",))), at()).near_miss is None
    verdict = judge(Not(of=TierIs(any_of=("gold",))), at())
    assert verdict.near_miss is not None
    assert verdict.near_miss.what == "identity"


def test_the_path_starts_where_the_caller_says() -> None:
    assert judge(All(of=(FALSE,)), at(), "$.offers[3].conditions").path == "$.offers[3].conditions.of[0]"


def test_the_truth_alone_is_the_verdict_s_truth() -> None:
    generator = Generator(41)
    for _ in range(400):
        condition, situation = generator.condition(4), generator.situation()
        assert truth_of(condition, Scene(situation)) is judge(condition, situation).truth
