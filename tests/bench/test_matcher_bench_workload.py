"""The generated offers: the same each time, spread as described, and meaning what the product's own offers mean."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge
from poi_server.benchmark.clauses import CIRCLE, EVERYWHERE, POLYGON, STORES, Shares
from poi_server.benchmark.facts import DAY, Facts, packed
from poi_server.benchmark.offers import offer_of, situation_of
from poi_server.benchmark.peers.naive import Naive, oracle
from poi_server.benchmark.peers.poi import Poi
from poi_server.benchmark.peers.poi_updated import PoiUpdated
from poi_server.benchmark.workload import Workload, make_workload
from poi_server.benchmark.worst import FALL_BACK, FOLD, free_positions, one_counter, worst_cases

OFFERS, EVENTS = 400, 24


@pytest.fixture(scope="module")
def workload() -> Workload:
    return make_workload(OFFERS, events=EVENTS)


def test_the_same_arguments_give_the_same_offers_and_events(workload: Workload) -> None:
    again = make_workload(OFFERS, events=EVENTS)
    assert all(np.array_equal(one, other) for one, other in zip(workload.programs(), again.programs(), strict=True))
    assert workload.cold == again.cold
    assert workload.hot == again.hot
    other = make_workload(OFFERS, events=EVENTS, seed=1)
    assert not np.array_equal(workload.programs()[2], other.programs()[2])


def test_the_offers_are_spread_as_described() -> None:
    workload = make_workload(20_000, events=200)
    clauses = workload.clauses
    shares = {kind: float(np.mean(clauses.kind == kind)) for kind in (STORES, CIRCLE, POLYGON, EVERYWHERE)}
    assert shares == pytest.approx({STORES: 0.35, CIRCLE: 0.25, POLYGON: 0.20, EVERYWHERE: 0.20}, abs=0.02)
    assert len(clauses) / workload.offers == pytest.approx(1.05, abs=0.01)
    assert np.all(np.diff(workload.priority) <= 0)
    lengths = clauses.store_lists.lengths
    assert (lengths.min(), lengths.max()) == (1, 30)
    unbound = (clauses.kind != STORES) & (clauses.chain < 0) & (clauses.trades == 0)
    assert float(np.mean(unbound)) < 0.03
    known = [facts for facts in workload.cold if facts.segments is not None]
    assert len(known) / len(workload.cold) == pytest.approx(0.7, abs=0.1)
    assert all(5 <= len(facts.segments or ()) <= 30 for facts in known)
    assert all(2 <= len(facts.lines) <= 20 for facts in workload.cold)
    assert {facts.day for facts in workload.cold} == {workload.cold[0].day}
    assert len({facts.store for facts in workload.hot}) == 64


@pytest.mark.parametrize(("bound", "today", "moments"), [(True, DAY, ()), (False, DAY, ()), (False, FALL_BACK, FOLD)])
def test_matcher_dictionaries_and_real_offers_agree(
    bound: bool, today: datetime, moments: tuple[datetime, ...]
) -> None:
    """The same offer as a program, as a dictionary, as an `Offer` judged by the oracle, and in a catalogue."""
    workload = make_workload(OFFERS, events=EVENTS, shares=Shares(bound=bound), today=today, moments=moments)
    offers = [offer_of(workload, number) for number in range(OFFERS)]
    naive, poi, catalogue = Naive(workload), Poi(workload), Catalogue(offers)
    truths = {True: 0, False: 0, None: 0}
    for facts in near(workload):
        situation = situation_of(facts)
        verdicts = [judge(offer.conditions, situation).truth for offer in offers]
        held = [number for number, truth in enumerate(verdicts) if truth]
        assert naive.match(facts) == held
        assert poi.match(packed(facts)) == held
        assert [offer.offer_id for offer in catalogue.eligible(situation)] == [offers[n].offer_id for n in held]
        for truth in verdicts:
            truths[truth] += 1
    assert sum(truths.values()) == OFFERS * 2 * EVENTS
    assert min(truths.values()) > (5 if bound else 100)


def near(workload: Workload) -> list[Facts]:
    """The events, and the same where few offers are left out by the place: in the store of the first offers."""
    lists, world = workload.clauses.store_lists, workload.world
    stores = [int(lists.values[lists.starts[number]]) for number in range(EVENTS)]
    there = [
        replace(
            facts,
            store=store,
            chain=int(world.chain[store]),
            trade=int(world.trade_of[world.chain[store]]),
            lat=float(world.lat[store]),
            lon=float(world.lon[store]),
        )
        for facts, store in zip(workload.hot, stores, strict=True)
    ]
    return workload.cold + there


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_changes_that_no_merge_has_taken_in_give_the_same_answers(workload: Workload, share: float) -> None:
    poi, updated = Poi(workload), PoiUpdated(workload, share)
    assert updated.matcher.added == updated.matcher.dead == OFFERS * share
    for facts in near(workload):
        asked = packed(facts)
        assert list(updated.ids(updated.match(asked))) == poi.match(asked)


@pytest.mark.parametrize("whole", [False, True])
def test_free_positions_are_answered_alike(workload: Workload, whole: bool) -> None:
    free = free_positions(workload, biggest_city=whole)
    check(free)
    assert all(facts.store is None for facts in free.cold)


def test_the_worst_cases_are_what_they_say_and_answered_alike() -> None:
    cases = {workload.name: workload for workload in worst_cases(200, 12)}
    for workload in cases.values():
        check(workload)
    assert list(cases) == ["one-counter", "all-global", "polygons-200", "basket-50", "dst-hour"]
    assert set(cases["all-global"].clauses.kind.tolist()) == {EVERYWHERE}
    assert set(np.diff(cases["polygons-200"].clauses.corners).tolist()) == {200}
    assert {len(facts.lines) for facts in cases["basket-50"].cold} == {50}
    assert {facts.at for facts in cases["dst-hour"].cold} == set(FOLD)
    assert len({facts.minute for facts in cases["dst-hour"].cold}) == 1


def test_all_offers_of_the_one_counter_are_in_its_reach() -> None:
    workload = one_counter(200, 4)
    poi, asked = Poi(workload), packed(workload.cold[0])
    assert len(poi.matcher.reach(asked.event(), asked.place)) == 200


def check(workload: Workload) -> None:
    """The matcher gives what the plain check gives."""
    poi = Poi(workload)
    assert [poi.match(packed(facts)) for facts in workload.cold] == oracle(workload, workload.cold)
