"""Nothing crosses merchants: one of everything at another merchant, and every route that could reach it."""

import re
from typing import Any

import pytest
from msgspec import json

from poi_engine.ports import Job, Query
from tests.server.shop import Shop
from tests.server.test_matrix import OFFER, OWN_NAMES, SAMPLES, SCOPES, TABLE, named_routes
from tests.server.test_products import png


class Foreign:
    """Another merchant in the same storage, with one of everything."""

    def __init__(self, shop: Shop, owner: str) -> None:
        self.shop = shop
        self.owner = owner
        self.names: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask as their owner, and be answered."""
        answer = await self.shop.ask(method, path, body, role=self.owner, headers={"Idempotency-Key": f"theirs-{path}"})
        assert answer.status < 300, (path, answer.content)
        return answer.json if answer.content else None

    def own_names(self) -> list[str]:
        """The names that only they have; a badge's scheme and a consent's purpose are everybody's."""
        return [name for key, name in self.names.items() if key not in ("scheme", "purpose", "country", "year")]

    async def settle(self) -> None:
        """Make one of everything, a paid sale included."""
        names, ask = self.names, self.ask
        names["year"] = "2026"
        names["store_id"] = (await ask("POST", "/v1/stores", {"name": "Theirs", "zone": "UTC"}))["store_id"]
        station = {"store_id": names["store_id"], "name": "Theirs"}
        names["station_id"] = (await ask("POST", "/v1/stations", station))["station_id"]
        names["seller_id"] = (await ask("POST", "/v1/sellers", {"name": "Theirs"}))["seller_id"]
        names["scheme"], names["subject"] = "loyalty", "their-badge"
        badge = {"scheme": "loyalty", "subject": "their-badge"}
        await ask("POST", f"/v1/sellers/{names['seller_id']}/badges", badge)
        key = await ask("POST", "/v1/api-keys", {"label": "Theirs", "scopes": ["metrics"]})
        names["access_id"] = key["access_id"]
        names["customer_id"] = (await ask("POST", "/v1/customers", {"display_name": "Theirs"}))["customer_id"]
        names["purpose"] = "marketing"
        note = await ask("POST", f"/v1/customers/{names['customer_id']}/notes", {"text": "Theirs"})
        names["note_id"] = note["note_id"]
        names["table"] = "theirs"
        names["offer_id"] = OFFER["offer_id"]  # type: ignore[assignment]
        await ask("POST", "/v1/offers", OFFER)
        path, key = f"/v1/offers/{names['offer_id']}/notify", {"Idempotency-Key": "their-notice"}
        names["notice_id"] = (await self.shop.ask("POST", path, role=self.owner, headers=key)).json["notice_id"]
        segment = await ask("POST", "/v1/segments", {"name": {"en": "Theirs"}})
        names["segment_id"] = segment["segment_id"]
        campaign = {"name": "Theirs", "offers": [{"name": {"en": "Theirs"}, "effects": OFFER["effects"]}]}
        names["campaign_id"] = (await ask("POST", "/v1/campaigns", campaign))["campaign_id"]
        names["suggestion_id"] = await self._suggest(campaign)
        names["code"] = "theirs-code"
        await ask("PUT", "/v1/products/theirs-code", {"code": "theirs-code", "label": "Theirs", "unit_price": 100})
        plan = {"unit_price": 90, "starts_at": "2099-01-01T00:00:00Z"}
        names["card_id"] = (await ask("POST", "/v1/gift-cards"))["card_id"]
        names["plan_id"] = (await ask("POST", "/v1/products/theirs-code/prices", plan))["plan_id"]
        headers = {"Content-Type": "image/png"}
        path = "/v1/products/theirs-code/pictures"
        kept = await self.shop.ask("POST", path, data=png(), role=self.owner, headers=headers)
        names["picture_id"] = kept.json["picture_id"]
        order = {"store_id": names["store_id"], "entries": [{"code": "theirs-code"}]}
        names["order_id"], names["country"] = (await ask("POST", "/v1/orders", order))["order_id"], "XX"
        names["sale_id"] = await self._sell()
        names["refund_id"] = await self._refund_in_doubt(names["sale_id"])
        names["payment_id"] = await self._declined_afterwards()
        opened = await ask("POST", f"/v1/stations/{names['station_id']}/session")
        names["session_id"] = opened["session_id"]
        names["tab_id"] = await self._tab(names["session_id"], names["customer_id"])
        names["confirmation_id"] = await self._asked(names["session_id"], names["customer_id"])

    async def _tab(self, session_id: str, customer_id: str) -> str:
        engine = self.shop.services.engine
        await engine.stations.identify(
            "mer_other", session_id, customer_id, scheme="poi1", assurance="authenticate", source="t"
        )
        return str((await self.ask("POST", f"/v1/sessions/{session_id}/tab", {"ceiling": 500}))["tab_id"])

    async def _asked(self, session_id: str, customer_id: str) -> str:
        values = ("mer_other", "cnf_theirs", session_id, "sta_x", customer_id, 6000, 7000, 2**50)

        def job() -> Job[None]:
            yield Query(
                "insert into confirmation (merchant_id, confirmation_id, session_id, station_id, customer_id, amount, "
                "total, currency, state, how, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, 'EUR', 'asked', '', "
                "0, ?)",
                values,
            )

        await self.shop.services.sql.write(job)
        return "cnf_theirs"

    async def _suggest(self, draft: dict[str, Any]) -> str:
        merchant_id, document = "mer_other", json.encode({"figures": {}, "draft": draft}).decode()

        def job() -> Job[None]:
            yield Query(
                "insert into suggestion (merchant_id, suggestion_id, kind, subject, state, document, weight, "
                "created_at, changed_at) values (?, 'sug_theirs', 'lapsing', '', 'open', ?, 1, 0, 0)",
                (merchant_id, document),
            )

        await self.shop.services.sql.write(job)
        return "sug_theirs"

    async def _sell(self) -> str:
        path = f"/v1/stations/{self.names['station_id']}/session"
        session = await self.ask("POST", path)
        path = f"/v1/sessions/{session['session_id']}"
        session = await self.ask("PUT", f"{path}/basket", {"entries": [{"label": "Theirs", "amount": 700}]})
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        await self.ask("POST", f"{path}/accept", accepted)
        return str((await self.ask("POST", f"{path}/pay", {"means": "card"}))["sale_id"])

    async def _declined_afterwards(self) -> str:
        """Their sale's card was taken without the bank, which declined it afterwards."""

        def job() -> Job[str]:
            rows = yield Query("select payment_id from payment where merchant_id = 'mer_other' and amount = 600")
            yield Query(
                "insert into forwarding (merchant_id, payment_id, connector, station_id, amount, currency, state, "
                "reason, created_at, changed_at) values ('mer_other', ?, 'simulator', 'sta_x', 600, 'EUR', 'declined', "
                "'', 0, 0)",
                (rows[0]["payment_id"],),
            )
            return str(rows[0]["payment_id"])

        return await self.shop.services.sql.write(job)

    async def _refund_in_doubt(self, sale_id: str) -> str:
        """5.13 of the 6.00 paid are to go back: the terminal never answers an amount that ends in 13."""
        path, key = f"/v1/sales/{sale_id}/refunds", {"Idempotency-Key": "their-doubt"}
        part = {"reason": "broken", "lines": [{"line_id": "1", "quantity": 855}]}
        answer = await self.shop.ask("POST", path, part, role=self.owner, headers=key)
        assert answer.code == "refund-unknown", answer.content
        return str((await self.ask("GET", path))["items"][0]["refund_id"])


