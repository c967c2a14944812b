"""A payment's request, and its answer, cut after any byte: the till asks again with its key, and has paid once."""

import json
import os
import random
from pathlib import Path

import aiohttp
import pytest

from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from poi_server.app import make_app
from poi_server.config import Config, Http, Storage
from poi_server.serving import Serving
from tests.adversity.http_proxy import Fate, HttpProxy, between_requests
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey
CUTS = None if os.environ.get("POI_SOAK") else 12
"""How many places of each kind are tried; None: every byte."""
KINDS = ("is cut", "has its answer cut")
TOTAL = 1234


class Cutter:
    """Cuts the next payment, once."""

    def __init__(self) -> None:
        self.kind, self.place = "passes", 0

    def __call__(self, request: bytes) -> tuple[str, int]:
        """The fate of a request."""
        if b"/pay " not in request.partition(b"\r\n")[0] or self.kind == "passes":
            return "passes", 0
        kind, self.kind = self.kind, "passes"
        return kind, self.place


async def accepted(shop: Shop) -> str:
    """The path of a session whose total is accepted."""
    session = (await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {})).json
    path = f"/v1/sessions/{session['session_id']}"
    session = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": TOTAL}]})).json
    await shop.ask("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": TOTAL})
    return path


async def paid(shop: Shop, proxy: HttpProxy, path: str, key: str) -> tuple[dict[str, object], int]:
    """The answer, whole, and after how many tries."""
    headers = {"Authorization": f"Bearer {shop.secrets['owner']}", "Idempotency-Key": key}
    for tries in range(1, 20):
        try:
            async with shop.http.post(f"{proxy.base_url}{path}/pay", json={"means": "card"}, headers=headers) as answer:
                told = json.loads(await answer.read())
        except (aiohttp.ClientError, ValueError):
            continue
        if answer.status == 200:
            return told, tries
        assert told["code"] == "payment-under-way", told
    raise AssertionError("no answer")


async def test_cut_after_any_byte(valkey_url: str, tmp_path: Path) -> None:
    config = Config(http=Http(port=0), storage=Storage(data=str(tmp_path), redis=valkey_url))
    cutter, sales = Cutter(), 0
    fate: Fate = cutter
    async with (
        Serving(make_app(config), config) as server,
        aiohttp.ClientSession(server.base_url, cookie_jar=aiohttp.DummyCookieJar()) as http,
        between_requests(server.port, fate) as proxy,
    ):
        shop = Shop(server, http)
        await shop.furnish()
        for kind in KINDS:
            for place in places(kind):
                path = await accepted(shop)
                cutter.kind, cutter.place = kind, place
                told, tries = await paid(shop, proxy, path, f"key-{sales}")
                sales += 1
                assert (told["state"], tries > 1) == ("paid", True), (kind, place, told)
        assert await shop.services.sql.read(count) == sales
        assert await verify(shop.services.sql) == []


def count() -> Job[int]:
    """How many sales there are."""
    return int((yield Query("select count(*) as n from sale"))[0]["n"])


def places(kind: str) -> list[int]:
    """Bytes of a request of some 350, of an answer of some 1,500."""
    last = 330 if kind == "is cut" else 1500
    return list(range(last)) if CUTS is None else sorted(random.Random(kind).sample(range(last), CUTS))
