"""Segments and lift over the API: written, sized while editing, listed, exported, kept as long as they are needed."""

import asyncio
from typing import Any

from poi_engine.ports import Job, Query
from poi_engine.segments.due import mark_due
from tests.server.shop import Shop

VISITORS = {"name": {"en": "Visitors", "fr": "Visiteurs"}, "conditions": {"type": "frequency", "min": 1}}


async def customers(shop: Shop, *names: str, visits: int = 0) -> list[str]:
    """Customers who came so often, as their rows say."""
    made = []
    for name in names:
        one = await shop.services.engine.customers.create(shop.merchant_id, name)
        made.append(one.customer_id)

        def job(customer_id: str = one.customer_id) -> Job[None]:
            yield Query(
                "update customer set visits = ?, last_visit_at = created_at where merchant_id = ? and customer_id = ?",
                (visits, shop.merchant_id, customer_id),
            )
            yield mark_due(shop.merchant_id, customer_id, 0)

        await shop.services.sql.write(job)
    return sorted(made)


async def write(shop: Shop, body: Any = VISITORS) -> str:
    """A segment, counted."""
    made = await shop.ask("POST", "/v1/segments", body)
    assert made.status == 201, made.content
    assert made.json["state"] == "counting"
    await shop.services.engine.segments.settle(shop.merchant_id)
    return str(made.json["segment_id"])


async def get(shop: Shop, path: str) -> Any:
    answer = await shop.ask("GET", path)
    assert answer.status == 200, answer.content
    return answer.json


async def test_a_segment_is_written_counted_listed_and_removed(shop: Shop) -> None:
    ada, bob = await customers(shop, "Ada", "Bob", visits=3)
    await customers(shop, "Eve")
    segment_id = await write(shop)
    one = await get(shop, f"/v1/segments/{segment_id}")
    assert (one["size"], one["state"], one["built_in"]) == (2, "ready", False)
    assert one["conditions"] == VISITORS["conditions"]
    listed = await get(shop, "/v1/segments")
    built_in = [item["segment_id"] for item in listed["items"] if item["built_in"]]
    assert built_in == [f"rfm:{group}" for group in ("champions", "loyal", "promising", "new", "at_risk", "lapsed")]
    assert listed["items"][-1]["segment_id"] == segment_id
    assert (listed["of"], bool(listed["judged_day"])) == (4, True), "the phone's customer counts"
    page = await get(shop, f"/v1/segments/{segment_id}/members?limit=1")
    rest = await get(shop, f"/v1/segments/{segment_id}/members?limit=1&after={page['next']}")
    assert [item["customer_id"] for item in (*page["items"], *rest["items"])] == [ada, bob]
    assert page["items"][0]["visits"] == 3
    assert (await shop.ask("DELETE", f"/v1/segments/{segment_id}")).status == 204
    assert (await shop.ask("GET", f"/v1/segments/{segment_id}")).status == 404
    await shop.services.engine.segments.settle(shop.merchant_id)
    assert "seg_" not in str((await shop.services.engine.customers.facts(shop.merchant_id, ada, 10**15)).segments)


async def test_sizes_follow_the_editor(shop: Shop) -> None:
    await customers(shop, "Ada", "Bob", visits=3)
    for conditions, size in (
        ({"type": "all", "of": []}, 3),
        ({"type": "frequency", "min": 3}, 2),
        ({"type": "not", "of": {"type": "frequency", "min": 3}}, 1),
        ({"type": "bought", "products": ["eclair"], "days": 30}, 0),
        ({"type": "birthday"}, 0),
        ({"type": "not", "of": {"type": "birthday"}}, 0),
    ):
        answer = await shop.ask("POST", "/v1/segments/size", {"conditions": conditions})
        assert (answer.status, answer.json["size"], answer.json["of"]) == (200, size, 3), conditions


