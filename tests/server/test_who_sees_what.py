"""Who reads and writes what about people, over HTTP: sales, figures, files, segments, birthdays, costs, decisions."""

import csv
import io
import re
from typing import Any

import pytest

from poi_engine.setup import NewStation
from tests.engine.shop import Card
from tests.server.shop import BY, Answer, Shop
from tests.server.test_clientele_api import sell
from tests.server.test_live import told, watching
from tests.server.test_products import png

pytestmark = pytest.mark.valkey

CARD, PIN = "LOYAL-77", "5093"
PARIS = {"lat": 48.8566, "lon": 2.3522, "zone": "Europe/Paris"}
CAKE = {"currency": "EUR", "place": PARIS, "items": [{"line_id": "1", "label": "Cake", "unit_price": 1000}]}


@pytest.fixture
async def ada(shop: Shop) -> str:
    """A named customer with a card."""
    made = await shop.ask("POST", "/v1/customers", {"display_name": "Ada Byron"})
    customer_id = str(made.json["customer_id"])
    card = {"scheme": "loyalty", "subject": CARD}
    await shop.ask("POST", f"/v1/customers/{customer_id}/credentials", card)
    return customer_id


async def tapped(shop: Shop, station_id: str = "") -> str:
    """The session at a station in which Ada's card was read."""
    present = shop.services.engine.stations.present
    return (await present(shop.merchant_id, station_id or shop.station_id, Card("ndef", CARD))).session_id


async def proved(shop: Shop, session_id: str) -> None:
    """Staff says that it is Ada."""
    answer = await shop.ask("POST", f"/v1/sessions/{session_id}/confirm-identity", {"how": "known"}, role="station")
    assert answer.json["identity"]["assurance"] == "staff"


async def signed_in(shop: Shop) -> None:
    """The seller signs in at the station."""
    assert (await shop.ask("PUT", f"/v1/sellers/{shop.seller_id}/pin", {"pin": PIN})).status == 204
    body = {"seller_id": shop.seller_id, "pin": PIN}
    assert (await shop.ask("POST", f"/v1/stations/{shop.station_id}/sign-in", body, role="station")).status == 200


async def looks(shop: Shop, act: str) -> list[tuple[str, str, str]]:
    """Who left this act in the audit, about what, and why; oldest first."""
    items = (await shop.ask("GET", f"/v1/audit?act={act}&limit=200")).json["items"]
    return [(one["who"], one["subject_id"], one["why"]) for one in reversed(items)]


def refused(answer: Answer) -> tuple[int, str]:
    """How a request was refused."""
    return answer.status, answer.code


# --- sales ---------------------------------------------------------------------------------------------------------


async def test_sales_tell_whose_they_were_to_those_who_read_the_books(shop: Shop, ada: str) -> None:
    sale_id = (await sell(shop, ada))["sale_id"]
    till, crm = await shop.partner("sales:read"), await shop.partner("sales:read", "customers:read")
    for role, whose in (
        *((role, ada) for role in ("owner", "manager", "auditor", crm)),
        *((role, None) for role in ("seller", "station", till)),
    ):
        sale = (await shop.ask("GET", f"/v1/sales/{sale_id}", role=role)).json
        assert (sale["customer_id"], sale["receipt"]["customer_id"], sale["total"]) == (whose, whose, 1000), role
        if role != "station":
            [item] = (await shop.ask("GET", "/v1/sales", role=role)).json["items"]
            assert item["customer_id"] == whose, role


