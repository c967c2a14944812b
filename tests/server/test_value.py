"""Stored value over HTTP: who may do what, what a gift card is worth at the counter, what the bank's app may tell."""

from typing import Any

import pytest

from tests.server.shop import Answer, Shop

ACCOUNT = {"iban": "FR14 2004 1010 0505 0001 3M02 606", "beneficiary": "Bakery"}
BOOKED_AT = "2026-11-22T00:00:00Z"


class Till:
    """A counter that sells and pays, by the station's own credential."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._keys = 0

    async def ask(self, method: str, path: str, body: Any = None, role: str = "station") -> Answer:
        """Ask, each time with another key."""
        self._keys += 1
        return await self.shop.ask(method, path, body, role=role, headers={"Idempotency-Key": f"key-{self._keys}"})

    async def basket(self, *entries: dict[str, Any], identified: bool = False) -> dict[str, Any]:
        """A session with these entries, the customer standing there if they are."""
        opened = (await self.ask("POST", f"/v1/stations/{self.shop.station_id}/session")).json
        if identified:
            await self.shop.services.engine.stations.identify(
                self.shop.merchant_id,
                opened["session_id"],
                self.shop.customer_id,
                scheme="poi1",
                assurance="authenticate",
                source="test",
            )
        answer = await self.ask("PUT", f"/v1/sessions/{opened['session_id']}/basket", {"entries": entries})
        assert answer.status == 200, answer.content
        session: dict[str, Any] = answer.json
        return session

    async def pay(self, session: dict[str, Any], **how: Any) -> Answer:
        """Accept what is shown, and pay."""
        path = f"/v1/sessions/{session['session_id']}"
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        answer = await self.ask("POST", f"{path}/accept", accepted)
        assert answer.status == 200, answer.content
        return await self.ask("POST", f"{path}/pay", how)


@pytest.fixture
def till(shop: Shop) -> Till:
    return Till(shop)


async def test_a_gift_card_is_made_sold_and_pays_with_its_code(till: Till) -> None:
    card = (await till.ask("POST", "/v1/gift-cards")).json
    code = f"value:gift_card:{card['card_id']}"
    sold = await till.pay(await till.basket({"code": code, "amount": 2000, "label": "Gift card"}), means="cash")
    assert sold.json["state"] == "paid"
    bought = await till.basket({"label": "Cake", "amount": 1500})
    assert (await till.pay(bought, means="gift_card", gift_card=card["code"])).json["state"] == "paid"
    seen = (await till.ask("POST", "/v1/gift-cards/look", {"code": card["code"]})).json
    assert (seen["balance"], seen["state"], seen["tail"]) == (500, "active", card["code"][-4:])
    assert "code" not in (await till.ask("GET", f"/v1/gift-cards/{card['card_id']}")).json
    wrong = await till.ask("POST", "/v1/gift-cards/look", {"code": "0000-0000-0000-0001"})
    assert (wrong.status, wrong.code) == (422, "gift-card-code")


async def test_who_may_not_take_payments_loads_nothing(shop: Shop, till: Till) -> None:
    await till.ask("PATCH", f"/v1/sellers/{shop.seller_id}", {"take_payment": False}, role="owner")
    session = await till.basket({"label": "Cake", "amount": 100})
    load = {"entries": [{"code": "value:wallet", "amount": 2000}]}
    refused = await till.ask("PUT", f"/v1/sessions/{session['session_id']}/basket", load, role="seller")
    assert (refused.status, refused.code) == (403, "right-missing")
    assert (await till.ask("POST", "/v1/gift-cards", role="seller")).code == "right-missing"


async def test_a_wallet_is_seen_by_its_customer_and_by_who_serves_them(shop: Shop, till: Till) -> None:
    loaded = await till.pay(await till.basket({"code": "value:wallet", "amount": 2000}, identified=True), means="cash")
    assert loaded.json["state"] == "paid"
    mine = (await till.ask("GET", "/v1/me/wallet", role="phone")).json
    assert (mine["available"], [one["kind"] for one in mine["items"]]) == (2000, ["load"])
    path = f"/v1/customers/{shop.customer_id}/wallet"
    assert (await till.ask("GET", path)).code == "not-present"
    session = await till.basket({"label": "Cake", "amount": 100}, identified=True)
    there = await till.ask("GET", f"{path}?session_id={session['session_id']}")
    assert there.json["available"] == 2000
    assert (await till.ask("GET", path, role="manager")).json == there.json
    acts = (await shop.ask("GET", "/v1/audit?limit=50")).json["items"]
    assert "view-wallet" in {entry["act"] for entry in acts}


async def test_a_wallet_is_paid_back_within_the_persons_limit(shop: Shop, till: Till) -> None:
    await till.pay(await till.basket({"code": "value:wallet", "amount": 2000}, identified=True), means="cash")
    await till.ask("PATCH", f"/v1/sellers/{shop.seller_id}", {"refund_limit": 1000}, role="owner")
    path, body = f"/v1/customers/{shop.customer_id}/wallet/close-out", {"paid_back": "cash", "reason": "moves away"}
    assert (await till.ask("POST", path, body, role="seller")).code == "approval-needed"
    assert (await till.ask("POST", path, body, role="manager")).json["amount"] == 2000


async def test_the_screen_shows_a_code_and_the_banks_app_ends_the_payment(shop: Shop, till: Till) -> None:
    session = await till.basket({"label": "Cake", "amount": 1890})
    assert (await till.pay(session, means="transfer")).code == "means-off", "there is no account yet"
    assert (await till.ask("PUT", "/v1/settings/bank", ACCOUNT, role="owner")).json["iban"].startswith("FR1420041")
    path = f"/v1/sessions/{session['session_id']}"
    waiting = (await till.ask("POST", f"{path}/pay", {"means": "transfer"})).json
    assert (waiting["state"], waiting["notice"]["code"]) == ("unknown", "transfer-awaited")
    code = (await till.ask("GET", f"{path}/transfer-code")).json
    assert code["text"].splitlines()[:4] == ["BCD", "002", "1", "SCT"]
    assert (code["amount"], code["qr_svg"][:4], code["kinds"]) == (1890, "<svg", ["epc"])
    assert (await till.ask("GET", f"{path}/transfer-code?kind=emv")).code == "emv-not-set-up"
    credit = {
        "credit_id": "b/1",
        "amount": 1890,
        "currency": "EUR",
        "booked_at": BOOKED_AT,
        "reference": code["reference"],
    }
    other = await shop.partner("sales:read")
    assert (await till.ask("POST", "/v1/bank/credits", {"credits": [credit]}, role=other)).code == "scope-missing"
    told = await till.ask("POST", "/v1/bank/credits", {"credits": [credit]}, role="seller")
    assert told.code == "role-refused", "a seller's word on a payment takes two"
    paid_by = {"credit_id": "b/1", "payment_id": "pay_1", "reason": "mine"}
    assert (await till.ask("POST", "/v1/bank/assignments", paid_by, role="seller")).code == "role-refused"
    app = await shop.partner("bank:write")
    told = await till.ask("POST", "/v1/bank/credits", {"credits": [credit]}, role=app)
    assert told.json == {"new": 1, "known": 0, "matched": 1, "open": 0}
    assert (await till.ask("GET", path)).json["state"] == "paid"
    assert (await till.ask("GET", f"{path}/transfer-code")).code == "no-transfer"


async def test_a_shop_with_a_scheme_of_emv_codes_alone_is_paid_by_transfer_too(shop: Shop, till: Till) -> None:
    """Where no IBAN is: the code that there is comes without being asked for by name."""
    emv = {"guid": "org.example", "account": "0012345", "city": "PARIS"}
    await till.ask("PUT", "/v1/settings/bank", {"emv": emv}, role="owner")
    assert "transfer" in (await till.ask("GET", f"/v1/stations/{shop.station_id}/means")).json["items"]
    session = await till.basket({"label": "Cake", "amount": 1890})
    assert (await till.pay(session, means="transfer")).json["notice"]["code"] == "transfer-awaited"
    path = f"/v1/sessions/{session['session_id']}/transfer-code"
    code = (await till.ask("GET", path)).json
    assert (code["kind"], code["kinds"], code["iban"], code["amount"]) == ("emv", ["emv"], "", 1890)
    assert code["text"].startswith("000201")
    assert code["reference"] in code["text"]
    assert (await till.ask("GET", f"{path}?kind=epc")).code == "transfer-not-set-up"
    await till.ask("PUT", "/v1/settings/bank", {**ACCOUNT, "emv": emv}, role="owner")
    assert (await till.ask("GET", path)).json["kinds"] == ["epc", "emv"]
    last = (await till.ask("GET", "/v1/audit?act=change-bank-account", role="owner")).json["items"]
    assert [one["why"] for one in last][-1] == "EMV codes of org.example"


async def test_what_no_column_holds_is_refused_with_its_path(till: Till) -> None:
    session = await till.basket({"amount": 100})
    answer = await till.pay(session, means="cash", given=2**70)
    assert (answer.status, answer.json["path"]) == (422, "$.given")
    for booked_at in ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59-05:00"):
        credit = {"credit_id": "b", "amount": 1, "currency": "EUR", "booked_at": booked_at}
        told = await till.ask("POST", "/v1/bank/credits", {"credits": [credit]}, role="owner")
        assert (told.status, told.code) == (422, "bad-statement"), told.content
