"""Orders in Chromium before the real server: ordered from central at the counter, prepared and paid from a phone."""

import re

import pytest
from playwright.async_api import expect

from tests.pages.conftest import DESKTOP, TABLET, Visit
from tests.pages.ordering import PARIS, ordered, orders_page, paid, product, unique
from tests.server.shop import BY, Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_an_order_is_prepared_with_one_thumb_and_paid_at_the_station(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    order = await ordered(shop, await product(shop, "Macarons"), name="Ada")
    page = await orders_page(visit)
    await page.get_by_label("Payments at").select_option(station_id)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await expect(card).to_contain_text("€18.00 to pay")
    await card.get_by_role("button", name="Prepare").click()
    await expect(card.locator(".chip").first).to_have_text("In preparation")
    await card.get_by_role("button", name="Ready").click()
    await expect(card.locator(".chip").first).to_have_text("Ready")
    await card.get_by_role("button", name="Take €18.00").click()
    await page.wait_for_url(f"**/station/{station_id}")
    await expect(page.locator(".payment .total")).to_have_text("€18.00")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€18.00")
    state = (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json
    assert (state["state"], state["due"]) == ("delivered", 0)


async def test_the_run_of_the_day_says_where_to_and_what_is_due(visit: Visit, shop: Shop) -> None:
    order = await ordered(shop, await product(shop, "Macarons"), how="delivery", address=PARIS, note="Third floor")
    page = await orders_page(visit, tab="#run", locale="fr-FR")
    await page.get_by_label("Jour").fill(order["day"])
    card = page.get_by_role("article", name=f"Commande {order['number']}")
    await expect(card).to_contain_text("1 rue de Rivoli")
    await expect(card).to_contain_text("Third floor")
    await expect(card).to_contain_text(re.compile(r"18,00\s€ à encaisser"))
    assert await card.get_by_role("link").get_attribute("href") == "tel:+33123456789"
    await card.get_by_role("button", name="Préparer").click()
    await expect(card.locator(".chip").first).to_have_text("En préparation")


async def test_another_screen_sees_the_move_at_once(visit: Visit, shop: Shop) -> None:
    order = await ordered(shop, await product(shop, "Macarons"), name="Bob")
    page = await orders_page(visit, size=DESKTOP)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await expect(card).to_be_visible()
    await shop.ask("POST", f"/v1/orders/{order['order_id']}/moves", {"state": "ready"})
    await expect(card.locator(".chip").first).to_have_text("Ready")


async def test_what_was_sold_meanwhile_is_missed_on_the_card(visit: Visit, shop: Shop, station_id: str) -> None:
    eclair = await product(shop, unique("Eclair"), here=3000)
    order = await ordered(shop, eclair, 3000, name="Eve")
    session = (await shop.ask("POST", f"/v1/orders/{order['order_id']}/session", {"station_id": station_id})).json
    path, lost = f"/v1/sessions/{session['session_id']}", {"code": eclair, "quantity": 2000}
    less = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"code": eclair, "quantity": 1000}]})).json
    agreed = {"decision_id": less["decision_id"], "total": less["decision"]["total"]}
    assert (await shop.ask("POST", f"{path}/accept", agreed)).status < 300
    goods = {"kind": "lost", "place": shop.store_id, "lines": [lost], "why": "fell"}
    assert (await shop.ask("POST", "/v1/stock/movements", goods, headers={"Idempotency-Key": eclair})).status < 300
    assert (await shop.ask("POST", f"{path}/abandon")).status < 300
    page = await orders_page(visit)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await expect(card.locator(".order-note")).to_have_text(re.compile(r"No longer in stock: 2 Eclair"))


async def test_the_missing_size_comes_from_central_to_a_checked_address(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    dress = unique("Dress")
    await product(shop, dress, central=3000)
    visitor = await visit(TABLET)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await page.locator(".tile", has_text="Baguette").click()
    await page.locator(".tile", has_text=dress).click()
    await page.get_by_role("button", name="Pick up or deliver").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(f"How {dress} reaches the customer").select_option("delivery")
    await expect(dialog.get_by_label(f"Where {dress} comes from")).to_have_value("central")
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
    orders = (await shop.ask("GET", "/v1/orders?state=paid")).json["items"]
    (order,) = [one for one in orders if one["lines"][0]["label"] == dress]
    assert (order["place"], order["contact"]["lines"]) == (
        "central",
        ["Ada Lovelace", "1 rue de Rivoli", "75001 PARIS"],
    )


async def test_the_counters_own_screen_opens_an_order_to_be_paid_or_hands_it_over(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    name = unique("Ida")
    order = await ordered(shop, await product(shop, "Macarons"), name=name)
    other = await ordered(shop, await product(shop, "Tart"), name=unique("Ole"))
    ahead = await paid(shop, other, station_id, ahead=True)
    await shop.ask("POST", f"/v1/orders/{ahead['order_id']}/moves", {"state": "ready"})
    secret = (await shop.services.access.grant(shop.merchant_id, "station", station_id, "tablet", by=BY)).secret
    page = await (await visit(TABLET)).open(f"/#{secret}")
    await page.get_by_role("button", name="Orders", exact=True).click()
    dialog = page.get_by_role("dialog", name="Orders waiting here")
    await dialog.get_by_role("button", name=name).click()
    await expect(page.locator(".payment .total")).to_have_text("€18.00")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€18.00")
    assert (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json["state"] == "delivered"
    await page.get_by_role("button", name="Next customer").click()
    await page.get_by_role("button", name="Orders", exact=True).click()
    await dialog.get_by_role("button", name=ahead["name"]).click()
    await expect(page.get_by_text(f"Order {ahead['number']} handed over")).to_be_visible()
    assert (await shop.ask("GET", f"/v1/orders/{ahead['order_id']}")).json["state"] == "delivered"
