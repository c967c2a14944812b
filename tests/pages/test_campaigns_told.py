"""Campaigns in Chromium: a draft in three clicks, the five suggestions, telling of an offer, its effect."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import json, to_builtins
from playwright.async_api import Page, expect

from poi_engine.ports import Job, Query
from poi_engine.suggestions import model
from poi_engine.suggestions.model import Found
from poi_engine.suggestions.pairs import Pair
from poi_engine.suggestions.quiet import QuietHours
from poi_engine.webpush import new_key, public_point, to_text
from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

TODAY = date(2026, 11, 22)
LABELS = {"cafe": "Café crème", "eclair": "Éclair", "tarte": "Tarte aux pommes"}
PAIR = Pair(first="cafe", second="eclair", baskets=400, both=60, with_first=150, with_second=80)
QUIET = QuietHours(days=(2, 4), start=14, end=16, sales=0.5, usual=6.25)
FOUND = (
    model.together(PAIR, LABELS, TODAY, "en"),
    model.companion(
        Pair(first="tarte", second="cafe", baskets=400, both=100, with_first=200, with_second=150),
        "tarte",
        90,
        1,
        LABELS,
        TODAY,
        "en",
    ),
    model.quiet(QUIET, "sto_1", "", True, TODAY, "en"),
    model.lapsing(12, 7, TODAY, "en"),
    model.birthdays(9, TODAY, "en"),
)
COUNT_CLICKS = """addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.setItem("clicks", Number(sessionStorage.getItem("clicks") ?? 0) + 1);
}, { capture: true });"""


async def _page(visit: Visit, path: str, size: dict[str, int] = DESKTOP, **more: object) -> Page:
    visitor = await visit(size, **more)
    await (await visitor.sign_in("owner")).close()
    await visitor.context.add_init_script(COUNT_CLICKS)
    return await visitor.open(path)


async def _clicks(page: Page) -> int:
    return int(await page.evaluate("sessionStorage.getItem('clicks') ?? 0"))


async def _sold(shop: Shop, station_id: str) -> None:
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    decided = await shop.ask("PUT", f"/v1/sessions/{session}/basket", {"entries": [{"code": "cake"}]})
    accepted = {"decision_id": decided.json["decision_id"], "total": decided.json["decision"]["total"]}
    await shop.ask("POST", f"/v1/sessions/{session}/accept", accepted)
    key = {"Idempotency-Key": session}
    assert (await shop.ask("POST", f"/v1/sessions/{session}/pay", {"means": "cash"}, headers=key)).status == 200


async def _drafts(shop: Shop) -> dict[str, str]:
    items = (await shop.ask("GET", "/v1/campaigns")).json["items"]
    return {one["draft"]["name"]: one["campaign_id"] for one in items if one["state"] == "draft"}


# --- from a figure to a draft --------------------------------------------------------------------------------------


async def test_from_a_bar_of_the_dashboard_to_a_draft_in_three_clicks(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    await _sold(shop, station_id)
    before = await _drafts(shop)
    page = await _page(visit, "/dashboard")
    week = page.locator("figure", has_text="Hours and weekdays")
    await week.locator(".pick", has_text=re.compile(r"[1-9]\d*\.\d\d")).last.click()
    await page.get_by_role("link", name="Make an offer of this").click()
    editor = page.get_by_role("dialog")
    await editor.get_by_role("button", name="Save draft").click()
    await expect(editor).to_have_count(0)
    assert await _clicks(page) == 3
    made = (await _drafts(shop)).keys() - before.keys()
    assert [name.startswith("10% off from ") for name in made] == [True]


@pytest_asyncio.fixture(loop_scope="session")
async def suggestions(shop: Shop) -> AsyncIterator[None]:
    """One of each kind, as a night's computation writes them."""

    def put(place: int, one: Found) -> Query:
        document = json.encode({"figures": one.figures, "draft": to_builtins(one.draft)}).decode()
        return Query(
            "insert into suggestion (merchant_id, suggestion_id, kind, subject, state, document, weight, created_at, "
            "changed_at) values (?, ?, ?, 'told', 'open', ?, ?, 0, 0)",
            (shop.merchant_id, f"sug_told{place}", one.kind, document, one.weight),
        )

    def plant() -> Job[None]:
        for place, one in enumerate(FOUND):
            yield put(place, one)

    def take() -> Job[None]:
        yield Query("delete from suggestion where subject = 'told'")

    await shop.ask("POST", "/v1/suggestions")  # so that no round of today puts the planted ones away
    await shop.services.sql.write(plant)
    yield
    await shop.services.sql.write(take)


