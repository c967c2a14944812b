"""Every page of the demo shop: it shows what it is for, fits a phone and a desk, and speaks one language.

With PICTURES=FOLDER (`make pictures`) what is seen is kept there: `page-language-width.webp`.
"""

import asyncio
import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from bench.views import VIEWS, View
from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.pages.demo import PAGES, DemoShop
from tests.pages.fit import misfits, wrong_words
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

FOLDER = os.environ.get("PICTURES", "")
LOCALES = ("en-GB", "fr-FR")
SEEN = [(view, locale) for view in VIEWS for locale in LOCALES if (view.name, locale) != ("reference", "fr-FR")]
"""The API reference is written in English."""
LARGEST = 150_000
"""Bytes of a picture."""
REDRAWN_MS = 1000
"""Charts are drawn anew for the new width a moment after it has changed."""


@pytest.mark.parametrize(("view", "locale"), SEEN, ids=lambda one: getattr(one, "name", one))
async def test_a_page_shows_its_content_on_every_screen_in_one_language(
    demo: DemoShop, view: View, locale: str
) -> None:
    """On a phone everything that is pressed is 44 px large; nowhere is anything cut off or wider than the screen."""
    demo.mistakes.clear()
    page = await demo.open(view, locale, PHONE)
    found = [f"phone: {wrong}" for wrong in await misfits(page, touch=True)]
    if view.name != "reference":
        found += await wrong_words(page)
    await _keep(page, view, locale, PHONE)
    await page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    await expect(page.locator(view.shows).filter(visible=True).first).to_be_visible()
    await _keep(page, view, locale, DESKTOP)
    found += [f"desk: {wrong}" for wrong in await misfits(page, touch=False)]
    await page.close()
    assert "\n".join(found + demo.mistakes) == ""


async def _keep(page: Page, view: View, locale: str, size: dict[str, int]) -> None:
    if not FOLDER:
        return
    await page.wait_for_timeout(REDRAWN_MS)
    taken = await page.screenshot(animations="disabled", caret="hide")
    await asyncio.to_thread(_write, taken, Path(FOLDER) / _name(view, locale, size))


def _name(view: View, locale: str, size: dict[str, int]) -> str:
    return f"{view.name}-{locale[:2]}-{size['width']}.webp"


def _write(taken: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(taken)).convert("RGB").save(path, "WEBP", quality=82, method=6)
    assert path.stat().st_size < LARGEST, path


async def test_every_picture_stands_in_the_documentation() -> None:
    """Of each page, in both languages and sizes, and no other."""
    docs = Path(__file__).parents[2] / "docs"
    shown = re.findall(r'src="pictures/([^"]+)"', (docs / "pages.md").read_text("utf-8"))
    wanted = {_name(view, locale, size) for view, locale in SEEN for size in (PHONE, DESKTOP)}
    assert set(shown) == wanted == {path.name for path in (docs / "pictures").iterdir()}


async def test_the_menu_of_a_phone_opens_closes_and_says_where_one_is(demo: DemoShop) -> None:
    """By touch and by keyboard; Escape, a touch elsewhere and leaving it with Tab close it."""
    page = await demo.open(PAGES["customers"], "fr-FR", PHONE)
    button = page.get_by_role("button", name="Menu")
    links = page.get_by_role("navigation").get_by_role("link")
    await expect(button).to_have_attribute("aria-expanded", "false")
    assert await links.count() == 0
    await button.press("Enter")
    await expect(button).to_have_attribute("aria-expanded", "true")
    assert await links.count() >= 8
    await expect(page.get_by_role("link", name="Clients")).to_have_attribute("aria-current", "page")
    await expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()
    await expect(page.get_by_role("button", name="Show this page in English")).to_be_visible()
    assert await misfits(page, touch=True) == []
    await links.first.focus()
    await page.keyboard.press("Escape")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await expect(button).to_be_focused()
    await button.click()
    await page.mouse.click(5, PHONE["height"] - 5)
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.click()
    await page.get_by_role("button", name="Se déconnecter").focus()
    await page.keyboard.press("Tab")
    await expect(button).to_have_attribute("aria-expanded", "false")
    await button.click()
    await page.get_by_role("link", name="Produits").click()
    await page.wait_for_url("**/products")
    await page.set_viewport_size({"width": 1200, "height": 700})
    await expect(page.get_by_role("link", name="Clients")).to_be_visible()
    await expect(page.get_by_role("button", name="Menu")).to_have_count(0)
    assert await misfits(page, touch=True) == []
    await page.close()


async def test_planted_faults_are_found(visit: Visit, shop: Shop) -> None:
    """A small button, words cut off, a key, English in French, and something wider than the screen."""
    visitor = await visit(PHONE, locale="fr-FR")
    page = await visitor.open("/")
    await page.locator("#secret").wait_for()
    assert await misfits(page, touch=True) + await wrong_words(page) == []
    await page.evaluate("""() => {
      const plant = (tag, text, look) => {
        const node = document.createElement(tag);
        node.textContent = text;
        for (const [name, value] of Object.entries(look)) node.style.setProperty(name, value);
        document.querySelector("main").append(node);
      };
      plant("button", "x", { width: "30px" });
      plant("p", "beaucoup de mots pour peu de place", { width: "60px", overflow: "hidden", "white-space": "nowrap" });
      plant("p", "home.sign_in", {});
      plant("p", "The right offer", {});
      plant("p", "Sign in", {});
      plant("div", "large", { width: "500px" });
    }""")
    fits, words = "\n".join(await misfits(page, touch=True)), "\n".join(await wrong_words(page))
    assert "small: 30 x" in fits and "cut off" in fits and "px wide" in fits
    assert "a key: home.sign_in" in words and "English: The right" in words and "another language: Sign in" in words
