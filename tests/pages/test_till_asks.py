"""What a till that speaks nexo asks on the counter's screen in Chromium, and what it has printed there."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.nexo.messages import request
from tests.nexo.test_screen import content, question, slip
from tests.pages.conftest import Visit
from tests.pages.test_station_page import _counter
from tests.server.shop import BY, Shop

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]
Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest_asyncio.fixture(loop_scope="session")
async def ask(shop: Shop, station_id: str) -> Ask:
    """The till's side."""
    granted = await shop.services.access.grant(shop.merchant_id, "station", station_id, "till", by=BY)
    numbers = itertools.count(1)

    async def sent(category: str, body: dict[str, Any], service: str | None = None) -> dict[str, Any]:
        message = request(category, body, service or str(next(numbers)), POIID=station_id)
        answer = await shop.ask("POST", "/nexo", message, role=granted.secret)
        found: dict[str, Any] = answer.json["SaleToPOIResponse"] if answer.content else {}
        return found

    return sent


async def test_a_question_is_answered_on_the_screen(visit: Visit, station_id: str, ask: Ask) -> None:
    page = await _counter(visit, station_id)
    asking = asyncio.create_task(ask("Input", question("GetConfirmation")))
    shown = page.get_by_role("dialog", name="For the customer")
    await expect(shown).to_contain_text("Well?")
    await shown.get_by_role("button", name="Yes").click()
    assert (await asking)["InputResponse"]["InputResult"]["Input"]["ConfirmedFlag"] is True
    await expect(shown).to_have_count(0)
    asking = asyncio.create_task(ask("Input", question("GetMenuEntry", "Eat in", "<b>Take away</b>")))
    await shown.get_by_role("button", name="<b>Take away</b>").click()
    assert (await asking)["InputResponse"]["InputResult"]["Input"]["MenuEntryNumber"] == 2
    asking = asyncio.create_task(ask("Input", question("DigitString", Device="CashierInput", MinLength=3)))
    shown = page.get_by_role("dialog", name="The till asks")
    await shown.get_by_label("Answer").fill("12")
    await shown.get_by_role("button", name="Send").click()
    await expect(page.locator(".toast")).to_have_count(1)
    await shown.get_by_label("Answer").fill("123")
    await page.keyboard.press("Enter")
    assert (await asking)["InputResponse"]["InputResult"]["Input"]["DigitInput"] == "123"


async def test_a_question_waits_for_the_page_and_leaves_it_when_the_till_gives_it_up(
    visit: Visit, station_id: str, ask: Ask
) -> None:
    asking = asyncio.create_task(ask("Input", question("GetConfirmation"), "gone"))
    page = await _counter(visit, station_id)
    shown = page.get_by_role("dialog", name="For the customer")
    await expect(shown).to_be_visible()
    reference = {"MessageCategory": "Input", "ServiceID": "gone"}
    await ask("Abort", {"MessageReference": reference, "AbortReason": "MerchantAbort"})
    await expect(shown).to_have_count(0)
    assert (await asking)["InputResponse"]["InputResult"]["Response"]["ErrorCondition"] == "Aborted"
    asking = asyncio.create_task(ask("Input", question("GetAnyKey")))
    await shown.get_by_role("button", name="Close").click()
    assert (await asking)["InputResponse"]["InputResult"]["Response"]["ErrorCondition"] == "Cancel"


async def test_a_paper_of_the_tills_is_printed_as_receipts_are(visit: Visit, station_id: str, ask: Ask) -> None:
    page = await _counter(visit, station_id)
    await page.evaluate(
        "() => { window.papers = []; window.print = () => window.papers.push("
        "[document.querySelector('.printing').innerText, document.querySelectorAll('.printing img').length]); }"
    )
    told = await ask("Print", slip("PrintEnd", content("One coffee", "free & hot")))
    assert told["PrintResponse"]["Response"] == {"Result": "Success"}
    code = {"OutputFormat": "BarCode", "OutputBarcode": {"BarcodeType": "QRCode", "BarcodeValue": "VOUCHER-1"}}
    assert (await ask("Print", slip("Immediate", code)))["PrintResponse"]["Response"] == {"Result": "Success"}
    await page.wait_for_function("() => window.papers.length === 2")
    (text, pictures), (_, codes) = await page.evaluate("() => window.papers")
    assert (text.split("\n")[0], "free & hot" in text, pictures, codes) == ("One coffee", True, 0, 1)
    await expect(page.get_by_role("dialog")).to_have_count(0)
