"""Paying in parts at the counter in Chromium: cash with its change, a sale of several means, and giving it back."""

import asyncio
import os
import re

import pytest
from playwright.async_api import Page, Route, expect

from poi_engine.setup import NewStation
from tests.pages.conftest import Visit
from tests.pages.test_station_page import _amount, _counter, _counter_on_phone, _pay
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _split(page: Page, means: str) -> None:
    await page.locator(".pay-split").click()
    await page.locator(".tender-means").get_by_role("button", name=means).click()


async def _part_in_cash(page: Page, handed_over: str) -> None:
    await _split(page, "Cash")
    await page.get_by_label("Cash handed over").fill(handed_over)
    await page.locator(".tender-take").click()


async def test_cash_above_what_is_due_gives_change(visit: Visit, station_id: str) -> None:
    """The note is one tap; the change is said before and after."""
    page = await _counter(visit, station_id)
    await _amount(page, "1240")
    await _split(page, "Cash")
    await page.get_by_role("button", name="€20.00").click()
    await expect(page.locator(".tender-change")).to_have_text("Change: €7.60")
    await page.locator(".tender-take").click()
    await expect(page.locator(".stage.is-paid .change-due")).to_have_text("Change: €7.60")


async def test_a_part_in_cash_and_the_rest_by_card_on_a_phone(visit: Visit, station_id: str, shop: Shop) -> None:
    """What is taken is listed, and what is due goes down; the receipt has both."""
    page = await _counter_on_phone(visit, station_id)
    await page.locator(".open-add").click()
    await page.get_by_role("button", name="Amount", exact=True).click()
    for digit in ("3", "0", "00"):
        await page.locator(".key", has_text=re.compile(f"^{digit}$")).click()
    await page.locator("poi-keypad").get_by_role("button", name="Add").click()
    await page.locator(".add").get_by_role("button", name="Close").click()
    await _split(page, "Cash")
    await page.get_by_label("Cash handed over").fill("10")
    await expect(page.locator(".tender-change")).to_contain_text("€20.00 will still be due")
    await page.locator(".tender-take").click()
    stage = page.locator(".stage.is-paying")
    await expect(stage.locator(".tenders")).to_contain_text("€10.00")
    await expect(stage.locator(".tender-due")).to_contain_text("€20.00")
    await stage.locator(".tender-means").get_by_role("button", name="Card", exact=True).click()
    await stage.locator(".tender-take").click()
    await expect(page.locator(".stage.is-paid")).to_be_visible()
    sales = (await shop.ask("GET", "/v1/sales")).json["items"]
    assert [sale["total"] for sale in sales if sale["station_id"] == station_id] == [3000]


async def test_what_was_paid_in_part_goes_on_at_another_counter(visit: Visit, station_id: str, shop: Shop) -> None:
    """The tenders and what is due are there, and the rest is paid there."""
    name = f"Counter {os.urandom(3).hex()}"
    there = await shop.services.setup.add_station(shop.merchant_id, NewStation(store_id=shop.store_id, name=name))
    page, other = await _counter(visit, station_id), await _counter(visit, there.station_id)
    await _amount(page, "3000")
    await _part_in_cash(page, "10")
    stage = page.locator(".stage.is-paying")
    await expect(stage.locator(".tenders")).to_contain_text("€10.00")
    await stage.get_by_role("button", name="Continue at another counter").click()
    await page.get_by_role("dialog").get_by_role("button", name=name).click()
    await expect(stage).to_have_count(0)
    stage = other.locator(".stage.is-paying")
    await expect(stage.locator(".tenders")).to_contain_text("€10.00")
    await expect(stage.locator(".tender-due")).to_contain_text("€20.00")
    await stage.locator(".tender-means").get_by_role("button", name="Card", exact=True).click()
    await stage.locator(".tender-take").click()
    await expect(other.locator(".stage.is-paid")).to_be_visible()
    sales = (await shop.ask("GET", "/v1/sales")).json["items"]
    assert [sale["total"] for sale in sales if sale["station_id"] == there.station_id] == [3000]


