"""The decision: what it gives, and a reason for every offer considered."""

import msgspec
import pytest

from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Adjustment, Award, Decision, NearMiss
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import All, CardScheme, Subtotal
from poi_offers.offer_effects import (
    AmountOff,
    BuyXGetY,
    Cashback,
    FixedPrice,
    FreeItem,
    Message,
    NextVisitCoupon,
    PercentOff,
    PointsFixed,
    PointsMultiplier,
    PointsPerUnit,
)
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from tests.offers.making import chosen_ids, decided, line, offer, reason_of, situation

ALL = Selector()
BASKET = (line("a", 1000), line("b", 500, pieces=2))
IDENTITY = NearMiss(what="identity")


def outcome(decision: Decision, offer_id: str) -> str:
    return reason_of(decision, offer_id).outcome


def test_money_lines_and_offers_of_a_decision() -> None:
    ten, twenty = offer("ten", PercentOff(percent=1000)), offer("twenty", PercentOff(percent=2000))
    bound = Subtotal(min=10_000)
    above = offer("twenty", PercentOff(percent=2000), conditions=bound)
    decision = decided([ten, above], situation(line("a", 10_500)))
    assert (decision.subtotal, decision.saved, decision.total) == (10_500, 2940, 7560)
    assert decision.adjustments == (
        Adjustment(offer_id="ten", line_id="a", amount=1050),
        Adjustment(offer_id="twenty", line_id="a", amount=1890),
    )
    assert [(o.offer_id, o.saved, o.value) for o in decision.offers] == [("ten", 1050, 1050), ("twenty", 1890, 1890)]
    assert decision.base_points == 75
    assert decision == decided([twenty, ten], situation(line("a", 10_500)))


def test_an_empty_basket_and_an_empty_catalogue_are_decided() -> None:
    assert decided([], situation(*BASKET)).total == 2000
    empty = decided([offer("o", PercentOff(percent=1000))], situation())
    assert (empty.total, outcome(empty, "o")) == (0, "no_effect")


def test_awards_are_computed_on_what_is_paid() -> None:
    offers = [
        offer("cut", AmountOff(amount=150)),
        offer("per_unit", PointsPerUnit(points=2, amount=100)),
        offer("double", PointsMultiplier(factor=2000)),
        offer("fixed", PointsFixed(points=7)),
        offer("back", Cashback(percent=1000, cap=150)),
    ]
    decision = decided(offers, situation(*BASKET))
    assert decision.total == 1850
    assert {award.offer_id: (award.kind, award.amount) for award in decision.awards} == {
        "per_unit": ("points", 36),
        "double": ("points", 18),
        "fixed": ("points", 7),
        "back": ("cashback", 150),
    }
    assert decision.base_points == 18
    assert decision.value == 150 + 36 + 18 + 7 + 150


def test_value_is_rounded_half_away_only_at_the_end() -> None:
    decision = decided([offer("o", PointsFixed(points=3))], situation(*BASKET), Policy(point_value=500))
    assert decision.value == 2


def test_coupons_and_messages_are_awards() -> None:
    coupon = offer("coupon", NextVisitCoupon(offer_id="later", days=9))
    message = offer("message", Message(text={"en": "hello"}))
    decision = decided([coupon, message], situation(*BASKET))
    assert decision.awards == (
        Award(offer_id="coupon", kind="coupon", coupon_offer_id="later", days=9),
        Award(offer_id="message", kind="message", text={"en": "hello"}),
    )


def test_a_message_is_added_only_where_no_rule_is_in_the_way() -> None:
    hello = Message(text={"en": "hello"})
    cut = offer("cut", AmountOff(amount=10), group="g")
    beside = offer("beside", hello)
    in_group = offer("in_group", hello, group="g")
    alone = offer("alone", hello, exclusive=True)
    decision = decided([cut, beside, in_group, alone], situation(*BASKET))
    assert chosen_ids(decision) == ["beside", "cut"]
    assert (outcome(decision, "in_group"), reason_of(decision, "in_group").by) == ("excluded", "cut")
    assert outcome(decision, "alone") == "excluded"


def test_points_of_no_worth_are_given_too() -> None:
    decision = decided([offer("o", PointsFixed(points=3))], situation(*BASKET), Policy(point_value=0))
    assert decision.awards == (Award(offer_id="o", kind="points", amount=3),)


# --- reasons --------------------------------------------------------------------------------------------------------


