"""The pages as they are opened: by whom, where, and what shows that a page is there for its work.

For the demo shop (`serve --demo-shop`), whose data fill every page.
"""

import re
import shutil
from dataclasses import dataclass
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext

from bench.server import Api, Server
from poi_server.demo.catalogue import CARDS

Who = Literal["owner", "station", "phone"]
ARRIVED = {"station": re.compile("/station/"), "phone": re.compile("/me")}
BROWSER = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""How Chromium is started: nothing but our pages."""


def chromium(*, whole: bool = False) -> str | None:
    """The browser's program, if there is one: the headless shell, which needs half the time, or `whole`, as people have
    it."""
    names = ("chromium", "chromium-browser") if whole else ("chromium-headless-shell", "chromium", "chromium-browser")
    return next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True, slots=True)
class View:
    """A page, or a part of it that has an address; `shows` selects what it is for, filled with the shop's data."""

    name: str
    path: str
    shows: str
    who: Who | None = "owner"


VIEWS = (
    View("door", "/", "#secret", None),
    View("home", "/", ".choice"),
    View("pair", "/pair", ".lonely h1", None),
    View("join", "/c/{station}", ".lonely h1", None),
    View("station", "/station/{station}", ".tile, .open-add", "station"),
    View("me", "/me", ".code-frame svg", "phone"),
    View("me-offers", "/me#offers", "poi-near", "phone"),
    View("me-shop", "/me#shop", ".product-row", "phone"),
    View("me-receipts", "/me#receipts", ".receipt-row", "phone"),
    View("me-profile", "/me#profile", "[role=switch]", "phone"),
    View("dashboard", "/dashboard", ".figures-grid .stat"),
    View("access", "/dashboard#access", ".access-grid .list"),
    View("offers", "/offers", ".offer-card"),
    View("customers", "/customers", ".result"),
    View("campaigns", "/campaigns", ".campaign, .suggestion"),
    View("segments", "/campaigns#segments", "poi-segments li"),
    View("products", "/products", ".product-row"),
    View("orders", "/orders", ".order"),
    View("money", "/money", ".till"),
    View("sellers", "/sellers", "poi-people li, poi-people .empty"),
    View("audit", "/sellers#audit", ".audit tbody tr, poi-audit .empty"),
    View("reference", "/docs", "h1", None),
)


async def device(browser: Browser, server: Server, api: Api, who: Who | None, **options: Any) -> BrowserContext:
    """A browser of the owner, of the first counter, of a customer with a history, or of nobody."""
    context = await browser.new_context(**options)
    if who == "owner":
        entered = {"data": {"secret": server.secret}, "headers": {"Origin": server.url}}
        await context.request.post(f"{server.url}/v1/access/enter", **entered)  # type: ignore[arg-type]
    elif who is not None:
        subject = await (first_station(api) if who == "station" else regular(api))
        pairing = await api.call("POST", "/v1/pairings", {"role": who, "subject_id": subject})
        page = await context.new_page()
        await page.goto(pairing["url"])
        await page.wait_for_url(ARRIVED[who])
        await page.close()
    return context


async def first_station(api: Api) -> str:
    """The id of the counter that was made first."""
    return str((await api.call("GET", "/v1/stations"))["items"][0]["station_id"])


async def regular(api: Api) -> str:
    """The id of a customer whose card has been used often."""
    found = await api.call("GET", f"/v1/customers?q={next(iter(CARDS))}")
    return str(found["items"][0]["customer_id"])
