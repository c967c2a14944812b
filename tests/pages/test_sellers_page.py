"""The staff in Chromium: persons made and changed, the rule of signing in, the audit, and signing in at the counter."""

import os
import re
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import DESKTOP, PHONE, TABLET, Visit
from tests.pages.staffing import PIN, Till, new_person, open_till, unique
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

SMALL = """() => [...document.querySelectorAll('button, a, input, select')].filter((node) => node.checkVisibility())
    .map((node) => [node.outerHTML.slice(0, 120), node.getBoundingClientRect()])
    .filter(([, box]) => box.height > 0 && box.height < 36 && !/checkbox/.test(box)).map(([name]) => name)"""


async def _page(visit: Visit, role: str = "owner", size: dict[str, int] = DESKTOP, path: str = "/sellers") -> Page:
    visitor = await visit(size)
    await (await visitor.sign_in(role)).close()
    return await visitor.open(path)


@pytest_asyncio.fixture(loop_scope="session")
async def rule(shop: Shop) -> Any:
    """Signing in is as it was afterwards."""
    yield
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "optional", "sign_out_minutes": 30})


@pytest_asyncio.fixture(loop_scope="session")
async def till(visit: Visit, shop: Shop, station_id: str) -> Till:
    """The tablet at its counter, nobody signed in."""
    return await open_till(visit, shop, station_id, TABLET)


async def test_a_person_is_added_limited_and_kept_out(visit: Visit, shop: Shop) -> None:
    """The form makes what the API then says; a card shows it at once."""
    name = unique("Camille")
    page = await _page(visit)
    await page.get_by_role("button", name="Add a person").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill(name)
    await form.get_by_label("May take payments").uncheck()
    await form.get_by_label("Refunds alone within 24 hours").fill("12.50")
    await form.get_by_role("button", name="Save").click()
    card = page.locator(".person", has_text=name)
    await expect(card).to_contain_text("Takes no payments")
    await expect(card).to_contain_text("Refunds up to €12.50 a day")
    people = (await shop.ask("GET", "/v1/sellers")).json["items"]
    made = next(person for person in people if person["name"] == name)
    assert (made["take_payment"], made["refund_limit"], made["role"]) == (False, 1250, "seller")
    await card.get_by_role("button", name="Keep out").click()
    await page.get_by_role("dialog").get_by_role("button", name="Keep out").click()
    await expect(card).to_contain_text("Kept out")


async def test_a_pin_is_typed_twice_and_a_simple_one_refused(visit: Visit, shop: Shop) -> None:
    """What the server refuses is said in the page's words; the right one is set."""
    name = unique("Sam")
    await shop.ask("POST", "/v1/sellers", {"name": name})
    page = await _page(visit)
    card = page.locator(".person", has_text=name)
    await expect(card).to_contain_text("No PIN")
    await card.get_by_role("button", name="PIN").click()
    form = page.get_by_role("dialog")
    for first, second, said in (("5093", "5094", "The two PINs differ"), ("1234", "1234", "guessed at once")):
        await form.get_by_label("New PIN", exact=True).fill(first)
        await form.get_by_label("The new PIN again").fill(second)
        await form.get_by_role("button", name="Save").click()
        await expect(page.locator(".toast", has_text=said)).to_be_visible()
    for label in ("New PIN", "The new PIN again"):
        await form.get_by_label(label, exact=True).fill(PIN)
    await form.get_by_role("button", name="Save").click()
    await expect(card).to_contain_text("PIN set")


async def test_a_badge_is_linked_and_taken_away(visit: Visit, shop: Shop) -> None:
    """By the reference on the card."""
    name, reference = unique("Noor"), f"badge-{os.urandom(3).hex()}"
    await shop.ask("POST", "/v1/sellers", {"name": name})
    page = await _page(visit)
    card = page.locator(".person", has_text=name)
    await card.get_by_role("button", name="Badges").click()
    await page.get_by_role("dialog").get_by_label("Reference or number").fill(reference)
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(card).to_contain_text("1 badge")
    await card.get_by_role("button", name="Badges").click()
    await page.get_by_role("dialog").get_by_role("button", name=f"Take away {reference}").click()
    await expect(page.get_by_role("dialog")).not_to_contain_text(reference)
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(card).not_to_contain_text("1 badge")


