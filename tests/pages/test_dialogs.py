"""What opens over the pages, on a French phone: it fits a thumb, speaks French, and axe-core finds nothing.

What a page shows at once is looked at in `test_every_page.py` and `test_accessibility.py`.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import PHONE
from tests.pages.demo import PAGES, STILL, DemoShop
from tests.pages.fit import misfits, wrong_words

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

Opening = Callable[[Page], Awaitable[None]]
PIN = "5093"


async def _press(page: Page, selector: str) -> None:
    await page.locator(selector).filter(visible=True).first.click()


async def _opened(page: Page) -> None:
    await page.locator("dialog[open]").last.wait_for()
    await page.wait_for_function(STILL)


def _pressing(*selectors: str) -> Opening:
    """Press one after the other; then a dialog is open."""

    async def opening(page: Page) -> None:
        for selector in selectors:
            await _press(page, selector)
        await _opened(page)

    return opening


async def _profile(page: Page) -> None:
    await page.get_by_role("searchbox").fill("Camille")
    await page.locator(".result", has_text="Camille").first.click()
    await page.locator(".profile-head h2").wait_for()
    await page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true")


async def _merge(page: Page) -> None:
    await _profile(page)
    await _press(page, ".wide .button:has([href*=branch])")
    await page.get_by_role("dialog").get_by_role("searchbox").fill("Samir")
    await page.get_by_role("dialog").locator(".result").first.click()
    await page.locator("table.comparison").wait_for()


async def _drill(page: Page) -> None:
    await _press(page, "button.lying-row")
    await _press(page, ".sale-row")
    await page.locator(".paper pre").wait_for()


async def _two_side_by_side(page: Page) -> None:
    for place in (0, 1):
        await page.locator(".products > li").nth(place).locator("[aria-pressed]").click()
    await _press(page, ".shop-bar .button")
    await page.get_by_role("dialog").get_by_role("table").wait_for()


DIALOGS: dict[str, tuple[str, Opening]] = {
    "offer": ("offers", _pressing(".offer-edit")),
    "campaign": ("campaigns", _pressing(".new-campaign")),
    "notify": ("campaigns", _pressing(".campaign .notify")),
    "effect": ("campaigns", _pressing(".campaign .show-lift")),
    "segment": ("segments", _pressing(".new-segment")),
    "new product": ("products", _pressing(".new-product")),
    "import": ("products", _pressing(".button:has([href*=upload])")),
    "profile": ("customers", _profile),
    "merge": ("customers", _merge),
    "new customer": ("customers", _pressing(".finder-row .button.primary")),
    "person": ("sellers", _pressing(".add-person")),
    "sales behind a bar": ("dashboard", _drill),
    "export": ("dashboard", _pressing(".export")),
    "new station": ("access", _pressing(".access-grid .card-head .button")),
    "order given back": ("orders", _pressing(".order .button:has-text('Reprendre')")),
    "compare": ("me-shop", _two_side_by_side),
    "order ahead": ("me-shop", _pressing(".products > li .button.primary", ".shop-bar .button.primary")),
    "receipt": ("me-receipts", _pressing(".receipt-row")),
}


async def _judged(page: Page, axe: str) -> list[str]:
    """Every fault of what is open."""
    return [*await misfits(page, touch=True), *await wrong_words(page), *(await judge(page, axe)).splitlines()]


@pytest.mark.parametrize("name", DIALOGS)
async def test_a_dialog_serves_a_thumb_and_everybody(demo: DemoShop, axe: str, name: str) -> None:
    """In light and in dark."""
    demo.mistakes.clear()
    place, opening = DIALOGS[name]
    page = await demo.open(PAGES[place], "fr-FR", PHONE)
    await opening(page)
    found = await _judged(page, axe)
    await page.close()
    assert "\n".join(found + demo.mistakes) == ""


async def test_every_tab_of_a_products_sheet_does(demo: DemoShop, axe: str) -> None:
    """Its words, pictures, stock and prices."""
    demo.mistakes.clear()
    page = await demo.open(PAGES["products"], "fr-FR", PHONE)
    await _press(page, ".product-row")
    await _opened(page)
    found: list[str] = []
    for tab in await page.get_by_role("dialog").locator(".segmented button").all():
        await tab.click()
        await page.wait_for_function(STILL)
        await page.locator("dialog details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        found += await _judged(page, axe)
    await page.close()
    assert "\n".join(found + demo.mistakes) == ""


async def test_what_the_counter_opens_does(demo: DemoShop, axe: str) -> None:
    """A product's sheet, the way to the customer, the payment, and what is given back."""
    demo.mistakes.clear()
    page = await demo.open(replace(PAGES["station"], who="owner"), "fr-FR", PHONE)
    await _press(page, ".open-add")
    found = await _judged(page, axe)
    await _press(page, ".tile-info")
    await _opened(page)
    found += await _judged(page, axe)
    await page.keyboard.press("Escape")
    await _press(page, ".tile")
    await page.locator(".add-head").get_by_role("button", name="Fermer").click()
    await _press(page, ".button:has([href*='#box'])")
    await _opened(page)
    found += await _judged(page, axe)
    await page.keyboard.press("Escape")
    await _press(page, ".pay-cash")
    await page.locator(".stage.is-paid .paper").wait_for()
    found += await _judged(page, axe)
    await _press(page, ".stage-minor .button:has([href*=undo])")
    await _opened(page)
    found += await _judged(page, axe)
    await page.keyboard.press("Escape")
    await _press(page, ".stage .button.primary")
    await page.close()
    assert "\n".join(found + demo.mistakes) == ""


async def test_signing_in_at_the_counter_does(demo: DemoShop, axe: str) -> None:
    """The persons to choose from, and the pad for the PIN."""
    person = await demo.api.call("POST", "/v1/sellers", {"name": "Zoé Caisse"})
    await demo.api.call("PUT", f"/v1/sellers/{person['seller_id']}/pin", {"pin": PIN})
    page = await demo.open(PAGES["station"], "fr-FR", PHONE)
    await _press(page, ".seller")
    await _opened(page)
    found = await _judged(page, axe)
    await page.locator(".face", has_text="Zoé").click()
    await page.locator(".pinpad").wait_for()
    found += await _judged(page, axe)
    for digit in PIN:
        await page.locator(".key", has_text=re.compile(f"^{digit}$")).click()
    await page.locator(".pinpad .go").click()
    await expect(page.locator(".seller")).to_contain_text("Zoé")
    await page.close()
    assert "\n".join(found) == ""
