"""The money page in Chromium: a till's day and its closing, what is in doubt and its end, the means that are taken."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.async_api import Page, expect

from poi_engine.clock import SystemClock
from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.fiscal.steady import Steady
from poi_engine.ports import Capabilities
from tests.pages.conftest import TABLET, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]


async def _money(visit: Visit, tab: str = "", role: str = "owner") -> Page:
    visitor = await visit()
    await (await visitor.sign_in(role)).close()
    return await visitor.open(f"/money{tab}")


async def _sell(shop: Shop, station_id: str, amount: int, means: str = "cash") -> dict[str, str]:
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    body = {"entries": [{"label": "Cake", "amount": amount}]}
    decided = (await shop.ask("PUT", f"{path}/basket", body)).json
    await shop.ask("POST", f"{path}/accept", {"decision_id": decided["decision_id"], "total": amount})
    key = {"Idempotency-Key": f"{station_id}.{amount}"}
    sold: dict[str, str] = (await shop.ask("POST", f"{path}/pay", {"means": means}, headers=key)).json
    return sold


async def test_a_tills_day_is_shown_and_closed(visit: Visit, station_id: str, shop: Shop) -> None:
    """The figures by means and by VAT rate; the closing becomes a row, and the day is closed."""
    await _sell(shop, station_id, 1250)
    page = await _money(visit)
    await page.get_by_label("Till", exact=True).select_option(station_id)
    await expect(page.locator(".till")).to_contain_text("€12.50")
    await expect(page.locator(".till-figures")).to_contain_text("Cash")
    await page.get_by_role("button", name="Close the day").click()
    await page.get_by_role("dialog").get_by_role("button", name="Close the day").click()
    await expect(page.locator("poi-tills table").last).to_contain_text("Z 1")
    await expect(page.locator(".close-day")).to_be_disabled()
    closed = (await shop.ask("GET", f"/v1/stations/{station_id}/closings")).json["items"]
    assert [one["closing"]["total"] for one in closed] == [1250]


async def test_a_clock_that_may_be_wrong_is_told(visit: Visit, station_id: str, shop: Shop) -> None:
    fiscal = shop.services.engine.fiscal
    before, fiscal.steady = fiscal.steady, Steady(SystemClock())
    fiscal.steady.begin(newest=1.0, leapt=0.0)
    try:
        page = await _money(visit)
        await page.get_by_label("Till", exact=True).select_option(station_id)
        await expect(page.locator(".clock-doubted")).to_contain_text("check date and time")
    finally:
        fiscal.steady = before
    await page.reload()
    await page.get_by_label("Till", exact=True).select_option(station_id)
    await expect(page.locator(".till")).to_be_visible()
    await expect(page.locator(".clock-doubted")).to_have_count(0)


async def test_a_terminal_that_tells_another_time_is_told_of(
    visit: Visit, station_id: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = shop.services.engine.wiring.connectors["simulator"]
    with monkeypatch.context() as patch:
        patch.setattr(terminal, "clock_gaps", lambda: {station_id: -2700, "sta_of_nobody": 900}, raising=False)
        page = await _money(visit, "#doubts")
        await expect(page.locator("poi-doubts .clock-doubted")).to_contain_text("45 minutes behind the server")
    await page.reload()
    await expect(page.locator("poi-doubts p").first).to_be_visible()
    await expect(page.locator("poi-doubts .clock-doubted")).to_have_count(0)


def _terminal(shop: Shop) -> SimulatorConnector:
    terminal = shop.services.engine.wiring.connectors["simulator"]
    assert isinstance(terminal, SimulatorConnector)
    return terminal


@contextmanager
def _without_the_bank(shop: Shop) -> Iterator[None]:
    """The terminal cannot reach it."""
    terminal = _terminal(shop)
    terminal.bank_away = True
    try:
        yield
    finally:
        terminal.bank_away = False


async def _decide(page: Page, saw: str) -> None:
    """Give the reason in the dialog and put the decision on record."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("What you saw").fill(saw)
    await dialog.get_by_role("button", name="Record the decision").click()


