"""Debian's Chromium before the real server: one of each for the whole folder, a context and a station for each test."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

from poi_engine.setup import NewStation
from poi_server.config import Nexo, Push
from poi_server.demo.plan import gtin
from tests.pages.axe import AXE
from tests.pages.chromium import launched
from tests.pages.demo import DemoShop, open_demo
from tests.pages.film import write_film
from tests.server.shop import Shop, open_shop
from tests.servers import ValkeyServer, absent

PHONE = {"width": 390, "height": 844}
TABLET = {"width": 1024, "height": 768}
DESKTOP = {"width": 1440, "height": 900}
FILMED_CODE = gtin(77)
PATIENCE_MS = 30_000
"""How long a busy machine may take to show what is awaited."""
expect.set_options(timeout=PATIENCE_MS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, valkey_server: ValkeyServer
) -> AsyncIterator[Shop]:
    """A furnished server with a few products."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copy(sqlite_template, folder / "poi.db")
    async with open_shop(
        folder, valkey_server.url, push=Push(services=("127.0.0.1",)), nexo=Nexo(screen_seconds=60)
    ) as opened:
        for code, label, price in (
            ("bread", "Baguette", 140),
            ("cake", "<b>Tarte</b> & co", 1200),
            (FILMED_CODE, "Miel", 950),
        ):
            await opened.ask("PUT", f"/v1/products/{code}", {"code": code, "label": label, "unit_price": price})
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """The driver of browsers."""
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """Debian's Chromium; its camera sees a film of the EAN code `FILMED_CODE`."""
    film = tmp_path_factory.mktemp("film") / "code.y4m"
    write_film(film, FILMED_CODE)
    opened = await launched(playwright, f"--use-file-for-fake-video-capture={film}")
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoShop]:
    """The shipped server in a process of its own, with the demo shop."""
    async with open_demo(browser, tmp_path_factory.mktemp("demo")) as opened:
        yield opened


@pytest.fixture(scope="session")
def axe() -> str:
    """The program that judges whether everybody can use a page, injected in these tests only."""
    if not AXE.is_file():
        absent("axe-core is not installed (run: .ci/web test)")
    return AXE.read_text("utf-8")


class Visitor:
    """A browser context of its own: one device of one person. Mistakes of a page's scripts fail the test."""

    def __init__(self, context: BrowserContext, shop: Shop) -> None:
        self.context = context
        self.shop = shop
        self.mistakes: list[str] = []

    async def open(self, path: str) -> Page:
        """A new tab."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.on("console", lambda message: self._heard(message.text))
        await page.goto(self.shop.base_url + path)
        return page

    async def sign_in(self, role: str) -> Page:
        """Come in through the front door with the secret of an owner or a seller."""
        page = await self.open(f"/#{self.shop.secrets[role]}")
        await page.locator(".choice").first.wait_for()
        return page

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "TrustedScript" in text:
            self.mistakes.append(text)


Visit = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, shop: Shop) -> AsyncIterator[Visit]:
    """Make visitors; afterwards none of their pages may have failed."""
    made: list[Visitor] = []

    async def make(size: dict[str, int] = TABLET, *, locale: str = "en-GB", **more: object) -> Visitor:
        context = await browser.new_context(
            viewport=size, locale=locale, permissions=["camera", "geolocation"], reduced_motion="reduce", **more
        )
        context.set_default_timeout(PATIENCE_MS)
        made.append(Visitor(context, shop))
        return made[-1]

    yield make
    mistakes = [mistake for visitor in made for mistake in visitor.mistakes]
    for visitor in made:
        await visitor.context.close()
    await _left(shop)
    assert mistakes == []


async def _left(shop: Shop) -> None:
    """Whom a test has hired leaves: their limits would bind the next one's counter, too."""
    staying = {shop.seller_id, shop.manager_id, shop.auditor_id}
    for person in (await shop.ask("GET", "/v1/sellers")).json["items"]:
        if person["active"] and person["seller_id"] not in staying:
            await shop.ask("PATCH", f"/v1/sellers/{person['seller_id']}", {"active": False})


@pytest_asyncio.fixture(loop_scope="session")
async def station_id(shop: Shop) -> str:
    """A station of this test's own."""
    new = NewStation(store_id=shop.store_id, name=f"Counter {os.urandom(3).hex()}")
    return (await shop.services.setup.add_station(shop.merchant_id, new)).station_id


@pytest_asyncio.fixture(loop_scope="session")
async def module_page(visit: Visit) -> Page:
    """A page in which modules can be imported: `module(name)` gives one."""
    visitor = await visit()
    page = await visitor.open("/pair")
    await page.evaluate(
        "() => { window.module = (name) => import(`${document.documentElement.dataset.static}/js/${name}`); }"
    )
    return page
