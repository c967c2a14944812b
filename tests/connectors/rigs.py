"""Each connector with its device, driven alike: what the contract asks of all of them is asked through these."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path

from poi_engine.clock import SystemClock
from poi_engine.connectors.caisse_ap_terminal import SimulatedTerminal
from poi_engine.connectors.nexo_simulator import SimulatedNexoTerminal
from poi_engine.connectors.simulator_book import SimulatorBook
from poi_engine.nexo.crypto import SecurityKey
from poi_engine.ports import ConnectorSetup, PaymentConnector
from tests.connectors.certificates import terminal_certificate
from tests.connectors.opening import opened_apart
from tests.connectors.stripe_fake import READER, FakeStripe
from tests.servers import unused_port

S = "sta_1"
Options = dict[str, str | bool | int | float]


class Rig:
    """A device at a station. `declined` and `unheard` are amounts that end so, once the rig was told to."""

    entry = ""
    declined = 1005
    unheard = 1590

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options: Options = {}
        self._open: list[PaymentConnector] = []

    def connector(self, **more: str | bool | int | float) -> PaymentConnector:
        """The connector as the server opens it; each one is another process on the same machine."""
        [point] = entry_points(group="poi_server.connectors", name=self.entry)
        terminals = {S: self.options | more} if self.options else {}
        setup = ConnectorSetup(book=self.folder / f"{self.entry}.db", clock=SystemClock(), terminals=terminals)
        self._open.append(opened_apart(point.load(), setup))
        return self._open[-1]

    async def start(self) -> None:
        """Put the device there."""
        raise NotImplementedError

    def moved(self) -> int:
        """What the customer has paid and not got back, minor units: by the device's own book."""
        raise NotImplementedError

    def decline(self) -> None:
        """The next payment is declined."""

    def lose_answers(self) -> None:
        """What is asked from now on is done and not answered."""

    def hear_again(self) -> None:
        """Answers arrive again."""

    def away(self) -> PaymentConnector:
        """A connector whose device cannot be reached."""
        return self.connector(port=unused_port())

    async def close(self) -> None:
        """Take it away."""
        for connector in self._open:
            await connector.close()


class SimulatorRig(Rig):
    """The simulated terminal inside the process."""

    entry, unheard = "simulator", 1013

    async def start(self) -> None:
        """It is there."""

    def moved(self) -> int:
        book = SimulatorBook(self.folder / "simulator.db")
        done = [one for one in book.operations() if one.approved and not one.cancelled]
        book.close()
        held = {one.of_reference for one in done if one.kind == "capture"}
        sign = {"authorise": 1, "capture": 1, "refund": -1}
        return sum(sign.get(one.kind, 0) * one.amount for one in done if one.reference not in held)


class CaisseApRig(Rig):
    """A Caisse-AP terminal on the network."""

    entry = "caisse-ap"

    async def start(self) -> None:
        self.terminal = SimulatedTerminal()
        port = await self.terminal.listen()
        self.options = {"host": "127.0.0.1", "port": port, "answer_seconds": 0.5, "idle_ms": 40}

    def moved(self) -> int:
        return sum(one.amount if one.action == "0" else -one.amount for one in self.terminal.book if one.done)

    def lose_answers(self) -> None:
        self.terminal.faults = frozenset({"silent"})

    async def close(self) -> None:
        await super().close()
        await self.terminal.close()


class NexoRig(Rig):
    """A nexo terminal on the network, in clear."""

    entry = "nexo"
    key: SecurityKey | None = None

    async def start(self) -> None:
        ca, tls = terminal_certificate(self.folder, "terminal.example")
        self.terminal = SimulatedNexoTerminal(key=self.key)
        self.options = {
            "host": "127.0.0.1",
            "port": await self.terminal.listen(tls=tls),
            "poi_id": "SIM-0001",
            "ca": str(ca),
            "certificate_name": "terminal.example",
            "answer_seconds": 5.0,
        }

    def moved(self) -> int:
        done = [one for one in self.terminal.book if one.done]
        sign = {"Payment": 1, "completion": 1, "Reversal": -1, "refund": -1}
        return int(sum(sign.get(one.what, 0) * one.amount for one in done) * 100)

    def lose_answers(self) -> None:
        self.terminal.faults.add("lost")

    async def close(self) -> None:
        await super().close()
        await self.terminal.close()


class SecuredNexoRig(NexoRig):
    """A nexo terminal whose messages are secured."""

    key = SecurityKey(identifier="key", passphrase="correct horse battery")

    async def start(self) -> None:
        await super().start()
        assert self.key is not None
        (self.folder / "passphrase").write_text(self.key.passphrase)
        self.options |= {"key_id": "key", "passphrase_file": str(self.folder / "passphrase")}


class StripeRig(Rig):
    """A Stripe reader behind the fake service."""

    entry = "stripe"

    async def start(self) -> None:
        self.service = FakeStripe()
        (self.folder / "api-key").write_text("sk_test_fake")
        self.options = {
            "reader": READER,
            "api_key_file": str(self.folder / "api-key"),
            "api": await self.service.listen(),
            "answer_seconds": 2.0,
            "poll_seconds": 0.01,
        }

    def moved(self) -> int:
        paid = sum(one["amount_received"] for one in self.service.intents.values())
        return int(paid - sum(one["amount"] for one in self.service.refunds))

    def decline(self) -> None:
        self.service.customer = "declines"

    def lose_answers(self) -> None:
        self.service.lost = {"process_payment_intent", "refunds", "/capture"}
        self.service.looks = 0

    def hear_again(self) -> None:
        self.service.lost = set()

    def away(self) -> PaymentConnector:
        return self.connector(api=f"http://127.0.0.1:{unused_port()}")

    async def close(self) -> None:
        await super().close()
        await self.service.close()


RIGS: tuple[type[Rig], ...] = (SimulatorRig, CaisseApRig, NexoRig, SecuredNexoRig, StripeRig)


@asynccontextmanager
async def rigged(rig: type[Rig], folder: Path) -> AsyncIterator[Rig]:
    """A rig that stands, and is taken away."""
    made = rig(folder)
    await made.start()
    try:
        yield made
    finally:
        await made.close()
