"""Lost answers, repeats, refunds, reversals: one ServiceID, one effect, one answer."""

import asyncio
from typing import Any

import pytest

from poi_engine.errors import StorageError
from poi_engine.ports import Job, Query
from tests.nexo.messages import POI, SALE
from tests.nexo.till import NodeTill, item, payment, sale_data
from tests.server.shop import Shop


def reference(service: str, category: str = "Payment") -> dict[str, Any]:
    """The message that is asked about."""
    return {"MessageReference": {"MessageCategory": category, "ServiceID": service, "SaleID": SALE, "POIID": POI}}


def transaction(answer: dict[str, Any]) -> dict[str, Any]:
    """Our name for what was done."""
    found: dict[str, Any] = answer["POIData"]["POITransactionID"]
    return found


def outcome(answer: dict[str, Any]) -> tuple[str, str | None]:
    """How it ended."""
    response = answer["Response"]
    return response["Result"], response.get("ErrorCondition")


async def sales(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.ask("GET", "/v1/sales")).json["items"]
    return found


async def test_a_service_id_repeated_has_the_same_answer_and_another_request_by_it_is_refused(
    shop: Shop, till: NodeTill
) -> None:
    body = payment(10)
    first, twice = await asyncio.gather(
        till.ask("Payment", body, service="1"), till.ask("Payment", body, service="1", secured=True)
    )
    assert first == twice == await till.ask("Payment", body, service="1")
    assert len(await sales(shop)) == 1
    other = await till.ask("Payment", payment(11), service="1")
    assert outcome(other) == ("Failure", "NotAllowed")
    assert "service-id-used" in other["Response"]["AdditionalResponse"]
    assert len(await sales(shop)) == 1


async def test_a_lost_answer_is_told_again_and_what_never_came_is_not_found(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(10, [item(1, "TEA", 10)]), service="lost")
    told = await till.ask("TransactionStatus", reference("lost"))
    assert outcome(told) == ("Success", None)
    repeated = told["RepeatedMessageResponse"]
    assert repeated["RepeatedResponseMessageBody"]["PaymentResponse"] == paid
    assert (repeated["MessageHeader"]["ServiceID"], repeated["MessageHeader"]["MessageCategory"]) == ("lost", "Payment")
    assert outcome(await till.ask("TransactionStatus", reference("never"), secured=True)) == ("Failure", "NotFound")


def papers(answer: dict[str, Any]) -> str:
    """The receipt as the till prints it."""
    [paper] = answer["PaymentReceipt"]
    return "\n".join(line["Text"] for line in paper["OutputContent"]["OutputText"])


