"""The dashboard in Chromium: periods side by side, the sales behind a figure, files, offers begun, the map."""

import json
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, Route, expect

from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

SQUARE = [[[-5000, 42000, 13000, 0, 0, 9000, -13000, 0]]]
"""A country from 5° west, 42° north to 8° east, 51° north, as the map's files tell it."""


async def _sold(shop: Shop, station_id: str, code: str = "cake") -> str:
    """A sale paid in cash; answers its id."""
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    decided = await shop.ask("PUT", f"/v1/sessions/{session}/basket", {"entries": [{"code": code, "quantity": 1000}]})
    accepted = {"decision_id": decided.json["decision_id"], "total": decided.json["decision"]["total"]}
    await shop.ask("POST", f"/v1/sessions/{session}/accept", accepted)
    headers = {"Idempotency-Key": session}
    paid = await shop.ask("POST", f"/v1/sessions/{session}/pay", {"means": "cash"}, headers=headers)
    return str(paid.json["sale_id"])


def _today() -> str:
    return datetime.now(ZoneInfo("Europe/Paris")).date().isoformat()


async def _dashboard(
    visit: Visit, *, size: dict[str, int] = DESKTOP, locale: str = "en-GB", zone: str | None = None, **routes: Any
) -> Page:
    visitor = await visit(size, locale=locale, timezone_id=zone)
    for pattern, handler in routes.items():
        await visitor.context.route(f"**/{pattern}/**", handler)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open("/dashboard")
    await page.locator(".figures-grid .stat").first.wait_for()
    return page


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"], ids=["ahead", "behind"])
async def test_today_is_the_stores_wherever_one_looks(visit: Visit, shop: Shop, station_id: str, zone: str) -> None:
    """At any moment one of these two places, 25 hours apart, has another date than the store."""
    await _sold(shop, station_id)
    opened = _today()
    page = await _dashboard(visit, zone=zone)
    for period in ("Today", "7 days", "28 days", "This month"):
        await page.get_by_role("button", name=period).click()
        await expect(page.locator(".best tbody tr").first).to_be_visible()
    await page.get_by_role("button", name="Dates…").click()
    assert await page.get_by_label("Last day").input_value() in {opened, _today()}


async def test_a_period_stands_beside_the_one_before(visit: Visit, shop: Shop, station_id: str) -> None:
    """Both are named; without a comparison no change is shown."""
    await _sold(shop, station_id)
    page = await _dashboard(visit)
    await expect(page.locator(".told-period")).to_contain_text("compared with")
    await expect(page.locator(".stat", has_text="Sales").locator(".change")).to_contain_text("new")
    await page.get_by_label("Compare with").select_option("none")
    await expect(page.locator(".stat .change")).to_have_count(0)
    await page.get_by_role("button", name="7 days").click()
    await expect(page.locator("figure", has_text="Revenue over time").locator("tbody tr")).to_have_count(7)
    await page.get_by_role("button", name="Dates…").click()
    await page.get_by_label("First day").fill("2025-01-01")
    await expect(page.locator("figure", has_text="Revenue over time").locator("tbody tr").first).to_contain_text(
        "January 2025"
    )


async def test_the_sales_behind_a_bar_and_their_receipt(visit: Visit, shop: Shop, station_id: str) -> None:
    """A click opens them, a page at a time; each leads to its receipt."""
    for _ in range(3):
        await _sold(shop, station_id)
    page = await _dashboard(visit)
    means = page.locator("figure", has=page.get_by_role("heading", name="Means of payment"))
    await means.locator("button.lying-row").first.click()
    first = page.get_by_role("dialog").locator(".sale-row").first
    await expect(first).to_contain_text("Cash")
    await first.click()
    await expect(page.get_by_role("dialog", name="Receipt")).to_contain_text("Tarte")


