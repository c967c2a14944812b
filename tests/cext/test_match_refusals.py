"""What the matcher refuses: malformed programs, too many clauses, events and shapes that do not fit."""

from array import array
from types import ModuleType

import pytest

from poi_cext.ops import (
    ANY,
    EITHER,
    INSIDE,
    MAX_CLAUSES,
    MAYBE,
    NEAR,
    NOT_STEP,
    RANGE,
    STEP,
    SUM,
    UNION,
    UNKNOWN,
)
from tests.cext.both import both
from tests.cext.test_match import COLUMNS, FAMILIES, NUMBERS, SETS, event, index, live, part

MALFORMED = [
    [ANY],
    [ANY, 0],
    [ANY, 0, 2, 1],
    [ANY, 0, -1],
    part(ANY, FAMILIES, 1),
    part(ANY, -1, 1),
    part(RANGE, COLUMNS, 1, 2),
    part(RANGE, 2, 1),
    part(UNION, 2, 1),
    part(EITHER, 2, 1, 2, COLUMNS, 1, 2),
    part(EITHER, 2, 1, 2, 5),
    part(STEP, 2, 0),
    part(NOT_STEP, 2, -1),
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
    view = live(matcher)
    with pytest.raises(ValueError, match="part at 0"):
        view.add(0, [[], program])
    assert (view.added, view.match(event(matcher))) == (0, ([], []))
    with pytest.raises(ValueError, match=r"malformed|cut short"):
        index(matcher, [[[]], [program]])


@both
def test_more_clauses_than_allowed_are_refused(matcher: ModuleType) -> None:
    assert live(matcher, [[[]] * MAX_CLAUSES]).match(event(matcher)) == ([0], [])
    with pytest.raises(ValueError, match="16 clauses"):
        index(matcher, [[[]] * (MAX_CLAUSES + 1)])
    with pytest.raises(ValueError, match="16 clauses"):
        live(matcher).add(0, [[]] * (MAX_CLAUSES + 1))


@both
def test_an_event_of_another_shape_is_refused(matcher: ModuleType) -> None:
    view = live(matcher)
    for numbers, sets in ((NUMBERS[:-1], SETS), (NUMBERS, SETS[1:])):
        with pytest.raises(ValueError, match="7 numbers and 11 sets"):
            view.match(matcher.Event(numbers, sets))
    for day, minute in ((UNKNOWN, 0), (1, UNKNOWN), (1, 10_080), (1, -1)):
        with pytest.raises(ValueError, match="minute of the week"):
            view.match(matcher.Event((day, minute, *NUMBERS[2:]), SETS))


@both
def test_a_shape_without_day_minute_store_and_region_is_refused(matcher: ModuleType) -> None:
    for columns, families in ((1, 2), (2, 1), (65, 2), (2, 65)):
        with pytest.raises(ValueError, match="2 to 64"):
            matcher.Index.build(columns, families, 0, array("i"), array("q", [0]), array("i"))