async def test_a_payment_in_doubt_is_resolved_with_a_reason(visit: Visit, station_id: str, shop: Shop) -> None:
    doubtful = await _sell(shop, station_id, 1015, "card")  # no round of recovery is faster
    page = await _money(visit, "#doubts", "manager")
    card = page.locator(".doubt", has_text="€10.15")
    await expect(card).to_contain_text("nobody answered")
    await card.get_by_role("button", name="It was paid").click()
    await _decide(page, "the slip says so")
    await expect(card).to_have_count(0)
    assert (await shop.ask("GET", f"/v1/sessions/{doubtful['session_id']}")).json["state"] == "paid"


async def test_what_no_terminal_can_undo_is_ended_by_a_person(visit: Visit, station_id: str, shop: Shop) -> None:
    terminal = _terminal(shop)
    able, terminal.capabilities = terminal.capabilities, Capabilities(cancel=False, refund=False)
    try:
        doubtful = await _sell(shop, station_id, 1415, "card")
        word = {"outcome": "declined", "reason": "no slip"}
        await shop.ask("POST", f"/v1/sessions/{doubtful['session_id']}/resolve", word)
        page = await _money(visit, "#doubts", "manager")
        card = page.locator(".doubt", has_text="€14.15")
        await expect(card).to_contain_text("going back")
        await card.get_by_role("button", name="No money moved").click()
        await _decide(page, "its list shows nothing")
        await expect(card).to_have_count(0)
    finally:
        terminal.capabilities = able


