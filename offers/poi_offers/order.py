"""Where a later offer sorts among those of a shelf: an integer between its neighbours' ones."""

from bisect import bisect_right
from collections.abc import Callable

STEP = 1 << 32
"""Distance of two neighbours on the shelf: owner i there has the order i * STEP."""
RUN = 6
"""So many offers that came each next to the one before are a run: ids are given in order, so more of it will come."""
SHARE = 4096
"""The next one of a run takes one part in so many of the gap, not half of it."""

Key = tuple[int, str]
"""Answers are sorted by minus the priority, then the offer's id."""


class Orders:
    """The orders given since the shelf was built; none is given twice."""

    def __init__(self, owners: int, key_of: Callable[[int], Key]) -> None:
        self._owners = owners
        self._key_of = key_of
        self._keys: list[Key] = []
        self._orders: list[int] = []
        self._last = -1
        self._run = 0  # so many came upwards, or (below 0) downwards

    def give(self, key: Key) -> int | None:
        """An order that sorts as the key does, after all of the same key; None when no integer is left there."""
        base = bisect_right(range(self._owners), key, key=self._key_of)
        at = bisect_right(self._keys, key)
        self._run = max(1, self._run + 1) if at == self._last + 1 else min(-1, self._run - 1) if at == self._last else 0
        order = self._between(base, at, key)
        if order is not None:
            self._keys.insert(at, key)
            self._orders.insert(at, order)
            self._last = at
        return order

    def _between(self, base: int, at: int, key: Key) -> int | None:
        low = [(base - 1) * STEP] if base else []
        low += self._orders[at - 1 : at] if at else []
        high = [base * STEP] if base < self._owners else []
        high += self._orders[at : at + 1]
        if not low or not high:
            return max(low) + STEP if low else min(high) - STEP if high else 0
        first, gap = max(low), min(high) - max(low)
        return None if gap < 2 else first + self._part(gap, base, at, key)

    def _part(self, gap: int, base: int, at: int, key: Key) -> int:
        if (at and self._keys[at - 1] == key) or (base and self._key_of(base - 1) == key):
            return 1  # a newer version of the one before, and there may be many
        if abs(self._run) < RUN:
            return gap // 2
        part = max(1, gap // SHARE)
        return part if self._run > 0 else gap - part
