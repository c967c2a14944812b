"""The counter in Chromium before the real server: sell, identify, pay, refund, and every way a payment can end."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.pages.conftest import DESKTOP, FILMED_CODE, PHONE, TABLET, Visit
from tests.server.shop import Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

TOTAL = ".payment .total"
DECIDED = ".payment .pay:not(.is-pending) .total"
"""What the server has decided: a total is shown before."""


async def _counter(visit: Visit, station_id: str, size: dict[str, int] = TABLET, **more: str) -> Page:
    visitor = await visit(size, **more)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await expect(page.locator(".tile").first).to_be_visible()
    return page


async def _amount(page: Page, digits: str) -> None:
    await page.get_by_role("button", name="Amount", exact=True).click()
    for digit in digits:
        await page.locator(".key", has_text=re.compile(f"^{digit}$")).click()
    await page.get_by_role("button", name="Add", exact=True).click()


async def _pay(page: Page, means: str) -> None:
    button = page.locator(f".pay-{means}")
    await expect(button).to_be_enabled()
    await button.click()


async def test_a_sale_is_paid_in_cash_and_refunded_by_line(visit: Visit, station_id: str) -> None:
    """Tiles add, the stepper counts, markup in a label is text; the receipt shows, and a refund has one of its own."""
    page = await _counter(visit, station_id)
    await page.locator(".tile", has_text="Baguette").click()
    await page.locator(".tile", has_text="<b>Tarte</b> & co").click()
    await page.get_by_role("group", name="Quantity of Baguette").get_by_role("button", name="One more").click()
    await expect(page.locator(TOTAL)).to_have_text("€14.80")
    await _pay(page, "cash")
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€14.80")
    await expect(page.locator(".paper")).to_contain_text("<b>Tarte</b> & co")
    await page.get_by_role("button", name="Refund", exact=True).click()
    refund = page.get_by_role("dialog")
    await refund.get_by_role("checkbox").uncheck()
    await refund.get_by_role("group", name="Quantity of Baguette").get_by_role("button", name="One more").click()
    await refund.get_by_label("Reason").fill("burnt")
    await refund.get_by_role("button", name="Refund", exact=True).click()
    await expect(page.locator(".paper")).to_contain_text("Refund n°")
    await page.get_by_role("button", name="Next customer").click()
    await expect(page.locator(TOTAL)).to_have_text("€0.00")


async def test_a_receipt_that_is_printed_again_is_a_counted_duplicate(visit: Visit, station_id: str) -> None:
    """Whichever tablet of the counter prints it."""
    page, other = await _counter(visit, station_id), await _counter(visit, station_id, DESKTOP)
    for screen in (page, other):
        await screen.evaluate(
            "() => { window.printed = []; print = () => printed.push(document.querySelector('.printing').innerText); }"
        )
    await page.locator(".tile", has_text="Baguette").click()
    await _pay(page, "cash")
    first, second, third, fourth = [await _printed(screen) for screen in (page, page, other, page)]
    assert ("Receipt n°" in first, "DUPLICATE" in first) == (True, False)
    for number, paper in enumerate((second, third, fourth), 1):
        assert f"DUPLICATE n° {number}" in paper


async def _printed(page: Page) -> str:
    """What the next press of the button prints."""
    await expect(page.locator(".paper")).to_contain_text("Receipt n°")
    before = await page.evaluate("printed.length")
    await page.get_by_role("button", name="Print").click()
    for _ in range(500):
        if await page.evaluate("printed.length") > before:
            break
        await page.wait_for_timeout(20)
    return str(await page.evaluate("printed.at(-1)"))


async def test_the_buttons_over_the_sale_fit_a_phone_in_french(visit: Visit, station_id: str) -> None:
    visitor = await visit(PHONE, locale="fr-FR")
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    buttons = page.locator(".basket-head button")
    await expect(page.get_by_role("button", name="Recharger une cagnotte")).to_be_visible()
    assert await buttons.evaluate_all("(all) => all.every((one) => one.getBoundingClientRect().right <= innerWidth)")


async def test_two_tabs_see_the_same_sale_at_once(visit: Visit, station_id: str) -> None:
    """What one screen adds the other shows, in its own language and width."""
    first = await _counter(visit, station_id)
    second = await _counter(visit, station_id, DESKTOP, locale="fr-FR")
    await first.locator(".tile", has_text="Baguette").click()
    await expect(second.locator(TOTAL)).to_have_text(re.compile(r"1,40\s€"))
    await second.locator(".tile", has_text="Baguette").click()
    await expect(first.locator(TOTAL)).to_have_text("€2.80")


async def test_a_declined_card_leaves_the_sale_open_for_cash(visit: Visit, station_id: str) -> None:
    """Nothing was taken; another means pays the same total."""
    page = await _counter(visit, station_id)
    await _amount(page, "1051")
    await _pay(page, "card")
    await expect(page.locator(".stage.is-declined")).to_be_visible()
    await page.locator(".stage").get_by_role("button", name="Cash").click()
    await expect(page.locator(".stage.is-paid .total")).to_have_text("€10.51")


async def test_an_unanswered_card_is_never_charged_again(visit: Visit, station_id: str, shop: Shop) -> None:
    """The page offers to ask the terminal and to record what a person saw, and no second payment."""
    page = await _counter(visit, station_id)
    await _amount(page, "1013")
    await _pay(page, "card")
    stage = page.locator(".stage.is-unknown")
    await expect(stage).to_be_visible()
    assert await stage.get_by_role("button", name=re.compile("Card|Cash|Wallet")).count() == 0
    await stage.get_by_role("button", name="Ask the terminal").click()
    await expect(page.locator(".stage.is-paid")).to_be_visible()
    sales = (await shop.ask("GET", "/v1/sales")).json["items"]
    assert [sale["total"] for sale in sales if sale["station_id"] == station_id] == [1013]


async def test_an_offer_is_chosen_and_the_near_miss_named(visit: Visit, station_id: str, shop: Shop) -> None:
    """The panel says what is saved and what is missing; a code given at the counter counts."""
    code = station_id[-8:]
    offer = {
        "offer_id": f"code-{code}",
        "name": {"en": "Two off", "fr": "Deux de moins"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 200}],
        "conditions": {"type": "all", "of": [{"type": "code", "any_of": [code]}, {"type": "subtotal", "min": 500}]},
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    page = await _counter(visit, station_id, DESKTOP)
    await page.get_by_label("Offer code").fill(code)
    await page.get_by_role("button", name="Apply").click()
    await page.locator(".tile", has_text="Baguette").click()
    await expect(page.locator(".near")).to_contain_text("€3.60 more unlocks “Two off”")
    await page.locator(".tile", has_text="Tarte").click()
    await expect(page.locator(".chosen")).to_contain_text("Two off")
    await expect(page.locator(TOTAL)).to_have_text("€11.40")
    await page.get_by_text("Why these offers?").click()
    await expect(page.locator(".reasons")).to_contain_text("chosen")
    await shop.ask("DELETE", f"/v1/offers/{offer['offer_id']}")


async def test_a_scanner_types_a_product_into_the_sale(visit: Visit, station_id: str) -> None:
    """The server reads the line; the search field stays as it was."""
    page = await _counter(visit, station_id)
    await page.get_by_role("searchbox").fill("Mie")
    await page.evaluate(
        """(digits) => { const field = document.querySelector('input[type=search]'); field.focus();
           const event = (code) => new KeyboardEvent('keydown', { code, bubbles: true, cancelable: true });
           const send = (code) => field.dispatchEvent(event(code));
           for (const digit of digits) send(`Digit${digit}`); send('Enter'); }""",
        FILMED_CODE,
    )
    await expect(page.locator(".line")).to_contain_text("Miel")
    assert await page.get_by_role("searchbox").input_value() == "Mie"


async def test_the_camera_reads_a_product(visit: Visit, station_id: str) -> None:
    """Frames go to the server one at a time; the film shows an EAN code."""
    page = await _counter(visit, station_id)
    await page.evaluate(  # counted in the page: what the browser tells of its requests comes in no certain order
        """() => { const send = fetch; window.frames = { underWay: new Set(), together: [] };
           window.fetch = async (url, ...rest) => {
             const name = `${url.url ?? url} at ${Math.round(performance.now())}`;
             if (!name.includes("/scan?")) return send(url, ...rest);
             if (frames.underWay.size) frames.together.push([...frames.underWay, name]);
             frames.underWay.add(name);
             try { return await send(url, ...rest); } finally { frames.underWay.delete(name); }
           }; }"""
    )
    await page.get_by_role("button", name="Scan", exact=True).click()
    await expect(page.locator(".line")).to_contain_text("Miel", timeout=30_000)
    await page.get_by_role("button", name="Close").click()
    assert await page.evaluate("frames.together") == []
    await expect(page.locator("dialog")).to_have_count(0)


async def test_an_offer_made_meanwhile_has_its_name_at_an_open_counter(
    visit: Visit, station_id: str, shop: Shop
) -> None:
    page = await _counter(visit, station_id, DESKTOP)
    await page.locator(".tile", has_text="Baguette").click()
    await expect(page.locator(DECIDED)).to_have_text("€1.40")
    offer = {
        "offer_id": f"late-{station_id[-8:]}",
        "name": {"en": "Late bird"},
        "currency": "EUR",
        "effects": [{"type": "amount_off", "amount": 100}],
        "conditions": {"type": "subtotal", "min": 500},
    }
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    try:
        await page.locator(".tile", has_text="Baguette").click()
        await expect(page.locator(".near")).to_contain_text("“Late bird”")
    finally:
        await shop.ask("DELETE", f"/v1/offers/{offer['offer_id']}")


async def test_a_lost_connection_is_said_and_mended(visit: Visit, station_id: str, shop: Shop) -> None:
    """The strip appears while the server is away; afterwards the page shows what happened meanwhile."""
    page = await _counter(visit, station_id)
    await page.locator(".tile", has_text="Baguette").click()
    await expect(page.locator(DECIDED)).to_have_text("€1.40")
    await page.context.set_offline(True)
    for socket in list(shop.services.sockets):
        await socket.close()
    await expect(page.locator(".offline")).to_be_visible()
    session = (await shop.ask("GET", f"/v1/stations/{station_id}/session")).json
    entries = [{"code": "bread", "quantity": 3000}]
    await shop.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", {"entries": entries})
    await page.context.set_offline(False)
    await expect(page.locator(TOTAL)).to_have_text("€4.20")
    await expect(page.locator(".offline")).to_be_hidden()


async def test_the_phone_sized_counter_adds_from_a_sheet(visit: Visit, station_id: str) -> None:
    """At 390 px nothing runs off the side, every button is at least 40 px, and the sheet opens and closes."""
    page = await _counter_on_phone(visit, station_id)
    await page.get_by_role("button", name="Add", exact=True).click()
    await page.locator(".tile", has_text="Baguette").click()
    await page.locator(".add-head").get_by_role("button", name="Close").click()
    await expect(page.locator(TOTAL)).to_have_text("€1.40")
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    small = await page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, summary')].filter((node) => node.checkVisibility({
             visibilityProperty: true })).map((node) => [node.className, node.getBoundingClientRect()])
             .filter(([, box]) => box.height > 0 && (box.height < 36 || box.width < 40)).map(([name]) => name)"""
    )
    assert small == []


async def _counter_on_phone(visit: Visit, station_id: str) -> Page:
    visitor = await visit(PHONE)
    await (await visitor.sign_in("owner")).close()
    page = await visitor.open(f"/station/{station_id}")
    await expect(page.locator(".open-add")).to_be_visible()
    return page
