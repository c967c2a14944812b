"""A person's word, recovery and the terminal's status on one payment at once: one outcome stands, the other is told.

Every step at which one of two can be overtaken is tried: the first stops there, the second runs to its end, the first
goes on. A step is each way into and out of SQL and the terminal.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from poi_engine.checkout.doubts import in_doubt
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.connectors.simulator import SimulatorConnector
from poi_engine.engine import Engine
from poi_engine.errors import Conflict, DeviceError
from poi_engine.ports import Capabilities
from poi_engine.verify import verify
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
APPROVED_UNHEARD, DECLINED_UNHEARD = 1013, 1014
_party: ContextVar[str] = ContextVar("party", default="")
SOAK = bool(os.environ.get("POI_SOAK"))
PROCESSES = [1, 2] if SOAK else [2]
NOBODY: frozenset[str] = frozenset()
TOLD_TWICE = frozenset({"not-in-doubt", "not-reversing", "undo-under-way", "another-payment"})
Act = Callable[[], Awaitable[object]]


@dataclass
class Gate:
    """Stops the party called `first` at its step number `stop`; `away`: whom the terminal does not answer."""

    stop: int = 0
    away: frozenset[str] = frozenset()
    steps: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> None:
        """One step of whoever calls."""
        if _party.get() != "first":
            return
        self.steps += 1
        if self.steps == self.stop:
            self.reached.set()
            await self.go_on.wait()


class Stepped:
    """A part of the shop, each of whose calls in `names` is a step before and after."""

    def __init__(self, of: Any, names: frozenset[str], counter: "Counters") -> None:
        self._of, self._names, self._counter = of, names, counter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        return self._stepped(found) if name in self._names else found

    def _stepped(self, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def stepped(*given: Any) -> object:
            gate = self._counter.gate
            if isinstance(self._of, SimulatorConnector) and _party.get() in gate.away:
                raise DeviceError("terminal-away", "Nobody answers.")
            await gate.step()
            answer = await call(*given)
            await gate.step()
            return answer

        return stepped


class Counters:
    """A shop whose engines, one process or two, stop where the gate says."""

    def __init__(self, shop: Shop, processes: int) -> None:
        self.shop, self.gate = shop, Gate()
        self._plain = shop.sql
        shop.sql = Stepped(shop.sql, frozenset({"read", "write"}), self)  # type: ignore[assignment]
        terminal = Stepped(shop.terminal, frozenset({"status", "cancel", "refund"}), self)
        shop.connectors = {"simulator": terminal}  # type: ignore[dict-item]
        self.here = shop.engine = shop.build(exclusive=processes == 1)
        self.there = self.here if processes == 1 else shop.build(exclusive=False)

    async def overtaken(self, first: Act, second: Act, stop: int, away: frozenset[str]) -> list[object] | None:
        """What came of both, if the first stopped at that step and was overtaken there; None: it has fewer."""
        self.gate = Gate(stop, away)
        running = asyncio.create_task(_as("first", first))
        reached = asyncio.create_task(self.gate.reached.wait())
        await asyncio.wait({running, reached}, return_when=asyncio.FIRST_COMPLETED)
        stopped = self.gate.reached.is_set()
        reached.cancel()
        late = await _as("second", second) if stopped else None
        self.gate.go_on.set()
        early = await running
        self.gate = Gate()
        return [early, late] if stopped else None

    async def settled(self) -> None:
        """Everybody is heard again, and recovery has run."""
        for _ in range(2):
            self.shop.clock.forward(60)
            await self.here.recovery.run()
        assert await self.shop.sql.read(lambda: in_doubt(M)) == []

    async def close(self) -> None:
        """Every book agrees."""
        assert await verify(self._plain) == []


async def _as(party: str, act: Act) -> object:
    _party.set(party)
    try:
        return await asyncio.create_task(_awaited(act))
    except Conflict as error:
        return error


async def _awaited(act: Act) -> object:
    return await act()


@pytest.fixture(params=PROCESSES, ids="{} processes".format)
async def counter(shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Counters]:
    """The shop, in one process or two."""
    made = Counters(shop, request.param)
    yield made
    await made.close()


def codes(ended: list[object]) -> set[str]:
    """What the two were refused with."""
    return {one.code for one in ended if isinstance(one, Conflict)}


async def states(shop: Shop, checkout_id: str) -> list[object]:
    """The states of a checkout's payments."""
    rows = await shop.rows("select state from payment where checkout_id = ?", (checkout_id,))
    return [row["state"] for row in rows]


