"""Orders taken back in Chromium: through every state to returned, part by part, and with a second person's PIN."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import Visit
from tests.pages.fit import misfits
from tests.pages.ordering import PARIS, PIN, ordered, orders_page, paid, person, product, unique
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


def _card(page: Page, order: Any, word: str = "Order") -> Locator:
    return page.get_by_role("article", name=f"{word} {order['number']}")


async def _type_pin(page: Page, pin: str) -> None:
    pad = page.locator(".pinpad")
    for digit in pin:
        await pad.locator(".key", has_text=re.compile(f"^{digit}$")).click()
    await pad.locator(".go").click()


async def _stock(shop: Shop, code: str) -> dict[str, int]:
    items = (await shop.ask("GET", f"/v1/products/{code}/stock")).json["items"]
    return {one["place"]: one["available"] for one in items if one["available"]}


async def test_a_delivery_goes_through_every_state_and_comes_back(
    visit: Visit, shop: Shop, station_id: str, axe: str
) -> None:
    """Placed, prepared, ready, on the way, paid at the door; half comes back, then the rest: returned."""
    code = await product(shop, unique("Coat"), 4550, central=2000)
    order = await ordered(shop, code, how="delivery", place="central", address=PARIS)
    page = await orders_page(visit)
    await page.get_by_label("Payments at").select_option(station_id)
    card, chip = _card(page, order), _card(page, order).locator(".chip").first
    for act, state in (("Prepare", "In preparation"), ("Ready", "Ready"), ("On the way", "On the way")):
        await card.get_by_role("button", name=act, exact=True).click()
        await expect(chip).to_have_text(state)
    await card.get_by_role("button", name="Take €91.00").click()
    await page.wait_for_url(f"**/station/{station_id}")
    await page.locator(".pay-cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€91.00")
    await page.goto(f"{shop.base_url}/orders#ended")
    await expect(chip).to_have_text("Handed over")
    await card.get_by_role("button", name="Take back").click()
    dialog = page.get_by_role("dialog", name="Take back")
    await expect(dialog.locator(".run-sum")).to_contain_text("€91.00")
    await dialog.get_by_role("button", name="One less").click()
    await expect(dialog.locator(".run-sum")).to_contain_text("€45.50")
    assert (await misfits(page, touch=True), await judge(page, axe)) == ([], "")
    await dialog.get_by_label("Reason").fill("too small")
    await dialog.get_by_label("Where the goods arrive").select_option(shop.store_id)
    await dialog.get_by_role("button", name="Take back").click()
    await expect(card.locator(".order-lines .num")).to_have_text("1")
    await expect(chip).to_have_text("Handed over")
    back = card.get_by_role("button", name="Take back")
    await expect(back).not_to_have_attribute("aria-busy", "true")
    await back.click()
    await dialog.get_by_label("Reason").fill("the other one too")
    await dialog.get_by_role("button", name="Take back").click()
    await expect(chip).to_have_text("Returned")
    assert await back.count() == 0
    assert await _stock(shop, code) == {"central": 1000, shop.store_id: 1000}
    sale = (await shop.ask("GET", f"/v1/sales/{await _sale_of(shop, order)}")).json
    assert (sale["total"], sale["refunded"]) == (9100, 9100)


async def _sale_of(shop: Shop, order: Any) -> str:
    return str((await shop.ask("GET", f"/v1/orders/{order['order_id']}")).json["sale_id"])


async def test_above_their_limit_a_seller_asks_a_manager_beside(
    visit: Visit, shop: Shop, station_id: str, axe: str
) -> None:
    """The amount is shown; a wrong PIN is said and costs nothing; the right one refunds, and both are on record."""
    seller, boss = unique("Pat"), unique("Grace")
    seller_id = await person(shop, seller, refund_limit=1000)
    manager_id = await person(shop, boss, role="manager")
    order = await paid(shop, await ordered(shop, await product(shop, unique("Cake"))), station_id)
    page = await orders_page(visit, seller_id, tab="#ended")
    await _card(page, order).get_by_role("button", name="Take back").click()
    dialog = page.get_by_role("dialog", name="Take back")
    await dialog.get_by_label("Reason").fill("burnt")
    await dialog.get_by_role("button", name="Take back").click()
    consent = page.get_by_role("dialog", name="A second person")
    await expect(consent).to_contain_text("A refund of €18.00")
    assert await consent.locator(".face", has_text=seller).count() == 0
    await consent.locator(".face", has_text=boss).click()
    assert (await misfits(page, touch=True), await judge(page, axe)) == ([], "")
    await _type_pin(page, "9999")
    await expect(consent.get_by_role("alert")).to_have_text("Wrong PIN.")
    assert (await shop.ask("GET", f"/v1/sales/{order['sale_id']}")).json["refunded"] == 0
    await _type_pin(page, PIN)
    await expect(page.get_by_text("€18.00 refunded")).to_be_visible()
    await expect(_card(page, order).locator(".chip").first).to_have_text("Returned")
    entries = (await shop.ask("GET", f"/v1/audit?act=refund&who=seller:{seller_id}")).json["items"]
    assert [entry["why"] for entry in entries] == [f"burnt; with seller:{manager_id}"]


async def test_without_the_second_person_nothing_is_refunded(visit: Visit, shop: Shop, station_id: str) -> None:
    seller_id = await person(shop, unique("Lou"), refund_limit=0)
    await person(shop, unique("Boss"), role="manager")
    order = await paid(shop, await ordered(shop, await product(shop, unique("Cake"))), station_id)
    page = await orders_page(visit, seller_id, tab="#ended", locale="fr-FR")
    await _card(page, order, "Commande").get_by_role("button", name="Reprendre").click()
    dialog = page.get_by_role("dialog", name="Reprendre")
    await dialog.get_by_label("Motif").fill("trop cuit")
    await dialog.get_by_role("button", name="Reprendre").click()
    consent = page.get_by_role("dialog", name="Une deuxième personne")
    await expect(consent).to_contain_text(re.compile(r"Un remboursement de 18,00\s€"))
    await consent.get_by_role("button", name="Fermer").click()
    await expect(page.locator(".toast.bad")).to_be_visible()
    await expect(dialog).to_be_visible()
    assert (await shop.ask("GET", f"/v1/sales/{order['sale_id']}")).json["refunded"] == 0
