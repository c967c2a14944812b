"""Orders in Chromium before the real server: ordered from central at the counter, prepared and paid from a phone."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import DESKTOP, PHONE, TABLET, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

PARIS = {
    "name": "Ada Lovelace",
    "country_code": "FR",
    "street_address": "1 rue de Rivoli",
    "postal_code": "75001",
    "city": "Paris",
    "phone": "+33 1 23 45 67 89",
}
_KEYS = iter(range(1000))


async def _product(shop: Shop, code: str, label: str, **places: int) -> None:
    product = {"code": code, "label": label, "unit_price": 900, "tracked": bool(places)}
    await shop.ask("PUT", f"/v1/products/{code}", product)
    for place, quantity in places.items():
        at = shop.store_id if place == "here" else place
        body = {"kind": "received", "place": at, "lines": [{"code": code, "quantity": quantity}]}
        answer = await shop.ask("POST", "/v1/stock/movements", body, headers={"Idempotency-Key": f"{code}-{place}"})
        assert answer.status < 300, answer.content


async def _ordered(shop: Shop, **more: Any) -> Any:
    body = {"store_id": shop.store_id, "entries": [{"code": "macaron", "quantity": 2000}], **more}
    answer = await shop.ask("POST", "/v1/orders", body, headers={"Idempotency-Key": f"page-{next(_KEYS)}"})
    assert answer.status == 201, answer.content
    return answer.json


async def _page(visit: Visit, path: str, size: dict[str, int] = PHONE, **more: str) -> Page:
    visitor = await visit(size, **more)
    await (await visitor.sign_in("owner")).close()
    return await visitor.open(path)


async def test_an_order_is_prepared_with_one_thumb_and_paid_at_the_station(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    await _product(shop, "macaron", "Macarons")
    order = await _ordered(shop, name="Ada")
    page = await _page(visit, "/orders")
    await page.get_by_label("Payments at").select_option(station_id)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await expect(card).to_contain_text("€18.00 to pay")
    await card.get_by_role("button", name="Prepare").click()
    await expect(card.locator(".chip").first).to_have_text("In preparation")
    await card.get_by_role("button", name="Ready").click()
    await card.get_by_role("button", name="Take €18.00").click()
    await page.wait_for_url(f"**/station/{station_id}")
    await expect(page.locator(".payment .total")).to_have_text("€18.00")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€18.00")
    state = (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json
    assert (state["state"], state["due"]) == ("delivered", 0)


async def test_the_run_of_the_day_says_where_to_and_what_is_due(visit: Visit, shop: Shop) -> None:
    await _product(shop, "macaron", "Macarons")
    order = await _ordered(shop, how="delivery", address=PARIS, note="Third floor")
    page = await _page(visit, "/orders#run", locale="fr-FR")
    await page.get_by_label("Jour").fill(order["day"])
    card = page.get_by_role("article", name=f"Commande {order['number']}")
    await expect(card).to_contain_text("1 rue de Rivoli")
    await expect(card).to_contain_text("Third floor")
    await expect(card).to_contain_text(re.compile(r"18,00\s€ à encaisser"))
    assert await card.get_by_role("link").get_attribute("href") == "tel:+33123456789"
    await card.get_by_role("button", name="Préparer").click()
    await expect(card.locator(".chip").first).to_have_text("En préparation")


async def test_another_screen_sees_the_move_at_once(visit: Visit, shop: Shop) -> None:
    await _product(shop, "macaron", "Macarons")
    order = await _ordered(shop, name="Bob")
    page = await _page(visit, "/orders", DESKTOP)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await expect(card).to_be_visible()
    await shop.ask("POST", f"/v1/orders/{order['order_id']}/moves", {"state": "ready"})
    await expect(card.locator(".chip").first).to_have_text("Ready")


async def test_the_missing_size_comes_from_central_to_a_checked_address(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    await _product(shop, "dress", "Dress 40", central=3000)
    page = await _page(visit, f"/station/{station_id}", TABLET)
    await page.locator(".tile", has_text="Baguette").click()
    await page.locator(".tile", has_text="Dress 40").click()
    await page.get_by_role("button", name="Pick up or deliver").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("How Dress 40 reaches the customer").select_option("delivery")
    await expect(dialog.get_by_label("Where Dress 40 comes from")).to_have_value("central")
    await dialog.get_by_label("Name", exact=True).fill("Ada Lovelace")
    await dialog.get_by_label("Street and number").fill("1 rue de Rivoli")
    await dialog.get_by_label("Postal code").fill("7500")
    await dialog.get_by_label("Town").fill("Paris")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(dialog.locator(".problem")).to_contain_text("postal code")
    await dialog.get_by_label("Postal code").fill("75001")
    await dialog.get_by_role("button", name="Keep").click()
    await expect(page.locator(".line-way")).to_have_text("Delivery")
    await expect(page.locator(".payment .total")).to_have_text("€10.40")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€10.40")
    (order,) = [one for one in (await shop.ask("GET", "/v1/orders?state=paid")).json["items"] if one["name"]][:1]
    assert (order["place"], order["contact"]["lines"]) == (
        "central",
        ["Ada Lovelace", "1 rue de Rivoli", "75001 PARIS"],
    )
