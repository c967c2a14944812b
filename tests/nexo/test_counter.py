"""What else a till asks of a counter: the customer before the amount, points, gift cards, totals, the screen."""

import asyncio
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from tests.nexo.conftest import STATION
from tests.nexo.messages import POI, SALE, request
from tests.nexo.test_sell import LOGIN, put_offer
from tests.nexo.test_status import outcome, reference, sales, transaction
from tests.nexo.till import NodeTill, item, member, payment, sale_data
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


async def test_loyalty_of_a_sale_that_the_till_is_paid_for(shop: Shop, till: NodeTill) -> None:
    await put_offer(shop)

    def body(kind: str, amount: float | None, **other: Any) -> dict[str, Any]:
        transaction = {"LoyaltyTransactionType": kind, "Currency": "EUR", "TotalAmount": amount, **other}
        return {"SaleData": sale_data(), "LoyaltyTransaction": transaction, "LoyaltyData": member("LOYAL-0017")}

    award = await till.ask("Loyalty", body("Award", 20), service="l1")
    points = award["LoyaltyResult"][0]
    assert points["LoyaltyAmount"] == {"LoyaltyUnit": "Point", "Value": points["CurrentBalance"]}
    assert points["CurrentBalance"] > 0
    assert "Rebates" not in points, "an award takes nothing off"
    rebate = await till.ask("Loyalty", body("Rebate", 20, SaleItem=[item(5, "TEA", 20)]), secured=True)
    assert rebate["LoyaltyResult"][0]["Rebates"]["TotalRebate"] == 2
    assert rebate["LoyaltyResult"][0]["Rebates"]["SaleItemRebate"][0]["ItemID"] == 5
    sale = (await shop.ask("GET", f"/v1/sales/{transaction(rebate)['TransactionID']}")).json
    assert (sale["means"], sale["total"]) == ("till", 1800)
    named = {"OriginalPOITransaction": {"POITransactionID": transaction(rebate)}}
    undone = await till.ask("Loyalty", body("RebateRefund", None, **named))
    assert undone["LoyaltyResult"][0]["Rebates"]["TotalRebate"] == -2
    sale = (await shop.ask("GET", f"/v1/sales/{transaction(rebate)['TransactionID']}")).json
    assert sale["refunded"] == 1800
    original = {"OriginalPOITransaction": {"POITransactionID": transaction(award)}}
    back = await till.ask("Loyalty", body("AwardRefund", None, **original), service="l2")
    assert outcome(back) == ("Success", None)
    assert back["LoyaltyResult"][0]["LoyaltyAmount"]["Value"] == -points["CurrentBalance"]
    told = await till.ask("TransactionStatus", reference("l2", "Loyalty"))
    assert told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["LoyaltyResponse"] == back
    redeem = body("Redemption", 20)
    redeem["LoyaltyData"][0]["LoyaltyAmount"] = {"LoyaltyUnit": "Point", "Value": 7}
    assert outcome(await till.ask("Loyalty", redeem)) == ("Failure", "NotFound")


async def test_a_reward_is_redeemed_by_a_customer_who_is_sure_and_its_points_come_back(
    shop: Shop, till: NodeTill
) -> None:
    """The till names the points that the reward costs; their card's number alone is no proof."""
    await without_card_first(shop)

    def body(kind: str, whose: list[dict[str, Any]], **other: Any) -> dict[str, Any]:
        transaction = {"LoyaltyTransactionType": kind, "Currency": "EUR"} | other
        return {"SaleData": sale_data(), "LoyaltyTransaction": transaction, "LoyaltyData": whose}

    award = await till.ask("Loyalty", body("Award", member("LOYAL-0017"), TotalAmount=20))
    points = award["LoyaltyResult"][0]["CurrentBalance"]
    off = [{"type": "amount_off", "amount": 300}]
    await put_offer(shop, offer_id="off_reward", effects=off, reward_points=points)
    wanted = {"LoyaltyAmount": {"LoyaltyUnit": "Point", "Value": points}}
    unsure = await till.ask("Loyalty", body("Redemption", [member("LOYAL-0017")[0] | wanted], TotalAmount=10))
    assert outcome(unsure) == ("Failure", "NotAllowed")
    asking = await waiting(shop, till, "who")
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "LOYAL-0017"}, role="till")
    seen = await asking
    assert outcome(seen) == ("Success", None), seen
    path = f"/v1/sessions/{transaction(seen)['TransactionID']}/confirm-identity"
    assert (await shop.ask("POST", path, {"how": "known"}, role="till")).status == 200
    whose = [{"CardAcquisitionReference": transaction(seen)} | wanted]
    redeemed = await till.ask("Loyalty", body("Redemption", whose, TotalAmount=10), service="redeem")
    assert outcome(redeemed) == ("Success", None)
    result = redeemed["LoyaltyResult"][0]
    assert result["Rebates"]["TotalRebate"] == 3
    assert result["CurrentBalance"] == result["LoyaltyAmount"]["Value"], "the reward cost all there was"
    sale = (await shop.ask("GET", f"/v1/sales/{transaction(redeemed)['TransactionID']}")).json
    assert (sale["total"], sale["saved"], sale["means"]) == (700, 300, "till")
    named = {"OriginalPOITransaction": {"POITransactionID": transaction(redeemed)}}
    back = await till.ask("Loyalty", body("RedemptionRefund", [], **named))
    assert back["LoyaltyResult"][0]["CurrentBalance"] == points