async def test_what_meal_vouchers_may_pay_is_shown_and_proposed(visit: Visit, station_id: str, shop: Shop) -> None:
    """Food alone: the counter knows before the seller tries."""
    food = {"code": "quiche", "label": "Quiche", "unit_price": 620, "category": "food"}
    await shop.ask("PUT", "/v1/products/quiche", food)
    await shop.ask("PUT", "/v1/settings/meal-vouchers", {"categories": ["food"]})
    try:
        session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json
        entries = [{"code": "quiche"}, {"label": "Candle", "amount": 1500}]
        await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", {"entries": entries})
        page = await _counter(visit, station_id)
        await _split(page, "Meal voucher")
        await expect(page.get_by_text("Meal vouchers may pay €6.20 of this basket.")).to_be_visible()
        await expect(page.get_by_label("Amount", exact=False).last).to_have_value("6.20")
        await page.locator(".tender-take").click()
        await expect(page.locator(".stage.is-paying .tender-due")).to_contain_text("€15.00")
        await page.locator(".stage .tender-means").get_by_role("button", name="Meal voucher").click()
        await expect(page.get_by_text("Meal vouchers may pay €0.00 of this basket.")).to_be_visible()
    finally:
        await shop.ask("PUT", "/v1/settings/meal-vouchers", {"categories": []})
        await shop.ask("DELETE", "/v1/products/quiche")


async def test_what_was_taken_in_part_is_handed_back_when_the_sale_is_given_up(visit: Visit, station_id: str) -> None:
    page = await _counter(visit, station_id)
    await _amount(page, "1500")
    await _part_in_cash(page, "5")
    await page.get_by_role("button", name="Give everything back and cancel").click()
    await expect(page.get_by_role("dialog", name="Hand this back")).to_contain_text("€5.00")


async def test_a_refund_of_which_a_part_is_given_by_hand_says_how_much(visit: Visit, station_id: str) -> None:
    """What goes back on the card does so by itself; the seller has to know what to take out of the till."""
    page = await _counter(visit, station_id)
    await _amount(page, "3000")
    await _part_in_cash(page, "10")
    stage = page.locator(".stage.is-paying")
    await stage.locator(".tender-means").get_by_role("button", name="Card", exact=True).click()
    await stage.locator(".tender-take").click()
    await page.locator(".stage.is-paid").get_by_role("button", name="Refund").click()
    await page.get_by_role("dialog").locator("input.input").fill("spoilt")
    await page.get_by_role("dialog").get_by_role("button", name="Refund").click()
    await expect(page.get_by_role("dialog", name="Hand this back")).to_contain_text("€10.00")


async def test_a_shop_hides_the_means_it_does_not_take(visit: Visit, station_id: str, shop: Shop) -> None:
    before = (await shop.ask("GET", "/v1/settings/means")).json
    await shop.ask("PUT", "/v1/settings/means", {"items": ["cash", "gift_card"]})
    try:
        page = await _counter(visit, station_id)
        await _amount(page, "100")
        await expect(page.locator(".pay-cash")).to_be_enabled()
        await expect(page.locator(".pay-card")).to_have_count(0)
        await shop.ask("PUT", "/v1/settings/means", {"items": ["card"]})
        await expect(page.locator(".pay-card")).to_be_enabled()
        await expect(page.locator(".pay-cash")).to_have_count(0)
    finally:
        await shop.ask("PUT", "/v1/settings/means", before)


EMV = {"guid": "org.example", "account": "0012345", "city": "PARIS"}
SEPA = {"iban": "FR1420041010050500013M02606", "beneficiary": "Bakery"}


