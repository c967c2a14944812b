"""Mistakes in offers: each found, at its place, with a word on how to mend it."""

from typing import Any

import msgspec
import pytest

from poi_offers.model import Offer
from poi_offers.validate import OfferError, check_offer
from tests.offers.generate import LEAVES, Generator

BASE: dict[str, Any] = {
    "offer_id": "off_1",
    "name": {"en": "Ten percent"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000}],
}
ITEMS = {"products": ["p"]}
CORNERS = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
CHANNEL = {"type": "channel", "any_of": ["counter"]}
EITHER = {"type": "any", "of": [CHANNEL, CHANNEL]}


def made(**fields: Any) -> Offer:
    return msgspec.convert(BASE | fields, Offer)


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"conditions": {"type": "polygon", "rings": rings}}


def leaf(kind: str, **fields: Any) -> dict[str, Any]:
    return {"conditions": {"type": kind, **fields}}


def effect(kind: str, **fields: Any) -> dict[str, Any]:
    return {"effects": [{"type": kind, **fields}]}


def window(days: list[int], start: str, end: str) -> dict[str, Any]:
    return leaf("weekly", windows=[{"days": days, "start": start, "end": end}])


def rule(text: str, start: str = "2026-01-01T10:00:00") -> dict[str, Any]:
    return leaf("recurrence", rrule=text, start=start, minutes=60)


def nested(depth: int) -> dict[str, Any]:
    return CHANNEL if depth == 1 else {"type": "not", "of": nested(depth - 1)}


def limits(*limits: dict[str, Any]) -> dict[str, Any]:
    return {"limits": list(limits)}


USES = {"of": "uses", "cap": 5}
MONEY = {"of": "money", "cap": 5}

MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"name": {}}, "name_missing", "$.name"),
    ({"name": {"en": "Ten\0"}}, "control_character", "$.name.en"),
    ({"name": {"en": "Ten\npercent"}}, "control_character", "$.name.en"),
    ({"name": {"fr": " \u00a0"}}, "blank_text", "$.name.fr"),
    (leaf("code", any_of=["ok", "a\x7f"]), "control_character", "$.conditions.any_of[1]"),
    (leaf("code", any_of=["  "]), "blank_text", "$.conditions.any_of[0]"),
    (leaf("code", any_of=["x" * 65]), "code_too_long", "$.conditions.any_of[0]"),
    (leaf("subtotal", min=1, items={"brands": ["a\0"]}), "control_character", "$.conditions.items.brands[0]"),
    # the tree
    (leaf("all", of=[CHANNEL, {"type": "any", "of": []}]), "empty_list", "$.conditions.of[1].of"),
    (leaf("all", of=[{"type": "all", "of": []}]), "empty_list", "$.conditions.of[0].of"),
    (leaf("any", of=[]), "empty_list", "$.conditions.of"),
    ({"conditions": nested(9)}, "too_deep", "$.conditions" + ".of" * 8),
    (leaf("all", of=[CHANNEL] * 65), "too_many_conditions", "$.conditions.of[64]"),
    (leaf("all", of=[EITHER] * 5), "too_many_alternatives", "$.conditions"),
    (leaf("any", of=[CHANNEL] * 17), "too_many_alternatives", "$.conditions"),
    # places
    (polygon(CORNERS[:-1]), "ring_open", "$.conditions.rings[0][3]"),
    (polygon([[0, 0], [10, 10], [10, 0], [0, 10], [0, 0]]), "ring_crosses_itself", "$.conditions.rings[0][2]"),
    (polygon([[0, 0], [9, 0], [9, 9], [4, 0], [0, 9], [0, 0]]), "ring_crosses_itself", "$.conditions.rings[0][2]"),
    (polygon([[0, 0], [9, 0], [4, 0], [0, 9], [0, 0]]), "ring_crosses_itself", "$.conditions.rings[0][1]"),
    (polygon([[0, 0], [0, 0], [9, 0], [0, 9], [0, 0]]), "point_twice", "$.conditions.rings[0][1]"),
    (polygon([[0, 0], [181, 0], [9, 9], [0, 0]]), "point_out_of_range", "$.conditions.rings[0][1]"),
    (polygon([[0, 0], [9, -91], [9, 9], [0, 0]]), "point_out_of_range", "$.conditions.rings[0][1]"),
    (polygon([[0, 0], [float("nan"), 0], [9, 9], [0, 0]]), "point_out_of_range", "$.conditions.rings[0][1]"),
    (polygon([[0, 80], [120, 80], [-120, 80], [0, 80]]), "ring_around_pole", "$.conditions.rings[0]"),
    (polygon(CORNERS, [[2, 2], [12, 2], [2, 3], [2, 2]]), "hole_outside", "$.conditions.rings[1][1]"),
    (polygon(CORNERS, [[20, 2], [22, 2], [22, 3], [20, 2]]), "hole_outside", "$.conditions.rings[1][0]"),
    (leaf("stores", any_of=[]), "empty_list", "$.conditions.any_of"),
    (leaf("region", any_of=[]), "empty_list", "$.conditions.any_of"),
    # time
    (leaf("dates"), "limits_missing", "$.conditions"),
    (leaf("dates", first="2026-02-02", last="2026-02-01"), "dates_reversed", "$.conditions.last"),
    (window([1, 1], "10:00", "11:00"), "day_twice", "$.conditions.windows[0].days"),
    (window([1], "10:00", "10:00"), "window_empty", "$.conditions.windows[0].end"),
    (rule("FREQ=WEEKLY;BYDAY=XX"), "rrule_malformed", "$.conditions.rrule"),
    (rule("FREQ=MINUTELY"), "rrule_malformed", "$.conditions.rrule"),
    (rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "rrule_never_fires", "$.conditions.rrule"),
    (rule("FREQ=DAILY;UNTIL=20251231"), "rrule_never_fires", "$.conditions.rrule"),
    (rule("FREQ=DAILY", "2026-01-01T10:00:00Z"), "rrule_malformed", "$.conditions.rrule"),
    # customer and basket
    (leaf("segment"), "empty_list", "$.conditions"),
    (leaf("segment", any_of=["a"], none_of=["b", "a"]), "segment_contradiction", "$.conditions.none_of"),
    (leaf("tier", any_of=[]), "empty_list", "$.conditions.any_of"),
    (leaf("partner", any_of=[]), "empty_list", "$.conditions.any_of"),
    (leaf("code", any_of=[]), "empty_list", "$.conditions.any_of"),
    (leaf("recency"), "limits_missing", "$.conditions"),
    (leaf("recency", min_days=9, max_days=8), "limits_reversed", "$.conditions.max_days"),
    (leaf("subtotal"), "limits_missing", "$.conditions"),
    (leaf("subtotal", min=9, max=8), "limits_reversed", "$.conditions.max"),
    (leaf("quantity"), "limits_missing", "$.conditions"),
    (leaf("frequency"), "limits_missing", "$.conditions"),
    (leaf("spend", min=9, max=8), "limits_reversed", "$.conditions.max"),
    (leaf("points_balance"), "limits_missing", "$.conditions"),
    (
        leaf("subtotal", min=1, items={"products": ["a", "b"], "exclude_products": ["b"]}),
        "selector_contradiction",
        "$.conditions.items.products[1]",
    ),
    (
        leaf("bundle", of=[{"items": {"brands": ["a"], "exclude_brands": ["a"]}}]),
        "selector_contradiction",
        "$.conditions.of[0].items.brands[0]",
    ),
    (leaf("card_scheme", any_of=["visa", "Visa"]), "scheme_unknown", "$.conditions.any_of[1]"),
    (leaf("card_scheme", any_of=[]), "empty_list", "$.conditions.any_of"),
    # effects
    (effect("cashback"), "cashback_amount", "$.effects[0]"),
    (effect("cashback", percent=1, amount=1), "cashback_amount", "$.effects[0]"),
    (effect("cashback", amount=5, cap=3), "cashback_cap", "$.effects[0].cap"),
    (effect("fixed_price", price=5, items={}), "selector_empty", "$.effects[0].items"),
    (effect("free_item", items={"exclude_brands": ["a"]}), "selector_empty", "$.effects[0].items"),
    (effect("buy_x_get_y", items={}, buy=2), "selector_empty", "$.effects[0].items"),
    (effect("next_visit_coupon", offer_id="off_1"), "coupon_to_itself", "$.effects[0].offer_id"),
    (effect("message", text={}), "message_missing", "$.effects[0].text"),
    (effect("percent_off", percent=5, n=2), "n_without_cheapest", "$.effects[0].n"),
    (effect("percent_off", percent=5, cap=0), "cap_zero", "$.effects[0].cap"),
    # limits and stacking
    (limits(USES, USES | {"cap": 3}), "limit_twice", "$.limits[1]"),
    (limits(USES | {"per": "customer"}, USES | {"per": "customer"}), "limit_twice", "$.limits[1]"),
    (effect("points_fixed", points=5) | limits(MONEY), "limit_without_money", "$.limits[0].of"),
    ({"stacking": {"group_max": 2}}, "group_missing", "$.stacking.group"),
    ({"stacking": {"exclusive": True, "group": "g"}}, "exclusive_group", "$.stacking.exclusive"),
]


