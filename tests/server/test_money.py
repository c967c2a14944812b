"""Money over all stations: what waits for somebody's word, and the means that the shop takes."""

from typing import Any

from tests.server.shop import Shop
from tests.server.test_sellers import UNHEARD, Counter


async def waiting(shop: Shop) -> list[dict[str, Any]]:
    """What the manager's page shows."""
    answer = await shop.ask("GET", "/v1/payments/in-doubt", role="manager")
    items: list[dict[str, Any]] = answer.json["items"]
    return items


async def test_a_payment_that_nobody_answered_waits_until_somebody_resolves_it(shop: Shop) -> None:
    counter = Counter(shop)
    await counter.sell(700)
    assert await waiting(shop) == [], "what was paid waits for nobody"
    doubtful = await counter.sell(UNHEARD, "card")
    item = (await waiting(shop))[0]
    assert (item["kind"], item["amount"], item["currency"], item["means"]) == ("payment", UNHEARD, "EUR", "card")
    assert (item["station_id"], item["session_id"]) == (shop.station_id, doubtful["session_id"])
    assert (item["state"], item["by"]) == ("unknown", f"station:{shop.station_id}")
    said = {"outcome": "paid", "reason": "the slip says so", "payment_id": item["payment_id"]}
    path = f"/v1/sessions/{doubtful['session_id']}/resolve"
    other = await shop.ask("POST", path, said | {"payment_id": "pay_before"}, role="manager")
    assert (other.status, other.code) == (409, "another-payment")
    assert (await shop.ask("POST", path, said, role="manager")).json["state"] == "paid"
    assert await waiting(shop) == []


async def test_a_refund_in_doubt_names_the_sale_where_it_is_resolved(shop: Shop) -> None:
    counter = Counter(shop)
    paid = await counter.sell(1000, "card")
    refused = await counter.refund(paid["sale_id"], lines=[{"line_id": "1", "quantity": 713}])
    assert refused.code == "refund-unknown"
    item = (await waiting(shop))[0]
    assert (item["kind"], item["sale_id"], item.get("session_id")) == ("refund", paid["sale_id"], None)
    path = f"/v1/sales/{paid['sale_id']}/refunds/{item['checkout_id']}/resolve"
    await counter.done("POST", path, {"outcome": "refunded", "reason": "the slip"}, role="manager")
    assert await waiting(shop) == []


async def test_a_sale_paid_in_part_waits_and_is_given_up(shop: Shop) -> None:
    counter = Counter(shop)
    session = await counter.basket(1000)
    path = f"/v1/sessions/{session['session_id']}"
    await counter.done("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 1000})
    part = await counter.done("POST", f"{path}/pay", {"means": "cash", "amount": 400})
    assert (part["state"], part["due"]) == ("paying", 600)
    item = (await waiting(shop))[0]
    assert (item["kind"], item["amount"], item["means"]) == ("part_paid", 400, "cash")
    await counter.done("POST", f"{path}/abandon")
    assert await waiting(shop) == []


async def test_only_managers_see_what_waits(shop: Shop) -> None:
    for role in ("seller", "station", "auditor", "phone", "partner"):
        assert (await shop.ask("GET", "/v1/payments/in-doubt", role=role)).status == 403, role


async def test_a_shop_says_by_what_one_pays_and_takes_nothing_else(shop: Shop) -> None:
    counter = Counter(shop)
    here = f"/v1/stations/{shop.station_id}/means"
    assert (await counter.done("GET", here))["items"] == ["card", "cash", "wallet", "gift_card"], "what is set up"
    await counter.done("PUT", "/v1/settings/means", {"items": ["cash", "cash", "transfer"]}, role="owner")
    assert (await counter.done("GET", "/v1/settings/means", role="auditor"))["items"] == ["cash", "transfer"]
    assert (await counter.done("GET", here))["items"] == ["cash"], "there is no account for transfers"
    await counter.done("PUT", "/v1/settings/meal-vouchers", {"categories": ["bakery"]}, role="owner")
    assert (await counter.done("GET", "/v1/settings/meal-vouchers", role="auditor"))["daily_cap"] == 2500
    session = await counter.basket(700)
    path = f"/v1/sessions/{session['session_id']}"
    await counter.done("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 700})
    refused = await counter.ask("POST", f"{path}/pay", {"means": "card"})
    assert (refused.status, refused.code, refused.json["path"]) == (409, "means-off", "$.means")
    assert (await counter.done("POST", f"{path}/pay", {"means": "cash"}))["state"] == "paid"
    whole = {"entries": [{"amount": 700}], "accept_up_to": 700, "means": "card"}
    assert (await counter.ask("POST", "{station}/sale", whole)).code == "means-off"
    entry = (await counter.done("GET", "/v1/audit?act=set-means", role="auditor"))["items"][0]
    assert entry["why"] == "cash, transfer"


async def test_some_means_is_taken(shop: Shop) -> None:
    for items in ([], ["bitcoin"]):
        assert (await shop.ask("PUT", "/v1/settings/means", {"items": items})).status == 422
