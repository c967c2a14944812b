"""axe-core finds no violation on any page: in both languages, light and dark, on a phone and on a desk."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page

from poi_server.pages.shells import PAGES
from tests.pages.axe import judge
from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.pages.test_phone_page import bought, joined
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

ROLES = {"pair": None, "join": None, "station": "station", "me": "phone"}
"""Who opens a page; the owner, where nothing is said."""
PATHS = {"home": "/", "join": "/c/{station}", "station": "/station/{station}"}
LOCALES = ("en-GB", "fr-FR")


async def _open(visit: Visit, shop: Shop, path: str, role: str | None, size: dict[str, int], locale: str) -> Page:
    visitor = await visit(size, locale=locale)
    if role is not None:
        entered = {"data": {"secret": shop.secrets[role]}, "headers": {"Origin": shop.base_url}}
        await visitor.context.request.post(f"{shop.base_url}/v1/access/enter", **entered)  # type: ignore[arg-type]
    page = await visitor.open(path)
    await page.locator("main > * > *:not(.loading)").first.wait_for()
    await page.wait_for_load_state("networkidle")
    return page


async def _sell(shop: Shop) -> None:
    """A sale, so that figures and lists have something to show."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session")).json["session_id"]
    decided = await shop.ask("PUT", f"/v1/sessions/{session}/basket", {"entries": [{"code": "cake", "quantity": 1000}]})
    accepted = {"decision_id": decided.json["decision_id"], "total": decided.json["decision"]["total"]}
    await shop.ask("POST", f"/v1/sessions/{session}/accept", accepted)
    headers = {"Idempotency-Key": session}
    paid = await shop.ask("POST", f"/v1/sessions/{session}/pay", {"means": "cash"}, headers=headers)
    assert paid.json["state"] == "paid"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("page_name", PAGES)
async def test_a_page_has_no_violation(visit: Visit, shop: Shop, axe: str, page_name: str, locale: str) -> None:
    """As it is opened by whom it is for."""
    await _sell(shop)
    path = PATHS.get(page_name, f"/{page_name}").format(station=shop.station_id)
    size = PHONE if page_name in ("me", "join", "pair") else DESKTOP
    page = await _open(visit, shop, path, ROLES.get(page_name, "owner"), size, locale)
    assert await judge(page, axe) == ""


@pytest.mark.parametrize("page_name", ["dashboard", "customers", "products", "offers", "sellers", "station"])
async def test_a_page_has_no_violation_on_a_phone(visit: Visit, shop: Shop, axe: str, page_name: str) -> None:
    """What is folded away on a small screen keeps its names."""
    await _sell(shop)
    path = PATHS.get(page_name, f"/{page_name}").format(station=shop.station_id)
    page = await _open(visit, shop, path, ROLES.get(page_name, "owner"), PHONE, "fr-FR")
    assert await judge(page, axe) == ""


async def _drill(page: Page) -> None:
    await page.locator("button.lying-row").first.click()
    await page.locator(".sale-row").first.click()
    await page.locator(".paper pre").wait_for()


async def _export(page: Page) -> None:
    await page.locator("button.export").click()
    await page.get_by_role("dialog").wait_for()


async def _new_offer(page: Page) -> None:
    await page.locator(".new-offer").click()
    await page.get_by_role("dialog").wait_for()


async def _tables(page: Page) -> None:
    await page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")


OPENED: list[tuple[str, Callable[[Page], Awaitable[None]]]] = [
    ("/dashboard", _drill),
    ("/dashboard", _export),
    ("/dashboard", _tables),
    ("/dashboard#access", _tables),
    ("/offers", _new_offer),
]


@pytest.mark.parametrize(("path", "opening"), OPENED)
async def test_what_a_page_opens_has_no_violation(
    visit: Visit, shop: Shop, axe: str, path: str, opening: Callable[[Page], Awaitable[None]]
) -> None:
    """Dialogs, panels and the tables behind the charts."""
    await _sell(shop)
    page = await _open(visit, shop, path, "owner", DESKTOP, "en-GB")
    await opening(page)
    assert await judge(page, axe) == ""


@pytest.mark.parametrize("tab", ["Card", "Offers", "Shop", "Receipts", "Profile"])
async def test_a_tab_of_the_customers_phone_has_no_violation(
    visit: Visit, shop: Shop, station_id: str, axe: str, tab: str
) -> None:
    """With a receipt, an offer, a product to compare and a store on the map."""
    page, _ = await joined(visit, shop, station_id, geolocation={"latitude": 48.85, "longitude": 2.35})
    await bought(shop, station_id)
    await page.get_by_role("navigation").get_by_role("button", name=tab).click()
    if tab == "Shop":
        await page.locator(".product-row").first.click()
        await page.get_by_role("dialog").wait_for()
    await page.wait_for_function("() => !document.querySelector('.loading')")
    assert await judge(page, axe) == ""


async def test_where_less_motion_is_asked_for_nothing_goes_on_moving(visit: Visit, shop: Shop) -> None:
    """The mark that waits for a tap breathes without end otherwise; the visitors of these tests ask for less."""
    path = PATHS["station"].format(station=shop.station_id)
    page = await _open(visit, shop, path, "station", DESKTOP, "en-GB")
    await page.locator(".tap-mark").first.wait_for()
    still = "() => document.getAnimations().every((one) => one.playState === 'finished')"
    await page.wait_for_function(still, timeout=5_000)


async def test_a_planted_violation_is_found(visit: Visit, shop: Shop, axe: str) -> None:
    """An image without a text and words too pale to read do not pass."""
    page = await _open(visit, shop, "/", "owner", DESKTOP, "en-GB")
    await page.evaluate("""() => {
      const words = document.createElement("p");
      words.textContent = "pale";
      words.style.color = "var(--line)";
      document.querySelector("main").append(words, new Image(8, 8));
    }""")
    found = await judge(page, axe)
    assert "image-alt" in found and "color-contrast" in found