async def test_a_receipt_bears_the_customers_mark_at_its_own_station_and_not_on_a_sellers_device(
    shop: Shop, ada: str
) -> None:
    sale_id = (await sell(shop, ada))["sale_id"]
    for role, marked in (("owner", True), ("auditor", True), ("station", True), ("seller", False)):
        text = (await shop.ask("GET", f"/v1/sales/{sale_id}/receipt", role=role)).json["text"]
        assert (ada[-8:] in text) is marked, role
        if role != "auditor":
            printed = await shop.ask("POST", f"/v1/sales/{sale_id}/receipt/prints", role=role)
            assert (ada[-8:] in printed.json["text"]) is marked, role
    other = NewStation(store_id=shop.store_id, name="Counter 2")
    station_id = (await shop.services.setup.add_station(shop.merchant_id, other)).station_id
    elsewhere = (await shop.services.access.grant(shop.merchant_id, "station", station_id, "two", by=BY)).secret
    for path in ("", "/receipt"):
        assert refused(await shop.ask("GET", f"/v1/sales/{sale_id}{path}", role=elsewhere)) == (404, "not-found")
    there = await shop.ask("POST", f"/v1/sales/{sale_id}/receipt/prints", role=elsewhere)
    assert refused(there) == (404, "not-found")


async def test_one_customers_sales_are_for_whoever_may_see_their_history(shop: Shop, ada: str) -> None:
    sale_id = (await sell(shop, ada))["sale_id"]
    path = f"/v1/sales?customer_id={ada}"
    assert refused(await shop.ask("GET", path, role="auditor")) == (403, "right-missing")
    till = await shop.partner("sales:read")
    assert refused(await shop.ask("GET", path, role=till)) == (403, "scope-missing")
    assert refused(await shop.ask("GET", path, role="seller")) == (403, "not-present")
    assert await looks(shop, "view-sales") == [], "nobody has looked yet"
    crm = await shop.partner("sales:read", "customers:read")
    for role in ("owner", "manager", crm):
        [item] = (await shop.ask("GET", path, role=role)).json["items"]
        assert (item["sale_id"], item["customer_id"]) == (sale_id, ada)
    assert await looks(shop, "view-sales") == [
        ("owner:owner", ada, ""),
        (f"seller:{shop.manager_id}", ada, ""),
        ("partner:par_x", ada, ""),
    ]


async def test_a_seller_sees_the_sales_of_who_proved_themselves_at_their_own_station(shop: Shop, ada: str) -> None:
    sale_id = (await sell(shop, ada))["sale_id"]
    session_id = await tapped(shop)
    path = f"/v1/sales?customer_id={ada}&session_id={session_id}"
    assert refused(await shop.ask("GET", path, role="seller")) == (403, "not-present"), "they serve no station"
    await signed_in(shop)
    assert refused(await shop.ask("GET", path, role="seller")) == (403, "assurance-needed")
    await proved(shop, session_id)
    [item] = (await shop.ask("GET", path, role="seller")).json["items"]
    assert (item["sale_id"], item["customer_id"]) == (sale_id, ada)
    assert await looks(shop, "view-sales") == [(f"seller:{shop.seller_id}", ada, session_id)]
    another = path.replace(ada, shop.customer_id)
    assert refused(await shop.ask("GET", another, role="seller")) == (403, "not-present")


async def test_the_same_look_within_an_hour_is_one_row(shop: Shop, ada: str) -> None:
    for _ in range(3):
        await shop.ask("GET", f"/v1/sales?customer_id={ada}")
    assert len(await looks(shop, "view-sales")) == 1
    await shop.ask("GET", f"/v1/sales?customer_id={ada}", role="manager")
    assert len(await looks(shop, "view-sales")) == 2


# --- figures and files ---------------------------------------------------------------------------------------------


async def test_an_auditor_knows_the_best_customers_by_their_pseudonyms(shop: Shop, ada: str) -> None:
    await sell(shop, ada)
    for role, name in (("owner", "Ada Byron"), ("manager", "Ada Byron"), ("auditor", "")):
        [row] = (await shop.ask("GET", "/v1/insights", role=role)).json["top_customers"]
        assert (row["customer_id"], row["display_name"]) == (ada, name), role


