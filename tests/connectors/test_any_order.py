"""Payments, refunds and cancellations in any order under random faults and restarts: once all is resolved, what the
connector says is what the device's own book says. The seed is in the test's name.
"""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from poi_engine.errors import DeviceError
from poi_engine.ports import PaymentResult
from tests.connectors.rigs import NexoRig, Rig, S, SecuredNexoRig, StripeRig, rigged

SEEDS = range(int(os.environ.get("POI_SOAK", "0")) * 50 or 2)
STEPS = 30
FAULTS: dict[type[Rig], tuple[str, ...]] = {
    NexoRig: ("", "", "lost", "cut", "garbage", "wrong-service", "not-found", "refused-http"),
    SecuredNexoRig: ("", "", "wrong-hmac", "lost"),
    StripeRig: ("", "", "process_payment_intent", "confirm_payment_intent", "/refunds", "payment_intents", "readers"),
}


class Customers:
    """What the engine would have written down: the connector's last word on every reference."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.rig, self.chance = rig, chance
        self.connector = rig.connector()
        self.paid: dict[str, PaymentResult] = {}
        self.back: dict[str, tuple[str, PaymentResult]] = {}
        self.undone: set[str] = set()
        self.faulty = False

    async def step(self) -> None:
        """One thing happens."""
        self._fault(self.chance.choice(FAULTS[type(self.rig)]))
        act = self.chance.choice((*[self.pay] * 3, self.die_paying, self.give_back, self.undo, self.ask, self.restart))
        await act()

    async def pay(self) -> None:
        """A customer pays, or somebody repeats what was sent before."""
        reference = self._some(self.paid, new=f"pay_{len(self.paid)}")
        amount = self._amount(reference)
        self.paid[reference] = await self._heard(
            reference, lambda: self.connector.authorise(S, reference, amount, "EUR", None)
        )

    async def die_paying(self) -> None:
        """The process ends somewhere in a payment; another one takes over."""
        reference = f"pay_{len(self.paid)}"
        amount = self._amount(reference)
        sending = asyncio.create_task(self.connector.authorise(S, reference, amount, "EUR", None))
        await asyncio.sleep(self.chance.choice((0.0, 0.001, 0.003, 0.006, 0.012, 0.025)))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        self.paid[reference] = PaymentResult(outcome="unknown", payment_ref=reference)
        await self.restart()

    async def give_back(self) -> None:
        """A refund, perhaps of more than is left."""
        if good := [ref for ref, said in self.paid.items() if said.outcome == "approved" and ref not in self.undone]:
            of, reference = self.chance.choice(good), f"ref_{len(self.back)}"
            amount = self.chance.choice((100, 700, 1590))
            said = await self._heard(reference, lambda: self.connector.refund(S, of, reference, amount, "EUR"))
            self.back[reference] = (of, said)

    async def undo(self) -> None:
        """A payment is cancelled, unless something of it went back already."""
        touched = {of for of, _ in self.back.values()}
        if some := [ref for ref in self.paid if ref not in touched]:
            reference = self.chance.choice(some)
            self.undone.add(reference)
            await self._cancelled(reference)

    async def ask(self) -> None:
        """What became of a payment."""
        for reference, said in self.paid.items():
            if said.outcome not in ("approved", "declined"):
                self.paid[reference] = await self._heard(reference, lambda ref=reference: self.connector.status(ref))  # type: ignore[misc]

    async def restart(self) -> None:
        """Another process takes over."""
        self.connector = self.rig.connector()

    async def resolve(self) -> None:
        """All faults end; everything is asked about until it has an answer."""
        self._fault("")
        for reference in self.undone:
            await self._cancelled(reference)
            assert (await self.connector.status(reference)).outcome == "declined", reference
        for reference in self.paid:
            self.paid[reference] = await self._resolved(reference)
        for reference, (of, _) in self.back.items():
            self.back[reference] = (of, await self._resolved(reference))

    def expected(self) -> int:
        """What the customers have paid in all, by the connector's word."""
        taken = sum(said.amount for said in self.paid.values() if said.outcome == "approved")
        return taken - sum(said.amount for _, said in self.back.values() if said.outcome == "approved")

    async def _resolved(self, reference: str) -> PaymentResult:
        for _ in range(6):
            said = await self.connector.status(reference)
            if said.outcome in ("approved", "declined"):
                return said
            if said.outcome == "not_found":
                assert (await self.connector.cancel(reference)).outcome == "approved"
        raise AssertionError(f"{reference} stays {said.outcome}: {said.reason}")

    async def _cancelled(self, reference: str) -> None:
        for _ in range(1 if self.faulty else 6):
            try:
                if (await self.connector.cancel(reference)).outcome == "approved":
                    return
            except DeviceError:
                assert self.faulty, "nothing is away"

    async def _heard(self, reference: str, act: Callable[[], object]) -> PaymentResult:
        try:
            said = await act()  # type: ignore[misc]
        except DeviceError as error:
            return PaymentResult(outcome="declined", payment_ref=reference, reason=error.code)
        assert isinstance(said, PaymentResult)
        return said

    def _some(self, known: dict[str, PaymentResult], new: str) -> str:
        return self.chance.choice([*known, new, new, new])

    def _amount(self, reference: str) -> int:
        return (1590, 1005, 2000)[int(reference.split("_")[1]) % 3]

    def _fault(self, fault: str) -> None:
        self.faulty = bool(fault)
        if isinstance(self.rig, StripeRig):
            self.rig.service.looks = 0
            self.rig.service.lost = {fault} if fault else set()
        elif isinstance(self.rig, NexoRig):
            self.rig.terminal.faults = {fault} if fault else set()  # type: ignore[assignment]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rig", FAULTS, ids=lambda rig: rig.__name__)
async def test_what_is_said_is_what_was_done(rig: type[Rig], seed: int, tmp_path: Path) -> None:
    async with rigged(rig, tmp_path) as made:
        customers = Customers(made, random.Random(seed))
        await customers.pay()  # by this answer a terminal shows later that it forgot nothing
        for _ in range(STEPS):
            await customers.step()
        await customers.resolve()
        assert await asyncio.to_thread(made.moved) == customers.expected()
        assert customers.paid
