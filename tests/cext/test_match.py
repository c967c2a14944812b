"""The matcher's language, index and live view: the same for the compiled matcher and its plain twin."""

import threading
from array import array
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from poi_cext.ops import (
    ANY,
    BUNDLE,
    DAY,
    EITHER,
    FAR,
    HIGH,
    INSIDE,
    LOW,
    MAYBE,
    MINUTE,
    NEAR,
    NONE,
    NOT_STEP,
    OUTSIDE,
    RANGE,
    REGION,
    STEP,
    STORE,
    SUM,
    SUM_OUT,
    UNION,
    UNKNOWN,
    ball_words,
    ring_words,
)
from tests.cext.both import both, matchers

COLUMNS, FAMILIES = 7, 11
NUMBERS = (20, 600, 7, UNKNOWN, 0, 12, UNKNOWN)
SETS: tuple[Sequence[int] | None, ...] = ((77,), (8, 9), (3, 1), None, (), (40, 9, 71), None, (0,), (5,), (6,), (2, 4))
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
    (part(ANY, 2, 1), "sure"),
    (part(ANY, 2, 2, 4), "no"),
    (part(ANY, 2), "no"),
    (part(ANY, 3, 1), "no"),
    (part(ANY, 4, 1), "no"),
    (part(ANY, 5, 9, 500), "sure"),
    (part(ANY, 5, 40 + 31, 500), "sure"),
    (part(ANY, 5, 40 - 31, 500), "sure"),
    (part(ANY, 5, 40 + 62), "no"),  # shares the signature's bit, not the value
    (part(ANY, 10, 1, 4), "sure"),
    (part(NONE, 2, 2, 4), "sure"),
    (part(NONE, 2, 3), "no"),
    (part(NONE, 2), "sure"),
    (part(NONE, 3), "no"),
    (part(NONE, 4, 3), "sure"),
    (part(RANGE, 2, 7, 7), "sure"),
    (part(RANGE, 2, 8, HIGH), "no"),
    (part(RANGE, 2, LOW, 6), "no"),
    (part(RANGE, 3, LOW, HIGH), "no"),
    (part(RANGE, 3, UNKNOWN, HIGH), "no"),
    (part(RANGE, 5, 12, 20), "sure"),
    (part(RANGE, 6, LOW, HIGH), "no"),
    (part(UNION, 5, 1, 5, 10, 12, 20, 30), "sure"),
    (part(UNION, 5, 1, 5, 13, 30), "no"),
    (part(UNION, 5), "no"),
    (part(UNION, 6, LOW, HIGH), "no"),
    (part(EITHER, 2, 1, 2, 5, 12, 12), "sure"),
    (part(EITHER, 2, 7, 7, 5, 0, 0), "sure"),
    (part(EITHER, 2, 1, 2, 5, 0, 0), "no"),
    (part(EITHER, 3, LOW, HIGH, 6, LOW, HIGH), "no"),
    (part(EITHER, 3, LOW, HIGH, 2, 7, 7), "sure"),
    (part(STEP, 5, 4), "sure"),
    (part(STEP, 5, 5), "no"),
    (part(STEP, 4, 5), "sure"),
    (part(STEP, 6, 1), "no"),
    (part(NOT_STEP, 5, 5), "sure"),
    (part(NOT_STEP, 5, 4), "no"),
    (part(NOT_STEP, 6, 5), "no"),
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
    (part(SUM_OUT, 0, 380, 380, 0), "no"),
    (part(SUM_OUT, 0, 381, HIGH, 0), "sure"),
    (part(SUM_OUT, 0, 351, HIGH, 1, 2), "sure"),
    (part(BUNDLE, 1, 1, 1500, 1, 2), "sure"),
    (part(BUNDLE, 1, 1, 1501, 1, 2), "no"),
    (part(BUNDLE, 1, 2, 1000, 1, 1, 500, 1, 3), "sure"),
    (part(BUNDLE, 1, 2, 1000, 1, 1, 501, 1, 3), "no"),
    (part(BUNDLE, 1, 2, 1000, 1, 2, 500, 1, 3), "maybe"),  # the second line could serve either
    (part(BUNDLE, 1, 1, 1, 0), "no"),
    (part(ANY, STORE, 7, 77), "sure"),
    (part(ANY, STORE, 7), "no"),
    (part(NONE, STORE, 7), "sure"),
    (part(ANY, REGION, 9, 10), "sure"),
    (part(NONE, REGION, 9), "no"),
    (part(RANGE, DAY, 20, 20), "sure"),
    (part(RANGE, DAY, 21, HIGH), "no"),
    (part(UNION, DAY, 1, 5, 19, 30), "sure"),
    (part(STEP, DAY, 3), "no"),
    (part(UNION, MINUTE, 600, 659, 1440, 1499), "sure"),
    (part(UNION, MINUTE, 601, 659, 1440, 1499), "no"),
    (part(UNION, MINUTE, 590, 600), "sure"),
    (part(UNION, MINUTE, 0, 599, 601, 10079), "no"),
    (part(RANGE, MINUTE, 600, 600), "sure"),
    (rings(INSIDE, SQUARE), "sure"),
    (rings(OUTSIDE, SQUARE), "no"),
    (rings(INSIDE, SQUARE, AROUND), "no"),
    (rings(OUTSIDE, SQUARE, AROUND), "sure"),
    (rings(INSIDE, FAR_EAST), "sure"),
    (rings(INSIDE, tuple((x + 5, y) for x, y in SQUARE)), "maybe"),
    (rings(OUTSIDE, tuple((x + 5, y) for x, y in SQUARE)), "maybe"),
    (rings(INSIDE, tuple((x + 6, y) for x, y in SQUARE)), "no"),
]


