"""A shop to live a day in: a real server of its own with a demo shop, and people with phones and tablets before it."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import zxingcpp
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from poi_server.cli.welcome import PINS_TITLE
from tests.pages.chromium import launched
from tests.pages.conftest import PATIENCE_MS
from tests.server.process import ServerProcess, verify


class Device:
    """Somebody's phone or tablet: a browser context of its own. Mistakes of a page's scripts are kept."""

    def __init__(self, context: BrowserContext, base_url: str) -> None:
        self.context = context
        self._base_url = base_url
        self.mistakes: list[str] = []

    async def open(self, address: str) -> Page:
        """A page by its path or its whole address."""
        page = await self.context.new_page()
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.on("console", lambda message: self._heard(message.text))
        await page.goto(address if "://" in address else self._base_url + address)
        return page

    async def scan(self, code: Locator) -> Page:
        """Point the camera at a QR code on another screen, and open what it says."""
        return await self.open(await read(code))

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "TrustedScript" in text:
            self.mistakes.append(text)


async def photo(of: Locator) -> bytes:
    """A photo of a part of a screen, as another device's camera takes it."""
    await of.wait_for()
    return await of.screenshot(scale="css", animations="disabled")


async def read(code: Locator) -> str:
    """What a QR code on a screen says."""
    for _ in range(50):
        found = await asyncio.to_thread(_decoded, await photo(code))
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("no QR code can be read there")


def _decoded(png: bytes) -> str:
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    return found[0].text if found else ""


class Stage:
    """The server, its people, and a voice that says what happens."""

    def __init__(self, server: ServerProcess, browser: Browser) -> None:
        self.server = server
        self._browser = browser
        self._devices: list[Device] = []
        self._said = 0

    def tell(self, what: str) -> None:
        """One line of the story."""
        self._said += 1
        print(f"  {self._said:2}. {what}", flush=True)

    async def device(self, size: dict[str, int]) -> Device:
        """A device that nobody has used yet."""
        context = await self._browser.new_context(
            viewport=size,
            locale="en-GB",
            timezone_id="Europe/Paris",
            permissions=["camera"],
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        self._devices.append(Device(context, self.server.base_url))
        return self._devices[-1]

    async def owners(self, size: dict[str, int]) -> Device:
        """The owner's own device, come in by the link that the first start printed."""
        found = re.search(r"Come in with one click:\s+\S+(/#\S+)", self.server.log())
        assert found is not None, self.server.log()
        device = await self.device(size)
        page = await device.open(found[1])
        await page.locator(".choice").first.wait_for()
        await page.close()
        return device

    def pin(self, name: str) -> str:
        """Somebody's PIN, as the first start printed it."""
        told = self.server.log().partition(PINS_TITLE)[2]
        found = re.search(rf"{re.escape(name)}\s+(\d+)", told)
        assert found is not None, told
        return found[1]

    async def end(self) -> None:
        """Everybody goes; none of their pages may have failed."""
        for device in self._devices:
            await device.context.close()
        assert [mistake for device in self._devices for mistake in device.mistakes] == []


@asynccontextmanager
async def open_stage(folder: Path, kind: str) -> AsyncIterator[Stage]:
    """A demo shop of this kind, with nobody in it yet; at the end its books are checked."""
    print(f"\nA demo shop is made: {kind}", flush=True)
    server = await asyncio.to_thread(ServerProcess, folder / "data", demo_shop=kind)
    try:
        await _told(server)
        async with async_playwright() as driver:
            browser = await launched(driver)
            stage = Stage(server, browser)
            yield stage
            await stage.end()
            await browser.close()
        assert await asyncio.to_thread(server.stop) == 0
        books = await asyncio.to_thread(verify, server.folder)
        assert books.returncode == 0, books.stdout
        stage.tell(f"The books are checked: {books.stdout.strip().splitlines()[-1]}")
    finally:
        await asyncio.to_thread(server.stop)


async def _told(server: ServerProcess) -> None:
    """Wait for what a person reads before they begin: the first start's words come just after it listens."""
    for _ in range(200):
        if "Ctrl-C stops it" in await asyncio.to_thread(server.log):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the first start says nothing")


async def press_pin(pad: Locator, pin: str) -> None:
    """Press the large keys, one after the other."""
    for digit in pin:
        await pad.locator(".key", has_text=re.compile(f"^{digit}$")).click()
    await pad.locator(".go").click()


async def hand_scanner(page: Page, text: str) -> None:
    """A hand scanner types a code as a keyboard would, faster than anybody."""
    await page.evaluate(
        """(text) => { const send = (code, shiftKey = false) => (document.activeElement ?? document.body).dispatchEvent(
             new KeyboardEvent("keydown", { code, shiftKey, bubbles: true, cancelable: true }));
           for (const sign of text) {
             if (sign === "-") send("Minus");
             else if (/[0-9]/.test(sign)) send(`Digit${sign}`);
             else send(`Key${sign}`, true);
           }
           send("Enter"); }""",
        text,
    )


async def cents(told: Locator) -> int:
    """The amount that a text says in euros, in cents."""
    await expect(told).to_contain_text(re.compile(r"\d\.\d\d"))
    found = re.search(r"(\d+)\.(\d\d)", (await told.inner_text()).replace(",", ""))
    assert found is not None
    return int(found[1] + found[2])
