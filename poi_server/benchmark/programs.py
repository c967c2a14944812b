"""The clauses in the matcher's language, column by column: what compiling each offer by itself gives, at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from poi_cext.ops import ANY, EITHER, HIGH, INSIDE, LOW, NEAR, NONE, RANGE, UNION
from poi_offers.columns import Column, Family
from poi_offers.geo import chord
from poi_server.benchmark.clauses import CIRCLE, FIRST_PRODUCT, POLYGON, STORES, Clauses
from poi_server.benchmark.ragged import Flags, Floats, Ints, Longs, Ragged, gathered, row_of, starts_of, within
from poi_server.benchmark.timetables import Timetable
from poi_server.benchmark.world import TRADES

CHUNK = 250_000
"""Clauses written at a time, so that what is written in between stays small."""


def programs(clauses: Clauses, timetables: Sequence[Timetable]) -> tuple[Longs, Ints]:
    """Where each clause's words begin, and all words."""
    chunks = [_chunk(clauses, timetables, at, min(at + CHUNK, len(clauses))) for at in range(0, len(clauses), CHUNK)]
    starts = starts_of(np.concatenate([chunk.lengths for chunk in chunks]))
    words = np.empty(int(starts[-1]), np.int32)
    at = 0
    while chunks:
        values = chunks.pop(0).values
        words[at : at + len(values)] = values
        at += len(values)
    return starts, words


def _chunk(clauses: Clauses, timetables: Sequence[Timetable], first: int, last: int) -> Ragged:
    rows = np.arange(first, last)
    parts = [*_place(clauses, rows), *_moment(clauses, rows, timetables), *_customer(clauses, rows)]
    parts += _basket(clauses, rows)
    return _joined(parts)


def _joined(parts: Sequence[Ragged]) -> Ragged:
    """Row by row the words of all parts."""
    lengths = [part.lengths for part in parts]
    starts = starts_of(np.sum(lengths, axis=0))
    words = np.empty(int(starts[-1]), np.int32)
    at = starts[:-1].copy()
    for part, length in zip(parts, lengths, strict=True):
        words[np.repeat(at, length) + within(length)] = part.values
        at += length
    return Ragged(starts, words)


def _place(clauses: Clauses, rows: Longs) -> list[Ragged]:
    kind, shape, chain = clauses.kind[rows], clauses.shape[rows], clauses.chain[rows]
    return [
        _set(ANY, Family.STORE, _spread(gathered(clauses.store_lists, shape[kind == STORES]), kind == STORES)),
        _balls(clauses.circles[shape[kind == CIRCLE]], kind == CIRCLE),
        _rings(clauses, shape[kind == POLYGON], kind == POLYGON),
        _set(ANY, Family.REGION, _one(chain + TRADES, chain >= 0)),
        _set(ANY, Family.REGION, _bits(clauses.trades[rows], TRADES)),
    ]


def _moment(clauses: Clauses, rows: Longs, timetables: Sequence[Timetable]) -> list[Ragged]:
    return [
        _range(Column.DAY, clauses.dates[rows]),
        _weekly(clauses.weekly[rows], timetables),
        _set(ANY, Family.SCHEME, _bits(clauses.scheme[rows], 8)),
        _set(ANY, Family.CHANNEL, _bits(clauses.channel[rows], 8)),
    ]


def _customer(clauses: Clauses, rows: Longs) -> list[Ragged]:
    visits = clauses.visits[rows]
    counted = np.where((visits == LOW) | (visits == HIGH), visits, visits + 1)
    return [
        _set(ANY, Family.TIER, _bits(clauses.tier[rows], 8)),
        _set(ANY, Family.SEGMENT, gathered(clauses.segment_any, rows)),
        _set(NONE, Family.SEGMENT, gathered(clauses.segment_none, rows)),
        _range(Column.POINTS, clauses.points[rows]),
        _range(Column.VISITS, counted),
        _range(Column.RECENCY, clauses.recency[rows]),
        _birthday(clauses.birthday[rows]),
    ]


def _basket(clauses: Clauses, rows: Longs) -> list[Ragged]:
    products = gathered(clauses.product_any, rows)
    return [
        _range(Column.SUBTOTAL, clauses.subtotal[rows]),
        _set(ANY, Family.GOODS, gathered(clauses.category_any, rows)),
        *(_set(ANY, Family.GOODS, part) for part in _each(gathered(clauses.category_all, rows))),
        _set(ANY, Family.GOODS, Ragged(products.starts, products.values + FIRST_PRODUCT)),
    ]


# --- parts --------------------------------------------------------------------------------------------------------