async def test_a_till_that_has_a_receipt_printed_again_gets_a_marked_one(shop: Shop, till: NodeTill) -> None:
    """Its answer, also told again, is the first print; what is asked for as a reprint, here or at a page, is none."""
    body = payment(10, [item(1, "TEA", 10)])
    paid = await till.ask("Payment", body, service="r")
    sale_id = transaction(paid)["TransactionID"]
    back = payment(10, data={"PaymentType": "Refund"}, original=transaction(paid))
    refunded = await till.ask("Payment", back, service="b")

    async def told(service: str, again: bool) -> dict[str, Any]:
        answer = await till.ask("TransactionStatus", reference(service) | {"ReceiptReprintFlag": again})
        found: dict[str, Any] = answer["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
        return found

    assert await told("r", False) == paid
    assert "DUPLICATA" not in papers(paid) + papers(refunded)
    first = await told("r", True)
    assert papers(first).count("*** DUPLICATA n° 1 ***") == 2
    assert first | {"PaymentReceipt": paid["PaymentReceipt"]} == paid, "all but the receipt is as it was"
    printed = (await shop.ask("POST", f"/v1/sales/{sale_id}/receipt/prints")).json
    assert (printed["duplicate"], "*** DUPLICATA n° 2 ***" in printed["text"]) == (2, True)
    assert papers(await told("r", True)).count("*** DUPLICATA n° 3 ***") == 2
    assert papers(await told("b", True)).count("*** DUPLICATA n° 1 ***") == 2
    assert await till.ask("Payment", body, service="r") == paid


async def test_what_failed_has_no_receipt_to_print_again(shop: Shop, till: NodeTill) -> None:
    assert outcome(await till.ask("Payment", payment(10.51), service="no")) == ("Failure", "Refusal")
    answer = await till.ask("TransactionStatus", reference("no") | {"ReceiptReprintFlag": True})
    body = answer["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert (outcome(body), "PaymentReceipt" in body) == (("Failure", "Refusal"), False)


@pytest.mark.parametrize(("cents", "ends"), [(0.13, "paid"), (0.14, "declined")])
async def test_a_payment_that_nobody_knows_of_is_in_progress_until_it_is_known(
    shop: Shop, till: NodeTill, cents: float, ends: str
) -> None:
    body = payment(10 + cents)
    answer = await till.ask("Payment", body, service="doubt")
    assert outcome(answer) == ("Failure", "InProgress")
    told = await till.ask("TransactionStatus", reference("doubt"))  # it asks the terminal
    if ends == "paid":
        assert outcome(told) == ("Success", None)
        paid = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
        assert paid["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 10.13
        assert len(await sales(shop)) == 1
    else:
        again = await till.ask("Payment", body, service="doubt")
        assert outcome(again) == ("Failure", "Refusal")
        assert await sales(shop) == []


@pytest.mark.parametrize("outcome", ["paid", "declined"])
async def test_a_persons_word_and_the_tills_question_at_once_have_one_end(
    shop: Shop, till: NodeTill, outcome: str
) -> None:
    """Whoever is faster: the word stands or is refused, the till hears what stands, and so it does for ever."""
    for number in range(3):
        made, service = len(await sales(shop)), f"both{number}"
        assert outcome_of(await till.ask("Payment", payment(10.13), service=service)) == "InProgress"
        (doubt,) = (await shop.ask("GET", "/v1/payments/in-doubt")).json["items"]
        word = {"outcome": outcome, "reason": "the slip", "payment_id": doubt["payment_id"]}
        path = f"/v1/sessions/{doubt['session_id']}/resolve"
        said, _ = await asyncio.gather(
            shop.ask("POST", path, word, role="manager"), till.ask("TransactionStatus", reference(service))
        )
        stands = outcome if said.status == 200 else "paid"  # the terminal had approved it
        assert (said.status, said.code) in ((200, ""), (409, "not-in-doubt"))
        assert len(await sales(shop)) - made == (stands == "paid")
        heard = (await till.ask("TransactionStatus", reference(service)))["RepeatedMessageResponse"]
        paid = heard["RepeatedResponseMessageBody"]["PaymentResponse"]
        assert outcome_of(paid) == (None if stands == "paid" else "Refusal")
        assert (await shop.ask("GET", "/v1/payments/in-doubt")).json["items"] == []


def outcome_of(answer: dict[str, Any]) -> str | None:
    """Why it failed, if it did."""
    return outcome(answer)[1]


async def test_a_payment_still_in_doubt_is_asked_for_until_it_ends(shop: Shop, till: NodeTill) -> None:
    """The simulated terminal answers two questions with "in progress"."""
    assert outcome(await till.ask("Payment", payment(10.15), service="slow")) == ("Failure", "InProgress")
    told = [outcome(await till.ask("TransactionStatus", reference("slow"))) for _ in range(3)]
    assert told == [("Failure", "InProgress"), ("Failure", "InProgress"), ("Success", None)]


@pytest.mark.parametrize("category", ["Reversal", "Payment"])
@pytest.mark.parametrize(("cents", "questions"), [(0.13, 1), (0.15, 3)])
async def test_a_refund_that_nobody_knows_of_ends_by_the_tills_questions_alone(
    shop: Shop, till: NodeTill, category: str, cents: float, questions: int
) -> None:
    """No round of recovery, no person, no repeated request: TransactionStatus asks the terminal."""
    paid = await paid_after_all(till, payment(10 + cents))
    original = {"POITransactionID": transaction(paid)}
    body = {"OriginalPOITransaction": original, "ReversalReason": "CustCancel"}
    if category == "Payment":
        body = payment(10 + cents, data={"PaymentType": "Refund"}, original=transaction(paid))
    assert outcome(await till.ask(category, body, service="back")) == ("Failure", "InProgress")
    told = [await till.ask("TransactionStatus", reference("back", category)) for _ in range(questions)]
    assert [outcome_of(one) for one in told] == ["InProgress"] * (questions - 1) + [None]
    back = told[-1]["RepeatedMessageResponse"]["RepeatedResponseMessageBody"][f"{category}Response"]
    assert outcome(back) == ("Success", None)
    assert await till.ask(category, body, service="back") == back
    sale = (await shop.ask("GET", f"/v1/sales/{transaction(paid)['TransactionID']}")).json
    assert sale["refunds"] == [transaction(back)["TransactionID"]]


async def test_a_refund_that_the_terminal_refused_unheard_is_refused_by_the_tills_question(
    shop: Shop, till: NodeTill
) -> None:
    """And what was to be taken back can be taken back again."""
    paid = await till.ask("Payment", payment(20, [item(1, "TEA", 10.14), item(2, "CAKE", 9.86)]))
    refund: dict[str, Any] = {"data": {"PaymentType": "Refund"}, "original": transaction(paid)}
    part = payment(10.14, [item(1, "TEA", 10.14)], **refund)
    assert outcome(await till.ask("Payment", part, service="back")) == ("Failure", "InProgress")
    told = await till.ask("TransactionStatus", reference("back"))
    refused = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert outcome(refused) == ("Failure", "Refusal")
    assert outcome(await till.ask("Payment", payment(20, **refund))) == ("Success", None)


async def paid_after_all(till: NodeTill, body: dict[str, Any]) -> dict[str, Any]:
    """The answer of a payment that is in doubt at first."""
    await till.ask("Payment", body, service="paid")
    while outcome(told := await till.ask("TransactionStatus", reference("paid"))) != ("Success", None):
        assert outcome_of(told) == "InProgress"
    found: dict[str, Any] = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    return found


@pytest.mark.parametrize(
    ("amount", "quantity", "back", "of"), [(10.01, 2.5, 4.0, 1), (1, 1000, 0.5, 500), (10, 3, 3.33, 1)]
)
async def test_what_no_price_of_one_fits_is_refunded_as_it_was_sold(
    till: NodeTill, amount: float, quantity: float, back: float, of: float
) -> None:
    paid = await till.ask("Payment", payment(amount, [item(1, "TEA", amount, quantity)]))
    for price, some in ((back, of), (round(amount - back, 2), quantity - of)):
        body = payment(price, [item(1, "TEA", price, some)], data={"PaymentType": "Refund"}, original=transaction(paid))
        assert outcome(await till.ask("Payment", body)) == ("Success", None)


async def test_a_reversal_names_the_sale_as_its_payment_did(till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(10))
    named = {"OriginalPOITransaction": {"POITransactionID": transaction(paid)}, "ReversalReason": "CustCancel"}
    reversal = await till.ask("Reversal", named)
    assert reversal["OriginalPOITransaction"]["POITransactionID"] == transaction(paid)


async def test_a_sale_is_refunded_in_parts_and_never_above_what_is_left(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(20, [item(1, "TEA", 12, 4), item(2, "CAKE", 8)]))
    original, refund = transaction(paid), {"PaymentType": "Refund"}
    part = payment(3, [item(1, "TEA", 3, 1)], data=refund, original=original)
    first = await till.ask("Payment", part, service="r1")
    assert outcome(first) == ("Success", None)
    assert first["PaymentResult"]["PaymentType"] == "Refund"
    assert first["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 3
    assert await till.ask("Payment", part, service="r1") == first
    told = await till.ask("TransactionStatus", reference("r1"))
    assert told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"] == first
    too_much = await till.ask("Payment", payment(20, data=refund, original=original))
    assert outcome(too_much) == ("Failure", "NotAllowed")
    rest = await till.ask("Payment", payment(17, data=refund, original=original), secured=True)
    assert rest["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 17
    assert outcome(await till.ask("Payment", payment(17, data=refund, original=original)))[0] == "Failure"
    sale = (await shop.ask("GET", f"/v1/sales/{original['TransactionID']}")).json
    assert (sale["refunded"], len(sale["refunds"])) == (2000, 2)


async def test_a_reversal_gives_back_all_that_is_left_once(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(20))
    body = {
        "OriginalPOITransaction": {"POITransactionID": transaction(paid)},
        "ReversalReason": "CustCancel",
        "ReversedAmount": 5,
    }
    assert outcome(await till.ask("Reversal", body)) == ("Failure", "NotAllowed")
    whole = {name: part for name, part in body.items() if name != "ReversedAmount"}
    undone = await till.ask("Reversal", whole, service="v1", secured=True)
    assert (outcome(undone), undone["ReversedAmount"]) == (("Success", None), 20)
    assert undone["OriginalPOITransaction"]["POITransactionID"]["TransactionID"] == transaction(paid)["TransactionID"]
    assert await till.ask("Reversal", whole, service="v1") == undone
    assert outcome(await till.ask("Reversal", whole)) == ("Failure", "NotAllowed")
    unknown = {"OriginalPOITransaction": {"POITransactionID": {"TransactionID": "sal_x", "TimeStamp": "now"}}}
    assert outcome(await till.ask("Reversal", whole | unknown)) == ("Failure", "NotFound")


async def test_the_answer_outlives_the_server(shop: Shop, till: NodeTill) -> None:
    """What is committed is told, though the answer was never kept: the process ended in between."""
    paid = await till.ask("Payment", payment(10), service="cut")
    refunded = await till.ask(
        "Payment", payment(10, data={"PaymentType": "Refund"}, original=transaction(paid)), service="back"
    )

    def forget() -> Job[None]:
        yield Query("update nexo_message set answer = null, answered_at = null")

    await shop.services.sql.write(forget)
    for service, answer in (("cut", paid), ("back", refunded)):
        told = await till.ask("TransactionStatus", reference(service))
        found = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
        assert found["POIData"] == answer["POIData"]
        assert found["PaymentResult"] == answer["PaymentResult"]
        assert found["SaleData"] == answer["SaleData"]
        assert found["PaymentReceipt"] == answer["PaymentReceipt"], "the same print"
    assert len(await sales(shop)) == 2


async def test_a_till_that_hangs_up_is_paid_for_all_the_same(shop: Shop, till: NodeTill) -> None:
    asking = asyncio.create_task(till.ask("Payment", payment(10), service="gone"))
    await asyncio.sleep(0)
    asking.cancel()
    for _ in range(100):
        told = await till.ask("TransactionStatus", reference("gone"))
        if outcome(told) == ("Success", None):
            break
    assert outcome(told) == ("Success", None)
    assert sale_data()["SaleTransactionID"]["TransactionID"] == "100"


async def test_a_payment_is_given_up_before_the_terminal_is_asked_and_not_after(
    shop: Shop, till: NodeTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    abort = reference("gone") | {"AbortReason": "MerchantAbort"}
    engine, simulator = shop.services.engine, shop.services.engine.wiring.connectors["simulator"]
    set_items, authorise = engine.tills.set_items, simulator.authorise

    async def aborted_before(*arguments: Any, **named: Any) -> Any:
        assert await till.envelope("Abort", abort) == {}
        return await set_items(*arguments, **named)

    async def aborted_after(*arguments: Any) -> Any:
        assert await till.envelope("Abort", abort | reference("paid")) == {}
        return await authorise(*arguments)

    with monkeypatch.context() as before:
        before.setattr(engine.tills, "set_items", aborted_before)
        assert outcome(await till.ask("Payment", payment(10), service="gone")) == ("Failure", "Aborted")
    told = await till.ask("TransactionStatus", reference("gone"))
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert (outcome(body), await sales(shop)) == (("Failure", "Aborted"), [])
    monkeypatch.setattr(simulator, "authorise", aborted_after)
    assert outcome(await till.ask("Payment", payment(10), service="paid")) == ("Success", None)
    assert len(await sales(shop)) == 1


async def test_where_storage_is_away_nothing_is_served_and_the_same_request_sells_later(
    shop: Shop, till: NodeTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise StorageError("storage-away", "The storage is away.")

    body = payment(10)
    with monkeypatch.context() as broken:
        broken.setattr(type(shop.services.sql), "write", away)
        assert outcome(await till.ask("Payment", body, service="again")) == ("Failure", "UnavailableService")
    assert outcome(await till.ask("Payment", body, service="again")) == ("Success", None)
    assert len(await sales(shop)) == 1


@pytest.mark.parametrize("quantity", [-1, 0, "NaN", "sNaN", "-Infinity", "1e999999", "1e999999999"])
async def test_a_quantity_that_is_none_takes_nothing_back(shop: Shop, till: NodeTill, quantity: Any) -> None:
    paid = await till.ask("Payment", payment(20, [item(1, "TEA", 12, 4), item(2, "CAKE", 8)]))
    lines = [item(1, "TEA", 3, quantity), item(2, "CAKE", 8)]
    body = payment(5, lines, data={"PaymentType": "Refund"}, original=transaction(paid))
    told = await till.ask("Payment", body)
    assert outcome(told) == ("Failure", "MessageFormat")
    assert "bad-quantity" in told["Response"]["AdditionalResponse"]


async def test_a_tip_takes_nothing_off(shop: Shop, till: NodeTill) -> None:
    body = payment(15, [item(1, "TEA", 20)])
    body["PaymentTransaction"]["AmountsReq"]["TipAmount"] = -5
    told = await till.ask("Payment", body)
    assert outcome(told) == ("Failure", "MessageFormat")
    assert await sales(shop) == []
