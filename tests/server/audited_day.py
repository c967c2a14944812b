"""A day on which staff do everything that is to be on record, once."""

from datetime import UTC, datetime
from typing import Any

from msgspec import json

from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.ports import Capabilities, Job, Query
from tests.server.shop import Answer, Shop

SESSION, SALE, CUSTOMER = "/v1/sessions/{session_id}", "/v1/sales/{sale_id}", "/v1/customers/{customer_id}"
CAMPAIGN = "/v1/campaigns/{campaign_id}"
ORDER = "/v1/orders/{order_id}"
SELLER, OFFER, PRODUCT = "/v1/sellers/{seller_id}", "/v1/offers/{offer_id}", "/v1/products/{code}"
SEGMENT = "/v1/segments/{segment_id}"


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
        await self.do("PUT", "/v1/settings/receipt", {"vat_number": "FR83404833048"})
        now = datetime.now(UTC).isoformat()
        sold = {"offline_id": "0123456789abcdef", "sold_at": now, "total": 100, "lines": [{"unit_price": 100}]}
        await self.do("POST", "/v1/stations/{station_id}/offline-sales", {"sales": [sold]}, **station)
        spoilt = {"offline_id": "0123456789abcdeg", "sale": {**sold, "total": 700}, "reason": "rung up again"}
        await self.do("POST", "/v1/stations/{station_id}/offline-sales/dropped", spoilt, **station)
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
        await self._going_back()
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
        """A print, an exercise, and the day's closing: after it nothing is sold."""
        sale = await self._sold(700, "cash")
        await self.do("POST", f"{SALE}/receipt/prints", sale_id=sale["sale_id"])
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

    async def _going_back(self) -> None:
        """A payment that a person declined, at a terminal that can undo nothing."""
        terminal = self.shop.services.engine.wiring.connectors["simulator"]
        assert isinstance(terminal, SimulatorConnector)
        able, terminal.capabilities = terminal.capabilities, Capabilities(cancel=False, refund=False)
        doubtful = await self._sold(1013, "card")
        body = {"outcome": "declined", "reason": "no slip"}
        await self.do("POST", f"{SESSION}/resolve", body, session_id=doubtful["session_id"])
        (waiting,) = (await self.shop.ask("GET", "/v1/payments/in-doubt")).json["items"]
        await self.do("POST", "/v1/payments/{payment_id}/reversing", body, payment_id=waiting["payment_id"])
        await self.shop.ask("POST", f"/v1/sessions/{doubtful['session_id']}/abandon")
        terminal.capabilities = able

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
