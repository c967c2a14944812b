"""Sellers at a counter, over HTTP: rights checked at the door, limits, four eyes, badges at the reader, other roles."""

import asyncio
import re
from typing import Any

import pytest

from poi_engine.ports import Job, Query
from poi_engine.principal import Role
from poi_engine.staff.rights import RIGHTS
from poi_server.http import COUNTER, Call, Routes
from poi_server.routes import route_table
from tests.server.shop import Answer, Shop
from tests.server.test_live import refused, told, watching

PIN, MANAGERS_PIN = "5093", "7351"
UNHEARD = 1013
BOOKS = (
    "/v1/stations/{station_id}/closings",
    "/v1/stations/{station_id}/day",
    "/v1/customers/{customer_id}/wallet",
)
"""Routes whose handlers ask for a right themselves."""


class Counter:
    """The shop's station with a seller Ada who has a PIN, and a manager Grace who has another."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.keys = 0

    async def setup(self, **rights: Any) -> None:
        """Give PINs and Ada's rights."""
        sellers = f"/v1/sellers/{self.shop.seller_id}"
        await self.done("PUT", f"{sellers}/pin", {"pin": PIN}, role="owner")
        await self.done("PUT", f"/v1/sellers/{self.shop.manager_id}/pin", {"pin": MANAGERS_PIN}, role="owner")
        if rights:
            await self.done("PATCH", sellers, rights, role="owner")

    async def ask(self, method: str, path: str, body: Any = None, *, role: str = "station") -> Answer:
        """Ask as the station."""
        self.keys += 1
        path = path.replace("{station}", f"/v1/stations/{self.shop.station_id}")
        return await self.shop.ask(method, path, body, role=role, headers={"Idempotency-Key": f"k{self.keys}"})

    async def done(self, method: str, path: str, body: Any = None, *, role: str = "station") -> Any:
        """Ask, and be answered."""
        answer = await self.ask(method, path, body, role=role)
        assert answer.status < 300, (path, answer.content)
        return answer.json if answer.content else None

    async def enter(self, seller_id: str = "", pin: str = PIN) -> Any:
        """Sign in; Ada unless said otherwise."""
        return await self.done("POST", "{station}/sign-in", {"seller_id": seller_id or self.shop.seller_id, "pin": pin})

    async def basket(self, amount: int) -> Any:
        """A decided session."""
        session = await self.done("POST", "{station}/session")
        body = {"entries": [{"label": "Cake", "amount": amount}]}
        return await self.done("PUT", f"/v1/sessions/{session['session_id']}/basket", body)

    async def sell(self, amount: int, means: str = "cash") -> Any:
        """A sale, or what became of it."""
        session = await self.basket(amount)
        path = f"/v1/sessions/{session['session_id']}"
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        await self.done("POST", f"{path}/accept", accepted)
        return await self.done("POST", f"{path}/pay", {"means": means})

    async def refund(self, sale_id: str, **more: Any) -> Answer:
        """Take a sale back."""
        return await self.ask("POST", f"/v1/sales/{sale_id}/refunds", {"reason": "broken", **more})

    async def consent(self, act: str, subject_id: str, amount: int) -> str:
        """Grace's, by her PIN at the station."""
        who = {"seller_id": self.shop.manager_id, "pin": MANAGERS_PIN}
        body = {"act": act, "subject_id": subject_id, "amount": amount, **who}
        return str((await self.done("POST", "/v1/approvals", body))["approval_id"])


@pytest.fixture
def counter(shop: Shop) -> Counter:
    """The shop's counter."""
    return Counter(shop)


async def test_the_sale_the_receipt_and_the_journal_name_the_seller(counter: Counter) -> None:
    await counter.setup()
    entered = await counter.enter()
    assert (entered["person"]["name"], entered["how"]) == ("Ada", "pin")
    paid = await counter.sell(700)
    sale = await counter.done("GET", f"/v1/sales/{paid['sale_id']}")
    assert sale["receipt"]["seller_id"] == counter.shop.seller_id
    rows = await rows_of(counter.shop, "select seller_id from sale")
    assert rows == [{"seller_id": counter.shop.seller_id}]
    await counter.done("POST", "{station}/sign-out")
    anonymous = await counter.sell(300)
    assert (await counter.done("GET", f"/v1/sales/{anonymous['sale_id']}"))["receipt"]["seller_id"] is None


