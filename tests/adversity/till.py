"""A shop in a process that may be killed at any named step, and a till that repeats its requests until an answer comes.

The shop is the shipped engine on SQLite, the embedded valkey-server and the simulated terminal's book, all in one
folder. The till remembers what it knows in a file of its own, so that a process started anew goes on where the killed
one was.
"""

import asyncio
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from poi_engine.basket import BasketEntry
from poi_engine.clock import SystemClock
from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.engine import Engine
from poi_engine.errors import Conflict, PoiError
from poi_engine.ids import Ids
from poi_engine.ports import Job, PaymentResult, Query, Sql
from poi_engine.principal import Principal
from poi_engine.session import Session
from poi_engine.storage.redis import open_redis
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.storage.valkey import EmbeddedValkey
from tests.engine.shop import SELLER, STATION, M, Seen

TRIES = 40
MANAGER = Principal(merchant_id=M, access_id="acc_manager", role="manager", subject_id="slr_9")
"""Who looks the customer up: a till that is killed again and again asks more often than a seller may."""


class Killer:
    """Counts named steps and ends this process, without a goodbye, at the chosen occurrence of one."""

    def __init__(self, point: str | None) -> None:
        name, _, number = (point or "").partition("@")
        self._name, self._number = name, int(number or 1)
        self._lock = threading.Lock()
        self.armed = False
        self.seen: Counter[str] = Counter()

    def step(self, name: str) -> None:
        """A step is reached."""
        if not self.armed:
            return
        with self._lock:
            self.seen[name] += 1
            if name == self._name and self.seen[name] == self._number:
                os.kill(os.getpid(), signal.SIGKILL)
                threading.Event().wait()  # nothing more happens in this thread

    def sql_step(self, name: str) -> None:
        """A step inside the storage."""
        self.step(f"sql.{name}")


class Stored:
    """The session state; just before the next change of a session is stored, `meanwhile` happens."""

    def __init__(self, sessions: Any) -> None:
        self._sessions = sessions
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sessions, name)

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Let somebody else be faster, once."""
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return bool(await self._sessions.save(session, expected_revision=expected_revision))


class MovingClock(SystemClock):
    """The machine's clock, `ahead` seconds later."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """UTC seconds."""
        return super().now() + self.ahead


class Terminal(SimulatorConnector):
    """The simulated terminal with steps of its own around each operation; `kept_back` keeps status answers back,
    `busy` an authorisation."""

    def __init__(self, book: Path, clock: MovingClock, killer: Killer) -> None:
        super().__init__(book, clock, card="visa-credit-chip")
        self._killer = killer
        self.kept_back: asyncio.Event | None = None
        self.held = asyncio.Event()
        self.busy: asyncio.Event | None = None
        self.asked = asyncio.Event()

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Authorise, and be killed before or after the book is written."""
        self._killer.step("terminal.asked")
        self.asked.set()
        if self.busy is not None:
            await self.busy.wait()
        answer = await super().authorise(station_id, payment_ref, amount, currency, acquisition_ref)
        self._killer.step("terminal.authorised")
        return answer

    async def capture_hold(self, station_id: str, hold_ref: str, capture_ref: str, amount: int) -> PaymentResult:
        """Take of a hold, and be killed before or after the book is written."""
        self._killer.step("terminal.capture-asked")
        answer = await super().capture_hold(station_id, hold_ref, capture_ref, amount)
        self._killer.step("terminal.captured")
        return answer

    async def authorise_offline(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take a card without the bank, and be killed after the book is written."""
        answer = await super().authorise_offline(station_id, payment_ref, amount, currency, acquisition_ref)
        self._killer.step("terminal.taken")
        return answer

    async def forward(self, payment_ref: str) -> PaymentResult:
        """Charge what was taken without the bank, and be killed after the book is written."""
        answer = await super().forward(payment_ref)
        self._killer.step("terminal.forwarded")
        return answer

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Refund, and be killed before or after the book is written."""
        self._killer.step("terminal.refund-asked")
        answer = await super().refund(station_id, payment_ref, refund_ref, amount, currency)
        self._killer.step("terminal.refunded")
        return answer

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Cancel, and be killed before or after the book is written."""
        self._killer.step("terminal.cancel-asked")
        answer = await super().cancel(payment_ref)
        self._killer.step("terminal.cancelled")
        return answer

    async def status(self, payment_ref: str) -> PaymentResult:
        """The status, later when it is held back."""
        answer = await super().status(payment_ref)
        if self.kept_back is not None:
            self.held.set()
            await self.kept_back.wait()
        return answer


