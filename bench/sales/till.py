"""The tills: one process that sells over many connections, cheaply enough never to be what is measured.

    python -m bench.sales.till < plan.json > sold.json

A sale is what a till does: the customer's card is scanned, the basket is set, the total accepted, the card charged. It
is four requests, or (`whole`) one that asks for all of it.
Each connection is one station's and makes one sale after the other; or, at a pace, sales come due by the clock and the
time of each counts from then, so that waiting for a free station counts too.
"""

import asyncio
import secrets
import sys
import time
from collections import deque
from typing import cast

import msgspec
import uvloop
from msgspec import Struct

_AT_MOST = 1_000_000_000
_RUN = secrets.token_hex(8)


class Plan(Struct, frozen=True, kw_only=True):
    """What to do. Times are seconds of the clock that all processes share; `pace` is sales a second, 0: all it can.

    `baskets` are bodies of `PUT .../basket`, `cards` the texts of loyalty cards; `silent` ends such a body where nobody
    reads why other offers do not hold.
    """

    host: str
    port: int
    secret: str
    stations: tuple[str, ...]
    baskets: tuple[str, ...]
    cards: tuple[str, ...]
    begin: float
    end: float
    pace: float = 0.0
    whole: bool = False
    silent: str = "}"


class Sold(Struct, frozen=True, kw_only=True):
    """What was done: seconds of each sale that ended between `begin` and `end`, all the sales, own CPU seconds."""

    times: tuple[float, ...]
    made: int
    cpu: float


class _Decision(Struct, frozen=True):
    total: int


class _Session(Struct, frozen=True):
    session_id: str
    state: str
    decision_id: str | None = None
    decision: _Decision | None = None


class _Seen(Struct, frozen=True):
    session: _Session


_session = msgspec.json.Decoder(_Session).decode
_seen = msgspec.json.Decoder(_Seen).decode


class Shift:
    """The sales that are due, for whichever station is free."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.times: list[float] = []
        self.made = 0
        self.number = 0
        self._due: deque[float] = deque()
        self._idle: deque[Lane] = deque()

    def next(self, lane: "Lane") -> None:
        """Give the station its next sale, or let it wait, or end its day."""
        now = time.monotonic()
        if now >= self.plan.end:
            lane.stop()
        elif not self.plan.pace:
            lane.start(now)
        elif self._due:
            lane.start(self._due.popleft())
        else:
            self._idle.append(lane)

    def done(self, since: float) -> None:
        """A sale is paid."""
        now = time.monotonic()
        self.made += 1
        if self.plan.begin <= now < self.plan.end:
            self.times.append(now - since)

    async def keep_pace(self) -> None:
        """Let sales come due by the clock."""
        due = time.monotonic()
        while due < self.plan.end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            while due <= time.monotonic():
                if self._idle:
                    self._idle.popleft().start(due)
                else:
                    self._due.append(due)
                due += 1 / self.plan.pace
        while self._idle:
            self._idle.popleft().stop()


class Lane(asyncio.Protocol):
    """One station's connection."""

    def __init__(self, shift: Shift, station: str, closed: "asyncio.Future[None]") -> None:
        self._shift = shift
        self._station = station
        self._closed = closed
        self._data = b""
        self._wanted = 0
        self._step = 0
        self._since = 0.0
        self._number = 0
        self._session = ""
        self._transport: asyncio.Transport | None = None
        plan = shift.plan
        self._head = (
            f"Host: {plan.host}:{plan.port}\r\nAuthorization: Bearer {plan.secret}\r\n"
            "Content-Type: application/json\r\n"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it
        self._shift.next(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """The server went away, unless this station's day is over."""
        if not self._closed.done():
            self._closed.set_exception(RuntimeError("the server closed the connection"))

    def stop(self) -> None:
        """Close the connection."""
        if not self._closed.done():
            self._closed.set_result(None)
        if self._transport is not None:
            self._transport.close()

    def start(self, since: float) -> None:
        """Begin a sale that was due at `since`."""
        self._since, self._step = since, 0
        self._number = self._shift.number
        self._shift.number += 1
        plan = self._shift.plan
        card, station = plan.cards[self._number % len(plan.cards)], f"/v1/stations/{self._station}"
        if not plan.whole:
            self._send("POST", f"{station}/scan", f'{{"text":"{card}"}}')
            return
        self._step = 3
        basket = plan.baskets[self._number % len(plan.baskets)]
        wish = f'{{"credential":"{card}","accept_up_to":{_AT_MOST},"means":"card",{basket[1:]}'
        self._send("POST", f"{station}/sale", wish, f"Idempotency-Key: {_RUN}-{self._station}-{self._number}\r\n")

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer, then take the next step."""
        self._data = self._data + data if self._data else data
        if not self._wanted:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._data[:end].lower()
            if not head.startswith(b"http/1.1 200"):
                self._fail(self._data)
                return
            at = head.index(b"content-length:") + 15
            self._wanted = end + 4 + int(head[at : at + 12].split(b"\r", 1)[0])
            self._begins = end + 4
        if len(self._data) >= self._wanted:
            body, self._data, self._wanted = self._data[self._begins : self._wanted], b"", 0
            self._answered(body)

    def _answered(self, body: bytes) -> None:
        self._step += 1
        if self._step == 1:
            self._session = _seen(body).session.session_id
            baskets = self._shift.plan.baskets
            basket = baskets[self._number % len(baskets)]
            self._send("PUT", f"/v1/sessions/{self._session}/basket", basket[:-1] + self._shift.plan.silent)
            return
        session = _session(body)
        if self._step == 2 and session.decision is not None:
            accepted = f'{{"decision_id":"{session.decision_id}","total":{session.decision.total}}}'
            self._send("POST", f"/v1/sessions/{self._session}/accept", accepted)
        elif self._step == 3:
            key = f"Idempotency-Key: {self._session}\r\n"
            self._send("POST", f"/v1/sessions/{self._session}/pay", '{"means":"card"}', key)
        elif session.state == "paid":
            self._shift.done(self._since)
            self._shift.next(self)
        else:
            self._fail(body)

    def _send(self, method: str, path: str, body: str, more: str = "") -> None:
        assert self._transport is not None
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{more}Content-Length: {len(body)}\r\n\r\n"
        self._transport.write((head + body).encode())

    def _fail(self, answer: bytes) -> None:
        if not self._closed.done():
            self._closed.set_exception(RuntimeError(answer[:600].decode(errors="replace")))


async def sell(plan: Plan) -> Sold:
    """Sell until the plan's end."""
    loop, shift = asyncio.get_running_loop(), Shift(plan)
    closed = []
    for station in plan.stations:
        ended: asyncio.Future[None] = loop.create_future()
        closed.append(ended)
        await loop.create_connection(lambda s=station, e=ended: Lane(shift, s, e), plan.host, plan.port)  # type: ignore[misc]
    if plan.pace:
        await shift.keep_pace()
    await asyncio.gather(*closed)
    return Sold(times=tuple(shift.times), made=shift.made, cpu=time.process_time())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(sell(plan))))
