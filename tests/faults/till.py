"""A till that never gives up: each request is repeated, with its key, until the server has said something final."""

import asyncio
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Json = dict[str, Any]
PATIENCE_SECONDS = 60
TRIES = 400
_LATER = {429, 500, 502, 503, 504}
_FINAL = {"nothing-left", "more-than-left", "refund-declined", "day-closed"}
_BUSY = {"payment-under-way", "session-busy", "payment-unknown", "refund-under-way", "refund-unknown", "revision"}


class GaveUp(AssertionError):
    """No answer came, or one that a till has no use for."""


@dataclass
class Book:
    """What all the tills were told, by key; the server's word."""

    sales: dict[str, tuple[str, int]] = field(default_factory=dict)
    """A payment's key to the sale and its total, minor units."""
    refunds: dict[str, tuple[str, int]] = field(default_factory=dict)
    """A refund's key to its sale row and its total."""
    closings: dict[str, tuple[str, int]] = field(default_factory=dict)
    """A station to its day's closing: the hash, and its perpetual number."""
    seen: Counter[str] = field(default_factory=Counter)

    def told(self, kept: dict[str, tuple[str, int]], key: str, answer: tuple[str, int]) -> None:
        """A key is answered: the first time or as the first time."""
        before = kept.setdefault(key, answer)
        if before != answer:
            raise GaveUp(f"{key} was answered {before}, then {answer}")


