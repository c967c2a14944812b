"""The payment connector for nexo terminals, one a station: the card before the amount, and a question for every doubt.

What was sent stands in a book before a byte leaves. The message about a reference has always the same ServiceID, so
that the terminal can be asked what became of it after any crash, and by any process.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from poi_engine.clock import Clock
from poi_engine.connectors.nexo_terminal.dialogue import NoAnswer
from poi_engine.connectors.nexo_terminal.messages import Body, Nonsense, decimal, facts_of, sale_data
from poi_engine.connectors.nexo_terminal.options import NexoTerminal, terminal
from poi_engine.connectors.nexo_terminal.talk import Category, Talk, meaning, token_of
from poi_engine.connectors.sent import FINAL, Sent, SentBook, card_seen, declined, unknown
from poi_engine.errors import DeviceError
from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult

_UNDO_TRIES = 100
_FORGOTTEN = "the terminal has forgotten what it was asked before: look at its own list of payments"


class NexoConnector:
    """Terminals by station, and one book for all of them."""

    name = "nexo"
    capabilities = Capabilities(card_before_amount=True, holds=True)

    def __init__(self, terminals: Mapping[str, NexoTerminal], book: SentBook, clock: Clock) -> None:
        self._terminals = dict(terminals)
        self._book = book
        self._clock = clock
        self._busy = {station: asyncio.Lock() for station in terminals}
        self._talk = Talk(clock)

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Have a card read before the amount; repeating the reference tells of the same card."""
        async with self._alone(station_id) as there:
            known = await self._book.begin(acquisition_ref, "acquire", station_id)
            if known is not None:
                return card_seen(acquisition_ref, known.result)
            body = await self._card(there, acquisition_ref, amount, currency)
            facts = facts_of(body.PaymentInstrumentData, body.Response.AdditionalResponse)
            outcome, reason = ("approved", "") if body.succeeded else ("declined", body.reason)
            result = PaymentResult(outcome=outcome, payment_ref=acquisition_ref, facts=facts, reason=reason)
            await self._book.end(acquisition_ref, token=token_of(body), result=result)
            return card_seen(acquisition_ref, result)

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take an amount in minor units at the station's terminal, with the card it has read or with the next one."""
        async with self._alone(station_id) as there:
            known = await self._book.begin(payment_ref, "authorise", station_id, amount, currency)
            if known is not None:
                return known.result or await self.status(payment_ref)
            card = await self._take_card(acquisition_ref)
            return await self._pay(there, payment_ref, "Normal", amount, currency, card=card)

    async def hold(self, station_id: str, hold_ref: str, amount: int, currency: str) -> PaymentResult:
        """Hold an amount on the card that is presented: a first reservation."""
        async with self._alone(station_id) as there:
            known = await self._book.begin(hold_ref, "hold", station_id, amount, currency)
            if known is not None:
                return known.result or await self.status(hold_ref)
            return await self._pay(there, hold_ref, "FirstReservation", amount, currency)

    async def capture_hold(self, station_id: str, hold_ref: str, capture_ref: str, amount: int) -> PaymentResult:
        """Take at most what is held, once: the reservation's completion."""
        async with self._alone(station_id) as there:
            original = await self._original(hold_ref)
            line = await self._book.find(hold_ref)
            if line is None:
                raise DeviceError("original-unknown", "This machine has not made the hold; nothing was sent.")
            currency = line.currency
            known = await self._book.begin(capture_ref, "capture", station_id, amount, currency, hold_ref)
            if known is not None:
                return known.result or await self.status(capture_ref)
            if await self._is_too_much(hold_ref):
                return await self._refused(capture_ref, "more than what is held")
            return await self._pay(there, capture_ref, "Completion", amount, currency, original=original)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Nothing to do: the terminal captures what it authorises."""
        return await self.status(payment_ref)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Undo a payment, drop a card that was read, or bar a reference that the terminal has never seen."""
        line = await self._book.find(payment_ref)
        if line is not None and line.kind == "acquire":
            return await self._drop(line)
        said = await self.status(payment_ref)
        if said.outcome == "approved":
            undone = await self._undo(payment_ref, said.amount)
            if undone.outcome != "approved":
                return PaymentResult(outcome=undone.outcome, payment_ref=payment_ref, reason=undone.reason)
        elif said.outcome == "not_found":
            await self._book.begin(payment_ref, "authorise", line.station_id if line else "")
        elif said.outcome != "declined":
            if line is not None:
                await self._talk.abort(self._terminal(line.station_id), self._category(line), payment_ref)
            return unknown(payment_ref, said.reason or "it is still at the terminal")
        await self._book.end(payment_ref, result=declined(payment_ref, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give back at most what is left of a payment, at the station's terminal."""
        async with self._alone(station_id) as there:
            original = await self._original(payment_ref)
            known = await self._book.begin(refund_ref, "refund", station_id, amount, currency, payment_ref)
            if known is not None:
                return known.result or await self.status(refund_ref)
            if await self._is_too_much(payment_ref):
                return await self._refused(refund_ref, "more than what is left")
            return await self._give_back(there, refund_ref, original, amount, currency)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What became of a payment or refund: from the book, or from the terminal that was asked."""
        line = await self._book.find(payment_ref)
        if line is None:
            return await self._anywhere(payment_ref)
        if line.result is not None and line.result.outcome in FINAL:
            return line.result
        said, token = await self._talk.became(self._terminal(line.station_id), self._category(line), line)
        if said.outcome in FINAL:
            await self._book.end(payment_ref, token=token, result=said)
        if said.outcome == "not_found" and line.kind != "cancel" and await self._has_forgotten(line):
            return unknown(payment_ref, _FORGOTTEN)
        return said

    async def probe(self, station_id: str) -> str:
        """What the terminal says of itself. Raises `DeviceError` when it is away."""
        return await self._talk.diagnosis(self._terminal(station_id))

    def clock_gaps(self) -> Mapping[str, int]:
        """By how many seconds terminals are ahead of our clock, by station, by what they said last."""
        return self._talk.times.gaps

    async def close(self) -> None:
        """Close the connections and the book."""
        await self._talk.close()
        await asyncio.to_thread(self._book.close)

    async def _pay(
        self,
        there: NexoTerminal,
        reference: str,
        kind: str,
        amount: int,
        currency: str,
        *,
        card: dict[str, str] | None = None,
        original: dict[str, Any] | None = None,
    ) -> PaymentResult:
        """Send a payment of a kind: with the card that was read, or about a transaction before."""
        asked: dict[str, Any] = {"AmountsReq": {"Currency": currency, "RequestedAmount": decimal(amount, currency)}}
        data: dict[str, Any] = {"PaymentType": kind}
        if original is not None:
            asked["OriginalPOITransaction"] = original
        if card is not None:
            data["CardAcquisitionReference"] = card
        body = {"SaleData": self._sale(reference), "PaymentTransaction": asked, "PaymentData": data}
        return await self._send(there, "Payment", reference, body, amount, currency)

    # --- one message -----------------------------------------------------------------------------------------------

    async def _send(
        self, there: NexoTerminal, category: Category, reference: str, body: dict[str, Any], amount: int, currency: str
    ) -> PaymentResult:
        """Send what moves money, once; the book says so already."""
        try:
            answer = await self._talk.move(there, category, reference, body)
            said = meaning(category, reference, amount, currency, answer)
        except (NoAnswer, Nonsense) as error:
            return unknown(reference, error.message)
        except DeviceError:
            await self._book.forget(reference)
            raise
        await self._book.end(reference, token=token_of(answer), result=said if said.outcome in FINAL else None)
        return said

    # --- the card --------------------------------------------------------------------------------------------------

    async def _card(self, there: NexoTerminal, reference: str, amount: int, currency: str) -> Body:
        """The answer about the card; whatever goes wrong, the terminal is let go and the reference forgotten."""
        asked: dict[str, Any] = {"PaymentType": "Normal"}
        if amount:
            asked["TotalAmount"] = decimal(amount, currency)
        body = {"SaleData": self._sale(reference), "CardAcquisitionTransaction": asked}
        try:
            return await self._talk.move(there, "CardAcquisition", reference, body)
        except DeviceError as error:
            if isinstance(error, NoAnswer | Nonsense):
                await self._talk.abort(there, "CardAcquisition", reference)
                await self._talk.release(there)
            await self._book.forget(reference)
            raise

    async def _take_card(self, acquisition_ref: str | None) -> dict[str, str] | None:
        """The terminal's reference of the card it has read; it serves once."""
        line = await self._book.find(acquisition_ref) if acquisition_ref else None
        if line is None or not line.token:
            return None
        await self._book.end(line.reference, token="")
        found: dict[str, str] = msgspec.json.decode(line.token)
        return found

    async def _drop(self, line: Sent) -> PaymentResult:
        """Tell the terminal that no payment follows the card it has read."""
        there = self._terminal(line.station_id)
        if line.result is None:
            await self._talk.abort(there, "CardAcquisition", line.reference)
        if line.result is None or line.token:
            await self._talk.release(there)
        await self._book.end(line.reference, token="", result=declined(line.reference, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=line.reference)

    # --- giving back -----------------------------------------------------------------------------------------------

    async def _give_back(
        self, there: NexoTerminal, refund_ref: str, original: dict[str, Any], amount: int, currency: str
    ) -> PaymentResult:
        if there.options.refunds == "payment":
            return await self._pay(there, refund_ref, "Refund", amount, currency, original=original)
        body = self._reversal(refund_ref, original) | {"ReversedAmount": decimal(amount, currency)}
        return await self._send(there, "Reversal", refund_ref, body, amount, currency)

    async def _is_too_much(self, of_reference: str) -> bool:
        """Whether more was begun on a payment or hold than it has."""
        left = await self._book.left(of_reference)
        return left is not None and left < 0

    async def _refused(self, reference: str, why: str) -> PaymentResult:
        await self._book.end(reference, result=declined(reference, why))
        return declined(reference, why)

    async def _undo(self, payment_ref: str, amount: int) -> PaymentResult:
        """Reverse the whole of a payment at the terminal that took it."""
        original = await self._original(payment_ref)
        station = self._by_poi(original["POIID"])
        line = await self._book.find(payment_ref)
        currency = line.currency if line else ""
        for number in range(_UNDO_TRIES):
            reference = f"cancel:{number}:{payment_ref}"
            known = await self._book.begin(reference, "cancel", station.station, amount, currency, payment_ref)
            if known is None:
                body = self._reversal(reference, original)
                return await self._send(station, "Reversal", reference, body, amount, currency)
            said = known.result or await self.status(reference)
            if said.outcome == "not_found":  # should it arrive still, the terminal reverses a payment only once
                await self._book.end(reference, result=declined(reference, "never reached the terminal"))
            elif said.outcome != "declined":  # a refusal may be asked again, under a name of its own
                return said
        return unknown(payment_ref, "the terminal refuses to undo it")

    def _reversal(self, reference: str, original: dict[str, Any]) -> dict[str, Any]:
        return {
            "SaleData": self._sale(reference),
            "OriginalPOITransaction": original,
            "ReversalReason": "MerchantCancel",
        }

    async def _original(self, payment_ref: str) -> dict[str, Any]:
        """The terminal's reference of a payment. Raises `DeviceError` where nobody has it; nothing was sent then."""
        line = await self._book.find(payment_ref)
        stations = [self._terminal(line.station_id)] if line else list(self._terminals.values())
        token: str | None = line.token if line else None
        for there in stations:
            if not token:
                sought = line or Sent(reference=payment_ref, kind="authorise")
                token = (await self._talk.became(there, "Payment", sought))[1]
            if token:
                found = msgspec.json.decode(token)
                return {"POITransactionID": found, "SaleID": there.options.sale_id, "POIID": there.options.poi_id}
        raise DeviceError("original-unknown", "No terminal knows the payment to be given back; nothing was sent.")

    # --- asking what became of it ----------------------------------------------------------------------------------

    async def _anywhere(self, reference: str) -> PaymentResult:
        """A reference that is not in the book: another machine may have sent it to any terminal."""
        sought = Sent(reference=reference, kind="authorise")
        categories: tuple[Category, ...] = ("Payment", "Reversal")
        for there in self._terminals.values():
            for category in categories:
                said, _ = await self._talk.became(there, category, sought)
                if said.outcome != "not_found":
                    return said
            if await self._remembers(there, reference) is False:
                return unknown(reference, _FORGOTTEN)
        return PaymentResult(outcome="not_found", payment_ref=reference)

    async def _has_forgotten(self, line: Sent) -> bool:
        """Whether a terminal that says "not found" of what was sent may have lost it: it proves that it has not by an
        answer from before, which it knows still. The lines about reversals need no proof: one undoes a payment once."""
        return not await self._remembers(self._terminal(line.station_id), line.reference)

    async def _remembers(self, there: NexoTerminal, reference: str) -> bool | None:
        """Whether a terminal knows what it answered before a reference was begun; None: it had answered nothing."""
        witnesses = await self._book.answered_before(reference, there.station)
        for line in witnesses:
            if await self._talk.remembers(there, self._category(line), line.reference):
                return True
        return False if witnesses else None

    # --- small things ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _alone(self, station_id: str) -> AsyncIterator[NexoTerminal]:
        there = self._terminal(station_id)
        if self._busy[station_id].locked():
            raise DeviceError("terminal-busy", "The terminal is busy with another payment; nothing was sent.")
        async with self._busy[station_id]:
            yield there

    def _terminal(self, station_id: str) -> NexoTerminal:
        found = self._terminals.get(station_id)
        if found is None:
            raise DeviceError("no-terminal", f"No nexo terminal is configured for station {station_id!r}.")
        return found

    def _by_poi(self, poi_id: str) -> NexoTerminal:
        return next(there for there in self._terminals.values() if there.options.poi_id == poi_id)

    def _category(self, line: Sent) -> Category:
        if line.kind == "acquire":
            return "CardAcquisition"
        if line.kind == "cancel":
            return "Reversal"
        refunds = self._terminal(line.station_id).options.refunds
        return "Reversal" if line.kind == "refund" and refunds == "reversal" else "Payment"

    def _sale(self, reference: str) -> dict[str, Any]:
        return sale_data(reference, self._clock.now())


def opened(setup: ConnectorSetup) -> NexoConnector:
    """The connector as the server loads it. Raises `RequestError` with the option's path."""
    terminals = {station: terminal(station, options) for station, options in setup.terminals.items()}
    return NexoConnector(terminals, SentBook(setup.book, setup.clock), setup.clock)
