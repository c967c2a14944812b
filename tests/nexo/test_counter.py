"""What else a till asks of a counter: points, gift cards, totals, the screen."""

import asyncio
from typing import Any

import pytest

from tests.nexo.messages import POI, SALE, request
from tests.nexo.test_acquisition import waiting, without_card_first
from tests.nexo.test_sell import LOGIN, put_offer
from tests.nexo.test_status import outcome, reference, sales, transaction
from tests.nexo.till import NodeTill, item, member, payment, sale_data
from tests.server.shop import BY, Shop


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
    assert undone["LoyaltyResult"][0]["Rebates"]["TotalRebate"] == 2, "what goes back is told as what was taken"
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


async def test_a_loyalty_refund_moves_no_money_of_a_sale_that_was_paid_here(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(20, loyalty=member("LOYAL-0017")))
    original = {"OriginalPOITransaction": {"POITransactionID": transaction(paid)}}
    for kind in ("AwardRefund", "RebateRefund", "RedemptionRefund"):
        asked = {"SaleData": sale_data(), "LoyaltyTransaction": {"LoyaltyTransactionType": kind} | original}
        refused = await till.ask("Loyalty", asked)
        assert outcome(refused) == ("Failure", "NotAllowed")
        assert "code=paid-here&" in refused["Response"]["AdditionalResponse"]
    assert [one["total"] for one in await sales(shop)] == [2000]


async def test_a_part_of_what_a_till_was_paid_for_takes_back_a_part_of_the_points(shop: Shop, till: NodeTill) -> None:
    """The till pays the money back: a Payment gives nothing back here, and says so."""
    await put_offer(shop)

    def body(kind: str, **other: Any) -> dict[str, Any]:
        transaction = {"LoyaltyTransactionType": kind, "Currency": "EUR"} | other
        return {"SaleData": sale_data(), "LoyaltyTransaction": transaction, "LoyaltyData": member("LOYAL-0017")}

    goods = [item(1, "TEA", 60, 3), item(2, "CAKE", 40)]
    sold = await till.ask("Loyalty", body("Rebate", TotalAmount=100, SaleItem=goods))
    original = {"OriginalPOITransaction": {"POITransactionID": transaction(sold)}}
    refused = await till.ask("Payment", payment(90, data={"PaymentType": "Refund"}, original=transaction(sold)))
    assert (outcome(refused), "paid-at-till" in refused["Response"]["AdditionalResponse"]) == (
        ("Failure", "NotAllowed"),
        True,
    )
    wrong = await till.ask("Loyalty", body("RebateRefund", SaleItem=[item(1, "TEA", 20, 1)], **original))
    assert outcome(wrong) == ("Failure", "NotAllowed"), "one was 18 after its rebate"
    part = await till.ask("Loyalty", body("RebateRefund", SaleItem=[item(1, "TEA", 18, 1)], **original))
    assert part["LoyaltyResult"][0]["Rebates"]["TotalRebate"] == 2, "what goes back is told as what was taken"
    path = f"/v1/sales/{transaction(sold)['TransactionID']}"
    assert (await shop.ask("GET", path)).json["refunded"] == 1800
    rest = await till.ask("Loyalty", body("RebateRefund", TotalAmount=72, **original))
    assert rest["LoyaltyResult"][0]["CurrentBalance"] == 0
    assert (await shop.ask("GET", path)).json["refunded"] == 9000
    again = await till.ask("Loyalty", body("Rebate", TotalAmount=10))
    named = {"OriginalPOITransaction": {"POITransactionID": transaction(again)}}
    assert outcome(await till.ask("Loyalty", body("RebateRefund", TotalAmount=10, **named))) == ("Success", None)


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


async def test_of_tills_that_activate_a_gift_card_at_once_one_loads_it(shop: Shop, till: NodeTill) -> None:
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    account = _account(card)
    data = {"StoredValueTransactionType": "Activate", "ItemAmount": 30, "Currency": "EUR"}
    body = {"SaleData": sale_data(), "StoredValueData": [data | {"StoredValueAccountID": account}]}
    told = await asyncio.gather(*(till.ask("StoredValue", body) for _ in range(5)))
    assert sorted(outcome(one)[0] for one in told) == [*["Failure"] * 4, "Success"]
    balance = await over_http(shop, "BalanceInquiry", {"PaymentAccountReq": _by(account)}, "balance")
    assert balance["PaymentAccountStatus"]["CurrentBalance"] == 30


def _account(card: dict[str, Any]) -> dict[str, Any]:
    read = {"IdentificationType": "BarCode", "EntryMode": ["Scanned"], "Value": card["code"]}
    return {"StoredValueAccountType": "GiftCard"} | read


def _by(account: dict[str, Any]) -> dict[str, Any]:
    return {"PaymentInstrumentData": {"PaymentInstrumentType": "StoredValue", "StoredValueAccountID": account}}


async def test_gift_cards_are_loaded_spent_and_undone(shop: Shop, till: NodeTill) -> None:
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    account = _account(card)

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
    instrument = _by(account)["PaymentInstrumentData"]
    paid = await over_http(shop, "Payment", payment(20, data=_by(account)), "h1")
    assert paid["PaymentResult"]["PaymentInstrumentData"]["PaymentInstrumentType"] == "StoredValue"
    asked = {"PaymentAccountReq": {"PaymentInstrumentData": instrument}}
    balance = await over_http(shop, "BalanceInquiry", asked, "h2")
    assert balance["PaymentAccountStatus"] == {"Currency": "EUR", "CurrentBalance": 5}
    short = await over_http(shop, "Payment", payment(20, data={"PaymentInstrumentData": instrument}), "h3")
    assert outcome(short) == ("Failure", "Refusal")
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
