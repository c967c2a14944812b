"""From an insight to an offer in Chromium: fragment, draft, preview, start, the counter that counts, stop."""

import pytest
from playwright.async_api import Page, expect

from poi_engine.ports import Job, Query
from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _page(visit: Visit, path: str, size: dict[str, int] = PHONE, **more: object) -> Page:
    visitor = await visit(size, **more)
    await (await visitor.sign_in("owner")).close()
    return await visitor.open(path)


async def _sold(shop: Shop, station_id: str, code: str = "cake") -> int:
    """The total of one product, paid in cash."""
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    body = {"entries": [{"code": code, "quantity": 1000}]}
    decided = (await shop.ask("PUT", f"/v1/sessions/{session}/basket", body)).json
    total = decided["decision"]["total"]
    accepted = {"decision_id": decided["decision_id"], "total": total}
    await shop.ask("POST", f"/v1/sessions/{session}/accept", accepted)
    key = {"Idempotency-Key": session}
    paid = await shop.ask("POST", f"/v1/sessions/{session}/pay", {"means": "cash"}, headers=key)
    assert paid.json["state"] == "paid"
    return int(total)


async def test_from_an_insight_to_an_offer_that_counts_and_stops(visit: Visit, shop: Shop, station_id: str) -> None:
    assert await _sold(shop, station_id) == 1200
    page = await _page(visit, "/campaigns#from=product&code=cake&label=Tarte")
    editor = page.get_by_role("dialog")
    await expect(editor.get_by_label("Name of the campaign")).to_have_value("10% off Tarte")
    await editor.locator(".preview-30").click()
    told = editor.locator(".preview-words")
    await expect(told).to_contain_text("Would have cost €")
    await expect(editor.locator(".preview svg.chart")).to_be_visible()
    await editor.locator(".start").click()
    await expect(editor).to_have_count(0)
    card = page.locator(".campaign", has_text="10% off Tarte")
    await expect(card.locator(".chip").first).to_have_text("live")
    await expect(card.locator(".counter-uses dd")).to_have_text("0")
    assert await _sold(shop, station_id) == 1080
    await expect(card.locator(".counter-uses dd")).to_have_text("1")  # without a reload
    await expect(card.locator(".counter-saved dd")).to_have_text("€1.20")
    await expect(card.locator(".counter-revenue dd")).to_have_text("€10.80")
    await card.locator(".stop").click()
    await expect(card.locator(".chip").first).to_have_text("stopped")
    assert await _sold(shop, station_id) == 1200


async def test_a_suggestion_says_why_and_becomes_a_draft(visit: Visit, shop: Shop) -> None:
    draft = (
        '{"name": "We miss you", "audience": ["auto:lapsing"], "holdout": 1000, "offers": ['
        '{"name": {"en": "We miss you"}, "effects": [{"type": "percent_off", "percent": 1500}]}]}'
    )

    def suggest() -> Job[None]:
        yield Query(
            "insert into suggestion (merchant_id, suggestion_id, kind, subject, state, document, weight, created_at, "
            "changed_at) values (?, 'sug_page', 'lapsing', 'page', 'open', ?, 12, 0, 0)",
            (shop.merchant_id, f'{{"figures": {{"customers": 12, "usual_days": 7}}, "draft": {draft}}}'),
        )

    await shop.ask("POST", "/v1/suggestions")  # so that no round of today puts the planted one away
    await shop.services.sql.write(suggest)
    page = await _page(visit, "/campaigns")
    card = page.locator(".suggestion", has_text="12 regulars stay away")
    await expect(card).to_contain_text("every 7 days")
    await card.locator(".make-draft").click()
    editor = page.get_by_role("dialog")
    await expect(editor.get_by_label("Staying away longer than usual")).to_be_checked()
    await expect(editor.locator(".audience-size")).to_contain_text("customers today")
    await editor.get_by_role("button", name="Close").click()
    await expect(card).to_have_count(0)
    made = page.locator(".campaign", has_text="We miss you")
    await expect(made).to_contain_text("draft")
    await expect(made).to_contain_text("10% held out")
    await made.get_by_role("button", name="Remove the campaign").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove the campaign").click()
    await expect(made).to_have_count(0)


async def test_the_servers_problem_stands_at_the_field_of_the_second_offer(visit: Visit) -> None:
    page = await _page(visit, "/campaigns", DESKTOP)
    await page.locator(".new-campaign").click()
    editor = page.get_by_role("dialog")
    await editor.get_by_label("Name of the campaign").fill("Two offers")
    await editor.get_by_label("Name (English)").fill("First")
    await editor.get_by_label("Add a benefit").select_option("points_fixed")
    await editor.get_by_role("button", name="Add an offer").click()
    await editor.get_by_label("Name (English)").nth(1).fill("Second")
    second = editor.get_by_role("region", name="Percent off")
    await second.get_by_label("Percentage").fill("250")
    await editor.get_by_role("button", name="Save draft").click()
    await expect(second.locator(".has-problem .problem")).to_be_visible()


async def test_a_segment_says_how_many_while_it_is_written(visit: Visit, shop: Shop) -> None:
    page = await _page(visit, "/campaigns#segments", DESKTOP)
    await page.locator(".new-segment").click()
    editor = page.get_by_role("dialog")
    await editor.get_by_label("Name (English)").fill("Never came")
    everybody = editor.locator(".segment-size")
    await expect(everybody).to_contain_text("would be in it")
    await editor.get_by_label("Add a condition").select_option("first_purchase")
    await expect(everybody).to_contain_text("would be in it")
    await editor.get_by_role("button", name="Save").click()
    row = page.locator("poi-segments li", has_text="Never came")
    await expect(row).to_be_visible()
    made = [
        one for one in (await shop.ask("GET", "/v1/segments")).json["items"] if one["name"].get("en") == "Never came"
    ]
    assert made[0]["conditions"] == {"type": "all", "of": [{"type": "first_purchase"}]}
    await row.get_by_role("link", name="Campaign").click()
    campaign = page.get_by_role("dialog")
    await expect(campaign.get_by_label("Never came")).to_be_checked()


@pytest.mark.parametrize(
    "fragment", ["from=hour&weekday=8&hour=3", "from=hour&weekday=2&hour=14&until=3", "from=nothing", "from=product"]
)
async def test_a_fragment_that_says_nothing_opens_nothing(visit: Visit, fragment: str) -> None:
    page = await _page(visit, f"/campaigns#{fragment}")
    await expect(page.locator(".new-campaign")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)