async def test_a_seller_without_the_right_builds_the_basket_and_cannot_take_the_payment(counter: Counter) -> None:
    await counter.setup(take_payment=False)
    await counter.enter()
    session = await counter.basket(700)
    path = f"/v1/sessions/{session['session_id']}"
    accepted = {"decision_id": session["decision_id"], "total": 700}
    for step, body in (("accept", accepted), ("pay", {"means": "cash"}), ("card", None)):
        answer = await counter.ask("POST", f"{path}/{step}", body)
        assert (answer.status, answer.code) == (403, "right-missing"), step
    await counter.enter(counter.shop.manager_id, MANAGERS_PIN)
    assert (await counter.sell(700))["state"] == "paid"


async def test_where_signing_in_is_required_the_station_only_shows(counter: Counter) -> None:
    await counter.setup()
    await counter.done("PUT", "/v1/settings/sign-in", {"sign_in": "required"}, role="owner")
    for route in route_table():
        if "station" in route.roles and not route.page and not route.websocket:
            path = re.sub(r"\{(\w+)\}", lambda found: station_or(counter.shop, found[1]), route.path)
            answer = await counter.ask(route.method, path, None if route.method == "GET" else {"no-such-field": 1})
            if route.right is not None:
                assert (answer.status, answer.code) == (403, "sign-in-needed"), route.path
            elif route.path not in BOOKS:
                assert answer.code != "sign-in-needed", route.path
    await counter.enter()
    assert (await counter.sell(700))["state"] == "paid"


async def test_the_settings_of_signing_in_are_the_owners(counter: Counter) -> None:
    body = {"sign_in": "required", "sign_out_minutes": None}
    for role in ("manager", "auditor", "seller", "station"):
        assert (await counter.ask("PUT", "/v1/settings/sign-in", body, role=role)).status == 403
    await counter.done("PUT", "/v1/settings/sign-in", body, role="owner")
    assert await counter.done("GET", "/v1/settings/sign-in", role="auditor") == body
    wrong = await counter.ask("PUT", "/v1/settings/sign-in", {"sign_out_minutes": 0}, role="owner")
    assert (wrong.status, wrong.json["path"]) == (422, "$.sign_out_minutes")


async def test_a_refund_above_the_limit_takes_a_second_person(counter: Counter) -> None:
    await counter.setup(refund_limit=1000)
    await counter.enter()
    small, large = await counter.sell(600), await counter.sell(900)
    assert (await counter.refund(small["sale_id"])).status == 200
    answer = await counter.refund(large["sale_id"])
    assert (answer.status, answer.code) == (403, "approval-needed"), "6.00 and 9.00 are more than 10.00"
    approval_id = await counter.consent("refund", large["sale_id"], 900)
    refunded = await counter.refund(large["sale_id"], approval_id=approval_id)
    assert refunded.json["total"] == -900
    third = await counter.sell(100)
    assert (await counter.refund(third["sale_id"], approval_id=approval_id)).code == "approval-used"
    who = f"seller:{counter.shop.seller_id}"
    entries = (await counter.done("GET", f"/v1/audit?act=refund&who={who}", role="auditor"))["items"]
    assert [entry["subject_id"] for entry in entries] == [large["sale_id"], small["sale_id"]]
    assert entries[0]["why"] == f"broken; with seller:{counter.shop.manager_id}"


async def test_one_consent_serves_one_of_two_refunds_at_once(counter: Counter) -> None:
    await counter.setup(refund_limit=0)
    await counter.enter()
    paid = await counter.sell(900)
    approval_id = await counter.consent("refund", paid["sale_id"], 900)
    sent = [{"line_id": "1", "quantity": 500}]
    answers = await asyncio.gather(
        *(counter.refund(paid["sale_id"], lines=sent, approval_id=approval_id) for _ in range(2))
    )
    assert sorted((answer.status, answer.code) for answer in answers) == [(200, ""), (409, "approval-used")]


