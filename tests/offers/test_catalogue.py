"""The live catalogue: its answers are the oracle's, and a change is seen by the next question."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_cext import _match_py
from poi_offers import catalogue, columns
from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge
from poi_offers.errors import OfferError
from poi_offers.model import (
    All,
    Any,
    BinPrefix,
    Birthday,
    Channel,
    Circle,
    Condition,
    InSegment,
    NthVisit,
    Offer,
    Polygon,
    Recurrence,
    Region,
    Selector,
    Stores,
    Subtotal,
    Weekly,
    WeeklyWindow,
)
from poi_offers.model import Not as No
from poi_offers.situation import Place, Situation
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.offers.generate import LEAVES, Generator
from tests.offers.scenes import PARIS, at, card, line, somebody

MATCHERS = ["in use", "twin"]


@pytest.fixture(params=MATCHERS)
def _matcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test once over the matcher in use (compiled where it was built) and once over the plain twin."""
    if request.param == "twin":
        take_twin(monkeypatch)


def take_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "Table", _match_py.Table)
    monkeypatch.setattr(catalogue, "Plan", _match_py.Plan)
    monkeypatch.setattr(columns, "Event", _match_py.Event)


ALWAYS = All(of=())


def offer(offer_id: str, conditions: Condition = ALWAYS, priority: int = 0) -> Offer:
    made = Generator(0).offer(offer_id, 1)
    return msgspec.structs.replace(
        made, conditions=conditions, stacking=msgspec.structs.replace(made.stacking, priority=priority)
    )


def ids(found: list[Offer]) -> list[str]:
    return [one.offer_id for one in found]


def expected(catalogue: Catalogue, situation: Situation) -> set[str]:
    return {one.offer_id for one in catalogue.offers() if judge(one.conditions, situation).truth}


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


@pytest.mark.usefixtures("_matcher")
def test_the_catalogue_finds_what_the_oracle_finds(capsys: pytest.CaptureFixture[str]) -> None:
    """25,600 pairs of an offer and a situation; every leaf must have been true, false and, if it can be, unknown."""
    generator, seen = Generator(2026), Counter[tuple[str, bool | None]]()
    offers = random_catalogue(generator, 400)
    for _ in range(64):
        situation = generator.situation()
        found = offers.eligible(situation)
        assert set(ids(found)) == expected(offers, situation)
        assert found == sorted(found, key=lambda one: (-one.stacking.priority, one.offer_id))
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


@pytest.mark.usefixtures("_matcher")
@pytest.mark.parametrize(("condition", "situation"), EDGES)
def test_edges(condition: Condition, situation: Situation) -> None:
    truth = judge(condition, situation).truth
    assert ids(Catalogue([offer("off_1", condition)]).eligible(situation)) == (["off_1"] if truth else [])


# --- live changes -------------------------------------------------------------------------------------------------


def test_offers_come_by_priority_then_id() -> None:
    offers = Catalogue([offer("b"), offer("c", priority=5), offer("a"), offer("d", Channel(any_of=("phone",)))])
    assert ids(offers.eligible(at())) == ["c", "a", "b"]


@pytest.mark.usefixtures("_matcher")
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


@pytest.mark.usefixtures("_matcher")
def test_many_changes_at_many_stores_stay_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts, replacements and removals between questions, through several compactions."""
    monkeypatch.setattr(catalogue, "MIN_DEAD", 20)
    generator, compactions = Generator(9), 0
    offers, situations = Catalogue(), [generator.situation() for _ in range(12)]
    for step in range(240):
        table = offers._table
        if generator.chance(0.3):
            offers.remove(f"off_{generator.random.randrange(40)}")
        else:
            offers.put(offer(f"off_{generator.random.randrange(40)}", generator.leaf()))
        compactions += offers._table is not table
        situation = situations[step % len(situations)]
        assert set(ids(offers.eligible(situation))) == expected(offers, situation)
    assert compactions >= 2


def test_more_stores_than_plans_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MAX_PLANS", 3)
    offers = Catalogue([offer(f"off_{n}", Stores(any_of=(f"sto_{n}",))) for n in range(6)])
    for n in [*range(6), 0, 5]:
        assert ids(offers.eligible(at(place=Place(zone="UTC", store_id=f"sto_{n}")))) == [f"off_{n}"]
    assert len(offers._plans) == 3


@pytest.mark.usefixtures("_matcher")
def test_offers_in_reach_are_those_the_place_does_not_rule_out() -> None:
    here, there = Stores(any_of=("sto_paris",)), Stores(any_of=("sto_lyon",))
    dear = Subtotal(min=5000)
    conditions = {"a": All(of=(here, dear)), "b": there, "c": dear, "d": Any(of=(there, dear)), "e": No(of=here)}
    offers = Catalogue(offer(name, tree) for name, tree in conditions.items())
    assert ids(offers.in_reach(at())) == ["a", "c", "d"]
    offers.remove("c")
    assert ids(offers.in_reach(at())) == ["a", "d"]


def test_free_positions_keep_no_plan() -> None:
    offers = Catalogue([offer("a", Circle(lat=48.8566, lon=2.3522, radius=10))])
    assert ids(offers.eligible(at(place=Place(zone="UTC", lat=48.8566, lon=2.3522)))) == ["a"]
    assert len(offers._plans) == 0


def test_a_store_that_moves_gets_another_plan() -> None:
    offers = Catalogue([offer("a", Circle(lat=48.8566, lon=2.3522, radius=10))])
    assert ids(offers.eligible(at())) == ["a"]
    assert ids(offers.eligible(at(place=msgspec.structs.replace(PARIS, lat=0.0)))) == []