async def audited(shop: Shop, *acts: str) -> list[str]:
    """The acts like these in the audit."""
    found = []
    for act in acts:
        found += await shop.rows("select act from audit where act like ?", (act,))
    return sorted(str(row["act"]) for row in found)


# --- what is in doubt ------------------------------------------------------------------------------------------------


async def _doubtful(counter: Counters, amount: int) -> tuple[str, str]:
    session = await counter.shop.sell(amount)
    counter.shop.clock.forward(60)
    assert session.state == "unknown"
    return session.session_id, session.checkout_id or ""


def _acts(counter: Counters, session_id: str) -> dict[str, Act]:
    here, there = counter.here, counter.there

    def said(engine: Engine, outcome: str) -> Act:
        return lambda: engine.resolving.payment(M, session_id, outcome, "the slip", by=SELLER)  # type: ignore[arg-type]

    return {
        "paid": said(here, "paid"),
        "declined": said(here, "declined"),
        "another person": said(there, "declined"),
        "recovery": lambda: there.recovery.run(grace=there.wiring.grace),
        "status": lambda: there.checkout.ask_status(M, session_id),
        "abandon": lambda: there.stations.abandon(M, session_id, by=SELLER),
    }


WORDS = [("paid", "status"), ("recovery", "declined"), ("declined", "recovery"), ("paid", "another person")]
if SOAK:
    WORDS += [("declined", "status"), ("paid", "recovery"), ("declined", "another person"), ("declined", "abandon")]
    WORDS = sorted({*WORDS, *((second, first) for first, second in WORDS)})


@pytest.mark.parametrize("amount", [APPROVED_UNHEARD, DECLINED_UNHEARD] if SOAK else [APPROVED_UNHEARD])
@pytest.mark.parametrize("pair", WORDS, ids=" then ".join)
async def test_one_word_on_a_payment_in_doubt_stands(counter: Counters, pair: tuple[str, str], amount: int) -> None:
    stop, shop = 0, counter.shop
    while True:
        stop += 1
        session_id, checkout_id = await _doubtful(counter, amount)
        acts, before = _acts(counter, session_id), await audited(shop, "resolve-%")
        ended = await counter.overtaken(acts[pair[0]], acts[pair[1]], stop, NOBODY)
        await counter.settled()
        said = Counter(await audited(shop, "resolve-%")) - Counter(before)
        assert said.total() <= 1, "two words stand"
        assert codes(ended or []) <= {*TOLD_TWICE, "payment-under-way", "illegal-move"}
        words = [name for name in pair if name in ("paid", "declined", "another person")]
        refused = [one for name, one in zip(pair, ended or [], strict=False) if name in words and _is_refused(one)]
        assert ended is None or len(refused) == len(words) - said.total(), "whoever's word does not stand is told so"
        await _agrees(shop, checkout_id, said)
        session = await shop.engine.stations.get(M, session_id)
        if session.state in ("declined", "decided"):
            await shop.engine.stations.abandon(M, session_id, by=SELLER)
        if ended is None:
            break
    assert stop > 2


def _is_refused(one: object) -> bool:
    return isinstance(one, Conflict)


async def _agrees(shop: Shop, checkout_id: str, said: Counter[str]) -> None:
    [payment] = await shop.rows("select payment_id, state from payment where checkout_id = ?", (checkout_id,))
    sold = bool(await shop.rows("select sale_id from sale where checkout_id = ?", (checkout_id,)))
    [there] = [one for one in await shop.operations() if one.reference == payment["payment_id"]]
    stands = there.approved and not there.cancelled
    assert sold == (payment["state"] == "captured"), "a sale and its money, or neither"
    if "resolve-paid" in said:
        assert sold, "what a person said was paid is sold"
    elif "resolve-declined" in said:
        assert not sold
    if "resolve-paid" not in said:
        assert sold == stands, "the terminal's book says the same"


# --- what is to go back ----------------------------------------------------------------------------------------------