async def test_a_repeated_refund_uses_its_consent_once(counter: Counter) -> None:
    await counter.setup(refund_limit=0)
    await counter.enter()
    paid = await counter.sell(900)
    body = {"reason": "broken", "approval_id": await counter.consent("refund", paid["sale_id"], 900)}
    path, headers = f"/v1/sales/{paid['sale_id']}/refunds", {"Idempotency-Key": "the-same"}
    first = await counter.shop.ask("POST", path, body, role="station", headers=headers)
    again = await counter.shop.ask("POST", path, body, role="station", headers=headers)
    assert (first.status, again.status) == (200, 200)
    assert first.json["sale_id"] == again.json["sale_id"]


async def test_a_sellers_word_on_a_doubtful_payment_takes_a_second_person(counter: Counter) -> None:
    await counter.setup()
    await counter.enter()
    doubtful = await counter.sell(UNHEARD, "card")
    assert doubtful["state"] == "unknown"
    path = f"/v1/sessions/{doubtful['session_id']}/resolve"
    said = {"outcome": "paid", "reason": "the slip"}
    assert (await counter.ask("POST", path, said)).code == "approval-needed"
    approval_id = await counter.consent("resolve", doubtful["session_id"], UNHEARD)
    assert (await counter.done("POST", path, {**said, "approval_id": approval_id}))["state"] == "paid"


async def test_nobody_approves_alone(counter: Counter) -> None:
    await counter.setup()
    await counter.enter(counter.shop.manager_id, MANAGERS_PIN)
    own = {"seller_id": counter.shop.manager_id, "pin": MANAGERS_PIN}
    what = {"act": "refund", "subject_id": "sal_x", "amount": 1}
    assert (await counter.ask("POST", "/v1/approvals", {**what, **own})).code == "approval-own"
    assert (await counter.ask("POST", "/v1/approvals", what)).code == "may-not-approve", "a station is nobody"
    assert (await counter.ask("POST", "/v1/approvals", what, role="seller")).code == "may-not-approve"
    assert (await counter.ask("POST", "/v1/approvals", {**what, "pin": PIN})).code == "seller-and-pin"
    assert (await counter.done("POST", "/v1/approvals", what, role="manager"))["approver"] == own_name(counter.shop)


@pytest.mark.valkey
async def test_a_badge_at_the_reader_signs_in_and_no_customer_is_made_of_it(counter: Counter) -> None:
    card = "BADGE-ADA-1"
    badges = f"/v1/sellers/{counter.shop.seller_id}/badges"
    await counter.done("POST", badges, {"scheme": "loyalty", "subject": card}, role="manager")
    async with watching(counter.shop, "station", watch="station", station_id=counter.shop.station_id) as screen:
        await counter.done("POST", "{station}/tap", {"card": card})
        await told(screen, lambda message: message["kind"] == "seller")
        at = await counter.done("GET", "{station}/seller")
        assert (at["person"]["name"], at["how"]) == ("Ada", "badge")
    scanned = await counter.done("POST", "{station}/scan", {"text": card})
    assert scanned["session"]["notice"]["code"] == "badge", "a copy on paper signs nobody in"
    assert scanned["session"]["identity"] is None
    assert [row["n"] for row in await rows_of(counter.shop, "select count(*) as n from credential")] == [0]


@pytest.mark.valkey
async def test_a_customers_card_waits_until_somebody_signs_in_where_that_is_required(counter: Counter) -> None:
    await counter.setup()
    await counter.done("PUT", "/v1/settings/sign-in", {"sign_in": "required"}, role="owner")
    async with watching(counter.shop, "station", watch="station", station_id=counter.shop.station_id) as screen:
        await counter.done("POST", "{station}/tap", {"card": "LOYALTY-1"})
        shown = await told(screen, lambda message: bool((message.get("session") or {}).get("notice")))
        assert shown["session"]["notice"]["code"] == "sign-in-needed"


