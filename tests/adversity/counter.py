"""A till at a server whose storage is about to fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from poi_engine.verify import verify
from poi_server.app import make_app
from poi_server.config import Config, Http, Storage
from poi_server.serving import Serving
from tests.server.shop import Answer, Shop

SECONDS = 40
REFUSALS = {
    (503, "storage-full"),
    (503, "storage-away"),
    (503, "commit-unknown"),
    (409, "payment-under-way"),
    (200, "unknown"),
}


class Till:
    """What a till does, over HTTP."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.keys = 0

    async def open(self) -> Answer:
        """A new session, or the refusal."""
        return await self.shop.ask("POST", f"/v1/stations/{self.shop.station_id}/session", {})

    async def accepted(self, amount: int = 1234) -> str:
        """The path of a session whose total is accepted."""
        session = (await self.open()).json
        path = f"/v1/sessions/{session['session_id']}"
        session = (await self.shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": amount}]})).json
        body = {"decision_id": session["decision_id"], "total": amount}
        answer = await self.shop.ask("POST", f"{path}/accept", body)
        assert (answer.status, answer.json["state"]) == (200, "paying")
        return path

    async def pay(self, path: str, means: str = "card", key: str = "key") -> Answer:
        """Pay what was accepted."""
        return await self.shop.ask("POST", f"{path}/pay", {"means": means}, headers={"Idempotency-Key": key})

    async def sells(self) -> None:
        """A whole sale, as soon as it is possible again."""
        async with asyncio.timeout(SECONDS):
            while (await self.open()).status != 200:
                await self.ready()
        self.keys += 1
        paid = await self.pay(await self.accepted(), key=f"again-{self.keys}")
        assert paid.json["state"] == "paid", paid.json

    async def ready(self) -> tuple[int, str]:
        """What /readyz says."""
        answer = await self.shop.ask("GET", "/readyz", role=None)
        return answer.status, answer.json["status"]

    async def sales(self) -> int:
        """How many sales there are."""
        return len((await self.shop.ask("GET", "/v1/sales")).json["items"])


@asynccontextmanager
async def serving(folder: Path, **storage: str) -> AsyncIterator[Till]:
    """A furnished server on this storage; at the end all of it is verified."""
    config = Config(http=Http(port=0), storage=Storage(data=str(folder), **storage))
    async with (
        Serving(make_app(config), config) as server,
        aiohttp.ClientSession(server.base_url, cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        shop = Shop(server, http)
        await shop.furnish()
        yield Till(shop)
        assert await verify(shop.services.sql) == []
