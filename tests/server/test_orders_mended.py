"""Staff mend an order that has not left: person, address, time; audited, and the customer confirms the address anew."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from tests.server.shop import Answer, Shop

pytestmark = pytest.mark.valkey

HOME = {
    "name": "Ada",
    "country_code": "FR",
    "street_address": "1 rue de Rivoli",
    "postal_code": "75001",
    "city": "Paris",
}
WORK = {**HOME, "street_address": "12 rue du Bac", "postal_code": "75007"}


@pytest.fixture
async def order(shop: Shop) -> dict[str, Any]:
    """A delivery that the customer ordered and whose address they confirmed."""
    await shop.ask("PUT", "/v1/products/cake", {"code": "cake", "label": "Cake", "unit_price": 2000})
    body = {"store_id": shop.store_id, "entries": [{"code": "cake"}], "how": "delivery", "address": HOME}
    placed = await shop.ask("POST", "/v1/me/orders", body, role="phone", headers={"Idempotency-Key": "one"})
    path = f"/v1/me/orders/{placed.json['order_id']}/confirm-address"
    confirmed: dict[str, Any] = (await shop.ask("POST", path, {}, role="phone")).json
    assert confirmed["confirmed_at"]
    return confirmed


async def mend(shop: Shop, order: dict[str, Any], role: str = "seller", **said: Any) -> Answer:
    """Change the order."""
    return await shop.ask("PATCH", f"/v1/orders/{order['order_id']}", said, role=role)


async def test_another_address_is_to_be_confirmed_again(shop: Shop, order: dict[str, Any]) -> None:
    mended = await mend(shop, order, address=WORK)
    assert mended.status == 200, mended.content
    assert mended.json["contact"]["lines"] == ["Ada", "12 rue du Bac", "75007 PARIS"]
    mine = (await shop.ask("GET", f"/v1/me/orders/{order['order_id']}", role="phone")).json
    assert (mine["confirmed_at"], mine["contact"]["address"]["postal_code"]) == (None, "75007")
    path = f"/v1/me/orders/{order['order_id']}/confirm-address"
    assert (await shop.ask("POST", path, {}, role="phone")).json["confirmed_at"]


async def test_what_leaves_the_address_as_it_is_leaves_it_confirmed(shop: Shop, order: dict[str, Any]) -> None:
    mended = await mend(shop, order, note="Ring twice", phone="+33 1 23 45 67 89", name="Ada L.", address=HOME)
    contact = mended.json["contact"]
    assert (contact["note"], contact["phone"], mended.json["name"]) == ("Ring twice", "+33 1 23 45 67 89", "Ada L.")
    assert mended.json["confirmed_at"] == order["confirmed_at"]
    assert (await mend(shop, order, note="")).json["contact"]["note"] == ""


async def test_another_time_moves_the_day_and_how_long_its_goods_wait(shop: Shop, order: dict[str, Any]) -> None:
    later = (datetime.now(UTC) + timedelta(days=3)).replace(hour=10, minute=0, second=0, microsecond=0)
    mended = (await mend(shop, order, wanted_at=later.isoformat())).json
    assert (datetime.fromisoformat(mended["wanted_at"]), mended["day"]) == (later, later.date().isoformat())
    (row,) = await _rows(shop, "select wanted_at, hold_until from orders where order_id = ?", order["order_id"])
    assert row["hold_until"] - row["wanted_at"] == 24 * 3_600_000_000


async def test_it_is_audited_without_what_it_says(shop: Shop, order: dict[str, Any]) -> None:
    await mend(shop, order, address=WORK, note="Ring twice")
    entries = (await shop.ask("GET", f"/v1/audit?subject_id={order['order_id']}&act=mend-order")).json["items"]
    assert [(one["who"], one["why"]) for one in entries] == [(f"seller:{shop.seller_id}", "address note")]


@pytest.mark.parametrize(
    ("said", "code", "path"),
    [
        ({}, "nothing-to-mend", "$"),
        ({"address": {**HOME, "postal_code": "7500"}}, "address-wrong", "$.address.postal_code"),
        ({"wanted_at": "2020-01-01T10:00:00Z"}, "too-soon", "$.wanted_at"),
        ({"wanted_at": "2999-01-01T10:00:00Z"}, "too-late", "$.wanted_at"),
        ({"wanted_at": "2026-01-01T10:00:00"}, "naive-time", "$.wanted_at"),
        ({"phone": "call me"}, "invalid-body", "$.phone"),
        ({"total": 1}, "invalid-body", "$.total"),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_changed(
    shop: Shop, order: dict[str, Any], said: dict[str, Any], code: str, path: str
) -> None:
    refused = await mend(shop, order, **said)
    assert (refused.status, refused.code, refused.json.get("path", "$")) == (422, code, path)
    assert (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json == order


async def test_what_is_on_its_way_is_mended_no_more(shop: Shop, order: dict[str, Any]) -> None:
    for state in ("ready", "on_the_way"):
        await shop.ask("POST", f"/v1/orders/{order['order_id']}/moves", {"state": state})
    refused = await mend(shop, order, address=WORK)
    assert (refused.status, refused.code) == (409, "order-left")
    assert (await mend(shop, order, role="phone", note="x")).status == 403


async def test_an_order_without_a_person_gets_one(shop: Shop, order: dict[str, Any]) -> None:
    body = {"store_id": shop.store_id, "entries": [{"code": "cake"}]}
    bare = (await shop.ask("POST", "/v1/orders", body, headers={"Idempotency-Key": "bare"})).json
    assert (bare["contact"], bare["name"]) == (None, "")
    named = (await mend(shop, bare, name="Grace", phone="0123456789")).json
    assert (named["name"], named["contact"]["phone"]) == ("Grace", "0123456789")
    assert (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json["contact"]["name"] == "Ada"


async def test_another_parcel_of_the_same_sale_stays_as_it_is(shop: Shop, order: dict[str, Any]) -> None:
    """One payment, two orders for one person: the one on its way keeps its address."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    entries = [{"line_id": name, "code": "cake"} for name in "12"]
    await shop.ask("PUT", f"{path}/basket", {"entries": entries})
    await shop.ask("PUT", f"{path}/contact", {"address": HOME})
    ways = [{"line_id": "1", "how": "delivery", "place": "central"}, {"line_id": "2", "how": "delivery"}]
    session = (await shop.ask("PUT", f"{path}/fulfilments", {"lines": ways})).json
    await shop.ask("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 4000})
    await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": "pay"})
    first, second = (await shop.ask("GET", "/v1/orders?state=paid")).json["items"]
    assert (await mend(shop, first, address=WORK)).json["contact"]["lines"][1] == "12 rue du Bac"
    assert (await shop.ask("GET", f"/v1/orders/{second['order_id']}")).json["contact"]["lines"][1] == "1 rue de Rivoli"


async def _rows(shop: Shop, text: str, *values: Any) -> list[dict[str, Any]]:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text, values))]

    return await shop.services.sql.read(job)
