"""A till asks on the station's screen and prints there; whoever stands at the screen answers."""

import asyncio
from typing import Any

import pytest

from tests.nexo.messages import POI, SALE, header
from tests.nexo.test_status import outcome
from tests.nexo.till import NodeTill
from tests.server.shop import Shop


def content(*lines: str) -> dict[str, Any]:
    return {"OutputFormat": "Text", "OutputText": [{"Text": line} for line in lines]}


def question(command: str, *menu: str, **data: Any) -> dict[str, Any]:
    asked = {"Device": "CustomerInput", "InfoQualify": "Input", "InputCommand": command} | data
    entries = [{"OutputFormat": "Text", "OutputText": [{"Text": label}]} for label in menu]
    shown = {"Device": "CustomerDisplay", "InfoQualify": "Display", "OutputContent": content("Well?")}
    return {"InputData": asked, "DisplayOutput": shown | ({"MenuEntry": entries} if entries else {})}


def slip(mode: str, shown: dict[str, Any], qualifier: str = "Voucher") -> dict[str, Any]:
    return {"PrintOutput": {"DocumentQualifier": qualifier, "ResponseMode": mode, "OutputContent": shown}}


ANSWERS: tuple[tuple[str, dict[str, Any] | None, dict[str, Any], dict[str, Any]], ...] = (
    ("GetConfirmation", {}, {"confirmed": False}, {"ConfirmedFlag": False}),
    ("GetMenuEntry", {"entry": 3}, {"entry": 2}, {"MenuEntryNumber": 2}),
    ("TextString", {"text": "x"}, {"text": "Zoë"}, {"TextInput": "Zoë"}),
    ("DigitString", {"text": "12a"}, {"text": "0123"}, {"DigitInput": "0123"}),
    ("DecimalString", {"text": "1.234"}, {"text": "12.5"}, {"TextInput": "12.5", "DigitInput": "12.5"}),
    ("GetAnyKey", None, {}, {}),
)
"""Commands, answers that do not fit, answers that do, and what the till is told."""
BARCODE = {"OutputFormat": "BarCode", "OutputBarcode": {"BarcodeValue": "1", "BarcodeType": "EAN13"}}
XHTML = {"OutputFormat": "XHTML", "OutputXHTML": "PGI+aGk8L2I+"}


