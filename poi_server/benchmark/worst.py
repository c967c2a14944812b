"""Workloads in which this way of matching has it hardest."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.clauses import STORES, Shares
from poi_server.benchmark.facts import Facts, freed
from poi_server.benchmark.ragged import Ragged, starts_of
from poi_server.benchmark.workload import Workload, make_workload

FALL_BACK = datetime(2026, 10, 25, tzinfo=UTC)
"""The Sunday on which the hour from 2 to 3 comes twice in the stores' zone."""
FOLD = (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
"""Half past two, and half past two an hour later."""


def worst_cases(offers: int, events: int) -> Iterator[Workload]:
    """The cases that need offers of their own, so many of them."""
    yield one_counter(offers, events)
    yield make_workload(
        offers, name="all-global", events=events, shares=Shares(kinds=(0.0, 0.0, 0.0, 1.0), bound=False)
    )
    yield make_workload(offers, name="polygons-200", events=events, shares=Shares(least_corners=200, most_corners=200))
    yield make_workload(offers, name="basket-50", events=events, least_lines=50, most_lines=50)
    yield make_workload(offers, name="dst-hour", events=events, today=FALL_BACK, moments=FOLD)


def one_counter(offers: int, events: int) -> Workload:
    """Every offer names the one store where everything happens, and its dates are open."""
    workload = make_workload(offers, name="one-counter", events=events)
    clauses, count = workload.clauses, len(workload.clauses)
    facts = workload.cold[0]
    clauses.kind[:] = STORES
    clauses.shape[:] = np.arange(count)
    clauses.chain[:], clauses.trades[:] = -1, 0
    clauses.store_lists = Ragged(starts_of(np.ones(count, np.int64)), np.full(count, facts.store, np.int32))
    clauses.dates[:] = LOW, HIGH
    workload.cold = [_moved(one, facts) for one in workload.cold]
    return workload


def free_positions(workload: Workload, *, biggest_city: bool) -> Workload:
    """The same offers asked from a chain's app: near random stores, or all over the biggest city."""
    world, dice = workload.world, np.random.default_rng(len(workload.cold))
    lat, lon = dice.normal(0.0, 0.02, (2, len(workload.cold)))
    if biggest_city:
        inside = np.flatnonzero(world.city == np.bincount(world.city).argmax())
        stores = dice.choice(inside, len(workload.cold)).tolist()
    else:
        stores = [int(facts.store or 0) for facts in workload.cold]
    cold = [
        freed(_at(facts, workload, store), float(world.lat[store] + up), float(world.lon[store] + right))
        for facts, store, up, right in zip(workload.cold, stores, lat, lon, strict=True)
    ]
    name = "free-position-biggest-city" if biggest_city else "free-position"
    return replace(workload, name=name, cold=cold)


def _at(facts: Facts, workload: Workload, store: int) -> Facts:
    chain = int(workload.world.chain[store])
    return replace(facts, store=store, chain=chain, trade=int(workload.world.trade_of[chain]))


def _moved(facts: Facts, counter: Facts) -> Facts:
    """The same event at another counter."""
    return replace(
        facts,
        store=counter.store,
        chain=counter.chain,
        trade=counter.trade,
        lat=counter.lat,
        lon=counter.lon,
    )
