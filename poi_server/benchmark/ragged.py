"""Lists of different lengths as two arrays: where each begins, and all their values."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Ragged(NamedTuple):
    """List `i` is `values[starts[i]:starts[i + 1]]`."""

    starts: Longs
    values: Ints

    @property
    def lengths(self) -> Longs:
        """How long each list is."""
        return np.diff(self.starts)

    def lists(self, first: int, last: int) -> list[list[int]]:
        """Lists `first` to `last` (excluded) as Python's own."""
        ends = self.starts[first : last + 1].tolist()
        values = self.values[ends[0] : ends[-1]].tolist()
        return [values[a - ends[0] : b - ends[0]] for a, b in pairwise(ends)]


def starts_of(lengths: Longs) -> Longs:
    """Where lists of these lengths begin, and where the last one ends."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts


def within(lengths: Longs) -> Longs:
    """0, 1, 2 ... anew in each list."""
    return np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts_of(lengths)[:-1], lengths)


def row_of(lengths: Longs) -> Longs:
    """The number of the list that each value belongs to."""
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)


def sorted_sets(rows: Longs, values: NDArray[np.integer], count: int) -> Ragged:
    """`count` lists, sorted and without repetition, of values that belong to these rows."""
    keys = np.unique((rows << 32) | values.astype(np.int64))
    return Ragged(np.searchsorted(keys >> 32, np.arange(count + 1)), (keys & 0xFFFFFFFF).astype(np.int32))


def random_sets(dice: np.random.Generator, has: Flags, least: int, most: int, below: int) -> Ragged:
    """For each row that has one, `least` to `most` different numbers `below`; none for the others."""
    lengths = np.where(has, dice.integers(least, most, len(has), endpoint=True), 0)
    return sorted_sets(row_of(lengths), dice.integers(0, below, int(lengths.sum())), len(has))


def gathered(ragged: Ragged, rows: Longs) -> Ragged:
    """The lists of these rows, in their order."""
    lengths = ragged.lengths[rows]
    places = np.repeat(ragged.starts[:-1][rows], lengths) + within(lengths)
    return Ragged(starts_of(lengths), ragged.values[places])
