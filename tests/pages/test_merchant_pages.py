"""The merchant's pages in Chromium: sign in, figures, devices and keys, and the form that makes offers."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _page(visit: Visit, path: str, size: dict[str, int] = DESKTOP) -> Page:
    visitor = await visit(size)
    await (await visitor.sign_in("owner")).close()
    return await visitor.open(path)


async def _sold(shop: Shop, station_id: str) -> None:
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    body = {"entries": [{"code": "cake", "quantity": 1000}]}
    decided = (await shop.ask("PUT", f"/v1/sessions/{session}/basket", body)).json
    accepted = {"decision_id": decided["decision_id"], "total": decided["decision"]["total"]}
    await shop.ask("POST", f"/v1/sessions/{session}/accept", accepted)
    paid = await shop.ask(
        "POST", f"/v1/sessions/{session}/pay", {"means": "cash"}, headers={"Idempotency-Key": session}
    )
    assert paid.json["state"] == "paid"


async def test_a_page_asks_to_sign_in_and_comes_back(visit: Visit, shop: Shop) -> None:
    """A wrong secret is said; the right one leads to the page that was wanted."""
    visitor = await visit()
    page = await visitor.open("/offers")
    await page.get_by_label("Your secret").fill("x" * 32)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator(".toast")).to_contain_text("not known here")
    await page.get_by_label("Your secret").fill(shop.secrets["owner"])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(re.compile("/offers$"))
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Your secret")).to_be_visible()


async def test_the_language_is_switched_and_remembered(visit: Visit) -> None:
    """By the browser's wish at first, by the person's choice afterwards."""
    visitor = await visit(locale="fr-FR")
    page = await visitor.open("/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("La bonne offre")
    await page.locator(".language").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("The right offer")
    await page.reload()
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_the_dashboard_draws_the_figures_and_hears_of_sales(visit: Visit, shop: Shop, station_id: str) -> None:
    """The tile shows what the API says; a sale changes it without a reload; every chart has its table."""
    await _sold(shop, station_id)
    page = await _page(visit, "/dashboard")
    before = (await shop.ask("GET", "/v1/insights")).json["totals"]
    await expect(page.locator(".stat", has_text="Sales")).to_contain_text(str(before["sales"]))
    assert await page.locator("figure svg.chart[aria-label]").count() >= 3
    assert await page.locator("figure").count() == await page.locator("figure details table").count()
    await _sold(shop, station_id)
    await expect(page.locator(".stat", has_text="Sales")).to_contain_text(str(before["sales"] + 1))


async def test_devices_pair_from_the_dashboard(visit: Visit, shop: Shop, station_id: str) -> None:
    """The owner shows a code; the tablet that opens its link is the station from then on, and the code works once."""
    page = await _page(visit, "/dashboard#access")
    row = page.locator("li", has=page.locator(f"a[href='/station/{station_id}']"))
    await row.get_by_role("button", name="Pair").click()
    link = await page.get_by_label("Pairing link").input_value()
    tablet = await visit()
    paired = await tablet.open(link.removeprefix(shop.base_url))
    await paired.wait_for_url(re.compile(f"/station/{station_id}$"))
    await expect(paired.locator(".tile").first).to_be_visible()
    late = await (await visit()).open(link.removeprefix(shop.base_url))
    await expect(late.get_by_text("Pairing failed")).to_be_visible()


async def test_an_api_key_is_shown_once(visit: Visit, shop: Shop) -> None:
    """The secret works for what was ticked."""
    page = await _page(visit, "/dashboard#access")
    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_label("App’s name").fill("Delivery")
    await page.get_by_label("Read sales").check()
    await page.get_by_role("button", name="Save").click()
    secret = await page.get_by_role("textbox", name="API key").input_value()
    assert (await shop.ask("GET", "/v1/sales", role=secret)).status == 200
    assert (await shop.ask("GET", "/v1/customers", role=secret)).status == 403


async def test_an_offer_is_written_in_the_form(visit: Visit, shop: Shop) -> None:
    """A nested condition, a selector, weekly hours and a limit arrive as the merchant meant them."""
    page = await _page(visit, "/offers")
    await page.locator(".new-offer").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name (English)").fill("Form offer")
    await form.get_by_label("Id", exact=True).fill("form-offer")
    await form.get_by_label("Add a benefit").select_option("percent_off")
    effect = form.get_by_role("region", name="Percent off")
    await effect.get_by_label("Percentage").fill("12.5")
    await effect.get_by_label("Product codes").first.fill("bread, cake")
    await form.get_by_label("Add a condition").last.select_option("any")
    group = form.get_by_role("region", name="Any of these")
    await group.get_by_label("Add a condition").select_option("subtotal")
    await group.get_by_label("At least").fill("20")
    await group.get_by_label("Add a condition").select_option("weekly")
    await form.get_by_role("button", name="Add a limit").click()
    await form.locator(".rows").get_by_label("What is limited").select_option("money")
    await form.locator(".kind-limit_cap input:visible").fill("50")
    await form.get_by_role("button", name="Create the offer").click()
    await expect(page.locator(".offer-card", has_text="Form offer")).to_be_visible()
    made = (await shop.ask("GET", "/v1/offers/form-offer")).json["offer"]
    assert made["effects"] == [{"type": "percent_off", "percent": 1250, "items": {"products": ["bread", "cake"]}}]
    weekly = {"type": "weekly", "windows": [{"days": [1, 2, 3, 4, 5], "start": "09:00", "end": "12:00"}]}
    subtotal = {"type": "subtotal", "min": 2000}
    assert made["conditions"] == {"type": "all", "of": [{"type": "any", "of": [subtotal, weekly]}]}
    limit = {"of": "money", "cap": 5000, "per": "total", "period": "ever", "shared": False}
    assert made["limits"] == [limit]
    await _change_and_remove(page, shop)


async def _change_and_remove(page: Page, shop: Shop) -> None:
    """What is not touched in the form comes back unchanged; pause, resume and remove work from the card."""
    before = (await shop.ask("GET", "/v1/offers/form-offer")).json["offer"]
    card = page.locator(".offer-card", has_text="Form offer")
    await card.get_by_role("button", name="Edit").click()
    await page.get_by_role("button", name="Save the new version").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    after = (await shop.ask("GET", "/v1/offers/form-offer")).json["offer"]
    assert {**after, "version": None} == {**before, "version": None}
    await card.get_by_role("button", name="Pause").click()
    await expect(card).to_contain_text("paused")
    await card.get_by_role("button", name="Resume").click()
    await expect(card).to_contain_text("live")
    await card.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(card).to_have_count(0)


async def test_an_offer_is_asked_why_it_does_not_apply(visit: Visit, shop: Shop) -> None:
    """The first condition in the way and how far it is; with enough in the basket, it is chosen."""
    offer = {"offer_id": "why-offer", "name": {"en": "Big basket"}, "currency": "EUR"}
    offer |= {"effects": [{"type": "amount_off", "amount": 100}], "conditions": {"type": "subtotal", "min": 2000}}
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    page = await _page(visit, "/offers", PHONE)
    await page.locator(".offer-card", has_text="Big basket").get_by_role("button", name="Why, or why not?").click()
    asking = page.get_by_role("dialog")
    await asking.get_by_label("Product codes").fill("bread, cake")
    await asking.get_by_role("button", name="Ask").click()
    said = asking.get_by_role("status")
    await expect(said).to_contain_text("Conditions not met")
    await expect(said).to_contain_text("First in the way: Basket amount")
    await expect(said).to_contain_text("€6.60 more")
    await asking.get_by_label("Amount (EUR)").fill("6.60")
    await asking.get_by_label("When").fill("2026-12-24T17:00")
    await asking.get_by_role("button", name="Ask").click()
    await expect(said).to_contain_text("Chosen")
    await shop.ask("DELETE", "/v1/offers/why-offer")


async def test_the_servers_problem_stands_at_the_field_it_names(visit: Visit) -> None:
    """A polygon that crosses itself is said at its outline, a missing effect above the form."""
    page = await _page(visit, "/offers", PHONE)
    await page.locator(".new-offer").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name (English)").fill("Bow tie")
    await form.get_by_label("Add a benefit").select_option("points_fixed")
    await form.get_by_label("Add a condition").select_option("polygon")
    await form.get_by_label("Outline").fill("0, 0\n1, 1\n1, 0\n0, 1")
    await form.get_by_role("button", name="Create the offer").click()
    field = form.locator(".field.has-problem")
    await expect(field.get_by_role("alert")).to_be_visible()
    await expect(field).to_contain_text("Outline")
    await form.get_by_label("Outline").fill("nonsense")
    await form.get_by_role("button", name="Create the offer").click()
    await expect(field.get_by_role("alert")).to_contain_text("GeoJSON polygon")
