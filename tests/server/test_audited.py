"""Every act of staff is on record: a changing route either leaves an audit row, or is named here with its reason."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import json

from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.ports import Job, Query
from poi_server.routes import route_table
from tests.server.shop import Answer, Shop

STAFF = {"owner", "manager", "seller", "auditor", "station"}
SESSION, SALE, CUSTOMER = "/v1/sessions/{session_id}", "/v1/sales/{sale_id}", "/v1/customers/{customer_id}"
CAMPAIGN = "/v1/campaigns/{campaign_id}"
ORDER = "/v1/orders/{order_id}"
SELLER, OFFER, PRODUCT = "/v1/sellers/{seller_id}", "/v1/offers/{offer_id}", "/v1/products/{code}"
SEGMENT = "/v1/segments/{segment_id}"

AUDITED = {
    "POST /v1/pairings": "pair",
    "POST /v1/stores": "add-store",
    "PUT /v1/stores/{store_id}": "change-store",
    "POST /v1/stations": "add-station",
    "PUT /v1/stations/{station_id}": "change-station",
    "POST /v1/api-keys": "grant",
    "DELETE /v1/api-keys/{access_id}": "revoke",
    "DELETE /v1/access/{access_id}": "revoke",
    "POST /v1/sellers": "add-seller",
    f"PATCH {SELLER}": "change-seller",
    f"PUT {SELLER}/pin": "set-pin",
    f"DELETE {SELLER}/pin": "remove-pin",
    f"POST {SELLER}/badges": "link-badge",
    f"DELETE {SELLER}/badges/{{scheme}}/{{subject}}": "unlink-badge",
    "PUT /v1/settings/sign-in": "set-sign-in",
    "POST /v1/stations/{station_id}/sign-in": "sign-in",
    "POST /v1/stations/{station_id}/sign-out": "sign-out",
    "POST /v1/stations/{station_id}/pin": "set-pin",
    "POST /v1/approvals": "approve-refund",
    f"POST {SESSION}/confirm-identity": "confirm-identity",
    f"POST {SESSION}/confirmation": "confirm-spending",
    "PUT /v1/settings/spending": "set-spend-cap",
    "PUT /v1/settings/means": "set-means",
    "PUT /v1/settings/offline": "set-offline",
    "POST /v1/stations/{station_id}/offline-sales": "offline-sale",
    "PUT /v1/settings/meal-vouchers": "set-meal-vouchers",
    f"POST {SESSION}/resolve": "resolve-paid",
    "POST /v1/payments/{payment_id}/at-risk": "forward-lost",
    f"POST {SALE}/refunds": "refund",
    f"POST {SALE}/refunds/{{refund_id}}/resolve": "resolve-refund-refunded",
    "POST /v1/customers": "create-customer",
    f"PATCH {CUSTOMER}": "change-customer",
    f"POST {CUSTOMER}/credentials": "link-credential",
    f"POST {CUSTOMER}/merge": "merge-customers",
    f"DELETE {CUSTOMER}": "erase-customer",
    f"POST {CUSTOMER}/notes": "write-note",
    f"DELETE {CUSTOMER}/notes/{{note_id}}": "erase-note",
    f"DELETE {PRODUCT}/prices/{{plan_id}}": "cancel-price",
    f"POST {PRODUCT}/pictures": "add-picture",
    f"PUT {PRODUCT}/pictures": "order-pictures",
    f"POST {CUSTOMER}/referral": "referred",
    "PUT /v1/consent-texts/{purpose}": "consent-text",
    "PUT /v1/programme/referral": "change-referral",
    "PUT /v1/programme/retention": "change-retention",
    "POST /v1/offers": "create-offer",
    f"PUT {OFFER}": "change-offer",
    f"DELETE {OFFER}": "remove-offer",
    f"POST {OFFER}/notify": "notify-offer",
    "PUT /v1/programme/notices": "change-notices",
    f"POST {OFFER}/pause": "pause-offer",
    f"POST {OFFER}/resume": "resume-offer",
    "POST /v1/campaigns": "create-campaign",
    f"PUT {CAMPAIGN}": "change-campaign",
    f"DELETE {CAMPAIGN}": "remove-campaign",
    f"POST {CAMPAIGN}/start": "start-campaign",
    f"POST {CAMPAIGN}/withdraw": "withdraw-campaign",
    f"POST {CAMPAIGN}/stop": "stop-campaign",
    "DELETE /v1/suggestions/{suggestion_id}": "dismiss-suggestion",
    "POST /v1/segments": "create-segment",
    f"PUT {SEGMENT}": "change-segment",
    f"DELETE {SEGMENT}": "remove-segment",
    "POST /v1/stock/movements": "stock-received",
    "POST /v1/orders": "order-placed",
    f"PATCH {ORDER}": "mend-order",
    f"POST {ORDER}/moves": "order-ready",
    f"POST {ORDER}/refunds": "refund",
    "PUT /v1/settings/orders": "change-orders",
    "POST /v1/stations/{station_id}/training": "training-on",
    "POST /v1/stations/{station_id}/closings": "close-day",
    f"POST {SALE}/reprint": "reprint",
    "POST /v1/gift-cards": "gift-card-issued",
    "POST /v1/gift-cards/{card_id}/close": "gift-card-closed",
    f"POST {CUSTOMER}/wallet/close-out": "wallet-closed-out",
    "PUT /v1/settings/stored-value": "change-stored-value",
    "PUT /v1/settings/bank": "change-bank-account",
    "PUT /v1/settings/tabs": "change-tabs",
    f"POST {SESSION}/tab": "open-tab",
    "POST /v1/tabs/{tab_id}/close": "close-tab",
    "POST /v1/tabs/{tab_id}/pay-back": "tab-paid-back",
    "POST /v1/tabs/{tab_id}/resolve": "resolve-tab-declined",
    "POST /v1/bank/credits": "bank-credit-told",
    "POST /v1/bank/assignments": "bank-credit-assigned",
    "POST /v1/bank/set-aside": "bank-credit-set-aside",
}
"""The changing routes of staff and the act they leave in the audit."""

BASKET = "a basket moves nothing; the sale it becomes names who took the payment"
NAMED = "the row it writes names who did it"
EXEMPT = {
    "POST /v1/stations/{station_id}/session": BASKET,
    "POST /v1/stations/{station_id}/scan": BASKET,
    "POST /v1/stations/{station_id}/tap": "an emulated card: what it leads to is presented as any tap is",
    "POST /v1/stations/{station_id}/question/answer": "a word to the till that asks; nothing is kept of it",
    "POST /v1/stations/{station_id}/join-code": "a code of two minutes for whoever stands there; no access of staff",
    f"PUT {SESSION}/basket": BASKET,
    f"POST {SESSION}/card": BASKET,
    f"POST {SESSION}/accept": "the checkout it writes names who accepted",
    "POST /nexo": "a till's sale and its journal name who took the payment; a refund leaves the row that all do",
    f"POST {SESSION}/pay": "the sale, its receipt and the journal name who took the payment",
    "POST /v1/stations/{station_id}/sale": "the sale, its receipt and the journal name who took the payment",
    f"POST {SESSION}/status": "asks the terminal; the payment's own row has the answer",
    f"POST {SESSION}/abandon": BASKET,
    f"POST {SESSION}/hand-over": BASKET,
    f"POST {SESSION}/forget-customer": "takes an identity away from a basket and gives nobody anything",
    f"POST {SESSION}/forget-card": BASKET,
    f"PUT {SESSION}/fulfilments": BASKET,
    f"PUT {SESSION}/contact": "the order that the sale makes names who took it",
    f"POST {ORDER}/session": BASKET,
    f"POST {SESSION}/set-aside": "the doubtful payment stays as it is",
    f"PUT {PRODUCT}": "a new price is a row of the price history that names who changed it",
    "POST /v1/products.csv": "a new price is a row of the price history that names who changed it",
    f"POST {PRODUCT}/prices": NAMED,
    f"PUT {CUSTOMER}/consents/{{purpose}}": "the consent's own row is the proof and names who took it",
    "POST /v1/campaigns/preview": "a dry run",
    "POST /v1/suggestions": "reads the figures and says what they say",
    "POST /v1/retention": "each customer it makes a pseudonym of has a row of their own",
    "POST /v1/decisions": "a dry run",
    "POST /v1/gift-cards/look": "a question",
    "POST /v1/orders/quote": "a dry run",
    f"POST {OFFER}/explain": "a dry run",
    "POST /v1/segments/size": "a question",
}
"""The others, and why they leave none."""


def changing() -> set[str]:
    """The routes by which staff change something."""
    return {f"{route.method} {route.path}" for route in route_table() if route.method != "GET" and route.roles & STAFF}


def test_every_changing_route_of_staff_is_audited_or_says_why_not() -> None:
    assert AUDITED.keys().isdisjoint(EXEMPT)
    unnamed = changing() - AUDITED.keys() - EXEMPT.keys()
    assert not unnamed, "write an audit row in the act's own transaction, or give the reason"
    assert AUDITED.keys() | EXEMPT.keys() <= changing(), "named here, but no route any more"


NO_PERSON = {
    "POST /v1/stations/{station_id}/sign-in": "it makes the person sign in",
    "POST /v1/stations/{station_id}/sign-out": "it ends what signing in began",
    "POST /v1/stations/{station_id}/pin": "the PIN itself proves the person",
    "POST /v1/stations/{station_id}/tap": "a badge has to be read before anybody is signed in",
    "POST /v1/stations/{station_id}/join-code": "it asks by itself: a screen that keeps its code fresh is no person",
    "POST /v1/decisions": "a dry run; about a customer it asks by itself",
    f"POST {OFFER}/explain": "a dry run; about a customer it asks by itself",
    "POST /nexo": "each kind of message asks for its own right",
}
"""Changing routes that ask no person's right, and why."""


