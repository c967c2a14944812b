"""The shop floor over HTTP: who gets suggestions, and where a session can go on."""

from typing import Any

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.setup import NewStation, NewStore
from tests.engine.shop import Card
from tests.server.shop import Shop


@pytest.fixture
async def ada(shop: Shop) -> str:
    """A customer with a card."""
    made = await shop.ask("POST", "/v1/customers", {"display_name": "Ada Byron"})
    customer_id = str(made.json["customer_id"])
    await shop.ask("POST", f"/v1/customers/{customer_id}/credentials", {"scheme": "loyalty", "subject": "LOYAL-77"})
    return customer_id


async def suggestions(shop: Shop, session_id: str, role: str) -> Any:
    """What the counter is told to say."""
    return await shop.ask("GET", f"/v1/sessions/{session_id}/suggestions", role=role)


async def test_suggestions_take_a_customer_who_proved_to_be_one(shop: Shop, ada: str) -> None:
    stations = shop.services.engine.stations
    opened = await stations.open(shop.merchant_id, shop.station_id, [BasketEntry(amount=100)])
    for role in ("station", "seller", "owner"):
        answer = await suggestions(shop, opened.session_id, role)
        assert (answer.status, answer.code) == (403, "not-present")
    await stations.present(shop.merchant_id, shop.station_id, Card("ndef", "LOYAL-77"))
    for role, code in (("station", "assurance-needed"), ("seller", "not-present")):
        answer = await suggestions(shop, opened.session_id, role)
        assert (answer.status, answer.code) == (403, code), "this seller is not signed in at the station"
    await stations.identify(
        shop.merchant_id, opened.session_id, ada, scheme="poi1", assurance="authenticate", source="test"
    )
    answer = await suggestions(shop, opened.session_id, "station")
    assert (answer.status, answer.json) == (200, {"items": [], "visits": 0, "sizes": [], "objects": False})
    looked = (await shop.ask("GET", f"/v1/audit?act=view-customer&subject_id={ada}")).json["items"]
    assert [(one["who"], one["why"]) for one in looked] == [(f"station:{shop.station_id}", opened.session_id)]


async def test_where_nobody_is_signed_in_and_somebody_must_be_there_are_no_suggestions(shop: Shop, ada: str) -> None:
    session = await shop.services.engine.stations.present(shop.merchant_id, shop.station_id, Card("ndef", "LOYAL-77"))
    await shop.ask("PUT", "/v1/settings/sign-in", {"sign_in": "required", "sign_out_minutes": 30})
    assert (await suggestions(shop, session.session_id, "station")).code == "sign-in-needed"


async def test_a_session_can_go_on_at_the_other_stations_of_its_store(shop: Shop) -> None:
    setup, m = shop.services.setup, shop.merchant_id
    other = await setup.add_station(m, NewStation(store_id=shop.store_id, name="Tablet"))
    store = await setup.add_store(m, NewStore(name="Lille", zone="Europe/Paris"))
    far = await setup.add_station(m, NewStation(store_id=store.store_id, name="Far"))
    path = f"/v1/stations/{shop.station_id}/neighbours"
    found = {"station_id": other.station_id, "name": "Tablet", "free": True}
    assert (await shop.ask("GET", path, role="station")).json["items"] == [found]
    await shop.services.engine.stations.open(m, other.station_id, [BasketEntry(amount=100)])
    assert (await shop.ask("GET", path, role="station")).json["items"] == [found | {"free": False}]
    session = await shop.services.engine.stations.open(m, shop.station_id, [BasketEntry(amount=200)])
    for station_id, code in ((far.station_id, "other-store"), (other.station_id, "station-busy")):
        answer = await shop.ask(
            "POST", f"/v1/sessions/{session.session_id}/hand-over", {"station_id": station_id}, role="station"
        )
        assert (answer.status, answer.code, answer.json["path"]) == (409, code, "$.station_id")