async def test_a_newer_question_ends_the_older_ones(shop: Shop) -> None:
    await customers(shop, "Ada", visits=3)
    body = {"conditions": {"type": "frequency", "min": 1}}
    answers = await asyncio.gather(*(shop.ask("POST", "/v1/segments/size", body) for _ in range(12)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"superseded"}
    assert any(answer.status == 200 and answer.json["size"] == 1 for answer in answers)
    assert (await shop.ask("POST", "/v1/segments/size", body, role="manager")).status == 200


async def test_the_ids_are_exported_and_that_is_audited(shop: Shop) -> None:
    made = await customers(shop, "Ada", "Bob", visits=1)
    answer = await shop.ask("GET", f"/v1/segments/{await write(shop)}/export")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.content.decode("utf-8-sig").split() == ["customer_id", *made]
    acts = [entry["act"] for entry in (await get(shop, "/v1/audit"))["items"]]
    assert "export-segment" in acts


async def test_a_segment_that_an_offer_needs_stays(shop: Shop) -> None:
    segment_id = await write(shop)
    offer = {
        "offer_id": "off_1",
        "name": {"en": "Welcome back"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 100}],
        "conditions": {"type": "all", "of": [{"type": "segment", "any_of": ["rfm:new", segment_id]}]},
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    await shop.ask("POST", "/v1/offers/off_1/pause")
    refused = await shop.ask("DELETE", f"/v1/segments/{segment_id}")
    assert (refused.status, refused.code) == (409, "segment-used")
    assert "Welcome back (off_1)" in refused.json["detail"]
    await shop.ask("DELETE", "/v1/offers/off_1")
    assert (await shop.ask("DELETE", f"/v1/segments/{segment_id}")).status == 204
    again = await shop.ask("POST", "/v1/offers", offer | {"offer_id": "off_2"})
    assert (again.status, again.code, again.json["path"]) == (422, "segment-unknown", "$.conditions.of[0].any_of[1]")


async def test_mistakes_are_told_with_their_place(shop: Shop) -> None:
    for conditions, code, path in (
        ({"type": "frequency"}, "limits-missing", "$.conditions"),
        ({"type": "any", "of": []}, "empty-list", "$.conditions.of"),
        ({"type": "bought", "days": 3}, "empty-list", "$.conditions.products"),
        ({"type": "segment", "any_of": ["seg_1"]}, "segment-of-segments", "$.conditions.any_of[0]"),
        ({"type": "tier", "any_of": ["a\u0007"]}, "control-character", "$.conditions.any_of[0]"),
        ({"type": "stores", "any_of": ["sto_1"]}, "invalid-body", "$.conditions.type"),
        ({"type": "bought", "products": ["x"], "days": 0}, "invalid-body", "$.conditions.days"),
    ):
        for path_of, body in (("/v1/segments", VISITORS), ("/v1/segments/size", {})):
            refused = await shop.ask("POST", path_of, body | {"conditions": conditions})
            assert (refused.status, refused.code, refused.json.get("path")) == (422, code, path), refused.content
    nameless = await shop.ask("POST", "/v1/segments", {"name": {}})
    assert (nameless.status, nameless.json["path"]) == (422, "$.name")
    for method in ("PUT", "DELETE"):
        body = VISITORS if method == "PUT" else None
        refused = await shop.ask(method, "/v1/segments/rfm:new", body)
        assert (refused.status, refused.code) == (422, "segment-built-in")


async def test_sellers_and_auditors_have_no_segments(shop: Shop) -> None:
    for role in ("seller", "auditor", "station", "phone", "partner"):
        assert (await shop.ask("GET", "/v1/segments", role=role)).status == 403


async def test_the_lift_of_an_offer_is_honest_about_few_customers(shop: Shop) -> None:
    await customers(shop, *(f"C{number}" for number in range(20)), visits=1)
    offer = {
        "offer_id": "off_1",
        "name": {"en": "Ten off"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 100}],
        "holdout": 5000,
    }
    await shop.ask("POST", "/v1/offers", offer)
    found = (await shop.ask("GET", "/v1/offers/off_1/lift", role="auditor")).json
    assert found["provisional"]
    assert found["spend"]["treated"] + found["spend"]["held_out"] == 21
    assert found["spend"]["enough"] is False
    assert found["spend"]["effect"] is None
    bad = await shop.ask("GET", "/v1/offers/off_1/lift?first=2026-02-01&last=2026-01-01")
    assert (bad.status, bad.code) == (422, "bad-period")
    await shop.ask("PUT", "/v1/offers/off_1", offer | {"holdout": 0})
    assert (await shop.ask("GET", "/v1/offers/off_1/lift")).code == "no-holdout"
    assert (await shop.ask("GET", "/v1/offers/off_9/lift")).status == 404
    assert (await shop.ask("GET", "/v1/offers/off_1/lift", role="seller")).status == 403