async def test_the_audit_is_filtered_and_read_by_an_auditor_who_changes_nothing(visit: Visit, shop: Shop) -> None:
    """By person and act; its rows name both in the reader's language."""
    name = unique("Ines")
    seller_id = await new_person(shop, name)
    await shop.ask("PATCH", f"/v1/sellers/{seller_id}", {"refund_limit": 700})
    page = await _page(visit, "auditor", path="/sellers")
    rows = page.locator("table.audit tbody tr")
    await page.get_by_label("Act").select_option(label="Changed a person")
    await expect(rows.first).to_contain_text(name)
    await expect(rows.first).to_contain_text("Owner")
    await expect(rows.first).to_contain_text("refund_limit 700")
    await page.get_by_label("Who").select_option(label=name)
    await expect(page.locator(".empty")).to_contain_text("Nothing found")
    await page.get_by_role("button", name="People").click()
    await expect(page.locator(".person", has_text=name)).to_be_visible()
    assert await page.locator(".person-acts, .add-person").count() == 0
    assert await page.get_by_label("Signed out by itself").count() == 0


async def test_a_manager_changes_sellers_and_no_other_manager(visit: Visit, shop: Shop) -> None:
    """The buttons that would be refused are not there."""
    other, seller = unique("Mira"), unique("Sol")
    await shop.ask("POST", "/v1/sellers", {"name": other, "role": "manager"})
    await shop.ask("POST", "/v1/sellers", {"name": seller})
    page = await _page(visit, "manager")
    await expect(page.locator(".person", has_text=seller).get_by_role("button", name="Change")).to_be_visible()
    assert await page.locator(".person", has_text=other).get_by_role("button").count() == 0
    await page.get_by_role("button", name="Add a person").click()
    roles = page.get_by_role("dialog").get_by_label("Role").locator("option")
    await expect(roles).to_have_text(["Seller", "Auditor"])


async def test_one_signs_in_by_pin_and_the_sale_names_them(till: Till, shop: Shop) -> None:
    """A wrong PIN is said and typed again; the bar shows the name; the sale carries it."""
    name = unique("Ada")
    seller_id = await new_person(shop, name)
    await till.page.locator(".seller").click()
    await till.page.locator(".face", has_text=name).click()
    await till.type_pin("9999")
    await expect(till.page.locator(".pin-problem")).to_have_text("Wrong PIN.")
    await till.type_pin(PIN)
    await expect(till.page.locator(".seller")).to_contain_text(name)
    await till.sell("Baguette")
    await expect(till.page.locator(".stage.is-paid")).to_be_visible()
    sales = (await shop.ask("GET", "/v1/sales?limit=200")).json["items"]
    sale = next(sale for sale in sales if sale["station_id"] == till.station_id)
    receipt = (await shop.ask("GET", f"/v1/sales/{sale['sale_id']}")).json["receipt"]
    assert receipt["seller_id"] == seller_id


async def test_the_keyboard_types_a_pin_as_well(till: Till, shop: Shop) -> None:
    """Digits, a correction, and Enter."""
    name = unique("Kim")
    await new_person(shop, name)
    await till.page.locator(".seller").click()
    await till.page.locator(".face", has_text=name).click()
    await expect(till.page.locator(".pinpad")).to_be_focused()
    for key in (*PIN[:3], "1", "Backspace", PIN[3], "Enter"):
        await till.page.keyboard.press(key, delay=120)
    await expect(till.page.locator(".seller")).to_contain_text(name)


