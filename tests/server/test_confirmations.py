"""A customer's own word over HTTP: the counter is told to wait, the phone is asked, and either may go on."""

import pytest

from poi_engine.errors import StorageError
from tests.server.shop import Answer, Shop
from tests.server.test_live import join, told, watching

pytestmark = pytest.mark.valkey
GIVEN = {"code": "spending-given", "values": {}}


async def in_the_wallet(shop: Shop, amount: int) -> None:
    """Stored value of the phone's customer."""
    made = {"offer_id": "off_gives", "name": {"en": "x"}, "currency": "EUR"}
    offer = {**made, "effects": [{"type": "cashback", "amount": amount}]}
    assert (await shop.ask("POST", "/v1/offers", offer)).status == 201
    await join(shop)
    path = await basket(shop, 1000)
    assert (await pay(shop, path, "cash")).json["state"] == "paid"
    await shop.ask("DELETE", "/v1/offers/off_gives")


async def basket(shop: Shop, amount: int) -> str:
    """The station's session with a plain amount; its address."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", role="station")).json
    path = f"/v1/sessions/{session['session_id']}"
    await shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": amount}]}, role="station")
    return path


async def pay(shop: Shop, path: str, means: str) -> Answer:
    """Accept if that was not done, and pay."""
    session = (await shop.ask("GET", path, role="station")).json
    accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    answer = await shop.ask("POST", f"{path}/accept", accepted, role="station")
    assert answer.status == 200, answer.json
    key = {"Idempotency-Key": f"{path}-{means}"}
    return await shop.ask("POST", f"{path}/pay", {"means": means}, role="station", headers=key)


async def waiting(shop: Shop) -> str:
    """A session that waits for the customer's word on 60.00 of stored value."""
    await in_the_wallet(shop, 9000)
    path = await basket(shop, 6000)
    await join(shop)
    answer = await pay(shop, path, "wallet")
    assert (answer.status, answer.code) == (409, "confirmation-required")
    assert "6000" in answer.json["detail"] and "5000" in answer.json["detail"]
    return path


async def test_the_phone_is_asked_says_yes_and_the_counter_goes_on(shop: Shop) -> None:
    async with (
        watching(shop, "phone", watch="customer") as phone,
        watching(shop, "station", watch="station", station_id=shop.station_id) as screen,
    ):
        path = await waiting(shop)
        await told(phone, lambda message: message.get("notice") == "confirm")
        me = (await shop.ask("GET", "/v1/me", role="phone")).json
        question = me["confirmation"]
        assert (question["amount"], question["total"], question["state"]) == (6000, 6000, "asked")
        assert (await shop.ask("GET", f"{path}/confirmation", role="station")).json == question
        answered = await shop.ask(
            "POST", f"/v1/me/confirmations/{question['confirmation_id']}", {"yes": True}, role="phone"
        )
        assert (answered.status, answered.json["state"]) == (200, "given")
        message = await told(screen, lambda one: (one.get("session") or {}).get("notice", None) == GIVEN)
        assert message["session"]["state"] == "paying"
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["confirmation"] is None
    paid = await pay(shop, path, "wallet")
    assert paid.json["state"] == "paid", "the same key as the one that was told to wait"


async def test_the_customer_types_their_pin_at_the_counter(shop: Shop) -> None:
    assert (await shop.ask("PUT", "/v1/me/pin", {"pin": "1234"}, role="phone")).code == "pin-simple"
    assert (await shop.ask("PUT", "/v1/me/pin", {"pin": "5093"}, role="phone")).status == 204
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["has_pin"]
    path = await waiting(shop)
    wrong = await shop.ask("POST", f"{path}/confirmation", {"pin": "5094"}, role="station")
    assert (wrong.status, wrong.code) == (403, "pin-wrong")
    right = await shop.ask("POST", f"{path}/confirmation", {"pin": "5093"}, role="station")
    assert (right.status, right.json["state"]) == (200, "given")
    assert (await pay(shop, path, "wallet")).json["state"] == "paid"
    acts = [entry["act"] for entry in (await shop.ask("GET", "/v1/audit")).json["items"]]
    assert {"pin-wrong", "confirm-spending", "set-pin"} <= set(acts)
    assert (await shop.ask("DELETE", "/v1/me/pin", role="phone")).status == 204


async def test_a_no_leaves_the_money_where_it_is(shop: Shop) -> None:
    path = await waiting(shop)
    question = (await shop.ask("GET", "/v1/me", role="phone")).json["confirmation"]
    no = await shop.ask("POST", f"/v1/me/confirmations/{question['confirmation_id']}", {"yes": False}, role="phone")
    assert no.json["state"] == "refused"
    assert (await pay(shop, path, "wallet")).code == "confirmation-required"
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["wallet"] == 9000
    assert (await pay(shop, path, "cash")).json["state"] == "paid"


