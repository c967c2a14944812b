"""What a till gets wrong is told to it: the standard's word, a code of ours and the place; and nothing moves."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from poi_engine.connectors.caisse_ap import messages as caisse_ap
from poi_engine.connectors.nexo_terminal import messages as nexo_terminal
from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.errors import DeviceError
from poi_engine.ports import BANK_AWAY, Job, Query
from poi_server.nexo.conditions import DECLINED
from tests.nexo.messages import header, request
from tests.nexo.test_status import outcome, sales, transaction
from tests.nexo.till import item, member, payment, sale_data
from tests.server.shop import Answer, Shop

FREE = {"Device": "CashierDisplay", "InfoQualify": "Display", "OutputContent": {"OutputFormat": "Text"}}
AWARD = {"LoyaltyTransactionType": "Award", "Currency": "EUR"}
LOAD = {"StoredValueTransactionType": "Load", "ItemAmount": 5, "Currency": "EUR"}
GIFT_CARD = {"PaymentInstrumentType": "StoredValue"}
AMOUNTS = "$.PaymentRequest.PaymentTransaction.AmountsReq"
LOYALTY = "$.LoyaltyRequest.LoyaltyTransaction"


def loyalty(**transaction: Any) -> dict[str, Any]:
    return {"SaleData": sale_data(), "LoyaltyTransaction": AWARD | transaction, "LoyaltyData": member("LOYAL-0017")}


def stored(*data: dict[str, Any]) -> dict[str, Any]:
    return {"SaleData": sale_data(), "StoredValueData": list(data)}


def paid_by(instrument: dict[str, Any], amount: float = 1) -> dict[str, Any]:
    return payment(amount, data={"PaymentInstrumentData": instrument})


def dollars() -> dict[str, Any]:
    body = payment(1)
    body["PaymentTransaction"]["AmountsReq"]["Currency"] = "USD"
    return body


WRONG: tuple[tuple[str, Any, str, str, str], ...] = (
    ("Payment", [1], "MessageFormat", "message-format", "$.PaymentRequest"),
    ("Payment", {}, "MessageFormat", "message-format", "$.PaymentRequest"),
    ("Payment", payment(0), "MessageFormat", "bad-amount", f"{AMOUNTS}.RequestedAmount"),
    ("Payment", payment(-1), "MessageFormat", "bad-amount", f"{AMOUNTS}.RequestedAmount"),
    ("Payment", payment(1.005), "MessageFormat", "too-many-decimals", f"{AMOUNTS}.RequestedAmount"),
    ("Payment", payment(10**12), "MessageFormat", "bad-amount", f"{AMOUNTS}.RequestedAmount"),
    ("Payment", payment("one"), "MessageFormat", "message-format", f"{AMOUNTS}.RequestedAmount"),  # type: ignore[arg-type]
    ("Payment", dollars(), "NotAllowed", "currency-differs", f"{AMOUNTS}.Currency"),
    ("Payment", payment(1, handling="Sometimes"), "MessageFormat", "message-format", ""),
    ("Payment", payment(0, data={"PaymentType": "FirstReservation"}), "MessageFormat", "bad-amount", ""),
    ("Payment", payment(0, data={"PaymentType": "Refund"}), "NotAllowed", "no-original", ""),
    ("Payment", paid_by({"PaymentInstrumentType": "Check"}), "NotAllowed", "instrument", ""),
    ("Payment", paid_by(GIFT_CARD), "MessageFormat", "no-account", ""),
    ("Reversal", {}, "MessageFormat", "message-format", "$.ReversalRequest"),
    ("TransactionStatus", {}, "MessageFormat", "no-reference", ""),
    ("TransactionStatus", {"MessageReference": {"ServiceID": "nothing"}}, "NotFound", "not-found", ""),
    ("CardAcquisition", {}, "MessageFormat", "message-format", "$.CardAcquisitionRequest"),
    ("EnableService", {"TransactionAction": "Dance"}, "MessageFormat", "message-format", ""),
    ("Loyalty", loyalty(TotalAmount=-1), "MessageFormat", "bad-amount", f"{LOYALTY}.TotalAmount"),
    ("Loyalty", loyalty(TotalAmount=1.005), "MessageFormat", "too-many-decimals", f"{LOYALTY}.TotalAmount"),
    ("Loyalty", loyalty(TotalAmount=2, SaleItem=[item(1, "T", 1)]), "MessageFormat", "items-differ", LOYALTY),
    ("Loyalty", loyalty(TotalAmount=1, Currency="USD"), "NotAllowed", "currency-differs", ""),
    ("Loyalty", loyalty(LoyaltyTransactionType="RebateRefund"), "NotAllowed", "no-original", ""),
    ("StoredValue", stored(), "MessageFormat", "no-data", ""),
    ("StoredValue", stored(LOAD, LOAD), "NotAllowed", "one-at-a-time", ""),
    ("StoredValue", stored(LOAD), "MessageFormat", "no-account", ""),
    ("StoredValue", stored(LOAD | {"StoredValueAccountID": {"Value": "x"}}), "InvalidCard", "gift-card-code", ""),
    ("StoredValue", stored(LOAD | {"StoredValueTransactionType": "Duplicate"}), "NotAllowed", "stored-value-type", ""),
    ("BalanceInquiry", {}, "MessageFormat", "no-account", ""),
    ("GetTotals", {"TotalFilter": {"OperatorID": "Ada"}}, "NotAllowed", "no-filter", ""),
    ("GetTotals", {"TotalFilter": {"POIID": "Nobody-1"}}, "NotFound", "not-found", ""),
    ("Diagnosis", {"POIID": "Nobody-1"}, "NotFound", "not-found", ""),
    ("Reconciliation", {}, "MessageFormat", "message-format", "$.ReconciliationRequest"),
    ("Reconciliation", {"ReconciliationType": "AcquirerReconciliation"}, "NotAllowed", "acquirer", ""),
    ("Reconciliation", {"ReconciliationType": "PreviousReconciliation"}, "NotFound", "no-closing", ""),
    ("Admin", {}, "NotAllowed", "no-admin", ""),
    ("Batch", {}, "UnavailableService", "nexo-category", ""),
    ("Display", {}, "MessageFormat", "message-format", "$.DisplayRequest"),
    ("Display", {"DisplayOutput": [FREE | {"Device": "Wall"}]}, "MessageFormat", "message-format", "$.DisplayRequest"),
    ("Display", {"DisplayOutput": [FREE]}, "UnavailableService", "no-text", ""),
    ("Input", {}, "MessageFormat", "message-format", "$.InputRequest"),
    ("Print", {}, "MessageFormat", "message-format", "$.PrintRequest"),
)
"""A category, a body, and how it fails: condition, code, and where (its beginning, or nothing)."""


async def send(shop: Shop, category: str, body: Any, service: str, **other: Any) -> Answer:
    message = request(category, body, service, **({"POIID": shop.station_id} | other))
    return await shop.ask("POST", "/nexo", message, role="till")


def responses(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """How it ended: of the message, or of each of its outputs."""
    if "Response" in part:
        yield part
    yield from part.get("OutputResult", [])
    yield from [part["InputResult"]] if "InputResult" in part else []


async def test_each_mistake_has_its_condition_its_code_and_its_place(shop: Shop) -> None:
    numbers = itertools.count()
    for category, body, condition, code, where in WRONG:
        answer = await send(shop, category, body, f"w{next(numbers)}")
        assert answer.status == 200, (category, body, answer.content)
        found = list(responses(answer.json["SaleToPOIResponse"][f"{category}Response"]))
        assert [outcome(one) for one in found] == [("Failure", condition)], (category, body, found)
        told = dict(part.split("=") for part in found[0]["Response"]["AdditionalResponse"].split("&"))
        path = told.get("path", "").replace("%24", "$").replace("%5B", "[").replace("%5D", "]")
        assert (told["code"], path.startswith(where)) == (code, True), (category, body, told)
    assert await sales(shop) == []


HEADERS: tuple[dict[str, Any], ...] = (
    {"MessageCategory": None},
    {"MessageClass": None},
    {"MessageClass": "Other"},
    {"MessageType": None},
    {"MessageType": "Response"},
    {"MessageType": "Notification"},
    {"ServiceID": None},
    {"ServiceID": "12345678901"},
    {"SaleID": None},
    {"POIID": None},
    {"ProtocolVersion": 3.0},
)


async def test_a_header_that_is_none_is_refused_by_the_transport(shop: Shop) -> None:
    for change in HEADERS:
        message = {"MessageHeader": header("Payment", POIID=shop.station_id) | change, "PaymentRequest": payment(10)}
        refused = await shop.ask("POST", "/nexo", {"SaleToPOIRequest": message}, role="till")
        assert (refused.status, refused.json["errorCode"]) == (400, "nexo-header"), change
        assert refused.json["path"].startswith("$.SaleToPOIRequest.MessageHeader"), change
    assert await sales(shop) == []


async def test_another_version_of_the_protocol_is_told_which_one_is_spoken(shop: Shop) -> None:
    for number, version in enumerate(("2.0", "4", "x")):
        told = (await send(shop, "Payment", payment(10), f"v{number}", ProtocolVersion=version)).json
        assert outcome(told["SaleToPOIResponse"]["PaymentResponse"]) == ("Failure", "MessageFormat")
        assert told["SaleToPOIResponse"]["MessageHeader"]["ProtocolVersion"] == "3.0"
    assert await sales(shop) == []
    for number, spoken in enumerate(("3.0", "3.1", None)):
        told = (await send(shop, "Payment", payment(10), f"s{number}", ProtocolVersion=spoken)).json
        assert outcome(told["SaleToPOIResponse"]["PaymentResponse"]) == ("Success", None)
        assert told["SaleToPOIResponse"]["MessageHeader"]["ProtocolVersion"] == (spoken or "3.0")


@pytest.mark.parametrize(
    ("category", "wrong"),
    [
        *((name, "Device") for name in ("Login", "Payment", "Reversal", "TransactionStatus", "GetTotals")),
        *((name, "Service") for name in ("Display", "Print", "Input")),
        ("Payment", "Event"),
    ],
)
async def test_a_category_of_another_class_is_refused(shop: Shop, category: str, wrong: str) -> None:
    told = (await send(shop, category, payment(10), "c1", MessageClass=wrong)).json["SaleToPOIResponse"]
    [found] = responses(told[f"{category}Response"])
    assert outcome(found) == ("Failure", "MessageFormat")
    assert "code=nexo-header" in found["Response"]["AdditionalResponse"]
    assert await sales(shop) == []


@pytest.mark.parametrize(("category", "wrong"), [("Abort", "Device"), ("InputUpdate", "Service"), ("Event", "Service")])
async def test_what_has_no_answer_and_another_class_is_refused_by_the_transport(
    shop: Shop, category: str, wrong: str
) -> None:
    refused = await send(shop, category, {}, "c2", MessageClass=wrong)
    assert (refused.status, refused.json["path"]) == (400, "$.SaleToPOIRequest.MessageHeader.MessageClass")


async def test_what_has_no_answer_is_answered_by_nothing_whatever_it_says(shop: Shop) -> None:
    reference = {"AbortReason": "x", "MessageReference": {"ServiceID": "nothing", "MessageCategory": "Payment"}}
    for number, body in enumerate((reference, {}, [])):
        told = await send(shop, "Abort", body, f"a{number}")
        assert (told.status, told.content) == (200, b"")
    for category in ("InputUpdate", "Event"):
        told = await send(shop, category, {}, category[:5], MessageType="Notification")
        assert (told.status, told.content) == (200, b"")


async def test_no_card_number_is_kept_wherever_a_till_writes_it(shop: Shop) -> None:
    pan = "4970101122334406"
    named = {"SaleTransactionID": {"TransactionID": pan, "TimeStamp": "2026-11-22T12:00:00Z"}}
    referred = sale_data() | {"SaleReferenceID": pan}
    shown = FREE | {"OutputContent": {"OutputFormat": "Text", "OutputText": [{"Text": pan}]}}
    for number, (category, body) in enumerate(
        (
            ("Payment", payment(10) | {"SaleData": named}),
            ("Payment", payment(10) | {"SaleData": referred}),
            ("Payment", payment(10, [item(1, pan, 10)])),
            ("Loyalty", loyalty(TotalAmount=10) | {"SaleData": named}),
            ("CardAcquisition", {"SaleData": named}),
            ("Login", {"OperatorID": pan}),
            ("Login", {"ShiftNumber": pan}),
            ("Login", {"SaleSoftware": {"ApplicationName": pan}}),
            ("Display", {"DisplayOutput": [shown]}),
        )
    ):
        answer = await send(shop, category, body, f"p{number}")
        [told] = responses(answer.json["SaleToPOIResponse"][f"{category}Response"])
        assert outcome(told) == ("Failure", "MessageFormat"), category
        assert "code=card-number&" in told["Response"]["AdditionalResponse"], category
    refused = await send(shop, "Payment", payment(10), "header", SaleID=pan)
    assert (refused.status, refused.json["errorCode"]) == (422, "card-number")
    assert await sales(shop) == []


async def test_a_till_that_means_to_train_is_told_that_the_station_sells_for_good(shop: Shop) -> None:
    async def login(service: str) -> tuple[str, str | None]:
        told = (await send(shop, "Login", {"TrainingModeFlag": True}, service)).json
        return outcome(told["SaleToPOIResponse"]["LoginResponse"])

    assert await login("1") == ("Failure", "NotAllowed")
    assert (await shop.ask("POST", f"/v1/stations/{shop.station_id}/training", {"on": True})).status == 200
    assert await login("2") == ("Success", None)


async def test_goods_that_are_free_are_given_and_are_in_the_books(shop: Shop) -> None:
    told = (await send(shop, "Payment", payment(0, [item(1, "GIFT", 0)]), "free")).json
    paid = told["SaleToPOIResponse"]["PaymentResponse"]
    assert outcome(paid) == ("Success", None)
    assert paid["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 0
    assert [one["total"] for one in await sales(shop)] == [0]


async def test_a_means_that_the_shop_does_not_take_is_a_restriction(shop: Shop) -> None:
    assert (await shop.ask("PUT", "/v1/settings/means", {"items": ["cash"]})).status == 200
    for number, kind in enumerate(("Normal", "FirstReservation")):
        told = (await send(shop, "Payment", payment(10, data={"PaymentType": kind}), f"m{number}")).json
        assert outcome(told["SaleToPOIResponse"]["PaymentResponse"]) == ("Failure", "PaymentRestriction")
    told = (await send(shop, "Payment", paid_by({"PaymentInstrumentType": "Cash"}, 10), "cash")).json
    assert outcome(told["SaleToPOIResponse"]["PaymentResponse"]) == ("Success", None)


async def test_what_is_away_is_told_apart_from_a_card_that_is_refused(shop: Shop) -> None:
    """Nothing was asked of any bank: the till sells on by other means, and need not ask what became of it."""
    simulator = shop.services.engine.wiring.connectors["simulator"]
    assert isinstance(simulator, SimulatorConnector)

    async def paid(number: int, amount: float, kind: str = "Normal") -> tuple[str, str | None]:
        told = (await send(shop, "Payment", payment(amount, data={"PaymentType": kind}), f"{kind[:1]}{number}")).json
        return outcome(told["SaleToPOIResponse"]["PaymentResponse"])

    for kind in ("Normal", "FirstReservation"):
        assert await paid(1, 10.05, kind) == ("Failure", "Refusal")
        assert await paid(2, 10.16, kind) == ("Failure", "UnavailableDevice")
        simulator.bank_away = True
        assert await paid(3, 10.00, kind) == ("Failure", "UnreachableHost")
        simulator.bank_away = False

    def job() -> Job[None]:
        yield Query("update station set connector = 'caisse_ap' where station_id = ?", (shop.station_id,))

    await shop.services.sql.write(job)
    shop.services.engine.places.forget()
    for kind in ("Normal", "FirstReservation"):
        assert await paid(4, 10.00, kind) == ("Failure", "UnavailableDevice"), "its driver is not there"
    assert await sales(shop) == []


async def test_a_refund_for_which_the_terminal_is_away_is_no_refusal(shop: Shop) -> None:
    goods = [item(1, "TEA", 10.16), item(2, "TEA", 10.05), item(3, "TEA", 9.79)]
    paid = (await send(shop, "Payment", payment(30, goods), "p")).json["SaleToPOIResponse"]["PaymentResponse"]
    for number, (one, condition) in enumerate(zip(goods, ("UnavailableDevice", "Refusal", None), strict=True)):
        body = payment(one["ItemAmount"], [one], data={"PaymentType": "Refund"}, original=transaction(paid))
        told = (await send(shop, "Payment", body, f"r{number}")).json["SaleToPOIResponse"]["PaymentResponse"]
        assert outcome(told) == ("Failure" if condition else "Success", condition)
    assert sorted(sale["total"] for sale in await sales(shop)) == [-979, 3000]


def test_what_terminals_say_is_known_by_their_own_words() -> None:
    known = {BANK_AWAY, "terminal-away", "no-terminal", "book-away", "terminal-busy"}
    assert set(DECLINED) <= known | set(nexo_terminal._REASONS.values()) | set(caisse_ap._REASONS.values())


async def test_how_it_ended_cannot_be_found_out_and_nobody_is_told_that_it_failed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal took it and did not answer; now its driver is away: that says nothing of the payment."""
    body = payment(10.13)

    async def asked(category: str, body: dict[str, Any], service: str) -> tuple[str, str | None]:
        told = (await send(shop, category, body, service)).json["SaleToPOIResponse"]
        return outcome(told[f"{category}Response"])

    async def breaks(*_: Any) -> None:
        raise DeviceError("no-connector", "No payment connector is configured.")

    assert await asked("Payment", body, "doubt") == ("Failure", "InProgress")
    with monkeypatch.context() as broken:
        broken.setattr(shop.services.engine.checkout, "ask_status", breaks)
        assert await asked("Payment", body, "doubt") == ("Failure", "InProgress")
        reference = {"MessageReference": {"ServiceID": "doubt", "MessageCategory": "Payment"}}
        assert await asked("TransactionStatus", reference, "1") == ("Failure", "InProgress")
    assert await asked("Payment", body, "doubt") == ("Success", None)
    assert len(await sales(shop)) == 1


