"""Minor units: one rounding rule, one allocation rule."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_offers.money import allocate, round_half_away


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(3, 2), 2),
        (Fraction(5, 2), 3),
        (Fraction(-5, 2), -3),
        (Fraction(49, 100), 0),
        (Fraction(-49, 100), 0),
        (Fraction(7), 7),
    ],
)
def test_halves_round_away_from_zero(exact: Fraction, rounded: int) -> None:
    assert round_half_away(exact) == rounded


def test_equal_remainders_go_to_the_first_lines() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(2, [1, 1, 1]) == [1, 1, 0]


def test_the_largest_remainder_gets_the_odd_unit() -> None:
    assert allocate(10, [1, 5, 1]) == [2, 7, 1]
    assert allocate(1, [1, 99]) == [0, 1]


def test_nothing_is_allocated_over_nothing() -> None:
    assert allocate(5, [0, 0]) == [0, 0]
    assert allocate(5, []) == []


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_shares_add_up_and_stay_within_one_unit_of_their_part(amount: int, weights: list[int]) -> None:
    shares = allocate(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1
