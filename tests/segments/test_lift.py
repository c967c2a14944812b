"""Lift: what the held-out customers tell about an offer, and what they do not tell yet."""

import random
from collections.abc import Sequence
from math import exp

import pytest

from poi_engine.segments.lift import LEAST, Lift, Sample, freedom, interval, lift, t_quantile

T_TABLE = {10: 2.2281, 20: 2.0860, 30: 2.0423, 60: 2.0003, 100: 1.9840, 1000: 1.9623}
"""Printed tables of Student's t, 97.5 %."""


def spending(dice: random.Random, customers: int, factor: float = 1.0) -> list[int]:
    """A period's spend of each, minor units: four in ten come, a few of them spend very much."""
    return [round(factor * exp(dice.gauss(7.5, 0.8))) if dice.random() < 0.4 else 0 for _ in range(customers)]


def measured(dice: random.Random, treated: int, held_out: int, factor: float = 1.0) -> Lift:
    return lift(Sample.of(spending(dice, treated, factor)), Sample.of(spending(dice, held_out)))


def test_a_planted_effect_of_8_percent_is_found() -> None:
    found = measured(random.Random(4), 40_000, 10_000, 1.08)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.08 < found.high
    assert found.enough
    assert found.significant
    assert found.needed == 0


def test_the_interval_holds_the_truth_95_times_in_100() -> None:
    dice, inside = random.Random(11), 0
    for _ in range(300):
        found = interval(Sample.of(spending(dice, 1500, 1.08)), Sample.of(spending(dice, 500)))
        assert found is not None
        inside += found[0] < 0.08 < found[1]
    assert 276 <= inside <= 295


def test_without_an_effect_it_cries_wolf_one_time_in_twenty() -> None:
    dice = random.Random(12)
    wolves = sum(measured(dice, 1500, 500).significant for _ in range(400))
    assert 10 <= wolves <= 32


@pytest.mark.parametrize(("treated", "held_out"), [(50, 50), (45, 5), (1000, LEAST - 1), (0, 0), (500, 0)])
def test_of_few_customers_it_says_that_there_is_not_enough_data(treated: int, held_out: int) -> None:
    found = measured(random.Random(5), treated, held_out, 3.0)
    assert not found.enough
    assert not found.significant
    assert (found.effect, found.low, found.high) == (None, None, None)
    assert (found.needed is None) is (held_out == 0)


def test_how_many_more_are_needed_is_about_right() -> None:
    dice = random.Random(6)
    few = measured(dice, 900, 300, 1.10)
    assert not few.enough
    assert few.needed is not None
    factor = (1200 + few.needed) / 1200
    found = sum(
        measured(dice, round(900 * factor), round(300 * factor), 1 + (few.effect or 0)).significant for _ in range(20)
    )
    assert found >= 10, "four in five was asked for"


def test_a_narrow_interval_around_nothing_is_an_answer_too() -> None:
    same = [1000 + place % 50 for place in range(3000)]
    found = lift(Sample.of(same), Sample.of(same[:500]))
    assert found.enough
    assert not found.significant


def test_who_spends_nothing_has_no_percentage() -> None:
    nothing = lift(Sample.of([0] * 500), Sample.of([0] * 500))
    assert (nothing.effect, nothing.enough, nothing.needed) == (None, False, None)


@pytest.mark.parametrize(("degrees", "quantile"), T_TABLE.items())
def test_students_t_is_that_of_the_tables(degrees: int, quantile: float) -> None:
    assert t_quantile(degrees) == pytest.approx(quantile, abs=1e-4)


def test_a_samples_error_is_exact() -> None:
    values = [0, 3, 9, 27, 10**9]
    mean = sum(values) / 5
    spread = sum((value - mean) ** 2 for value in values) / 4
    assert Sample.of(values).error == pytest.approx(spread / 5)
    assert Sample.of([7]).error == 0


def welch(treated: Sequence[int], held_out: Sequence[int]) -> bool:
    """Welch's t test by its definition."""
    one, other = Sample.of(treated), Sample.of(held_out)
    apart = abs(one.mean - other.mean)
    return bool(apart > t_quantile(freedom(one, other)) * (one.error + other.error) ** 0.5)


def test_the_interval_leaves_0_out_exactly_when_welchs_test_finds_a_difference() -> None:
    dice, answers = random.Random(7), set()
    for _ in range(200):
        treated, held_out = spending(dice, 400, dice.choice((1.0, 1.3))), spending(dice, 200)
        found = interval(Sample.of(treated), Sample.of(held_out))
        assert found is not None
        apart = not found[0] <= 0 <= found[1]
        assert apart is welch(treated, held_out)
        answers.add(apart)
    assert answers == {True, False}
