"""The wire to a card terminal is cut after any byte, deaf, half-closed or slow: paid, declined or unknown, and true."""

import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from poi_engine.clock import SystemClock
from poi_engine.connectors.caisse_ap.connector import CaisseApConnector
from poi_engine.connectors.caisse_ap.dialogue import Terminal
from poi_engine.connectors.caisse_ap_terminal import SimulatedTerminal
from poi_engine.connectors.sent import SentBook
from tests.adversity.proxy import Proxy, between
from tests.engine.shop import SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey
ROUNDS = 400 if os.environ.get("POI_SOAK") else 24
BYTES = 260
"""More than a payment's request and answer are together."""


@pytest.fixture
async def terminal() -> AsyncIterator[SimulatedTerminal]:
    """A terminal on the network."""
    made = SimulatedTerminal()
    yield made
    await made.close()


@pytest.fixture
async def wire(terminal: SimulatedTerminal) -> AsyncIterator[Proxy]:
    """The way to it."""
    async with between(await terminal.listen()) as proxy:
        yield proxy


@pytest.fixture
def counter(shop: Shop, wire: Proxy, tmp_path: Path) -> Shop:
    """The shop, whose terminal is at the end of that wire."""
    at = Terminal(host="127.0.0.1", port=wire.port, answer_seconds=0.3, idle_ms=40)
    shop.connectors = {"simulator": CaisseApConnector({STATION: at}, SentBook(tmp_path / "sent.db", SystemClock()))}
    shop.engine = shop.build()
    return shop


async def test_whatever_happens_on_the_wire_the_answer_is_true(
    counter: Shop, wire: Proxy, terminal: SimulatedTerminal
) -> None:
    dice, ended, sold = random.Random(20_261_122), Counter[str](), 0
    faults: list[Callable[[], None]] = [
        lambda: wire.cut_after(dice.randrange(1, BYTES)),
        lambda: wire.cut_after(dice.randrange(1, BYTES)),
        lambda: setattr(wire, "deaf", True),
        lambda: setattr(wire, "delay", 0.05),
        wire.cut,
    ]
    for number in range(ROUNDS):
        amount = 1100 + number
        accepted = await counter.accept(await counter.basket(amount))
        before = len(terminal.book)
        faults[number % len(faults)]()
        session = await counter.pay(accepted)
        wire.mend()
        taken = [one.amount for one in terminal.book[before:] if one.done and one.action == "0"]
        ended[session.state] += 1
        if session.state == "unknown":
            asked = await counter.engine.checkout.ask_status(M, session.session_id)
            if asked.state == "unknown":
                outcome = "paid" if taken else "declined"  # somebody looks at the terminal's slip
                asked = await counter.engine.resolving.payment(
                    M,
                    session.session_id,
                    outcome,
                    "the terminal's slip",
                    by=SELLER,  # type: ignore[arg-type]
                )
            session = asked
        assert taken == ([amount] if session.state == "paid" else []), (number, session.state, taken)
        sold += session.state == "paid"
        if session.state == "declined":
            await counter.engine.stations.abandon(M, session.session_id)
    assert {"paid", "unknown", "declined"} <= set(ended), ended
    assert len([one for one in terminal.book if one.done]) == sold
