"""The counter without the server, in Chromium: cash goes on, nothing is doubled, and the page opens again offline."""

import pytest
from msgspec import json
from playwright.async_api import Page, expect

from tests.pages.conftest import TABLET, Visit, Visitor
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

READY = """async (id) => {
  if (!(await indexedDB.databases()).some(({ name }) => name === `poi-counter-${id}`)) return false;
  const found = await new Promise((resolve) => {
    const request = indexedDB.open(`poi-counter-${id}`, 1);
    request.onsuccess = () => resolve(request.result);
  });
  const kept = await new Promise((resolve) => {
    const asked = found.transaction('products').objectStore('products').count();
    asked.onsuccess = () => resolve(asked.result);
  });
  found.close();
  return kept > 0 && Boolean(await caches.match(`/station/${id}`));
}"""


async def _counter(visit: Visit, station_id: str, shop: Shop) -> tuple[Visitor, Page]:
    """A counter that has kept what it needs; sales for cash up to 50.00 go on without the server."""
    await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 5000})
    visitor = await visit(TABLET)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await expect(page.locator(".tile").first).to_be_visible()
    for _ in range(100):
        if await page.evaluate(READY, station_id):
            return visitor, page
        await page.wait_for_timeout(100)
    raise AssertionError("the counter kept nothing")


async def _sold(shop: Shop, station_id: str) -> list[int]:
    items = (await shop.ask("GET", "/v1/sales")).json["items"]
    return [sale["total"] for sale in items if sale["station_id"] == station_id]


async def test_cash_goes_on_without_the_server_and_is_recorded_once_when_it_is_back(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """Also when the page is opened anew meanwhile; above the floor nothing is sold."""
    visitor, page = await _counter(visit, station_id, shop)
    await visitor.context.set_offline(True)
    await page.reload()
    dialog = page.get_by_role("dialog", name="Without the server")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Baguette").click()
    await dialog.get_by_role("button", name="Baguette").click()
    await dialog.get_by_label("Cash handed over").fill("5")
    await expect(dialog.get_by_text("Change: €2.20")).to_be_visible()
    await dialog.get_by_role("button", name="Sold for cash").click()
    await expect(dialog.get_by_text("Waiting to be sent: 1")).to_be_visible()
    await dialog.get_by_label("Amount", exact=False).first.fill("51")
    await dialog.get_by_role("button", name="Amount").click()
    await expect(dialog.get_by_text("Above €50.00 a sale waits for the server.")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Sold for cash")).to_be_disabled()
    assert await _sold(shop, station_id) == []
    await visitor.context.set_offline(False)
    await expect(page.get_by_text("Recorded with the server: 1")).to_be_visible()
    await expect(page.locator(".away")).to_be_hidden()
    assert await _sold(shop, station_id) == [280]
    await dialog.get_by_role("button", name="Close").click()
    await expect(page.locator(".tile").first).to_be_visible()
    assert await _sold(shop, station_id) == [280]
    await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})


async def test_a_counter_that_loses_the_server_says_so_and_offers_to_go_on(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    visitor, page = await _counter(visit, station_id, shop)
    await visitor.context.set_offline(True)
    strip = page.locator(".away", has_text="Sales for cash up to €50.00 can go on")
    await expect(strip).to_be_visible()
    await strip.get_by_role("button", name="Go on for cash").click()
    await page.get_by_role("dialog").get_by_role("button", name="Baguette").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sold for cash").click()
    await expect(page.get_by_text("Waiting to be sent: 1")).to_be_visible()
    await visitor.context.set_offline(False)
    await expect(page.get_by_text("Recorded with the server: 1")).to_be_visible()
    assert await _sold(shop, station_id) == [140]
    await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})


PRICE = """async ([id, code]) => {
  if (!(await indexedDB.databases()).some(({ name }) => name === `poi-counter-${id}`)) return null;
  const found = await new Promise((resolve) => {
    const request = indexedDB.open(`poi-counter-${id}`, 1);
    request.onsuccess = () => resolve(request.result);
  });
  const kept = await new Promise((resolve) => {
    const asked = found.transaction('products').objectStore('products').get(code);
    asked.onsuccess = () => resolve(asked.result);
  });
  found.close();
  return kept?.unit_price;
}"""
RENEWAL_MS = 600_000


