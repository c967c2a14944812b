"""The compiled choice at its own border: programs and lines of numbers in, masks and amounts out, misuse refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from poi_cext.choose import COMPILED, Effects, Solver

pytestmark = pytest.mark.skipif(not COMPILED, reason="poi_cext._choose was not built")

FIXED, FREE, BUY_GET, CHEAPEST, UNIT, PERCENT, AMOUNT = range(7)
UNITS, LINE_PERCENT, LINE_AMOUNT, BASKET_PERCENT, BASKET_AMOUNT = range(5)
POINTS = 7
TENTH = [PERCENT, BASKET_PERCENT, 1000, 0, -1, -1, 0, 0, 0, 0]
FIFTY = [AMOUNT, BASKET_AMOUNT, 0, 50, -1, -1, 0, 0, 0, 0]
ON_TAG_7 = [AMOUNT, LINE_AMOUNT, 0, 30, -1, -1, 0, 0, 1, 0, 7]
NOT_TAG_7 = [AMOUNT, LINE_AMOUNT, 0, 30, -1, -1, 0, 0, 0, 1, 7]
TEN_POINTS = [POINTS, UNITS, 0, 10, -1, -1, 0, 0, 0, 0]
Line = tuple[list[int], int, int, int, int]
LINES: list[Line] = [([7], 1000, 1000, 1, 0), ([8], 500, 500, 1, 0)]


def solver(
    *programs: list[int],
    lines: list[Line] | None = None,
    groups: list[int] | None = None,
    policy: int = 0,
    node_bound: int = 1000,
    point_value: int = 1000,
) -> Solver:
    """Offers of one priority without limits, in groups of one."""
    numbers = groups or [-1] * len(programs)
    terms = [(0, False, group, 1, -1, -1, rank) for rank, group in enumerate(numbers)]
    effects = [Effects(words) for words in programs]
    return Solver(LINES if lines is None else lines, effects, terms, policy, node_bound, 0, 1, 100, point_value, True)


def test_all_that_stack_are_chosen() -> None:
    assert solver(TENTH, FIFTY).choose()[:2] == (0b11, True)


def test_the_better_of_a_group_is_chosen() -> None:
    assert solver(FIFTY, TENTH, groups=[0, 0]).choose()[:2] == (0b10, True)


def test_an_evaluation_gives_what_is_left_and_who_took_it() -> None:
    left, shares, freed, gains, value, cost = solver(TENTH, ON_TAG_7, TEN_POINTS).evaluate(0b111)
    assert left == [873, 450]
    assert shares == {(1, 0): 30, (0, 0): 97, (0, 1): 50}
    assert (freed, gains) == ({}, [(2, 0, False, 1000, 10)])
    assert value == cost == (177 + 10) * 1000


def test_tags_say_which_lines() -> None:
    assert solver(ON_TAG_7).evaluate(1)[1] == {(0, 0): 30}
    assert solver(NOT_TAG_7).evaluate(1)[1] == {(0, 1): 30}


def test_offers_worth_nothing_are_told_apart() -> None:
    found = solver([*ON_TAG_7[:-1], 9], TEN_POINTS, point_value=0)
    assert (found.valued, found.giving) == (0, 0b10)
    assert found.choose() == (0, True, 0)


def test_the_node_bound_is_kept() -> None:
    mask, optimal, nodes = solver(FIFTY, TENTH, TENTH, node_bound=2).choose()
    assert (optimal, nodes) == (False, 3)
    assert mask == 0b111


def test_no_lines_and_no_offers_are_fine() -> None:
    assert solver().choose() == (0, True, 0)
    assert solver(TENTH, lines=[]).choose() == (0, True, 0)


BROKEN = {
    "too short": TENTH[:-1],
    "no such effect": [99, *TENTH[1:]],
    "no such class": [PERCENT, 7, *TENTH[2:]],
    "a class of another kind": [PERCENT, UNITS, *TENTH[2:]],
    "more than all": [PERCENT, BASKET_PERCENT, 10_001, *TENTH[3:]],
    "a negative amount": [AMOUNT, BASKET_AMOUNT, 0, -5, *FIFTY[4:]],
    "tags that are not there": [*TENTH[:8], 3, 0, 1],
    "fewer than no tags": [*TENTH[:8], -1, 0],
    "no units to buy": [BUY_GET, UNITS, 10_000, 0, -1, 1, 0, 1, 0, 0],
    "more effects than an offer has": TENTH * 9,
}


@pytest.mark.parametrize("words", BROKEN.values(), ids=BROKEN.keys())
def test_words_that_are_no_program_are_refused(words: list[int]) -> None:
    with pytest.raises(ValueError, match="no program"):
        Effects(words)


def test_words_beyond_32_bits_are_refused() -> None:
    with pytest.raises(OverflowError):
        Effects([*FIFTY[:3], 1 << 40, *FIFTY[4:]])


@pytest.mark.parametrize(
    "line", [([], 1 << 40, 1, 1, 0), ([], -1, 1, 1, 0), ([], 5, 10, 1, 0), ([], 100, 10, 10, 1 << 50)]
)
def test_lines_that_would_not_fit_the_numbers_are_refused(line: Line) -> None:
    with pytest.raises(OverflowError):
        solver(TENTH, lines=[line])


def test_more_than_it_holds_is_refused() -> None:
    with pytest.raises(OverflowError):
        solver(*[TENTH] * 129)
    with pytest.raises(OverflowError):
        solver(TENTH, lines=[LINES[0]] * 513)
    assert solver(*[ON_TAG_7] * 128, lines=[LINES[0]] * 512, node_bound=1).choose()[2] == 2


def test_terms_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="group"):
        solver(TENTH, groups=[5])
    with pytest.raises(ValueError, match="terms"):
        solver(TENTH, policy=9)
    with pytest.raises(ValueError, match="terms"):
        Solver(LINES, [Effects(TENTH)], [], 0, 10, 0, 1, 100, 1000, True)


def test_threads_with_a_basket_each_do_not_disturb_one_another() -> None:
    programs = [[PERCENT, BASKET_PERCENT, 700 + i * 700 % 1300, 0, 90 + i, -1, 0, 0, 0, 0] for i in range(18)]
    groups = [i % 5 for i in range(18)]
    alone = solver(*programs, groups=groups).choose()
    baskets = [solver(*programs, groups=groups) for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(Solver.choose, baskets)) == {alone}
    assert alone[1]
    assert alone[2] > len(programs), "there was something to search"
