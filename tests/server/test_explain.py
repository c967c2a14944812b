"""Explanations over the API: every offer considered, or one offer at one situation."""

from typing import Any

import pytest

from tests.server.shop import Answer, Shop

pytestmark = pytest.mark.valkey

PARIS = {"lat": 48.8566, "lon": 2.3522, "zone": "Europe/Paris"}
BASKET = {
    "currency": "EUR",
    "at": "2026-11-22T11:00:00Z",
    "place": PARIS,
    "items": [{"line_id": "1", "label": "Cake", "unit_price": 1000}],
}
DEARER = {"type": "subtotal", "min": 1320}
AFTERNOON = {"type": "weekly", "windows": [{"days": [7], "start": "14:00", "end": "18:00"}]}


async def add(shop: Shop, offer_id: str, **more: Any) -> None:
    """A live offer of one euro off."""
    offer = {
        "offer_id": offer_id,
        "name": {"en": offer_id},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 100}],
    }
    assert (await shop.ask("POST", "/v1/offers", offer | more)).status == 201


async def explain(shop: Shop, offer_id: str, role: str = "owner", **changes: Any) -> Answer:
    """Ask why the offer applies to the cake or not."""
    return await shop.ask("POST", f"/v1/offers/{offer_id}/explain", BASKET | changes, role=role)


async def test_one_offer_is_explained_by_its_first_failing_condition(shop: Shop) -> None:
    await add(shop, "off_dear", conditions={"type": "all", "of": [{"type": "channel", "any_of": ["partner"]}, DEARER]})
    answer = (await explain(shop, "off_dear")).json
    miss = {"what": "subtotal", "missing": 320}
    assert answer["conditions"] == {
        "offer_id": "off_dear",
        "version": 1,
        "truth": "false",
        "path": "$.conditions.of[1]",
        "condition": "subtotal",
        "near_miss": miss,
    }
    assert (answer["state"], answer["reason"]["outcome"]) == ("live", "condition_false")
    assert (answer["reason"]["path"], answer["reason"]["near_miss"]) == ("$.conditions.of[1]", miss)


async def test_what_is_not_known_is_told_apart_from_what_is_false(shop: Shop) -> None:
    await add(shop, "off_gold", conditions={"type": "tier", "any_of": ["gold"]})
    answer = (await explain(shop, "off_gold")).json
    assert (answer["conditions"]["truth"], answer["conditions"]["condition"]) == ("unknown", "tier")
    assert answer["reason"]["outcome"] == "condition_unknown"
    assert answer["reason"]["near_miss"] == {"what": "identity", "missing": 0}


async def test_conditions_that_hold_leave_the_rest_to_the_decision(shop: Shop) -> None:
    await add(shop, "off_chosen")
    await add(shop, "off_reward", reward_points=50)
    await add(shop, "off_once_each", limits=[{"of": "uses", "cap": 1, "per": "customer"}])
    found = {name: (await explain(shop, name)).json for name in ("off_chosen", "off_reward", "off_once_each")}
    assert {one["conditions"]["truth"] for one in found.values()} == {"true"}
    assert {name: (one["reason"]["outcome"], one["reason"]["path"]) for name, one in found.items()} == {
        "off_chosen": ("chosen", None),
        "off_reward": ("reward_not_requested", None),
        "off_once_each": ("condition_unknown", "$.limits[0]"),
    }


async def test_the_question_may_be_about_another_time(shop: Shop) -> None:
    await add(shop, "off_sunday", conditions=AFTERNOON)
    assert (await explain(shop, "off_sunday")).json["conditions"]["truth"] == "false", "it is noon in Paris"
    later = await explain(shop, "off_sunday", at="2026-11-22T13:00:00Z")
    assert later.json["reason"]["outcome"] == "chosen"


async def test_a_paused_offer_is_judged_but_not_decided(shop: Shop) -> None:
    await add(shop, "off_paused")
    await shop.ask("POST", "/v1/offers/off_paused/pause")
    answer = (await explain(shop, "off_paused")).json
    assert (answer["state"], answer["conditions"]["truth"], answer["reason"]) == ("paused", "true", None)


async def test_a_holdout_is_not_told(shop: Shop) -> None:
    await add(shop, "off_held", holdout=10_000)
    answer = (await explain(shop, "off_held", customer_id=shop.customer_id)).json
    assert (answer["conditions"]["truth"], answer["reason"]) == ("true", None)


async def test_an_offer_that_is_not_there_and_a_body_that_does_not_fit(shop: Shop) -> None:
    assert (await explain(shop, "off_none")).status == 404
    await add(shop, "off_1")
    for change, code, path in (
        ({"currency": "USD"}, "currency-differs", "$.currency"),
        ({"at": "2026-11-22T11:00:00"}, "naive-time", "$.at"),
        ({"at": "1902-01-01T00:00:00Z"}, "time-range", "$.at"),
        ({"store_id": "sto_1"}, "place-or-store", "$.place"),
        ({"colour": 1}, "invalid-body", "$.colour"),
    ):
        for address in ("/v1/offers/off_1/explain", "/v1/decisions"):
            answer = await shop.ask("POST", address, BASKET | change)
            assert (answer.status, answer.code, answer.json["path"]) == (422, code, path)


async def test_a_partner_asks_with_the_scope_of_decisions(shop: Shop) -> None:
    await add(shop, "off_1")
    assert (await explain(shop, "off_1", role=await shop.partner("decisions"))).json["reason"]["outcome"] == "chosen"
    assert (await explain(shop, "off_1", role=await shop.partner("offers:read"))).code == "scope-missing"


async def test_all_considered_offers_can_be_explained(shop: Shop) -> None:
    far = {"type": "circle", "lat": 43.3, "lon": 5.4, "radius": 1000}
    await add(shop, "off_chosen")
    await add(shop, "off_dear", conditions=DEARER)
    await add(shop, "off_far", conditions=far)
    told = {}
    for asked in ("all", "reach", "eligible"):
        answer = await shop.ask("POST", "/v1/decisions", BASKET | {"explain": asked})
        told[asked] = {reason["offer_id"]: reason["outcome"] for reason in answer.json["reasons"]}
    assert told["all"] == {"off_chosen": "chosen", "off_dear": "condition_false", "off_far": "condition_false"}
    assert told["reach"].items() >= {"off_chosen": "chosen", "off_dear": "condition_false"}.items()
    assert told["eligible"] == {"off_chosen": "chosen"}
    chosen = (await shop.ask("POST", "/v1/decisions", BASKET | {"explain": "eligible"})).json["offers"]
    assert [offer["offer_id"] for offer in chosen] == ["off_chosen"], "the choice is the same however much is explained"