async def test_files_name_customers_to_whoever_may_see_them_and_who_took_them_is_on_record(
    shop: Shop, ada: str
) -> None:
    await sell(shop, ada)
    files = {}
    for role in ("manager", "auditor"):
        answer = await shop.ask("GET", "/v1/insights/export/customers", role=role)
        [files[role]] = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (files["manager"]["display_name"], files["manager"]["customer_id"]) == ("Ada Byron", ada)
    assert "display_name" not in files["auditor"]
    assert files["auditor"].items() <= files["manager"].items()
    taken = await looks(shop, "export-figures")
    assert [(who, table) for who, table, _ in taken] == [
        (f"seller:{shop.manager_id}", "customers"),
        (f"seller:{shop.auditor_id}", "customers"),
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, csv", taken[0][2]), "and of which days"


async def test_from_a_figure_to_one_customers_sales_is_on_record(shop: Shop, ada: str) -> None:
    await sell(shop, ada)
    [behind] = (await shop.ask("GET", f"/v1/insights/sales?customer_id={ada}", role="auditor")).json["items"]
    assert behind["customer_id"] == ada
    assert await looks(shop, "view-sales") == [(f"seller:{shop.auditor_id}", ada, "")]


async def test_who_looked_into_a_segment_is_on_record(shop: Shop) -> None:
    made = (await shop.ask("POST", "/v1/segments", {"name": {"en": "Everybody"}})).json
    assert (await shop.ask("GET", f"/v1/segments/{made['segment_id']}/members", role="manager")).status == 200
    assert await looks(shop, "view-segment") == [(f"seller:{shop.manager_id}", made["segment_id"], "")]


# --- segments and birthdays by hand --------------------------------------------------------------------------------


async def test_who_is_in_a_segment_by_hand_is_said_by_managers_and_by_apps_for_it(shop: Shop, ada: str) -> None:
    path, body = f"/v1/customers/{ada}", {"segments": ["vip"]}
    named = {"display_name": "Bo", "consent": {"version": 1}, "segments": ["vip"]}
    for role in ("seller", "station"):
        for answer in (
            await shop.ask("PATCH", path, body, role=role),
            await shop.ask("POST", "/v1/customers", named, role=role),
        ):
            assert (answer.status, answer.code, answer.json["path"]) == (403, "role-refused", "$.segments")
    till = await shop.partner("customers:write")
    assert refused(await shop.ask("PATCH", path, body, role=till)) == (403, "scope-missing")
    assert (await shop.ask("GET", path)).json["segments"] == []
    crm = await shop.partner("customers:write", "segments:write")
    for role, word in (("manager", "vip"), (crm, "press")):
        assert (await shop.ask("PATCH", path, {"segments": [word]}, role=role)).status == 200
        assert (await shop.ask("GET", path)).json["segments"] == [word]


async def test_a_birthday_is_told_once_and_changed_by_a_manager(shop: Shop, ada: str) -> None:
    path = f"/v1/customers/{ada}"
    app = await shop.partner("customers:write")
    assert (await shop.ask("PATCH", path, {"birthday": "1990-02-28"}, role="seller")).status == 200
    assert (await shop.ask("PATCH", path, {"birthday": "1990-02-28"}, role="seller")).status == 200, "the same one"
    for role in ("seller", "station", app):
        answer = await shop.ask("PATCH", path, {"birthday": "1990-03-01", "language": "en"}, role=role)
        assert (answer.status, answer.code, answer.json["path"]) == (409, "birthday-set", "$.birthday")
    kept = (await shop.ask("GET", path)).json
    assert (kept["birthday"], kept["language"]) == ("1990-02-28", "fr"), "nothing is half-written"
    assert (await shop.ask("PATCH", path, {"birthday": "1990-03-01"}, role="manager")).status == 200
    assert await looks(shop, "change-customer") == [
        (f"seller:{shop.seller_id}", ada, "birthday"),
        (f"seller:{shop.seller_id}", ada, ""),
        (f"seller:{shop.manager_id}", ada, "birthday"),
    ]


async def test_a_phone_tells_its_birthday_once_and_that_it_did_is_on_record(shop: Shop) -> None:
    assert (await shop.ask("PATCH", "/v1/me", {"birthday": "1990-02-28"}, role="phone")).status == 204
    answer = await shop.ask("PATCH", "/v1/me", {"birthday": "1990-03-01"}, role="phone")
    assert (answer.status, answer.code) == (409, "birthday-set")
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["birthday"] == "1990-02-28"
    assert await looks(shop, "change-customer") == [(f"phone:{shop.customer_id}", shop.customer_id, "birthday")]


# --- who stands there ----------------------------------------------------------------------------------------------


async def test_a_proof_that_has_aged_shows_no_history(shop: Shop, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session_id = await tapped(shop)
    await proved(shop, session_id)
    path = f"/v1/customers/{ada}"
    for address in (f"{path}/profile", path):
        assert (await shop.ask("GET", f"{address}?session_id={session_id}", role="station")).status == 200
    monkeypatch.setattr("poi_engine.checkout.frozen.SURE_US", 0)
    answer = await shop.ask("GET", f"{path}/profile?session_id={session_id}", role="station")
    assert refused(answer) == (403, "assurance-needed")
    card = (await shop.ask("GET", f"{path}?session_id={session_id}", role="station")).json
    assert ("points" in card, "spend" in card) == (True, False)
    session = (await shop.ask("GET", f"/v1/sessions/{session_id}", role="station")).json
    assert not session["facts"].get("visits_in")


async def test_a_seller_names_a_session_of_the_station_where_they_are_signed_in(shop: Shop, ada: str) -> None:
    await signed_in(shop)
    other = NewStation(store_id=shop.store_id, name="Counter 2")
    elsewhere = await tapped(shop, (await shop.services.setup.add_station(shop.merchant_id, other)).station_id)
    path = f"/v1/customers/{ada}"
    assert "points" not in (await shop.ask("GET", f"{path}?session_id={elsewhere}", role="seller")).json
    here = await tapped(shop)
    assert "points" in (await shop.ask("GET", f"{path}?session_id={here}", role="seller")).json


async def test_where_somebody_must_sign_in_and_nobody_is_the_customer_is_not_shown(shop: Shop, ada: str) -> None:
    await shop.ask("PUT", "/v1/products/tea", {"code": "tea", "label": "Tea", "unit_price": 500})
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "required", "sign_out_minutes": 30})
    station = f"/v1/stations/{shop.station_id}"
    async with watching(shop, "station", watch="station", station_id=shop.station_id) as screen:
        session_id = await tapped(shop)
        known = await shop.services.engine.stations.get(shop.merchant_id, session_id)
        assert known.identity is not None
        message = await told(screen, lambda message: message["session"]["revision"] == known.revision)
        assert (message["session"]["session_id"], message["session"]["identity"]) == (session_id, None)
        for path in (f"{station}/session", f"/v1/sessions/{session_id}"):
            session = (await shop.ask("GET", path, role="station")).json
            assert (session["session_id"], session["identity"], session["facts"]) == (session_id, None, None)
        sheet = (await shop.ask("GET", "/v1/products/tea/sheet", role="station")).json
        assert sheet["identified"] is False
        assert refused(await shop.ask("POST", f"{station}/join-code", role="station")) == (403, "sign-in-needed")
        await signed_in(shop)
        await told(screen, lambda message: message["kind"] == "seller")
        assert (await shop.ask("GET", f"{station}/session", role="station")).json["identity"]["customer_id"] == ada
        assert (await shop.ask("GET", "/v1/products/tea/sheet", role="station")).json["identified"] is True
        assert (await shop.ask("POST", f"{station}/join-code", role="station")).status == 200


