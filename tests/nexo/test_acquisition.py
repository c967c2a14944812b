"""The customer before the amount: a card or code that a till has read, waited for, missed or given up."""

import asyncio
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from tests.nexo.conftest import STATION
from tests.nexo.messages import request
from tests.nexo.test_status import outcome, reference, transaction
from tests.nexo.till import NodeTill, payment, sale_data
from tests.server.shop import BY, Shop


def acquisition(**other: Any) -> dict[str, Any]:
    return {"SaleData": sale_data(), "CardAcquisitionTransaction": other}


async def test_a_card_seen_first_is_the_one_that_pays(shop: Shop, till: NodeTill) -> None:
    """The simulated terminal reads the card before the amount: the offers of that card can then be decided."""
    seen = await till.ask("CardAcquisition", acquisition(TotalAmount=10), service="a1")
    assert outcome(seen) == ("Success", None)
    assert seen["PaymentBrand"] == ["cb"]
    assert seen["PaymentInstrumentData"]["CardData"] == {"PaymentBrand": "cb", "EntryMode": ["Contactless"]}
    data = {"PaymentType": "Normal", "CardAcquisitionReference": transaction(seen)}
    paid = await till.ask("Payment", payment(10, data=data))
    assert paid["PaymentResult"]["PaymentInstrumentData"]["CardData"]["PaymentBrand"] == "cb"
    over = await till.ask("Payment", payment(10, data=data))
    assert outcome(over) == ("Failure", "NotFound")
    told = await till.ask("TransactionStatus", reference("a1", "CardAcquisition"))
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]
    assert body["CardAcquisitionResponse"]["POIData"] == seen["POIData"]


async def without_card_first(shop: Shop) -> None:
    """A terminal that reads the card together with the amount only: the customer is waited for instead."""

    def job() -> Job[None]:
        yield Query("update station set connector = 'transfer' where station_id = ?", (shop.station_id,))

    await shop.services.sql.write(job)
    shop.services.engine.places.forget()


async def waiting(shop: Shop, till: NodeTill, service: str) -> asyncio.Task[dict[str, Any]]:
    """An acquisition that waits for the customer."""
    asking = asyncio.create_task(till.ask("CardAcquisition", acquisition(), service=service))
    for _ in range(500):
        session = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session")).json
        if session is not None and session["state"] == "open":
            break
    return asking


