"""A phone that comes, or comes back, while its customer is served finds the session in what it loads first."""

import asyncio
from pathlib import Path

import pytest

from tests.server.shop import Shop, open_shop
from tests.servers import ValkeyServer

pytestmark = pytest.mark.valkey


async def test_me_has_the_session_until_it_ends(shop: Shop) -> None:
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["session"] is None
    code = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/join-code", {}, role="station")).json
    joining = {"station_id": shop.station_id, "token": code["url"].rpartition("#")[2]}
    joined = await shop.ask("POST", "/v1/me/join", joining, role="phone")
    assert joined.status == 200, joined.json
    path = f"/v1/sessions/{joined.json['session_id']}"
    session = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": 1000}]}, role="station")).json
    seen = (await shop.ask("GET", "/v1/me", role="phone")).json["session"]
    assert (seen["session_id"], seen["state"], seen["total"]) == (joined.json["session_id"], "decided", 1000)
    body = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", body, role="station")
    key = {"Idempotency-Key": session["session_id"]}
    await shop.ask("POST", f"{path}/pay", {"means": "cash"}, role="station", headers=key)
    assert (await shop.ask("GET", "/v1/me", role="phone")).json["session"] is None


@pytest.mark.usefixtures("sqlite_url")  # lays the migrated file into the folder
async def test_me_is_answered_without_redis(tmp_path: Path) -> None:
    valkey = ValkeyServer()
    try:
        async with open_shop(tmp_path, valkey.url) as shop:
            assert (await shop.ask("GET", "/v1/me", role="phone")).status == 200
            await asyncio.to_thread(valkey.stop)
            me = await shop.ask("GET", "/v1/me", role="phone")
            assert (me.status, me.json["session"]) == (200, None)
    finally:
        await asyncio.to_thread(valkey.remove)
