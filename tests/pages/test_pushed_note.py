"""A note that is pushed to the customer's phone, in the whole Chromium: its headless shell keeps none."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright

from tests.pages.chromium import launched
from tests.pages.conftest import Visit
from tests.pages.test_phone_page import joined
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """The browser that `visit` takes here."""
    opened = await launched(playwright, whole=True)
    yield opened
    await opened.close()


async def test_the_worker_shows_what_is_pushed(visit: Visit, shop: Shop, station_id: str) -> None:
    """The browser's debugging protocol stands for a push service: the note is shown, a newer one replaces it."""
    page, _ = await joined(visit, shop, station_id)
    await page.context.grant_permissions(["notifications"], origin=shop.base_url)
    await page.evaluate("navigator.serviceWorker.ready")
    protocol = await page.context.new_cdp_session(page)
    registered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def seen(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if one["scopeURL"].startswith(shop.base_url) and not registered.done():
                registered.set_result(one["registrationId"])

    protocol.on("ServiceWorker.workerRegistrationUpdated", seen)
    await protocol.send("ServiceWorker.enable")
    registration = await asyncio.wait_for(registered, 30)
    for body in ("Half price", "Free bread"):
        note = json.dumps({"title": "My shop", "body": body, "url": "/me#offers", "tag": "off_1"})
        message = {"origin": shop.base_url, "registrationId": registration, "data": note}
        await protocol.send("ServiceWorker.deliverPushMessage", message)
    await page.wait_for_function(
        "async () => (await (await navigator.serviceWorker.ready).getNotifications()).some("
        "(one) => one.body === 'Free bread' && one.title === 'My shop' && one.data.url === '/me#offers')"
    )
    shown = "async () => (await (await navigator.serviceWorker.ready).getNotifications()).length"
    assert await page.evaluate(shown) == 1