# --- costs and decisions -------------------------------------------------------------------------------------------


async def test_what_a_product_costs_the_merchant_is_for_those_who_set_its_price(shop: Shop) -> None:
    for code in ("tea", "tea-large"):
        product = {"code": code, "label": code, "unit_price": 500, "cost": 120}
        product |= {"parent": "tea"} if code != "tea" else {}
        assert (await shop.ask("PUT", f"/v1/products/{code}", product)).json["cost"] == 120
    app = await shop.partner("decisions")
    for role, cost in (("owner", 120), ("manager", 120), ("seller", None), ("station", None), (app, None)):
        assert (await shop.ask("GET", "/v1/products/tea", role=role)).json["cost"] == cost, role
        for path in ("/v1/products?q=tea", "/v1/products/tea/variants"):
            assert {one["cost"] for one in (await shop.ask("GET", path, role=role)).json["items"]} == {cost}, role
    sheet = (await shop.ask("GET", "/v1/products/tea/sheet", role="station")).json
    assert {sheet["product"]["cost"], *(one["cost"] for one in sheet["variants"])} == {None}
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", role="station")).json
    path, body = f"/v1/sessions/{session['session_id']}/basket", {"entries": [{"code": "tea", "quantity": 1000}]}
    [item] = (await shop.ask("PUT", path, body, role="station")).json["basket"]["items"]
    assert (item["code"], item.get("cost")) == ("tea", None)


