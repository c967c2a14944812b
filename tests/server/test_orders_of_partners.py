"""A partner that may order learns nothing of the customer but what it sent, and holds no more than it may."""

from typing import Any

import pytest

from tests.server.shop import Answer, Shop

pytestmark = pytest.mark.valkey

ADDRESS = {
    "name": "Ada",
    "country_code": "FR",
    "street_address": "1 rue de Rivoli",
    "postal_code": "75001",
    "city": "Paris",
}


@pytest.fixture
async def partner(shop: Shop) -> str:
    """A partner who orders, in a shop that has plenty of one product."""
    await shop.ask("PUT", "/v1/products/cake", {"code": "cake", "label": "Cake", "unit_price": 2000, "tracked": True})
    await shop.ask("PUT", "/v1/products/tart", {"code": "tart", "label": "Tart", "unit_price": 900})
    body = {"kind": "received", "place": shop.store_id, "lines": [{"code": "cake", "quantity": 500_000}]}
    assert (await shop.ask("POST", "/v1/stock/movements", body, headers={"Idempotency-Key": "goods"})).status < 300
    return await shop.partner("orders:write")


async def order(shop: Shop, who: str, key: str, quantity: int = 1000, code: str = "cake", **more: Any) -> Answer:
    """Place an order."""
    body = {"store_id": shop.store_id, "entries": [{"code": code, "quantity": quantity}], **more}
    return await shop.ask("POST", "/v1/orders", body, role=who, headers={"Idempotency-Key": key})


async def limit(shop: Shop, **partners: Any) -> None:
    """Bound what partners' unpaid orders hold."""
    rules = (await shop.ask("GET", "/v1/settings/orders")).json
    assert (await shop.ask("PUT", "/v1/settings/orders", rules | partners)).status == 200


async def left(shop: Shop) -> int:
    """The cakes that anybody may still have, thousandths."""
    items = (await shop.ask("GET", "/v1/products/cake/stock")).json["items"]
    return {one["place"]: int(one["available"]) for one in items}[shop.store_id]


async def test_it_does_not_learn_the_customers_name(shop: Shop, partner: str) -> None:
    await shop.ask("PATCH", f"/v1/customers/{shop.customer_id}", {"display_name": "Ada Lovelace"})
    placed = await order(shop, partner, "one", customer_id=shop.customer_id)
    assert (placed.status, placed.json["customer_id"], placed.json["name"]) == (201, shop.customer_id, "")
    assert b"Lovelace" not in placed.content
    seen = (await shop.ask("GET", f"/v1/orders/{placed.json['order_id']}", role="seller")).json
    assert seen["name"] == "Ada Lovelace"


async def test_nor_what_the_shop_or_the_customer_changed_since(shop: Shop, partner: str) -> None:
    sent = {"customer_id": shop.customer_id, "name": "A. for the app", "how": "delivery", "address": ADDRESS}
    placed = await order(shop, partner, "one", **sent)
    assert placed.json["name"] == "A. for the app"
    home = {**ADDRESS, "street_address": "12 rue du Bac", "postal_code": "75007"}
    path = f"/v1/me/orders/{placed.json['order_id']}/confirm-address"
    assert (await shop.ask("POST", path, {"address": home}, role="phone")).status == 200
    again = await order(shop, partner, "one", **sent)
    assert (again.json["order_id"], again.json["name"]) == (placed.json["order_id"], "A. for the app")
    assert b"rue du Bac" not in again.content


async def test_of_a_product_its_unpaid_orders_hold_no_more_than_they_may(shop: Shop, partner: str) -> None:
    """A hundred pieces unless the shop says otherwise; a cancelled order counts no more."""
    first = await order(shop, partner, "one", 60_000)
    refused = await order(shop, partner, "two", 41_000)
    assert (refused.status, refused.code) == (409, "partner-holds-too-much")
    assert (refused.json["path"], "40000" in refused.json["detail"]) == ("$.entries[0].quantity", True)
    assert (await left(shop), (await order(shop, partner, "two", 40_000)).status) == (440_000, 201)
    assert (await order(shop, partner, "three", 100_000, code="tart")).status == 201
    await shop.ask("POST", f"/v1/orders/{first.json['order_id']}/moves", {"state": "cancelled"})
    assert (await order(shop, partner, "four", 60_000)).status == 201


async def test_several_lines_of_a_product_count_together(shop: Shop, partner: str) -> None:
    entries = [{"code": "tart", "quantity": 1000}, *({"code": "cake", "quantity": 60_000} for _ in "ab")]
    refused = await order(shop, partner, "one", entries=entries)
    assert (refused.code, refused.json["path"]) == ("partner-holds-too-much", "$.entries[1].quantity")


async def test_the_same_order_again_is_no_second_one(shop: Shop, partner: str) -> None:
    first, again = await order(shop, partner, "one", 100_000), await order(shop, partner, "one", 100_000)
    assert (again.status, again.json["order_id"]) == (201, first.json["order_id"])


async def test_so_many_orders_and_no_more_wait_unpaid(shop: Shop, partner: str) -> None:
    await limit(shop, partner={"most_open": 2})
    for key in ("one", "two"):
        assert (await order(shop, partner, key)).status == 201
    refused = await order(shop, partner, "three")
    assert (refused.status, refused.code) == (409, "too-many-orders")
    assert (await order(shop, "seller", "three")).status == 201


async def test_a_partner_may_have_limits_of_its_own(shop: Shop, partner: str) -> None:
    await limit(shop, partner={"most_open": 1, "most_held": 1000}, partners={"par_x": {"most_held": 200_000}})
    assert (await order(shop, partner, "one", 150_000)).status == 201
    assert (await order(shop, partner, "two", 50_000)).status == 201
    assert (await order(shop, partner, "three")).code == "partner-holds-too-much"
    rules = (await shop.ask("GET", "/v1/settings/orders", role="seller")).json
    assert rules["partners"] == {"par_x": {"most_open": 50, "most_held": 200_000}}


async def test_staff_and_customers_are_not_bounded_by_a_partners_limit(shop: Shop, partner: str) -> None:
    await limit(shop, partner={"most_held": 0})
    assert (await order(shop, partner, "one")).code == "partner-holds-too-much"
    assert (await order(shop, "owner", "one", 200_000)).status == 201
