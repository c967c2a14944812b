"""Tills that speak nexo sell while their messages are lost, doubled, cut, late, and overtake each other.

A till that hears nothing asks with TransactionStatus, and sends its message again only when the server has never seen
it. The same message has the same answer for ever, whichever of its copies comes first.
"""

import asyncio
import random
from typing import Any

import aiohttp

from tests.adversity.http_proxy import between_requests, by_seed
from tests.faults.audit import audited
from tests.faults.place import Place, grounds
from tests.faults.plan import Outcome, Plan
from tests.faults.till import TRIES, Book, GaveUp
from tests.nexo.messages import request
from tests.nexo.till import payment, sale_data

Json = dict[str, Any]
TILLS = 4
ROUND_SECONDS = 1.5


async def run(plan: Plan, made: Outcome) -> None:
    """As many rounds as the plan says."""
    async with grounds(plan.folder, plan.storage) as ground:
        place, book = await ground.place(), Book()
        assert await place.start()
        tills = [NexoTill(number, place, book, plan.seed) for number in range(TILLS)]
        for till in tills:
            await till.pair()
        async with between_requests(place.port, by_seed(random.Random(f"{plan.seed} nexo"))) as proxy:
            try:
                while made.times < plan.times and not plan.over:
                    stop = asyncio.Event()
                    asyncio.get_running_loop().call_later(ROUND_SECONDS, stop.set)
                    await asyncio.gather(*(till.serve_until(stop, proxy.base_url) for till in tills))
                    async with place.sql() as sql:
                        made.sales = await audited(sql, place.folder, book)
                    made.times += 1
                    plan.say(f"{made.times:,} of {plan.times:,} rounds, {made.sales:,} sales")
            finally:
                made.repeated = book.seen["no answer"]
                made.seen.update(book.seen)
                made.seen.update({f"a message {fate}": often for fate, often in proxy.met.items()})


class NexoTill:
    """One till at one station, one message at a time."""

    def __init__(self, number: int, place: Place, book: Book, seed: int) -> None:
        self._place = place
        self._station = place.stations[number]
        self._book = book
        self._dice = random.Random(f"{seed} nexo {number}")
        self._name = f"n{number}-"
        self._services = 0
        self._secret = ""
        self._sold: list[Json] = []
        self._http: aiohttp.ClientSession | None = None

    async def pair(self) -> None:
        """Get the station's credential."""
        headers = {"Authorization": f"Bearer {self._place.secret}"}
        async with aiohttp.ClientSession(self._place.base_url) as http:
            invitation = {"role": "station", "subject_id": self._station}
            async with http.post("/v1/pairings", json=invitation, headers=headers) as answer:
                claimed = {"secret": (await answer.json())["secret"], "cookie": False}
            async with http.post("/v1/pairings/claim", json=claimed) as answer:
                self._secret = (await answer.json())["secret"]

    async def serve_until(self, stop: asyncio.Event, base_url: str) -> None:
        """Sell and reverse; what was begun is brought to its end."""
        headers, timeout = {"Authorization": f"Bearer {self._secret}"}, aiohttp.ClientTimeout(total=8)
        async with aiohttp.ClientSession(base_url, headers=headers, timeout=timeout) as self._http:
            while not stop.is_set():
                if self._sold and self._dice.random() < 0.2:
                    await self._reverse(self._sold.pop(self._dice.randrange(len(self._sold))))
                else:
                    await self._sell()

    async def _sell(self) -> None:
        service = self._service()
        answer = await self._ended("Payment", payment(self._dice.randint(300, 6000) / 100), service)
        if answer["Response"]["Result"] == "Success":
            number = answer["POIData"]["POITransactionID"]
            total = _cents(answer["PaymentResult"]["AmountsResp"]["AuthorizedAmount"])
            self._book.told(self._book.sales, service, (number["TransactionID"], total))
            self._sold.append(number)
        self._count(f"payment {answer['Response'].get('ErrorCondition', 'made')}")

    async def _reverse(self, number: Json) -> None:
        service = self._service()
        body = {
            "SaleData": sale_data(),
            "OriginalPOITransaction": {"POITransactionID": number},
            "ReversalReason": "MerchantCancel",
        }
        answer = await self._ended("Reversal", body, service)
        if answer["Response"]["Result"] == "Success":
            refund = answer["POIData"]["POITransactionID"]["TransactionID"]
            self._book.told(self._book.refunds, service, (refund, -_cents(answer["ReversedAmount"])))
        self._count(f"reversal {answer['Response'].get('ErrorCondition', 'made')}")

    async def _ended(self, category: str, body: Json, service: str) -> Json:
        """A message's final answer: heard at once, or asked for; never sent anew under another name."""
        answer = await self._ask(category, body, service)
        for _ in range(TRIES):
            if answer is not None and answer["Response"].get("ErrorCondition") != "InProgress":
                again = await self._ask(category, body, service) if self._dice.random() < 0.2 else None
                if again not in (None, answer):
                    raise GaveUp(f"{service} was answered {answer}, then {again}")
                return answer
            await asyncio.sleep(0.03)
            answer = await self._became(category, body, service)
        raise GaveUp(f"no end of {service}: {answer}")

    async def _became(self, category: str, body: Json, service: str) -> Json | None:
        about = {"MessageReference": {"MessageCategory": category, "ServiceID": service}}
        told = await self._ask("TransactionStatus", about, self._service())
        if told is None:
            return None
        condition = told["Response"].get("ErrorCondition")
        self._count(f"status {condition or 'known'}")
        if condition == "NotFound":
            return await self._ask(category, body, service)
        if condition is not None:
            return told
        found: Json = told["RepeatedMessageResponse"]["RepeatedResponseMessageBody"][f"{category}Response"]
        return found

    async def _ask(self, category: str, body: Json, service: str) -> Json | None:
        assert self._http is not None
        message = request(category, body, service, POIID=self._station, SaleID=self._name)
        try:
            async with self._http.post("/nexo", json=message) as answer:
                told = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            self._count("no answer")
            return None
        assert answer.status == 200, told
        found: Json = told["SaleToPOIResponse"][f"{category}Response"]
        return found

    def _service(self) -> str:
        self._services += 1
        return f"{self._name}{self._services}"

    def _count(self, what: str) -> None:
        self._book.seen[what] += 1


def _cents(amount: float) -> int:
    return round(amount * 100)
