"""A friend's link in Chromium: shared from one phone, opened on another, which is then a member's sent by the first."""

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
import pytest_asyncio
import zxingcpp
from PIL import Image
from playwright.async_api import Page, expect

from tests.pages.conftest import PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def programme(shop: Shop) -> AsyncIterator[None]:
    """A referral programme, closed again afterwards."""
    for offer_id in ("link_friend", "link_thanks"):
        conditions = {"type": "segment", "any_of": [f"coupon:{offer_id}"]}
        offer = {"offer_id": offer_id, "name": {"en": f"Coupon {offer_id}"}, "currency": "EUR"}
        effects = [{"type": "amount_off", "amount": 300}]
        await shop.ask("POST", "/v1/offers", {**offer, "effects": effects, "conditions": conditions})
    rule = {"open": True, "friend_offer_id": "link_friend", "referrer_offer_id": "link_thanks"}
    assert (await shop.ask("PUT", "/v1/programme/referral", rule)).status == 200
    yield
    await shop.ask("PUT", "/v1/programme/referral", {**rule, "open": False})


async def member(visit: Visit, shop: Shop, station_id: str) -> Page:
    """The phone of a customer who scanned the station's code."""
    address = (await shop.ask("POST", f"/v1/stations/{station_id}/join-code")).json["url"]
    visitor = await visit(PHONE)
    await visitor.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.base_url)
    page = await visitor.open(address.removeprefix(shop.base_url))
    await expect(page.locator(".code-frame svg")).to_be_visible()
    return page


async def shared(page: Page) -> str:
    """What the share button hands over; this browser has no sheet to share with, so it copies."""
    await page.locator(".share-link").click()
    await expect(page.get_by_text("Copied")).to_be_visible()
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def test_the_link_ends_in_a_membership_that_rewards_both(
    visit: Visit, shop: Shop, station_id: str, programme: None
) -> None:
    page = await member(visit, shop, station_id)
    text = await shared(page)
    assert "My shop" in text
    link = text.split()[-1]
    friend = await visit(PHONE)
    joined = await friend.open(link.removeprefix(shop.base_url))
    await expect(joined.locator(".code-frame svg")).to_be_visible()
    await expect(joined.get_by_text("waits for your first purchase")).to_be_visible()
    assert "#" not in joined.url, "the code stays in no history"
    customer_id = await _buys(shop, station_id, joined)
    await joined.reload()
    await expect(joined.get_by_text("Coupon link_friend")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("Coupon link_thanks")).to_be_visible()
    await expect(page.get_by_text("1 friend rewarded so far")).to_be_visible()
    assert (await shop.ask("GET", f"/v1/customers/{customer_id}/referral")).json["waiting"] is False


async def _buys(shop: Shop, station_id: str, phone: Page) -> str:
    """The friend's first purchase."""
    asked = "fetch('/v1/me').then((answer) => answer.json()).then((me) => me.customer_id)"
    customer_id = str(await phone.evaluate(asked))
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    engine = shop.services.engine
    await engine.stations.identify(
        shop.merchant_id, session, customer_id, scheme="poi1", assurance="authenticate", source="test"
    )
    path = f"/v1/sessions/{session}"
    decided = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"code": "cake"}]})).json
    accepted = {"decision_id": decided["decision_id"], "total": decided["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", accepted)
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": session})
    assert paid.json["state"] == "paid", paid.json
    return customer_id


async def test_a_phone_with_a_sheet_to_share_with_gets_text_and_link(
    visit: Visit, shop: Shop, station_id: str, programme: None
) -> None:
    """Debian's Chromium has no such sheet: what it would be handed is looked at."""
    page = await member(visit, shop, station_id)
    link = (await shared(page)).split()[-1]
    await page.evaluate("navigator.share = async (data) => { window.handed = data; }")
    await page.locator(".share-link").click()
    handed = await (await page.wait_for_function("window.handed")).json_value()
    assert handed["url"] == link
    assert "My shop" in handed["text"] and link not in handed["text"]


async def test_a_friend_beside_scans_the_same_link(visit: Visit, shop: Shop, station_id: str, programme: None) -> None:
    page = await member(visit, shop, station_id)
    link = (await shared(page)).split()[-1]
    await page.locator(".show-link").click()
    picture = page.get_by_role("img", name="QR code with your link for friends")
    await expect(picture).to_be_visible()
    seen = Image.open(BytesIO(await picture.screenshot())).convert("L")
    assert [code.text for code in zxingcpp.read_barcodes(seen)] == [link]


async def test_ones_own_link_is_refused_in_words(visit: Visit, shop: Shop, station_id: str, programme: None) -> None:
    page = await member(visit, shop, station_id)
    link = (await shared(page)).split()[-1]
    again = await page.context.new_page()
    await again.goto(link)
    await expect(again.get_by_role("heading", name="This link cannot be used here")).to_be_visible()
    await expect(again.get_by_text("same person")).to_be_visible()
    await again.goto(f"{shop.base_url}/join")
    await expect(again.get_by_text("Open the link your friend sent you")).to_be_visible()
