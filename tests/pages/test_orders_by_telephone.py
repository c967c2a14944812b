"""Orders taken on the telephone and mended, in Chromium: by thumb on a phone, by keyboard at a desk."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import DESKTOP, Visit
from tests.pages.fit import misfits, wrong_words
from tests.pages.ordering import PARIS, ordered, orders_page, product, unique
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _offer(shop: Shop, name: str, code: str, percent: int) -> str:
    """So much off one product; answers the offer's id."""
    effect = {"type": "percent_off", "percent": percent, "on": "line", "items": {"products": [code]}}
    body = {"offer_id": f"off_{code}", "name": {"en": name, "fr": name}, "currency": "EUR", "effects": [effect]}
    assert (await shop.ask("POST", "/v1/offers", body)).status == 201
    return f"off_{code}"


async def _by_telephone(page: Page, shop: Shop, label: str = "Telephone order", store: str = "Store") -> Locator:
    """The dialog, for the store of these tests: the shop may have others."""
    await page.get_by_role("button", name=label).click()
    dialog = page.get_by_role("dialog", name=label)
    await expect(dialog).to_be_visible()
    stores = dialog.get_by_label(store, exact=True)
    if await stores.count():
        await stores.select_option(shop.store_id)
    return dialog


async def _newest(shop: Shop, name: str) -> dict[str, object]:
    items = (await shop.ask("GET", "/v1/orders?open=true&limit=50")).json["items"]
    (found,) = [one for one in items if one["name"] == name]
    return dict((await shop.ask("GET", f"/v1/orders/{found['order_id']}")).json)


async def test_anybody_orders_by_name_and_number_to_fetch_it(visit: Visit, shop: Shop, axe: str) -> None:
    """By thumb: two touches of a product, the offers' total as the counter has it, paid when it is fetched."""
    label, caller = unique("Macarons"), unique("Mireille")
    code = await product(shop, label, 900, here=10_000)
    offer_id = await _offer(shop, unique("Tenth off"), code, 1000)
    page = await orders_page(visit, "seller")
    dialog = await _by_telephone(page, shop)
    place = dialog.get_by_role("button", name="Choose what is ordered")
    await expect(place).to_be_disabled()
    await dialog.get_by_label("Name, code or EAN").fill(label)
    choice = dialog.get_by_role("list", name="Products").get_by_role("button", name=label)
    await expect(choice).to_contain_text("€9.00 · 10 left")
    await choice.click()
    await dialog.get_by_role("button", name="One more").click()
    await expect(dialog.get_by_role("region", name="Total")).to_contain_text("−€1.80")
    order = dialog.get_by_role("button", name="Order: €16.20 at pick-up")
    await order.click()
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Name on the order").fill(caller)
    await dialog.get_by_label("Telephone").fill("06 12 34 56 78")
    assert (await misfits(page, touch=True), await judge(page, axe)) == ([], "")
    await order.click()
    await expect(dialog).to_be_hidden()
    card = page.get_by_role("article").filter(has_text=caller)
    await expect(card).to_contain_text("€16.20 to pay")
    assert await card.get_by_role("link").get_attribute("href") == "tel:0612345678"
    made = await _newest(shop, caller)
    assert (made["channel"], made["due"], made["held"], made["how"]) == ("counter", 1620, True, "pick_up")
    await shop.ask("DELETE", f"/v1/offers/{offer_id}")


async def test_a_known_customer_has_it_brought(visit: Visit, shop: Shop) -> None:
    """At a desk, in French: found by name, an EAN and Enter, an address checked by its country, paid at the door."""
    label, name = unique("Tarte"), unique("Camille")
    code = await product(shop, label, 2400)
    customer = (await shop.ask("POST", "/v1/customers", {"display_name": name})).json["customer_id"]
    page = await orders_page(visit, "owner", DESKTOP, locale="fr-FR")
    dialog = await _by_telephone(page, shop, "Commande par téléphone", "Magasin")
    await dialog.get_by_label("Nom, carte ou code").fill(name)
    await dialog.get_by_role("button", name=name).click()
    await dialog.get_by_label("Nom, code ou EAN").fill(code)
    await dialog.get_by_label("Nom, code ou EAN").press("Enter")
    await dialog.get_by_role("button", name="À livrer").click()
    for field, value in (("Numéro et rue", "1 rue de Rivoli"), ("Code postal", "7500"), ("Ville", "Paris")):
        await dialog.get_by_label(field).fill(value)
    await dialog.locator(".address").get_by_label("Nom", exact=True).fill(name)
    order = dialog.get_by_role("button", name=re.compile("Commander : 24,00\\s€ à la livraison"))
    await order.click()
    await expect(dialog.locator(".problem")).to_be_visible()
    await dialog.get_by_label("Code postal").fill("75001")
    assert (await misfits(page, touch=False), await wrong_words(page)) == ([], [])
    await order.click()
    await expect(dialog).to_be_hidden()
    made = await _newest(shop, name)
    assert (made["customer_id"], made["how"], made["total"]) == (customer, "delivery", 2400)