class Screen:
    """The station's screen, by the routes that its page uses."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._path = f"/v1/stations/{shop.station_id}/question"

    async def look(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await self._shop.ask("GET", self._path, role="till")).json
        return found

    async def shown(self, text: str | None = None) -> dict[str, Any]:
        """What is asked, once it is (with these words)."""
        for _ in range(1000):
            found = await self.look()
            if found is not None and (text is None or found["lines"][0]["text"] == text):
                return found
            await asyncio.sleep(0.005)
        raise AssertionError("nothing is asked")

    async def answer(self, asked: dict[str, Any], **what: Any) -> int:
        body = {"question_id": asked["question_id"]} | what
        return (await self._shop.ask("POST", f"{self._path}/answer", body, role="till")).status


@pytest.fixture
def screen(shop: Shop) -> Screen:
    return Screen(shop)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "secured"])
async def test_a_question_is_answered_at_the_screen(till: NodeTill, screen: Screen, secured: bool) -> None:
    for command, wrong, right, told in ANSWERS:
        menu = ("One", "Two") if command == "GetMenuEntry" else ()
        body = question(command, *menu, MinLength=2, MaxLength=5, MaxDecimalLength=2)
        asking = asyncio.create_task(till.ask("Input", body, secured=secured, MessageClass="Device", DeviceID="d1"))
        asked = await screen.shown()
        assert (asked["side"], asked["lines"][0]["text"]) == ("customer", "Well?")
        if wrong is not None:
            assert await screen.answer(asked, **wrong) == 422
        assert await screen.answer(asked, **right) == 204
        result = (await asking)["InputResult"]
        assert outcome(result) == ("Success", None)
        assert result["Input"] == {"InputCommand": command} | told
        assert await screen.look() is None
        assert await screen.answer(asked, **right) == 404


async def test_a_card_number_is_no_answer(till: NodeTill, screen: Screen) -> None:
    asking = asyncio.create_task(till.ask("Input", question("DigitString")))
    asked = await screen.shown()
    assert await screen.answer(asked, text="4111111111111111") == 422
    assert await screen.answer(asked, text="4111") == 204
    assert (await asking)["InputResult"]["Input"]["DigitInput"] == "4111"


async def test_of_several_answers_one_counts_and_one_question_is_asked_at_a_time(
    till: NodeTill, screen: Screen
) -> None:
    asking = asyncio.create_task(till.ask("Input", question("GetConfirmation")))
    asked = await screen.shown()
    other = await till.ask("Input", question("GetAnyKey"))
    assert outcome(other["InputResult"]) == ("Failure", "Busy")
    answers = await asyncio.gather(*(screen.answer(asked, confirmed=yes) for yes in (True, True, True)))
    assert sorted(answers) == [204, 404, 404]
    assert (await asking)["InputResult"]["Input"]["ConfirmedFlag"] is True


async def test_nobody_answers_or_gives_it_up_or_there_is_no_screen(till: NodeTill, screen: Screen) -> None:
    nobody = await till.ask("Input", question("GetConfirmation"))
    assert outcome(nobody["InputResult"]) == ("Failure", "UnavailableDevice")
    assert "no-screen" in nobody["InputResult"]["Response"]["AdditionalResponse"]
    asking = asyncio.create_task(till.ask("Input", question("GetConfirmation", MaxInputTime=1)))
    asked = await screen.shown()
    assert outcome((await asking)["InputResult"]) == ("Failure", "Cancel")
    assert await screen.answer(asked, confirmed=True) == 404
    asking = asyncio.create_task(till.ask("Input", question("GetConfirmation")))
    assert await screen.answer(await screen.shown(), given=False) == 204
    assert outcome((await asking)["InputResult"]) == ("Failure", "Cancel")
    asking = asyncio.create_task(till.ask("Input", question("GetConfirmation", DisableCancelFlag=True)))
    asked = await screen.shown()
    assert (await screen.answer(asked, given=False), await screen.answer(asked, confirmed=True)) == (422, 204)
    assert outcome((await asking)["InputResult"]) == ("Success", None)


async def test_a_question_is_changed_while_it_is_open_and_given_up_by_the_till(
    shop: Shop, till: NodeTill, screen: Screen
) -> None:
    asking = asyncio.create_task(till.ask("Input", question("GetMenuEntry", "One", "Two"), service="menu"))
    await screen.shown()
    named = {"MessageCategory": "Input", "ServiceID": "menu", "SaleID": SALE, "POIID": POI}
    entry = {"OutputFormat": "Text", "OutputText": [{"Text": "Three"}]}
    body = {"MessageReference": named, "OutputContent": content("Sure?"), "MenuEntry": [entry]}
    message = {"MessageHeader": header("InputUpdate", "u", POIID=shop.station_id), "InputUpdate": body}
    answer = await shop.ask("POST", "/nexo", {"SaleToPOIRequest": message}, role="till")
    assert (answer.status, answer.content) == (200, b"")
    asked = await screen.shown("Sure?")
    assert [one["label"] for one in asked["entries"]] == ["Three"]
    abort = {"MessageReference": named | {"ServiceID": "another"}, "AbortReason": "gone"}
    await till.envelope("Abort", abort)
    assert await screen.look() is not None
    await till.envelope("Abort", abort | {"MessageReference": named})
    assert outcome((await asking)["InputResult"]) == ("Failure", "Aborted")
    assert await screen.look() is None


async def test_what_no_screen_of_a_shop_asks_is_refused(till: NodeTill) -> None:
    for command in ("Password", "GetFunctionKey", "SiteManager"):
        refused = await till.ask("Input", question(command))
        assert outcome(refused["InputResult"]) == ("Failure", "NotAllowed")


async def test_an_immediate_response_does_not_wait_for_the_answer(till: NodeTill, screen: Screen) -> None:
    asking = asyncio.create_task(till.ask("Input", question("GetAnyKey", ImmediateResponseFlag=True)))
    asked = await screen.shown()
    assert (await asking)["InputResult"]["Input"] == {"InputCommand": "GetAnyKey"}
    assert await screen.look() == asked, "it stays on the screen"
    assert await screen.answer(asked) == 204
    assert await screen.look() is None


async def test_a_paper_is_printed_once_by_the_first_screen(till: NodeTill, screen: Screen) -> None:
    shown = {
        "OutputFormat": "BarCode",
        "OutputBarcode": {"BarcodeType": "QRCode", "BarcodeValue": "https://example.org"},
    }
    printing = asyncio.create_task(till.ask("Print", slip("PrintEnd", shown), service="paper"))
    paper = await screen.shown()
    assert (paper["kind"], paper["qr_svg"].startswith("<svg")) == ("print", True)
    assert await screen.look() is None, "another screen prints it not again"
    assert not printing.done()
    assert await screen.answer(paper) == 204
    told = await printing
    assert (outcome(told), told["DocumentQualifier"]) == (("Success", None), "Voucher")
    assert await till.ask("Print", slip("PrintEnd", shown), service="paper") == told, "asked again: not printed again"


async def test_who_does_not_wait_for_the_paper_is_answered_at_once(till: NodeTill, screen: Screen) -> None:
    for mode in ("Immediate", "NotRequired"):
        printing = asyncio.create_task(till.ask("Print", slip(mode, content("Thanks", "Bye"), "CustomerReceipt")))
        paper = await screen.shown()
        assert [line["text"] for line in paper["lines"]] == ["Thanks", "Bye"]
        assert outcome(await printing) == ("Success", None)
        assert await screen.look() is None


async def test_what_is_not_printed_is_refused_with_the_reason(till: NodeTill) -> None:
    """The last one could be printed, and no screen is there."""
    for body, condition in (
        (slip("PrintEnd", XHTML), "UnavailableService"),
        (slip("PrintEnd", BARCODE), "UnavailableService"),
        (slip("SoundEnd", content("x")), "NotAllowed"),
        (slip("PrintEnd", content("Card 4111 1111 1111 1111")), "MessageFormat"),
        (slip("PrintEnd", content("x"), "Journal"), "UnavailableDevice"),
        (slip("PrintEnd", content("x")), "UnavailableDevice"),
    ):
        refused = await till.ask("Print", body)
        assert outcome(refused) == ("Failure", condition)
        assert "code=" in refused["Response"]["AdditionalResponse"]


async def test_of_a_paper_that_nobody_says_is_printed_nobody_knows(
    till: NodeTill, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poi_server.nexo.categories.printing._SECONDS", 0.3)
    asking = asyncio.create_task(till.ask("Print", slip("PrintEnd", content("Hello"))))
    await screen.shown()
    assert outcome(await asking) == ("Failure", "DeviceOut")


async def test_a_line_without_words_is_an_empty_line(till: NodeTill, screen: Screen) -> None:
    lines = [{"Text": "Above"}, {"EndOfLineFlag": True}, {"Text": "Below"}]
    asking = asyncio.create_task(till.ask("Print", slip("PrintEnd", {"OutputFormat": "Text", "OutputText": lines})))
    shown = await screen.shown()
    assert [line["text"] for line in shown["lines"]] == ["Above", "", "Below"]
    await screen.answer(shown)
    assert outcome(await asking) == ("Success", None)
