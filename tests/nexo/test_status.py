"""Lost answers, repeats, refunds, reversals: one ServiceID, one effect, one answer."""

import asyncio
from typing import Any

import pytest

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


async def test_a_payment_still_in_doubt_is_asked_for_until_it_ends(shop: Shop, till: NodeTill) -> None:
    """The simulated terminal answers two questions with "in progress"."""
    assert outcome(await till.ask("Payment", payment(10.15), service="slow")) == ("Failure", "InProgress")
    told = [outcome(await till.ask("TransactionStatus", reference("slow"))) for _ in range(3)]
    assert told == [("Failure", "InProgress"), ("Failure", "InProgress"), ("Success", None)]


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