async def _until_kept(page: Page, station_id: str, code: str, price: int) -> None:
    for _ in range(100):
        if await page.evaluate(PRICE, [station_id, code]) == price:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"the counter does not know that {code} costs {price}")


async def test_a_counter_that_is_open_learns_the_floor_and_new_prices_also_after_an_outage(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """It was opened before anything could be sold without the server; a renewal that fails is not the last one."""
    candle = {"code": "candle", "label": "Candle", "unit_price": 300}
    await shop.ask("PUT", "/v1/products/candle", candle)
    visitor = await visit(TABLET)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.context.new_page()
    await page.clock.install()
    await page.goto(f"{shop.base_url}/station/{station_id}")
    await expect(page.locator(".tile").first).to_be_visible()
    try:
        await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 4000})
        await _until_kept(page, station_id, "candle", 300)
        await visitor.context.set_offline(True)
        await expect(page.locator(".away", has_text="Sales for cash up to €40.00 can go on")).to_be_visible()
        await page.clock.fast_forward(RENEWAL_MS)
        await visitor.context.set_offline(False)
        await shop.ask("PUT", "/v1/products/candle", {**candle, "unit_price": 350})
        await page.clock.fast_forward(RENEWAL_MS)
        await _until_kept(page, station_id, "candle", 350)
    finally:
        await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})
        await shop.ask("DELETE", "/v1/products/candle")


SPOILT = """async (id) => {
  const found = await new Promise((resolve) => {
    const request = indexedDB.open(`poi-counter-${id}`, 1);
    request.onsuccess = () => resolve(request.result);
  });
  const sold = { sold_at: new Date().toISOString(), lines: [{ unit_price: -100 }], total: 1 };
  const sale = { offline_id: "spoilt-000000000001", ...sold };
  const queue = found.transaction("queue", "readwrite", { durability: "strict" }).objectStore("queue");
  await new Promise((resolve) => { queue.put(sale, sale.offline_id).onsuccess = resolve; });
  found.close();
}"""


async def test_one_that_the_server_cannot_read_stops_no_other_and_is_told(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    visitor, page = await _counter(visit, station_id, shop)
    before = await _sold(shop, station_id)
    await visitor.context.set_offline(True)
    await page.locator(".away").get_by_role("button", name="Go on for cash").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount", exact=False).first.fill("-5")
    await dialog.get_by_role("button", name="Amount").click()
    await expect(dialog.locator(".line")).to_have_count(0)
    await dialog.get_by_role("button", name="Baguette").click()
    await dialog.get_by_role("button", name="Sold for cash").click()
    await expect(page.get_by_text("Waiting to be sent: 1")).to_be_visible()
    await page.evaluate(SPOILT, station_id)
    await visitor.context.set_offline(False)
    await expect(page.get_by_text("A sale made offline still waits").first).to_be_visible()
    await expect(page.get_by_text("Recorded with the server: 1").first).to_be_visible()
    assert sorted(await _sold(shop, station_id)) == sorted([140, *before])
    await _given_up(page, shop)
    await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})


async def _given_up(page: Page, shop: Shop) -> None:
    """A manager looks at it, takes it out as a file and drops it with a reason; the queue is empty."""
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()
    strip = page.locator(".spoilt", has_text="cannot be recorded: 1")
    await strip.get_by_role("button", name="Look at them").click()
    dialog = page.get_by_role("dialog", name="Sales that cannot be recorded")
    await expect(dialog.locator(".doubt")).to_contain_text("€0.01")
    await expect(dialog.get_by_role("button", name="Take it off this device")).to_be_disabled()
    async with page.expect_download() as saving:
        await dialog.get_by_role("button", name="Save as a file").click()
    told = json.decode((await (await saving.value).path()).read_bytes())
    assert [one["sale"]["offline_id"] for one in told] == ["spoilt-000000000001"]
    await dialog.get_by_role("button", name="Take it off this device").click()
    sure = page.get_by_role("dialog", name="Take it off this device")
    await sure.get_by_label("Why, and what became of the money").fill("a test of the till")
    await sure.get_by_role("button", name="Drop it").click()
    await expect(dialog.get_by_text("Nothing is left.")).to_be_visible()
    await expect(strip).to_be_hidden()
    (entry,) = (await shop.ask("GET", "/v1/audit?act=offline-dropped")).json["items"]
    assert entry["why"].startswith("a test of the till; ")


