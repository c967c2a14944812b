"""What is planted in the figures is found in them, with the figures it was planted with, and nothing else."""

import random
from datetime import date, timedelta

import pytest

from poi_engine.suggestions.pairs import Together
from poi_engine.suggestions.quiet import quiet_hours
from poi_engine.suggestions.rhythm import lapses, usual_interval

TODAY = date(2026, 11, 22)


def planted_baskets(dice: random.Random, count: int = 3000) -> list[set[str]]:
    """Products p0 .. p19 independently; whoever buys tea buys a scone in three of four baskets, others seldom."""
    baskets = []
    for _ in range(count):
        basket = {f"p{n}" for n in range(20) if dice.random() < 0.08}
        if dice.random() < 0.15:
            basket |= {"tea"} | ({"scone"} if dice.random() < 0.75 else set())
        elif dice.random() < 0.03:
            basket.add("scone")
        baskets.append(basket)
    return baskets


@pytest.mark.parametrize("seed", range(5))
def test_the_planted_pair_comes_first_with_its_figures(seed: int) -> None:
    baskets = planted_baskets(random.Random(seed))
    filled = [basket for basket in baskets if basket]
    pairs = Together(baskets).pairs()
    found = pairs[0]
    assert {found.first, found.second} == {"tea", "scone"}
    both = sum({"tea", "scone"} <= basket for basket in baskets)
    with_first = sum(found.first in basket for basket in baskets)
    with_second = sum(found.second in basket for basket in baskets)
    assert (found.baskets, found.both) == (len(filled), both)
    assert (found.with_first, found.with_second) == (with_first, with_second)
    assert found.support == pytest.approx(both / len(filled))
    assert found.confidence == pytest.approx(both / with_first)
    assert found.lift == pytest.approx(both * len(filled) / (with_first * with_second))
    assert not [pair for pair in pairs[1:] if {pair.first, pair.second} & {"tea", "scone"}]


@pytest.mark.parametrize("seed", range(20))
def test_of_independent_products_no_pair_is_found(seed: int) -> None:
    dice = random.Random(seed)
    baskets = [{f"p{n}" for n in range(20) if dice.random() < 0.08} for _ in range(3000)]
    assert Together(baskets).pairs() == []


def test_few_baskets_say_nothing() -> None:
    assert Together([{"tea", "scone"}] * 7).pairs() == []
    assert Together([]).pairs() == []


def test_a_best_sellers_companion_is_the_one_that_goes_best_with_it() -> None:
    baskets = [{"bread"}] * 100 + [{"bread", "jam"}] * 12 + [{"milk"}] * 60 + [{"bread", "milk"}] * 9
    counted = Together([set(one) for one in baskets])
    pair = counted.companion("bread")
    assert pair is not None and {pair.first, pair.second} == {"bread", "jam"}
    assert counted.alone["bread"] == 100
    assert counted.companion("bread", besides={frozenset(("bread", "jam"))}) is None  # milk goes without bread


@pytest.mark.parametrize("seed", range(5))
def test_planted_quiet_hours_are_found_and_no_others(seed: int) -> None:
    dice, weeks = random.Random(seed), 8
    hours = {}
    for day in range(1, 7):  # closed on Sundays
        for hour in range(8, 19):
            quiet = day in (2, 4) and 14 <= hour < 17
            sales = [dice.randrange(0, 3) if quiet else dice.randrange(6, 15) for _ in range(weeks)]
            hours[day, hour] = (sum(sales), sum(n > 0 for n in sales))
    (found,) = quiet_hours(hours, weeks)
    assert (found.days, found.start, found.end) == ((2, 4), 14, 17)
    assert found.sales == pytest.approx(sum(hours[day, hour][0] for day in (2, 4) for hour in (14, 15, 16)) / weeks / 6)
    assert found.usual == pytest.approx(sum(sales for sales, _ in hours.values()) / weeks / 66)


def test_mornings_and_evenings_of_a_day_are_not_quiet_hours() -> None:
    hours = {(day, hour): (80, 8) for day in range(1, 6) for hour in range(9, 17)}
    hours |= {(day, hour): (3, 3) for day in range(1, 6) for hour in (8, 17)}
    assert quiet_hours(hours, 8) == []


def test_a_shop_that_is_young_or_sells_little_has_no_quiet_hours() -> None:
    hours = {(1, hour): (80, 2) for hour in range(8, 18)} | {(1, 12): (0, 0), (1, 13): (0, 0)}
    assert quiet_hours(hours, 2) == []
    assert quiet_hours({cell: (sales // 80, seen) for cell, (sales, seen) in hours.items()}, 8) == []


def visits(every: int, count: int, last: int) -> list[date]:
    """So many visits, the last one so many days ago."""
    return [TODAY - timedelta(days=last + every * n) for n in range(count)]


@pytest.mark.parametrize("every", [1, 3, 7, 14, 30])
def test_a_customer_lapses_by_their_own_rhythm(every: int) -> None:
    longer = max(2 * every, every + 7)
    assert usual_interval(visits(every, 8, 0)) == every
    assert lapses(visits(every, 8, longer - 1), TODAY) is None
    assert lapses(visits(every, 8, longer), TODAY) == every
    assert lapses(visits(every, 8, 181), TODAY) is None


def test_who_came_seldom_has_no_rhythm() -> None:
    assert lapses(visits(7, 3, 30), TODAY) is None
    assert usual_interval([TODAY] * 9) is None


def test_an_old_rhythm_gives_way_to_the_newer_one() -> None:
    days = visits(20, 12, 25) + [TODAY - timedelta(days=400 + n) for n in range(50)]
    assert usual_interval(days) == 20
    assert lapses(days, TODAY) is None
