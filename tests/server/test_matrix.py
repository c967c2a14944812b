"""Every route x every caller: denied unless the route names the role and the scope.

The cases come from the route table itself, so a new route is in the matrix as soon as it exists.
"""

import re
from typing import Any, get_args

import pytest
from msgspec import Struct

from poi_engine.principal import Scope
from poi_engine.setup import NewStation
from poi_server.http import ANYONE, COUNTER, Call, Route, Routes
from poi_server.routes import route_table
from tests.server.shop import Answer, Shop
from tests.server.test_products import png

TABLE = route_table()
SCOPES: tuple[Scope, ...] = get_args(Scope)
DENIALS = {"sign-in", "secret-wrong", "role-refused", "scope-missing", "station-refused", "origin-refused"}

OPEN = {
    ("POST", "/v1/access/enter"),
    ("POST", "/v1/access/leave"),
    ("POST", "/v1/pairings/claim"),
    ("POST", "/v1/pairings/friend"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/ca.pem"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/docs.css"),
    ("GET", "/problems/{code}"),
}
"""The whole of the API that answers without a credential."""
OPEN_PAGES = {
    "/",
    "/pair",
    "/join",
    "/c/{station_id}",
    "/static/{version}/{name:.+}",
    "/manifest.webmanifest",
    "/sw.js",
}
"""Shells and files without data."""
UNKNOWN_FIELD = {"no-such-field": 1}


def filled(route: Route, shop: Shop, **others: str) -> str:
    """The route's address with the shop's own station, and names that nothing has elsewhere."""
    values = {"station_id": shop.station_id} | others
    return re.sub(r"\{(\w+)(?::[^{}]*)?\}", lambda found: values.get(found[1], "none_0"), route.path)


async def knock(shop: Shop, route: Route, role: str | None) -> Answer:
    """Ask for a route; a changing one gets a body that every route refuses, so that nothing happens when let in."""
    body = None if route.method == "GET" else UNKNOWN_FIELD
    return await shop.ask(route.method, filled(route, shop), body, role=role, headers={"Idempotency-Key": "key-1"})


def was_let_in(answer: Answer) -> bool:
    """Whether the request got past the door."""
    return answer.status not in (303, 401) and answer.code not in DENIALS


def test_only_these_routes_are_open_to_anyone() -> None:
    opened = {(route.method, route.path) for route in TABLE if route.open}
    assert {place for place in opened if place[1] not in OPEN_PAGES} == OPEN


@pytest.mark.parametrize("roles", [(), ("admin",), frozenset()])
def test_a_route_without_known_roles_cannot_be_written(roles: Any) -> None:
    routes = Routes("test")
    with pytest.raises(TypeError, match="roles"):
        routes.get("/x", roles=roles, summary="x")


def test_a_partner_is_let_in_only_where_a_scope_is_named() -> None:
    without = {route.path for route in TABLE if "partner" in route.roles and route.scope is None}
    assert without == {"/v1/access/me"}


async def test_anonymous_callers_see_the_open_routes_only(shop: Shop) -> None:
    wrong = []
    for route in TABLE:
        answer = await knock(shop, route, None)
        denied = answer.status == (303 if route.page else 401)
        if denied is route.open:
            wrong.append((route.method, route.path, answer.status))
    assert not wrong


@pytest.mark.parametrize("role", ["owner", "manager", "seller", "auditor", "station", "phone", "partner"])
async def test_each_role_is_let_in_exactly_where_the_route_says(shop: Shop, role: str) -> None:
    wrong = []
    for route in TABLE:
        answer = await knock(shop, route, role)
        expected = route.open or (role in route.roles and (role != "partner" or route.scope is None))
        if was_let_in(answer) is not expected or answer.status >= 500:
            wrong.append((route.method, route.path, answer.status, answer.code))
    assert not wrong


async def test_a_partner_needs_the_very_scope_of_the_route(shop: Shop) -> None:
    keys = {scope: await shop.partner(scope) for scope in SCOPES}
    wrong = []
    for route in TABLE:
        for scope, key in keys.items():
            answer = await knock(shop, route, key)
            expected = route.open or ("partner" in route.roles and route.scope in (None, scope))
            if was_let_in(answer) is not expected:
                wrong.append((route.method, route.path, scope, answer.status, answer.code))
    assert not wrong


