"""The simulated terminal: a payment connector with a book of its own and rules one can read (`simulator_rules`)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from poi_engine.clock import Clock, micros
from poi_engine.connectors.simulator_book import Operation, SimulatorBook
from poi_engine.connectors.simulator_rules import Rule, card_of, rule_of
from poi_engine.errors import DeviceError
from poi_engine.ports import BANK_AWAY, Capabilities, CardSeen, ConnectorSetup, PaymentResult

T = TypeVar("T")


class SimulatorConnector:
    """A terminal per station, all in one book.

    `card` names one card of `CARDS` to present always; `rule` replaces the table of amounts; `delay` is the seconds
    each operation takes. With `card_before_amount` False the card is read with the amount, not before. While
    `bank_away` is set the terminals reach no bank.
    """

    name = "simulator"

    def __init__(
        self,
        book: str | Path,
        clock: Clock,
        *,
        card: str | None = None,
        card_before_amount: bool = True,
        rule: Callable[[int], Rule] = rule_of,
        delay: float = 0.0,
    ) -> None:
        self.capabilities = Capabilities(holds=True, offline=True, card_before_amount=card_before_amount)
        self.book = SimulatorBook(book)
        self.bank_away = False
        self._clock = clock
        self._card = card
        self._rule = rule
        self._delay = delay

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Present a card before the amount; repeating the reference presents the same one."""
        if not self.capabilities.card_before_amount:
            raise DeviceError("no-card-before-amount", "This terminal reads the card together with the amount only.")
        found = await self._work(lambda: self._present(station_id, acquisition_ref))
        return CardSeen(facts=found.facts, acquisition_ref=found.reference)

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Authorise an amount in minor units; the table of rules says how it ends."""
        rule = self._rule(amount)
        if rule.away:
            raise DeviceError("terminal-away", "The terminal cannot be reached; nothing was sent.")
        self._must_have_bank()
        found = await self._work(
            lambda: self._authorise(station_id, payment_ref, amount, currency, acquisition_ref, rule)
        )
        return _answer(found) if rule.answered else PaymentResult(outcome="unknown", payment_ref=payment_ref)

    async def authorise_offline(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take the card without the bank; the table of rules says how it ends once it is forwarded."""
        if self._rule(amount).away:
            raise DeviceError("terminal-away", "The terminal cannot be reached; nothing was sent.")
        taken = (station_id, payment_ref, amount, currency, acquisition_ref)
        return _answer(await self._work(lambda: self._authorise(*taken, Rule(), self.book.write_offline)))

    async def forward(self, payment_ref: str) -> PaymentResult:
        """Charge what was taken without the bank; again, the same answer."""
        found = await self._work(lambda: self.book.find(payment_ref))
        if found is None or found.forwarded is None:
            return PaymentResult(outcome="not_found", payment_ref=payment_ref)
        self._must_have_bank()
        rule = self._rule(found.amount)
        done = await self._work(lambda: self.book.forward(payment_ref, rule.approved, rule.waits, rule.reason))
        if done is None or (not rule.answered and not found.forwarded):
            return PaymentResult(outcome="unknown", payment_ref=payment_ref)
        return _answer(done)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Capture an authorisation."""
        found = await self._work(lambda: self.book.capture(payment_ref, amount))
        if found is None:
            return PaymentResult(outcome="not_found", payment_ref=payment_ref)
        return _answer(found)

    async def hold(self, station_id: str, hold_ref: str, amount: int, currency: str) -> PaymentResult:
        """Hold an amount; the table of rules says how it ends."""
        return await self.authorise(station_id, hold_ref, amount, currency, None)

    async def capture_hold(self, station_id: str, hold_ref: str, capture_ref: str, amount: int) -> PaymentResult:
        """Take a part of what is held, once; the table of rules says how it ends."""
        rule = self._rule(amount)
        if rule.away:
            raise DeviceError("terminal-away", "The terminal cannot be reached; nothing was sent.")
        found = await self._work(lambda: self._capture(station_id, hold_ref, capture_ref, amount, rule))
        return _answer(found) if rule.answered else PaymentResult(outcome="unknown", payment_ref=capture_ref)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Undo an authorisation, or bar a reference that never arrived."""
        await self._work(lambda: self.book.cancel(payment_ref, micros(self._clock.now())))
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give back at most what is left of a payment."""
        rule = self._rule(amount)
        if rule.away:
            raise DeviceError("terminal-away", "The terminal cannot be reached; nothing was sent.")
        found = await self._work(lambda: self._refund(station_id, payment_ref, refund_ref, amount, currency, rule))
        return _answer(found) if rule.answered else PaymentResult(outcome="unknown", payment_ref=refund_ref)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What became of a payment or refund reference."""
        found = await self._work(lambda: self.book.ask(payment_ref))
        if found is None:
            return PaymentResult(outcome="not_found", payment_ref=payment_ref)
        if found.waits > 0:
            return PaymentResult(outcome="in_progress", payment_ref=payment_ref)
        return _answer(found)

    async def close(self) -> None:
        """Close the book."""
        await asyncio.to_thread(self.book.close)

    async def _work(self, act: Callable[[], T]) -> T:
        if self._delay:
            await asyncio.sleep(self._delay)
        return await asyncio.to_thread(act)

    def _present(self, station_id: str, acquisition_ref: str) -> Operation:
        number = self.book.count("acquire")
        facts = card_of(number, self._card)
        return self.book.write(
            Operation(
                reference=acquisition_ref,
                kind="acquire",
                station_id=station_id,
                facts=facts,
                number=number,
                at=micros(self._clock.now()),
            )
        )

    def _must_have_bank(self) -> None:
        if self.bank_away:
            raise DeviceError(BANK_AWAY, "The terminal cannot reach its bank; nothing was asked.")

    def _authorise(
        self,
        station_id: str,
        payment_ref: str,
        amount: int,
        currency: str,
        acquisition_ref: str | None,
        rule: Rule,
        write: Callable[[Operation], Operation] | None = None,
    ) -> Operation:
        repeated = self.book.find(payment_ref)
        if repeated is not None:
            return repeated
        card = self._present(station_id, acquisition_ref or f"acq:{payment_ref}")
        return (write or self.book.write)(
            Operation(
                reference=payment_ref,
                kind="authorise",
                of_reference=card.reference,
                station_id=station_id,
                amount=amount,
                currency=currency,
                approved=rule.approved,
                waits=rule.waits,
                reason=rule.reason,
                facts=card.facts,
                number=self.book.count("authorise"),
                at=micros(self._clock.now()),
            )
        )

    def _capture(self, station_id: str, hold_ref: str, capture_ref: str, amount: int, rule: Rule) -> Operation:
        repeated, held = self.book.find(capture_ref), self.book.find(hold_ref)
        if repeated is not None:
            return repeated
        good = held is not None and held.approved and not held.cancelled and not held.captured and amount <= held.amount
        made = self.book.write(
            Operation(
                reference=capture_ref,
                kind="capture",
                of_reference=hold_ref,
                station_id=station_id,
                amount=amount,
                currency=held.currency if held else "",
                approved=rule.approved and good,
                waits=rule.waits,
                reason=rule.reason if good else "nothing is held",
                facts=held.facts if held else card_of(0),
                number=self.book.count("capture"),
                at=micros(self._clock.now()),
            )
        )
        if made.approved:
            self.book.capture(hold_ref, amount)
        return made

    def _refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str, rule: Rule
    ) -> Operation:
        paid = self.book.find(payment_ref)
        left = paid.amount - self.book.refunded(payment_ref) if paid and paid.approved and not paid.cancelled else 0
        reason = rule.reason if amount <= left else "more than what is left"
        return self.book.write(
            Operation(
                reference=refund_ref,
                kind="refund",
                of_reference=payment_ref,
                station_id=station_id,
                amount=amount,
                currency=currency,
                approved=rule.approved and amount <= left,
                waits=rule.waits,
                reason=reason,
                facts=paid.facts if paid else card_of(0),
                number=self.book.count("refund"),
                at=micros(self._clock.now()),
            )
        )


def opened(setup: ConnectorSetup) -> SimulatorConnector:
    """The connector as the server loads it."""
    return SimulatorConnector(setup.book, setup.clock)


def _answer(found: Operation) -> PaymentResult:
    good = found.approved and not found.cancelled
    return PaymentResult(
        outcome="approved" if good else "declined",
        payment_ref=found.reference,
        amount=found.amount,
        facts=found.facts,
        guaranteed=found.forwarded != 0,
        authorisation=f"{found.number + 1:06d}" if good else "",
        reason="cancelled" if found.cancelled else found.reason,
    )
