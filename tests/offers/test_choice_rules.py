"""Which combination wins: value, policies, ties, groups, exclusives, money limits, and greedy at the node bound."""

import pytest

from poi_offers.candidates import Candidates
from poi_offers.choice import greedy
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import AmountOff, Cashback, FixedPrice, FreeItem, PercentOff, PointsFixed, PointsPerUnit
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.steps import sheet_of
from tests.offers.making import chosen_ids, decided, line, offer, situation

ALL = Selector()
BASKET = (line("a", 1000), line("b", 500, cost=100))


def picked(offers: list[Offer], policy: Policy | None = None) -> list[str]:
    return chosen_ids(decided(offers, situation(*BASKET), policy))


def amount(offer_id: str, minor: int, priority: int = 0, exclusive: bool = False) -> Offer:
    return offer(offer_id, AmountOff(amount=minor), priority=priority, exclusive=exclusive)


def test_offers_stack() -> None:
    assert picked([amount("x", 100), amount("y", 50)]) == ["x", "y"]


def test_an_exclusive_offer_is_alone_or_not_at_all() -> None:
    assert picked([amount("x", 100), amount("y", 50), amount("z", 140, exclusive=True)]) == ["x", "y"]
    assert picked([amount("x", 100), amount("y", 50), amount("z", 160, exclusive=True)]) == ["z"]


def test_a_group_admits_its_most_and_no_more() -> None:
    members = [offer(c, AmountOff(amount=n), group="g", group_max=2) for c, n in (("x", 10), ("y", 30), ("z", 20))]
    assert picked(members) == ["y", "z"]


def test_the_strictest_member_rules_its_group() -> None:
    wide = [offer(c, AmountOff(amount=30), group="g", group_max=3) for c in "xy"]
    strict = offer("z", AmountOff(amount=50), group="g", group_max=1)
    assert picked([*wide, strict]) == ["x", "y"]
    assert picked([wide[0], strict]) == ["z"]


def test_points_and_stored_value_count_at_their_face_value() -> None:
    rivals = [
        offer("money", AmountOff(amount=100), group="g"),
        offer("points", PointsFixed(points=150), group="g"),
        offer("stored", Cashback(amount=120), group="g"),
    ]
    assert picked(rivals) == ["points"]
    assert picked(rivals, Policy(point_value=700)) == ["stored"]


def test_a_discount_that_loses_more_points_than_it_gives_is_left_out() -> None:
    rich = offer("rich", PointsPerUnit(points=3, amount=100))
    cut = offer("cut", AmountOff(amount=100))
    assert picked([rich, cut], Policy(point_value=100_000)) == ["rich"]
    assert picked([rich, cut], Policy(point_value=1000)) == ["cut", "rich"]


def test_a_money_limit_is_never_passed() -> None:
    def half(cap: int) -> Offer:
        return offer("half", PercentOff(percent=5000), limits=(Limit(of="money", cap=cap),))

    assert picked([half(750)]) == ["half"]
    assert picked([half(749)]) == []


def test_an_offer_over_its_limit_may_fit_beside_another() -> None:
    limited = offer("half", PercentOff(percent=5000), limits=(Limit(of="money", cap=700),))
    fixed = offer("fixed", FixedPrice(price=800, items=Selector(products=("a",))))
    assert picked([limited, fixed]) == ["fixed", "half"]


# --- ties -----------------------------------------------------------------------------------------------------------


def test_among_equals_the_higher_priority_wins() -> None:
    rivals = [offer("x", AmountOff(amount=50), group="g"), offer("y", AmountOff(amount=50), group="g", priority=1)]
    assert picked(rivals) == ["y"]


def test_among_equals_fewer_offers_win() -> None:
    everything = [amount("x", 5000), amount("y", 5000), amount("z", 1)]
    assert picked(everything) == ["x"]


def test_a_useless_offer_of_higher_priority_still_goes_first() -> None:
    assert picked([amount("x", 5000, priority=1), amount("y", 5000, priority=3)]) == ["y"]
    assert picked([amount("x", 5000, priority=1), amount("y", 1, priority=3)]) == ["y", "x"]