async def test_another_takes_over_at_once_and_the_other_tablet_sees_it(
    till: Till, visit: Visit, shop: Shop, station_id: str
) -> None:
    """Two taps and a PIN; every screen of the station shows who it is now; signing out leaves nobody."""
    first, second = unique("First"), unique("Second")
    await new_person(shop, first)
    await new_person(shop, second)
    twin = await till.visitor.open(f"/station/{station_id}")
    await till.enter(first)
    await expect(twin.locator(".seller")).to_contain_text(first)
    await till.enter(second)
    await expect(twin.locator(".seller")).to_contain_text(second)
    await twin.locator(".seller").click()
    await twin.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(till.page.locator(".seller")).to_have_text("Sign in")


async def test_who_may_not_take_payments_sees_why(till: Till, shop: Shop) -> None:
    """The buttons are disabled and the reason stands beneath; with somebody who may they work."""
    name, other = unique("Robin"), unique("Alex")
    await new_person(shop, name, take_payment=False)
    await new_person(shop, other)
    await till.enter(name)
    await till.page.locator(".tile", has_text="Baguette").click()
    for means in ("card", "cash"):
        await expect(till.page.locator(f".pay-{means}")).to_be_disabled()
    await expect(till.page.locator(".why-not")).to_contain_text("take payments")
    await till.enter(other)
    await expect(till.page.locator(".pay-cash")).to_be_enabled()
    assert await till.page.locator(".why-not").count() == 0


async def test_a_refund_above_the_limit_asks_a_manager_beside(till: Till, shop: Shop) -> None:
    """Their PIN on the same screen; then the refund is made and both are on record."""
    name, manager = unique("Pat"), unique("Grace")
    seller_id = await new_person(shop, name, refund_limit=0)
    manager_id = await new_person(shop, manager, role="manager")
    await till.enter(name)
    await till.sell("Baguette")
    await till.page.get_by_role("button", name="Refund", exact=True).click()
    refund = till.page.get_by_role("dialog", name="Refund")
    await refund.get_by_label("Reason").fill("burnt")
    await refund.get_by_role("button", name="Refund", exact=True).click()
    consent = till.page.get_by_role("dialog", name="A second person")
    await expect(consent).to_be_visible()
    await consent.locator(".face", has_text=manager).click()
    await till.type_pin(PIN, consent.locator(".pinpad"))
    await expect(till.page.locator(".paper")).to_contain_text("Refund n°")
    entries = (await shop.ask("GET", f"/v1/audit?act=refund&who=seller:{seller_id}")).json["items"]
    assert [entry["why"] for entry in entries] == [f"burnt; with seller:{manager_id}"]


async def test_a_doubtful_payment_takes_a_second_person(till: Till, shop: Shop) -> None:
    """The same for a seller's word on it."""
    name, manager = unique("Lou"), unique("Boss")
    await new_person(shop, name)
    await new_person(shop, manager, role="manager")
    await till.enter(name)
    await till.page.get_by_role("button", name="Amount", exact=True).click()
    for digit in "1015":  # no round of recovery is faster
        await till.page.locator(".keypad-keys .key", has_text=re.compile(f"^{digit}$")).click()
    await till.page.get_by_role("button", name="Add", exact=True).click()
    await till.page.locator(".pay-card").click()
    stage = till.page.locator(".stage.is-unknown")
    await stage.get_by_role("button", name="It was paid").click()
    await till.page.get_by_role("dialog").get_by_role("textbox").fill("the slip says so")
    await till.page.get_by_role("dialog").get_by_role("button", name="Record").click()
    consent = till.page.get_by_role("dialog", name="A second person")
    await consent.locator(".face", has_text=manager).click()
    await till.type_pin(PIN, consent.locator(".pinpad"))
    await expect(till.page.locator(".stage.is-paid")).to_be_visible()


