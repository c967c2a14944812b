"""The pastry cook's day: macarons ordered ahead, brought home, paid at the door by a tap; then the day's figures."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import DESKTOP, PHONE
from tests.stories.stage import Stage, cents, open_stage

pytestmark = [pytest.mark.chromium, pytest.mark.timeout(300)]

PARIS = ZoneInfo("Europe/Paris")


async def test_the_pastry_cooks_day(tmp_path: Path) -> None:
    async with open_stage(tmp_path, "pastry") as stage:
        cooks = await stage.owners(PHONE)
        customers = await a_customer_joins(stage, await cooks.open("/"))
        number, total = await she_orders_macarons(stage, customers)
        orders = await cooks.open("/orders")
        await the_order_is_prepared_and_leaves(stage, orders, customers, number)
        paid = await it_is_paid_at_the_door(stage, orders, customers, number, total)
        evening = await stage.owners(DESKTOP)
        await the_dashboard_shows_the_day(stage, await evening.open("/dashboard"), paid)
        campaigns = await evening.open("/campaigns")
        await a_suggestion_becomes_a_campaign(stage, campaigns)
        await the_running_campaign_is_judged_honestly(stage, campaigns)


async def a_customer_joins(stage: Stage, home: Page) -> Page:
    """The cook shows her counter's code on her phone; the customer scans it with his."""
    await home.get_by_role("link", name=re.compile("Comptoir")).click()
    await home.locator(".join-mini").click()
    code = home.get_by_role("dialog").locator(".join-big img")
    phone = await (await stage.device(PHONE)).scan(code)
    await expect(phone.locator(".code-frame svg")).to_be_visible()
    await expect(phone.locator(".me-head")).to_contain_text("Maison Colette")
    await home.close()
    stage.tell("A customer scans the counter's code; her phone is her card from now on, without an app store.")
    return phone


async def she_orders_macarons(stage: Stage, phone: Page) -> tuple[str, int]:
    """Two boxes, brought to her address, which she says is right; returns the order's name and total."""
    await phone.get_by_role("button", name="Shop").click()
    await phone.get_by_role("searchbox").fill("6 macarons")
    box = phone.get_by_role("button", name=re.compile(r"^Order .*6 macarons"))
    await box.click()
    await phone.get_by_role("button", name="Order: 1 item").click()
    dialog = phone.get_by_role("dialog", name="My order")
    await dialog.get_by_label("Store").select_option(label="Maison Colette, rue Cler")
    await dialog.get_by_role("button", name="One more").click()
    await dialog.get_by_role("button", name="Delivery").click()
    address = dialog.locator(".address")
    for label, text in (("Name", "Agathe Simon"), ("Street and number", "9 rue Cler"), ("Postal code", "75007")):
        await address.get_by_label(label, exact=True).fill(text)
    await address.get_by_label("Town").fill("Paris")
    await expect(dialog.get_by_role("region", name="Total")).to_contain_text("Welcome: 10 % off the first order")
    place = dialog.get_by_role("button", name="Order for")
    total = await cents(place)
    assert total < 2 * 1250, "nothing was taken off the first order"
    await place.click()
    card = phone.get_by_role("article")
    await expect(card).to_contain_text("To pay at the door")
    await card.get_by_role("button", name="The address is right").click()
    await expect(card).to_contain_text("You confirmed the address")
    number = await card.get_attribute("aria-label") or ""
    stage.tell(
        f"She orders two boxes for {total / 100:.2f} €, with the offer for a first order, and confirms her address."
    )
    return number, total


async def the_order_is_prepared_and_leaves(stage: Stage, orders: Page, phone: Page, number: str) -> None:
    """One thumb on the cook's phone; the customer's phone follows by itself."""
    card = orders.get_by_role("article", name=number)
    mine = phone.get_by_role("article", name=number)
    for button, said in (("Prepare", "In preparation"), ("Ready", "Ready"), ("On the way", "On the way")):
        await card.get_by_role("button", name=button, exact=True).click()
        await expect(mine.locator(".chip")).to_have_text(said)
    stage.tell("The cook prepares it and leaves; the customer's phone says so each time.")


