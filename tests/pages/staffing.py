"""Staff for the tests of pages: persons with a PIN, and a tablet at which they sign in."""

import os
import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.pages.conftest import Visit, Visitor
from tests.server.shop import BY, Shop

PIN, MANAGERS_PIN = "5093", "7351"


async def new_person(shop: Shop, name: str, **more: Any) -> str:
    """Add somebody who signs in by `PIN`; their id."""
    made = await shop.ask("POST", "/v1/sellers", {"name": name, **more})
    assert made.status == 201, made.content
    seller_id = str(made.json["seller_id"])
    await shop.ask("PUT", f"/v1/sellers/{seller_id}/pin", {"pin": PIN})
    return seller_id


def unique(name: str) -> str:
    """A name that no other test takes."""
    return f"{name} {os.urandom(2).hex()}"


class Till:
    """A tablet paired as a station of its own."""

    def __init__(self, page: Page, visitor: Visitor, station_id: str) -> None:
        self.page = page
        self.visitor = visitor
        self.station_id = station_id

    async def type_pin(self, pin: str, pad: Locator | None = None) -> None:
        """Press the large keys."""
        pad = pad or self.page.locator(".pinpad")
        for digit in pin:
            await pad.locator(".key", has_text=re.compile(f"^{digit}$")).click()
        await pad.locator(".go").click()

    async def enter(self, name: str, pin: str = PIN) -> None:
        """Choose a person and give their PIN."""
        await self.page.locator(".seller").click()
        await self.page.locator(".face", has_text=name).click()
        await self.type_pin(pin)
        await expect(self.page.locator(".seller")).to_contain_text(name)

    async def sell(self, label: str, means: str = "cash") -> None:
        """One product, paid."""
        await self.page.locator(".tile", has_text=label).click()
        button = self.page.locator(f".pay-{means}")
        await expect(button).to_be_enabled()
        await button.click()


async def open_till(visit: Visit, shop: Shop, station_id: str, size: dict[str, int]) -> Till:
    """A tablet at its counter, nobody signed in."""
    secret = (await shop.services.access.grant(shop.merchant_id, "station", station_id, "tablet", by=BY)).secret
    visitor = await visit(size)
    shop.secrets[station_id] = secret
    page = await visitor.open(f"/#{secret}")
    await page.wait_for_url(re.compile(f"/station/{station_id}$"))
    await expect(page.locator(".seller")).to_be_visible()
    return Till(page, visitor, station_id)
