"""Orders over HTTP: the phone's own, a partner's, the staff's; addresses checked; every move told to screens."""

from typing import Any

import aiohttp
import msgspec
import pytest

from tests.server.shop import Answer, Shop

pytestmark = pytest.mark.valkey

ADDRESS = {
    "name": "Ada",
    "country_code": "fr",
    "street_address": "1 rue de Rivoli",
    "postal_code": "75001",
    "city": "Paris",
}


@pytest.fixture
async def stocked(shop: Shop) -> Shop:
    """The shop with a product: two pieces in the store, one in central stock."""
    await shop.ask("PUT", "/v1/products/cake", {"code": "cake", "label": "Cake", "unit_price": 2000, "tracked": True})
    for place, quantity in ((shop.store_id, 2000), ("central", 1000)):
        body = {"kind": "received", "place": place, "lines": [{"code": "cake", "quantity": quantity}]}
        assert (await shop.ask("POST", "/v1/stock/movements", body, headers=_key(f"goods-{place}"))).status < 300
    return shop


def _key(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def _order(shop: Shop, role: str = "phone", key: str = "one", **more: Any) -> Answer:
    path = "/v1/me/orders" if role == "phone" else "/v1/orders"
    body = {"store_id": shop.store_id, "entries": [{"code": "cake"}], **more}
    return await shop.ask("POST", path, body, role=role, headers=_key(key))


async def test_a_phone_orders_and_the_station_takes_the_money(stocked: Shop) -> None:
    shop = stocked
    quote = await shop.ask(
        "POST", "/v1/me/orders/quote", {"store_id": shop.store_id, "entries": [{"code": "cake"}]}, role="phone"
    )
    assert (quote.status, quote.json["decision"]["total"]) == (200, 2000)
    placed = (await _order(shop)).json
    assert (placed["state"], placed["due"], placed["held"]) == ("placed", 2000, True)
    opened = await shop.ask(
        "POST", f"/v1/orders/{placed['order_id']}/session", {"station_id": shop.station_id}, role="station"
    )
    session = opened.json
    assert (opened.status, session["identity"]["customer_id"], session["channel"]) == (200, shop.customer_id, "phone")
    path = f"/v1/sessions/{session['session_id']}"
    body = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", body, role="station")
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, role="station", headers=_key("pay"))
    assert paid.json["state"] == "paid"
    mine = (await shop.ask("GET", "/v1/me/orders", role="phone")).json["items"]
    assert [(one["state"], one["due"]) for one in mine] == [("delivered", 0)]


async def test_an_address_is_checked_by_its_country_and_confirmed_on_the_phone(stocked: Shop) -> None:
    shop = stocked
    wrong = await _order(shop, how="delivery", address={**ADDRESS, "postal_code": "7500"})
    assert (wrong.status, wrong.code, wrong.json["path"]) == (422, "address-wrong", "$.address.postal_code")
    short = await _order(shop, how="delivery", address={"name": "Ada", "country_code": "FR"})
    assert (short.code, short.json["path"]) == ("address-incomplete", "$.address.street_address")
    nowhere = await _order(shop, how="delivery", address={**ADDRESS, "country_code": "XX"})
    assert nowhere.code == "unknown-country"
    placed = (await _order(shop, how="delivery", address=ADDRESS)).json
    path = f"/v1/me/orders/{placed['order_id']}/confirm-address"
    confirmed = await shop.ask("POST", path, {}, role="phone")
    assert confirmed.json["confirmed_at"] is not None
    assert confirmed.json["contact"]["lines"] == ["Ada", "1 rue de Rivoli", "75001 PARIS"]


async def test_what_is_not_there_is_refused_clearly(stocked: Shop) -> None:
    refused = await _order(stocked, entries=[{"code": "cake", "quantity": 3000}])
    assert (refused.status, refused.code) == (409, "not-in-stock")
    assert (await stocked.ask("GET", "/v1/me/orders", role="phone")).json["items"] == []


async def test_a_partner_with_the_scope_orders_for_a_customer(stocked: Shop) -> None:
    secret = await stocked.partner("orders:write")
    placed = await _order(stocked, role=secret, customer_id=stocked.customer_id)
    assert (placed.status, placed.json["channel"]) == (201, "partner")
    assert (await _order(stocked, role="partner")).code == "scope-missing"
    unknown = await _order(stocked, role=secret, key="two", customer_id="cus_nobody")
    assert unknown.status == 404


async def test_a_phone_sees_and_cancels_its_own_orders_only(stocked: Shop) -> None:
    shop = stocked
    other = (await _order(shop, role="owner")).json["order_id"]
    mine = (await _order(shop)).json["order_id"]
    for path in (f"/v1/me/orders/{other}",):
        assert (await shop.ask("GET", path, role="phone")).status == 404
    assert (await shop.ask("POST", f"/v1/me/orders/{other}/cancel", role="phone")).status == 404
    cancelled = await shop.ask("POST", f"/v1/me/orders/{mine}/cancel", role="phone")
    assert (cancelled.status, cancelled.json["state"]) == (200, "cancelled")