async def test_a_card_taken_without_the_bank_is_listed_and_ended_when_it_declines(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """The station says whose risk it is; the money page what waits, and what the bank declined afterwards."""
    before = (await shop.ask("GET", "/v1/settings/offline")).json
    page = await _money(visit, "#means")
    await page.get_by_label("A card without the bank pays at most", exact=False).fill("20")
    await page.get_by_label("In all, while the bank is away", exact=False).fill("50")
    await page.keyboard.press("Tab")
    await expect(page.locator(".toast.good").first).to_be_visible()
    for _ in range(50):
        if (await shop.ask("GET", "/v1/settings/offline")).json["card_cap"] == 5000:
            break
        await page.wait_for_timeout(50)
    with _without_the_bank(shop):
        sold = await _sell(shop, station_id, 1005, "card")
        assert (sold["state"], sold["tenders"][0]["guaranteed"]) == ("paid", False)  # type: ignore[index]
        receipt = (await shop.ask("GET", f"/v1/sales/{sold['sale_id']}/receipt?lang=en")).json["text"]
        assert "at the merchant's risk" in receipt
        page = await _money(visit, "#risk", "manager")
        await expect(page.locator(".risk-waiting")).to_have_text("€10.05")
    await shop.services.engine.forwarding.round()
    await page.reload()
    card = page.locator(".doubt", has_text="€10.05")
    await expect(card).to_contain_text("The bank declined it")
    await expect(page.locator(".risk-waiting")).to_have_text("€0.00")
    await card.get_by_role("button", name="It was paid another way").click()
    await expect(page.get_by_role("dialog").get_by_label("Paid by")).to_have_value("cash")
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await card.get_by_role("button", name="It is lost").click()
    await _decide(page, "nobody came back")
    await expect(card).to_have_count(0)
    await shop.ask("PUT", "/v1/settings/offline", before)


async def test_what_another_card_paid_since_goes_back_by_what_the_counter_says(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    before = (await shop.ask("GET", "/v1/settings/offline")).json
    await shop.ask("PUT", "/v1/settings/offline", {"card_floor_limit": 5000})
    visitor = await visit(TABLET)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await expect(page.locator(".tile").first).to_be_visible()
    with _without_the_bank(shop):
        await _sell(shop, station_id, 1105, "card")
    await shop.services.engine.forwarding.round()
    (declined,) = (await shop.ask("GET", "/v1/payments/at-risk")).json["items"]
    word = {"outcome": "paid", "reason": "she came back", "paid_by": "card"}
    await shop.ask("POST", f"/v1/payments/{declined['payment_id']}/at-risk", word)
    await page.get_by_role("button", name="Refund", exact=True).click()
    refund = page.get_by_role("dialog")
    await refund.get_by_label("Reason").fill("burnt")
    await expect(refund.get_by_label("Another card paid since", exact=False)).to_be_hidden()
    await refund.get_by_role("button", name="Refund", exact=True).click()
    await expect(refund.get_by_label("Another card paid since", exact=False)).to_have_value("cash")
    await refund.get_by_role("button", name="Refund", exact=True).click()
    await expect(page.locator(".paper")).to_contain_text("Refund n°")
    await expect(page.locator(".paper")).to_contain_text("Cash")
    await shop.ask("PUT", "/v1/settings/offline", before)


async def test_an_owner_says_what_receipts_tell_of_the_company(visit: Visit, shop: Shop) -> None:
    page = await _money(visit, "#means")
    await page.get_by_label("VAT number").fill("fr 83 404833048")
    await page.get_by_label("Further lines").fill("SARL, RCS Lyon 404 833 048\n1 place Bellecour, Lyon")
    await page.keyboard.press("Tab")
    await expect(page.locator(".toast.good")).to_have_count(2)
    head = {"vat_number": "FR83404833048", "lines": ["SARL, RCS Lyon 404 833 048", "1 place Bellecour, Lyon"]}
    assert (await shop.ask("GET", "/v1/settings/receipt")).json == head
    await shop.ask("PUT", "/v1/settings/receipt", {})


async def test_an_owner_switches_means_off(visit: Visit, shop: Shop) -> None:
    before = (await shop.ask("GET", "/v1/settings/means")).json
    page = await _money(visit, "#means")
    await page.get_by_label("Wallet").uncheck()
    await expect(page.locator(".toast.good")).to_be_visible()
    assert "wallet" not in (await shop.ask("GET", "/v1/settings/means")).json["items"]
    await shop.ask("PUT", "/v1/settings/means", before)


async def test_a_card_held_for_a_tab_that_no_terminal_tells_of_is_ended_by_a_person(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    """The simulator answers an amount that ends in 15 only when it has been asked for some rounds."""
    session = (await shop.ask("POST", f"/v1/stations/{station_id}/session")).json["session_id"]
    await shop.services.engine.stations.identify(
        shop.merchant_id, session, shop.customer_id, scheme="p", assurance="staff", source="t"
    )
    body, key = {"ceiling": 1215}, {"Idempotency-Key": f"tab-{session}"}
    tab = (await shop.ask("POST", f"/v1/sessions/{session}/tab", body, headers=key)).json
    assert tab["state"] == "opening"
    page = await _money(visit, "#doubts", "manager")
    card = page.locator(".doubt", has_text="€12.15")
    await expect(card).to_contain_text("Card held for a tab")
    await card.get_by_role("button", name="It is not held").click()
    await expect(page.get_by_role("dialog").get_by_label("What you saw")).to_be_focused()
    await _decide(page, "no slip")
    await expect(card).to_have_count(0)
    assert (await shop.ask("GET", f"/v1/tabs/{tab['tab_id']}")).json["state"] == "declined"


async def test_a_credit_is_assigned_to_the_transfer_that_is_awaited(visit: Visit, station_id: str, shop: Shop) -> None:
    """While none is awaited the page says so; a transfer asks for the bank's word, not for a terminal's."""
    await shop.ask("PUT", "/v1/settings/bank", {"iban": "FR1420041010050500013M02606", "beneficiary": "Bakery"})
    before = (await shop.ask("GET", "/v1/settings/means")).json
    await shop.ask("PUT", "/v1/settings/means", {"items": [*before["items"], "transfer"]})
    credit = {"credit_id": f"bank-{station_id}", "amount": 4242, "currency": "EUR", "booked_at": "2026-11-22T00:00:00Z"}
    await shop.ask("POST", "/v1/bank/credits", {"credits": [credit]})
    page = await _money(visit, "#bank", "manager")
    card = page.locator(".doubt", has_text="€42.42")
    await expect(card).to_contain_text("Nov 22, 2026")
    await card.get_by_role("button", name="Assign to a sale").click()
    await expect(page.locator(".toast")).to_have_text("No transfer is awaited.")
    sold = await _sell(shop, station_id, 4242, "transfer")
    await page.get_by_role("button", name="In doubt").click()
    await page.reload()
    await expect(page.locator(".doubt", has_text="€42.42")).to_contain_text("Transfer · awaited")
    await expect(page.get_by_role("button", name="Has it arrived?")).to_be_visible()
    await page.get_by_role("button", name="Bank", exact=True).click()
    await card.get_by_role("button", name="Assign to a sale").click()
    await _decide(page, "the name")
    await expect(card).to_have_count(0)
    assert (await shop.ask("GET", f"/v1/sessions/{sold['session_id']}")).json["state"] == "paid"
    await shop.ask("PUT", "/v1/settings/means", before)
