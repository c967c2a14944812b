"""The matcher's language, table and plans: the same for the compiled matcher and its plain twin."""

import threading
from collections.abc import Sequence
from random import Random
from types import ModuleType

import pytest

from poi_cext.ops import (
    ANY,
    EITHER,
    FAR,
    HIGH,
    INSIDE,
    LOW,
    MAYBE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    STEP,
    SUM,
    UNION,
    UNKNOWN,
    ball_words,
    ring_words,
)
from tests.cext.both import both, matchers

COLUMNS, FAMILIES = 5, 9
NUMBERS = (7, UNKNOWN, 0, 12, UNKNOWN)
SETS: tuple[Sequence[int] | None, ...] = ((3, 1), None, (), (40, 9, 71), None, (0,), (5,), (6,), (2, 4))
LINES = (((1, 2), 100, 1000), ((2, 3), 250, 500), ((), 30, 2000))
POINT = (1.0, 0.0, 0.0)
SPOT = (5.0, 5.0)
SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
AROUND = ((4.0, 4.0), (6.0, 4.0), (6.0, 6.0), (4.0, 6.0), (4.0, 4.0))
FAR_EAST = tuple((x + 360.0, y) for x, y in SQUARE)


def part(op: int, subject: int, *values: int) -> list[int]:
    return [op, subject, len(values), *values]


def rings(op: int, *rings: Sequence[tuple[float, float]]) -> list[int]:
    return part(op, 0, *ring_words(rings))


def ball(op: int, x: float, radius: float) -> list[int]:
    return part(op, 0, *ball_words(x, 0.0, 0.0, radius))


def event(matcher: ModuleType, known: bool = True) -> object:
    return matcher.Event(NUMBERS, SETS, LINES, POINT if known else None, SPOT if known else None)


PARTS = [
    (part(ANY, 0, 1), "sure"),
    (part(ANY, 0, 2, 4), "no"),
    (part(ANY, 0), "no"),
    (part(ANY, 1, 1), "no"),
    (part(ANY, 2, 1), "no"),
    (part(ANY, 3, 9, 500), "sure"),
    (part(ANY, 3, 40 + 31, 500), "sure"),
    (part(ANY, 3, 40 - 31, 500), "sure"),
    (part(ANY, 3, 40 + 62), "no"),  # shares the signature's bit, not the value
    (part(ANY, 8, 1, 4), "sure"),
    (part(NONE, 0, 2, 4), "sure"),
    (part(NONE, 0, 3), "no"),
    (part(NONE, 0), "sure"),
    (part(NONE, 1), "no"),
    (part(NONE, 2, 3), "sure"),
    (part(RANGE, 0, 7, 7), "sure"),
    (part(RANGE, 0, 8, HIGH), "no"),
    (part(RANGE, 0, LOW, 6), "no"),
    (part(RANGE, 1, LOW, HIGH), "no"),
    (part(RANGE, 1, UNKNOWN, HIGH), "no"),
    (part(RANGE, 3, 12, 20), "sure"),
    (part(RANGE, 4, LOW, HIGH), "no"),
    (part(UNION, 3, 1, 5, 10, 12, 20, 30), "sure"),
    (part(UNION, 3, 1, 5, 13, 30), "no"),
    (part(UNION, 3), "no"),
    (part(UNION, 4, LOW, HIGH), "no"),
    (part(EITHER, 0, 1, 2, 3, 12, 12), "sure"),
    (part(EITHER, 0, 7, 7, 3, 0, 0), "sure"),
    (part(EITHER, 0, 1, 2, 3, 0, 0), "no"),
    (part(EITHER, 1, LOW, HIGH, 4, LOW, HIGH), "no"),
    (part(EITHER, 1, LOW, HIGH, 0, 7, 7), "sure"),
    (part(STEP, 3, 4), "sure"),
    (part(STEP, 3, 5), "no"),
    (part(STEP, 2, 5), "sure"),
    (part(STEP, 4, 1), "no"),
    (part(NOT_STEP, 3, 5), "sure"),
    (part(NOT_STEP, 3, 4), "no"),
    (part(NOT_STEP, 4, 5), "no"),
    (ball(NEAR, 0.9, 0.11), "sure"),
    (ball(NEAR, 0.9, 0.09), "no"),
    (ball(FAR, 0.9, 0.09), "sure"),
    (ball(FAR, 0.9, 0.11), "no"),
    (ball(NEAR, 0.5, 0.5), "maybe"),
    (ball(FAR, 0.5, 0.5), "maybe"),
    (part(MAYBE, 0), "maybe"),
    (part(SUM, 0, 380, 380, 0), "sure"),
    (part(SUM, 1, 3500, 3500, 0), "sure"),
    (part(SUM, 0, 350, 350, 1, 2), "sure"),
    (part(SUM, 0, 351, HIGH, 1, 2), "no"),
    (part(SUM, 0, 100, 100, 1, 2, 3), "sure"),
    (part(SUM, 0, 30, 30, 0, 2), "sure"),
    (part(SUM, 0, 0, 0, 1, 9), "sure"),
    (rings(INSIDE, SQUARE), "sure"),
    (rings(OUTSIDE, SQUARE), "no"),
    (rings(INSIDE, SQUARE, AROUND), "no"),
    (rings(OUTSIDE, SQUARE, AROUND), "sure"),
    (rings(INSIDE, FAR_EAST), "sure"),
    (rings(INSIDE, tuple((x + 5, y) for x, y in SQUARE)), "maybe"),
    (rings(OUTSIDE, tuple((x + 5, y) for x, y in SQUARE)), "maybe"),
    (rings(INSIDE, tuple((x + 6, y) for x, y in SQUARE)), "no"),
]