class Memory:
    """What the till knows, in a file that survives the process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def remember(self, name: str, value: Any) -> None:
        """Keep a value, durably."""
        self.known[name] = value
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self.known))
        fresh.replace(self._file)

    def __getitem__(self, name: str) -> Any:
        return self.known.get(name)


class Shop:
    """A running engine with its terminal, and the till's hands."""

    def __init__(
        self,
        engine: Engine,
        sql: Sql,
        sessions: Stored,
        terminal: Terminal,
        clock: MovingClock,
        memory: Memory,
        killer: Killer,
    ) -> None:
        self.engine = engine
        self.sql = sql
        self.sessions = sessions
        self.terminal = terminal
        self.clock = clock
        self.memory = memory
        self.killer = killer

    async def opened(self, *amounts: int) -> Session:
        """The till's session with these amounts and its customer; made once."""
        if self.memory["session"] is None:
            entries = [BasketEntry(amount=amount) for amount in amounts]
            session = await self.engine.stations.open(M, STATION, entries)
            found = await self.engine.clientele.search.find(M, "Ada", by=MANAGER)
            customer = found.items[0].customer_id
            session = await self.engine.stations.identify(
                M, session.session_id, customer, scheme="poi1", assurance="authenticate", source="test"
            )
            self.memory.remember("session", session.session_id)
        return await self.look()

    async def rows(self, text: str) -> list[dict[str, Any]]:
        """What a query finds."""

        def job() -> Job[list[dict[str, Any]]]:
            return [dict(row) for row in (yield Query(text))]

        return await self.sql.read(job)

    async def look(self) -> Session:
        """The till's session as it is."""
        return await self.engine.stations.get(M, self.memory["session"])

    async def accept(self) -> Session:
        """Accept what is shown."""
        session = await self.look()
        assert session.decision is not None
        return await self.engine.checkout.accept(
            M, session.session_id, session.decision_id or "", session.decision.total, by=SELLER
        )

    async def pay(self, means: str, key: str, amount: int | None = None) -> Session:
        """Pay what is due, or a part of it, as often as it takes to get an answer; the same must come each time."""
        for _ in range(TRIES):
            try:
                pay, hold = self.engine.checkout.pay, self.memory["hold"] if means == "card" else None
                session = await pay(M, self.memory["session"], means, amount, hold=hold, key=key, by=SELLER)  # type: ignore[arg-type]
            except Conflict as error:
                if error.code != "payment-under-way":
                    raise
                await asyncio.sleep(0.05)
                continue
            self._same_answer(key, session)
            return session
        raise AssertionError(f"no answer to {key}")

    def _same_answer(self, key: str, session: Session) -> None:
        """A final answer that the till was given stays the answer of its key."""
        if session.state not in ("paid", "declined", "paying"):
            return
        answer = {"state": str(session.state), "sale": session.sale_id, "checkout": session.checkout_id}
        answer |= {"due": session.due} if session.due else {}
        before = self.memory[f"answer:{key}"]
        assert before in (None, answer), f"{key} answered {before}, then {answer}"
        self.memory.remember(f"answer:{key}", answer)

    async def until_paid(self, means: str = "card", *, then: str | None = None) -> Session:
        """Bring the till's session to its sale: repeat, ask, and start again after a decline (with `then`)."""
        for _ in range(TRIES):
            session = await self.look()
            if session.state == "paid":
                return session
            if session.state == "unknown":
                await self.engine.checkout.ask_status(M, session.session_id)
                continue
            if session.state in ("decided", "declined"):
                session = await self.accept()
            paying = then if then and self.memory["declined"] else means
            session = await self.pay(paying, f"key-{session.checkout_id}")
            if session.state == "declined":
                self.memory.remember("declined", True)
        raise AssertionError("the session never reached its sale")

    async def paid_in_parts(self, total: int, parts: Sequence[tuple[str, int]]) -> Session:
        """Pay the parts one by one, each once, whatever was taken of them before; then the till goes on by itself."""
        due_after = [total - sum(amount for _, amount in parts[:number]) for number in range(len(parts) + 1)]
        for _ in range(TRIES):
            session = await self.look()
            if session.state == "unknown":
                session = await self.engine.checkout.ask_status(M, session.session_id)
            if session.state in ("decided", "declined"):
                session = await self.accept()
            if session.state != "paying" or session.due <= due_after[-1]:
                return session
            means, amount = parts[max(n for n, due in enumerate(due_after) if session.due <= due)]
            await self.pay(means, f"part-{len(session.tenders)}-{session.checkout_id}", amount)
        raise AssertionError("the parts were never paid")

    async def paid_again(self) -> None:
        """Every key answers as before, and pays nothing."""
        for name in [name for name in self.memory.known if name.startswith("answer:key-chk")]:
            for means in ("card", "cash"):
                try:
                    await self.pay(means, name.removeprefix("answer:"))
                except PoiError as error:
                    assert error.code == "idempotency-mismatch", error.code

    async def refund(self, sale_id: str, lines: Sequence[Any] | None, key: str) -> str | None:
        """Refund with a key, as often as it takes; None when the terminal declined."""
        for _ in range(TRIES):
            try:
                refund = await self.engine.checkout.refund(
                    M, sale_id, list(lines) if lines else None, "broken", key=key, by=SELLER
                )
            except Conflict as error:
                if error.code == "refund-declined":
                    return None
                if error.code not in ("refund-unknown", "refund-under-way"):
                    raise
                continue
            before = self.memory[f"refund:{key}"]
            assert before in (None, refund.sale_id)
            self.memory.remember(f"refund:{key}", refund.sale_id)
            return refund.sale_id
        raise AssertionError(f"no answer to {key}")


@asynccontextmanager
async def opened(folder: Path, killer: Killer) -> AsyncIterator[Shop]:
    """The shop's process on its folder: storage, terminal, engine, recovery."""
    memory = Memory(folder / "till.json")
    clock = MovingClock()
    clock.ahead = memory["ahead"] or 0.0
    async with EmbeddedValkey(folder) as valkey:
        sql = SqliteSql(folder / "poi.db", trace=killer.sql_step)
        sessions = Stored(open_redis(valkey.url))
        terminal = Terminal(folder / "book.db", clock, killer)
        parts = (sql, sessions, Seen(), {"simulator": terminal}, clock, Ids(clock.now))
        engine = Engine(*parts, trace=killer.step)
        killer.armed = bool(memory["recovering"])
        await engine.start()
        killer.armed = False
        try:
            yield Shop(engine, sql, sessions, terminal, clock, memory, killer)
        finally:
            await engine.close()
            await sessions.close()
            await sql.close()


def expect_paid(session: Session, total: int) -> None:
    """The session is paid, and `total` (minor units) was decided."""
    assert session.decision is not None
    assert (session.state, session.decision.total) == ("paid", total)
