"""The fiscal part over HTTP: who closes, who reads the books, what a duplicate says."""

import asyncio
import re

import pytest

from poi_engine.fiscal.version import SOURCES, STAMP, VERSION
from poi_engine.verify import verify
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey


async def sold(shop: Shop, amount: int = 700) -> dict[str, str]:
    """A sale by cash at the shop's counter; the paid session."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session")).json
    path = f"/v1/sessions/{session['session_id']}"
    basket = {"entries": [{"label": "Cake", "amount": amount}]}
    session = (await shop.ask("PUT", f"{path}/basket", basket)).json
    accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", accepted)
    paid = await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers={"Idempotency-Key": f"pay-{path}"})
    assert paid.status == 200, paid.content
    return dict(paid.json)


async def test_a_manager_closes_the_day_and_reads_the_closing(shop: Shop) -> None:
    await sold(shop)
    path = f"/v1/stations/{shop.station_id}/closings"
    before = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/day", role="manager")).json
    assert (before["open"], before["totals"]["total"], before["first"], before["last"]) == (True, 700, 1, 1)
    made = await shop.ask("POST", path, {"kind": "day"}, role="manager")
    assert made.status == 200, made.content
    assert (made.json["closing"]["total"], made.json["closing"]["fiscal"]) == (700, STAMP)
    page = (await shop.ask("GET", path, role="auditor")).json
    assert page == {"items": [made.json], "next": None}
    after = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/day", role="auditor")).json
    assert (after["open"], after["totals"]["total"]) == (False, 0)
    part = (await shop.ask("GET", "/v1/fiscal", role="auditor")).json
    assert (part["version"], part["hash"], part["unmodified"]) == (VERSION, SOURCES, True)
    assert [key["key_id"] for key in part["keys"]] == [made.json["key_id"]]


@pytest.mark.parametrize("role", ["seller", "station"])
async def test_a_seller_neither_closes_nor_reads_the_books(shop: Shop, role: str) -> None:
    station = f"/v1/stations/{shop.station_id}"
    asked = [
        await shop.ask("POST", f"{station}/closings", {"kind": "day"}, role=role),
        await shop.ask("POST", f"{station}/training", {"on": True}, role=role),
        await shop.ask("GET", f"{station}/closings", role=role),
        await shop.ask("GET", f"{station}/day", role=role),
        await shop.ask("GET", f"{station}/events", role=role),
        await shop.ask("GET", "/v1/fiscal/e-reporting?day=2026-11-22", role=role),
    ]
    assert [answer.status for answer in asked] == [403] * len(asked)


async def test_a_receipt_shows_the_fiscal_part_and_its_seal_and_duplicates_are_counted(shop: Shop) -> None:
    sale_id = (await sold(shop))["sale_id"]
    sale = (await shop.ask("GET", f"/v1/sales/{sale_id}")).json
    text = (await shop.ask("GET", f"/v1/sales/{sale_id}/receipt?lang=en")).json["text"]
    assert re.search(rf"Fiscal part +{STAMP}\n", text)
    assert re.search(rf"Seal +{sale['receipt_hash'][:12]}\n", text)
    assert (text.count("Till: Counter 1\n"), text.count(f" {shop.station_id}\n")) == (1, 1)
    prints = f"/v1/sales/{sale_id}/receipt/prints"
    first = (await shop.ask("POST", f"{prints}?lang=en", role="station")).json
    assert first == {"sale_id": sale_id, "number": sale["receipt_number"], "text": text, "duplicate": 0}
    for number, role in ((1, "seller"), (2, "station"), (3, "owner")):
        again = (await shop.ask("POST", f"{prints}?lang=en", role=role)).json
        assert again["duplicate"] == number
        assert again["text"].count(f"*** DUPLICATE n° {number} ***") == 2
        assert "Till: Counter 1\n" in again["text"]
    assert "*** DUPLICATA n° 4 ***" in (await shop.ask("POST", prints)).json["text"]
    assert (await shop.ask("GET", f"/v1/sales/{sale_id}/receipt?lang=en")).json["text"] == text, "a look is no print"
    events = (await shop.ask("GET", f"/v1/stations/{shop.station_id}/events", role="auditor")).json["items"]
    assert [(one["kind"], one["subject"], one["values"].get("duplicate")) for one in events] == [
        *(("reprint", sale_id, number) for number in (4, 3, 2, 1)),
        ("print", sale_id, None),
    ]
    station = f"station:{shop.station_id}"
    assert [one["who"] for one in events[2:]] == [station, f"seller:{shop.seller_id}", station]
    assert events[2]["values"]["where"] == events[4]["values"]["where"] == shop.station_id
    assert await verify(shop.services.sql) == []


async def test_two_tablets_that_print_at_once_print_one_original_and_one_duplicate(shop: Shop) -> None:
    prints = f"/v1/sales/{(await sold(shop))['sale_id']}/receipt/prints?lang=en"
    both = await asyncio.gather(shop.ask("POST", prints, role="station"), shop.ask("POST", prints, role="seller"))
    assert sorted(one.json["duplicate"] for one in both) == [0, 1]
    assert sorted("*** DUPLICATE n° 1 ***" in one.json["text"] for one in both) == [False, True]


async def test_a_print_is_for_the_counter(shop: Shop) -> None:
    """An auditor looks; and there is nothing to print of what was not sold."""
    path = f"/v1/sales/{(await sold(shop))['sale_id']}/receipt"
    assert (await shop.ask("GET", path, role="auditor")).status == 200
    assert (await shop.ask("POST", f"{path}/prints", role="auditor")).status == 403
    assert (await shop.ask("POST", "/v1/sales/sal_none/receipt/prints")).status == 404
    assert (await shop.ask("POST", f"{path}/prints")).json["duplicate"] == 0


async def test_what_the_company_has_to_say_is_on_each_receipt_and_a_card_number_is_not(shop: Shop) -> None:
    sale_id = (await sold(shop))["sale_id"]
    place = {"name": "Rue Mercière", "zone": "Europe/Paris", "address": "12 rue Mercière, 69002 Lyon"}
    assert (await shop.ask("PUT", f"/v1/stores/{shop.store_id}", place)).status == 200
    head = {"vat_number": "FR83404833048", "lines": ["SARL, RCS Lyon 404 833 048"]}
    assert (await shop.ask("PUT", "/v1/settings/receipt", head)).json == head
    assert (await shop.ask("GET", "/v1/settings/receipt", role="auditor")).json == head
    text = (await shop.ask("GET", f"/v1/sales/{sale_id}/receipt?lang=fr")).json["text"]
    for said in ("Rue Mercière", "12 rue Mercière, 69002 Lyon", "SARL, RCS Lyon 404 833 048", "N° TVA FR83404833048"):
        assert said in text
    for card in ("SIRET 365 693 001 00023", "4111 1111 1111 1111"):
        refused = await shop.ask("PUT", "/v1/settings/receipt", {"lines": ["SARL", card]})
        assert (refused.status, refused.code, refused.json["path"]) == (422, "card-number", "$.lines[1]")
    assert (await shop.ask("PUT", "/v1/settings/receipt", {"vat_number": "none"})).status == 422
    assert await verify(shop.services.sql) == [], "the journal is as it was"


@pytest.mark.parametrize("line", ["SIRET 443 061 841 00047", "Siret : 44306184100047 - APE 6201Z", "443 061 841 00047"])
async def test_a_siret_is_on_each_receipt_and_is_no_card_number(shop: Shop, line: str) -> None:
    """Neither where it is set, nor in what is kept of it: the settings, the audit, the answers to a reprint."""
    sale_id = (await sold(shop))["sale_id"]
    keyed = {"Idempotency-Key": "the-head-of-receipts"}
    assert (await shop.ask("PUT", "/v1/settings/receipt", {"lines": [line]}, headers=keyed)).status == 200
    printed = await shop.ask(
        "POST", f"/v1/sales/{sale_id}/receipt/prints?lang=fr", headers={"Idempotency-Key": "a-copy"}
    )
    assert line in printed.json["text"]
    assert await verify(shop.services.sql) == []


async def test_starts_of_the_server_are_on_record(shop: Shop) -> None:
    events = (await shop.ask("GET", "/v1/fiscal/events")).json["items"]
    assert [one["kind"] for one in events] == ["start"]


async def test_a_days_sums_for_e_reporting(shop: Shop) -> None:
    paid = await sold(shop)
    day = (await shop.ask("GET", f"/v1/sales/{paid['sale_id']}")).json["receipt"]["local_minute"][:10]
    path = f"/v1/fiscal/e-reporting?day={day}"
    assert (await shop.ask("GET", path)).json["open_stations"] == [shop.station_id]
    await shop.ask("POST", f"/v1/stations/{shop.station_id}/closings", {"kind": "day"})
    told = (await shop.ask("GET", path)).json
    assert (told["open_stations"], told["closings"], told["total"]) == ([], 1, 700)
    assert told["vat"] == [{"rate": 2000, "net": 583, "vat": 117, "gross": 700}]
    assert told["means"] == [{"means": "cash", "amount": 700, "count": 1}]
    written = (await shop.ask("GET", f"/v1/fiscal/e-reporting.csv?day={day}")).content.decode()
    assert written.splitlines() == [
        "day,currency,kind,key,net,vat,amount,count",
        f"{day},EUR,vat,20.00,5.83,1.17,7.00,",
        f"{day},EUR,means,cash,,,7.00,1",
    ]


async def test_training_is_switched_and_seen(shop: Shop) -> None:
    path = f"/v1/stations/{shop.station_id}/training"
    assert (await shop.ask("POST", path, {"on": True})).json["training"] is True
    stations = (await shop.ask("GET", "/v1/stations")).json["items"]
    assert [one["training"] for one in stations if one["station_id"] == shop.station_id] == [True]
    assert (await shop.ask("POST", path, {"on": False})).json["training"] is False