async def it_is_paid_at_the_door(stage: Stage, orders: Page, phone: Page, number: str, total: int) -> int:
    """The round of the day, the amount due, a tap on the cook's own phone, and points."""
    await orders.get_by_role("button", name="Deliveries").click()
    wanted = datetime.now(PARIS) + timedelta(minutes=30)  # as soon as can be; late in the evening that is tomorrow
    await orders.get_by_label("Day", exact=True).fill(wanted.date().isoformat())
    await orders.get_by_label("Payments at").select_option(label="Livraisons")
    card = orders.get_by_role("article", name=number)
    await expect(card).to_contain_text("9 rue Cler")
    await card.get_by_role("button", name="Take €").click()
    await orders.wait_for_url("**/station/*")
    await orders.locator(".pay-card").click()
    await expect(orders.locator(".payment")).to_contain_text("This card saves €1.00")
    await orders.get_by_role("button", name="Charge €").click()
    await expect(orders.locator(".stage.is-paid")).to_be_visible()
    paid = await cents(orders.locator(".stage.is-paid .total"))
    assert 0 < paid <= total, "what was ordered must not cost more at the door"
    await expect(phone.get_by_role("article", name=number).locator(".chip")).to_have_text("Received")
    await phone.get_by_role("button", name="Card").click()
    await expect(phone.locator(".balance-figure").first).to_have_text(str(paid // 100))
    told = f"{paid / 100:.2f} €, and {paid // 100} points"
    stage.tell(f"At the door she taps her card on the cook's phone, which saves her a euro more: {told}.")
    return paid


async def the_dashboard_shows_the_day(stage: Stage, dashboard: Page, paid: int) -> None:
    """Today's sales are counted; this one lies behind the figure."""
    await dashboard.get_by_role("button", name="Today").click()
    sales = dashboard.locator(".stat", has=dashboard.get_by_text("Sales", exact=True))
    await expect(sales.locator(".num").first).to_have_text("2")  # an order was paid ahead this morning
    await sales.get_by_role("button").click()
    behind = dashboard.get_by_role("dialog", name="Sales")
    await expect(behind.locator(".sale-row", has_text=f"€{paid / 100:.2f}")).to_have_count(1)
    await behind.get_by_role("button", name="Close").click()
    stage.tell("In the evening the dashboard knows the sale, beside weeks of others.")


async def a_suggestion_becomes_a_campaign(stage: Stage, campaigns: Page) -> None:
    """Three clicks: a draft, its first day, start."""
    await campaigns.get_by_role("button", name="Compute now").click()
    suggestion = campaigns.locator(".suggestion").first
    why = await suggestion.locator("h3").inner_text()
    await suggestion.locator(".make-draft").click()
    editor = campaigns.get_by_role("dialog")
    name = await editor.get_by_label("Name of the campaign").input_value()
    tomorrow = datetime.now(PARIS).date() + timedelta(days=1)
    await editor.get_by_label("First day").fill(tomorrow.isoformat())
    await editor.locator(".start").click()
    await expect(editor).to_have_count(0)
    card = campaigns.locator(".campaign", has_text=name)
    await expect(card.locator(".chip").first).to_have_text("scheduled")
    stage.tell(f"From her own sales: “{why}”. Three clicks later “{name}” is scheduled for tomorrow.")


async def the_running_campaign_is_judged_honestly(stage: Stage, campaigns: Page) -> None:
    """What it brings against those held out: a figure with its interval, or that there is not enough data yet."""
    card = campaigns.locator(".campaign", has_text="La quinzaine des éclairs")
    await expect(card.locator(".counter-uses dd")).not_to_have_text("0")
    await card.get_by_role("button", name="Effect").click()
    judged = campaigns.get_by_role("dialog", name="Effect")
    await expect(judged).to_contain_text(re.compile("Not enough data yet|95% sure"))
    verdict = judged.get_by_text(re.compile("Not enough data yet|95% sure")).first
    stage.tell(f"Of the campaign that runs she reads: {await verdict.inner_text()}")
