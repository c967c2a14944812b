"""The demo shop on the shipped server, and the devices of those who use it: the owner's, a counter's, a customer's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from bench.server import Api, Server
from bench.views import VIEWS, View, Who, device, first_station

PATIENCE_MS = 30_000
STILL = """() => ![...document.querySelectorAll(".loading")].some((node) => node.checkVisibility())
  && [...document.images].every((image) => image.complete || image.loading === "lazy")"""
"""Nothing says that it is still loading."""
PAGES = {view.name: view for view in VIEWS}


class DemoShop:
    """Opens pages; a device is made once for each person and language. `mistakes` are what browsers complained of."""

    def __init__(self, browser: Browser, server: Server, api: Api, station_id: str) -> None:
        self.api = api
        self.station_id = station_id
        self.mistakes: list[str] = []
        self._browser = browser
        self._server = server
        self._devices: dict[tuple[Who | None, str], BrowserContext] = {}

    async def open(self, view: View, locale: str, size: dict[str, int]) -> Page:
        """A tab with the page as its person sees it, when its content has come."""
        context = await self._device(view.who, locale)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.mistakes.append(f"{view.name}: {error}"))
        page.on("console", lambda said: self._heard(view, said))
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.goto(self._server.url + view.path.format(station=self.station_id))
        await page.locator(view.shows).filter(visible=True).first.wait_for()
        await page.wait_for_function(STILL)
        return page

    async def _device(self, who: Who | None, locale: str) -> BrowserContext:
        if (who, locale) not in self._devices:
            seen = {"reduced_motion": "reduce", "timezone_id": "Europe/Paris", "permissions": ["camera", "geolocation"]}
            place = {"latitude": 48.8566, "longitude": 2.3059}
            made = await device(self._browser, self._server, self.api, who, locale=locale, geolocation=place, **seen)
            made.set_default_timeout(PATIENCE_MS)
            self._devices[who, locale] = made
        return self._devices[who, locale]

    def _heard(self, view: View, said: ConsoleMessage) -> None:
        """That a stranger is not known is no mistake."""
        if said.type == "error" and not (view.who is None and "401 (Unauthorized)" in said.text):
            self.mistakes.append(f"{view.name}: {said.text}")

    async def close(self) -> None:
        """Put every device away."""
        for context in self._devices.values():
            await context.close()


@asynccontextmanager
async def open_demo(browser: Browser, folder: Path) -> AsyncIterator[DemoShop]:
    """The server on an unused port, until the block ends."""
    async with Server(folder, "--demo-shop") as server, aiohttp.ClientSession() as http:
        api = Api(http, server)
        shop = DemoShop(browser, server, api, await first_station(api))
        try:
            yield shop
        finally:
            await shop.close()
