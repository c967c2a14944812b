"""An amount reserved on a card before the goods are known: completed by a sale, once, or given up."""

import asyncio
from typing import Any

from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.ports import Job, Query
from tests.nexo.test_sell import put_offer
from tests.nexo.test_status import outcome, reference, sales, transaction
from tests.nexo.till import NodeTill, item, payment
from tests.server.shop import Shop


def reservation(amount: float) -> dict[str, Any]:
    return payment(amount, data={"PaymentType": "FirstReservation"})


def completion(reserved: dict[str, Any], amount: float, items: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return payment(amount, items, original=transaction(reserved), data={"PaymentType": "Completion"})


def reversal(reserved: dict[str, Any], amount: float | None = None) -> dict[str, Any]:
    original = {"POITransactionID": transaction(reserved)}
    return {"OriginalPOITransaction": original, "ReversalReason": "CustCancel", "ReversedAmount": amount}


async def book(shop: Shop, *kinds: str) -> list[tuple[str, int, bool]]:
    """What the terminal did of these kinds: the amount, and whether it stands."""
    terminal = shop.services.engine.wiring.connectors["simulator"]
    assert isinstance(terminal, SimulatorConnector)
    found = await asyncio.to_thread(terminal.book.operations)
    return [(one.kind, one.amount, one.approved and not one.cancelled) for one in found if one.kind in kinds]


async def test_a_reservation_is_completed_by_a_sale_with_its_offers_in_one_capture(shop: Shop, till: NodeTill) -> None:
    await put_offer(shop)
    reserved = await till.ask("Payment", reservation(50))
    assert outcome(reserved) == ("Success", None)
    assert reserved["PaymentResult"]["PaymentType"] == "FirstReservation"
    assert reserved["PaymentResult"]["AmountsResp"] == {"Currency": "EUR", "AuthorizedAmount": 50}
    assert await sales(shop) == []
    body = completion(reserved, 20, [item(1, "TEA", 12), item(2, "CAKE", 8)])
    paid = await till.ask("Payment", body, service="done", secured=True)
    assert outcome(paid) == ("Success", None)
    assert paid["PaymentResult"]["PaymentType"] == "Completion"
    assert paid["PaymentResult"]["AmountsResp"] == {"Currency": "EUR", "AuthorizedAmount": 18, "TotalRebatesAmount": 2}
    assert await till.ask("Payment", body, service="done") == paid
    assert [(one["total"], one["means"]) for one in await sales(shop)] == [(1800, "card")]
    assert await book(shop, "authorise", "capture") == [("authorise", 5000, True), ("capture", 1800, True)]
    back = await till.ask("Reversal", reversal(paid))
    assert (outcome(back), back["ReversedAmount"]) == (("Success", None), 18)
    assert await book(shop, "refund") == [("refund", 1800, True)]


async def test_a_reservation_is_given_up_and_serves_no_more(shop: Shop, till: NodeTill) -> None:
    reserved = await till.ask("Payment", reservation(50))
    assert outcome(await till.ask("Reversal", reversal(reserved, 20))) == ("Failure", "NotAllowed")
    gone = await till.ask("Reversal", reversal(reserved, 50), service="gone")
    assert (outcome(gone), gone["ReversedAmount"]) == (("Success", None), 50)
    assert gone["OriginalPOITransaction"]["POITransactionID"]["TransactionID"] == transaction(reserved)["TransactionID"]
    assert await till.ask("Reversal", reversal(reserved, 50), service="gone") == gone
    refused = await till.ask("Payment", completion(reserved, 10))
    assert outcome(refused) == ("Failure", "NotAllowed")
    assert "hold-over" in refused["Response"]["AdditionalResponse"]
    assert await sales(shop) == []
    assert await book(shop, "authorise", "capture") == [("authorise", 5000, False)]


async def test_a_reservation_is_completed_once_and_never_above_what_it_holds(shop: Shop, till: NodeTill) -> None:
    reserved = await till.ask("Payment", reservation(50))
    more = await till.ask("Payment", completion(reserved, 50.01))
    assert (outcome(more), "more-than-held" in more["Response"]["AdditionalResponse"]) == (
        ("Failure", "NotAllowed"),
        True,
    )
    declined = await till.ask("Payment", completion(reserved, 10.05))
    assert outcome(declined) == ("Failure", "Refusal")
    assert outcome(await till.ask("Payment", completion(reserved, 30))) == ("Success", None)
    again = await till.ask("Payment", completion(reserved, 5))
    assert (outcome(again), "hold-taken" in again["Response"]["AdditionalResponse"]) == (
        ("Failure", "NotAllowed"),
        True,
    )
    assert outcome(await till.ask("Reversal", reversal(reserved))) == ("Failure", "NotAllowed")
    assert [one["total"] for one in await sales(shop)] == [3000]


async def test_other_kinds_of_reservation_are_refused(shop: Shop, till: NodeTill) -> None:
    for kind in ("UpdateReservation", "OneTimeReservation", "Recurring"):
        refused = await till.ask("Payment", payment(10, data={"PaymentType": kind}))
        assert outcome(refused) == ("Failure", "NotAllowed")
    assert await book(shop, "authorise") == []


async def test_a_reservation_without_an_answer_is_asked_about(shop: Shop, till: NodeTill) -> None:
    assert outcome(await till.ask("Payment", reservation(50.05))) == ("Failure", "Refusal")
    assert outcome(await till.ask("Payment", reservation(50.13), service="late")) == ("Failure", "InProgress")
    told = await till.ask("TransactionStatus", reference("late"))
    reserved = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert reserved["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 50.13
    assert outcome(await till.ask("Payment", reservation(50.14), service="no")) == ("Failure", "InProgress")
    told = await till.ask("TransactionStatus", reference("no"))
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert outcome(body) == ("Failure", "Refusal")


async def test_of_a_reservation_whose_answer_was_lost_storage_knows_the_end(shop: Shop, till: NodeTill) -> None:
    reserved = await till.ask("Payment", reservation(50), service="lost")
    gone = await till.ask("Reversal", reversal(reserved), service="back")

    def job() -> Job[None]:
        yield Query("update nexo_message set answer = null")

    await shop.services.sql.write(job)
    told = await till.ask("TransactionStatus", reference("back", "Reversal"))
    assert outcome(told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["ReversalResponse"]) == outcome(gone)
    told = await till.ask("TransactionStatus", reference("lost"))
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert transaction(body)["TransactionID"] == transaction(reserved)["TransactionID"]


async def test_an_unknown_reservation_and_one_without_a_name_are_refused(shop: Shop, till: NodeTill) -> None:
    nobody = {"POIData": {"POITransactionID": {"TransactionID": "chd_nobody", "TimeStamp": "2026-11-22T12:00:00Z"}}}
    assert outcome(await till.ask("Payment", completion(nobody, 10))) == ("Failure", "NotFound")
    assert outcome(await till.ask("Reversal", reversal(nobody))) == ("Failure", "NotFound")
    nameless = await till.ask("Payment", payment(10, data={"PaymentType": "Completion"}))
    assert outcome(nameless) == ("Failure", "NotAllowed")


async def test_in_training_a_till_gets_its_answer_and_nothing_is_sold_nor_held(shop: Shop, till: NodeTill) -> None:
    await put_offer(shop)
    path = f"/v1/stations/{shop.station_id}/training"
    assert (await shop.ask("POST", path, {"on": True})).status == 200
    body = payment(20, [item(1, "TEA", 20)])
    paid = await till.ask("Payment", body, service="exercise")
    assert outcome(paid) == ("Success", None)
    assert paid["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 18
    assert await till.ask("Payment", body, service="exercise") == paid
    assert outcome(await till.ask("Payment", reservation(50))) == ("Failure", "NotAllowed")
    assert (await sales(shop), await book(shop, "authorise")) == ([], [])
    assert (await shop.ask("POST", path, {"on": False})).status == 200
    assert outcome(await till.ask("Payment", payment(10))) == ("Success", None)
