"""Integer money: minor units, one rounding rule, one allocation rule."""

from collections.abc import Sequence
from fractions import Fraction


def round_half_away(amount: Fraction) -> int:
    """Round an exact amount to whole minor units, half away from zero."""
    return divide_half_away(amount.numerator, amount.denominator)


def divide_half_away(amount: int, by: int) -> int:
    """`amount` / `by` (> 0) in whole minor units, half away from zero."""
    rounded = (abs(amount) * 2 + by) // (by * 2)
    return rounded if amount >= 0 else -rounded


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` (>= 0) over `weights` (>= 0) by largest remainder; equal remainders go to the first position.

    With all weights zero nothing is allocated: every share is 0.
    """
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    left = amount - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[:left]:
        shares[i] += 1
    return shares