@pytest.mark.usefixtures("rule")
async def test_where_signing_in_is_required_the_counter_waits_behind_it(
    visit: Visit, shop: Shop, station_id: str
) -> None:
    """At the width of a phone: nothing runs off, every target is large; after the PIN the counter is there."""
    name = unique("Toni")
    await new_person(shop, name)
    owner = await _page(visit)
    await owner.get_by_role("button", name="Always").click()
    await expect(owner.get_by_text("only shows")).to_be_visible()
    till = await open_till(visit, shop, station_id, PHONE)
    await expect(till.page.locator(".stage.is-locked")).to_be_visible()
    assert await till.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    await till.page.locator(".is-locked .face", has_text=name).click()
    assert await till.page.evaluate(SMALL) == []
    await till.type_pin(PIN)
    await expect(till.page.locator(".stage.is-locked")).to_have_count(0)
    await expect(till.page.locator(".open-add")).to_be_visible()


async def test_a_person_changes_their_own_pin_at_the_counter(till: Till, shop: Shop) -> None:
    """The old one, the new one, and the new one again."""
    name = unique("Val")
    await new_person(shop, name)
    await till.enter(name)
    await till.page.locator(".seller").click()
    await till.page.get_by_role("button", name="Change my PIN").click()
    dialog = till.page.get_by_role("dialog", name="Change my PIN")
    for label, pin in (("until now", PIN), ("New PIN", "8264"), ("again", "8264")):
        await expect(dialog.get_by_text(label).first).to_be_visible()
        await till.type_pin(pin, dialog.locator(".pinpad"))
    await expect(till.page.locator(".toast", has_text="The PIN is set")).to_be_visible()
    await till.enter(name, "8264")


async def test_on_a_persons_own_device_nobody_signs_in(visit: Visit, station_id: str) -> None:
    """The bar names whose device it is."""
    page = await _page(visit, "seller", TABLET, f"/station/{station_id}")
    await expect(page.locator(".seller-own")).to_have_text("Ada")
    assert await page.locator("button.seller").count() == 0


@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["390", "1024", "1440"])
@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
async def test_the_page_fits_every_screen_in_both_languages(visit: Visit, size: dict[str, int], locale: str) -> None:
    """Nothing runs off the side, no text is missing, every target can be touched."""
    visitor = await visit(size, locale=locale)
    await (await visitor.sign_in("owner")).close()
    for path in ("/sellers", "/sellers#audit"):
        page = await visitor.open(path)
        await page.locator(".person, table.audit").first.wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth") == size["width"]
        shown = await page.locator("main").inner_text()
        assert not re.search(r"\b(sellers|audit|role|access|signin)\.[a-z_]+\b", shown)
        assert await page.evaluate(SMALL) == []
        await page.close()


@pytest.mark.slow
@pytest.mark.usefixtures("rule")
async def test_axe_finds_nothing_in_what_opens_over_the_pages(visit: Visit, shop: Shop, axe: str, till: Till) -> None:
    """The chooser, the PIN pad, the locked counter, the forms about a person, and the audit."""
    name = unique("Axel")
    await new_person(shop, name, take_payment=False)
    await till.page.locator(".seller").click()
    await expect(till.page.locator(".face", has_text=name)).to_be_visible()
    assert await judge(till.page, axe) == ""
    await till.page.locator(".face", has_text=name).click()
    assert await judge(till.page, axe) == ""
    await till.type_pin(PIN)
    await expect(till.page.locator(".seller")).to_contain_text(name)
    assert await judge(till.page, axe) == ""
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "required", "sign_out_minutes": 30})
    await till.page.locator(".seller").click()
    await till.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(till.page.locator(".is-locked .face").first).to_be_visible()
    assert await judge(till.page, axe) == ""
    page = await _page(visit)
    for opened in ("Change", "PIN", "Badges"):
        await page.locator(".person", has_text=name).get_by_role("button", name=opened).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await judge(page, axe) == "", opened
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Audit").click()
    await expect(page.locator("table.audit")).to_be_visible()
    assert await judge(page, axe) == ""
