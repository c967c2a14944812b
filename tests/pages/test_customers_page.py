"""The customers' page in Chromium: search, profile, notes, consents, merge, export, erase, and the rules."""

import json
import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import DESKTOP, PHONE, Visit
from tests.server.shop import Shop
from tests.server.test_clientele_api import sell

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def opened(visit: Visit, role: str, size: dict[str, int] = DESKTOP, **more: str) -> Page:
    """The page, signed in."""
    visitor = await visit(size, **more)
    page = await visitor.open(f"/?next=%2Fcustomers#{visitor.shop.secrets[role]}")
    await page.get_by_role("searchbox").wait_for()
    return page


async def person(shop: Shop, name: str) -> tuple[str, str]:
    """A customer of this test's own: the id, and a name that nobody else has."""
    whole = f"{name} {os.urandom(4).hex()}"
    made = await shop.ask("POST", "/v1/customers", {"display_name": whole})
    return str(made.json["customer_id"]), whole


async def choose(page: Page, name: str) -> None:
    """Find and open one."""
    await page.get_by_role("searchbox").fill(name)
    await page.locator(".result", has_text=name).click()
    await expect(page.locator(".profile-head h2")).to_have_text(name)


async def test_the_profile_of_a_customer_who_was_found(visit: Visit, shop: Shop) -> None:
    """Figures, favourites, charts with tables; the address leads back to the same customer."""
    customer_id, name = await person(shop, "Odile Profil")
    await sell(shop, customer_id, 1250)
    page = await opened(visit, "owner")
    await choose(page, name)
    await expect(page.locator(".facts")).to_contain_text("€12.50")
    assert await page.locator(".profile-grid svg.chart[aria-label]").count() == 2
    await expect(page.locator(".history table")).to_contain_text("€12.50")
    assert page.url.endswith(f"#{customer_id}")
    await page.reload()
    await expect(page.locator(".profile-head h2")).to_have_text(name)


async def test_a_seller_gets_no_list_and_less_of_a_person(visit: Visit, shop: Shop) -> None:
    """Below three letters nothing is asked; the history is for the counter."""
    customer_id, name = await person(shop, "Paulette Vendue")
    page = await opened(visit, "seller", PHONE)
    await expect(page.get_by_text("at least 3 letters")).to_be_visible()
    await page.get_by_role("searchbox").fill("pa")
    await page.wait_for_timeout(600)
    assert await page.locator(".result").count() == 0
    await choose(page, name)
    await expect(page.locator(".banner")).to_contain_text("identify the customer at the counter")
    assert await page.locator(".facts").count() == 0
    await page.get_by_role("button", name="Back to the search").click()
    await expect(page.get_by_role("searchbox")).to_be_visible()
    del customer_id


async def test_a_new_customer_agrees_before_a_seller_writes_them_down(visit: Visit, shop: Shop) -> None:
    """The text is shown, the box has to be ticked, and the proof names seller and way."""
    page = await opened(visit, "seller", PHONE, locale="fr-FR")
    name = f"Nadia {os.urandom(4).hex()}"
    await page.get_by_role("button", name="Nouveau client").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Nom", exact=True).fill(name)
    await form.get_by_role("button", name="Enregistrer").click()
    await expect(form).to_be_visible()
    await form.get_by_label("Le client l’a lu et accepte").check()
    await form.get_by_label("De quelle façon").select_option("signed")
    await form.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator(".profile-head h2")).to_have_text(name)
    await page.locator(".consents li", has_text="Être reconnu").locator("summary").click()
    await expect(page.locator(".proof")).to_contain_text("oui à la version 1 (par signature, vendeur")


async def test_notes_and_consents_are_written_on_the_profile(visit: Visit, shop: Shop) -> None:
    """A note appears with who and when and goes again; a consent is taken by showing its text."""
    customer_id, name = await person(shop, "Rémi Notes")
    page = await opened(visit, "owner")
    await choose(page, name)
    await page.get_by_label("Write a note").fill("Likes <b>tea</b>")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator(".note")).to_have_text("Likes <b>tea</b>")
    row = page.locator(".consents li", has_text="News and offers")
    await row.get_by_role("button", name="Ask").click()
    await page.get_by_role("dialog").get_by_role("button", name="The customer said yes").click()
    await expect(row.locator(".chip")).to_have_text("agreed")
    await row.get_by_role("button", name="Take back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take back").click()
    await expect(row.locator(".chip")).to_have_text("not agreed")
    states = (await shop.ask("GET", f"/v1/customers/{customer_id}/consents")).json["items"]
    [marketing] = [state for state in states if state["purpose"] == "marketing"]
    assert [word["given"] for word in marketing["history"]] == [False, True]
    await page.get_by_role("button", name="Erase this note").click()
    await page.get_by_role("dialog").get_by_role("button", name="Erase this note").click()
    await expect(page.locator(".note")).to_have_count(0)


