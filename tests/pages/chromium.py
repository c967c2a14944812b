"""Debian's Chromium as the tests start it."""

from playwright.async_api import Browser, Playwright

from bench.views import BROWSER, chromium
from tests.servers import absent

ARGUMENTS = (*BROWSER, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


async def launched(driver: Playwright, *arguments: str, whole: bool = False) -> Browser:
    """A browser whose camera is a made one. `whole`: not the headless shell, which keeps no notifications."""
    program = chromium(whole=whole)
    if program is None:
        absent("Chromium is not installed (apt: chromium, chromium-headless-shell)")
    return await driver.chromium.launch(executable_path=program, args=[*ARGUMENTS, *arguments])
