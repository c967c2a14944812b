"""The demo shops are whole: what a merchant would show is there, and the books are right."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.server.process import ServerProcess, headers, verify

pytestmark = pytest.mark.valkey
Ask = Callable[..., Awaitable[Any]]


@asynccontextmanager
async def asked(server: ServerProcess) -> AsyncIterator[Ask]:
    """Ask the server as its owner."""
    async with aiohttp.ClientSession(server.base_url, headers=headers(server.secret)) as http:

        async def ask(path: str, method: str = "GET", **query: Any) -> Any:
            async with http.request(method, path, params=query) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()

        yield ask


@pytest.mark.parametrize(
    ("kind", "states"),
    [("pastry", {"placed", "paid", "preparing", "ready", "on_the_way"}), ("clothing", {"ready", "preparing"})],
)
async def test_a_demo_shop_is_whole(tmp_path: Path, kind: str, states: set[str]) -> None:
    """Two stores and central, sheets in two languages with pictures, staff, orders, a campaign; made once; verified."""
    server = await asyncio.to_thread(ServerProcess, tmp_path, demo_shop=kind)
    try:
        async with asked(server) as ask:
            stores = [store["store_id"] for store in (await ask("/v1/stores"))["items"]]
            assert len(stores) == 2
            await _has_goods(ask, stores)
            await _has_people(ask, all_take_payments=kind == "pastry")
            orders = (await ask("/v1/orders"))["items"]
            assert {order["state"] for order in orders} == states
            assert {order["how"] for order in orders} == {"delivery", "pick_up"}
            await _has_traded(ask)
        assert kind != "pastry" or await asyncio.to_thread(_started_again, server) == 1
    finally:
        assert await asyncio.to_thread(server.stop) == 0
    done = await asyncio.to_thread(verify, tmp_path)
    assert done.returncode == 0, done.stdout


async def _has_goods(ask: Ask, stores: list[str]) -> None:
    """Every product on sale has its words in both languages and a picture; variants lie at central and in a store."""
    products = (await ask("/v1/products", limit=200))["items"]
    for product in products:
        sheet = (await ask(f"/v1/products/{product['code']}/sheet", station_id=await _station(ask)))["product"]
        assert sheet["pictures"], product["label"]
        assert {text["label"] != "" for text in sheet["texts"].values()} == {True} and len(sheet["texts"]) == 2
    variants = [product for product in products if product["parent"]]
    assert len(variants) >= 3
    lying = [(await ask(f"/v1/products/{one['code']}/stock"))["items"] for one in variants]
    assert all({place["place"] for place in places} == {"central", *stores} for places in lying)
    assert any(place["available"] == 0 for places in lying for place in places), "nothing is missing anywhere"


async def _station(ask: Ask) -> str:
    return str((await ask("/v1/stations"))["items"][0]["station_id"])


async def _has_people(ask: Ask, *, all_take_payments: bool) -> None:
    staff = (await ask("/v1/sellers"))["items"]
    assert {person["role"] for person in staff} == {"manager", "seller", "auditor"}
    assert all(person["has_pin"] for person in staff)
    assert all(person["take_payment"] for person in staff) == all_take_payments


async def _has_traded(ask: Ask) -> None:
    """Weeks of sales, some by known customers and some returned; a campaign whose offer was used; suggestions."""
    figures = await ask("/v1/insights", first=_day(-40), last=_day(0))
    assert figures["totals"]["sales"] > 500 and figures["totals"]["refunds"] > 0
    (campaign,) = (await ask("/v1/campaigns"))["items"]
    assert campaign["state"] == "live" and campaign["draft"]["holdout"] > 0
    assert (await ask(f"/v1/campaigns/{campaign['campaign_id']}/counters"))["uses"] > 0
    suggested = {one["kind"] for one in (await ask("/v1/suggestions", "POST"))["items"]}
    assert {"together", "quiet_hours"} <= suggested


def _day(ahead: int) -> str:
    return (datetime.now(ZoneInfo("Europe/Paris")).date() + timedelta(days=ahead)).isoformat()


def _started_again(server: ServerProcess) -> int:
    """How often the PINs were told by then."""
    server.stop()
    server.start()
    return server.log().count("by PIN, shown this once")