async def test_the_list_is_by_state_store_and_day_page_by_page(stocked: Shop) -> None:
    shop = stocked
    made = [(await _order(shop, role="seller", key=f"k{number}", name=f"N{number}")).json for number in range(2)]
    await shop.ask("POST", f"/v1/orders/{made[0]['order_id']}/moves", {"state": "ready"}, role="seller")
    ready = (await shop.ask("GET", "/v1/orders?state=ready", role="seller")).json["items"]
    assert [one["order_id"] for one in ready] == [made[0]["order_id"]]
    day = (await shop.ask("GET", f"/v1/orders?day={made[0]['day']}&store_id={shop.store_id}&limit=1")).json
    assert (len(day["items"]), day["next"]) == (1, made[1]["order_id"])
    rest = (await shop.ask("GET", f"/v1/orders?day={made[0]['day']}&after={day['next']}")).json["items"]
    assert [one["order_id"] for one in rest] == [made[0]["order_id"]]
    assert (await shop.ask("GET", "/v1/orders?day=2020-01-01")).json["items"] == []
    assert len((await shop.ask("GET", "/v1/orders?open=true")).json["items"]) == 2


async def test_a_move_that_is_none_is_refused_and_every_move_is_audited(stocked: Shop) -> None:
    shop = stocked
    order_id = (await _order(shop)).json["order_id"]
    path = f"/v1/orders/{order_id}/moves"
    assert (await shop.ask("POST", path, {"state": "on_the_way"})).code == "illegal-order-move"
    assert (await shop.ask("POST", path, {"state": "paid"})).status == 422
    await shop.ask("POST", path, {"state": "ready"}, role="seller")
    assert (await shop.ask("POST", path, {"state": "delivered"}, role="seller")).code == "order-unpaid"
    audit = (await shop.ask("GET", f"/v1/audit?subject_id={order_id}")).json["items"]
    assert [(one["act"], one["who"].partition(":")[0]) for one in audit] == [
        ("order-ready", "seller"),
        ("order-placed", "phone"),
    ]


async def test_screens_are_told_of_a_move(stocked: Shop) -> None:
    shop = stocked
    order_id = (await _order(shop)).json["order_id"]
    watches = {
        "phone": {"watch": "customer"},
        "station": {"watch": "station", "station_id": shop.station_id},
        "seller": {"watch": "orders"},
    }
    sockets: list[aiohttp.ClientWebSocketResponse] = []
    for role, watch in watches.items():
        headers = {"Authorization": f"Bearer {shop.secrets[role]}"}
        sockets.append(await shop.http.ws_connect("/v1/live", headers=headers))
        await sockets[-1].send_str(msgspec.json.encode(watch).decode())
        assert (await sockets[-1].receive_json())["kind"] == "watching"
    await shop.ask("POST", f"/v1/orders/{order_id}/moves", {"state": "preparing"})
    for socket in sockets:
        told = await socket.receive_json()
        assert (told["kind"], told["order_id"], told["state"]) == ("order", order_id, "preparing")
        await socket.close()


async def test_the_rules_of_ordering_are_the_managers(stocked: Shop) -> None:
    shop = stocked
    rules = (await shop.ask("GET", "/v1/settings/orders")).json
    assert (await shop.ask("PUT", "/v1/settings/orders", {**rules, "open": False}, role="manager")).status == 200
    assert (await _order(shop)).code == "orders-closed"
    assert (await _order(shop, role="seller")).status == 201
    assert (await shop.ask("PUT", "/v1/settings/orders", rules, role="seller")).status == 403


async def test_a_paid_order_is_taken_back_over_the_api(stocked: Shop) -> None:
    shop = stocked
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    await shop.ask("PUT", f"{path}/basket", {"entries": [{"line_id": "1", "code": "cake"}]})
    await shop.ask("PUT", f"{path}/contact", {"address": ADDRESS, "note": "Ring twice"})
    kept = (await shop.ask("GET", f"{path}/contact")).json
    assert kept["contact"]["note"] == "Ring twice"
    lines = {"lines": [{"line_id": "1", "how": "delivery", "place": "central"}]}
    session = (await shop.ask("PUT", f"{path}/fulfilments", lines)).json
    await shop.ask("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 2000})
    await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers=_key("pay"))
    (order,) = (await shop.ask("GET", "/v1/orders")).json["items"]
    assert (order["state"], order["place"], order["next"]) == ("paid", "central", ["preparing", "ready"])
    body = {"reason": "too late", "place": shop.store_id}
    back = await shop.ask("POST", f"/v1/orders/{order['order_id']}/refunds", body, headers=_key("back"))
    assert (back.status, back.json["total"]) == (200, -2000)
    assert (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json["state"] == "cancelled"
    stock = (await shop.ask("GET", "/v1/products/cake/stock")).json["items"]
    assert {one["place"]: one["available"] for one in stock} == {"central": 0, shop.store_id: 3000}
