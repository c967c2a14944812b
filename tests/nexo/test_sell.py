"""A till sells through the vendor's own client, unmodified, and gets the offers that it knows nothing of."""

import asyncio
from typing import Any

import pytest

from poi_engine.value.lines import WALLET
from tests.nexo.messages import POI, SALE
from tests.nexo.till import NodeTill, Refused, item, member, payment, sale_data
from tests.server.shop import Shop

OFFER = {
    "offer_id": "off_ten",
    "name": {"en": "Ten percent", "fr": "Dix pour cent"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000}],
}
LOGIN = {
    "DateTime": "2026-11-22T12:00:00Z",
    "SaleSoftware": {
        "ApplicationName": "Till",
        "SoftwareVersion": "7",
        "ManufacturerID": "M",
        "CertificationCode": "C",
    },
    "OperatorLanguage": "fr",
    "OperatorID": "Ada",
}


async def put_offer(shop: Shop, **changes: Any) -> None:
    answer = await shop.ask("POST", "/v1/offers", OFFER | changes)
    assert answer.status in (200, 201), answer.content


async def test_a_till_logs_in_asks_what_works_and_logs_out(shop: Shop, till: NodeTill) -> None:
    assert (await till.ask("Diagnosis", {}))["LoggedSaleID"] == []
    welcome = await till.ask("Login", LOGIN)
    assert welcome["Response"]["Result"] == "Success"
    assert welcome["POISystemData"]["POISoftware"]["ApplicationName"] == "poi-server"
    assert welcome["POISystemData"]["POIStatus"]["GlobalStatus"] == "OK"
    found = await till.ask("Diagnosis", {"HostDiagnosisFlag": True}, secured=True)
    assert found["LoggedSaleID"] == [SALE]
    assert found["HostStatus"] == [{"AcquirerID": "simulator", "IsReachableFlag": True}]
    for _ in range(2):
        assert (await till.ask("Logout", {}, service="out"))["Response"] == {"Result": "Success"}, "told again"
    again = await till.ask("Logout", {})
    assert (again["Response"]["Result"], again["Response"]["ErrorCondition"]) == ("Failure", "LoggedOut")


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "secured"])
async def test_a_payment_has_the_offers_in_its_rebates(shop: Shop, till: NodeTill, secured: bool) -> None:
    await put_offer(shop)
    envelope = await till.envelope(
        "Payment", payment(19.98, [item(1, "TEA", 9.99), item(2, "CAKE", 9.99)]), service="42", secured=secured
    )
    header = envelope["SaleToPOIResponse"]["MessageHeader"]
    assert (header["MessageType"], header["ServiceID"], header["POIID"]) == ("Response", "42", POI)
    paid = envelope["SaleToPOIResponse"]["PaymentResponse"]
    assert paid["Response"] == {"Result": "Success"}
    amounts = paid["PaymentResult"]["AmountsResp"]
    assert amounts == {"Currency": "EUR", "AuthorizedAmount": 17.98, "TotalRebatesAmount": 2}
    rebates = paid["LoyaltyResult"][0]["Rebates"]
    assert rebates["TotalRebate"] == 2
    assert rebates["RebateLabel"] == "Dix pour cent"
    assert [(one["ItemID"], one["ProductCode"], one["ItemAmount"]) for one in rebates["SaleItemRebate"]] == [
        (1, "TEA", 1),
        (2, "CAKE", 1),
    ]
    assert paid["PaymentResult"]["PaymentInstrumentData"]["PaymentInstrumentType"] == "Card"
    text = "\n".join(line["Text"] for line in paid["PaymentReceipt"][0]["OutputContent"]["OutputText"])
    assert "Dix pour cent" in text
    sale_id = paid["POIData"]["POITransactionID"]["TransactionID"]
    sale = (await shop.ask("GET", f"/v1/sales/{sale_id}")).json
    assert (sale["total"], sale["saved"], sale["means"], sale["station_id"]) == (1798, 200, "card", shop.station_id)
    assert "Caisse : Till\n" in text
    assert sale["receipt_hash"][:12] in text


async def test_a_plain_amount_is_paid_as_it_is(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(10.07))
    assert paid["PaymentResult"]["AmountsResp"] == {"Currency": "EUR", "AuthorizedAmount": 10.07}
    assert "LoyaltyResult" not in paid
    assert paid["SaleData"]["SaleTransactionID"]["TransactionID"] == sale_data()["SaleTransactionID"]["TransactionID"]


