"""A whole server on an unused loopback port with real storage, and one credential of every role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
from multidict import CIMultiDictProxy

from poi_engine.ports import Job, Query
from poi_engine.principal import Principal, Scope
from poi_engine.setup import NewStation, NewStore
from poi_engine.staff.sellers import NewSeller
from poi_server.app import STARTED, make_app
from poi_server.config import Config, Http, Storage
from poi_server.services import SERVICES
from poi_server.serving import Serving

BY = Principal(merchant_id="-", access_id="acc_test", role="owner", subject_id="test")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: CIMultiDictProxy[str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.content)

    @property
    def code(self) -> str:
        """The problem's code, or nothing."""
        problem = self.headers.get("Content-Type", "").startswith("application/problem+json")
        return str(self.json["code"]) if problem else ""


class Shop:
    """A running server with a store, a station, a staff, a customer's phone, and their secrets by role."""

    def __init__(self, serving: Serving, http: aiohttp.ClientSession) -> None:
        self.serving = serving
        self.http = http
        self.services = serving.app[SERVICES]
        self.merchant_id = serving.app[STARTED].merchant_id
        self.secrets: dict[str, str] = {}
        self.store_id = self.station_id = self.customer_id = ""
        self.seller_id = self.manager_id = self.auditor_id = ""

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return self.serving.base_url

    async def furnish(self) -> None:
        """Set up a store and one of everybody."""
        m, setup, access = self.merchant_id, self.services.setup, self.services.access
        self.secrets["owner"] = self.serving.app[STARTED].first_secret or ""
        self.store_id = (await setup.add_store(m, NewStore(name="Store", zone="Europe/Paris"))).store_id
        station = await setup.add_station(m, NewStation(store_id=self.store_id, name="Counter 1"))
        self.station_id = station.station_id
        self.seller_id = (await self.services.sellers.add(m, NewSeller(name="Ada", refund_limit=None), by=BY)).seller_id
        people = self.services.sellers
        self.manager_id = (await people.add(m, NewSeller(name="Grace", role="manager"), by=BY)).seller_id
        self.auditor_id = (await people.add(m, NewSeller(name="Edsger", role="auditor"), by=BY)).seller_id
        for role, subject in (
            ("seller", self.seller_id),
            ("manager", self.manager_id),
            ("auditor", self.auditor_id),
            ("station", self.station_id),
        ):
            self.secrets[role] = (await access.grant(m, role, subject, role, by=BY)).secret  # type: ignore[arg-type]
        phone = await access.claim((await access.invite(m, "phone", "")).secret)
        self.secrets["phone"], self.customer_id = phone.secret, phone.principal.subject_id
        self.secrets["partner"] = await self.partner()

    async def partner(self, *scopes: Scope, merchant_id: str | None = None) -> str:
        """A partner's secret."""
        grant = self.services.access.grant
        return (await grant(merchant_id or self.merchant_id, "partner", "par_x", "app", scopes=scopes, by=BY)).secret

    async def other_merchant(self, merchant_id: str = "mer_other") -> str:
        """A second merchant in the same storage, with an owner; answers the owner's secret."""
        columns = "merchant_id, name, currency, language, settings, created_at"

        def job() -> Job[None]:
            values = (merchant_id, "Other", "EUR", "en", "{}", 0)
            yield Query(f"insert into merchant ({columns}) values (?, ?, ?, ?, ?, ?)", values)

        await self.services.sql.write(job)
        return (await self.services.access.grant(merchant_id, "owner", "owner", "owner", by=BY)).secret

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str | None = "owner",
        headers: dict[str, str] | None = None,
        data: Any = None,
    ) -> Answer:
        """Send a JSON body (or `data` as it is) with the role's secret; None sends no credential."""
        sent = {"Authorization": f"Bearer {self.secrets.get(role, role)}"} if role else {}
        if body is not None:
            data, sent["Content-Type"] = msgspec.json.encode(body), "application/json"
        merged = sent | (headers or {})
        async with self.http.request(method, path, data=data, headers=merged, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def raw(self, sent: bytes, *, then: float = 0.0, more: bytes = b"") -> bytes:
        """What the server answers to these bytes before it closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.serving.port)
        try:
            writer.write(sent)
            if more:
                await asyncio.sleep(then)
                writer.write(more)
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def open_shop(folder: Path, redis_url: str, *, sql: str = "", **sections: Any) -> AsyncIterator[Shop]:
    """A furnished server on `folder`, or the database `sql`; `sections` replace parts of the configuration."""
    sections.setdefault("http", Http(port=0))
    config = Config(storage=Storage(data=str(folder), sql=sql, redis=redis_url), **sections)
    async with Serving(make_app(config), config) as serving:
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(serving.base_url, cookie_jar=jar) as http:
            shop = Shop(serving, http)
            await shop.furnish()
            yield shop
