"""`numpy`: columns, filtered one after the other; what is left grows less at each step."""

from collections.abc import Iterable

import numpy as np

from poi_cext.ops import HIGH, LOW
from poi_offers.geo import EARTH_RADIUS
from poi_server.benchmark.clauses import CIRCLE, POLYGON, STORES
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.ragged import Flags, Floats, Longs, Ragged, gathered, row_of
from poi_server.benchmark.timetables import HOURS
from poi_server.benchmark.workload import Workload


class NumpyScan:
    """A scan over the columns."""

    def __init__(self, workload: Workload) -> None:
        self._columns = clauses = workload.clauses
        self._hours = np.zeros((len(workload.timetables) + 1, HOURS), np.bool_)
        self._hours[-1] = True  # the row that -1, no timetable, takes
        for table, hours in zip(workload.timetables, self._hours, strict=False):
            hours[list(table.hours)] = True
        self._first, self._last = (np.ascontiguousarray(clauses.dates[:, n]) for n in (0, 1))
        self._phi, self._lam = np.radians(clauses.circles[:, 0]), np.radians(clauses.circles[:, 1])

    def match(self, facts: Facts) -> list[int]:
        """The offers that hold, in order."""
        rows = self._bound(facts)
        rows = self._plain(rows, facts)
        rows = self._here(rows, facts)
        for lists, wanted in (
            (self._columns.category_any, facts.categories),
            (self._columns.product_any, facts.products),
            (self._columns.segment_any, facts.segments),
        ):
            rows = rows[_shares(gathered(lists, rows), wanted or ())]
        rows = rows[_all(gathered(self._columns.category_all, rows), facts.categories)]
        refused = gathered(self._columns.segment_none, rows)
        free = refused.lengths == 0
        if facts.segments is not None:
            free |= ~_shares(refused, facts.segments, empty=False)
        return [int(offer) for offer in np.unique(self._columns.owner[rows[free]])]

    def _bound(self, facts: Facts) -> Longs:
        columns, trade = self._columns, np.uint64(1 << facts.trade)
        rows = np.flatnonzero((columns.chain == facts.chain) | (columns.chain == -1))
        rows = rows[(self._first[rows] <= facts.day) & (self._last[rows] >= facts.day)]
        trades = columns.trades[rows]
        bound: Longs = rows[(trades == 0) | ((trades & trade) != 0)]
        return bound

    def _plain(self, rows: Longs, facts: Facts) -> Longs:
        columns = self._columns
        rows = rows[self._hours[columns.weekly[rows], facts.minute // 60]]
        for mask, value in (
            (columns.tier, facts.tier),
            (columns.scheme, facts.scheme),
            (columns.channel, facts.channel),
        ):
            own = mask[rows]
            rows = rows[(own == 0) | ((own >> value & 1 != 0) if value is not None else False)]
        for limits, number in (
            (columns.subtotal, facts.subtotal),
            (columns.points, facts.points),
            (columns.visits, facts.visits),
            (columns.recency, facts.recency),
        ):
            low, high = limits[rows, 0], limits[rows, 1]
            free = (low == LOW) & (high == HIGH)
            rows = rows[free if number is None else (low <= number) & (number <= high)]
        before, after = columns.birthday[rows, 0], columns.birthday[rows, 1]
        near = False if facts.birthday is None else (facts.birthday[0] <= before) | (facts.birthday[1] <= after)
        plain: Longs = rows[(before < 0) | near]
        return plain

    def _here(self, rows: Longs, facts: Facts) -> Longs:
        columns, kind = self._columns, self._columns.kind[rows]
        holds = np.ones(len(rows), np.bool_)
        for one, judge in ((STORES, self._listed), (CIRCLE, self._near), (POLYGON, self._inside)):
            where = np.flatnonzero(kind == one)
            holds[where] = judge(columns.shape[rows[where]].astype(np.int64), facts)
        return rows[holds]

    def _listed(self, shapes: Longs, facts: Facts) -> Flags:
        lists = gathered(self._columns.store_lists, shapes)
        hits = row_of(lists.lengths)[lists.values == (-1 if facts.store is None else facts.store)]
        return np.bincount(hits, minlength=len(shapes)).astype(np.bool_)

    def _near(self, shapes: Longs, facts: Facts) -> Flags:
        phi, lam = np.radians(facts.lat), np.radians(facts.lon)
        half = np.sin((self._phi[shapes] - phi) / 2) ** 2
        half += np.cos(phi) * np.cos(self._phi[shapes]) * np.sin((self._lam[shapes] - lam) / 2) ** 2
        metres: Floats = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(half))
        near: Flags = metres <= self._columns.circles[shapes, 2]
        return near

    def _inside(self, shapes: Longs, facts: Facts) -> Flags:
        starts = self._columns.corners[shapes]
        corners = self._columns.corners[shapes + 1] - starts
        rows = row_of(corners)
        place = np.arange(len(rows)) - np.repeat(np.cumsum(corners) - corners, corners)
        first = np.repeat(starts, corners)
        a = self._columns.ring[first + place]
        b = self._columns.ring[first + (place + 1) % np.repeat(corners, corners)]
        spans = (a[:, 1] > facts.lat) != (b[:, 1] > facts.lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            cut = (b[:, 0] - a[:, 0]) * (facts.lat - a[:, 1]) / (b[:, 1] - a[:, 1]) + a[:, 0]
        odd = np.bincount(rows[spans & (facts.lon < cut)], minlength=len(shapes)) % 2
        inside: Flags = odd.astype(np.bool_)
        return inside


def _shares(lists: Ragged, wanted: Iterable[int], *, empty: bool = True) -> Flags:
    lengths = lists.lengths
    hits: Flags = np.bincount(row_of(lengths)[_held(lists, wanted)], minlength=len(lengths)) > 0
    return hits | (lengths == 0) if empty else hits


def _all(lists: Ragged, wanted: Iterable[int]) -> Flags:
    lengths = lists.lengths
    found: Flags = np.bincount(row_of(lengths)[_held(lists, wanted)], minlength=len(lengths)) == lengths
    return found


def _held(lists: Ragged, wanted: Iterable[int]) -> Flags:
    marks = np.zeros(1 + int(lists.values.max(initial=0)), np.bool_)
    marks[[value for value in wanted if value < len(marks)]] = True
    held: Flags = marks[lists.values]
    return held
