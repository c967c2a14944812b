"""What the tests of the orders' page share: products, orders and persons of their own, in the one running shop."""

import os
from typing import Any

from playwright.async_api import Page

from tests.pages.conftest import PHONE, Visit
from tests.server.shop import BY, Shop

PARIS = {
    "name": "Ada Lovelace",
    "country_code": "FR",
    "street_address": "1 rue de Rivoli",
    "postal_code": "75001",
    "city": "Paris",
    "phone": "+33 1 23 45 67 89",
}
PIN = "5093"


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word} {os.urandom(3).hex()}"


async def product(shop: Shop, label: str, price: int = 900, **places: int) -> str:
    """A product, counted where `places` (`here`, `central`) say how much there is; answers its code."""
    code = os.urandom(5).hex()
    body = {"code": code, "label": label, "unit_price": price, "tracked": bool(places)}
    assert (await shop.ask("PUT", f"/v1/products/{code}", body)).status < 300
    for place, quantity in places.items():
        at = shop.store_id if place == "here" else place
        goods = {"kind": "received", "place": at, "lines": [{"code": code, "quantity": quantity}]}
        answer = await shop.ask("POST", "/v1/stock/movements", goods, headers={"Idempotency-Key": f"{code}-{place}"})
        assert answer.status < 300, answer.content
    return code


async def ordered(shop: Shop, code: str, quantity: int = 2000, **more: Any) -> Any:
    """An order, not paid."""
    body = {"store_id": shop.store_id, "entries": [{"code": code, "quantity": quantity}], **more}
    answer = await shop.ask("POST", "/v1/orders", body, headers={"Idempotency-Key": os.urandom(8).hex()})
    assert answer.status == 201, answer.content
    return answer.json


async def paid(shop: Shop, order: Any, station_id: str, *, ahead: bool = False) -> Any:
    """The order after its payment in cash."""
    body = {"station_id": station_id, "ahead": ahead}
    session = (await shop.ask("POST", f"/v1/orders/{order['order_id']}/session", body)).json
    path = f"/v1/sessions/{session['session_id']}"
    agreed = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", agreed)
    key = {"Idempotency-Key": session["session_id"]}
    assert (await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers=key)).json["state"] == "paid"
    return (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json


async def person(shop: Shop, name: str, **more: Any) -> str:
    """Somebody of the staff with a PIN and a device of their own, under `shop.secrets[id]`; answers the id."""
    made = await shop.ask("POST", "/v1/sellers", {"name": name, **more})
    assert made.status == 201, made.content
    seller_id = str(made.json["seller_id"])
    await shop.ask("PUT", f"/v1/sellers/{seller_id}/pin", {"pin": PIN})
    role = more.get("role", "seller")
    shop.secrets[seller_id] = (await shop.services.access.grant(shop.merchant_id, role, seller_id, name, by=BY)).secret
    return seller_id


async def orders_page(
    visit: Visit, role: str = "owner", size: dict[str, int] = PHONE, tab: str = "", **more: str
) -> Page:
    """The orders as this person sees them on their own device."""
    visitor = await visit(size, **more)
    await (await visitor.sign_in(role)).close()
    return await visitor.open(f"/orders{tab}")