def told(matcher: ModuleType, fixed: Sequence[int], live: Sequence[int], known: bool = True) -> str:
    table = matcher.Table(COLUMNS, FAMILIES)
    table.add(4, fixed, live)
    sure, maybe = matcher.Plan(table).scan(event(matcher, known))
    assert sorted(sure + maybe) in ([], [4])
    return "sure" if sure else "maybe" if maybe else "no"


@both
@pytest.mark.parametrize(("program", "expected"), PARTS)
def test_a_part_means_the_same_fixed_or_live(matcher: ModuleType, program: list[int], expected: str) -> None:
    assert told(matcher, [], program) == expected
    assert told(matcher, program, []) == expected


@both
@pytest.mark.parametrize("program", [p for p, _ in PARTS if p[0] in (NEAR, FAR, INSIDE, OUTSIDE)])
def test_nothing_is_near_or_far_from_an_unknown_place(matcher: ModuleType, program: list[int]) -> None:
    assert told(matcher, [], program, known=False) == "no"


@both
def test_a_clause_needs_all_its_parts(matcher: ModuleType) -> None:
    good, bad, open_ = part(RANGE, 0, 7, 7), part(ANY, 1, 1), part(MAYBE, 0)
    assert told(matcher, good, [*good, *part(RANGE, 0, 1, 9)]) == "sure"
    assert told(matcher, [], [*good, *part(RANGE, 0, 8, 9)]) == "no"
    assert told(matcher, good, bad) == "no"
    assert told(matcher, open_, good) == "maybe"
    assert told(matcher, good, [*open_, *bad]) == "no"
    assert told(matcher, [], [*part(ANY, 0, 1), *part(ANY, 0, 3)]) == "sure"
    assert told(matcher, [], [*part(ANY, 0, 1), *part(ANY, 0, 2)]) == "no"


@both
def test_an_owner_with_several_clauses_is_named_once_and_surely_if_one_is_sure(matcher: ModuleType) -> None:
    table = matcher.Table(COLUMNS, FAMILIES)
    for owner, programs in ((0, ([], [])), (1, (part(MAYBE, 0), [])), (2, (part(MAYBE, 0), part(ANY, 1, 1)))):
        for program in programs:
            table.add(owner, [], program)
    table.add(3, [], part(ANY, 1, 1))
    assert matcher.Plan(table).scan(event(matcher)) == ([0, 1], [2])


