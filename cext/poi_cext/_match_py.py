"""The plain Python twin of the compiled matcher: the same names, the same answers."""

import struct
from collections.abc import Sequence
from itertools import pairwise

from poi_cext.ops import (
    ANY,
    DOUBT,
    EITHER,
    FAR,
    INSIDE,
    MAYBE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    SKIN,
    STEP,
    SUM,
    UNION,
    UNKNOWN,
    check_program,
    words_rings,
)

NO, SURE, PERHAPS = 0, 1, 2

Line = tuple[Sequence[int], int, int]
Spot = tuple[float, float]


class Event:
    """One question's facts.

    A number per column, a set per family (None = unknown), lines of (tags, weight 0, weight 1), a point of the unit
    sphere, and a spot in a plane that repeats every 360 along x.
    """

    def __init__(
        self,
        numbers: Sequence[int],
        sets: Sequence[Sequence[int] | None],
        lines: Sequence[Line] = (),
        point: tuple[float, float, float] | None = None,
        spot: Spot | None = None,
    ) -> None:
        self.numbers = tuple(numbers)
        self.sets = tuple(None if values is None else frozenset(values) for values in sets)
        self.lines = [(frozenset(tags), (one, two)) for tags, one, two in lines]
        self.point = point
        self.spot = spot


class Table:
    """Clauses by owner. A clause's `fixed` part depends on the place alone, its `live` part on the moment."""

    def __init__(self, columns: int, families: int) -> None:
        self.columns = columns
        self.families = families
        self.clauses: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
        self._dead: set[int] = set()
        self._counts: dict[int, int] = {}

    @property
    def rows(self) -> int:
        """Clauses held, dead ones included."""
        return len(self.clauses)

    @property
    def dead(self) -> int:
        """Clauses whose owner was discarded."""
        return sum(self._counts[owner] for owner in self._dead)

    def add(self, owner: int, fixed: Sequence[int], live: Sequence[int]) -> None:
        """Add a clause; all clauses of one owner are added one after the other."""
        check_program(fixed, self.columns, self.families)
        check_program(live, self.columns, self.families)
        self.clauses.append((owner, tuple(fixed), tuple(live)))
        self._counts[owner] = self._counts.get(owner, 0) + 1

    def discard(self, owner: int) -> None:
        """Stop answering with this owner."""
        if owner in self._counts:
            self._dead.add(owner)

    def lives(self, owner: int) -> bool:
        """The owner was not discarded."""
        return owner not in self._dead

    def compacted(self) -> "Table":
        """A copy without the dead clauses."""
        copy = Table(self.columns, self.families)
        for owner, fixed, live in self.clauses:
            if self.lives(owner):
                copy.add(owner, fixed, live)
        return copy