async def test_a_message_in_other_words_is_no_message(shop: Shop) -> None:
    for content in (b"", b"{", b"hello", b'{"SaleToPOIResponse": {}}', b'{"SaleToPOIRequest": []}', b"\xff\xfe"):
        told = await shop.ask("POST", "/nexo", data=content, role="till", headers={"Content-Type": "application/json"})
        assert (told.status, told.json["errorCode"]) == (400, "nexo-unreadable")
        assert "Traceback" not in told.content.decode()


async def test_what_is_asked_twice_at_once_by_two_tills_is_two_requests(shop: Shop) -> None:
    """One ServiceID, two SaleIDs: each till has its own numbers."""
    body = payment(10)
    one = (await send(shop, "Payment", body, "same", SaleID="A")).json["SaleToPOIResponse"]["PaymentResponse"]
    other = (await send(shop, "Payment", body, "same", SaleID="B")).json["SaleToPOIResponse"]["PaymentResponse"]
    assert transaction(one)["TransactionID"] != transaction(other)["TransactionID"]
    again = await asyncio.gather(*(send(shop, "Payment", body, "same", SaleID=name) for name in "AB"))
    assert [msgspec.json.decode(one.content)["SaleToPOIResponse"]["PaymentResponse"] for one in again] == [one, other]
    assert len(await sales(shop)) == 2