def test_every_offer_has_exactly_one_reason() -> None:
    offers = [
        offer("chosen", AmountOff(amount=10)),
        offer("false", AmountOff(amount=10), conditions=Subtotal(min=5000)),
        offer("unknown", AmountOff(amount=10), conditions=CardScheme(any_of=("visa",))),
        offer("dollars", AmountOff(amount=10), currency="USD"),
        offer("false_dollars", AmountOff(amount=10), currency="USD", conditions=Subtotal(min=5000)),
    ]
    decision = decided(offers, situation(*BASKET))
    assert {reason.offer_id: reason.outcome for reason in decision.reasons} == {
        "chosen": "chosen",
        "false": "condition_false",
        "unknown": "condition_unknown",
        "dollars": "currency_differs",
        "false_dollars": "currency_differs",
    }
    assert len(decision.reasons) == len(offers)
    assert reason_of(decision, "false").near_miss == NearMiss(what="subtotal", missing=3000)
    assert reason_of(decision, "false").path == "$.conditions"


def test_only_eligible_offers_are_explained_on_request() -> None:
    false = offer("false", AmountOff(amount=10), conditions=Subtotal(min=5000))
    catalogue = Catalogue([offer("o", AmountOff(amount=10)), false])
    decision = decide(catalogue, situation(*BASKET), Policy(), explain="eligible")
    assert [reason.offer_id for reason in decision.reasons] == ["o"]


def test_of_many_offers_those_of_highest_priority_are_explained() -> None:
    false = Subtotal(min=5000)
    offers = [offer(f"o{number}", AmountOff(amount=10), conditions=false, priority=number) for number in range(5)]
    catalogue = Catalogue([*offers, offer("chosen", AmountOff(amount=10))])
    decision = decide(catalogue, situation(*BASKET), Policy(), explain="reach", most=2)
    assert [reason.offer_id for reason in decision.reasons] == ["chosen", "o3", "o4"]


def test_exclusivity_and_groups_say_who_is_in_the_way() -> None:
    offers = [
        offer("first", AmountOff(amount=60), group="g"),
        offer("second", AmountOff(amount=50), group="g"),
        offer("alone", AmountOff(amount=20), exclusive=True),
    ]
    decision = decided(offers, situation(*BASKET))
    assert (outcome(decision, "second"), reason_of(decision, "second").by) == ("excluded", "first")
    assert (outcome(decision, "alone"), reason_of(decision, "alone").by) == ("excluded", "first")


def test_a_chosen_exclusive_bars_all_others() -> None:
    offers = [offer("alone", AmountOff(amount=200), exclusive=True), offer("other", AmountOff(amount=20))]
    decision = decided(offers, situation(*BASKET))
    assert (outcome(decision, "other"), reason_of(decision, "other").by) == ("excluded", "alone")


def test_units_say_who_holds_them() -> None:
    free = offer("free", FreeItem(items=Selector(products=("a",))), priority=1)
    fixed = offer("fixed", FixedPrice(price=900, items=Selector(products=("a",))))
    decision = decided([free, fixed], situation(*BASKET))
    assert chosen_ids(decision) == ["free"]
    assert (outcome(decision, "fixed"), reason_of(decision, "fixed").by) == ("excluded", "free")


def test_an_offer_that_only_adds_nothing_is_outbid() -> None:
    decision = decided([offer("all", AmountOff(amount=9000)), offer("some", AmountOff(amount=5))], situation(*BASKET))
    assert outcome(decision, "some") == "outbid"


@pytest.mark.parametrize(
    ("effect", "near_miss"),
    [
        (FreeItem(items=Selector(products=("c",))), NearMiss(what="item", missing=1000)),
        (BuyXGetY(items=Selector(products=("b",)), buy=3), NearMiss(what="quantity", missing=2000)),
        (PointsPerUnit(points=1, amount=2500), NearMiss(what="subtotal", missing=500)),
        (FixedPrice(price=5000, items=ALL), None),
    ],
)
def test_nothing_to_work_on_is_no_effect(effect: FreeItem | BuyXGetY, near_miss: NearMiss | None) -> None:
    reason = reason_of(decided([offer("o", effect)], situation(*BASKET)), "o")
    assert (reason.outcome, reason.near_miss) == ("no_effect", near_miss)


# --- limits and holdout ---------------------------------------------------------------------------------------------


def limited(limit: Limit, cut: int = 100) -> Offer:
    return offer("o", AmountOff(amount=cut), limits=(Limit(of="uses", cap=99), limit))


def test_a_used_up_limit_is_reached() -> None:
    catalogue = Catalogue([limited(Limit(of="uses", cap=5))])
    asked: list[tuple[str, int]] = []

    def remaining(key: str, cap: int) -> int:
        asked.append((key, cap))
        return 0 if ":1:" in key else cap

    reason = reason_of(decide(catalogue, situation(*BASKET), Policy(), remaining), "o")
    assert (reason.outcome, reason.path) == ("limit_reached", "$.limits[1]")
    assert asked == [("o:0:total:ever", 99), ("o:1:total:ever", 5)]


