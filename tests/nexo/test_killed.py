"""kill -9 in the middle of tills' payments: each till asks, is told the truth, and every sale is there once."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.nexo.messages import request
from tests.nexo.till import payment
from tests.server.process import ServerProcess, headers, verify

STATIONS = 4
ROUNDS = 25 if os.environ.get("POI_SOAK") else 1
AMOUNTS = (10.00, 10.13, 10.14, 10.05, 20.00)
"""The simulated terminal says yes, nothing (though it took it), nothing (and took nothing), no, yes."""


class Till:
    """One till at one station, one payment at a time; what it was told, and what it never heard of."""

    def __init__(self, station_id: str, secret: str) -> None:
        self.station_id = station_id
        self._headers = headers(secret)
        self._services = iter(range(1, 1_000_000))
        self.sold: dict[str, str] = {}
        self.lost: dict[str, dict[str, Any]] = {}
        self.reserved: list[dict[str, Any]] = []

    async def ask(
        self, http: aiohttp.ClientSession, category: str, body: dict[str, Any], service: str
    ) -> dict[str, Any]:
        message = request(category, body, service, POIID=self.station_id)
        async with http.post("/nexo", json=message, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            told = await answer.json()
        found: dict[str, Any] = told["SaleToPOIResponse"][f"{category}Response"]
        return found

    async def sell(self, http: aiohttp.ClientSession, dice: random.Random) -> None:
        """Sell until the server is gone."""
        while True:
            service, body = str(next(self._services)), self._next(dice)
            self.lost[service] = body
            answer = await self.ask(http, "Payment", body, service)
            if answer["Response"].get("ErrorCondition") != "InProgress":
                del self.lost[service]
                self.heard(service, answer)

    def _next(self, dice: random.Random) -> dict[str, Any]:
        """A payment, a reservation, or a reservation's completion."""
        if self.reserved:
            original = self.reserved.pop()
            return payment(dice.choice(AMOUNTS), original=original, data={"PaymentType": "Completion"})
        kind = dice.choice(("Normal", "Normal", "FirstReservation"))
        return payment(dice.choice(AMOUNTS) + 10 * (kind != "Normal"), data={"PaymentType": kind})

    def heard(self, service: str, answer: dict[str, Any]) -> None:
        """Note how a payment ended."""
        if answer["Response"]["Result"] != "Success":
            return
        if answer["PaymentResult"]["PaymentType"] == "FirstReservation":
            self.reserved.append(answer["POIData"]["POITransactionID"])
        else:
            self.sold[service] = answer["POIData"]["POITransactionID"]["TransactionID"]

    async def ask_for_the_lost(self, http: aiohttp.ClientSession) -> None:
        """Ask for each until it is no longer in progress; what never came is sent again, and may be in doubt again."""
        for service, body in list(self.lost.items()):
            reference = {"MessageReference": {"MessageCategory": "Payment", "ServiceID": service}}
            for _ in range(400):
                told = await self.ask(http, "TransactionStatus", reference, str(next(self._services)))
                condition = told["Response"].get("ErrorCondition")
                if condition is None:
                    break
                assert condition in ("InProgress", "NotFound")
                if condition == "NotFound":
                    await self.ask(http, "Payment", body, service)
                await asyncio.sleep(0.05)
            self.heard(service, told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"]["PaymentResponse"])
            del self.lost[service]


@asynccontextmanager
async def client(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(server.base_url, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield http


async def tills(server: ServerProcess) -> list[Till]:
    """Stations, and a till's credential for each."""
    made = []
    async with client(server) as http:

        async def post(path: str, body: dict[str, Any]) -> Any:
            async with http.post(path, json=body, headers=headers(server.secret)) as answer:
                assert answer.status < 300, await answer.text()
                return await answer.json()

        store = await post("/v1/stores", {"name": "Store", "zone": "Europe/Paris"})
        for number in range(STATIONS):
            station = await post("/v1/stations", {"store_id": store["store_id"], "name": f"Till {number}"})
            pairing = await post("/v1/pairings", {"role": "station", "subject_id": station["station_id"]})
            secret = pairing["url"].partition("#")[2]
            entered = await post("/v1/pairings/claim", {"secret": secret, "cookie": False})
            made.append(Till(station["station_id"], entered["secret"]))
    return made


async def sales(server: ServerProcess) -> list[str]:
    """Every sale there is."""
    found: list[str] = []
    async with client(server) as http:
        after = ""
        while True:
            path = f"/v1/sales?limit=200&after={after}"
            async with http.get(path, headers=headers(server.secret)) as answer:
                page = await answer.json()
            found += [one["sale_id"] for one in page["items"]]
            after = page.get("next")
            if not after:
                return found


@pytest.mark.valkey
@pytest.mark.timeout(900)
async def test_a_killed_server_tells_every_till_the_truth(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    server = await asyncio.to_thread(ServerProcess, tmp_path / "data")
    try:
        all_tills = await tills(server)
        for _ in range(ROUNDS):
            async with client(server) as http:
                selling = [asyncio.create_task(till.sell(http, dice)) for till in all_tills]
                await asyncio.sleep(dice.uniform(0.05, 0.6))
                await asyncio.to_thread(server.kill)
                ended = await asyncio.gather(*selling, return_exceptions=True)
                assert all(isinstance(one, aiohttp.ClientError) for one in ended), ended
            await asyncio.to_thread(server.start)
            async with client(server) as http:
                await asyncio.gather(*(till.ask_for_the_lost(http) for till in all_tills))
        async with client(server) as http:
            for till in all_tills:  # whatever was under way, all sell on
                till.lost["last"] = payment(20.00)
                await till.ask_for_the_lost(http)
                assert "last" in till.sold
        known = [sale_id for till in all_tills for sale_id in till.sold.values()]
        assert len(set(known)) == len(known)
        assert sorted(await sales(server)) == sorted(known), "every sale that a till knows, once, and no other"
    finally:
        await asyncio.to_thread(server.stop)
    checked = await asyncio.to_thread(verify, tmp_path / "data")
    assert checked.returncode == 0, checked.stdout