@pytest.mark.parametrize(("fields", "code", "path"), MISTAKES)
def test_a_mistake_is_found_at_its_place(fields: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(OfferError) as caught:
        check_offer(made(**fields))
    assert (caught.value.code, caught.value.path) == (code, path)
    assert len(caught.value.message) > 15


GOOD: list[dict[str, Any]] = [
    {},
    {"name": {"fr": "Dix pour cent", "en": "Ten"}},
    {"conditions": nested(8)},
    leaf("all", of=[CHANNEL] * 64),
    leaf("all", of=[EITHER] * 4),
    polygon(CORNERS, [[2, 2], [4, 2], [2, 4], [2, 2]], [[6, 6], [8, 6], [6, 8], [6, 6]]),
    polygon(
        [[177, -20], [-178, -20], [-178, -15], [177, -15], [177, -20]],
        [[179, -18], [-179, -18], [179, -17], [179, -18]],
    ),
    window([5, 6], "22:00", "02:00"),
    window([1, 2, 3, 4, 5, 6, 7], "00:00", "00:00"),
    rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
    leaf("segment", none_of=["a"]),
    leaf("subtotal", min=0),
    limits(USES, MONEY, USES | {"per": "customer"}, USES | {"period": "day"}),
    effect("cashback", percent=500, cap=100) | limits(MONEY),
    effect("points_fixed", points=5) | {"reward_points": 100},
    effect("fixed_price", price=0, items=ITEMS),
    {"stacking": {"group": "g", "group_max": 2}},
]


@pytest.mark.parametrize("fields", GOOD)
def test_a_good_offer_passes(fields: dict[str, Any]) -> None:
    check_offer(made(**fields))


def test_the_message_names_the_place() -> None:
    with pytest.raises(OfferError, match=r"the last day is before the first: exchange them - at `\$.conditions.last`"):
        check_offer(made(**leaf("dates", first="2026-02-02", last="2026-02-01")))


def test_a_polygon_of_a_thousand_points_is_checked_and_one_more_refused() -> None:
    arc = [[5 + (n % 2) / 100, n / 20 - 24] for n in range(998)]
    check_offer(made(**polygon([*arc, [-50, 0], arc[0]])))
    half = [[5.0, n / 20 - 24] for n in range(600)]
    with pytest.raises(OfferError, match="at most 1000 points"):
        check_offer(made(**polygon([*half, [0, 0], half[0]], [*half, [0, 0], half[0]])))


def test_what_the_generator_makes_is_valid() -> None:
    generator = Generator(3)
    for kind in LEAVES:
        for _ in range(5):
            offer = msgspec.structs.replace(generator.offer(), conditions=generator.leaf(kind))
            try:
                check_offer(msgspec.convert(msgspec.to_builtins(offer), Offer))
            except OfferError as error:
                assert error.code in ("selector_contradiction", "rrule_never_fires"), error
