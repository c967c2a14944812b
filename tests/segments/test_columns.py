"""Everybody at once finds whom one by one finds: each leaf, each tree, each truth."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from poi_engine.clock import micros_of
from poi_engine.segments import rfm
from poi_engine.segments.columns import NEVER, Crowd, People, count
from poi_engine.segments.due import group_of, scene_of
from poi_engine.segments.model import Bought, Condition, Question, bought_word, check_segment, translate
from poi_offers.eligibility import truth_of
from poi_offers.situation import CustomerFacts
from tests.segments.making import condition, leaves

NOW = datetime(2028, 2, 29, 10, 0, tzinfo=UTC)
AT = micros_of(NOW)
TODAY = date(2028, 2, 29)
ZONE = "Europe/Paris"
WINDOWS = (0, 7, 30, 90, 365)


def person(dice: random.Random, number: int) -> CustomerFacts:
    """Anybody's facts."""
    visits = sorted(dice.choices((0, 0, 1, 2, 3, 5, 8), k=5))
    spend = sorted(dice.choices((0, 0, 499, 500, 1500, 3000, 9000), k=5))
    order = (7, 30, 90, 365, 0)
    came = visits[-1] > 0
    last = NOW - timedelta(days=dice.choice((0, 1, 6, 7, 30, 31, 99, 500)), minutes=dice.randrange(1440))
    return CustomerFacts(
        customer_id=f"cus_{number:03d}",
        tier=dice.choice(("member", "silver", "gold")),
        segments=tuple(word for word in ("vip", "press") if dice.random() < 0.2),
        birthday=dice.choice((None, date(2000, 2, 29), date(1990, 3, 3), date(1980, 8, 29), date(1999, 2, 22))),
        visits_in=dict(zip(order, visits, strict=True)),
        spend_in=dict(zip(order, spend, strict=True)),
        last_visit=last if came else None,
        points=dice.choice((0, 0, 1, 9, 10, 70)),
    )


def people_of(everybody: list[CustomerFacts], objecting: set[str]) -> People:
    """The same facts in columns."""
    people = People(at=AT, today=TODAY)
    for one in everybody:
        people.ids.append(one.customer_id)
        people.tiers.append(one.tier or "")
        people.words.append(one.segments)
        people.birthdays.append(one.birthday.isoformat() if one.birthday else None)
        people.days.append(NEVER if one.last_visit is None else _midnights(one.last_visit))
        people.points.append(one.points)
        people.objects.append(one.customer_id in objecting)
        for days in WINDOWS:
            people.visits[days].append(one.visits_in[days])
            people.spend[days].append(one.spend_in[days])
    return people


def _midnights(last: datetime) -> int:
    """Midnights in Paris, an hour ahead of UTC in winter and two in summer."""
    ahead = timedelta(hours=2 if last < datetime(2027, 10, 31, 1, tzinfo=UTC) else 1)
    return (TODAY - (last + ahead).date()).days


def test_everybody_at_once_is_everybody_one_by_one() -> None:
    dice, seen = random.Random(2028), Counter[object]()
    for _ in range(60):
        everybody = [person(dice, number) for number in range(40)]
        objecting = {one.customer_id for one in everybody if dice.random() < 0.1}
        people = people_of(everybody, objecting)
        cuts = people.cuts()
        crowd = Crowd(people, cuts)
        for _ in range(8):
            _compare(dice, crowd, everybody, objecting, cuts, condition(dice), seen)
    kinds = {kind for kind in seen if isinstance(kind, type)}
    assert {kind.__name__ for kind in kinds} >= {
        *("TierIs", "InSegment", "Birthday", "NthVisit", "Recency", "Frequency", "Spend", "FirstPurchase"),
        *("PointsBalance", "Bought"),
    }
    assert seen[True] > 500
    assert seen[False] > 500
    assert seen[None] > 100, "nothing was unknown"


def _compare(
    dice: random.Random,
    crowd: Crowd,
    everybody: list[CustomerFacts],
    objecting: set[str],
    cuts: rfm.Cuts,
    tree: Condition,
    seen: Counter[object],
) -> None:
    check_segment(Question(conditions=tree))
    rules = translate(tree)
    seen.update(type(one) for one in leaves(tree))
    assert rules.bought == tuple(one for one in leaves(tree) if isinstance(one, Bought))
    bought = [{one.customer_id for one in everybody if dice.random() < 0.3} for _ in rules.bought]
    expected = []
    for one in everybody:
        group = group_of(one, ZONE, AT, cuts)
        words = (*one.segments, *((group,) if group else ()))
        words += tuple(bought_word(index) for index, ids in enumerate(bought) if one.customer_id in ids)
        truth = truth_of(rules.condition, scene_of(one, words, ZONE, AT))
        seen[truth] += 1
        expected += [one.customer_id] if truth and one.customer_id not in objecting else []
    fitting = crowd.fitting(rules, bought)
    assert crowd.ids(fitting) == expected, tree
    assert count(fitting) == len(expected)


def test_nobody_at_all_is_in_no_segment() -> None:
    crowd = Crowd(People(at=AT, today=TODAY), rfm.Cuts())
    assert count(crowd.fitting(translate(condition(random.Random(1))), [set()] * 9)) == 0