class Till:
    """One counter, `home`, and the tablet beside it, `beside`, to which sessions are handed over."""

    def __init__(self, name: str, base_url: str, home: str, beside: str, card: str, book: Book, seed: str) -> None:
        self.name = name
        self.secret = ""
        self._base = base_url
        self._stations = [home, beside]
        self._card = card
        self._book = book
        self._dice = random.Random(seed)
        self._visits = 0
        self._heard: deque[str] = deque(maxlen=40)
        """What was asked and answered last."""
        self._http: aiohttp.ClientSession | None = None

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Visit after visit; the one under way is brought to its end."""
        timeout = aiohttp.ClientTimeout(total=8, sock_connect=2)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=8)) as self._http:
            while not stop.is_set():
                await self.visit()

    async def close_day(self) -> None:
        """Sell in cash once or twice, then close the day; asked again it is the same closing."""
        timeout = aiohttp.ClientTimeout(total=8, sock_connect=2)
        async with aiohttp.ClientSession(timeout=timeout) as self._http:
            await asyncio.sleep(self._dice.uniform(0, 0.4))
            for _ in range(self._dice.randint(1, 2)):
                if (session := await self._filled()) is not None:
                    await self._paid(session)
            for _ in range(2):
                closed = await self._closed()
                answer = (closed["hash"], closed["closing"]["number"])
                self._book.told(self._book.closings, self._stations[0], answer)
                self._count("closed a day")

    async def _closed(self) -> Json:
        """The day's closing, once the server has brought to its end what it was killed in."""
        for _ in range(TRIES):
            status, closed = await self.ask("POST", f"/v1/stations/{self._stations[0]}/closings", {"kind": "day"})
            if status == 200:
                return closed
            if closed.get("code") not in _BUSY:
                break
            self._count("closing waits")
            await asyncio.sleep(0.03)
        raise GaveUp(f"{self.name}: {status} {closed}")

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Json]:
        """The final answer, however often the request has to be sent."""
        assert self._http is not None
        loop = asyncio.get_running_loop()
        until, said = loop.time() + PATIENCE_SECONDS, "nothing"
        while loop.time() < until:
            headers = {"Authorization": f"Bearer {self.secret}", **({"Idempotency-Key": key} if key else {})}
            try:
                async with self._http.request(method, self._base + path, json=body, headers=headers) as answer:
                    found = await answer.json(content_type=None) or {}
                    said = f"{answer.status} {found.get('code') or found.get('state')}"
                    if answer.status not in _LATER:
                        return answer.status, found
                    self._count(said)
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                said = type(error).__name__
                self._count("no answer")
            finally:
                self._heard.append(f"{method} {path.rpartition('/')[2]}: {said}")
            await asyncio.sleep(self._dice.uniform(0.01, 0.06))
        raise GaveUp(f"{self.name}: only {said} to {method} {path} within {PATIENCE_SECONDS} s")

    # --- a visit -------------------------------------------------------------------------------------------------

    async def visit(self) -> None:
        """A customer comes, or comes back."""
        self._visits += 1
        story = self._dice.choices(("pay", "give up", "bring back", "hand over"), (62, 12, 14, 12))[0]
        if story == "bring back" and self._book.sales:
            await self.refund()
            return
        session = await self._filled()
        if session is None:
            return
        if story == "hand over":
            if self._dice.random() < 0.6:
                await self._accept(session)
                if self._dice.random() < 0.5:
                    await self._part(session)
            session = await self._handed_over(session)
        if story == "give up":
            await self._given_up(session)
        else:
            await self._paid(session)

    async def _filled(self) -> Json | None:
        """A session with a basket, and often with a customer."""
        session = await self._opened()
        amount = self._dice.randint(300, 6000)
        status, session = await self._on(session, "PUT", "basket", {"entries": [{"amount": amount}]})
        if status != 200:
            return None
        if self._dice.random() < 0.4:
            scanned = {"text": self._card}
            status, _ = await self.ask("POST", f"/v1/stations/{self._stations[0]}/scan", scanned)
            status, session = await self.ask("GET", f"/v1/sessions/{session['session_id']}")
            if status != 200:
                return None
            self._count("identified" if session.get("identity") else "not identified")
        return session

    async def _opened(self) -> Json:
        """A session to fill: one that was left in payment is brought to its end first."""
        for _ in range(TRIES):
            _, session = await self.ask("POST", f"/v1/stations/{self._stations[0]}/session", {})
            if session.get("state") in ("open", "identified", "decided", "declined"):
                return session
            if session.get("state") in ("paying", "unknown"):
                await self._on(session, "POST", "status", {})
                await self._on(session, "POST", "abandon", {})
            await asyncio.sleep(0.02)
        raise GaveUp(f"{self.name}: no session to fill: {session}, after {list(self._heard)}")

    async def _handed_over(self, session: Json) -> Json:
        """The tablet beside goes on; both may act at the same time, one wins."""
        self._count("handed over")
        body = {"station_id": self._stations[1]}
        racing = [self._on(session, "POST", "hand-over", body)]
        if self._dice.random() < 0.5:
            racing.append(self._accept(session))
        await asyncio.gather(*racing)
        _, now = await self._on(session, "GET", "")
        if now.get("station_id") == self._stations[1]:
            self._stations.reverse()
        return session

    async def _given_up(self, session: Json) -> None:
        self._count("given up")
        if self._dice.random() < 0.7:
            await self._accept(session)
            if self._dice.random() < 0.5:
                await self._part(session)
        await self._on(session, "POST", "abandon", {})

    async def _accept(self, session: Json) -> tuple[int, Json]:
        decision = session.get("decision") or {}
        body = {"decision_id": session.get("decision_id") or "", "total": decision.get("total", 0)}
        return await self._on(session, "POST", "accept", body)

    async def _part(self, session: Json) -> None:
        """A third of it, in cash or by card: the rest is due, or all of it goes back."""
        _, now = await self._on(session, "GET", "")
        if now.get("state") != "paying" or not now.get("checkout_id"):
            return
        body = {"means": self._dice.choice(("card", "cash")), "amount": max(1, now["decision"]["total"] // 3)}
        status, _ = await self._on(now, "POST", "pay", body, f"part-{now['checkout_id']}")
        self._count(f"a part of it: {status}")

    async def _paid(self, session: Json) -> None:
        """Until the sale is there: accept, pay, repeat, ask; in cash after a decline."""
        means = self._dice.choices(("card", "cash"), (80, 20))[0]
        parts = self._dice.random() < 0.2
        for _ in range(TRIES):
            status, now = await self._on(session, "GET", "")
            state = now.get("state")
            if status == 404 or state in ("abandoned", "open", "identified"):
                self._count("lost before it was accepted")
                return
            if state == "paid":
                self._sold(now)
                return
            if state in ("decided", "declined"):
                means = "cash" if state == "declined" else means
                await self._accept(now)
            elif state == "unknown":
                await self._on(now, "POST", "status", {})
            elif parts:
                parts = False
                await self._part(now)
            else:
                await self._pay(now, means)
        raise GaveUp(f"{self.name}: never paid: {now}, after {list(self._heard)}")

    async def _pay(self, session: Json, means: str) -> None:
        tenders = session.get("tenders") or []
        key = f"pay-{session['checkout_id']}-{len(tenders)}"
        declined = tenders and tenders[-1]["state"] == "declined"
        body = {"means": "cash" if declined else means}
        asking = [self._on(session, "POST", "pay", body, key) for _ in range(1 + (self._dice.random() < 0.15))]
        for status, answer in await asyncio.gather(*asking):
            if status == 200 and answer["state"] == "paid":
                self._sold(answer)
            elif status == 409 and answer.get("code") in _BUSY:
                await self._on(session, "POST", "status", {})
                await asyncio.sleep(0.03)  # a process that was killed is waited for some seconds
            elif status != 200 and answer.get("code") not in ("not-accepted", "already-paid", "idempotency-mismatch"):
                raise GaveUp(f"{self.name}: {status} {answer}, after {list(self._heard)}")

    def _sold(self, session: Json) -> None:
        self._book.told(
            self._book.sales, f"pay-{session['checkout_id']}", (session["sale_id"], session["decision"]["total"])
        )
        self._count("sold")

    async def refund(self) -> None:
        """Somebody comes back, with all of it or a part."""
        sale_id, _ = self._dice.choice(list(self._book.sales.values()))
        lines = None if self._dice.random() < 0.5 else [{"line_id": "1", "quantity": self._dice.choice((300, 500))}]
        key = f"back-{self.name}-{self._visits}"
        body = {"reason": "broken", **({"lines": lines} if lines else {})}
        for tries in range(TRIES):
            status, answer = await self.ask("POST", f"/v1/sales/{sale_id}/refunds", body, key)
            if status == 200:
                self._book.told(self._book.refunds, key, (answer["sale_id"], answer["total"]))
                self._count("refunded")
                return
            if answer.get("code") not in _BUSY:
                self._count(f"refund {answer.get('code')}")
                if answer.get("code") not in _FINAL:
                    raise GaveUp(f"{self.name}: {status} {answer}")
                return
            if answer.get("code") == "refund-unknown" and tries % 20 == 19:
                await self._by_person(sale_id)
            await asyncio.sleep(0.02)
        raise GaveUp(f"{self.name}: no end of {key}: {answer}")

    async def _by_person(self, sale_id: str) -> None:
        """A part was given back in cash, and the terminal refuses the other: somebody takes the cash back."""
        _, doubts = await self.ask("GET", f"/v1/sales/{sale_id}/refunds")
        for doubt in doubts.get("items", ()):
            path = f"/v1/sales/{sale_id}/refunds/{doubt['refund_id']}/resolve"
            await self.ask("POST", path, {"outcome": "declined", "reason": "the terminal refuses"})
            self._count("a refund ended by a person")

    async def _on(self, session: Json, method: str, act: str, body: Any = None, key: str = "") -> tuple[int, Json]:
        path = f"/v1/sessions/{session['session_id']}"
        return await self.ask(method, f"{path}/{act}" if act else path, body, key)

    def _count(self, what: str) -> None:
        self._book.seen[what] += 1
