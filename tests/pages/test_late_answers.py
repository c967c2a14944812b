"""The counter shows what it was told last: an answer that comes after newer word is not shown."""

import asyncio
import re

import pytest
from playwright.async_api import APIResponse, Route, WebSocketRoute, expect

from poi_engine.basket import BasketEntry
from tests.pages.conftest import TABLET, Visit
from tests.pages.staffing import new_person, open_till, unique
from tests.server.shop import BY, Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def test_an_answer_that_what_was_told_overtakes_is_not_shown(visit: Visit, shop: Shop, station_id: str) -> None:
    """The page asked what its session is while there was none; the answer comes after the word of a new one."""
    secret = (await shop.services.access.grant(shop.merchant_id, "station", station_id, "tablet", by=BY)).secret
    visitor = await visit(TABLET)
    asked: asyncio.Queue[tuple[Route, APIResponse]] = asyncio.Queue()

    async def late(route: Route) -> None:
        asked.put_nowait((route, await route.fetch()))

    await visitor.context.route(re.compile(f"/stations/{station_id}/session$"), late)
    page = await visitor.open(f"/#{secret}")
    route, nothing = await asked.get()
    assert await nothing.json() is None
    await shop.services.engine.stations.open(shop.merchant_id, station_id, [BasketEntry(code="cake")])
    await expect(page.locator(".line")).to_have_count(1)
    async with page.expect_response(re.compile(f"/stations/{station_id}/session$")):
        await route.fulfill(response=nothing)
    await page.wait_for_timeout(200)
    await expect(page.locator(".line")).to_have_count(1)


async def test_an_answer_that_a_sign_in_overtakes_is_not_shown(visit: Visit, shop: Shop, station_id: str) -> None:
    """The counter asked who is there while nobody was; the answer comes after somebody has signed in."""
    till = await open_till(visit, shop, station_id, TABLET)
    name, page = unique("Lou"), till.page
    await new_person(shop, name)
    sockets: list[WebSocketRoute] = []
    asked: list[Route] = []
    first: asyncio.Future[tuple[Route, APIResponse]] = asyncio.get_running_loop().create_future()

    def between(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    async def late(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            await route.continue_()
        else:
            first.set_result((route, await route.fetch()))

    await page.route_web_socket(re.compile("/v1/live"), between)
    await page.reload()
    await expect(page.locator(".seller")).to_be_visible()
    address = re.compile(f"/stations/{till.station_id}/seller$")
    await page.route(address, late)
    sockets[-1].send('{"kind": "resync"}')
    route, nobody = await first
    assert (await nobody.json())["person"] is None
    await till.enter(name)
    await page.wait_for_timeout(500)  # the counter is told, and asks again
    async with page.expect_response(address):
        await route.fulfill(response=nobody)
    await page.wait_for_timeout(200)
    assert name in await page.locator(".seller").inner_text()