def test_an_offer_that_gives_more_than_its_limit_leaves_is_out() -> None:
    catalogue = Catalogue([limited(Limit(of="money", cap=5000))])

    def left(minor: int) -> Decision:
        return decide(catalogue, situation(*BASKET), Policy(), lambda key, cap: minor)

    assert outcome(left(100), "o") == "chosen"
    reason = reason_of(left(99), "o")
    assert (reason.outcome, reason.path) == ("limit_reached", "$.limits[1]")


def test_stored_value_counts_in_a_money_limit() -> None:
    both = offer("o", AmountOff(amount=60), Cashback(amount=50), limits=(Limit(of="money", cap=100),))
    assert outcome(decided([both], situation(*BASKET)), "o") == "limit_reached"


def test_a_personal_limit_of_nobody_is_unknown() -> None:
    decision = decided([limited(Limit(of="uses", cap=1, per="customer"))], situation(*BASKET, customer=None))
    reason = reason_of(decision, "o")
    assert (reason.outcome, reason.path, reason.near_miss) == ("condition_unknown", "$.limits[1]", IDENTITY)


def test_a_store_limit_at_a_free_position_is_unknown() -> None:
    decision = decided([limited(Limit(of="uses", cap=1, per="store"))], situation(*BASKET, store_id=None))
    reason = reason_of(decision, "o")
    assert (reason.outcome, reason.path, reason.near_miss) == ("condition_unknown", "$.limits[1]", None)


def test_a_held_out_customer_goes_without() -> None:
    everybody = offer("o", AmountOff(amount=10), holdout=10_000)
    assert outcome(decided([everybody], situation(*BASKET)), "o") == "held_out"
    reason = reason_of(decided([everybody], situation(*BASKET, customer=None)), "o")
    assert (reason.outcome, reason.path, reason.near_miss) == ("condition_unknown", "$.holdout", IDENTITY)


# --- rewards and anonymous customers --------------------------------------------------------------------------------


def reward(offer_id: str, points: int, cut: int = 50) -> Offer:
    return offer(offer_id, AmountOff(amount=cut), reward_points=points)


def test_a_reward_applies_only_when_asked_for() -> None:
    assert outcome(decided([reward("r", 60)], situation(*BASKET)), "r") == "reward_not_requested"
    decision = decided([reward("r", 60)], situation(*BASKET, rewards=("r",)))
    assert (decision.offers[0].offer_id, decision.offers[0].reward_points) == ("r", 60)


def test_a_reward_the_customer_cannot_pay_tells_what_is_missing() -> None:
    reason = reason_of(decided([reward("r", 130)], situation(*BASKET, rewards=("r",))), "r")
    assert (reason.outcome, reason.near_miss) == ("points_missing", NearMiss(what="points", missing=30))


def test_rewards_share_the_customers_points() -> None:
    rewards = [reward("r", 60, cut=50), reward("s", 60, cut=70)]
    decision = decided(rewards, situation(*BASKET, rewards=("r", "s")))
    assert chosen_ids(decision) == ["s"]
    reason = reason_of(decision, "r")
    assert (reason.outcome, reason.near_miss) == ("points_missing", NearMiss(what="points", missing=20))


def test_a_reward_for_nobody_is_unknown() -> None:
    reason = reason_of(decided([reward("r", 60)], situation(*BASKET, customer=None, rewards=("r",))), "r")
    assert (reason.outcome, reason.path, reason.near_miss) == ("condition_unknown", "$.reward_points", IDENTITY)


def test_nobody_earns_nothing() -> None:
    points = offer("points", PointsFixed(points=5))
    both = offer("both", AmountOff(amount=10), Cashback(amount=10))
    decision = decided([points, both], situation(*BASKET, customer=None))
    reason = reason_of(decision, "points")
    assert (reason.outcome, reason.path, reason.near_miss) == ("condition_unknown", "$.effects[0]", IDENTITY)
    assert (chosen_ids(decision), decision.awards, decision.base_points) == (["both"], (), 0)


def test_a_decision_survives_the_wire() -> None:
    offers = [offer("o", AmountOff(amount=10), Message(text={"en": "x"})), offer("p", PointsFixed(points=1))]
    decision = decided(offers, situation(*BASKET))
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


def test_the_decision_tells_the_catalogues_version() -> None:
    catalogue = Catalogue([offer("o", AmountOff(amount=10))])
    before = decide(catalogue, situation(*BASKET), Policy()).catalogue_version
    catalogue.put(offer("p", AmountOff(amount=10), conditions=All(of=())))
    assert decide(catalogue, situation(*BASKET), Policy()).catalogue_version == before + 1