def index(matcher: ModuleType, owners: Sequence[Sequence[Sequence[int]]]) -> Any:
    """An index of these owners' clauses."""
    starts, words, named = [0], [], []
    for owner, clauses in enumerate(owners):
        for clause in clauses:
            named.append(owner)
            words.extend(clause)
            starts.append(len(words))
    buffers = array("i", named), array("q", starts), array("i", words)
    return matcher.Index.build(COLUMNS, FAMILIES, len(owners), *buffers)


def live(matcher: ModuleType, owners: Sequence[Sequence[Sequence[int]]] = ()) -> Any:
    return matcher.Matcher(index(matcher, owners))


PLACES = [None, "a counter"]


def told(matcher: ModuleType, program: Sequence[int], known: bool = True) -> set[str]:
    """What is said of the program, however it came in and whatever the place is called."""
    added = live(matcher)
    assert added.add(7, [program]) == 0
    found = set()
    for view in (live(matcher, [[program]]), added, matcher.Matcher(added.merged()[0])):
        for place in PLACES:
            sure, maybe = view.match(event(matcher, known), place)
            assert sorted(sure + maybe) in ([], [0])
            found.add("sure" if sure else "maybe" if maybe else "no")
    return found


@both
@pytest.mark.parametrize(("program", "expected"), PARTS)
def test_a_part_means_the_same_wherever_it_is(matcher: ModuleType, program: list[int], expected: str) -> None:
    assert told(matcher, program) == {expected}
    assert told(matcher, [*part(RANGE, 2, 7, 7), *program]) == {expected}
    assert told(matcher, [*program, *part(ANY, STORE, 77)]) == {expected}


@both
@pytest.mark.parametrize("program", [p for p, _ in PARTS if p[0] in (NEAR, FAR, INSIDE, OUTSIDE)])
def test_nothing_is_near_or_far_from_an_unknown_place(matcher: ModuleType, program: list[int]) -> None:
    assert told(matcher, program, known=False) == {"no"}


@both
def test_a_clause_needs_all_its_parts(matcher: ModuleType) -> None:
    good, bad, open_ = part(RANGE, 2, 7, 7), part(ANY, 3, 1), part(MAYBE, 0)
    assert told(matcher, []) == {"sure"}
    assert told(matcher, [*good, *part(RANGE, 2, 1, 9)]) == {"sure"}
    assert told(matcher, [*good, *part(RANGE, 2, 8, 9)]) == {"no"}
    assert told(matcher, [*good, *bad]) == {"no"}
    assert told(matcher, [*open_, *good]) == {"maybe"}
    assert told(matcher, [*open_, *bad]) == {"no"}
    assert told(matcher, [*part(ANY, 2, 1), *part(ANY, 2, 3)]) == {"sure"}
    assert told(matcher, [*part(ANY, 2, 1), *part(ANY, 2, 2)]) == {"no"}


@both
def test_an_owner_is_named_once_and_surely_if_one_clause_is_sure(matcher: ModuleType) -> None:
    maybe, no = part(MAYBE, 0), part(ANY, 3, 1)
    view = live(matcher, [[[], []], [maybe, []], [maybe, no], [no], []])
    assert view.match(event(matcher)) == ([0, 1], [2])


@both
def test_owners_come_in_their_order_and_top_stops_early(matcher: ModuleType) -> None:
    maybe = part(MAYBE, 0)
    view = live(matcher, [[[]], [maybe], [[]], [[]]])
    assert view.add((1 << 32) + 5, [[]]) == 4
    assert view.add(-1, [[]]) == 5
    assert view.match(event(matcher)) == ([5, 0, 4, 2, 3], [1])
    assert view.match(event(matcher), "a counter", 3) == ([5, 0], [1])
    assert view.match(event(matcher), None, 4) == ([5, 0, 4], [1])
    assert view.match(event(matcher), None, 99) == ([5, 0, 4, 2, 3], [1])


@both
def test_a_clause_found_by_its_value_makes_the_last_of_the_top_sure(matcher: ModuleType) -> None:
    """So many clauses ask for values of a large family alone that they are no rows of a plan."""
    others = [[part(ANY, 5, 100 + n)] for n in range(300)]
    view = live(matcher, [[part(MAYBE, 0), part(ANY, 5, 71)], *others, [[]]])
    assert view.match(event(matcher), "a counter", 1) == ([0], [])
    assert view.match(event(matcher), "a counter") == ([0, 301], [])


