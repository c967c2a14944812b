"""The live catalogue: its answers are the oracle's, and a change is seen by the next question."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge
from poi_offers.errors import OfferError
from poi_offers.offer_conditions import (
    All,
    Any,
    BinPrefix,
    Birthday,
    Channel,
    Circle,
    Condition,
    InSegment,
    NthVisit,
    Polygon,
    Recurrence,
    Region,
    Stores,
    Subtotal,
    Weekly,
    WeeklyWindow,
)
from poi_offers.offer_conditions import Not as No
from poi_offers.offer_parts import Selector
from poi_offers.situation import Place, Situation
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.offers.catalogues import each_matcher, expected, ids, offer
from tests.offers.generate import LEAVES, Generator
from tests.offers.scenes import PARIS, at, card, line, somebody

# --- equal to the oracle ------------------------------------------------------------------------------------------


DEAR = (line("p", 2**26, 32_000),)  # 2**31 minor units


def random_catalogue(generator: Generator, size: int) -> Catalogue:
    """Every leaf alone and negated a few times, then random trees."""
    leaves = [generator.leaf(kind) for kind in LEAVES for _ in range(3)]
    trees = [*leaves, *(No(of=leaf) for leaf in leaves)]
    while len(trees) < size:
        tree = generator.condition(4)
        if clause_count(tree, positive=True) <= MAX_CLAUSES:
            trees.append(tree)
    return Catalogue(offer(f"off_{n}", tree, n % 3) for n, tree in enumerate(trees))


@pytest.mark.usefixtures("each_matcher")
def test_the_catalogue_finds_what_the_oracle_finds(capsys: pytest.CaptureFixture[str]) -> None:
    """25,600 pairs of an offer and a situation; every leaf must have been true, false and, if it can be, unknown."""
    generator, seen = Generator(2026), Counter[tuple[str, bool | None]]()
    offers = random_catalogue(generator, 400)
    for _ in range(64):
        situation = generator.situation()
        found = offers.eligible(situation)
        assert ids(found) == expected(offers, situation)
        seen.update((type(one.conditions).__name__, judge(one.conditions, situation).truth) for one in offers.offers())
    names = [*(kind.__name__ for kind in LEAVES), "All", "Any", "Not"]
    with capsys.disabled():
        print("\n" + "; ".join(f"{name} {[seen[name, truth] for truth in (True, False, None)]}" for name in names))
    always_known = {"Dates", "Weekly", "Recurrence", "Subtotal", "Quantity", "Bundle", "Channel"}
    due = {(name, truth) for name in names for truth in (True, False, None)} - {(name, None) for name in always_known}
    assert not due - seen.keys()


@given(st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_offer_in_any_situation(seed: int) -> None:
    generator = Generator(seed)
    tree, situation = generator.condition(4), generator.situation()
    if clause_count(tree, positive=True) > MAX_CLAUSES:
        return
    truth = judge(tree, situation).truth
    note(f"{type(tree).__name__} {truth}")
    assert ids(Catalogue([offer("off_1", tree)]).eligible(situation)) == (["off_1"] if truth else [])


def weekly(day: int, start: str, end: str) -> Weekly:
    return Weekly(windows=(WeeklyWindow(days=(day,), start=start, end=end),))


MONDAY = datetime(2026, 11, 22, 23, tzinfo=UTC)  # 00:00 in Paris
EDGES: list[tuple[Condition, Situation]] = [
    (No(of=InSegment(any_of=("a",), none_of=("b",))), somebody(segments=("a", "b"))),
    (No(of=InSegment(any_of=("a",), none_of=("b",))), at()),
    (No(of=InSegment(none_of=("b",))), somebody(segments=("b",))),
    (No(of=Subtotal(min=50, max=200, items=Selector(products=("p",)))), at(items=(line("p", 300),))),
    (No(of=Subtotal(min=50, max=200, items=Selector(products=("p",)))), at(items=(line("p", 100),))),
    (No(of=Subtotal(max=200, items=Selector(exclude_brands=("acme",)))), at(items=(line("p", 300, brand="acme"),))),
    (Subtotal(min=1_000_000_000), at(items=DEAR)),
    (Subtotal(min=1, items=Selector(products=("p",))), at(items=DEAR)),
    (
        Subtotal(max=1_000_000_000, items=Selector(products=("p",))),
        at(items=DEAR),
    ),
    (No(of=BinPrefix(any_of=("4970",))), card(bin="49")),
    (No(of=BinPrefix(any_of=("4970",))), card(bin="")),
    (No(of=BinPrefix(any_of=("4970",))), card(bin="5")),
    (NthVisit(n=1, every=True), somebody(visits_in={0: 0})),
    (Weekly(windows=(WeeklyWindow(days=(1, 2, 3, 4, 5, 6, 7), start="00:00", end="00:00"),)), at()),
    (No(of=Weekly(windows=(WeeklyWindow(days=(1, 2, 3, 4, 5, 6, 7), start="00:00", end="00:00"),))), at()),
    (Circle(lat=-48.8566, lon=-177.6478, radius=20_037_508), at()),
    (No(of=Circle(lat=48.8566, lon=2.3522, radius=0.001)), at()),
    (Polygon(rings=(((2.3522, 48.8566), (3.0, 48.0), (3.0, 49.0), (2.3522, 48.8566)),)), at()),
    (No(of=Polygon(rings=(((2.3522, 48.8566), (3.0, 48.0), (3.0, 49.0), (2.3522, 48.8566)),))), at()),
    (No(of=Birthday(before=3)), somebody(birthday=date(1990, 11, 25))),
    (No(of=Birthday(after=3)), somebody(birthday=date(1990, 11, 19))),
    (No(of=Birthday(before=3, after=3)), somebody(birthday=date(1990, 11, 26))),
    (weekly(7, "23:00", "00:30"), at(MONDAY + timedelta(minutes=30))),
    (weekly(7, "23:00", "00:30"), at(MONDAY + timedelta(minutes=29))),
    (No(of=weekly(7, "23:00", "00:30")), at(MONDAY + timedelta(minutes=30))),
    (weekly(7, "10:30", "12:15"), at()),
    (weekly(7, "11:59", "12:01"), at()),
    (Recurrence(rrule="FREQ=DAILY", start=datetime.fromisoformat("2026-11-22T12:00"), minutes=1), at()),
    (Any(of=()), at()),
    (Region(any_of=("FR",)), at(place=Place(zone="UTC", regions=("FR-75",)))),
]


@pytest.mark.usefixtures("each_matcher")
@pytest.mark.parametrize(("condition", "situation"), EDGES)
def test_edges(condition: Condition, situation: Situation) -> None:
    truth = judge(condition, situation).truth
    assert ids(Catalogue([offer("off_1", condition)]).eligible(situation)) == (["off_1"] if truth else [])


# --- live changes -------------------------------------------------------------------------------------------------


def test_offers_come_by_priority_then_id() -> None:
    offers = Catalogue([offer("b"), offer("c", priority=5), offer("a"), offer("d", Channel(any_of=("phone",)))])
    assert ids(offers.eligible(at())) == ["c", "a", "b"]


@pytest.mark.usefixtures("each_matcher")
def test_a_change_is_seen_by_the_next_question() -> None:
    offers = Catalogue(version=7)
    assert ids(offers.eligible(at())) == []
    offers.put(offer("a"))
    assert ids(offers.eligible(at())) == ["a"]
    offers.put(offer("a", Channel(any_of=("phone",))))
    assert ids(offers.eligible(at())) == []
    offers.put(offer("a", Stores(any_of=("sto_paris",))))
    assert ids(offers.eligible(at())) == ["a"]
    offers.remove("a")
    assert ids(offers.eligible(at())) == []
    assert offers.version == 11


def test_get_offers_and_len() -> None:
    offers = Catalogue([offer("b"), offer("a")])
    assert ids(offers.offers()) == ["a", "b"]
    assert offers.get("a") == offer("a")
    assert offers.get("c") is None
    assert [offers.version_of(name) for name in "ac"] == [1, None]
    assert len(offers) == 2
    assert offers.version == 0


def test_removing_what_is_not_there_changes_nothing() -> None:
    offers = Catalogue([offer("a")], version=3)
    offers.remove("b")
    assert (len(offers), offers.version) == (1, 3)


def test_an_offer_that_cannot_be_compiled_leaves_the_old_one_in_place() -> None:
    offers = Catalogue([offer("a")])
    wide = All(of=(Any(of=(Channel(any_of=("counter",)), Channel(any_of=("phone",)))),) * 5)
    with pytest.raises(OfferError, match="32 alternatives"):
        offers.put(offer("a", wide))
    assert ids(offers.eligible(at())) == ["a"]
    assert offers.version == 0


@pytest.mark.usefixtures("each_matcher")
def test_many_changes_at_many_stores_stay_exact() -> None:
    """Puts, replacements and removals between questions."""
    generator = Generator(9)
    offers, situations = Catalogue(), [generator.situation() for _ in range(12)]
    for step in range(240):
        if generator.chance(0.3):
            offers.remove(f"off_{generator.random.randrange(40)}")
        else:
            name, priority = f"off_{generator.random.randrange(40)}", generator.random.randrange(3)
            offers.put(offer(name, generator.leaf(), priority))
        situation = situations[step % len(situations)]
        assert ids(offers.eligible(situation)) == expected(offers, situation)


@pytest.mark.usefixtures("each_matcher")
def test_the_first_of_many_are_the_first_of_all() -> None:
    generator = Generator(10)
    offers = random_catalogue(generator, 200)
    for _ in range(12):
        situation = generator.situation()
        found = ids(offers.eligible(situation))
        assert [ids(offers.eligible(situation, top)) for top in (1, 3, 1000)] == [found[:1], found[:3], found]


@pytest.mark.usefixtures("each_matcher")
def test_a_word_learnt_later_is_found_at_a_place_asked_before() -> None:
    offers = Catalogue([offer("a", Stores(any_of=("sto_lyon",)))])
    assert ids(offers.eligible(at())) == []
    offers.put(offer("b", Stores(any_of=("sto_paris",))))
    offers.put(offer("c", Region(any_of=("FR-75",))))
    offers.put(offer("d", No(of=Stores(any_of=("sto_paris",)))))
    assert ids(offers.eligible(at())) == ["b", "c"]


@pytest.mark.usefixtures("each_matcher")
def test_a_recurrence_learnt_later_is_active_at_a_minute_asked_before() -> None:
    noon, one = (datetime.fromisoformat(f"2026-11-22T{hour}:00") for hour in (12, 13))
    offers = Catalogue([offer("a", Recurrence(rrule="FREQ=DAILY", start=noon, minutes=60))])
    assert ids(offers.eligible(at())) == ["a"]
    offers.put(offer("b", Recurrence(rrule="FREQ=WEEKLY", start=noon, minutes=60)))
    offers.put(offer("c", No(of=Recurrence(rrule="FREQ=WEEKLY", start=one, minutes=60))))
    assert ids(offers.eligible(at())) == ["a", "b", "c"]
    assert ids(offers.eligible(at(at().at + timedelta(minutes=60)))) == []
    assert ids(offers.eligible(at(at().at + timedelta(minutes=59, seconds=59)))) == ["a", "b", "c"]


def test_rewards_are_those_with_a_price_in_points() -> None:
    dear, cheap = (msgspec.structs.replace(offer(name), reward_points=100) for name in "db")
    offers = Catalogue([offer("a"), dear, offer("c")])
    assert ids(offers.rewards()) == ["d"]
    offers.put(cheap)
    assert ids(offers.rewards()) == ["b", "d"]
    offers.put(offer("d"))
    offers.remove("b")
    assert ids(offers.rewards()) == []


@pytest.mark.usefixtures("each_matcher")
def test_offers_in_reach_are_those_the_place_does_not_rule_out() -> None:
    here, there = Stores(any_of=("sto_paris",)), Stores(any_of=("sto_lyon",))
    dear = Subtotal(min=5000)
    conditions = {"a": All(of=(here, dear)), "b": there, "c": dear, "d": Any(of=(there, dear)), "e": No(of=here)}
    offers = Catalogue(offer(name, tree) for name, tree in conditions.items())
    assert ids(offers.in_reach(at())) == ["a", "c", "d"]
    assert ids(offers.in_reach(at(), 1, besides={"a": None, "b": None, "unknown": None})) == ["c"]
    offers.remove("c")
    assert ids(offers.in_reach(at())) == ["a", "d"]


def test_a_store_that_moves_gets_another_plan() -> None:
    offers = Catalogue([offer("a", Circle(lat=48.8566, lon=2.3522, radius=10))])
    assert ids(offers.eligible(at())) == ["a"]
    assert ids(offers.eligible(at(place=msgspec.structs.replace(PARIS, lat=0.0)))) == []


def test_the_sum_of_the_versions_tells_catalogues_apart() -> None:
    offers = Catalogue([offer("a", version=3), offer("b", version=4)])
    assert offers.versions == 7
    offers.put(offer("a", version=5))
    offers.put(offer("c"))
    offers.remove("b")
    assert (len(offers), offers.versions) == (2, 6)


__all__ = ["each_matcher"]