def _fixed(has: Flags, columns: Sequence[int | NDArray[np.integer]]) -> Ragged:
    """The same number of words for each row that has them; arrays are of those rows."""
    words = np.empty((int(np.count_nonzero(has)), len(columns)), np.int32)
    for at, column in enumerate(columns):
        words[:, at] = column
    return Ragged(starts_of(np.where(has, len(columns), 0)), words.ravel())


def _set(op: int, family: Family, lists: Ragged) -> Ragged:
    """`op, family, count, values...` for each list that is not empty."""
    lengths = lists.lengths
    has = lengths > 0
    starts = starts_of(np.where(has, lengths + 3, 0))
    words = np.empty(int(starts[-1]), np.int32)
    heads = starts[:-1][has]
    words[heads], words[heads + 1], words[heads + 2] = op, int(family), lengths[has]
    words[np.repeat(starts[:-1] + 3, lengths) + within(lengths)] = lists.values
    return Ragged(starts, words)


def _range(column: Column, limits: Ints) -> Ragged:
    has = (limits[:, 0] != LOW) | (limits[:, 1] != HIGH)
    return _fixed(has, (RANGE, int(column), 2, limits[has, 0], limits[has, 1]))


def _birthday(days: Ints) -> Ragged:
    has = days[:, 0] >= 0
    columns = (int(Column.BIRTHDAY_IN), int(Column.BIRTHDAY_AGO))
    return _fixed(has, (EITHER, columns[0], 5, 0, days[has, 0], columns[1], 0, days[has, 1]))


def _weekly(table: NDArray[np.int16], timetables: Sequence[Timetable]) -> Ragged:
    lists = [[limit for span in timetable.spans for limit in span] for timetable in timetables]
    words = [[RANGE if len(limits) == 2 else UNION, int(Column.MINUTE), len(limits), *limits] for limits in lists]
    every = Ragged(starts_of(np.array([*map(len, words), 0])), np.array([n for w in words for n in w], np.int32))
    return gathered(every, np.where(table < 0, len(words), table).astype(np.int64))


def _balls(circles: Floats, has: Flags) -> Ragged:
    phi, lam = np.radians(circles[:, 0]), np.radians(circles[:, 1])
    ball = np.column_stack(
        (np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi), [chord(radius) for radius in circles[:, 2]])
    )
    words = np.ascontiguousarray(ball, np.float64).view(np.int32).reshape(len(circles), 8)
    return _fixed(has, (NEAR, 0, 8, *words.T))


def _rings(clauses: Clauses, shapes: Ints, has: Flags) -> Ragged:
    """`INSIDE, 0, count, 1 ring, its points, doubles...`; the first corner comes again at the end."""
    corners = np.diff(clauses.corners)[shapes] + 1
    first = clauses.corners[:-1][shapes]
    lengths = 5 + 4 * corners
    words = np.empty(int(lengths.sum()), np.int32)
    heads = starts_of(lengths)[:-1]
    words[heads], words[heads + 1], words[heads + 3] = INSIDE, 0, 1
    words[heads + 2], words[heads + 4] = 2 + 4 * corners, corners
    taken = np.repeat(first, corners) + within(corners) % np.repeat(corners - 1, corners)
    doubles = np.ascontiguousarray(clauses.ring[taken]).view(np.int32).ravel()
    words[np.repeat(heads + 5, 4 * corners) + within(4 * corners)] = doubles
    return _spread(Ragged(starts_of(lengths), words), has)


# --- lists --------------------------------------------------------------------------------------------------------


def _spread(lists: Ragged, has: Flags) -> Ragged:
    """A list for each row that has one, an empty one for the others."""
    lengths = np.zeros(len(has), np.int64)
    lengths[has] = lists.lengths
    return Ragged(starts_of(lengths), lists.values)


def _one(values: Ints, has: Flags) -> Ragged:
    return Ragged(starts_of(has.astype(np.int64)), values[has])


def _bits(masks: NDArray[np.unsignedinteger], width: int) -> Ragged:
    """The numbers of the bits set."""
    rows = np.flatnonzero(masks)
    bits = (masks[rows, None].astype(np.uint64) >> np.arange(width, dtype=np.uint64)) & np.uint64(1)
    where, values = np.nonzero(bits)
    return Ragged(starts_of(np.bincount(rows[where], minlength=len(masks))), values.astype(np.int32))


def _each(lists: Ragged) -> list[Ragged]:
    """The first value of each list, the second, and so on, each a list of its own."""
    lengths = lists.lengths
    rows, place = row_of(lengths), within(lengths)
    most = int(lengths.max(initial=0))
    return [
        Ragged(starts_of(np.bincount(rows[place == n], minlength=len(lengths))), lists.values[place == n])
        for n in range(most)
    ]
