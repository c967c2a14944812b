"""The plain Python twin of the compiled matcher: the same names, the same answers."""

import struct
from array import array
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from time import perf_counter_ns
from typing import Union

from poi_cext.ops import (
    ANY,
    BUNDLE,
    DAY,
    DOUBT,
    EITHER,
    FAR,
    HIGH,
    INSIDE,
    MAX_CLAUSES,
    MAX_SUBJECTS,
    MAYBE,
    MINUTE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    SKIN,
    STEP,
    SUM,
    SUM_OUT,
    UNION,
    UNKNOWN,
    check_program,
    components,
    is_of_the_day,
    is_of_the_place,
    words_rings,
)

NO, SURE, PERHAPS = 0, 1, 2

Line = tuple[Sequence[int], int, int]
Spot = tuple[float, float]
WEEK = 7 * 1440
Buffer = Union[bytes, bytearray, memoryview, "array[int]"]


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


class Index:
    """Owners 0, 1, 2 ... in their order (0 is the best), each with its clauses; never changes."""

    def __init__(self, columns: int, families: int, clauses: Sequence[Sequence[Sequence[int]]]) -> None:
        self.columns = columns
        self.families = families
        self.of_owner = clauses

    @staticmethod
    def build(
        columns: int, families: int, owners: int, clause_owners: Buffer, starts: Buffer, words: Buffer
    ) -> "Index":
        """Clause i is `words[starts[i]:starts[i + 1]]` (int64, int32), owned by `clause_owners[i]` (int32)."""
        of_clause, ends = memoryview(clause_owners).cast("B").cast("i"), memoryview(starts).cast("B").cast("q")
        programs = memoryview(words).cast("B").cast("i")
        clauses: list[list[list[int]]] = [[] for _ in range(owners)]
        if not (2 <= columns <= MAX_SUBJECTS and 2 <= families <= MAX_SUBJECTS):
            raise ValueError(f"columns and families are 2 to {MAX_SUBJECTS} each, not {columns} and {families}")
        if len(ends) != len(of_clause) + 1 or ends[-1] != len(programs):
            raise ValueError("there must be one start more than clauses, the last one the end of the words")
        for i, owner in enumerate(of_clause):
            program = programs[ends[i] : ends[i + 1]].tolist()
            check_program(program, columns, families)
            if not 0 <= owner < owners or (i and owner < of_clause[i - 1]) or len(clauses[owner]) == MAX_CLAUSES:
                raise ValueError(f"clause {i} has owner {owner}: owners ascend and have at most {MAX_CLAUSES} clauses")
            clauses[owner].append(program)
        return Index(columns, families, clauses)

    @property
    def owners(self) -> int:
        """Owners held."""
        return len(self.of_owner)

    @property
    def clauses(self) -> int:
        """Clauses held."""
        return sum(map(len, self.of_owner))

    @property
    def nbytes(self) -> int:
        """Bytes of all sections."""
        return sum(section.nbytes for section in self.sections().values())

    def sections(self) -> dict[str, memoryview]:
        """Flat read-only pieces that `open` takes back."""
        programs = [(owner, program) for owner, clauses in enumerate(self.of_owner) for program in clauses]
        starts = accumulate((len(program) for _, program in programs), initial=0)
        return {
            "twin": memoryview(array("q", [self.columns, self.families, self.owners])),
            "clause_owners": memoryview(array("i", [owner for owner, _ in programs])),
            "starts": memoryview(array("q", starts)),
            "words": memoryview(array("i", [word for _, program in programs for word in program])),
        }

    @staticmethod
    def open(sections: Mapping[str, Buffer]) -> "Index":
        """The index back from its sections; ValueError when they do not fit together."""
        if set(sections) != {"twin", "clause_owners", "starts", "words"}:
            raise ValueError(f"these are not the plain matcher's sections: {', '.join(sorted(sections))}")
        columns, families, owners = memoryview(sections["twin"]).cast("B").cast("q")
        return Index.build(columns, families, owners, sections["clause_owners"], sections["starts"], sections["words"])


