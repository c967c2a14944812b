"""Many values in statements of few sizes, so that few statements are prepared."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
SIZES = (256, 64, 16, 4, 1)


def portions(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in order, as many at a time as one of `SIZES` says."""
    start = 0
    for size in SIZES:
        while len(values) - start >= size:
            yield values[start : start + size]
            start += size


def padded(values: Sequence[str]) -> tuple[str, ...]:
    """At least one and at most `SIZES[0]` values, the last one repeated up to the next size."""
    size = min(size for size in SIZES if size >= len(values))
    return (*values, *[values[-1]] * (size - len(values)))