async def test_gift_cards_are_loaded_spent_and_undone(shop: Shop, till: NodeTill) -> None:
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    account = {
        "StoredValueAccountType": "GiftCard",
        "IdentificationType": "BarCode",
        "EntryMode": ["Scanned"],
        "Value": card["code"],
    }

    def body(kind: str, amount: float, **other: Any) -> dict[str, Any]:
        data = {"StoredValueTransactionType": kind, "ItemAmount": amount, "Currency": "EUR"}
        return {"SaleData": sale_data(), "StoredValueData": [data | {"StoredValueAccountID": account} | other]}

    activate = body("Activate", 30)
    loaded = await till.ask("StoredValue", activate, service="g1")
    status = loaded["StoredValueResult"][0]["StoredValueAccountStatus"]
    assert status["CurrentBalance"] == 30
    assert card["code"] not in str(loaded), "the code is a secret"
    assert await till.ask("StoredValue", activate, service="g1") == loaded
    assert outcome(await till.ask("StoredValue", body("Activate", 30))) == ("Failure", "NotAllowed")
    more = await till.ask("StoredValue", body("Load", 10.5), secured=True)
    assert more["StoredValueResult"][0]["StoredValueAccountStatus"]["CurrentBalance"] == 40.5
    undo = {"OriginalPOITransaction": {"POITransactionID": transaction(more)}}
    undone = await till.ask("StoredValue", body("Reverse", 0, **undo))
    assert undone["StoredValueResult"][0]["StoredValueAccountStatus"]["CurrentBalance"] == 30
    out = await till.ask("StoredValue", body("Unload", 5))
    assert out["StoredValueResult"][0]["StoredValueAccountStatus"]["CurrentBalance"] == 25
    instrument = {"PaymentInstrumentType": "StoredValue", "StoredValueAccountID": account}
    paid = await over_http(shop, "Payment", payment(20, data={"PaymentInstrumentData": instrument}), "h1")
    assert paid["PaymentResult"]["PaymentInstrumentData"]["PaymentInstrumentType"] == "StoredValue"
    asked = {"PaymentAccountReq": {"PaymentInstrumentData": instrument}}
    balance = await over_http(shop, "BalanceInquiry", asked, "h2")
    assert balance["PaymentAccountStatus"] == {"Currency": "EUR", "CurrentBalance": 5}
    short = await over_http(shop, "Payment", payment(20, data={"PaymentInstrumentData": instrument}), "h3")
    assert outcome(short)[0] == "Failure"
    rest = await over_http(shop, "Payment", payment(3, data={"PaymentInstrumentData": instrument}), "h4")
    assert outcome(rest) == ("Success", None)


async def test_another_stations_till_undoes_no_load_of_this_one(shop: Shop, till: NodeTill) -> None:
    """A load is money in this drawer: undone elsewhere it would come out of another one."""
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    data = {"StoredValueTransactionType": "Load", "ItemAmount": 30, "Currency": "EUR"}
    data |= {"StoredValueAccountID": {"Value": card["code"]}}
    loaded = await over_http(shop, "StoredValue", {"SaleData": sale_data(), "StoredValueData": [data]}, "load")
    undo = {"StoredValueTransactionType": "Reverse", "ItemAmount": 0, "Currency": "EUR"}
    undo |= {"OriginalPOITransaction": {"POITransactionID": transaction(loaded)}}
    body = {"SaleData": sale_data(), "StoredValueData": [undo]}
    other = (await shop.ask("POST", "/v1/stations", {"store_id": shop.store_id, "name": "Bar"})).json["station_id"]
    granted = await shop.services.access.grant(shop.merchant_id, "station", other, "bar", by=BY)
    shop.secrets["bar"] = granted.secret
    refused = await shop.ask("POST", "/nexo", request("StoredValue", body, "undo", POIID=other), role="bar")
    assert outcome(refused.json["SaleToPOIResponse"]["StoredValueResponse"]) == ("Failure", "NotFound")
    assert (await shop.ask("GET", f"/v1/gift-cards/{card['card_id']}")).json["balance"] == 3000
    assert outcome(await over_http(shop, "StoredValue", body, "undo")) == ("Success", None)
    assert (await shop.ask("GET", f"/v1/gift-cards/{card['card_id']}")).json["balance"] == 0


