"""The choice equals trying every subset, under every policy, and says so when it could not."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_offers.candidates import Candidates
from poi_offers.choice import Choice, choose, choose_plainly
from poi_offers.model import Offer, Stacking
from poi_offers.policy import Policy
from poi_offers.situation import SaleItem
from poi_offers.steps import sheet_of
from tests.offers.combinations import EFFECTS, POLICIES, baskets, brute_force, offer_lists

ROOMS = st.lists(st.sampled_from([None, None, None, 1, 50, 150, 600]), min_size=12, max_size=12)


def tag_of(effect: object) -> str:
    """The effect's kind as the strategies name it."""
    kind = type(effect).__name__
    return f"{kind}.{getattr(effect, 'on', '')}" if hasattr(effect, "on") else kind


def chosen(candidates: Candidates) -> Choice:
    """The answer, the same from the compiled choice and from its twin."""
    plain = Candidates(
        candidates.offers,
        candidates.sheet,
        candidates.policy,
        candidates.points,
        {o.offer_id: left for o, left in zip(candidates.offers, candidates.room, strict=True) if left is not None},
        compiled=False,
    )
    choice = choose(candidates)
    assert choose_plainly(plain) == choice
    return choice


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(offer_lists(least=11, most=12), baskets(), POLICIES, ROOMS)
def test_twelve_offers(offers: list[Offer], items: list[SaleItem], policy: Policy, rooms: list[int | None]) -> None:
    room = {offer.offer_id: left for offer, left in zip(offers, rooms, strict=False) if left is not None}
    candidates = Candidates(offers, sheet_of(items), policy, points=140, room=room)
    assert chosen(candidates).mask == brute_force(candidates, Counter())


SERVING = ("fixed_price", "free_item", "buy_get", "percent_basket", "points_per_unit")
STACKING = st.builds(Stacking, priority=st.sampled_from([0, 1, 5]), group=st.sampled_from([None, None, None, "g"]))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(offer_lists(most=7, kinds=SERVING, stackings=STACKING), baskets(), POLICIES)
def test_offers_that_compete_for_units(offers: list[Offer], items: list[SaleItem], policy: Policy) -> None:
    candidates = Candidates(offers, sheet_of(items), policy, points=90)
    assert chosen(candidates).mask == brute_force(candidates, Counter())


def test_choice_equals_brute_force(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=220, deadline=None, suppress_health_check=list(HealthCheck))
    @given(offer_lists(most=7), baskets(), POLICIES, st.sampled_from([0, 50, 120, 400]), ROOMS)
    def check(offers: list[Offer], items: list[SaleItem], policy: Policy, points: int, rooms: list[int | None]) -> None:
        room = {offer.offer_id: left for offer, left in zip(offers, rooms, strict=False) if left is not None}
        candidates = Candidates(offers, sheet_of(items), policy, points, room)
        choice = chosen(candidates)
        assert choice.optimal
        assert choice.mask == brute_force(candidates, seen)
        for i in candidates.valued:
            if choice.mask >> i & 1:
                seen.update(tag_of(effect) for effect in candidates.offers[i].effects)
                seen["capped"] += any(
                    getattr(effect, "cap", None) is not None for effect in candidates.offers[i].effects
                )

    check()
    branches = ["exclusive", "group", "reward", "limit", "tie", "capped", "customer_best", "priority", "margin_best"]
    counts = {name: seen[name] for name in [*branches, *KINDS]}
    with capsys.disabled():
        print(f"\n{counts}")
    assert all(counts.values()), "a branch that never occurred was not tested"


KINDS = [
    "PercentOff.basket",
    "PercentOff.line",
    "PercentOff.cheapest",
    "AmountOff.basket",
    "AmountOff.line",
    "AmountOff.unit",
    "FixedPrice",
    "FreeItem",
    "BuyXGetY",
    "PointsFixed",
    "PointsPerUnit",
    "PointsMultiplier",
    "Cashback",
]


def test_every_effect_of_the_strategies_is_counted() -> None:
    assert len(EFFECTS) == len(KINDS) + 1, "cashback has two forms"