async def test_a_station_is_kept_to_its_own_counter(shop: Shop) -> None:
    other = await shop.services.setup.add_station(
        shop.merchant_id, NewStation(store_id=shop.store_id, name="Counter 2")
    )
    for route in TABLE:
        if "station" in route.roles and "{station_id}" in route.path and not route.page:
            path = filled(route, shop, station_id=other.station_id)
            answer = await shop.ask(route.method, path, role="station")
            assert (answer.status, answer.code) == (403, "station-refused"), path
    session = (await shop.ask("POST", f"/v1/stations/{other.station_id}/session")).json
    for route in TABLE:
        if "station" in route.roles and "{session_id}" in route.path:
            path = filled(route, shop).replace("none_0", session["session_id"])
            body = SAMPLES.get(f"{route.method} {route.path}")
            answer = await shop.ask(route.method, path, body, role="station", headers={"Idempotency-Key": "key-2"})
            assert answer.status == 403, (path, answer.status, answer.content)


OFFER = {
    "offer_id": "off_theirs",
    "name": {"en": "Theirs"},
    "currency": "EUR",
    "effects": [{"type": "amount_off", "amount": 100}],
}
SAMPLES: dict[str, Any] = {
    "PUT /v1/stores/{store_id}": {"name": "Mine", "zone": "Europe/Paris"},
    "PATCH /v1/sellers/{seller_id}": {"active": False},
    "PUT /v1/sellers/{seller_id}/pin": {"pin": "5093"},
    "POST /v1/sellers/{seller_id}/badges": {"scheme": "uid", "subject": "04a1b2c3d4e5f6"},
    "POST /v1/stations/{station_id}/sign-in": {"seller_id": "slr_x", "pin": "5093"},
    "POST /v1/stations/{station_id}/pin": {"seller_id": "slr_x", "pin": "5093", "new_pin": "5094"},
    "PUT /v1/sessions/{session_id}/basket": {"entries": [{"label": "Cake", "amount": 500}]},
    "POST /v1/stations/{station_id}/scan": {"text": "3017620422003"},
    "POST /v1/stations/{station_id}/tap": {"card": "2900000000017"},
    "POST /v1/stations/{station_id}/question/answer": {"question_id": "ask_x", "confirmed": True},
    "POST /v1/sessions/{session_id}/confirm-identity": {"how": "known"},
    "POST /v1/sessions/{session_id}/confirmation": {"pin": "5093"},
    "POST /v1/me/confirmations/{confirmation_id}": {"yes": True},
    "POST /v1/sessions/{session_id}/accept": {"decision_id": "dec_x", "total": 1},
    "POST /v1/sessions/{session_id}/pay": {"means": "cash"},
    "POST /v1/stations/{station_id}/sale": {"entries": [{"amount": 500}], "accept_up_to": 400},
    "POST /v1/sessions/{session_id}/resolve": {"outcome": "paid", "reason": "seen"},
    "POST /v1/sessions/{session_id}/hand-over": {"station_id": "sta_x"},
    "POST /v1/sales/{sale_id}/refunds": {"reason": "broken"},
    "POST /nexo": {
        "SaleToPOIRequest": {
            "MessageHeader": {
                "MessageClass": "Service",
                "MessageCategory": "Diagnosis",
                "MessageType": "Request",
                "ServiceID": "1",
                "SaleID": "Till",
                "POIID": "sta_theirs",
            },
            "DiagnosisRequest": {},
        }
    },
    "PUT /v1/settings/means": {"items": ["card", "cash"]},
    "PUT /v1/settings/offline": {"floor_limit": 5000},
    "PUT /v1/settings/receipt": {"vat_number": "FR83404833048"},
    "POST /v1/payments/{payment_id}/at-risk": {"outcome": "lost", "reason": "seen"},
    "POST /v1/stations/{station_id}/offline-sales/dropped": {
        **{"offline_id": "0123456789abcdef", "sale": {"total": 700}, "reason": "rung up again"}
    },
    "POST /v1/payments/{payment_id}/reversing": {"outcome": "declined", "reason": "seen"},
    "POST /v1/stations/{station_id}/offline-sales": {
        "sales": [
            {
                **{"offline_id": "0123456789abcdef", "sold_at": "2026-11-22T10:00:00Z", "total": 100},
                "lines": [{"unit_price": 100}],
            }
        ]
    },
    "PUT /v1/settings/meal-vouchers": {"categories": ["bakery"]},
    "POST /v1/sales/{sale_id}/refunds/{refund_id}/resolve": {"outcome": "refunded", "reason": "seen"},
    "POST /v1/stations/{station_id}/closings": {"kind": "day"},
    "POST /v1/stations/{station_id}/training": {"on": True},
    "PUT /v1/sessions/{session_id}/fulfilments": {"lines": [{"line_id": "1", "how": "pick_up"}]},
    "PUT /v1/sessions/{session_id}/contact": {"name": "Mine"},
    "POST /v1/orders/{order_id}/session": {"station_id": "sta_x"},
    "PATCH /v1/orders/{order_id}": {"name": "Mine"},
    "POST /v1/orders/{order_id}/moves": {"state": "cancelled"},
    "POST /v1/orders/{order_id}/refunds": {"reason": "broken"},
    "POST /v1/me/orders/{order_id}/confirm-address": {},
    "PATCH /v1/customers/{customer_id}": {"display_name": "Taken"},
    "POST /v1/customers/{customer_id}/credentials": {"scheme": "loyalty", "subject": "2900000000024"},
    "POST /v1/customers/{customer_id}/notes": {"text": "Taken"},
    "POST /v1/customers/{customer_id}/merge": {"absorbed_id": "cus_x"},
    "PUT /v1/customers/{customer_id}/consents/{purpose}": {"given": True, "version": 1},
    "POST /v1/customers/{customer_id}/referral": {"code": "abcdefgh"},
    "PUT /v1/offers/{offer_id}": OFFER,
    "PUT /v1/campaigns/{campaign_id}": {
        "name": "Mine",
        "offers": [{"name": {"en": "Mine"}, "effects": [{"type": "amount_off", "amount": 100}]}],
    },
    "PUT /v1/segments/{segment_id}": {"name": {"en": "Mine"}},
    "POST /v1/offers/{offer_id}/explain": {"currency": "EUR", "place": {"lat": 48.8, "lon": 2.3, "zone": "UTC"}},
    "PUT /v1/stations/{station_id}": {"store_id": "sto_x", "name": "Mine"},
    "POST /v1/products/{code}/prices": {"unit_price": 1, "starts_at": "2099-01-01T00:00:00Z"},
    "PUT /v1/products/{code}/pictures": {"pictures": []},
    "POST /v1/sessions/{session_id}/tab": {"ceiling": 500},
    "POST /v1/tabs/{tab_id}/close": {"reason": "the end"},
    "POST /v1/tabs/{tab_id}/resolve": {"outcome": "declined", "reason": "no slip"},
    "POST /v1/tabs/{tab_id}/pay-back": {"paid_back": "cash", "reason": "stale"},
    "POST /v1/gift-cards/{card_id}/close": {"paid_back": "cash", "reason": "lost"},
    "POST /v1/customers/{customer_id}/wallet/close-out": {"paid_back": "cash", "reason": "leaves"},
    "POST /v1/products/{code}/pictures": png(),
}
"""A body that would do something, for every changing route that names an object and takes a body."""
OWN_NAMES = {
    "PUT /v1/consent-texts/{purpose}",
    "PUT /v1/me/consents/{purpose}",
    "PUT /v1/products/{code}",
    "GET /v1/fiscal/archive/{year}",
}
"""Here the caller chooses the name: the same one may exist at every merchant."""


def named_routes() -> list[Route]:
    """Routes that name an object in their address, and need a credential."""
    return [route for route in TABLE if "{" in route.path and not route.page and not route.open]


def test_every_route_that_names_an_object_has_a_body_to_try() -> None:
    for route in named_routes():
        place = f"{route.method} {route.path}"
        assert not route.signature.body_name or place in SAMPLES or place in OWN_NAMES, f"add a body for {place}"


def test_a_handler_is_checked_when_its_module_is_imported() -> None:
    routes = Routes("test")

    async def forgets_its_path(call: Call) -> None: ...

    with pytest.raises(TypeError, match="station_id"):
        routes.get("/x/{station_id}", roles=COUNTER, summary="x")(forgets_its_path)

    class Lenient(Struct):
        name: str

    async def takes_a_lenient_body(call: Call, body: Lenient) -> None: ...

    with pytest.raises(TypeError, match="forbid unknown fields"):
        routes.post("/x", roles=ANYONE, summary="x")(takes_a_lenient_body)
