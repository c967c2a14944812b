"""What a till writes never keeps a card number here: it is refused, or masked in the reason of a failure."""

from typing import Any
from urllib.parse import unquote

from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from tests.nexo.messages import header, request
from tests.nexo.till import item, payment, sale_data
from tests.server.shop import Shop

NUMBER = "4111 1111 1111 1111"
PLAIN = NUMBER.replace(" ", "")
TRANSACTION = sale_data(NUMBER)["SaleTransactionID"]


def _sale(**said: Any) -> dict[str, Any]:
    return payment(10) | {"SaleData": sale_data() | said}


REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "the transaction": ("Payment", _sale(SaleTransactionID={"TransactionID": PLAIN, "TimeStamp": "2026-11-22"})),
    "its time": ("Payment", _sale(SaleTransactionID={"TransactionID": "1", "TimeStamp": NUMBER})),
    "the sale's reference": ("Payment", _sale(SaleReferenceID=f"x {NUMBER}")),
    "a product's code": ("Payment", payment(10, [item(1, PLAIN, 10)])),
    "a product's EAN": ("Payment", payment(10, [item(1, "TEA", 10) | {"EanUpc": PLAIN}])),
    "a product's label": ("Payment", payment(10, [item(1, "TEA", 10) | {"ProductLabel": NUMBER}])),
    "the kind of payment": ("Payment", payment(10, data={"PaymentType": NUMBER})),
    "an acquisition's sale": ("CardAcquisition", {"SaleData": sale_data(PLAIN), "CardAcquisitionTransaction": {}}),
    "the kind of totals": ("Reconciliation", {"ReconciliationType": NUMBER}),
    "a reversed sale": (
        "Reversal",
        {"OriginalPOITransaction": {"POITransactionID": TRANSACTION}, "ReversalReason": "MerchantCancel"},
    ),
    "who signs in": ("Login", {"DateTime": "2026", "OperatorID": PLAIN, "SaleSoftware": {}}),
}


MASKED = {"the kind of totals": "message-format", "a reversed sale": "not-found"}


async def test_no_answer_keeps_it(shop: Shop) -> None:
    for where, (category, body) in REQUESTS.items():
        answer = await shop.ask("POST", "/nexo", request(category, body, where[-10:]), role="till")
        told = answer.json["SaleToPOIResponse"][f"{category}Response"]["Response"]
        why = unquote(told["AdditionalResponse"])
        assert why.startswith(f"code={MASKED.get(where, 'card-number')}&"), where
        assert PLAIN not in why.replace(" ", ""), where
    await _nothing_kept(shop)
    assert (await shop.ask("GET", "/v1/sales")).json["items"] == []


async def test_no_tills_name_is_one(shop: Shop) -> None:
    message = {"SaleToPOIRequest": {"MessageHeader": header("Diagnosis", SaleID=PLAIN), "DiagnosisRequest": {}}}
    answer = await shop.ask("POST", "/nexo", message, role="till")
    assert answer.json["errorCode"] == "card-number"
    await _nothing_kept(shop)


async def test_the_shops_siret_is_none_in_the_receipts_kept_for_tills(shop: Shop) -> None:
    siret = "443 061 841 00047"
    assert (await shop.ask("PUT", "/v1/settings/receipt", {"lines": [f"SIRET {siret}"]})).status == 200
    answer = await shop.ask("POST", "/nexo", request("Payment", payment(10), "siret"), role="till")
    assert siret in answer.content.decode()
    assert await verify(shop.services.sql) == []


async def _nothing_kept(shop: Shop) -> None:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query("select * from nexo_message"))]

    rows = str(await shop.services.sql.read(job))
    assert PLAIN not in rows.replace("%20", "").replace(" ", "")
    assert [one for one in await verify(shop.services.sql) if one.rule == "card-number"] == []