TENTH = {
    "offer_id": "off_offline_tenth",
    "name": {"en": "A tenth off"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000, "on": "line"}],
}


async def test_the_offers_that_need_no_server_are_given_and_recorded(visit: Visit, station_id: str, shop: Shop) -> None:
    """What the line is shown at is what is paid, and the server finds the same."""
    made = await shop.ask("POST", "/v1/offers", TENTH)
    assert made.status == 201, made.content
    try:
        visitor, page = await _counter(visit, station_id, shop)
        await visitor.context.set_offline(True)
        await page.reload()
        dialog = page.get_by_role("dialog", name="Without the server")
        await dialog.get_by_role("button", name="Baguette").click()
        await expect(dialog.locator(".offline-till .line .chip")).to_have_text("\u2212€0.14")
        await expect(dialog.locator(".tender-due")).to_contain_text("€1.26")
        await dialog.get_by_role("button", name="Sold for cash").click()
        await visitor.context.set_offline(False)
        await expect(page.get_by_text("Recorded with the server: 1")).to_be_visible()
        assert await _sold(shop, station_id) == [126]
        told = (await shop.ask("GET", "/v1/audit?act=offline-difference")).json["items"]
        assert [one for one in told if one["station_id"] == station_id] == []
    finally:
        await shop.ask("DELETE", f"/v1/offers/{TENTH['offer_id']}")
        await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})


async def test_a_queue_that_may_not_be_sent_now_says_so_and_goes_when_it_may(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """Nothing counts at a station in training: what was sold before waits until that is over."""
    _, page = await _counter(visit, station_id, shop)
    training = f"/v1/stations/{station_id}/training"
    await shop.ask("POST", training, {"on": True})
    await page.evaluate(SPOILT.replace("-100", "6543").replace("total: 1", "total: 6543"), station_id)
    await page.reload()
    await expect(page.locator(".toast", has_text="A sale made offline still waits")).to_be_visible()
    assert await _sold(shop, station_id) == []
    await shop.ask("POST", training, {"on": False})
    await page.reload()
    await expect(page.get_by_text("Recorded with the server: 1")).to_be_visible()
    assert await _sold(shop, station_id) == [6543]
    await shop.ask("PUT", "/v1/settings/offline", {"floor_limit": 0})


BEFORE = """async () => {
  const found = await new Promise((resolve) => {
    const request = indexedDB.open("poi-counter-sta_before", 1);
    request.onupgradeneeded = () => {
      for (const name of ["products", "facts", "queue"]) request.result.createObjectStore(name);
    };
    request.onsuccess = () => resolve(request.result);
  });
  const sold = { sold_at: "2001-01-01T00:00:00Z", lines: [{ unit_price: 4321 }], total: 4321 };
  const sale = { offline_id: "before-0000000001", ...sold };
  const queue = found.transaction("queue", "readwrite", { durability: "strict" }).objectStore("queue");
  await new Promise((resolve) => { queue.put(sale, sale.offline_id).onsuccess = resolve; });
  found.close();
}"""


async def test_a_tablet_paired_anew_sends_what_it_sold_as_another_station(visit: Visit, shop: Shop) -> None:
    """Also when its clock was wrong then."""
    visitor = await visit(TABLET)
    page = await visitor.open(f"/#{shop.secrets['station']}")
    await page.wait_for_url(f"**/station/{shop.station_id}")
    await page.evaluate(BEFORE)
    await page.reload()
    await expect(page.get_by_text("Recorded with the server: 1")).to_be_visible()
    assert 4321 in await _sold(shop, shop.station_id)
    await page.reload()
    await expect(page.locator(".tile").first).to_be_visible()
    assert (await _sold(shop, shop.station_id)).count(4321) == 1
