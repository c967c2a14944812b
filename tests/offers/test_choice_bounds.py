"""The bounds of the search hold for every combination a partial one can become."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_offers.bound import Bounds
from poi_offers.candidates import Candidates
from poi_offers.model import Offer, Stacking
from poi_offers.policy import Policy
from poi_offers.situation import SaleItem
from poi_offers.steps import sheet_of
from tests.offers.combinations import STACKINGS, baskets, offer_lists

PLAIN = st.builds(Stacking, priority=st.sampled_from([0, 1]), group=st.sampled_from([None, None, "g"]))
ROOMS = st.lists(st.sampled_from([None, None, None, 50, 400]), min_size=6, max_size=6)
EXAMPLES = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
TIED = ("percent_basket", "amount_basket", "percent_line", "percent_cheapest", "amount_line", "points_per_unit")
UNITS = ("fixed_price", "free_item", "buy_get", "percent_basket", "amount_unit")


def check(offers: list[Offer], items: list[SaleItem], rooms: list[int | None], point_value: int = 1000) -> None:
    for choice in ("customer_best", "margin_best"):
        check_in_order(offers, items, rooms, Policy(point_value=point_value, choice=choice))


def check_in_order(offers: list[Offer], items: list[SaleItem], rooms: list[int | None], policy: Policy) -> None:
    """The value's bound counts on the order by priority; the least cost has an order of its own."""
    room = {offer.offer_id: left for offer, left in zip(offers, rooms, strict=False) if left is not None}
    candidates = Candidates(offers, sheet_of(items), policy, 10_000, room)
    pool = [i for i in candidates.valued if not candidates.exclusive >> i & 1]
    bounds = Bounds(candidates, pool)
    inside = sum(1 << i for i in pool)
    for mask in range(inside + 1):
        if mask & ~inside or not candidates.legal(mask):
            continue
        worth = candidates.evaluate(mask)
        decided = 0
        for at, offer in enumerate(bounds.order):
            if policy.choice != "margin_best":
                assert bounds.value(decided, bounds.order[at:]) >= worth.value
            assert bounds.cost(decided, bounds.order[at:]) <= worth.cost
            decided |= mask & 1 << offer


@EXAMPLES
@given(offer_lists(most=6, stackings=STACKINGS), baskets(), ROOMS, st.sampled_from([0, 1000, 90_000]))
def test_over_every_effect(
    offers: list[Offer], items: list[SaleItem], rooms: list[int | None], point_value: int
) -> None:
    check(offers, items, rooms, point_value)


@EXAMPLES
@given(offer_lists(most=6, stackings=PLAIN, kinds=TIED, least=3), baskets(), ROOMS)
def test_over_lines_that_are_rounded_together(
    offers: list[Offer], items: list[SaleItem], rooms: list[int | None]
) -> None:
    check(offers, items, rooms)


@EXAMPLES
@given(offer_lists(most=6, stackings=PLAIN, kinds=UNITS, least=3), baskets(), ROOMS)
def test_over_units_that_are_competed_for(offers: list[Offer], items: list[SaleItem], rooms: list[int | None]) -> None:
    check(offers, items, rooms)