async def test_managers_and_auditors_have_access_of_their_own(counter: Counter) -> None:
    shop = counter.shop
    for role, subject in (("manager", shop.manager_id), ("auditor", shop.auditor_id)):
        made = await counter.done("POST", "/v1/pairings", {"role": role, "subject_id": subject}, role="owner")
        claimed = await shop.ask("POST", "/v1/pairings/claim", {"secret": made["secret"], "cookie": False}, role=None)
        assert (claimed.json["role"], claimed.json["subject_id"]) == (role, subject)
        me = await shop.ask("GET", "/v1/access/me", role=claimed.json["secret"])
        assert me.json["role"] == role
    wrong = await counter.ask("POST", "/v1/pairings", {"role": "manager", "subject_id": shop.seller_id}, role="owner")
    assert (wrong.status, wrong.code) == (409, "role-differs")


@pytest.mark.parametrize(
    ("asker", "role", "subject", "status"),
    [
        ("manager", "owner", "", 403),
        ("manager", "manager", "manager_id", 403),
        ("manager", "seller", "seller_id", 201),
        ("manager", "station", "station_id", 201),
        ("manager", "auditor", "auditor_id", 201),
        ("seller", "seller", "seller_id", 403),
        ("seller", "phone", "", 201),
        ("station", "phone", "", 201),
        ("auditor", "phone", "", 403),
    ],
)
async def test_who_may_pair_whom(shop: Shop, asker: str, role: str, subject: str, status: int) -> None:
    body = {"role": role, "subject_id": getattr(shop, subject) if subject else ""}
    assert (await shop.ask("POST", "/v1/pairings", body, role=asker)).status == status


async def test_a_manager_ends_no_owners_managers_or_apps_credential(shop: Shop) -> None:
    entries = (await shop.ask("GET", "/v1/access", role="manager")).json["items"]
    for entry in entries:
        answer = await shop.ask("DELETE", f"/v1/access/{entry['access_id']}", role="manager")
        refused_roles = ("owner", "manager", "partner")
        assert answer.status == (403 if entry["role"] in refused_roles else 204), entry["role"]


async def test_who_may_watch_what(shop: Shop) -> None:
    for role in ("owner", "manager", "auditor"):
        async with watching(shop, role, watch="dashboard"):
            pass
    async with watching(shop, "manager", watch="station", station_id=shop.station_id):
        pass
    assert await refused(shop, "auditor", {"watch": "station", "station_id": shop.station_id}) == 1008
    assert await refused(shop, "seller", {"watch": "dashboard"}) == 1008


def test_no_role_is_named_that_could_never_have_the_right() -> None:
    for route in route_table():
        if route.right is not None:
            for role in route.roles - {"partner", "phone"}:
                place = f"{route.method} {route.path}"
                possible = RIGHTS[role] | ({"override", "close_day"} if role in {"station", "seller"} else set())
                assert route.right in possible or route.right == "stock", f"a {role} never has it: {place}"


def test_a_station_asks_no_more_than_its_own_rights() -> None:
    role: Role = "station"
    assert RIGHTS["seller"] - RIGHTS[role] == {"override"}, "prices are changed, and the day closed, by somebody"
    assert "close_day" not in RIGHTS[role]


def test_a_handler_reached_without_a_right_cannot_ask_who_acts() -> None:
    routes = Routes("test")

    @routes.get("/x", roles=COUNTER, right="sell", summary="x")
    async def with_right(call: Call) -> None: ...

    assert routes.entries[0].right == "sell"


async def test_wrong_pins_are_said_and_counted(counter: Counter) -> None:
    await counter.setup()
    body = {"seller_id": counter.shop.seller_id, "pin": "9999"}
    codes = [(await counter.ask("POST", "{station}/sign-in", body)).code for _ in range(6)]
    assert codes == ["pin-wrong"] * 5 + ["pin-locked"]
    locked = await counter.ask("POST", "{station}/sign-in", body)
    assert (locked.status, locked.json["path"]) == (429, "$.pin")
    assert (await counter.ask("POST", "{station}/sign-in", {**body, "pin": "12"})).code == "invalid-body"


def own_name(shop: Shop) -> str:
    """How records name the manager."""
    return f"seller:{shop.manager_id}"


def station_or(shop: Shop, name: str) -> str:
    """The station's id, or a name that nothing has."""
    return shop.station_id if name == "station_id" else "none_0"


async def rows_of(shop: Shop, text: str) -> list[dict[str, Any]]:
    """What a statement finds."""

    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text))]

    return await shop.services.sql.read(job)