SHOWN = {
    "together": ("Café crème", "Éclair", "60", "15%", "40%", "× 2"),
    "companion": ("Tarte aux pommes", "Café crème", "200", "90"),
    "quiet_hours": ("Tuesday", "Thursday", "0.5", "6.3"),
    "lapsing": ("12 regulars", "every 7 days"),
    "birthdays": ("9 ",),
}


@pytest.mark.parametrize(("locale", "size"), [("en-GB", PHONE), ("fr-FR", DESKTOP)])
async def test_each_kind_of_suggestion_says_why_with_its_figures(
    visit: Visit, suggestions: None, locale: str, size: dict[str, int]
) -> None:
    page = await _page(visit, "/campaigns", size, locale=locale)
    await page.locator(".suggestion.is-birthdays").first.wait_for()
    for kind, words in SHOWN.items():
        card = page.locator(f".suggestion.is-{kind}").first
        assert await card.locator("dd").count() >= 1
        for figure in await card.locator("dd").all_inner_texts():
            assert any(letter.isdigit() for letter in figure), (kind, figure)
        for word in words if locale == "en-GB" else ():
            await expect(card).to_contain_text(word)
        assert "undefined" not in await card.inner_text() and "{" not in await card.inner_text()


async def test_a_suggestion_is_one_click_from_a_saved_draft(visit: Visit, shop: Shop, suggestions: None) -> None:
    page = await _page(visit, "/campaigns")
    card = page.locator(".suggestion.is-quiet_hours", has_text="Thursday")
    await card.locator(".make-draft").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await _clicks(page) == 1
    assert "Quiet hours: 10% off from 14:00 to 16:00" in await _drafts(shop)


# --- telling of it -------------------------------------------------------------------------------------------------