async def _reversing(counter: Counters, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(counter.shop.terminal, "capabilities", Capabilities(cancel=False, refund=False))
        session_id, _ = await _doubtful(counter, APPROVED_UNHEARD)
        await counter.here.resolving.payment(M, session_id, "declined", "no slip", by=SELLER)
        await counter.here.stations.abandon(M, session_id, by=SELLER)
    counter.shop.clock.forward(60)
    (waiting,) = await counter.shop.sql.read(lambda: in_doubt(M))
    return waiting.payment_id or ""


@pytest.mark.parametrize("away", ["person", "nobody", "recovery"] if SOAK else ["person"])
@pytest.mark.parametrize("pair", [("person", "recovery"), ("recovery", "person"), ("person", "person")], ids=str)
async def test_what_goes_back_goes_back_once(
    counter: Counters, pair: tuple[str, str], away: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal undoes it, or a person did by hand: never both, whomever the terminal answers."""
    stop, shop = 0, counter.shop
    unheard = frozenset(name for name, who in zip(("first", "second"), pair, strict=True) if who == away)
    while True:
        stop += 1
        payment_id = await _reversing(counter, monkeypatch)
        before = await audited(shop, "reversing-%", "undo-payment")

        def person(payment_id: str = payment_id) -> Awaitable[object]:
            return counter.here.resolving.reversing(M, payment_id, "reversed", "by cash", by=SELLER)

        acts: dict[str, Act] = {"person": person, "recovery": lambda: counter.there.recovery.run(grace=1)}
        ended = await counter.overtaken(acts[pair[0]], acts[pair[1]], stop, unheard)
        await counter.settled()
        done = Counter(await audited(shop, "reversing-%", "undo-payment")) - Counter(before)
        assert done.total() == 1, "it went back once"
        assert codes(ended or []) <= TOLD_TWICE
        persons = [one for who, one in zip(pair, ended or [], strict=False) if who == "person"]
        stood = [one for one in persons if not _is_refused(one)]
        assert ended is None or len(stood) == done["reversing-reversed"], "whoever's word does not stand is told so"
        [there] = [one for one in await shop.operations() if one.reference == payment_id]
        assert there.cancelled == ("undo-payment" in done), "the terminal gave back what nobody else did"
        if ended is None:
            break
    assert stop > 3


@pytest.mark.parametrize("stop", [5, 6, 9])
async def test_a_restart_in_the_midst_of_a_persons_word_undoes_it_and_leaves_nothing_to_say(
    shop: Shop, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever held it is gone: the process that starts next goes on at once."""
    counter = Counters(shop, 1)
    payment_id = await _reversing(counter, monkeypatch)
    counter.gate = Gate(stop)
    act = lambda: counter.here.resolving.reversing(M, payment_id, "reversed", "by cash", by=SELLER)  # noqa: E731
    killed = asyncio.create_task(_as("first", act))
    await counter.gate.reached.wait()
    await shop.restart()
    assert await shop.rows("select state from payment where payment_id = ?", (payment_id,)) == [{"state": "reversed"}]
    counter.gate.go_on.set()
    late = await killed
    assert isinstance(late, Conflict) and late.code == "not-reversing"
    assert await audited(shop, "reversing-%", "undo-payment") == ["undo-payment"]
    await counter.close()


# --- refunds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["refunded", "declined"] if SOAK else ["declined"])
@pytest.mark.parametrize("order", ["person first", "recovery first"] if SOAK else ["recovery first"])
async def test_one_word_on_a_refund_in_doubt_stands(counter: Counters, outcome: str, order: str) -> None:
    stop, shop = 0, counter.shop
    while True:
        stop += 1
        sale_id = (await shop.sell(2087, APPROVED_UNHEARD)).sale_id or ""
        line = [ReturnedLine(line_id="2", quantity=1000)]
        with pytest.raises(Conflict):
            await counter.here.checkout.refund(M, sale_id, line, "broken", key=shop.key(), by=SELLER)
        (doubt,) = await counter.here.checkout.refunds.in_doubt(M, sale_id)
        shop.clock.forward(60)
        before = await audited(shop, "resolve-refund%")

        def person(sale_id: str = sale_id, refund_id: str = doubt.refund_id) -> Awaitable[object]:
            say = counter.here.resolving.refund
            return say(M, sale_id, refund_id, outcome, "the slip", by=SELLER)  # type: ignore[arg-type]

        acts: list[Act] = [person, lambda: counter.there.recovery.run(grace=1)]
        acts = acts if order == "person first" else acts[::-1]
        ended = await counter.overtaken(acts[0], acts[1], stop, NOBODY)
        await counter.settled()
        said = Counter(await audited(shop, "resolve-refund%")) - Counter(before)
        assert codes(ended or []) <= {"not-in-doubt"}
        assert ended is None or bool(said) != bool(codes(ended)), "it stands, or whoever said it is told"
        gone = (await shop.engine.sales.get(M, sale_id)).refunded
        assert gone == (0 if "resolve-refund-declined" in said else APPROVED_UNHEARD)
        [there] = [one for one in await shop.operations() if one.kind == "refund" and one.reference.startswith("pay_")][
            -1:
        ]
        assert there.cancelled == (gone == 0)
        if ended is None:
            break
    assert stop > 3
