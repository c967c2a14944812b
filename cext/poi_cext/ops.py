"""The matcher's language: a clause is a flat list of `op, subject, count, values...`, true when every part is true.

Subjects are column numbers (32-bit integers, `UNKNOWN` when not known) or family numbers (sets of 32-bit integers,
None when not known). A part over something unknown is never true, so a negation is written as a part of its own.

The matcher knows the meaning of two columns and two families: those that decide what a place and a day make constant.
"""

import struct
from collections.abc import Sequence

ANY = 1
"""The family is known and shares a value with the sorted values."""
NONE = 2
"""The family is known and shares no value with the sorted values."""
RANGE = 3
"""The column is known and from the first to the second value, both included."""
UNION = 4
"""The column is known and in one of the ranges, given as sorted pairs."""
EITHER = 5
"""Values `low, high, column, low, high`: this column is in its range, or the other one is in its own."""
STEP = 6
"""The column is known and a multiple of the value."""
NOT_STEP = 7
"""The column is known and no multiple of the value."""
NEAR = 8
"""The point is known and within the ball (`ball_words`); on its skin, as far as floats can tell: maybe."""
FAR = 9
"""The point is known and outside the ball; on its skin: maybe."""
MAYBE = 10
"""Cannot be told here: the caller confirms."""
SUM = 11
"""Values `low, high, included, tags..., tags...`: the weights (subject 0 or 1) of the lines that bear one of the
included tags (with none included: of all lines) and none of the excluded ones add up to the range (`HIGH`: or more)."""
INSIDE = 12
"""The spot is known and inside the first ring or on its edge, and strictly inside no other (`ring_words`)."""
OUTSIDE = 13
"""The spot is known and not `INSIDE`."""

SUM_OUT = 14
"""As `SUM`, but the sum is outside the range."""
BUNDLE = 15
"""Values `components`, then for each `quantity, number, tags...`: the lines' weight 1 serves every component, none of
it counted twice. When a line bears tags of two components it cannot be told here."""

DAY = 0
"""The column of the day's number, never unknown."""
MINUTE = 1
"""The column of the minute of the week, 0 (Monday 00:00) to 10,079, never unknown."""
STORE = 0
"""The family of the place's store."""
REGION = 1
"""The family of the place's regions."""
PLACE_FAMILIES = (STORE, REGION)
MAX_SUBJECTS = 64
"""Columns, or families, there may be."""
MAX_CLAUSES = 16
"""Clauses an owner may have."""
MAX_VALUES = 400_000
"""Values a part may have."""

UNKNOWN = -(2**31)
LOW = UNKNOWN + 1
HIGH = 2**31 - 1
SKIN = 1e-14
"""Distance to a ball's skin below which floats are not trusted, on the unit sphere."""
DOUBT = 1e-9
"""Relative size of a cross product below which floats are not trusted: the spot is taken to be on the line."""


def ball_words(x: float, y: float, z: float, radius: float) -> list[int]:
    """A ball as the eight 32-bit words that `NEAR` and `FAR` take."""
    return list(struct.unpack("=8i", struct.pack("=4d", x, y, z, radius)))


def ring_words(rings: Sequence[Sequence[tuple[float, float]]]) -> list[int]:
    """Closed rings as words: their number, the length of each, and the points' doubles."""
    points = [part for ring in rings for point in ring for part in point]
    doubles = struct.unpack(f"={2 * len(points)}i", struct.pack(f"={len(points)}d", *points))
    return [len(rings), *map(len, rings), *doubles]


def words_rings(words: Sequence[int]) -> list[list[tuple[float, float]]]:
    """The rings back from their words."""
    count = words[0]
    doubles = words[1 + count :]
    parts = iter(struct.unpack(f"={len(doubles) // 2}d", struct.pack(f"={len(doubles)}i", *doubles)))
    return [[(next(parts), next(parts)) for _ in range(length)] for length in words[1 : 1 + count]]


def check_program(program: Sequence[int], columns: int, families: int) -> None:
    """Raise ValueError unless every part is whole and names a column or family that exists."""
    at = 0
    while at < len(program):
        if at + 3 > len(program):
            raise ValueError(f"part at {at} is cut short")
        op, subject, count = program[at : at + 3]
        values = program[at + 3 : at + 3 + count]
        if not 0 <= count <= MAX_VALUES or len(values) != count or not _fits(op, subject, values, columns, families):
            raise ValueError(f"part at {at} is malformed: op {op}, subject {subject}, {count} values")
        at += 3 + count


def _fits(op: int, subject: int, values: Sequence[int], columns: int, families: int) -> bool:
    if op in (ANY, NONE):
        return 0 <= subject < families
    if op in (NEAR, FAR):
        return len(values) == 8
    if op == MAYBE:
        return not values
    if op in (SUM, SUM_OUT):
        return subject in (0, 1) and len(values) >= 3 and 0 <= values[2] <= len(values) - 3
    if op == BUNDLE:
        return _are_components(values)
    if op in (INSIDE, OUTSIDE):
        return _are_rings(values)
    if not 0 <= subject < columns:
        return False
    if op == EITHER:
        return len(values) == 5 and 0 <= values[2] < columns
    if op in (STEP, NOT_STEP):
        return len(values) == 1 and values[0] > 0
    return len(values) == 2 if op == RANGE else op == UNION and len(values) % 2 == 0


def _are_components(values: Sequence[int]) -> bool:
    if not values or not 0 < values[0] <= 32:
        return False
    at = 1
    for _ in range(values[0]):
        if at + 2 > len(values) or values[at] <= 0 or values[at + 1] < 0:
            return False
        at += 2 + values[at + 1]
    return at == len(values)


def components(values: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    """A bundle's components: (quantity, tags)."""
    found, at = [], 1
    for _ in range(values[0]):
        found.append((values[at], values[at + 2 : at + 2 + values[at + 1]]))
        at += 2 + values[at + 1]
    return found


def is_of_the_place(op: int, subject: int) -> bool:
    """The place alone decides the part."""
    return op in (NEAR, FAR, INSIDE, OUTSIDE) or (op in (ANY, NONE) and subject in PLACE_FAMILIES)


def is_of_the_day(op: int, subject: int) -> bool:
    """The day alone decides the part."""
    return op in (RANGE, UNION, STEP, NOT_STEP) and subject == DAY


def _are_rings(values: Sequence[int]) -> bool:
    if not values or not 0 < values[0] < len(values):
        return False
    lengths = values[1 : 1 + values[0]]
    return min(lengths) > 0 and len(values) == 1 + values[0] + 4 * sum(lengths)
