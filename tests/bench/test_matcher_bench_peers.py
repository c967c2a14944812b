"""Each competitor answers as the plain check does, or says that it is not installed."""

import os

import pytest

from poi_server.benchmark.peers.naive import Naive
from poi_server.benchmark.registry import PEERS, Competitor
from poi_server.benchmark.workload import Workload, make_workload

LOSES = "mokaccino"
"""It misses some queries that match; it may not find one that does not."""


@pytest.fixture(scope="module")
def workload() -> Workload:
    return make_workload(600, events=60)


@pytest.fixture(scope="module")
def truth(workload: Workload) -> list[list[int]]:
    naive = Naive(workload)
    found = [naive.match(facts) for facts in workload.hot]
    assert sum(map(len, found)) > 20
    return found


@pytest.mark.parametrize("competitor", PEERS, ids=lambda one: one.name)
def test_answers_are_those_of_the_plain_check(
    competitor: Competitor, workload: Workload, truth: list[list[int]]
) -> None:
    if not competitor.installed:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{competitor.name} is not installed: pip install 'poi-server[bench]'")
        pytest.skip(f"{competitor.name} is not installed")
    peer = competitor.load()(workload)
    answers = [peer.match(facts) for facts in workload.hot]
    if competitor.name == LOSES:
        assert all(set(found) <= set(right) for found, right in zip(answers, truth, strict=True))
    else:
        assert answers == truth
