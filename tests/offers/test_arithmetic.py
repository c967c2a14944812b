"""The order of arithmetic: classes, priorities, caps, units, one rounding a class, shares that add up."""

from itertools import permutations

import pytest

from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff, BuyXGetY, FixedPrice, FreeItem, PercentOff
from poi_offers.offer_parts import Selector
from poi_offers.situation import SaleItem
from poi_offers.steps import BasketError, sheet_of
from poi_offers.units import deal
from tests.offers.making import applied, line, offer

ALL = Selector()


def only(*codes: str) -> Selector:
    return Selector(products=codes)


def test_basket_percents_compound_whichever_comes_first() -> None:
    basket = [line("a", 3500, pieces=3)]
    ten, twenty = PercentOff(percent=1000), PercentOff(percent=2000)
    assert applied(basket, offer("a", ten), offer("b", twenty)).total == 7560
    assert applied(basket, offer("a", twenty), offer("b", ten)).total == 7560


def test_classes_run_in_their_order_whatever_the_offers_order() -> None:
    basket = [line("a", 1000), line("b", 500)]
    offers = [
        offer("basket_amount", AmountOff(amount=100)),
        offer("basket_percent", PercentOff(percent=1000)),
        offer("line_amount", AmountOff(amount=50, on="line")),
        offer("line_percent", PercentOff(percent=2000, on="line")),
        offer("fixed", FixedPrice(price=900, items=only("a"))),
    ]
    # a: 900 -> 720 -> 670, b: 500 -> 400 -> 350; 1020 -> 918 -> 818
    totals = {applied(basket, *order).total for order in permutations(offers)}
    assert totals == {818}


def test_within_a_class_the_higher_priority_goes_first() -> None:
    basket = [line("a", 1000)]
    capped = PercentOff(percent=5000, cap=400)
    half = PercentOff(percent=5000)
    assert applied(basket, offer("x", capped, priority=1), offer("y", half)).total == 300
    assert applied(basket, offer("x", capped), offer("y", half, priority=1)).total == 250


def test_within_a_priority_the_offer_id_decides() -> None:
    basket = [line("a", 1000)]
    capped, half = PercentOff(percent=5000, cap=400), PercentOff(percent=5000)
    assert applied(basket, offer("a", capped), offer("b", half)).total == 300
    assert applied(basket, offer("b", capped), offer("a", half)).total == 250


def test_one_rounding_at_the_end_of_a_class() -> None:
    # 0.15 less 10 % twice is 0.1215; rounding after each step would give 0.14 and 0.13
    basket = [line("a", 15)]
    assert applied(basket, offer("a", PercentOff(percent=1000)), offer("b", PercentOff(percent=1000))).total == 12


def test_a_half_minor_unit_left_is_rounded_up() -> None:
    assert applied([line("a", 5)], offer("a", PercentOff(percent=5000))).total == 3


def test_a_cap_cuts_its_step_and_its_share_is_by_largest_remainder() -> None:
    result = applied([line(c, 100) for c in "abc"], offer("o", PercentOff(percent=9000, on="line", cap=100)))
    assert result.left == [66, 67, 67]
    assert result.shares == {(0, 0): 34, (0, 1): 33, (0, 2): 33}


def test_rounding_never_lifts_a_step_above_its_cap() -> None:
    # 33.3 % of 3 x 2.00 is 1.998; each line would round 0.666 to 0.67, together 2.01
    result = applied([line(c, 200) for c in "abc"], offer("o", PercentOff(percent=3330, on="line", cap=200)))
    assert sum(result.shares.values()) == 600 - result.total == 200


def test_a_basket_amount_is_allocated_over_what_is_left_of_the_lines() -> None:
    result = applied([line("a", 100), line("b", 300)], offer("o", AmountOff(amount=101)))
    assert result.shares == {(0, 0): 25, (0, 1): 76}
    assert result.left == [75, 224]


def test_scoped_basket_effects_touch_only_their_lines() -> None:
    result = applied([line("a", 1000), line("b", 1000)], offer("o", PercentOff(percent=1000, items=only("b"))))
    assert result.left == [1000, 900]


def test_no_line_and_no_basket_goes_below_zero() -> None:
    basket = [line("a", 100), line("b", 30)]
    result = applied(basket, offer("x", AmountOff(amount=80, on="line")), offer("y", AmountOff(amount=500)))
    assert result.left == [0, 0]
    assert result.saved_by() == {0: 110, 1: 20}


def test_shares_of_two_offers_on_one_line_add_up() -> None:
    result = applied([line("a", 999)], offer("x", PercentOff(percent=333)), offer("y", PercentOff(percent=333)))
    assert sum(result.saved_by().values()) == 999 - result.total


# --- units ----------------------------------------------------------------------------------------------------------


def test_fixed_price_never_raises_a_price() -> None:
    result = applied([line("a", 100), line("b", 40)], offer("o", FixedPrice(price=60, items=ALL)))
    assert result.left == [60, 40]