def test_every_changing_route_of_staff_asks_for_a_right() -> None:
    without = {
        f"{route.method} {route.path}"
        for route in route_table()
        if route.method != "GET" and route.roles & STAFF and route.right is None
    }
    assert without == NO_PERSON.keys()


class Day:
    """A day of staff that leaves every act once."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.done: set[str] = set()

    async def do(self, method: str, path: str, body: Any = None, *, role: str = "owner", **names: str) -> Any:
        """Use a route, and be answered."""
        answer: Answer = await self.shop.ask(
            method, path.format(**names), body, role=role, headers={"Idempotency-Key": f"{path}-{len(self.done)}"}
        )
        assert answer.status < 300, (method, path, answer.content)
        self.done.add(f"{method} {path}")
        return answer.json if answer.content else None

    async def staff(self) -> None:
        """Persons, PINs, badges, sign-ins, credentials."""
        station = {"station_id": self.shop.station_id}
        await self.do("POST", "/v1/pairings", {"role": "station", "subject_id": self.shop.station_id})
        store = {"name": "Second", "zone": "Europe/Paris"}
        made = await self.do("POST", "/v1/stores", store)
        await self.do("PUT", "/v1/stores/{store_id}", store, store_id=made["store_id"])
        counter = {"store_id": made["store_id"], "name": "Second"}
        second = await self.do("POST", "/v1/stations", counter)
        await self.do("PUT", "/v1/stations/{station_id}", counter, station_id=second["station_id"])
        for path in ("/v1/api-keys/{access_id}", "/v1/access/{access_id}"):
            key = await self.do("POST", "/v1/api-keys", {"label": "App", "scopes": ["metrics"]})
            await self.do("DELETE", path, access_id=key["access_id"])
        person = (await self.do("POST", "/v1/sellers", {"name": "Bob"}))["seller_id"]
        bob = {"seller_id": person}
        await self.do("PATCH", SELLER, {"refund_limit": 1000}, **bob)
        await self.do("PUT", f"{SELLER}/pin", {"pin": "5093"}, **bob)
        badge = {"scheme": "loyalty", "subject": "badge-1"}
        await self.do("POST", f"{SELLER}/badges", badge, **bob)
        await self.do("DELETE", f"{SELLER}/badges/{{scheme}}/{{subject}}", **bob, **badge)
        await self.do("PUT", "/v1/settings/sign-in", {"sign_in": "optional", "sign_out_minutes": 20})
        await self.do("PUT", "/v1/settings/spending", {"spend_cap": 2000})
        await self.do("PUT", "/v1/settings/means", {"items": ["card", "cash", "wallet", "gift_card", "transfer"]})
        await self.do("PUT", "/v1/settings/meal-vouchers", {"categories": ["bakery"]})
        await self.do("PUT", "/v1/settings/offline", {"floor_limit": 5000})
        now = datetime.now(UTC).isoformat()
        sold = {"offline_id": "0123456789abcdef", "sold_at": now, "total": 100, "lines": [{"unit_price": 100}]}
        await self.do("POST", "/v1/stations/{station_id}/offline-sales", {"sales": [sold]}, **station)
        entrance = {"seller_id": person, "pin": "5093"}
        await self.do("POST", "/v1/stations/{station_id}/sign-in", entrance, role="station", **station)
        await self.do("POST", "/v1/stations/{station_id}/sign-out", role="station", **station)
        await self.do(
            "POST", "/v1/stations/{station_id}/pin", {**entrance, "new_pin": "7351"}, role="station", **station
        )
        await self.do("DELETE", f"{SELLER}/pin", **bob)

    async def counter(self) -> None:
        """A sale refunded, a doubtful payment, a customer confirmed."""
        sale = await self._sold(700, "cash")
        await self.do("POST", "/v1/approvals", {"act": "refund", "subject_id": sale["sale_id"], "amount": 700})
        await self.do("POST", f"{SALE}/refunds", {"reason": "broken"}, sale_id=sale["sale_id"])
        await self._refund_in_doubt()
        doubtful = await self._sold(1013, "card")
        assert doubtful["state"] == "unknown"
        body = {"outcome": "paid", "reason": "the slip"}
        await self.do("POST", f"{SESSION}/resolve", body, session_id=doubtful["session_id"])
        session = await self._opened()
        await self.shop.services.engine.stations.identify(
            self.shop.merchant_id,
            session["session_id"],
            self.shop.customer_id,
            scheme="loyalty",
            assurance="identify",
            source="t",
        )
        await self.do("POST", f"{SESSION}/confirm-identity", {"how": "known"}, session_id=session["session_id"])

    async def bank_away(self) -> None:
        """A card taken while the bank is away; the bank declines it, and a person ends it."""
        await self.do("PUT", "/v1/settings/offline", {"card_floor_limit": 5000})
        engine = self.shop.services.engine
        terminal = engine.wiring.connectors["simulator"]
        assert isinstance(terminal, SimulatorConnector)
        terminal.bank_away = True
        assert (await self._sold(1005, "card"))["state"] == "paid"
        terminal.bank_away = False
        await engine.forwarding.round()
        (declined,) = (await self.shop.ask("GET", "/v1/payments/at-risk")).json["items"]
        body, payment = {"outcome": "lost", "reason": "seen"}, {"payment_id": declined["payment_id"]}
        await self.do("POST", "/v1/payments/{payment_id}/at-risk", body, **payment)

    async def value(self) -> None:
        """A gift card made and closed; an account, and credits that a person deals with."""
        card = await self.do("POST", "/v1/gift-cards")
        body = {"paid_back": "cash", "reason": "lost"}
        await self.do("POST", "/v1/gift-cards/{card_id}/close", body, card_id=card["card_id"])
        await self.do("PUT", "/v1/settings/stored-value", {"most": 30_000})
        account = {"iban": "FR1420041010050500013M02606", "beneficiary": "Bakery"}
        await self.do("PUT", "/v1/settings/bank", account)
        waiting = await self._sold(700, "transfer")
        assert waiting["state"] == "unknown", waiting
        told = [
            {"credit_id": name, "amount": 700, "currency": "EUR", "booked_at": "2026-11-22T00:00:00Z"}
            for name in ("bank-1", "bank-2")
        ]
        assert (await self.do("POST", "/v1/bank/credits", {"credits": told}))["open"] == 2
        payment_id = await self._awaited()
        paid = {"credit_id": "bank-1", "payment_id": payment_id, "reason": "no reference"}
        await self.do("POST", "/v1/bank/assignments", paid)
        await self.do("POST", "/v1/bank/set-aside", {"credit_id": "bank-2", "reason": "the rent"})

    async def tabs(self) -> None:
        """A tab opened, spent from, closed, and a refund after that paid back."""
        await self.do("PUT", "/v1/settings/tabs", {"most": 2000})
        await self.do("PUT", "/v1/settings/means", {"items": ["card", "cash", "tab"]})
        one = {"session_id": await self._known()}
        tab = {"tab_id": (await self.do("POST", f"{SESSION}/tab", {}, **one))["tab_id"]}
        sale = await self._sold(700, "tab")
        await self.do("POST", "/v1/tabs/{tab_id}/close", {"reason": "the end"}, **tab)
        key = {"Idempotency-Key": "tab-refund"}
        await self.shop.ask("POST", f"/v1/sales/{sale['sale_id']}/refunds", {"reason": "stale"}, headers=key)
        await self.do("POST", "/v1/tabs/{tab_id}/pay-back", {"paid_back": "cash", "reason": "stale"}, **tab)
        unheard = await self.do("POST", f"{SESSION}/tab", {"ceiling": 1213}, session_id=await self._known())
        word = {"outcome": "declined", "reason": "no slip"}
        await self.do("POST", "/v1/tabs/{tab_id}/resolve", word, tab_id=unheard["tab_id"])

    async def _known(self) -> str:
        """A session of the customer's."""
        session_id = str((await self._opened())["session_id"])
        customer = (self.shop.merchant_id, session_id, self.shop.customer_id)
        await self.shop.services.engine.stations.identify(*customer, scheme="p", assurance="staff", source="t")
        return session_id

    async def _awaited(self) -> str:
        def job() -> Job[str]:
            return str((yield Query("select payment_id from awaited_transfer"))[0]["payment_id"])

        return await self.shop.services.sql.read(job)

    async def books(self) -> None:
        """A duplicate, an exercise, and the day's closing: after it nothing is sold."""
        sale = await self._sold(700, "cash")
        await self.do("POST", f"{SALE}/reprint", sale_id=sale["sale_id"])
        station = {"station_id": self.shop.station_id}
        await self.do("POST", "/v1/stations/{station_id}/training", {"on": True}, **station)
        await self.do("POST", "/v1/stations/{station_id}/training", {"on": False}, **station)
        await self.do("POST", "/v1/stations/{station_id}/closings", {"kind": "day"}, **station)

    async def _refund_in_doubt(self) -> None:
        """The terminal never answers an amount that ends in 13."""
        sale_id = (await self._sold(1000, "card"))["sale_id"]
        path, key = f"/v1/sales/{sale_id}/refunds", {"Idempotency-Key": f"doubt-of-{sale_id}"}
        part = {"reason": "broken", "lines": [{"line_id": "1", "quantity": 713}]}
        assert (await self.shop.ask("POST", path, part, headers=key)).code == "refund-unknown"
        (doubt,) = (await self.shop.ask("GET", path)).json["items"]
        body = {"outcome": "refunded", "reason": "the slip"}
        await self.do(
            "POST", f"{SALE}/refunds/{{refund_id}}/resolve", body, sale_id=sale_id, refund_id=doubt["refund_id"]
        )

    async def offers(self) -> None:
        """An offer's life, and a segment's."""
        offer = {
            "offer_id": "off_1",
            "name": {"en": "One"},
            "currency": "EUR",
            "effects": [{"type": "amount_off", "amount": 100}],
        }
        await self.do("POST", "/v1/offers", offer)
        one = {"offer_id": "off_1"}
        await self.do("PUT", OFFER, offer, **one)
        await self.do("PUT", "/v1/programme/notices", {"hours": 12})
        await self.do("POST", f"{OFFER}/notify", **one)
        await self.do("POST", f"{OFFER}/pause", **one)
        await self.do("POST", f"{OFFER}/resume", **one)
        await self.do("DELETE", OFFER, **one)
        segment = {"name": {"en": "Everybody"}}
        made = await self.do("POST", "/v1/segments", segment)
        await self.do("PUT", SEGMENT, segment, segment_id=made["segment_id"])
        await self.do("DELETE", SEGMENT, segment_id=made["segment_id"])

    async def campaigns(self) -> None:
        """A campaign's life, and a suggestion put aside."""
        effects = [{"type": "amount_off", "amount": 100}]
        draft = {"name": "One", "offers": [{"name": {"en": "One"}, "effects": effects}], "first": "2099-01-01"}
        one = {"campaign_id": (await self.do("POST", "/v1/campaigns", draft))["campaign_id"]}
        await self.do("POST", f"{CAMPAIGN}/start", **one)
        await self.do("POST", f"{CAMPAIGN}/withdraw", **one)
        await self.do("PUT", CAMPAIGN, {**draft, "first": None}, **one)
        await self.do("POST", f"{CAMPAIGN}/start", **one)
        await self.do("POST", f"{CAMPAIGN}/stop", **one)
        await self.do("DELETE", CAMPAIGN, **one)
        values = (self.shop.merchant_id, json.encode({"figures": {}, "draft": draft}).decode())

        def suggest() -> Job[None]:
            yield Query(
                "insert into suggestion (merchant_id, suggestion_id, kind, subject, state, document, weight, "
                "created_at, changed_at) values (?, 'sug_1', 'lapsing', '', 'open', ?, 1, 0, 0)",
                values,
            )

        await self.shop.services.sql.write(suggest)
        await self.do("DELETE", "/v1/suggestions/{suggestion_id}", suggestion_id="sug_1")

    async def _opened(self) -> Any:
        path = f"/v1/stations/{self.shop.station_id}/session"
        return (await self.shop.ask("POST", path)).json

    async def _sold(self, amount: int, means: str) -> Any:
        path = f"/v1/sessions/{(await self._opened())['session_id']}"
        body = {"entries": [{"label": "Cake", "amount": amount}]}
        session = (await self.shop.ask("PUT", f"{path}/basket", body)).json
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        await self.shop.ask("POST", f"{path}/accept", accepted)
        paid = await self.shop.ask("POST", f"{path}/pay", {"means": means}, headers={"Idempotency-Key": path})
        return paid.json