async def test_a_customer_who_shows_their_code_at_the_station_is_acquired(shop: Shop, till: NodeTill) -> None:
    await without_card_first(shop)
    asking = await waiting(shop, till, "who")
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
    seen = await asking
    account = seen["LoyaltyAccount"][0]["LoyaltyAccountID"]
    assert account["LoyaltyID"].startswith("cus_")
    asked = {"LoyaltyAccountReq": {"CardAcquisitionReference": transaction(seen)}}
    balance = await till.ask("BalanceInquiry", asked)
    assert (balance["LoyaltyAccountStatus"]["CurrentBalance"], outcome(balance)[0]) == (0, "Success")
    loyalty = [{"CardAcquisitionReference": transaction(seen)}]
    paid = await till.ask(
        "Payment", payment(20, loyalty=loyalty, data={"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}})
    )
    assert paid["LoyaltyResult"][0]["LoyaltyAccount"]["LoyaltyAccountID"]["LoyaltyID"] == account["LoyaltyID"]
    assert paid["PaymentResult"]["PaymentInstrumentData"]["PaymentInstrumentType"] == "Cash"


async def test_loyalty_handling_says_whether_it_matters_who_they_are(shop: Shop, till: NodeTill) -> None:
    required = await till.ask("CardAcquisition", acquisition(LoyaltyHandling="Required"))
    assert outcome(required) == ("Failure", "InvalidCard"), "a card was read, and nobody is known"
    for number, (handling, known) in enumerate((("Forbidden", False), ("Allowed", True), ("Required", True))):
        await till.ask("EnableService", {"TransactionAction": "StartTransaction"})
        await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": f"LOYAL-{number}"}, role="till")
        seen = await till.ask("CardAcquisition", acquisition(LoyaltyHandling=handling))
        assert (seen["PaymentBrand"] != [], "LoyaltyAccount" in seen) == (True, known), handling
    await without_card_first(shop)
    nobody = await till.ask("CardAcquisition", acquisition(LoyaltyHandling="Forbidden"))
    assert outcome(nobody) == ("Failure", "UnavailableService")


async def test_nobody_comes_and_the_till_need_not_ask_again(
    shop: Shop, till: NodeTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poi_server.nexo.categories import acquisition as module

    await without_card_first(shop)
    first = module._first
    monkeypatch.setattr(module, "_first", lambda waiting, stop, _: first(waiting, stop, 0.05))
    body = acquisition()
    assert outcome(await till.ask("CardAcquisition", body, service="nobody")) == ("Failure", "Cancel")
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
    assert outcome(await till.ask("CardAcquisition", body, service="nobody")) == ("Failure", "Cancel")


async def test_a_customer_who_is_quicker_than_the_till_is_not_missed(
    shop: Shop, till: NodeTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They show their code when the session is open, and nobody watches it yet."""
    from poi_server.nexo.categories import acquisition as module

    await without_card_first(shop)
    watched = module._known

    async def late(*args: Any) -> Any:
        await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
        return await watched(*args)

    monkeypatch.setattr(module, "_known", late)
    seen = await till.ask("CardAcquisition", acquisition())
    assert outcome(seen) == ("Success", None)
    assert seen["LoyaltyAccount"][0]["LoyaltyAccountID"]["LoyaltyID"].startswith("cus_")


async def test_waiting_is_aborted_and_the_next_customer_is_nobody_we_know(shop: Shop, till: NodeTill) -> None:
    await without_card_first(shop)
    asking = await waiting(shop, till, "wait")
    body = reference("wait", "CardAcquisition") | {"AbortReason": "MerchantAbort"}
    assert await till.envelope("Abort", body) == {}
    assert outcome(await asking) == ("Failure", "Aborted")
    assert outcome(await till.ask("TransactionStatus", reference("wait", "CardAcquisition"))) == ("Success", None)
    asking = await waiting(shop, till, "again")
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
    assert outcome(await asking) == ("Success", None)
    given_up = await till.ask("EnableService", {"TransactionAction": "AbortTransaction"})
    assert outcome(given_up) == ("Success", None)
    cash = {"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}}
    assert "LoyaltyResult" not in await till.ask("Payment", payment(20, data=cash))


async def test_a_station_is_opened_for_the_next_customer_who_may_come_before_the_goods(
    shop: Shop, till: NodeTill
) -> None:
    await without_card_first(shop)
    started = await till.ask("EnableService", {"TransactionAction": "StartTransaction", "ServicesEnabled": ["Payment"]})
    assert outcome(started) == ("Success", None)
    session = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session")).json
    assert session["state"] == "open"
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
    cash = {"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}}
    paid = await till.ask("Payment", payment(20, data=cash))
    assert paid["LoyaltyResult"][0]["LoyaltyAccount"]["LoyaltyAccountID"]["LoyaltyID"].startswith("cus_")


@pytest.mark.parametrize("declined", [False, True])
async def test_a_till_gives_up_no_basket_of_the_stations_own_screen(shop: Shop, till: NodeTill, declined: bool) -> None:
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {}, role="till")).json
    path = f"/v1/sessions/{session['session_id']}"
    basket = {"entries": [{"label": "Tea", "amount": 1005}]}
    shown = (await shop.ask("PUT", f"{path}/basket", basket, role="till")).json
    if declined:
        accepted = {"decision_id": shown["decision_id"], "total": shown["decision"]["total"]}
        await shop.ask("POST", f"{path}/accept", accepted, role="till")
        key = {"Idempotency-Key": "declined"}
        shown = (await shop.ask("POST", f"{path}/pay", {"means": "card"}, role="till", headers=key)).json
        assert shown["state"] == "declined"
    for category, body in (
        ("Payment", payment(7)),
        ("EnableService", {"TransactionAction": "StartTransaction"}),
        ("EnableService", {"TransactionAction": "AbortTransaction"}),
    ):
        assert outcome(await till.ask(category, body)) == ("Failure", "Busy")
    assert (await shop.ask("GET", path, role="till")).json["state"] == shown["state"]


async def test_another_counters_till_stops_nothing_here(shop: Shop, till: NodeTill) -> None:
    await without_card_first(shop)
    other = (await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Bar"})).json["station_id"]
    granted = await shop.services.access.grant(shop.merchant_id, "station", other, "bar", by=BY)
    shop.secrets["bar"] = granted.secret
    asking = await waiting(shop, till, "mine")
    body = reference("mine", "CardAcquisition") | {"AbortReason": "MerchantAbort"}
    await shop.ask("POST", "/nexo", request("Abort", body, "x", POIID=other), role="bar")
    assert not asking.done()
    await shop.ask("POST", f"/v1/stations/{STATION}/scan", {"text": "LOYAL-0017"}, role="till")
    assert outcome(await asking) == ("Success", None)