@pytest.mark.parametrize(("handling", "paid"), [("Forbidden", 10), ("Processed", 10), ("Allowed", 9), ("Proposed", 9)])
async def test_loyalty_handling_decides_whether_there_are_offers(
    shop: Shop, till: NodeTill, handling: str, paid: float
) -> None:
    await put_offer(shop)
    answer = await till.ask("Payment", payment(10, handling=handling))
    assert answer["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == paid


async def test_a_loyalty_card_that_the_till_read_earns_points(shop: Shop, till: NodeTill) -> None:
    paid = await till.ask("Payment", payment(25, loyalty=member("LOYAL-0017"), handling="Required"))
    assert paid["Response"] == {"Result": "Success"}
    loyalty = paid["LoyaltyResult"][0]
    customer_id = loyalty["LoyaltyAccount"]["LoyaltyAccountID"]["LoyaltyID"]
    customer = (await shop.ask("GET", f"/v1/customers/{customer_id}")).json
    assert loyalty["CurrentBalance"] == customer["points"] == loyalty["LoyaltyAmount"]["Value"] > 0
    again = await till.ask("Payment", payment(25))
    assert "LoyaltyResult" not in again, "the next customer is nobody we know"


async def test_required_loyalty_without_a_customer_fails_and_takes_nothing(shop: Shop, till: NodeTill) -> None:
    answer = await till.ask("Payment", payment(25, handling="Required"))
    assert (answer["Response"]["Result"], answer["Response"]["ErrorCondition"]) == ("Failure", "InvalidCard")
    assert (await shop.ask("GET", "/v1/sales")).json["items"] == []
    assert (await till.ask("Payment", payment(25)))["Response"]["Result"] == "Success"


@pytest.mark.parametrize("amount", [10.05, 10.51])
async def test_a_declined_card_is_a_refusal_and_the_till_tries_again(shop: Shop, till: NodeTill, amount: float) -> None:
    answer = await till.ask("Payment", payment(amount))
    assert (answer["Response"]["Result"], answer["Response"]["ErrorCondition"]) == ("Failure", "Refusal")
    assert "PaymentResult" not in answer
    assert (await till.ask("Payment", payment(10)))["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 10
    assert len((await shop.ask("GET", "/v1/sales")).json["items"]) == 1


async def test_the_tills_prices_rule_and_our_products_say_what_they_are(shop: Shop, till: NodeTill) -> None:
    await shop.ask("PUT", "/v1/products/TEA", {"code": "TEA", "label": "Green tea", "unit_price": 500, "brand": "Leaf"})
    paid = await till.ask("Payment", payment(9.00, [item(7, "TEA", 9.00, 3)]))
    sale = (await shop.ask("GET", f"/v1/sales/{paid['POIData']['POITransactionID']['TransactionID']}")).json
    line = sale["lines"][0]
    assert (line["label"], line["code"], line["quantity"], line["unit_price"]) == ("Green tea", "TEA", 3000, 300)


async def test_what_cannot_be_sold_is_refused_with_its_reason(shop: Shop, till: NodeTill) -> None:
    for body, condition, code in (
        (payment(10, [item(1, "TEA", 9)]), "MessageFormat", "items-differ"),
        (payment(10.001), "MessageFormat", "too-many-decimals"),
        (payment(10, [item(1, "A", 5), item(1, "B", 5)]), "MessageFormat", "duplicate-item"),
        (payment(10, data={"PaymentType": "UpdateReservation"}), "NotAllowed", "payment-type"),
        (payment(10, data={"PaymentType": "Refund"}), "NotAllowed", "no-original"),
        (payment(10, [item(1, WALLET, 10)]), "MessageFormat", "value-by-till"),
        ({"SaleData": sale_data()}, "MessageFormat", "message-format"),
    ):
        answer = await till.ask("Payment", body)
        assert (answer["Response"]["Result"], answer["Response"]["ErrorCondition"]) == ("Failure", condition)
        assert f"code={code}&" in answer["Response"]["AdditionalResponse"]
        assert answer["POIData"]["POITransactionID"]["TransactionID"]
    assert (await shop.ask("GET", "/v1/sales")).json["items"] == []


async def test_who_is_not_the_stations_till_is_refused_by_the_transport(shop: Shop, till: NodeTill) -> None:
    with pytest.raises(Refused) as refused:
        await till.ask("Diagnosis", {}, POIID="Nobody-1")
    assert (refused.value.status, refused.value.code) == (404, "not-found")


async def test_two_tills_at_one_station_never_pay_each_others_basket(shop: Shop, till: NodeTill) -> None:
    """Whoever comes second hears that the station is busy, and takes nothing; then it is their turn."""
    amounts = [10, 25, 40, 55]
    told = await asyncio.gather(
        *(till.ask("Payment", payment(amount, [item(1, "TEA", amount)]), SaleID=f"till-{amount}") for amount in amounts)
    )
    paid = [one["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] if "PaymentResult" in one else None for one in told]
    assert any(paid)
    for amount, authorised, answer in zip(amounts, paid, told, strict=True):
        assert authorised in (amount, None)
        assert authorised or answer["Response"]["ErrorCondition"] == "Busy"
    again = await till.ask("Payment", payment(25, [item(1, "TEA", 25)]), SaleID="till-25")
    assert again["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 25


@pytest.mark.parametrize("itemised", [True, False])
@pytest.mark.parametrize(("handling", "authorised"), [("Allowed", 23), ("Forbidden", 25)])
async def test_a_tip_is_paid_in_full_whatever_the_offers(
    shop: Shop, till: NodeTill, itemised: bool, handling: str, authorised: float
) -> None:
    """10 % off everything is 10 % off the goods: nobody's tip is cut, and it earns nothing."""
    await put_offer(shop)
    body = payment(25, [item(1, "TEA", 20)] if itemised else None, handling=handling, loyalty=member("LOYAL-0017"))
    body["PaymentTransaction"]["AmountsReq"]["TipAmount"] = 5
    paid = await till.ask("Payment", body)
    amounts = paid["PaymentResult"]["AmountsResp"]
    assert (amounts["AuthorizedAmount"], amounts["TipAmount"]) == (authorised, 5)
    if handling == "Allowed":
        assert amounts["TotalRebatesAmount"] == 2
        plain = await till.ask("Payment", payment(20, handling=handling, loyalty=member("LOYAL-0017")))
        assert _points(paid) == _points(plain), "the tip earned none"
    sale = (await shop.ask("GET", f"/v1/sales/{paid['POIData']['POITransactionID']['TransactionID']}")).json
    [tip] = [line for line in sale["lines"] if line["line_id"] == "tip"]
    assert (tip["total"], tip["saved"], tip["vat_rate"]) == (500, 0, 0)


def _points(answer: dict[str, Any]) -> float:
    found: float = answer["LoyaltyResult"][0]["LoyaltyAmount"]["Value"]
    return found
