"""Recency, frequency, monetary: fifths of the merchant's own customers, and one group for each."""

import pytest

from poi_engine.segments.rfm import GROUPS, NAMES, Cuts, cut_points, cuts_of, group_of, score

CUTS = Cuts((7, 30, 90, 200), (1, 2, 4, 8), (1000, 3000, 7000, 20_000))


def test_cut_points_are_the_values_at_each_fifth() -> None:
    assert cut_points(range(1, 101)) == (20, 40, 60, 80)
    assert cut_points([5]) == (5, 5, 5, 5)
    assert cut_points([]) == ()


def test_each_fifth_has_its_score_and_equal_values_have_equal_scores() -> None:
    cuts = cut_points(range(1, 101))
    scores = [score(value, cuts) for value in range(1, 101)]
    assert [scores.count(one) for one in range(1, 6)] == [20] * 5
    one_visit = cut_points([1] * 70 + [2] * 20 + [9] * 10)
    assert [score(visits, one_visit) for visits in (1, 2, 9)] == [1, 4, 5]


def test_only_those_who_came_are_cut() -> None:
    cuts = cuts_of([True, False, True], [3, -1, 9], [1, 0, 4], [100, 0, 900])
    assert cuts == Cuts((3, 3, 9, 9), (1, 1, 4, 4), (100, 100, 900, 900))
    assert not cuts_of([False], [-1], [0], [0])


@pytest.mark.parametrize(
    ("ever", "days", "visits", "spend", "group"),
    [
        (12, 20, 9, 30_000, "champions"),
        (12, 31, 9, 30_000, "loyal"),  # recency 3
        (12, 20, 9, 6999, "loyal"),  # spends little
        (3, 20, 3, 30_000, "loyal"),
        (3, 20, 2, 30_000, "promising"),
        (1, 31, 1, 900, "promising"),
        (1, 30, 1, 90_000, "new"),
        (1, 0, 1, 900, "new"),
        (9, 91, 3, 500, "at_risk"),
        (9, 201, 1, 7000, "at_risk"),
        (9, 201, 2, 3000, "lapsed"),
        (9, 400, 0, 0, "lapsed"),
        (0, None, 0, 0, None),
    ],
)
def test_the_groups(ever: int, days: int | None, visits: int, spend: int, group: str | None) -> None:
    assert group_of(ever, days, visits, spend, CUTS) == group


def test_before_anybody_was_cut_only_the_new_are_known() -> None:
    assert group_of(1, 5, 1, 900, Cuts()) == "new"
    assert group_of(5, 5, 5, 9000, Cuts()) is None


def test_every_group_has_a_name_in_both_languages() -> None:
    assert {*NAMES} == {*GROUPS}
    assert all({*names} == {"en", "fr"} for names in NAMES.values())