class Service:
    """A push service that counts what comes, phone by phone."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        app = web.Application()
        app.router.add_post("/send/{name}", self.take)
        self.server = TestServer(app, host="127.0.0.1")

    async def take(self, request: web.Request) -> web.Response:
        """One phone has left; the others get it."""
        name = request.match_info["name"]
        self.heard.append(name)
        return web.Response(status=410 if name.startswith("gone") else 201)

    async def phone(self, shop: Shop, name: str) -> str:
        """A customer who agreed, with a phone that listens here."""
        customer_id = str((await shop.ask("POST", "/v1/customers", {"display_name": name})).json["customer_id"])
        path = f"/v1/customers/{customer_id}/consents/push"
        assert (await shop.ask("PUT", path, {"given": True, "version": 1})).status < 300
        await shop.ask("PATCH", f"/v1/customers/{customer_id}", {"segments": ["told"]})
        keys = (to_text(public_point(new_key())), to_text(b"0123456789abcdef"))
        values = (shop.merchant_id, name, customer_id, str(self.server.make_url(f"/send/{name}")), *keys)

        def job() -> Job[None]:
            yield Query(
                "insert into push_subscription (merchant_id, subscription_id, customer_id, endpoint, p256dh, auth, "
                "language, created_at) values (?, ?, ?, ?, ?, ?, 'en', 0)",
                values,
            )

        await shop.services.sql.write(job)
        return customer_id


async def _live(shop: Shop, name: str, **more: object) -> str:
    """A running campaign of two offers for those who carry the word `told`."""
    offers = [
        {"name": {"en": f"{name} {n}", "fr": f"{name} {n}"}, "effects": [{"type": "points_fixed", "points": n}]}
        for n in (1, 2)
    ]
    draft = {"name": name, "offers": offers, "audience": ["told"], **more}
    made = (await shop.ask("POST", "/v1/campaigns", draft)).json["campaign_id"]
    assert (await shop.ask("POST", f"/v1/campaigns/{made}/start")).json["state"] == "live"
    return str(made)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_merchant_sees_whom_it_reaches_then_sends_once(
    visit: Visit, shop: Shop, size: dict[str, int], request: pytest.FixtureRequest
) -> None:
    service, run = Service(), request.node.callspec.id
    async with service.server:
        people = [await service.phone(shop, f"{name}-{run}") for name in ("ada", "bob", "gone")]
        silent = (await shop.ask("POST", "/v1/customers", {"display_name": "Silent"})).json["customer_id"]
        await shop.ask("PATCH", f"/v1/customers/{silent}", {"segments": ["told"]})
        campaign_id = await _live(shop, f"Told {run}")
        page = await _page(visit, "/campaigns", size)
        card = page.locator(".campaign", has_text=f"Told {run}")
        await card.get_by_role("button", name="Notify").click()
        panel = page.get_by_role("dialog")
        await panel.get_by_label(f"Told {run} 2").check()
        await expect(panel.locator(".notify-reach")).to_have_text("It would reach 3 phones of 3 customers.")
        await expect(panel.locator(".notify-left")).to_contain_text("1 has not agreed to notifications")
        await panel.get_by_role("button", name="Send now").dblclick()
        await expect(panel.locator(".notify-state")).to_have_text("Sent.")
        await expect(panel.locator(".notify-sent dd")).to_have_text("2")
        await expect(panel.locator(".notify-gone dd")).to_have_text("1")
        assert sorted(service.heard) == sorted(f"{name}-{run}" for name in ("ada", "bob", "gone"))
        await panel.get_by_role("button", name="Close").click()
        await card.get_by_role("button", name="Notify").click()
        await expect(panel.locator(".notify-reach")).to_have_text("It would reach nobody now.")
        await expect(panel.locator(".notify-left")).to_contain_text("2 were told of an offer in the last 24 hours")
        await expect(panel.get_by_role("button", name="Send now")).to_be_disabled()
    await shop.ask("POST", f"/v1/campaigns/{campaign_id}/stop")
    for customer_id in (*people, silent):
        await shop.ask("DELETE", f"/v1/customers/{customer_id}")


# --- what it brought, and what it may cost -------------------------------------------------------------------------


async def test_the_effect_is_the_campaigns_and_honest_about_few(visit: Visit, shop: Shop) -> None:
    campaign_id = await _live(shop, "Measured", holdout=1000)
    page = await _page(visit, "/campaigns", PHONE)
    await page.locator(".campaign", has_text="Measured").get_by_role("button", name="Effect").click()
    panel = page.get_by_role("dialog")
    await expect(panel.locator(".lift-spend .banner").first).to_contain_text("Not enough data yet")
    await panel.get_by_text("Offer by offer").click()
    await expect(panel.get_by_role("heading", name="Measured 2")).to_be_visible()
    await expect(panel.get_by_text("cannot be told apart")).to_have_count(2)
    await shop.ask("POST", f"/v1/campaigns/{campaign_id}/stop")


async def test_a_limit_is_shared_by_all_offers_unless_told_otherwise(visit: Visit, shop: Shop, station_id: str) -> None:
    page = await _page(visit, "/campaigns", DESKTOP)
    await page.locator(".new-campaign").click()
    editor = page.get_by_role("dialog")
    await editor.get_by_label("Name of the campaign").fill("Shared")
    await editor.get_by_label("Name (English)").fill("First")
    await editor.get_by_label("Add a benefit").select_option("points_fixed")
    await editor.get_by_role("button", name="Add a limit").click()
    await expect(editor.get_by_label("All offers of the campaign together")).to_be_checked()
    await editor.locator(".kind-limit_cap input:visible").fill("7")
    await editor.get_by_role("button", name="Start").click()
    await expect(editor).to_have_count(0)
    found = (await shop.ask("GET", "/v1/campaigns")).json["items"]
    (made,) = [one for one in found if one["draft"]["name"] == "Shared"]
    assert made["draft"]["limits"] == [{"of": "uses", "cap": 7, "per": "total", "period": "ever", "shared": True}]
    card = page.locator(".campaign", has_text="Shared")
    await expect(card.locator(".counter-left dd")).to_have_text("7 uses")
    await shop.ask("POST", f"/v1/campaigns/{made['campaign_id']}/stop")