@both
def test_a_plan_sees_what_is_added_and_discarded_after_it(matcher: ModuleType) -> None:
    table = matcher.Table(COLUMNS, FAMILIES)
    plan = matcher.Plan(table)
    here = event(matcher)
    assert plan.scan(here) == ([], [])
    for owner in range(100):
        table.add(owner, part(RANGE, 3, owner, HIGH), part(RANGE, 0, 0, 9))
    assert plan.scan(here) == (list(range(13)), [])
    assert (table.rows, plan.rows) == (100, 13)
    assert plan.owners(here) == list(range(13))
    table.discard(3)
    table.discard(3)
    table.discard(12345)
    assert plan.scan(here) == ([n for n in range(13) if n != 3], [])
    assert plan.owners(here) == plan.scan(here)[0]
    assert table.dead == 1
    assert [table.lives(owner) for owner in (2, 3)] == [True, False]


@both
def test_compacting_leaves_the_dead_behind(matcher: ModuleType) -> None:
    table = matcher.Table(COLUMNS, FAMILIES)
    for owner in range(20):
        table.add(owner, part(RANGE, 3, 12, 12), [*part(RANGE, 0, 7, 7), *part(ANY, 0, 3)])
        table.add(owner, [], part(ANY, 8, 4))
    for owner in range(0, 20, 2):
        table.discard(owner)
    smaller = table.compacted()
    assert (table.rows, table.dead, smaller.rows, smaller.dead) == (40, 20, 20, 0)
    assert matcher.Plan(smaller).scan(event(matcher)) == matcher.Plan(table).scan(event(matcher))
    assert matcher.Plan(smaller).scan(event(matcher)) == (list(range(1, 20, 2)), [])


MALFORMED = [
    [ANY],
    [ANY, 0],
    [ANY, 0, 2, 1],
    [ANY, 0, -1],
    part(ANY, FAMILIES, 1),
    part(ANY, -1, 1),
    part(RANGE, COLUMNS, 1, 2),
    part(RANGE, 0, 1),
    part(UNION, 0, 1),
    part(EITHER, 0, 1, 2, COLUMNS, 1, 2),
    part(EITHER, 0, 1, 2, 3),
    part(STEP, 0, 0),
    part(NOT_STEP, 0, -1),
    part(NEAR, 0, 1, 2, 3),
    part(MAYBE, 0, 1),
    part(SUM, 2, 1, 2, 0),
    part(SUM, 0, 1, 2, 3, 1),
    part(SUM, 0, 1, 2, -1),
    part(INSIDE, 0),
    part(INSIDE, 0, 0),
    part(INSIDE, 0, 1, 3, 0, 0),
    part(INSIDE, 0, -1, 3),
    part(99, 0),
    part(0, 0),
]


@both
@pytest.mark.parametrize("program", MALFORMED)
def test_a_malformed_program_is_refused_and_adds_nothing(matcher: ModuleType, program: list[int]) -> None:
    table = matcher.Table(COLUMNS, FAMILIES)
    for fixed, live in ((program, []), ([], program)):
        with pytest.raises(ValueError, match="part at 0"):
            table.add(0, fixed, live)
    assert table.rows == 0


@both
def test_an_event_of_another_shape_is_refused(matcher: ModuleType) -> None:
    plan = matcher.Plan(matcher.Table(COLUMNS, FAMILIES))
    for numbers, sets in ((NUMBERS[:-1], SETS), (NUMBERS, SETS[1:])):
        with pytest.raises(ValueError, match="5 numbers and 9 sets"):
            plan.scan(matcher.Event(numbers, sets))


@both
def test_tables_smaller_than_the_hot_part_work(matcher: ModuleType) -> None:
    table = matcher.Table(1, 1)
    table.add(0, [], [*part(RANGE, 0, 1, 5), *part(ANY, 0, 2)])
    assert matcher.Plan(table).scan(matcher.Event((3,), ((2,),))) == ([0], [])
    assert matcher.Plan(table).scan(matcher.Event((6,), ((2,),))) == ([], [])
    empty = matcher.Table(0, 0)
    empty.add(9, [], [])
    assert matcher.Plan(empty).scan(matcher.Event((), ())) == ([9], [])