@pytest.fixture
async def foreign(shop: Shop) -> Foreign:
    """The other merchant."""
    found = Foreign(shop, await shop.other_merchant())
    await found.settle()
    return found


@pytest.mark.parametrize("role", ["owner", "manager", "seller", "auditor", "station", "phone", "all scopes"])
async def test_nobody_reads_or_changes_what_is_another_merchants(shop: Shop, foreign: Foreign, role: str) -> None:
    secret = await shop.partner(*SCOPES) if role == "all scopes" else role
    wrong = []
    for route in named_routes():
        place = f"{route.method} {route.path}"
        path = re.sub(r"\{(\w+)\}", lambda found: foreign.names[found[1]], route.path)
        if place in OWN_NAMES:
            continue
        sample, headers = SAMPLES.get(place), {"Idempotency-Key": "mine"}
        if isinstance(sample, bytes):
            headers["Content-Type"] = "image/png"
            answer = await shop.ask(route.method, path, data=sample, role=secret, headers=headers)
        else:
            answer = await shop.ask(route.method, path, sample, role=secret, headers=headers)
        empty = answer.status == 200 and answer.content == b"null"
        if not empty and answer.status not in (403, 404):
            wrong.append((place, answer.status, answer.code, answer.content[:200]))
    assert not wrong
    assert (await foreign.ask("GET", f"/v1/customers/{foreign.names['customer_id']}"))["display_name"] == "Theirs"
    assert (await foreign.ask("GET", f"/v1/offers/{OFFER['offer_id']}"))["state"] == "live"
    assert len((await foreign.ask("GET", "/v1/api-keys"))["items"]) == 1


async def test_no_list_holds_anything_of_another_merchant(shop: Shop, foreign: Foreign) -> None:
    secret = await shop.partner(*SCOPES)
    for route in TABLE:
        if route.method == "GET" and "{" not in route.path and not route.page and not route.websocket:
            for role in ("owner", "manager", "seller", "auditor", "station", "phone", secret):
                answer = await shop.ask("GET", route.path, role=role)
                assert answer.status < 500, route.path
                for name in (*foreign.own_names(), "Theirs"):
                    assert name.encode() not in answer.content, (route.path, name)


async def test_the_same_secret_cannot_be_used_at_two_merchants(shop: Shop, foreign: Foreign) -> None:
    stores = (await shop.ask("GET", "/v1/stores", role=foreign.owner)).json["items"]
    assert [store["store_id"] for store in stores] == [foreign.names["store_id"]]
