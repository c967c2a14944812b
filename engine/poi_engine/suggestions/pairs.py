"""Products that are bought together, from baskets alone. Pure.

Of a pair (a, b): *support* is the share of all baskets that hold both; *confidence* the share of a's baskets that hold
b as well; *lift* how much greater that is than b's share of all baskets. A pair counts when both were in at least
`LEAST_BOTH` baskets, its lift is at least `LEAST_LIFT`, and it was seen more often than chance explains: by at least
`LEAST_SIGMAS` standard deviations of what independent buying would give.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from itertools import combinations
from math import sqrt

from msgspec import Struct

LEAST_BOTH = 8
LEAST_LIFT = 1.5
LEAST_SIGMAS = 4.0
PRODUCTS = 300
"""The products looked at: those in the most baskets."""
IN_A_BASKET = 40
"""Different products of one basket looked at: those in the most baskets."""


class Pair(Struct, frozen=True, kw_only=True):
    """`first` is bought more often than `second`. Counts are baskets, shares are from 0 to 1."""

    first: str
    second: str
    baskets: int
    both: int
    with_first: int
    with_second: int

    @property
    def support(self) -> float:
        """The share of all baskets with both."""
        return self.both / self.baskets

    @property
    def confidence(self) -> float:
        """Of the baskets with the first, the share with the second."""
        return self.both / self.with_first

    @property
    def lift(self) -> float:
        """How many times likelier the second is beside the first than anywhere."""
        return self.confidence * self.baskets / self.with_second

    @property
    def sigmas(self) -> float:
        """How far `both` lies above what independent buying gives, in its standard deviations."""
        expected = self.with_first * self.with_second / self.baskets
        share = expected / self.baskets
        return (self.both - expected) / sqrt(expected * (1 - share)) if share < 1 else 0.0


class Together:
    """Counts baskets: in how many each product was, alone or with which others."""

    def __init__(self, baskets: Iterable[Collection[str]]) -> None:
        kept = [frozenset(basket) for basket in baskets if basket]
        self.baskets = len(kept)
        self.counts = Counter(code for basket in kept for code in basket)
        self.alone = Counter(next(iter(basket)) for basket in kept if len(basket) == 1)
        rank = {code: place for place, (code, _) in enumerate(_ranked(self.counts)[:PRODUCTS])}
        self._both: Counter[tuple[str, str]] = Counter()
        for basket in kept:
            seen = sorted((code for code in basket if code in rank), key=rank.__getitem__)[:IN_A_BASKET]
            self._both.update(combinations(seen, 2))

    def pair(self, first: str, second: str) -> Pair:
        """The figures of two products, the one bought more often first."""
        ordered = _ranked({code: self.counts[code] for code in (first, second)})
        (more, with_more), (less, with_less) = ordered
        both = self._both[more, less]
        return Pair(
            first=more, second=less, baskets=self.baskets, both=both, with_first=with_more, with_second=with_less
        )

    def pairs(self) -> list[Pair]:
        """Those that count, the surest first."""
        found = [self.pair(*codes) for codes, both in self._both.items() if both >= LEAST_BOTH]
        sure = [pair for pair in found if pair.lift >= LEAST_LIFT and pair.sigmas >= LEAST_SIGMAS]
        return sorted(sure, key=lambda pair: (-pair.sigmas, pair.first, pair.second))

    def companion(self, code: str, *, besides: Collection[frozenset[str]] = ()) -> Pair | None:
        """What goes best with a product, though not so surely that it stands among the `besides` already."""
        names = [codes for codes, both in self._both.items() if code in codes and both >= LEAST_BOTH]
        found = [self.pair(*codes) for codes in names if frozenset(codes) not in besides]
        found = [pair for pair in found if pair.lift > 1]
        return max(found, key=lambda pair: (pair.sigmas, pair.first, pair.second), default=None)


def _ranked(counts: "Counter[str] | dict[str, int]") -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
