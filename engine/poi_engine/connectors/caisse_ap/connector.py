"""The payment connector for Caisse-AP terminals, one a station.

The protocol reads the card with the amount, cannot undo, and has no question for what became of a transaction: whatever
is not answered stays unknown until a person has looked at the terminal.
"""

import asyncio
from collections.abc import Mapping

from poi_engine.connectors.caisse_ap.dialogue import NoAnswer, Terminal, ask
from poi_engine.connectors.caisse_ap.fields import MalformedAnswer
from poi_engine.connectors.caisse_ap.messages import Action, Answered, Asked
from poi_engine.connectors.options import options_of
from poi_engine.connectors.sent import SentBook, unknown
from poi_engine.errors import DeviceError, RequestError
from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult

_KINDS = {"debit": "authorise", "credit": "refund"}


class CaisseApConnector:
    """Terminals by station. A reference that was asked before gets its answer again, and never asks twice."""

    name = "caisse-ap"
    capabilities = Capabilities(card_before_amount=False, refund=True, cancel=False, status=False)

    def __init__(self, terminals: Mapping[str, Terminal], book: SentBook) -> None:
        self._terminals = dict(terminals)
        self._book = book
        self._busy = {station: asyncio.Lock() for station in terminals}

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Refused: the card comes with the amount."""
        raise DeviceError("no-card-before-amount", "This terminal reads the card together with the amount only.")

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take an amount in minor units at the station's terminal."""
        return await self._once(station_id, payment_ref, "debit", amount, currency)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Nothing to do: the terminal captures what it authorises."""
        return await self.status(payment_ref)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Refused: closing the connection frees the till, not the terminal."""
        raise RequestError("cannot-cancel", "This terminal cannot undo a payment; refund it.")

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give an amount back to the card presented at the station's terminal, at most what is left of the payment."""
        return await self._once(station_id, refund_ref, "credit", amount, currency, payment_ref)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What was heard of the reference; unknown otherwise, for terminals cannot be asked."""
        line = await self._book.find(payment_ref)
        return (line.result if line else None) or unknown(payment_ref, "the terminal cannot be asked")

    async def probe(self, station_id: str) -> str:
        """Whether the terminal answers to a question that moves nothing; while it works it is left alone, for whoever
        works with it. Raises `DeviceError`."""
        terminal = self._terminal(station_id)
        longest = terminal.connect_seconds + terminal.answer_seconds
        if self._busy[station_id].locked() or await self._book.waits(station_id, longest):
            return "a payment is under way; it was not asked"
        async with self._busy[station_id]:
            said = await ask(terminal, _asking(terminal, "probe", 0, "EUR"))
        return "it answers" if said.done else f"it answers: {said.reason or 'busy'}"

    async def close(self) -> None:
        """Close the book."""
        await asyncio.to_thread(self._book.close)

    async def _once(
        self, station_id: str, reference: str, action: Action, amount: int, currency: str, of_reference: str = ""
    ) -> PaymentResult:
        terminal = self._terminal(station_id)
        if self._busy[station_id].locked():
            raise DeviceError("terminal-busy", "The terminal is busy with another payment; nothing was sent.")
        async with self._busy[station_id]:
            known = await self._book.begin(reference, _KINDS[action], station_id, amount, currency, of_reference)
            if known is not None:
                return await self.status(reference)
            result = await self._result(terminal, reference, action, amount, currency, of_reference)
            await self._book.end(reference, result=result)
            return result

    async def _result(
        self, terminal: Terminal, reference: str, action: Action, amount: int, currency: str, of_reference: str
    ) -> PaymentResult:
        left = await self._book.left(of_reference, sure=True) if of_reference else None
        if left is not None and left < amount:
            return PaymentResult(outcome="declined", payment_ref=reference, reason="more than what is left")
        try:
            return await _asked(terminal, reference, action, amount, currency)
        except DeviceError:
            await self._book.forget(reference)
            raise

    def _terminal(self, station_id: str) -> Terminal:
        found = self._terminals.get(station_id)
        if found is None:
            raise DeviceError("no-terminal", f"No Caisse-AP terminal is configured for station {station_id!r}.")
        return found


def opened(setup: ConnectorSetup) -> CaisseApConnector:
    """The connector as the server loads it. Raises `RequestError` with the option's path."""
    terminals = {station: options_of(Terminal, station, options) for station, options in setup.terminals.items()}
    return CaisseApConnector(terminals, SentBook(setup.book, setup.clock))


def _asking(terminal: Terminal, action: Action, amount: int, currency: str) -> Asked:
    return Asked(
        action=action,
        amount=amount,
        currency=currency,
        till=terminal.till,
        version=terminal.version,
        protocol=terminal.protocol,
        at_once=terminal.at_once,
    )


async def _asked(terminal: Terminal, reference: str, action: Action, amount: int, currency: str) -> PaymentResult:
    asked = _asking(terminal, action, amount, currency)
    try:
        asked.fields()
    except ValueError as error:
        raise DeviceError("not-for-this-terminal", f"Nothing was sent: {error}.") from None
    try:
        return _result(reference, amount, await ask(terminal, asked))
    except (NoAnswer, MalformedAnswer) as error:
        return unknown(reference, error.message)


def _result(reference: str, amount: int, said: Answered) -> PaymentResult:
    if not said.done:
        return PaymentResult(outcome="declined", payment_ref=reference, reason=said.reason)
    if said.amount != amount:  # money moved, but another amount: a person decides
        return unknown(reference, f"the terminal took {said.amount} of {amount} minor units")
    return PaymentResult(
        outcome="approved",
        payment_ref=reference,
        amount=said.amount,
        facts=said.facts,
        authorisation=said.authorisation,
    )