async def test_two_records_are_compared_and_merged(visit: Visit, shop: Shop) -> None:
    """What both have together is shown before; afterwards one record has it."""
    one, name = await person(shop, "Solène Une")
    two, other = await person(shop, "Solène Deux")
    await sell(shop, one, 1000)
    await sell(shop, two, 2000)
    page = await opened(visit, "manager", PHONE)
    await choose(page, name)
    await page.get_by_role("button", name="Merge a duplicate").click()
    asking = page.get_by_role("dialog")
    await expect(asking.get_by_role("button", name="Make them one")).to_be_disabled()
    await asking.get_by_role("searchbox").fill(other)
    await asking.locator(".result").click()
    await expect(asking.locator("tbody tr").first).to_contain_text("30")
    await asking.get_by_role("button", name="Make them one").click()
    await expect(page.locator(".facts")).to_contain_text("€30.00")
    await expect(page.locator(".profile-head")).to_contain_text("1 other record merged")
    assert (await shop.ask("GET", f"/v1/customers/{two}")).json["customer_id"] == one


async def test_everything_is_exported_and_the_person_erased(visit: Visit, shop: Shop, tmp_path: Path) -> None:
    """The download is the document of the API, indented; erasing asks first."""
    customer_id, name = await person(shop, "Théo Dernier")
    page = await opened(visit, "owner")
    await choose(page, name)
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Export everything").click()
    file = tmp_path / "export.json"
    await (await started.value).save_as(file)
    text = file.read_text("utf-8")
    assert json.loads(text)["identity"]["name"] == name
    assert text.count("\n") > 20
    await page.get_by_role("button", name="Erase", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Erase", exact=True).click()
    await expect(page.locator(".profile-head")).to_have_count(0)
    assert (await shop.ask("GET", f"/v1/customers/{customer_id}")).status == 404


async def test_the_rules_are_changed_and_tried(visit: Visit, shop: Shop) -> None:
    """Retention is tried without doing anything; a text gets a new version."""
    page = await opened(visit, "owner")
    await page.get_by_role("button", name="Rules").click()
    await page.get_by_label("Years after the last act").fill("4")
    card = page.locator("section", has_text="How long customers are kept")
    await card.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast.good")).to_be_visible()
    assert (await shop.ask("GET", "/v1/programme/retention")).json["years"] == 4
    await card.get_by_role("button", name="Whom does it concern?").click()
    await expect(page.get_by_role("dialog")).to_contain_text("0 customers have given no sign for 4 years")
    await page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    row = page.locator(".texts-card li", has_text="News and offers")
    await row.get_by_role("button", name="Change").click()
    await page.get_by_role("dialog").get_by_label("English").fill("Shall we write to you?")
    await page.get_by_role("dialog").get_by_role("button", name="Save as a new version").click()
    await expect(row).to_contain_text("version 2")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_nothing_is_wider_than_the_screen_and_every_button_can_be_touched(
    visit: Visit, shop: Shop, size: dict[str, int]
) -> None:
    """At 390 pixels as at 1440."""
    customer_id, name = await person(shop, "Ursule " + "Longue-" * 8)
    await sell(shop, customer_id, 500)
    page = await opened(visit, "owner", size, locale="fr-FR")
    await choose(page, name)
    wide = await page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
        ".filter((node) => node.getBoundingClientRect().right > innerWidth).map((node) => node.outerHTML.slice(0, 90))"
    )
    assert wide == []
    small = await page.evaluate(
        "[...document.querySelectorAll('main button, main summary, main input')].filter((node) => node.offsetParent)"
        ".filter((node) => node.getBoundingClientRect().height < 43.5).map((node) => node.outerHTML.slice(0, 120))"
    )
    assert small == []


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
async def test_axe_finds_nothing_on_a_profile_its_dialogs_and_the_rules(
    visit: Visit, shop: Shop, axe: str, locale: str
) -> None:
    """In light and in dark, with everything opened."""
    customer_id, name = await person(shop, "Wanda Axe")
    await sell(shop, customer_id, 990)
    await shop.ask("POST", f"/v1/customers/{customer_id}/notes", {"text": "Tall"})
    consent = {"given": True, "version": 1}
    await shop.ask("PUT", f"/v1/customers/{customer_id}/consents/profiling", consent)
    page = await opened(visit, "owner", locale=locale)
    await choose(page, name)
    await page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true")
    assert await judge(page, axe) == ""
    for opener in (".profile-head .button:not(.back)", ".consents .button", ".wide .button:has([href*=branch])"):
        await page.locator(opener).first.click()
        await page.get_by_role("dialog").wait_for()
        assert await judge(page, axe) == "", opener
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.locator(".segmented button").nth(1).click()
    await page.locator(".texts-card").wait_for()
    assert await judge(page, axe) == ""
