"""Catalogues for tests: over the matcher in use and over its plain twin, compared with the oracle."""

import pytest
from msgspec.structs import replace

from poi_cext import _match_py
from poi_offers import catalogue, columns, shelf
from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge
from poi_offers.model import Offer
from poi_offers.offer_conditions import All, Condition
from poi_offers.situation import Situation
from tests.offers.generate import Generator

ALWAYS = All(of=())


@pytest.fixture(params=["in use", "twin"])
def each_matcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test once over the matcher in use (compiled where it was built) and once over the plain twin."""
    if request.param == "twin":
        take_twin(monkeypatch)


def take_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, make catalogues over the plain twin."""
    monkeypatch.setattr(catalogue, "Matcher", _match_py.Matcher)
    monkeypatch.setattr(shelf, "Index", _match_py.Index)
    monkeypatch.setattr(columns, "Event", _match_py.Event)


def offer(offer_id: str, conditions: Condition = ALWAYS, priority: int = 0, version: int = 1) -> Offer:
    """An offer of no particular effect."""
    made = Generator(0).offer(offer_id, 1)
    stacking = replace(made.stacking, priority=priority)
    return replace(made, conditions=conditions, stacking=stacking, version=version)


def ids(found: list[Offer]) -> list[str]:
    """The offers' ids as they come."""
    return [one.offer_id for one in found]


def expected(offers: Catalogue, situation: Situation) -> list[str]:
    """What the oracle finds, in the order of answers."""
    true = [one for one in offers.offers() if judge(one.conditions, situation).truth]
    return ids(sorted(true, key=lambda one: (-one.stacking.priority, one.offer_id)))