def test_among_equals_the_smallest_ids_win() -> None:
    rivals = [offer(c, AmountOff(amount=50), group="g", group_max=2) for c in "zxy"]
    assert picked(rivals) == ["x", "y"]


# --- policies -------------------------------------------------------------------------------------------------------


def test_priority_policy_settles_the_highest_class_first() -> None:
    small = offer("small", AmountOff(amount=10), group="g", priority=5)
    large = offer("large", AmountOff(amount=400), group="g", priority=1)
    assert picked([small, large]) == ["large"]
    assert picked([small, large], Policy(choice="priority")) == ["small"]


def test_priority_policy_takes_the_best_within_a_class() -> None:
    small = offer("small", AmountOff(amount=10), group="g", priority=5)
    large = offer("large", AmountOff(amount=400), group="g", priority=5)
    assert picked([small, large], Policy(choice="priority")) == ["large"]


def test_priority_policy_lets_an_exclusive_of_the_highest_class_stand_alone() -> None:
    offers = [amount("alone", 10, priority=5, exclusive=True), amount("other", 400, priority=1)]
    assert picked(offers, Policy(choice="priority")) == ["alone"]


def test_margin_policy_gives_all_that_stacks_at_the_least_cost() -> None:
    cheap = offer("cheap", AmountOff(amount=10), group="g")
    dear = offer("dear", AmountOff(amount=400), group="g")
    assert picked([cheap, dear, amount("other", 5)], Policy(choice="margin_best")) == ["cheap", "other"]


def test_margin_policy_counts_a_free_unit_at_its_cost_when_known() -> None:
    free = offer("free", FreeItem(items=Selector(products=("b",))), group="g")
    cut = offer("cut", AmountOff(amount=200), group="g")
    assert picked([free, cut]) == ["free"]
    assert picked([free, cut], Policy(choice="margin_best")) == ["free"]
    unknown = [line("a", 1000), line("b", 500)]
    decision = decided([free, cut], situation(*unknown), Policy(choice="margin_best"))
    assert chosen_ids(decision) == ["cut"]


def test_margin_policy_knows_that_an_offer_may_take_a_dear_unit_from_another() -> None:
    """Alone the gift costs 900; beside an offer that comes first and lowers the same unit by 10 it costs nothing."""
    gift = offer("gift", FreeItem(items=Selector(products=("b",))), group="g")
    cut = offer("cut", AmountOff(amount=200), group="g", priority=9)
    first = offer("first", FixedPrice(price=490, items=Selector(products=("b",))), group="h", priority=5)
    decision = decided(
        [gift, cut, first], situation(line("a", 1000), line("b", 500, cost=900)), Policy(choice="margin_best")
    )
    assert chosen_ids(decision) == ["first", "gift"]


# --- the node bound -------------------------------------------------------------------------------------------------


def rivals_where_greedy_errs() -> list[Offer]:
    """The dearest alone takes the place of two that are better together."""
    big = offer("big", AmountOff(amount=100), group="g", group_max=1)
    pair = [offer(c, AmountOff(amount=60), group="g", group_max=2) for c in "xy"]
    return [big, *pair]


def test_the_optimum_beats_greedy() -> None:
    candidates = Candidates(rivals_where_greedy_errs(), sheet_of(BASKET), Policy())
    assert candidates.evaluate(greedy(candidates, candidates.valued, 0)).value == 100_000
    decision = decided(rivals_where_greedy_errs(), situation(*BASKET))
    assert (chosen_ids(decision), decision.optimal) == (["x", "y"], True)


@pytest.mark.parametrize(
    ("policy", "answer"),
    [("customer_best", ["big"]), ("priority", ["big"]), ("margin_best", ["x", "y"])],
)
def test_at_the_node_bound_the_answer_is_greedy_and_says_so(policy: str, answer: list[str]) -> None:
    bounded = Policy(choice=policy, node_bound=2)  # type: ignore[arg-type]
    decision = decided(rivals_where_greedy_errs(), situation(*BASKET), bounded)
    assert (chosen_ids(decision), decision.optimal) == (answer, False)
