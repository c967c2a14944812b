"""The customer's phone in Chromium: join by the station's code, show the rotating code, also without a network."""

import io
import json
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from tests.pages.conftest import PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _joined(visit: Visit, shop: Shop, station_id: str, **more: Any) -> Page:
    """A phone that scanned the station's code."""
    address = (await shop.ask("POST", f"/v1/stations/{station_id}/join-code")).json["url"]
    visitor = await visit(PHONE, **more)
    page = await visitor.open(address.removeprefix(shop.base_url))
    await expect(page.locator(".code-frame svg")).to_be_visible()
    return page


async def _shown_code(page: Page) -> str:
    """What an independent decoder reads on the phone's screen."""
    picture = Image.open(io.BytesIO(await page.locator(".code-frame").screenshot()))
    (found,) = zxingcpp.read_barcodes(picture)
    return str(found.text)


async def _scan(shop: Shop, station_id: str, text: str) -> Any:
    return (await shop.ask("POST", f"/v1/stations/{station_id}/scan", {"text": text})).json["session"]


async def test_scanning_the_stations_code_makes_a_customer_and_joins_the_counter(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """No form: the phone is a pseudonym at once, and the counter knows it."""
    page = await _joined(visit, shop, station_id)
    assert "#" not in page.url
    session = (await shop.ask("GET", f"/v1/stations/{station_id}/session")).json
    assert session["identity"]["assurance"] == "authenticate"
    assert session["identity"]["pseudonym"] is True


async def test_the_code_on_the_screen_identifies_once(visit: Visit, shop: Shop, station_id: str) -> None:
    """Dark theme too: the quiet zone stays white. Shown twice, the second time it is refused."""
    page = await _joined(visit, shop, station_id, color_scheme="dark")
    digits = await _shown_code(page)
    assert len(digits) == 63 and digits.isdigit()
    other = (await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Other"})).json["station_id"]
    assert (await _scan(shop, other, digits))["identity"]["scheme"] == "poi1"
    third = (await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Third"})).json["station_id"]
    assert (await _scan(shop, third, digits))["notice"]["code"] == "token-replayed"


async def test_it_goes_on_without_a_network(visit: Visit, shop: Shop, station_id: str) -> None:
    """After the first visit the page opens offline, shows what it knew, and its codes are accepted."""
    page = await _joined(visit, shop, station_id)
    await page.evaluate("navigator.serviceWorker.ready")
    await page.wait_for_function(
        "async () => { for (const name of await caches.keys()) { const cache = await caches.open(name);"
        " if ((await cache.match('/me')) && (await cache.keys()).length > 18) return true; } return false; }"
    )
    await page.context.set_offline(True)
    await page.goto(f"{shop.base_url}/me")
    await expect(page.locator(".code-frame svg")).to_be_visible()
    await expect(page.get_by_text("Your code works.")).to_be_visible()
    fresh = (await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Fresh"})).json["station_id"]
    assert (await _scan(shop, fresh, await _shown_code(page)))["identity"]["assurance"] == "authenticate"


async def test_the_key_cannot_be_taken_off_the_phone(visit: Visit, shop: Shop, station_id: str) -> None:
    """The CryptoKey in IndexedDB refuses to be exported, and no storage holds its raw bytes."""
    page = await _joined(visit, shop, station_id)
    script = """async () => { const files = document.documentElement.dataset.static;
      const { recall } = await import(files + '/js/me/device.js');
      const { key } = await recall('device');
      const taken = await crypto.subtle.exportKey('raw', key).then(() => 'taken', (error) => error.name);
      return [taken, key.extractable, JSON.stringify({ ...localStorage, ...sessionStorage })]; }"""
    taken, extractable, stored = await page.evaluate(script)
    assert (taken, extractable, json.loads(stored)) == ("InvalidAccessError", False, {})


async def test_a_sale_shows_up_on_the_phone(visit: Visit, shop: Shop, station_id: str) -> None:
    """While it is rung up, and afterwards as a receipt."""
    page = await _joined(visit, shop, station_id)
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json
    body = {"entries": [{"code": "cake", "quantity": 2000}]}
    session = (await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", body)).json
    await expect(page.locator(".at-counter")).to_contain_text("€24.00")
    accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"/v1/sessions/{session['session_id']}/accept", accepted)
    path = f"/v1/sessions/{session['session_id']}/pay"
    await shop.ask("POST", path, {"means": "cash"}, headers={"Idempotency-Key": session["session_id"]})
    await expect(page.locator(".at-counter")).to_have_count(0)
    await page.get_by_role("button", name="Receipts").click()
    await expect(page.locator(".receipts")).to_contain_text("€24.00")


async def test_a_phone_that_wakes_up_sees_what_is_rung_up(visit: Visit, shop: Shop, station_id: str) -> None:
    """What was told before its connection stood is in what it loads."""
    page = await _joined(visit, shop, station_id)
    session = (await shop.ask("GET", f"/v1/stations/{station_id}/session")).json
    await page.close()
    body = {"entries": [{"code": "cake", "quantity": 2000}]}
    await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", body)
    page = await page.context.new_page()
    await page.goto(f"{shop.base_url}/me")
    await expect(page.locator(".at-counter")).to_contain_text("€24.00")
    await page.get_by_role("button", name="Refresh").click()
    await page.wait_for_timeout(500)
    await expect(page.locator(".at-counter")).to_contain_text("€24.00")


async def test_the_profile_is_changed_and_everything_erased(visit: Visit, shop: Shop, station_id: str) -> None:
    """A nickname with markup stays text; after erasing, this phone is nobody."""
    page = await _joined(visit, shop, station_id)
    await page.get_by_role("button", name="Profile").click()
    await page.get_by_label("First name or nickname").fill("<i>Zoë</i>")
    await page.get_by_label("Birthday").fill("1990-02-28")
    await page.get_by_label("Language").select_option("en")
    await page.locator("form").get_by_role("button", name="Save").click()
    await expect(page.locator("h1")).to_contain_text("<i>Zoë</i>")
    await page.get_by_role("button", name="Erase my data").click()
    await page.get_by_role("button", name="Erase everything").click()
    await page.wait_for_url(f"{shop.base_url}/")
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_offers_near_me_ask_for_the_position(visit: Visit, shop: Shop, station_id: str) -> None:
    """The browser's position goes into the request, and the answer into the list."""
    page = await _joined(visit, shop, station_id, geolocation={"latitude": 48.85, "longitude": 2.35})
    await page.get_by_role("button", name="Offers").click()
    async with page.expect_request(lambda request: "/v1/me/offers?lat=48.85" in request.url):
        await page.get_by_role("button", name="Use my position").click()
