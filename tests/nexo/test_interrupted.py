"""A server that ends in the middle of a payment: the till asks, and is told the truth."""

from typing import Any

import pytest

from poi_engine.ports import Job, Query
from tests.nexo.messages import request
from tests.nexo.test_status import outcome, reference, sales
from tests.nexo.till import payment, sale_data
from tests.server.shop import Shop


async def ask(shop: Shop, category: str, body: dict[str, Any], service: str) -> dict[str, Any]:
    """Without the vendor's client, on the server's own port."""
    answer = await shop.ask("POST", "/nexo", request(category, body, service, POIID=shop.station_id), role="till")
    found: dict[str, Any] = answer.json["SaleToPOIResponse"][f"{category}Response"]
    return found


def asked(service: str, shop: Shop) -> dict[str, Any]:
    found = reference(service)
    found["MessageReference"]["POIID"] = shop.station_id
    return found


@pytest.mark.parametrize("step", ["set_items", "accept", "pay"])
async def test_ended_before_the_terminal_was_asked_nothing_was_taken(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    engine = shop.services.engine
    target = engine.tills if step == "set_items" else engine.checkout

    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(target, step, breaks)
        first = await ask(shop, "Payment", payment(10), "cut")
    assert outcome(first)[0] == "Failure"
    told = await ask(shop, "TransactionStatus", asked("cut", shop), "1")
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert (outcome(told), outcome(body)) == (("Success", None), ("Failure", "Aborted"))
    assert await sales(shop) == []
    assert outcome(await ask(shop, "Payment", payment(10), "next")) == ("Success", None)


async def test_ended_after_the_terminal_said_yes_the_sale_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer was made and lost; of the payment only what is in SQL is left."""
    from poi_server.nexo.categories import payment as module

    async def breaks(*_: Any) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(module, "sale_answer", breaks)
        first = await ask(shop, "Payment", payment(10), "cut")
    assert outcome(first) == ("Failure", "InProgress"), "it may have been paid: never a plain failure"
    assert len(await sales(shop)) == 1
    told = await ask(shop, "TransactionStatus", asked("cut", shop), "1")
    paid = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert paid["PaymentResult"]["AmountsResp"]["AuthorizedAmount"] == 10
    assert len(await sales(shop)) == 1


@pytest.mark.parametrize(("change", "ends"), [("", ("Success", None)), (", message_id = 'x'", ("Failure", "Aborted"))])
async def test_of_a_payment_whose_session_is_forgotten_sql_knows_the_end(
    shop: Shop, change: str, ends: tuple[str, str | None]
) -> None:
    """Also where only the request came on file: then no payment was ever begun under its name."""
    await ask(shop, "Payment", payment(10), "cut")

    def job() -> Job[None]:
        yield Query(f"update nexo_message set answer = null, subject = null{change}")

    await shop.services.sql.write(job)
    told = await ask(shop, "TransactionStatus", asked("cut", shop), "1")
    body = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"]
    assert outcome(body) == ends


async def test_where_people_sign_in_a_till_sells_for_the_one_who_is(shop: Shop) -> None:
    rule = {"sign_in": "required", "sign_out_minutes": 30}
    assert (await shop.ask("PUT", "/v1/settings/sign-in", rule)).status == 200
    refused = await ask(shop, "Payment", payment(10), "1")
    assert outcome(refused) == ("Failure", "NotAllowed")
    assert "sign-in-needed" in refused["Response"]["AdditionalResponse"]
    await shop.ask("PUT", f"/v1/sellers/{shop.seller_id}/pin", {"pin": "5093"})
    sign_in = {"seller_id": shop.seller_id, "pin": "5093"}
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/sign-in", sign_in, role="till")
    paid = await ask(shop, "Payment", payment(10), "2")
    sale = (await shop.ask("GET", f"/v1/sales/{paid['POIData']['POITransactionID']['TransactionID']}")).json
    assert sale["seller_id"] == shop.seller_id


async def test_a_gift_card_is_paid_out_as_far_as_the_person_may_refund(shop: Shop) -> None:
    """Taking value off a card, or undoing a load, is money out of the drawer: the refund limit holds."""
    card = (await shop.ask("POST", "/v1/gift-cards", {}, headers={"Idempotency-Key": "issue"})).json
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "required", "sign_out_minutes": 30})
    hired = {"name": "Joan", "role": "seller", "refund_limit": 500}
    joan = (await shop.ask("POST", "/v1/sellers", hired)).json["seller_id"]
    await shop.ask("PUT", f"/v1/sellers/{joan}/pin", {"pin": "5093"})
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/sign-in", {"seller_id": joan, "pin": "5093"}, role="till")

    async def stored(kind: str, amount: float, service: str, **other: Any) -> dict[str, Any]:
        data = {"StoredValueTransactionType": kind, "ItemAmount": amount, "Currency": "EUR"}
        data |= {"StoredValueAccountID": {"Value": card["code"]}} | other
        return await ask(shop, "StoredValue", {"SaleData": sale_data(), "StoredValueData": [data]}, service)

    loaded = await stored("Load", 30, "1")
    assert outcome(loaded) == ("Success", None)
    assert outcome(await stored("Unload", 4, "2")) == ("Success", None)
    refused = await stored("Unload", 2, "3")
    assert outcome(refused) == ("Failure", "NotAllowed")
    assert "approval-needed" in refused["Response"]["AdditionalResponse"]
    undo = {"OriginalPOITransaction": {"POITransactionID": loaded["POIData"]["POITransactionID"]}}
    assert outcome(await stored("Reverse", 0, "4", **undo)) == ("Failure", "NotAllowed")
    assert outcome(await stored("Unload", 1, "5")) == ("Success", None)


async def without_answer(shop: Shop) -> None:
    """The server ended before it kept the answer."""

    def job() -> Job[None]:
        yield Query("update nexo_message set answer = null")

    await shop.services.sql.write(job)


async def told_of(shop: Shop, service: str, category: str) -> dict[str, Any]:
    """What the till hears when it asks."""
    told = await ask(shop, "TransactionStatus", asked(service, shop), "status")
    assert outcome(told) == ("Success", None), told
    found: dict[str, Any] = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"][f"{category}Response"]
    return found


async def test_an_acquisition_whose_server_ended_is_over_and_leaves_nobody_waiting(shop: Shop) -> None:
    body = {"SaleData": sale_data(), "CardAcquisitionTransaction": {}}
    seen = await ask(shop, "CardAcquisition", body, "who")
    await without_answer(shop)
    for _ in range(2):
        assert outcome(await told_of(shop, "who", "CardAcquisition")) == ("Failure", "Aborted")
    session = seen["POIData"]["POITransactionID"]["TransactionID"]
    assert (await shop.ask("GET", f"/v1/sessions/{session}")).json["state"] == "abandoned"
    assert outcome(await ask(shop, "Payment", payment(10), "next")) == ("Success", None)


async def test_a_reconciliation_whose_server_ended_says_whether_it_closed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(shop, "Payment", payment(10), "1")
    await shop.ask("PUT", f"/v1/sellers/{shop.manager_id}/pin", {"pin": "5093"})
    sign_in = {"seller_id": shop.manager_id, "pin": "5093"}
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/sign-in", sign_in, role="till")
    close = {"ReconciliationType": "SaleReconciliation"}

    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(shop.services.engine.fiscal, "close", breaks)
        assert outcome(await ask(shop, "Reconciliation", close, "before"))[0] == "Failure"
    assert outcome(await told_of(shop, "before", "Reconciliation")) == ("Failure", "Aborted")
    closed = await ask(shop, "Reconciliation", close, "after")
    await without_answer(shop)
    assert await told_of(shop, "after", "Reconciliation") == closed