async def test_a_transfer_shows_each_code_that_there_is_and_another_way_to_pay(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """An account set up while the counter is open is offered; who cannot transfer pays in cash."""
    try:
        page = await _counter(visit, station_id)
        await _amount(page, "1890")
        await shop.ask("PUT", "/v1/settings/bank", {**SEPA, "emv": EMV})
        await _split(page, "Transfer")
        await page.locator(".tender-take").click()
        code = page.locator(".stage .qr img")
        await expect(code).to_be_visible()
        sepa = await code.get_attribute("src")
        await page.locator(".stage").get_by_role("button", name="EMV").click()
        await expect(code).not_to_have_attribute("src", str(sepa))
        await expect(page.locator(".stage").get_by_role("button", name="EMV")).to_have_attribute("aria-pressed", "true")
        await page.get_by_role("button", name="It will not come").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("What you saw").fill("no signal")
        await dialog.get_by_role("button", name="Record the decision").click()
        await page.locator(".stage.is-declined").get_by_role("button", name="Cash").click()
        await expect(page.locator(".stage.is-paid")).to_be_visible()
    finally:
        await shop.ask("PUT", "/v1/settings/bank", {})


async def test_a_gift_card_is_sold_and_pays(visit: Visit, station_id: str) -> None:
    """Its code is shown once, until a button is pressed; later it pays a part."""
    page = await _counter(visit, station_id)
    await page.get_by_role("button", name="Load a wallet or sell a gift card").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="€20.00").click()
    await dialog.get_by_role("button", name="Add to the basket").click()
    code = await dialog.locator(".banner strong").inner_text()
    await page.mouse.click(2, 2)
    for _ in range(2):
        await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(1)
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(dialog).to_have_count(0)
    await _pay(page, "cash")
    await page.get_by_role("button", name="Next customer").click()
    await _amount(page, "3500")
    await _split(page, "Gift card")
    await page.get_by_label("Code of the gift card").fill(code)
    await page.get_by_label("Code of the gift card").blur()
    await expect(page.get_by_text("It holds €20.00")).to_be_visible()
    await page.locator(".tender-take").click()
    await expect(page.locator(".stage .tender-due")).to_contain_text("€15.00")


async def test_the_code_of_a_gift_card_is_shown_to_whoever_left_before_it_was_made(
    visit: Visit, station_id: str
) -> None:
    page = await _counter(visit, station_id)
    held = asyncio.Event()

    async def slow(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/v1/gift-cards", slow)
    await page.get_by_role("button", name="Load a wallet or sell a gift card").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="€20.00").click()
    await dialog.get_by_role("button", name="Add to the basket").click()
    await page.mouse.click(2, 2)
    await expect(dialog).to_have_count(0)
    held.set()
    await expect(dialog).to_contain_text("shown this once")
    await expect(page.locator(".payment .total")).to_have_text("€20.00")


async def test_a_price_is_changed_by_hand_and_the_line_says_why(visit: Visit, station_id: str) -> None:
    page = await _counter(visit, station_id)
    await page.locator(".tile", has_text="Baguette").click()
    await page.get_by_role("button", name="Price of Baguette").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(re.compile("New price")).fill("1")
    await dialog.get_by_role("button", name="Damaged").click()
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator(".payment .total")).to_have_text("€1.00")
    await expect(page.locator(".line-why")).to_have_text("Damaged")
    await page.get_by_role("group", name="Quantity of Baguette").get_by_role("button", name="One more").click()
    await expect(page.locator(".payment .total")).to_have_text("€2.00")


async def test_training_is_written_across_the_counter(visit: Visit, station_id: str, shop: Shop) -> None:
    await shop.ask("POST", f"/v1/stations/{station_id}/training", {"on": True})
    page = await _counter(visit, station_id)
    await expect(page.locator("poi-station.is-training")).to_have_attribute("data-training", "TRAINING")
    await _amount(page, "100")  # once it has been decided the page listens
    await expect(page.locator(".payment .total")).to_have_text("€1.00")
    for on, shown in ((False, ""), (True, "TRAINING")):
        await shop.ask("POST", f"/v1/stations/{station_id}/training", {"on": on})
        await expect(page.locator("poi-station")).to_have_attribute("data-training", shown)