@both
def test_changes_are_seen_by_the_next_question(matcher: ModuleType) -> None:
    view, here = live(matcher), event(matcher)
    assert view.match(here, "a counter") == ([], [])
    for owner in range(100):
        view.add(owner, [[*part(RANGE, 5, owner, HIGH), *part(ANY, STORE, owner % 2 + 76)]])
        assert len(view.match(here, "a counter")[0]) == min(owner + 1, 13) // 2
    here_owners = list(range(1, 13, 2))
    assert view.match(here, "a counter") == (here_owners, [])
    view.discard(3)
    view.discard(3)
    view.discard(12345)
    here_owners.remove(3)
    assert view.match(here, "a counter") == view.match(here) == (here_owners, [])
    assert (view.added, view.dead) == (100, 1)
    assert [view.lives(owner) for owner in (2, 3, 100)] == [True, False, False]


@both
def test_reach_names_what_place_and_day_do_not_rule_out(matcher: ModuleType) -> None:
    there, later, never = part(ANY, STORE, 78), part(RANGE, DAY, 21, 30), part(RANGE, 2, 9, 8)
    dear, here = part(RANGE, 2, 100, HIGH), part(ANY, STORE, 77)
    view = live(matcher, [[there], [later], [dear], [there, dear], [[*here, *dear]], [never], []])
    view.add((2 << 32) + 1, [dear])
    view.discard(3)
    assert view.reach(event(matcher)) == view.reach(event(matcher), "a counter") == [2, 7, 4]


@both
def test_merging_keeps_the_living_in_their_order(matcher: ModuleType) -> None:
    view = live(matcher, [[part(RANGE, 5, 12, 12)], [[]], [], [part(MAYBE, 0), part(ANY, 3, 1)]])
    assert (view.add(1, [part(UNION, MINUTE, 0, 599, 601, 10_079)]), view.add(4 << 32, [])) == (4, 5)
    view.discard(1)
    merged, before = view.merged()
    assert list(before) == [0, 4, 2, 3, 5]
    assert (merged.owners, view.index.owners) == (5, 4)
    assert matcher.Matcher(merged).match(event(matcher)) == ([0], [3])


@both
def test_an_index_is_opened_from_its_sections_as_it_was(matcher: ModuleType) -> None:
    built = index(matcher, [[part(ANY, STORE, 77)], [part(UNION, MINUTE, 0, 700)], [part(ANY, 3, 1)]])
    sections = {name: bytes(section) for name, section in built.sections().items()}
    opened = matcher.Index.open(sections)
    assert (opened.owners, opened.clauses, opened.nbytes) == (3, 3, built.nbytes)
    assert matcher.Matcher(opened).match(event(matcher)) == ([0, 1], [])
    for name, section in sections.items():
        for wrong in {section[:-8], section + bytes(8)} - {section}:
            with pytest.raises(ValueError, match=r"bytes|start|part at|unpack|owner"):
                matcher.Index.open({**sections, name: wrong})
    with pytest.raises(ValueError, match="sections"):
        matcher.Index.open({"words": sections["words"]})


def test_plans_stay_under_their_limit() -> None:
    matcher = matchers()[-1]
    view = matcher.Matcher(index(matcher, [[part(ANY, STORE, n % 50)] for n in range(5000)]), 40_000)
    for n in range(200):
        sets = ((n % 50,), *SETS[1:])
        assert len(view.match(matcher.Event(NUMBERS, sets), n % 50)[0]) == 100
        assert view.plan_bytes_used <= 40_000
    if matcher.__name__.endswith("_match"):
        assert 1 < view.plans < 50
        view.forget_plans()
        assert (view.plans, view.plan_bytes_used) == (0, 0)


@both
def test_threads_may_ask_while_another_adds_and_discards(matcher: ModuleType) -> None:
    """Even owners live on, odd ones come and go: every answer names all the even ones that were there before it."""
    view = live(matcher)
    for owner in range(200):
        view.add(owner, [part(RANGE, 2, 7, 7)])
        if owner % 2:
            view.discard(owner)
    stop, wrong = threading.Event(), []

    def ask(place: str | None) -> None:
        here = event(matcher)
        while not stop.is_set():
            found = view.match(here, place)[0]
            if [owner for owner in found if owner < 200] != list(range(0, 200, 2)):
                wrong.append(found)

    threads = [threading.Thread(target=ask, args=(place,)) for place in PLACES]
    for thread in threads:
        thread.start()
    for owner in range(200, 1500):
        view.add(owner, [part(ANY, 2, 1), part(ANY, STORE, 77)])
        view.discard(owner - 1 if owner > 200 else 1)
        if owner % 100 == 0:
            assert view.merged()[0].owners == 101
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