async def over_http(shop: Shop, category: str, body: dict[str, Any], service: str) -> dict[str, Any]:
    """The same without the client, on the server's own port: its types lack this field of the standard's."""
    answer = await shop.ask("POST", "/nexo", request(category, body, service, POIID=shop.station_id), role="till")
    assert answer.status == 200, answer.content
    found: dict[str, Any] = answer.json["SaleToPOIResponse"][f"{category}Response"]
    return found


async def test_totals_are_the_stations_books_and_closing_takes_a_person(shop: Shop, till: NodeTill) -> None:
    await till.ask("Payment", payment(10))
    await till.ask("Payment", payment(5, data={"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}}))
    found = await till.ask("GetTotals", {})
    amounts = {
        one["PaymentInstrumentType"]: one["PaymentTotals"][0]["TransactionAmount"] for one in found["TransactionTotals"]
    }
    assert amounts == {"Card": 10, "Cash": 5}
    assert [one["PaymentTotals"][0]["TransactionType"] for one in found["TransactionTotals"]] == ["Debit", "Debit"]
    close = {"ReconciliationType": "SaleReconciliation"}
    refused = await till.ask("Reconciliation", close)
    assert outcome(refused) == ("Failure", "NotAllowed")
    assert refused["ReconciliationType"] == "SaleReconciliation"
    path = f"/v1/sellers/{shop.manager_id}/pin"
    assert (await shop.ask("PUT", path, {"pin": "5093"})).status < 300
    sign_in = {"seller_id": shop.manager_id, "pin": "5093"}
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/sign-in", sign_in, role="till")
    closed = await till.ask("Reconciliation", close, service="z1")
    assert outcome(closed) == ("Success", None)
    assert len(closed["TransactionTotals"]) == 2
    previous = await till.ask("Reconciliation", {"ReconciliationType": "PreviousReconciliation"})
    assert previous["POIReconciliationID"] == closed["POIReconciliationID"]


async def test_what_was_taken_and_what_was_given_back_stand_apart(shop: Shop, till: NodeTill) -> None:
    cash = {"PaymentInstrumentData": {"PaymentInstrumentType": "Cash"}}
    paid = [await till.ask("Payment", payment(amount, data=cash)) for amount in (10, 6)]
    refund = payment(6, data={"PaymentType": "Refund"}, original=transaction(paid[1]))
    assert outcome(await till.ask("Payment", refund)) == ("Success", None)
    [one] = (await till.ask("GetTotals", {}))["TransactionTotals"]
    assert one["PaymentTotals"] == [
        {"TransactionType": "Debit", "TransactionCount": 2, "TransactionAmount": 16},
        {"TransactionType": "Credit", "TransactionCount": 1, "TransactionAmount": 6},
    ]


async def test_the_screen_shows_a_tills_words_and_what_is_not_there_is_said(shop: Shop, till: NodeTill) -> None:
    shown = {"OutputFormat": "Text", "OutputText": [{"Text": "Two for one on Friday"}]}
    output = {"Device": "CustomerDisplay", "InfoQualify": "Display", "OutputContent": shown}
    answer = await till.ask("Display", {"DisplayOutput": [output]})
    assert [one["Response"]["Result"] for one in answer["OutputResult"]] == ["Success"]
    session = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/session")).json
    assert session["notice"] == {"code": "till-says", "values": {"text": "Two for one on Friday"}}
    assert outcome(await till.ask("Admin", {})) == ("Failure", "NotAllowed")


@pytest.mark.parametrize("secured", [False, True])
async def test_categories_nobody_serves_are_unavailable(shop: Shop, till: NodeTill, secured: bool) -> None:
    answer = await till.ask("Batch", {}, secured=secured)
    assert outcome(answer) == ("Failure", "UnavailableService")
    assert (POI, SALE, LOGIN["OperatorID"]) == ("P400Plus-123456789", "POSSystemID12345", "Ada")
    assert await sales(shop) == []


async def test_a_till_in_training_moves_neither_points_nor_stored_value(shop: Shop, till: NodeTill) -> None:
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    answer = await shop.ask("POST", f"/v1/stations/{shop.station_id}/training", {"on": True})
    assert answer.status == 200, answer.content
    account = {"StoredValueAccountType": "GiftCard", "IdentificationType": "BarCode", "Value": card["code"]}
    data = {"StoredValueTransactionType": "Load", "ItemAmount": 30, "Currency": "EUR", "StoredValueAccountID": account}
    load = {"SaleData": sale_data(), "StoredValueData": [data | {"StoredValueAccountID": account | {"EntryMode": []}}]}
    assert outcome(await till.ask("StoredValue", load)) == ("Failure", "NotAllowed")
    sold = {"LoyaltyTransactionType": "Award", "Currency": "EUR", "TotalAmount": 20}
    asked = {"SaleData": sale_data(), "LoyaltyTransaction": sold, "LoyaltyData": member("LOYAL-0017")}
    award = await till.ask("Loyalty", asked)
    assert (outcome(award), "LoyaltyResult" in award) == (("Success", None), False)
    assert (await shop.ask("GET", f"/v1/gift-cards/{card['card_id']}")).json["balance"] == 0
