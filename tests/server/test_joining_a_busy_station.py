"""A phone that scans a station's code while the station is paying is paired all the same."""

import pytest

from tests.server.shop import Shop

pytestmark = pytest.mark.valkey


async def test_the_phone_keeps_the_credential_its_code_was_used_up_for(shop: Shop) -> None:
    station = f"/v1/stations/{shop.station_id}"
    code = (await shop.ask("POST", f"{station}/join-code", {}, role="station")).json
    secret = code["url"].rpartition("=")[2].rpartition("#")[2]
    session = (await shop.ask("POST", f"{station}/session", {}, role="station")).json
    path = f"/v1/sessions/{session['session_id']}"
    session = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": 1000}]}, role="station")).json
    body = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    assert (await shop.ask("POST", f"{path}/accept", body, role="station")).status == 200
    claimed = await shop.ask("POST", "/v1/pairings/claim", {"secret": secret, "cookie": False}, role=None)
    assert claimed.status == 200, claimed.json
    assert claimed.json["device"]
    me = await shop.ask("GET", "/v1/me", role=claimed.json["secret"])
    assert me.json["customer_id"] == claimed.json["customer_id"]
    paying = await shop.ask("GET", path, role="station")
    assert paying.json["identity"] is None, "who joins later is not the one who accepted"