async def test_the_keyboard_reaches_every_cell(visit: Visit, shop: Shop, station_id: str) -> None:
    """One stop for Tab; arrows move from bar to bar; Enter opens the sales, Escape comes back to where one was."""
    await _sold(shop, station_id)
    await _sold(shop, station_id, "bread")
    page = await _dashboard(visit)
    chart = page.locator("figure", has_text="Basket sizes").locator("svg.chart")
    assert await chart.locator(".pick[tabindex='0']").count() == 1
    await chart.locator(".pick[tabindex='0']").focus()
    names = [await page.evaluate("document.activeElement.getAttribute('aria-label')")]
    await page.keyboard.press("ArrowRight")
    names.append(await page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert names[0] != names[1] and all("€" in name for name in names)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").locator(".sale-row").first).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await page.evaluate("document.activeElement.getAttribute('aria-label')") == names[1]


async def test_best_sellers_in_another_order_and_an_offer_of_one(visit: Visit, shop: Shop, station_id: str) -> None:
    """The order is asked of the server; the offer begins with the product's code."""
    for code in ("bread", "bread", "bread", "cake"):
        await _sold(shop, station_id, code)
    page = await _dashboard(visit)
    await page.get_by_label("Order of the best sellers").select_option("sales")
    served = (await shop.ask("GET", "/v1/insights/products?order=sales&limit=12")).json["items"]
    rows = page.locator(".best tbody tr")
    await expect(rows.first).to_contain_text(served[0]["label"])
    assert await rows.count() == len(served)
    link = page.get_by_role("link", name="Make an offer of Baguette")
    assert await link.get_attribute("href") == "/campaigns#from=product&code=bread&label=Baguette"


async def test_figures_are_taken_away_as_files(visit: Visit, shop: Shop, station_id: str) -> None:
    """The chosen table as the server writes it, under its name."""
    await _sold(shop, station_id)
    page = await _dashboard(visit)
    await page.get_by_role("button", name="Export").click()
    await page.get_by_label("What").select_option("products")
    async with page.expect_download() as started:
        await page.get_by_role("button", name="CSV", exact=True).click()
    file = await started.value
    assert re.fullmatch(r"products_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.csv", file.suggested_filename)
    assert "Tarte" in (await file.path()).read_text("utf-8-sig")


async def test_stores_stand_on_the_map(visit: Visit, shop: Shop, station_id: str) -> None:
    """Two stores with a place, and the land between; without the land's files the list stands alone."""
    store = {"name": "Lyon", "zone": "Europe/Paris", "lat": 45.76, "lon": 4.84}
    made = (await shop.ask("POST", "/v1/stores", store)).json["store_id"]
    till = (await shop.ask("POST", "/v1/stations", {"store_id": made, "name": "Lyon 1"})).json["station_id"]
    main = {"name": "Store", "zone": "Europe/Paris", "lat": 48.86, "lon": 2.35}
    await shop.ask("PUT", f"/v1/stores/{shop.store_id}", main)
    await _sold(shop, till)
    await _sold(shop, station_id)

    async def land(route: Route) -> None:
        index = route.request.url.endswith("index.json")
        await route.fulfill(json={"0": [[-5, 42, 8, 51]]} if index else SQUARE)

    page = await _dashboard(visit, land=land)
    chart = page.locator("svg.map")
    await expect(chart.locator(".land")).to_have_count(1)
    await chart.get_by_role("button", name=re.compile("^Lyon: ")).press("Enter")
    await expect(page.get_by_role("dialog", name="Lyon").locator(".sale-row")).not_to_have_count(0)

    bare = await _dashboard(visit, land=lambda route: route.fulfill(status=404))
    stores = bare.locator("figure", has=bare.get_by_role("heading", name="Stores"))
    await expect(stores.locator("button.lying-row", has_text="Lyon")).to_be_visible()
    assert await bare.locator("svg.map").count() == 0


async def test_the_dashboard_fits_a_phone(visit: Visit, shop: Shop, station_id: str) -> None:
    """Nothing is wider than the screen, in French as well, and what is pressed is large enough."""
    await _sold(shop, station_id)
    page = await _dashboard(visit, size=PHONE, locale="fr-FR")
    await expect(page.get_by_role("heading", name="Meilleures ventes")).to_be_visible()
    wide = """() => [...document.querySelectorAll("main *")]
      .filter((one) => !one.closest(".table-scroll, .segmented, svg") && one.getBoundingClientRect().right > innerWidth)
      .map((one) => one.outerHTML.slice(0, 200))"""
    assert await page.evaluate(wide) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    heights = "all => all.filter((one) => one.offsetParent).map((one) => one.getBoundingClientRect().height)"
    assert min(await page.locator("main button, main select").evaluate_all(heights)) >= 44


async def test_who_reads_figures_sees_no_access(visit: Visit, shop: Shop, station_id: str) -> None:
    """An auditor has the figures and nothing to let people in by."""
    await _sold(shop, station_id)
    visitor = await visit(DESKTOP)
    entered = {"data": json.dumps({"secret": shop.secrets["auditor"]}), "headers": {"Origin": shop.base_url}}
    entered["headers"]["Content-Type"] = "application/json"
    await visitor.context.request.post(f"{shop.base_url}/v1/access/enter", **entered)
    page = await visitor.open("/dashboard#access")
    await page.locator(".figures-grid .stat").first.wait_for()
    await expect(page.get_by_role("button", name="Access")).to_have_count(0)