def test_fixed_price_serves_the_dearest_units_first() -> None:
    basket = [line("a", 100, pieces=2), line("b", 300)]
    assert applied(basket, offer("o", FixedPrice(price=50, items=ALL, max_units=2))).left == [150, 50]


def test_the_cheapest_units_are_free_ties_by_line_id() -> None:
    basket = [line("a", 300), line("b", 100), line("c", 100)]
    assert applied(basket, offer("o", FreeItem(items=ALL))).left == [300, 0, 100]


def test_a_unit_serves_one_offer_only() -> None:
    basket = [line("a", 100, pieces=2)]
    free = FreeItem(items=ALL, units=2)
    assert applied(basket, offer("x", free, priority=1), offer("y", FixedPrice(price=10, items=ALL))).left == [0]
    assert applied(basket, offer("x", free), offer("y", FixedPrice(price=10, items=ALL), priority=1)).left == [20]


def test_buy_two_get_one() -> None:
    effect = BuyXGetY(items=ALL, buy=2)
    assert applied([line("a", 100, pieces=3)], offer("o", effect)).left == [200]
    assert applied([line("a", 100, pieces=2)], offer("o", effect)).left == [200]
    assert applied([line("a", 100, pieces=9)], offer("o", BuyXGetY(items=ALL, buy=2, times=2))).left == [700]


def test_the_bought_units_are_used_up_too() -> None:
    basket = [line("a", 100, pieces=3)]
    deal_first = offer("x", BuyXGetY(items=ALL, buy=2, percent=5000), priority=1)
    assert applied(basket, deal_first, offer("y", FreeItem(items=ALL))).left == [250]


@pytest.mark.parametrize(
    ("units", "buy", "get", "times", "dealt"),
    [
        (0, 1, 1, 1, (0, 0)),
        (1, 1, 1, 1, (0, 0)),
        (2, 1, 1, 1, (1, 1)),
        (4, 1, 1, 1, (1, 1)),
        (4, 1, 1, 5, (2, 2)),
        (4, 2, 2, 1, (2, 2)),
        (3, 2, 2, 1, (2, 1)),
        (6, 2, 1, 5, (4, 2)),
        (7, 2, 2, 5, (4, 3)),
    ],
)
def test_rounds_of_bought_and_got_units(units: int, buy: int, get: int, times: int, dealt: tuple[int, int]) -> None:
    assert deal(units, buy, get, times) == dealt


def test_percent_off_the_cheapest_units() -> None:
    basket = [line("a", 300), line("b", 100, pieces=2)]
    assert applied(basket, offer("o", PercentOff(percent=5000, on="cheapest", n=2))).left == [300, 100]


def test_amount_off_each_unit() -> None:
    basket = [line("a", 300, pieces=2), line("b", 30)]
    assert applied(basket, offer("o", AmountOff(amount=50, on="unit"))).left == [500, 0]


def test_weighed_goods_have_no_units() -> None:
    cheese = SaleItem(line_id="a", label="cheese", unit_price=2000, quantity=1250, unit="kg")
    assert applied([cheese], offer("o", FreeItem(items=ALL))).left == [2500]
    assert applied([cheese], offer("o", PercentOff(percent=1000, on="line"))).left == [2250]


def test_the_part_beyond_whole_pieces_keeps_its_price() -> None:
    ribbon = SaleItem(line_id="a", label="ribbon", unit_price=100, quantity=2500)
    assert applied([ribbon], offer("o", FreeItem(items=ALL, units=5))).left == [50]


# --- steps with nothing to do ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "effect",
    [
        PercentOff(percent=1000, cap=0),
        PercentOff(percent=1000, items=only("nothing")),
        AmountOff(amount=5, items=only("nothing"), on="unit"),
        FixedPrice(price=100, items=ALL),
        FreeItem(items=only("nothing")),
        BuyXGetY(items=ALL, buy=1),
    ],
)
def test_an_effect_without_anything_to_work_on_is_no_step(effect: PercentOff | AmountOff) -> None:
    result = applied([line("a", 100)], offer("o", effect))
    assert result.shares == {}
    assert result.left == [100]


def test_a_line_id_used_twice_is_refused() -> None:
    with pytest.raises(BasketError) as caught:
        sheet_of([line("a", 1), line("b", 1), line("a", 2)])
    assert caught.value.code == "line_id_twice"
    assert caught.value.path == "$.basket.items[2].line_id"


def test_selectors_name_lines_by_product_brand_and_category_below() -> None:
    def left(selector: Selector) -> list[int]:
        cut: Offer = offer("o", AmountOff(amount=1, on="line", items=selector))
        basket = [line("a", 10, category="food/sweet"), line("b", 10, category="food"), line("c", 10, category="foods")]
        return applied(basket, cut).left

    assert left(Selector(categories=("food",))) == [9, 9, 10]
    assert left(Selector(categories=("food",), exclude_categories=("food/sweet",))) == [10, 9, 10]
    assert left(Selector(products=("c",), categories=("food/sweet",))) == [9, 10, 9]
    assert left(Selector(exclude_products=("c",))) == [9, 9, 10]