class Plan:
    """The clauses whose fixed part is true at one place: every event it scans must come from there.

    It catches up with the table by itself.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._seen = 0
        self._rows: list[tuple[int, int, tuple[int, ...]]] = []

    @property
    def rows(self) -> int:
        """Clauses of the plan so far."""
        return len(self._rows)

    def owners(self, event: Event) -> list[int]:
        """Owners with a clause in the plan, each once, in the order added: those that the place does not rule out."""
        _check_event(self._table, event)
        self._catch_up(event)
        return list(dict.fromkeys(owner for owner, _, _ in self._rows if self._table.lives(owner)))

    def scan(self, event: Event) -> tuple[list[int], list[int]]:
        """Owners with a true clause, and those of which a clause may be true, each once, in the order added."""
        _check_event(self._table, event)
        self._catch_up(event)
        best: dict[int, int] = {}
        for owner, fixed, live in self._rows:
            if self._table.lives(owner):
                verdict = run(live, event)
                if verdict == SURE and fixed == SURE:
                    best[owner] = SURE
                elif verdict != NO:
                    best.setdefault(owner, PERHAPS)
        return [owner for owner in best if best[owner] == SURE], [owner for owner in best if best[owner] == PERHAPS]

    def _catch_up(self, event: Event) -> None:
        new = self._table.clauses[self._seen :]
        self._seen += len(new)
        for owner, fixed, live in new:
            verdict = run(fixed, event)
            if verdict != NO:
                self._rows.append((owner, verdict, live))


def run(program: Sequence[int], event: Event) -> int:
    """Judge a program: NO, SURE or PERHAPS."""
    verdict, at = SURE, 0
    while at < len(program):
        op, subject, count = program[at : at + 3]
        part = _part(op, subject, program[at + 3 : at + 3 + count], event)
        if part == NO:
            return NO
        verdict = max(verdict, part)
        at += 3 + count
    return verdict


def _part(op: int, subject: int, values: Sequence[int], event: Event) -> int:
    if op == MAYBE:
        return PERHAPS
    if op in (NEAR, FAR):
        return _ball(op, values, event)
    if op == SUM:
        return SURE if _sum(subject, values, event) else NO
    if op in (INSIDE, OUTSIDE):
        return _rings(op, values, event.spot)
    if op in (ANY, NONE):
        held = event.sets[subject]
        return SURE if held is not None and held.isdisjoint(values) == (op == NONE) else NO
    return SURE if _column(op, event.numbers[subject], values, event) else NO


def _column(op: int, number: int, values: Sequence[int], event: Event) -> bool:
    if op == EITHER:
        return _inside(number, values[0], values[1]) or _inside(event.numbers[values[2]], values[3], values[4])
    if number == UNKNOWN:
        return False
    if op in (STEP, NOT_STEP):
        return (number % values[0] == 0) == (op == STEP)
    assert op in (RANGE, UNION)
    return any(low <= number <= high for low, high in zip(values[::2], values[1::2], strict=True))


def _inside(number: int, low: int, high: int) -> bool:
    return number != UNKNOWN and low <= number <= high


def _ball(op: int, words: Sequence[int], event: Event) -> int:
    if event.point is None:
        return NO
    x, y, z, radius = struct.unpack("=4d", struct.pack("=8i", *words))
    away = (x - event.point[0]) ** 2 + (y - event.point[1]) ** 2 + (z - event.point[2]) ** 2
    inner, outer = max(0.0, radius - SKIN), radius + SKIN
    if inner * inner <= away <= outer * outer:
        return PERHAPS
    return SURE if (away < inner * inner) == (op == NEAR) else NO


def _sum(weight: int, values: Sequence[int], event: Event) -> bool:
    low, high, included = values[:3]
    wanted, refused = values[3 : 3 + included], values[3 + included :]
    lines = [
        weights[weight]
        for tags, weights in event.lines
        if tags.isdisjoint(refused) and not (included and tags.isdisjoint(wanted))
    ]
    return low <= sum(lines) <= high


def _rings(op: int, words: Sequence[int], spot: Spot | None) -> int:
    if spot is None:
        return NO
    for i, ring in enumerate(words_rings(words)):
        where = max(_locate(spot[0] + turn, spot[1], ring) for turn in (0.0, -360.0, 360.0))
        if where == PERHAPS:
            return PERHAPS
        if (where == SURE) == (i > 0):
            return SURE if op == OUTSIDE else NO
    return SURE if op == INSIDE else NO


def _locate(x: float, y: float, ring: Sequence[Spot]) -> int:
    """SURE inside, NO outside, PERHAPS too near to an edge's line to tell."""
    inside = False
    for a, b in pairwise(ring):
        if (a[1] < y and b[1] < y) or (a[1] > y and b[1] > y) or (x > a[0] and x > b[0]):
            continue
        first, second = (b[0] - a[0]) * (y - a[1]), (b[1] - a[1]) * (x - a[0])
        if abs(first - second) <= DOUBT * (abs(first) + abs(second)):
            return PERHAPS
        if (a[1] > y) != (b[1] > y) and (first > second) == (b[1] > a[1]):
            inside = not inside
    return SURE if inside else NO


def _check_event(table: Table, event: Event) -> None:
    if len(event.numbers) != table.columns or len(event.sets) != table.families:
        raise ValueError(f"the event needs {table.columns} numbers and {table.families} sets")