class Matcher:
    """One process's live view: an index, and the changes since."""

    def __init__(self, index: Index, plan_bytes: int = 64 << 20) -> None:
        self.index = index
        self.plan_limit = plan_bytes
        self._added: list[tuple[int, list[tuple[int, ...]]]] = []
        self._dead: set[int] = set()

    @property
    def added(self) -> int:
        """Owners added since the index was built."""
        return len(self._added)

    @property
    def dead(self) -> int:
        """Owners discarded."""
        return len(self._dead)

    plans = plan_bytes_used = 0
    """The twin makes no plans."""

    def forget_plans(self) -> None:
        """Nothing to forget."""

    def add(self, order: int, clauses: Sequence[Sequence[int]]) -> int:
        """A new owner that sorts by `order` (owner i of the index has i << 32), seen by the next match."""
        for program in clauses:
            check_program(program, self.index.columns, self.index.families)
        if len(clauses) > MAX_CLAUSES:
            raise ValueError(f"an owner has at most {MAX_CLAUSES} clauses")
        self._added.append((order, [tuple(program) for program in clauses]))
        return self.index.owners + len(self._added) - 1

    def discard(self, owner: int) -> None:
        """Stop answering with this owner."""
        if 0 <= owner < self.index.owners + len(self._added):
            self._dead.add(owner)

    def lives(self, owner: int) -> bool:
        """The owner is there and was not discarded."""
        return 0 <= owner < self.index.owners + len(self._added) and owner not in self._dead

    def match(self, event: Event, place: Hashable | None = None, top: int = 0) -> tuple[list[int], list[int]]:
        """Owners with a true clause, and those of which a clause may be true, in order; `top` stops after so many.

        All events of one `place` have the same stores, regions, point and spot.
        """
        _check_event(self.index, event)
        sure: list[int] = []
        maybe: list[int] = []
        for owner, clauses in self._living():
            if top and len(sure) + len(maybe) == top:
                break
            verdicts = {run(program, event) for program in clauses}
            if SURE in verdicts:
                sure.append(owner)
            elif PERHAPS in verdicts:
                maybe.append(owner)
        return sure, maybe

    def reach(self, event: Event, place: Hashable | None = None) -> list[int]:
        """Owners that neither the place nor the day rules out, in order."""
        _check_event(self.index, event)
        return [
            owner
            for owner, clauses in self._living()
            if any(_can_hold(program) and run(_fixed(program), event) for program in clauses)
        ]

    def merged(self) -> tuple[Index, "array[int]"]:
        """An index of the owners that live now, and which owner each one was here."""
        living = self._living()
        index = Index(self.index.columns, self.index.families, [clauses for _, clauses in living])
        return index, array("q", [owner for owner, _ in living])

    def timed(
        self, events: Sequence[Event], places: Sequence[Hashable | None], rounds: int
    ) -> tuple[list[int], list[int]]:
        """Best nanoseconds of a match, and how many owners it found, by event."""
        best, found = [], []
        for event, place in zip(events, places, strict=True):
            took = []
            for _ in range(rounds):
                start = perf_counter_ns()
                sure, maybe = self.match(event, place)
                took.append(perf_counter_ns() - start)
            best.append(min(took))
            found.append(len(sure) + len(maybe))
        return best, found

    def _living(self) -> list[tuple[int, Sequence[Sequence[int]]]]:
        count = self.index.owners
        everyone: list[tuple[int, int, Sequence[Sequence[int]]]] = [
            (owner << 32, owner, clauses) for owner, clauses in enumerate(self.index.of_owner)
        ]
        everyone += [(order, count + i, clauses) for i, (order, clauses) in enumerate(self._added)]
        return [(owner, clauses) for _, owner, clauses in sorted(everyone) if owner not in self._dead]


def _can_hold(program: Sequence[int]) -> bool:
    """No part is false whatever the event."""
    return not any(
        (op == ANY and not values) or (op == RANGE and values[0] > values[1]) for op, _, values in _parts(program)
    )


def _parts(program: Sequence[int]) -> Iterator[tuple[int, int, Sequence[int]]]:
    at = 0
    while at < len(program):
        op, subject, count = program[at : at + 3]
        yield op, subject, program[at + 3 : at + 3 + count]
        at += 3 + count


def _fixed(program: Sequence[int]) -> list[int]:
    """The parts that the place or the day decides."""
    fixed: list[int] = []
    for op, subject, values in _parts(program):
        if is_of_the_place(op, subject) or is_of_the_day(op, subject):
            fixed.extend((op, subject, len(values), *values))
    return fixed


def run(program: Sequence[int], event: Event) -> int:
    """Judge a program: NO, SURE or PERHAPS."""
    verdict = SURE
    for op, subject, values in _parts(program):
        part = _part(op, subject, values, event)
        if part == NO:
            return NO
        verdict = max(verdict, part)
    return verdict


def _part(op: int, subject: int, values: Sequence[int], event: Event) -> int:
    if op == MAYBE:
        return PERHAPS
    if op in (NEAR, FAR):
        return _ball(op, values, event)
    if op in (SUM, SUM_OUT):
        return SURE if _sum(subject, values, event) == (op == SUM) else NO
    if op == BUNDLE:
        return _bundle(values, event)
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
    return low <= min(sum(lines), HIGH) <= high


def _bundle(values: Sequence[int], event: Event) -> int:
    parts = components(values)
    left = [quantity for quantity, _ in parts]
    shared = False
    for tags, (_, weight) in event.lines:
        serves = [i for i, (_, wanted) in enumerate(parts) if not tags.isdisjoint(wanted)]
        shared |= len(serves) > 1
        for i in serves:
            left[i] -= weight
    if any(missing > 0 for missing in left):
        return NO
    return PERHAPS if shared else SURE


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


def _check_event(index: Index, event: Event) -> None:
    if len(event.numbers) != index.columns or len(event.sets) != index.families:
        raise ValueError(f"the event needs {index.columns} numbers and {index.families} sets")
    if event.numbers[DAY] == UNKNOWN or not 0 <= event.numbers[MINUTE] < WEEK:
        raise ValueError("the event needs its day, and its minute of the week from 0 to 10079")