async def test_a_caller_becomes_a_customer_when_they_agree(visit: Visit, shop: Shop) -> None:
    label, name = unique("Quiche"), unique("Noor")
    await product(shop, label, 700)
    page = await orders_page(visit, "seller")
    dialog = await _by_telephone(page, shop)
    await dialog.get_by_role("button", name="New customer").click()
    form = page.get_by_role("dialog", name="New customer")
    await form.get_by_label("Name", exact=True).fill(name)
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_be_visible()
    await form.get_by_role("checkbox").check()
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_be_hidden()
    await expect(dialog.locator(".banner.is-good")).to_contain_text(name)
    await dialog.get_by_label("Name, code or EAN").fill(label)
    await dialog.get_by_role("list", name="Products").get_by_role("button", name=label).click()
    await dialog.get_by_role("button", name="Order: €7.00 at pick-up").click()
    await expect(dialog).to_be_hidden()
    made = await _newest(shop, name)
    consents = (await shop.ask("GET", f"/v1/customers/{made['customer_id']}/consents")).json["items"]
    assert [one["given"] for one in consents if one["purpose"] == "membership"] == [True]


async def test_more_than_there_is_is_refused_and_the_form_stays(visit: Visit, shop: Shop) -> None:
    label = unique("Éclair")
    await product(shop, label, 350, here=1000)
    page = await orders_page(visit)
    dialog = await _by_telephone(page, shop)
    await dialog.get_by_label("Name on the order").fill("Bob")
    await dialog.get_by_label("Name, code or EAN").fill(label)
    choice = dialog.get_by_role("list", name="Products").get_by_role("button", name=label)
    await choice.click()
    await choice.click()
    await dialog.get_by_role("button", name="Order: €7.00 at pick-up").click()
    await expect(page.locator(".toast.bad")).to_contain_text("not enough")
    await dialog.get_by_role("button", name="One less").click()
    await dialog.get_by_role("button", name="Order: €3.50 at pick-up").click()
    await expect(dialog).to_be_hidden()


async def test_an_order_is_mended_until_it_leaves(visit: Visit, shop: Shop, axe: str) -> None:
    order = await ordered(shop, await product(shop, unique("Box")), how="delivery", address=PARIS, name=unique("Ada"))
    page = await orders_page(visit, "seller")
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await card.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name=f"Change order {order['number']}")
    await dialog.get_by_label("Postal code").fill("750")
    later = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT10:30")
    await dialog.get_by_label("For when").fill(later)
    await dialog.get_by_label("Note for the team").fill("Ring twice")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.locator(".problem")).to_contain_text("postal code")
    await dialog.get_by_label("Postal code").fill("75004")
    assert (await misfits(page, touch=True), await judge(page, axe)) == ([], "")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    await expect(card).to_contain_text("75004 PARIS")
    await expect(card).to_contain_text("Ring twice")
    for act in ("Prepare", "Ready", "On the way"):
        await card.get_by_role("button", name=act, exact=True).click()
    await expect(card.locator(".chip").first).to_have_text("On the way")
    assert await card.get_by_role("button", name="Change").count() == 0
    mended = (await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json
    assert mended["wanted_at"] > order["wanted_at"]


async def test_what_is_not_ready_may_be_paid_ahead(visit: Visit, shop: Shop, station_id: str) -> None:
    order = await ordered(shop, await product(shop, unique("Box")), name=unique("Eve"))
    page = await orders_page(visit)
    await page.get_by_label("Payments at").select_option(station_id)
    card = page.get_by_role("article", name=f"Order {order['number']}")
    await card.get_by_role("button", name="Take €18.00").click()
    await page.get_by_role("dialog").get_by_role("button", name="No, paid ahead").click()
    await page.wait_for_url(f"**/station/{station_id}")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€18.00")
    await page.goto(f"{shop.base_url}/orders")
    await expect(card.locator(".chip").first).to_have_text("New, paid")
    await expect(card).to_contain_text("Paid €18.00")


async def test_the_rules_of_ordering_are_the_managers(visit: Visit, shop: Shop) -> None:
    before = (await shop.ask("GET", "/v1/settings/orders")).json
    seller = await orders_page(visit, "seller")
    await expect(seller.get_by_role("button", name="Telephone order")).to_be_visible()
    assert await seller.get_by_role("button", name="Rules for orders").count() == 0
    page = await orders_page(visit, "manager")
    await page.get_by_role("button", name="Rules for orders").click()
    dialog = page.get_by_role("dialog", name="Rules for orders")
    await dialog.get_by_label("Of each product at most").fill("80")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    after = (await shop.ask("GET", "/v1/settings/orders")).json
    await shop.ask("PUT", "/v1/settings/orders", before)
    assert after == before | {"partner": before["partner"] | {"most_held": 80_000}}