async def test_the_owner_sets_the_cap_and_others_read_it(shop: Shop) -> None:
    assert (await shop.ask("GET", "/v1/settings/spending", role="auditor")).json == {"spend_cap": 5000}
    for role in ("manager", "seller", "station", "phone"):
        assert (await shop.ask("PUT", "/v1/settings/spending", {"spend_cap": 1}, role=role)).status == 403
    wrong = await shop.ask("PUT", "/v1/settings/spending", {"spend_cap": -1})
    assert (wrong.status, wrong.json["path"]) == (422, "$.spend_cap")
    for cap in (0, None, 10_000):
        assert (await shop.ask("PUT", "/v1/settings/spending", {"spend_cap": cap})).json == {"spend_cap": cap}
        assert (await shop.ask("GET", "/v1/settings/spending", role="manager")).json == {"spend_cap": cap}


async def test_a_found_customers_new_card_opens_nothing_for_the_seller_who_linked_it(shop: Shop) -> None:
    await shop.ask("PATCH", "/v1/me", {"display_name": "Camille"}, role="phone")
    card = {"scheme": "loyalty", "subject": "2900000000123"}
    path = f"/v1/customers/{shop.customer_id}"
    assert (await shop.ask("POST", f"{path}/credentials", card, role="station")).status == 204
    seen = await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "2900000000123"}, role="station")
    session_id = seen.json["session"]["session_id"]
    assert seen.json["session"]["identity"]["customer_id"] == shop.customer_id
    confirm = f"/v1/sessions/{session_id}/confirm-identity"
    refused = await shop.ask("POST", confirm, {"how": "known"}, role="station")
    assert (refused.status, refused.code) == (403, "approval-needed")
    profile = await shop.ask("GET", f"{path}/profile?session_id={session_id}", role="station")
    assert (profile.status, profile.code) == (403, "assurance-needed")
    approval = {"act": "confirm_identity", "subject_id": session_id, "amount": 0}
    given = (await shop.ask("POST", "/v1/approvals", approval)).json
    body = {"how": "document", "approval_id": given["approval_id"]}
    assert (await shop.ask("POST", confirm, body, role="station")).json["identity"]["assurance"] == "staff"
    entry = (await shop.ask("GET", "/v1/audit?act=confirm-identity")).json["items"][0]
    assert entry["why"] == f"document; {session_id}; with owner:owner"


async def test_a_consent_is_not_lost_with_the_session_that_could_not_be_stored(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same word is taken once more, and is once on record; any other takes a consent of its own."""
    card = {"scheme": "loyalty", "subject": "2900000000123"}
    await shop.ask("POST", f"/v1/customers/{shop.customer_id}/credentials", card, role="station")
    seen = await shop.ask("POST", f"/v1/stations/{shop.station_id}/scan", {"text": "2900000000123"}, role="station")
    session_id = seen.json["session"]["session_id"]
    confirm = f"/v1/sessions/{session_id}/confirm-identity"
    approval = {"act": "confirm_identity", "subject_id": session_id, "amount": 0}
    given = (await shop.ask("POST", "/v1/approvals", approval)).json
    body = {"how": "document", "approval_id": given["approval_id"]}

    async def silent(*_: object, **__: object) -> bool:
        raise StorageError("sessions-away", "Redis does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(shop.services.engine.wiring.sessions, "save", silent)
        assert (await shop.ask("POST", confirm, body, role="station")).code == "sessions-away"
    assert (await shop.ask("POST", confirm, {"how": "known"}, role="station")).code == "approval-needed"
    sure = await shop.ask("POST", confirm, {"how": "document"}, role="station")
    assert sure.json["identity"]["assurance"] == "staff"
    assert len((await shop.ask("GET", "/v1/audit?act=confirm-identity")).json["items"]) == 1


async def test_an_order_that_staff_took_for_a_found_customer_proves_nobody(shop: Shop) -> None:
    await shop.ask("PUT", "/v1/products/tarte", {"code": "tarte", "label": "Tarte", "unit_price": 1890})
    order = {"store_id": shop.store_id, "customer_id": shop.customer_id, "entries": [{"code": "tarte"}]}
    placed = await shop.ask("POST", "/v1/orders", order, role="seller", headers={"Idempotency-Key": "o"})
    assert placed.status == 201, placed.json
    opened = await shop.ask(
        "POST", f"/v1/orders/{placed.json['order_id']}/session", {"station_id": shop.station_id}, role="station"
    )
    confirm = f"/v1/sessions/{opened.json['session_id']}/confirm-identity"
    assert (await shop.ask("POST", confirm, {"how": "known"}, role="station")).code == "approval-needed"
