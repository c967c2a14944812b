"""A terminal with moods and a book of its own: it approves, declines, goes silent, dawdles, and is sometimes away."""

import asyncio
import random
from dataclasses import dataclass

from poi_engine.connectors.simulator_rules import CARDS
from poi_engine.errors import DeviceError
from poi_engine.ports import Capabilities, CardSeen, PaymentResult
from poi_offers.situation import PaymentFacts
from tests.simulation.history import History

_MOODS = ("approve", "decline", "silent-approve", "silent-decline", "slow-approve", "away")
_WEIGHTS = (76, 8, 6, 4, 3, 3)


@dataclass
class Entry:
    """One line of the book. `waits`: status questions it answers with "in progress"."""

    reference: str
    kind: str
    amount: int
    approved: bool
    facts: PaymentFacts
    of: str = ""
    waits: int = 0
    cancelled: bool = False

    @property
    def stands(self) -> bool:
        """Money moved and stayed."""
        return self.approved and not self.cancelled


class Terminal:
    """A payment connector; what it did stands in `book`, whatever it answered."""

    name = "simulator"
    capabilities = Capabilities(card_before_amount=True)

    def __init__(self, chance: random.Random, history: History) -> None:
        self._history = history
        self.book: dict[str, Entry] = {}
        self._cards: dict[str, PaymentFacts] = {}
        self._chance = chance
        self.truthful = False

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Somebody's card."""
        await self._pause()
        facts = self._cards.setdefault(acquisition_ref, self._chance.choice(list(CARDS.values())))
        return CardSeen(facts=facts, acquisition_ref=acquisition_ref)

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take the money, or not, and say so, or not."""
        facts = self._cards.get(acquisition_ref or "", self._chance.choice(list(CARDS.values())))
        return await self._do(Entry(payment_ref, "authorise", amount, True, facts))

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give the money back, or not."""
        paid = self.book[payment_ref]
        entry = Entry(refund_ref, "refund", amount, amount <= self.left(payment_ref), paid.facts, of=payment_ref)
        return await self._do(entry)

    async def _do(self, entry: Entry) -> PaymentResult:
        mood = self._chance.choices(_MOODS, _WEIGHTS)[0]
        self._history.note("terminal", entry.kind, entry.reference, entry.amount, mood)
        await self._pause()
        if mood == "away" and entry.reference not in self.book:
            raise DeviceError("terminal-away", "Nothing was sent.")
        if mood.endswith("decline"):
            entry.approved = False
        entry.waits = self._chance.randint(1, 3) if mood.startswith("slow") else 0
        written = self.book.setdefault(entry.reference, entry)
        await self._pause()
        if mood.startswith(("silent", "slow")):
            return PaymentResult(outcome="unknown", payment_ref=entry.reference)
        return self._answer(written)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Undo, or bar what never came."""
        self._history.note("terminal cancels", payment_ref)
        await self._pause()
        barred = Entry(payment_ref, "authorise", 0, False, PaymentFacts(), cancelled=True)
        self.book.setdefault(payment_ref, barred).cancelled = True
        await self._pause()
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Nothing more to do."""
        return await self.status(payment_ref)

    async def status(self, payment_ref: str) -> PaymentResult:
        """The truth, sooner or later."""
        self._history.note("terminal asked", payment_ref)
        await self._pause()
        entry = self.book.get(payment_ref)
        if not self.truthful and self._chance.random() < 0.1:
            return PaymentResult(outcome="unknown", payment_ref=payment_ref)
        if entry is None:
            return PaymentResult(outcome="not_found", payment_ref=payment_ref)
        if entry.waits > 0:
            entry.waits -= 1
            return PaymentResult(outcome="in_progress", payment_ref=payment_ref)
        return self._answer(entry)

    async def close(self) -> None:
        """Nothing to close."""

    def left(self, payment_ref: str) -> int:
        """What can still be given back on a payment."""
        given = sum(entry.amount for entry in self.book.values() if entry.of == payment_ref and entry.stands)
        return self.book[payment_ref].amount - given

    async def _pause(self) -> None:
        for _ in range(self._chance.randint(0, 4)):
            await asyncio.sleep(0)

    @staticmethod
    def _answer(entry: Entry) -> PaymentResult:
        outcome = "approved" if entry.stands else "declined"
        return PaymentResult(
            outcome=outcome, payment_ref=entry.reference, amount=entry.amount, facts=entry.facts, reason="mood"
        )
