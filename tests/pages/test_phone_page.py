"""The customer's phone in Chromium: what they agreed to, their data, friends, and what is read without a network."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def joined(visit: Visit, shop: Shop, station_id: str, **more: Any) -> tuple[Page, str]:
    """A phone that scanned the station's code, and its customer."""
    address = (await shop.ask("POST", f"/v1/stations/{station_id}/join-code")).json["url"]
    visitor = await visit(PHONE, **more)
    page = await visitor.open(address.removeprefix(shop.base_url))
    await expect(page.locator(".code-frame svg")).to_be_visible()
    session = (await shop.ask("GET", f"/v1/stations/{station_id}/session")).json
    return page, session["identity"]["customer_id"]


async def bought(shop: Shop, station_id: str) -> int:
    """A paid sale to whoever stands at the station; its total in cents, whatever offers there are by now."""
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    session = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"code": "cake", "quantity": 2000}]})).json
    accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", accepted)
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": session["session_id"]})
    assert paid.json["state"] == "paid"
    return int(accepted["total"])


async def given(shop: Shop, customer_id: str) -> dict[str, bool]:
    """What the customer agreed to."""
    items = (await shop.ask("GET", f"/v1/customers/{customer_id}/consents")).json["items"]
    return {item["purpose"]: item["given"] for item in items}


async def test_each_consent_is_a_switch(visit: Visit, shop: Shop, station_id: str) -> None:
    """Nothing is agreed to at first; what is switched on is on record, and off again too."""
    page, customer_id = await joined(visit, shop, station_id)
    assert not any((await given(shop, customer_id)).values())
    await page.get_by_role("button", name="Profile").click()
    switch = page.get_by_role("switch", name="Personal suggestions")
    await expect(switch).not_to_be_checked()
    await switch.click()
    await expect(page.get_by_text("Yes since")).to_be_visible()
    assert (await given(shop, customer_id))["profiling"] is True
    await switch.click()
    await expect(page.get_by_text("No since")).to_be_visible()
    assert (await given(shop, customer_id))["profiling"] is False


async def test_a_birthday_is_told_once(visit: Visit, shop: Shop, station_id: str) -> None:
    """Afterwards it is shown as settled, and the rest of the profile can still be changed."""
    page, customer_id = await joined(visit, shop, station_id)
    await page.get_by_role("button", name="Profile").click()
    birthday = page.get_by_label("Birthday")
    for name in ("Ada", "Ada Byron"):
        await page.get_by_role("textbox", name="First name or nickname").fill(name)
        if name == "Ada":
            await birthday.fill("1990-02-28")
        async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            await page.locator("form").get_by_role("button", name="Save").click()
        await expect(birthday).to_be_disabled()
        await expect(page.get_by_text("To correct it, ask at the shop")).to_be_visible()
        known = (await shop.ask("GET", f"/v1/customers/{customer_id}")).json
        assert (known["display_name"], known["birthday"]) == (name, "1990-02-28")


async def test_my_data_comes_as_a_file(visit: Visit, shop: Shop, station_id: str) -> None:
    page, customer_id = await joined(visit, shop, station_id)
    await page.get_by_role("button", name="Profile").click()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download").click()
    downloaded = await waiting.value
    assert downloaded.suggested_filename == "my-data.json"
    text = await asyncio.to_thread(Path(await downloaded.path()).read_text, "utf-8")
    assert customer_id in text and isinstance(json.loads(text), dict)


