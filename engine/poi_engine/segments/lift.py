"""The effect of an offer, measured against those who were held out. Pure.

Of each customer of the audience one number is known, what they spent (or how often they came) in the period, zero
included. The effect is the ratio of the two groups' means, less one. Its interval is Fieller's for a ratio of means,
with the t quantile at Welch's degrees of freedom: it leaves 0 out exactly when Welch's t test finds the means different
at 5 %. How to read it, and why this way, is in docs/segments.md.
"""

from collections.abc import Iterable
from math import ceil, floor, isfinite, log10, sqrt
from statistics import NormalDist

from msgspec import Struct
from msgspec.structs import replace

LEAST = 100
"""Customers each group needs: below that means of skewed spending are not near a normal distribution."""
LEAST_BUYERS = 20
"""Customers of each group who bought at all."""
NARROW = 0.10
"""An interval of this half-width says enough, whatever it says."""
_POWER = NormalDist().inv_cdf(0.8)
_Z = NormalDist().inv_cdf(0.975)
_SMALLEST = 0.05
"""Effects below this are not what more customers are asked for."""


class Sample(Struct, frozen=True):
    """A group: how many customers, how many of them with more than nothing, the sum, and the sum of squares."""

    customers: int = 0
    buyers: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, values: Iterable[int]) -> "Sample":
        """The sample of these customers' numbers."""
        known = list(values)
        return cls(len(known), sum(value > 0 for value in known), sum(known), sum(value * value for value in known))

    @property
    def mean(self) -> float:
        """Per customer."""
        return self.total / self.customers if self.customers else 0.0

    @property
    def error(self) -> float:
        """The variance of the mean, squared standard error; 0 with fewer than two customers."""
        if self.customers < 2:
            return 0.0
        spread = self.squares * self.customers - self.total * self.total  # whole numbers: nothing cancels out
        return spread / (self.customers * self.customers * (self.customers - 1))


class Lift(Struct, frozen=True, kw_only=True):
    """What can be said. Effect and interval are shares (0.08 = 8 % more); None: nothing can be said.

    `significant`: enough, and the interval leaves 0 out. `needed`: about how many more customers would do.
    """

    treated: int
    held_out: int
    treated_mean: float
    held_out_mean: float
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    enough: bool = False
    significant: bool = False
    needed: int | None = None


def lift(treated: Sample, held_out: Sample) -> Lift:
    """The effect on the treated against the held out, with a 95 % interval, if there is enough to say so."""
    base = Lift(
        treated=treated.customers,
        held_out=held_out.customers,
        treated_mean=treated.mean,
        held_out_mean=held_out.mean,
    )
    span = None if _too_few(treated, held_out) else interval(treated, held_out)
    if span is None:
        return replace(base, needed=_needed_for_the_least(treated, held_out))
    low, high = span
    effect = treated.mean / held_out.mean - 1
    apart = low > 0 or high < 0
    enough = apart or (high - low) / 2 <= NARROW
    return replace(
        base,
        effect=effect,
        low=low,
        high=high,
        enough=enough,
        significant=apart,
        needed=0 if enough else _needed(treated, held_out, effect),
    )


def interval(treated: Sample, held_out: Sample) -> tuple[float, float] | None:
    """Fieller's 95 % interval of the ratio of means, less one; None when it has no end."""
    t = t_quantile(freedom(treated, held_out))
    bottom = held_out.mean**2 - t * t * held_out.error
    if bottom <= 0 or held_out.mean <= 0:
        return None
    middle = treated.mean * held_out.mean / bottom
    reach = (treated.mean**2 - t * t * treated.error) / bottom
    half = sqrt(max(0.0, middle * middle - reach))
    return middle - half - 1, middle + half - 1


def freedom(treated: Sample, held_out: Sample) -> float:
    """Welch's degrees of freedom."""
    parts = treated.error + held_out.error
    shares = sum(one.error**2 / (one.customers - 1) for one in (treated, held_out) if one.customers > 1)
    return parts * parts / shares if shares > 0 else float(treated.customers + held_out.customers)


def t_quantile(degrees: float) -> float:
    """The 97.5 % point of Student's t, by its expansion around the normal one; within 0.0001 from 10 degrees on."""
    z, n = _Z, degrees
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / n ** (power + 1) for power, term in enumerate(terms))


def _too_few(treated: Sample, held_out: Sample) -> bool:
    groups = (treated, held_out)
    return any(one.customers < LEAST or one.buyers < LEAST_BUYERS for one in groups)


def _needed_for_the_least(treated: Sample, held_out: Sample) -> int | None:
    """How many more until both groups are large enough, in the proportions they have now."""
    if not treated.customers or not held_out.customers:
        return None
    factors = [
        max(LEAST / one.customers, LEAST_BUYERS / one.buyers if one.buyers else float("inf"))
        for one in (treated, held_out)
    ]
    return _more(max(factors), treated, held_out)


def _needed(treated: Sample, held_out: Sample, effect: float) -> int | None:
    """How many more until an effect of this size would be found four times out of five."""
    relative = sqrt(treated.error + (1 + effect) ** 2 * held_out.error) / held_out.mean
    wanted = max(abs(effect), _SMALLEST) / (_Z + _POWER)
    return _more((relative / wanted) ** 2, treated, held_out)


def _more(factor: float, treated: Sample, held_out: Sample) -> int | None:
    """`factor` times as many customers as now, less those there are, in two digits."""
    customers = treated.customers + held_out.customers
    if not isfinite(factor):
        return None
    missing = max(1.0, (factor - 1) * customers)
    step = 10 ** max(0, floor(log10(missing)) - 1)
    return int(ceil(missing / step) * step)