async def test_a_decision_about_a_customer_is_for_those_who_may_know_them(shop: Shop, ada: str) -> None:
    asked = CAKE | {"customer_id": ada}
    app, crm = await shop.partner("decisions"), await shop.partner("decisions", "customers:read")
    answer = await shop.ask("POST", "/v1/decisions", asked, role=app)
    assert (answer.status, answer.code, answer.json["path"]) == (403, "scope-missing", "$.customer_id")
    session_id = await tapped(shop)
    for role in ("seller", "station"):
        assert refused(await shop.ask("POST", "/v1/decisions", asked, role=role)) == (403, "not-present")
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "required", "sign_out_minutes": 30})
    standing = asked | {"session_id": session_id}
    answer = await shop.ask("POST", "/v1/decisions", standing, role="station")
    assert refused(answer) == (403, "sign-in-needed")
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "optional", "sign_out_minutes": 30})
    assert await looks(shop, "decide-for-customer") == []
    for role, body in (("manager", asked), (crm, asked), ("station", standing)):
        assert (await shop.ask("POST", "/v1/decisions", body, role=role)).status == 200
    assert await looks(shop, "decide-for-customer") == [
        (f"seller:{shop.manager_id}", ada, ""),
        ("partner:par_x", ada, ""),
        (f"station:{shop.station_id}", ada, session_id),
    ]
    assert (await shop.ask("POST", "/v1/decisions", CAKE, role=app)).status == 200, "of nobody it tells nothing"


# --- acts that used to leave no trace ------------------------------------------------------------------------------


async def test_pictures_prices_taken_back_and_notes_are_on_record(shop: Shop, ada: str) -> None:
    await shop.ask("PUT", "/v1/products/tea", {"code": "tea", "label": "Tea", "unit_price": 500})
    plan = {"unit_price": 450, "starts_at": "2099-01-01T00:00:00Z"}
    plan_id = (await shop.ask("POST", "/v1/products/tea/prices", plan)).json["plan_id"]
    await shop.ask("DELETE", f"/v1/products/tea/prices/{plan_id}")
    headers: dict[str, Any] = {"Content-Type": "image/png"}
    picture = (await shop.ask("POST", "/v1/products/tea/pictures", data=png(), headers=headers)).json["picture_id"]
    await shop.ask("PUT", "/v1/products/tea/pictures", {"pictures": []})
    note_id = (await shop.ask("POST", f"/v1/customers/{ada}/notes", {"text": "Tall"}, role="station")).json["note_id"]
    assert await looks(shop, "cancel-price") == [("owner:owner", "tea", "450 from 2099-01-01T00:00Z")]
    assert await looks(shop, "add-picture") == [("owner:owner", "tea", picture)]
    assert await looks(shop, "order-pictures") == [("owner:owner", "tea", f"0 kept, taken off: {picture}")]
    assert await looks(shop, "write-note") == [(f"station:{shop.station_id}", ada, note_id)]