async def test_receipts_and_points_are_read_without_a_network(visit: Visit, shop: Shop, station_id: str) -> None:
    """The page is opened anew offline: the last receipts are there, with their texts."""
    page, _ = await joined(visit, shop, station_id)
    total = await bought(shop, station_id)
    await page.get_by_role("button", name="Receipts").click()
    await expect(page.locator(".receipts")).to_contain_text(f"€{total / 100:.2f}")
    await page.wait_for_function(
        "async () => { const files = document.documentElement.dataset.static;"
        " const { recall } = await import(files + '/js/me/device.js');"
        " const me = await recall('me'); return (await recall('papers')) && me && me.me.visits === 1; }"
    )
    await page.evaluate("navigator.serviceWorker.ready")
    await page.wait_for_function(
        "async () => { for (const name of await caches.keys()) { const cache = await caches.open(name);"
        " const found = (await cache.keys()).map(({ url }) => url);"
        " if (found.some((url) => url.endsWith('/js/me/profile.js')) && (await cache.match('/me'))) return true; }"
        " return false; }"
    )
    await page.context.set_offline(True)
    await page.goto(f"{shop.base_url}/me")
    await expect(page.get_by_text("Your code works.")).to_be_visible()
    await expect(page.locator(".balance-figure").first).to_have_text(str(total // 100))
    await page.get_by_role("button", name="Receipts").click()
    await page.locator(".receipt-row").click()
    await expect(page.locator(".paper")).to_contain_text(f"{total / 100:.2f}")


async def test_offers_near_me_stand_on_a_map_and_in_a_list(visit: Visit, shop: Shop, station_id: str) -> None:
    """A touch on a store of the map leaves its offers alone in the list; the position is kept nowhere on the phone."""
    store = {"name": "Lyon", "zone": "Europe/Paris", "lat": 45.76, "lon": 4.84}
    store_id = (await shop.ask("POST", "/v1/stores", store)).json["store_id"]
    needs = {"type": "subtotal", "min": 3000}
    offer = {
        "offer_id": "off_near",
        "name": {"en": "Ten off thirty"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 1000}],
        "conditions": {"type": "all", "of": [needs, {"type": "stores", "any_of": [store_id]}]},
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status < 300
    page, _ = await joined(visit, shop, station_id, geolocation={"latitude": 45.75, "longitude": 4.85})
    await page.get_by_role("button", name="Offers").click()
    await page.get_by_role("button", name="Use my position").click()
    lyon = page.locator(".near-store", has_text="Lyon")
    await expect(lyon).to_contain_text("Ten off thirty")
    await expect(lyon).to_contain_text("€30.00")
    await expect(lyon).to_contain_text("1.4 km")
    await page.locator(".near-map").get_by_role("button", name="Lyon").press("Enter")
    await expect(page.locator(".near-store")).to_have_count(1)
    kept = await page.evaluate(
        "async () => { const files = document.documentElement.dataset.static;"
        " const { recall } = await import(files + '/js/me/device.js'); return JSON.stringify(await recall('near')); }"
    )
    assert "off_near" in kept and "45.75" not in kept and '"distance":null' in kept
    await shop.ask("DELETE", "/v1/offers/off_near")


async def test_two_products_are_compared_and_one_is_ordered(visit: Visit, shop: Shop, station_id: str) -> None:
    """Found by search, put side by side by the kilogram, ordered for pick-up at the price shown; then cancelled."""
    for code, label, price, content in (
        ("jam-a", "Mirabelle sweet", 400, 250_000),
        ("jam-b", "Mirabelle dark", 600, 500_000),
    ):
        pack = {"content": content, "content_unit": "g"}
        await shop.ask("PUT", f"/v1/products/{code}", {"code": code, "label": label, "unit_price": price, **pack})
    page, customer_id = await joined(visit, shop, station_id)
    await page.get_by_role("button", name="Shop").click()
    await page.get_by_role("searchbox").fill("mirabelle")
    await expect(page.locator(".products > li")).to_have_count(2)
    await page.get_by_role("button", name="Compare Mirabelle sweet").click()
    await page.get_by_role("button", name="Compare Mirabelle dark").click()
    await page.get_by_role("button", name="Compare 2", exact=True).click()
    table = page.get_by_role("table", name="Compare")
    await expect(table.locator("thead th").nth(0)).to_contain_text("€16.00 per kg")
    await expect(table.locator("thead th").nth(1)).to_contain_text("Least per kg")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Order Mirabelle dark").click()
    await dialog.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Order: 1 item").click()
    dialog = page.get_by_role("dialog", name="My order")
    await dialog.get_by_role("button", name="One more").click()
    await dialog.get_by_role("button", name="Order for €12.00").click()
    card = page.get_by_role("article")
    await expect(card).to_contain_text("2 Mirabelle dark")
    await expect(card).to_contain_text("To pay at the counter")
    (order,) = [one for one in await orders(shop) if one["customer_id"] == customer_id]
    assert (order["state"], order["total"], order["channel"]) == ("placed", 1200, "phone")
    await shop.ask("POST", f"/v1/orders/{order['order_id']}/moves", {"state": "preparing"})
    await expect(card.locator(".chip")).to_have_text("In preparation")


async def orders(shop: Shop) -> list[Any]:
    """The newest orders."""
    return list((await shop.ask("GET", "/v1/orders")).json["items"])


async def test_a_delivery_is_checked_and_its_address_confirmed(visit: Visit, shop: Shop, station_id: str) -> None:
    """A wrong postal code is told at its field; the address is confirmed on the phone, the order cancelled."""
    page, customer_id = await joined(visit, shop, station_id)
    await page.get_by_role("button", name="Shop").click()
    await page.get_by_role("button", name="Order Baguette").click()
    await page.get_by_role("button", name="Order: 1 item").click()
    dialog = page.get_by_role("dialog", name="My order")
    await dialog.get_by_role("button", name="Delivery").click()
    for label, text in (("Name", "Ada"), ("Street and number", "1 rue de Rivoli"), ("Postal code", "7500")):
        await dialog.locator(".address").get_by_label(label, exact=True).fill(text)
    await dialog.locator(".address").get_by_label("Town").fill("Paris")
    await dialog.get_by_role("button", name="Order for").click()
    await expect(dialog.locator(".field.has-problem")).to_contain_text("Postal code")
    await dialog.get_by_label("Postal code").fill("75001")
    await dialog.get_by_role("button", name="Order for").click()
    card = page.get_by_role("article")
    await expect(card).to_contain_text("1 rue de Rivoli")
    await card.get_by_role("button", name="The address is right").click()
    await expect(card).to_contain_text("You confirmed the address")
    await card.get_by_role("button", name="Cancel the order").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the order").click()
    await expect(card).to_contain_text("Cancelled")
    (order,) = [one for one in await orders(shop) if one["customer_id"] == customer_id]
    assert (order["state"], order["how"]) == ("cancelled", "delivery")


async def test_a_product_is_scanned_with_the_camera(visit: Visit, shop: Shop, station_id: str) -> None:
    """The camera's film shows the honey's EAN code: its sheet opens with the price."""
    page, _ = await joined(visit, shop, station_id)
    await page.get_by_role("button", name="Shop").click()
    await page.get_by_role("button", name="Scan a product").click()
    await expect(page.get_by_role("dialog", name="Miel")).to_contain_text("€9.50")


async def test_a_friends_code_is_shown_and_taken(visit: Visit, shop: Shop, station_id: str) -> None:
    """While the shop has a programme: the own code to share, and a place for a friend's before the first purchase."""
    of_a_coupon = {"type": "segment", "any_of": ["coupon:off_friend"]}
    effects = [{"type": "amount_off", "amount": 300}]
    offer = {"offer_id": "off_friend", "name": {"en": "Friend"}, "currency": "EUR", "effects": effects}
    assert (await shop.ask("POST", "/v1/offers", {**offer, "conditions": of_a_coupon})).status == 201
    rule = {"open": True, "friend_offer_id": "off_friend", "referrer_offer_id": "off_friend"}
    assert (await shop.ask("PUT", "/v1/programme/referral", rule)).status == 200
    known = (await shop.ask("POST", "/v1/customers", {"display_name": "Grace"})).json["customer_id"]
    code = (await shop.ask("GET", f"/v1/customers/{known}/referral")).json["code"]
    page, customer_id = await joined(visit, shop, station_id)
    await expect(page.locator(".friends-code")).to_be_visible()
    await page.get_by_label("Did a friend give you a code?").fill(code)
    await page.get_by_role("button", name="Use this code").click()
    await expect(page.get_by_text("waits for your first purchase")).to_be_visible()
    assert (await shop.ask("GET", f"/v1/customers/{customer_id}/referral")).json["waiting"] is True
    await shop.ask("PUT", "/v1/programme/referral", {**rule, "open": False})
