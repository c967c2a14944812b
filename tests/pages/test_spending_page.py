"""Above the shop's cap: the counter waits, the phone asks with a large yes and no, or a PIN answers."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import judge
from tests.pages.conftest import TABLET, Visit
from tests.pages.test_phone_page import joined
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def rich(visit: Visit, shop: Shop, station_id: str, **more: str) -> Page:
    """A phone whose customer has 90.00 in their wallet."""
    gives = {
        "offer_id": f"off_{station_id}",
        "name": {"en": "Ninety"},
        "currency": "EUR",
        "effects": [{"type": "cashback", "amount": 9000}],
        "conditions": {"type": "code", "any_of": [station_id]},
    }
    assert (await shop.ask("POST", "/v1/offers", gives)).status == 201
    phone, _ = await joined(visit, shop, station_id, **more)
    path, accepted = await decided(shop, station_id, 1000, [station_id])
    await shop.ask("POST", f"{path}/accept", accepted)
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": path})
    assert paid.json["state"] == "paid"
    await shop.ask("DELETE", f"/v1/offers/off_{station_id}")
    return phone


async def decided(shop: Shop, station_id: str, amount: int, codes: list[str]) -> tuple[str, dict[str, object]]:
    """A basket at the station: its session's address, and what to accept."""
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    body = {"entries": [{"label": "Box", "amount": amount}], "codes": codes}
    session = (await shop.ask("PUT", f"{path}/basket", body)).json
    return path, {"decision_id": session["decision_id"], "total": session["decision"]["total"]}


async def paying(visit: Visit, shop: Shop, station_id: str, phone: Page, **more: str) -> Page:
    """The counter's tablet, on which a basket of 60.00 is to be paid from the wallet."""
    address = (await shop.ask("POST", f"/v1/stations/{station_id}/join-code")).json["url"]
    await phone.goto(address)
    await expect(phone.locator(".code-frame svg")).to_be_visible()
    await decided(shop, station_id, 6000, [])
    visitor = await visit(TABLET, **more)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await expect(page.locator(".payment .total")).to_contain_text("60")
    await page.locator(".pay-wallet").click()
    return page


async def test_the_phone_says_yes_and_the_counter_goes_on(visit: Visit, shop: Shop, station_id: str, axe: str) -> None:
    phone = await rich(visit, shop, station_id)
    counter = await paying(visit, shop, station_id, phone)
    await expect(counter.get_by_role("dialog", name="Waiting for the customer")).to_contain_text("€60.00")
    asked = phone.get_by_role("dialog", name="Is this you?")
    await expect(asked.locator(".balance-figure")).to_have_text("€60.00")
    assert await judge(phone, axe) == ""
    assert await judge(counter, axe) == ""
    await asked.get_by_role("button", name="Yes, I agree").click()
    await expect(counter.locator(".stage.is-paid .total")).to_have_text("€60.00")
    await expect(asked).to_be_hidden()


async def test_a_no_on_the_phone_in_french_leaves_the_sale_open(visit: Visit, shop: Shop, station_id: str) -> None:
    phone = await rich(visit, shop, station_id, locale="fr-FR")
    counter = await paying(visit, shop, station_id, phone, locale="fr-FR")
    asked = phone.get_by_role("dialog", name="C’est bien vous ?")
    await expect(asked).to_contain_text(re.compile(r"60,00\s€"))
    await asked.get_by_role("button", name="Non", exact=True).click()
    await expect(counter.get_by_text("Le client a refusé.")).to_be_visible()
    stage = counter.locator(".stage")
    await stage.get_by_role("button", name="Espèces").click()
    await stage.get_by_role("button", name="Encaisser").click()
    await expect(counter.locator(".stage.is-paid")).to_be_visible()


async def test_a_pin_chosen_on_the_phone_confirms_at_the_counter(visit: Visit, shop: Shop, station_id: str) -> None:
    phone = await rich(visit, shop, station_id)
    await phone.get_by_role("button", name="Profile").click()
    await phone.get_by_label("New PIN").fill("5093")
    await (
        phone.locator("section", has=phone.get_by_role("heading", name="My PIN"))
        .get_by_role("button", name="Save")
        .click()
    )
    await expect(phone.get_by_text("You have a PIN.")).to_be_visible()
    counter = await paying(visit, shop, station_id, phone)
    asked = phone.get_by_role("dialog", name="Is this you?")
    await expect(asked).to_be_visible()
    waiting = counter.get_by_role("dialog", name="Waiting for the customer")
    await waiting.get_by_role("button", name="They type their PIN here").click()
    for digit in "5094":
        await waiting.get_by_role("button", name=digit, exact=True).click()
    await waiting.get_by_role("button", name="Yes, I agree").click()
    await expect(waiting.get_by_role("alert")).to_have_text("Wrong PIN.")
    for digit in "5093":
        await waiting.get_by_role("button", name=digit, exact=True).click()
    await waiting.get_by_role("button", name="Yes, I agree").click()
    await expect(counter.locator(".stage.is-paid")).to_be_visible()
    await expect(asked).to_be_hidden()


async def test_an_owner_reads_the_cap_where_the_rules_are(visit: Visit, shop: Shop) -> None:
    page = await (await visit()).sign_in("owner")
    await page.goto(f"{shop.base_url}/sellers")
    card = page.get_by_role("region", name="Points and wallet without asking")
    await expect(card).to_contain_text("Up to €50.00 a visit")
    await expect(card.get_by_label("Most in one visit")).to_have_value("50")