def random_program(random: Random) -> list[int]:
    makers = (
        lambda: part(ANY, random.randrange(FAMILIES), *sorted(random.sample(range(90), random.randrange(1, 9)))),
        lambda: part(NONE, random.randrange(FAMILIES), *sorted(random.sample(range(90), random.randrange(3)))),
        lambda: part(RANGE, random.randrange(COLUMNS), random.choice((LOW, 3)), random.choice((HIGH, 40))),
        lambda: part(UNION, random.randrange(COLUMNS), *sorted(random.sample(range(60), 6))),
        lambda: part(EITHER, random.randrange(COLUMNS), 0, 9, random.randrange(COLUMNS), 20, 40),
        lambda: part(random.choice((STEP, NOT_STEP)), random.randrange(COLUMNS), random.randrange(1, 4)),
        lambda: ball(random.choice((NEAR, FAR)), random.choice((0.5, 0.7)), random.choice((0.3, 0.5, 0.6))),
        lambda: part(MAYBE, 0),
        lambda: part(SUM, random.randrange(2), 50, 2000, 1, random.randrange(5), *sorted(random.sample(range(9), 2))),
        lambda: rings(random.choice((INSIDE, OUTSIDE)), tuple((x + random.randrange(9), y) for x, y in SQUARE), AROUND),
    )
    return [word for _ in range(random.randrange(4)) for word in random.choice(makers)()]


def random_event(random: Random) -> tuple[object, ...]:
    numbers = [random.choice((UNKNOWN, random.randrange(50))) for _ in range(COLUMNS)]
    sets = [random.choice((None, random.sample(range(90), random.randrange(40)))) for _ in range(FAMILIES)]
    lines = [(random.sample(range(9), 3), random.randrange(500), 1000) for _ in range(random.randrange(5))]
    place = random.random() < 0.8
    spot = (random.uniform(-2, 20), random.uniform(-2, 12))
    return numbers, sets, lines, POINT if place else None, spot if place else None


def test_the_compiled_matcher_and_its_twin_agree_on_random_programs() -> None:
    if len(matchers()) < 2:
        pytest.skip("built without the extension")
    random = Random(77)
    tables = [matcher.Table(COLUMNS, FAMILIES) for matcher in matchers()]
    for owner in range(600):
        for _ in range(random.randrange(1, 4)):
            fixed, live = (random_program(random) if random.random() < 0.3 else []), random_program(random)
            for table in tables:
                table.add(owner, fixed, live)
    kinds = [0, 0]
    for step in range(60):
        facts = random_event(random)
        for table in tables:
            table.discard(step * 7)
        answers = [m.Plan(table).scan(m.Event(*facts)) for m, table in zip(matchers(), tables, strict=True)]
        assert answers[0] == answers[1]
        kinds = [count + len(found) for count, found in zip(kinds, answers[0], strict=True)]
    assert min(kinds) > 1000


@both
def test_threads_may_scan_while_another_adds_and_discards(matcher: ModuleType) -> None:
    """Even owners live on, odd ones come and go: every scan names all the even ones that were there before it."""
    table = matcher.Table(COLUMNS, FAMILIES)
    for owner in range(0, 200, 2):
        table.add(owner, [], part(RANGE, 0, 7, 7))
    stop, wrong = threading.Event(), []

    def scan() -> None:
        plan, here = matcher.Plan(table), event(matcher)
        while not stop.is_set():
            found = plan.scan(here)[0]
            if [owner for owner in found if owner < 200 and owner % 2 == 0] != list(range(0, 200, 2)):
                wrong.append(found)

    threads = [threading.Thread(target=scan) for _ in range(2)]
    for thread in threads:
        thread.start()
    for owner in range(201, 1501, 2):
        table.add(owner, [], part(ANY, 0, 1))
        table.discard(owner - 2)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
