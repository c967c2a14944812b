"""The payment connector for Caisse-AP terminals, one a station.

The protocol reads the card with the amount, cannot undo, and has no question for what became of a transaction: whatever
is not answered stays unknown until a person has looked at the terminal.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from poi_engine.connectors.caisse_ap.dialogue import NoAnswer, Terminal, ask
from poi_engine.connectors.caisse_ap.fields import MalformedAnswer
from poi_engine.connectors.caisse_ap.messages import Action, Answered, Asked
from poi_engine.errors import DeviceError, RequestError
from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult

_REMEMBERED = 1000


class CaisseApConnector:
    """Terminals by station. A reference that was asked before gets its answer again, and never asks twice."""

    name = "caisse-ap"
    capabilities = Capabilities(card_before_amount=False, refund=True, cancel=False)

    def __init__(self, terminals: Mapping[str, Terminal]) -> None:
        self._terminals = dict(terminals)
        self._busy = {station: asyncio.Lock() for station in terminals}
        self._answers: OrderedDict[str, PaymentResult] = OrderedDict()

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
        """Give an amount back to the card presented at the station's terminal."""
        return await self._once(station_id, refund_ref, "credit", amount, currency)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What this process heard of the reference; unknown otherwise, for terminals cannot be asked."""
        return self._answers.get(payment_ref) or _unknown(payment_ref, "the terminal cannot be asked")

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _once(self, station_id: str, reference: str, action: Action, amount: int, currency: str) -> PaymentResult:
        terminal = self._terminals.get(station_id)
        if terminal is None:
            raise DeviceError("no-terminal", f"No Caisse-AP terminal is configured for station {station_id!r}.")
        if self._busy[station_id].locked():
            raise DeviceError("terminal-busy", "The terminal is busy with another payment; nothing was sent.")
        async with self._busy[station_id]:
            if reference not in self._answers:
                self._remember(await _asked(terminal, reference, action, amount, currency))
        return self._answers[reference]

    def _remember(self, result: PaymentResult) -> None:
        self._answers[result.payment_ref] = result
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)


def opened(setup: ConnectorSetup) -> CaisseApConnector:
    """The connector as the server loads it. Raises `RequestError` with the option's path."""
    return CaisseApConnector({station: _terminal(station, options) for station, options in setup.terminals.items()})


def _terminal(station: str, options: Mapping[str, object]) -> Terminal:
    try:
        return msgspec.convert(options, Terminal)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        where = f"$.payment.terminals[{station}].options{path.strip('`').removeprefix('$')}"
        raise RequestError("configuration", f"The terminal of {station}: {message}.", path=where) from None


async def _asked(terminal: Terminal, reference: str, action: Action, amount: int, currency: str) -> PaymentResult:
    asked = Asked(
        action=action,
        amount=amount,
        currency=currency,
        till=terminal.till,
        protocol=terminal.protocol,
        at_once=terminal.at_once,
    )
    try:
        asked.fields()
    except ValueError as error:
        raise DeviceError("not-for-this-terminal", f"Nothing was sent: {error}.") from None
    try:
        return _result(reference, amount, await ask(terminal, asked))
    except (NoAnswer, MalformedAnswer) as error:
        return _unknown(reference, error.message)


def _result(reference: str, amount: int, said: Answered) -> PaymentResult:
    if not said.done:
        return PaymentResult(outcome="declined", payment_ref=reference, reason=said.reason)
    if said.amount != amount:  # money moved, but another amount: a person decides
        return _unknown(reference, f"the terminal took {said.amount} of {amount} minor units")
    return PaymentResult(
        outcome="approved",
        payment_ref=reference,
        amount=said.amount,
        facts=said.facts,
        authorisation=said.authorisation,
    )


def _unknown(reference: str, why: str) -> PaymentResult:
    return PaymentResult(outcome="unknown", payment_ref=reference, reason=why)