ELSEWHERE = {place for place in AUDITED if "/v1/customers" in place} | {
    "PUT /v1/programme/referral",
    "PUT /v1/programme/retention",
    "POST /v1/stock/movements",
    "PUT /v1/consent-texts/{purpose}",
    f"POST {SESSION}/confirmation",
    *(place for place in AUDITED if "orders" in place or "/v1/products" in place),
}
"""Audited by tests of the clientele, of the goods and of confirmations."""


async def test_a_day_of_staff_is_in_the_audit_with_who_and_where(shop: Shop) -> None:
    day = Day(shop)
    await day.staff()
    await day.counter()
    await day.offers()
    await day.campaigns()
    await day.bank_away()
    await day.value()
    await day.tabs()
    await day.books()
    assert day.done == AUDITED.keys() - ELSEWHERE
    entries = (await shop.ask("GET", "/v1/audit?limit=200")).json["items"]
    acts = {entry["act"] for entry in entries}
    assert {AUDITED[place] for place in day.done} <= acts
    assert {entry["who"] for entry in entries if entry["act"] == "add-store"} == {"owner:owner"}
    entered = next(entry for entry in entries if entry["act"] == "sign-in")
    assert (entered["name"], entered["station_id"], entered["station"]) == ("Bob", shop.station_id, "Counter 1")


@pytest.mark.parametrize("role", ["seller", "station", "phone", "partner"])
async def test_only_readers_read_the_audit(shop: Shop, role: str) -> None:
    assert (await shop.ask("GET", "/v1/audit", role=role)).status == 403
    assert (await shop.ask("GET", "/v1/audit/acts", role=role)).status == 403
    assert (await shop.ask("GET", "/v1/audit", role="auditor")).status == 200
