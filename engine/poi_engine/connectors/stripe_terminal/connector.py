"""The payment connector for Stripe readers: the card before the amount, each step under our own reference.

The first call that a payment makes carries its reference as the idempotency key. Whoever has to make sure that a
payment can no longer happen spends that key: it serves one call, of whichever process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from poi_engine.connectors.sent import FINAL, Sent, SentBook, card_seen, declined, unknown
from poi_engine.connectors.stripe_terminal.options import StripeReader, reader
from poi_engine.connectors.stripe_terminal.states import (
    action_on,
    facts_of,
    failure,
    intent_said,
    refund_said,
)
from poi_engine.errors import DeviceError, RequestError
from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult

if TYPE_CHECKING:
    from poi_engine.connectors.stripe_terminal.service import Service

_LEAST = 50  # minor units: the least amount of an intent that is made only to be cancelled


class StripeConnector:
    """Readers by station. Without the official package (the extra `stripe`) there is no such connector."""

    name = "stripe"
    capabilities = Capabilities(card_before_amount=True, holds=True)

    def __init__(self, readers: Mapping[str, StripeReader], book: SentBook) -> None:
        self._readers = dict(readers)
        self._book = book
        self._busy = {station: asyncio.Lock() for station in readers}
        self._services: dict[tuple[str, str], Service] = {}

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Have the reader collect a card; it shows the amount due so far, and needs one."""
        if amount <= 0:
            raise DeviceError("amount-first", "This reader shows an amount while it reads the card: fill the basket.")
        async with self._alone(station_id) as (there, service):
            known = await self._book.begin(acquisition_ref, "acquire", station_id, amount, currency)
            if known is not None:
                return card_seen(acquisition_ref, known.result)
            try:
                result = await self._collect(there, service, acquisition_ref, amount, currency)
            except DeviceError:
                await self._let_go(there, service, acquisition_ref)
                raise
            await self._book.end(acquisition_ref, result=result)
            return card_seen(acquisition_ref, result)

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Charge an amount in minor units: on the card that was collected, or on the next one."""
        return await self._charge(station_id, "authorise", payment_ref, amount, currency, acquisition_ref)

    async def hold(self, station_id: str, hold_ref: str, amount: int, currency: str) -> PaymentResult:
        """Hold an amount on the next card."""
        return await self._charge(station_id, "hold", hold_ref, amount, currency, None)

    async def capture_hold(self, station_id: str, hold_ref: str, capture_ref: str, amount: int) -> PaymentResult:
        """Take at most what is held, once; the service lets go the rest."""
        async with self._alone(station_id) as (_, service):
            intent = await self._intent_of(service, hold_ref)
            if intent is None:
                raise DeviceError("original-unknown", "The service does not know the hold; nothing was sent.")
            currency = await self._currency_of(service, hold_ref, intent)
            known = await self._book.begin(capture_ref, "capture", station_id, amount, currency, hold_ref)
            if known is not None:
                return known.result or await self.status(capture_ref)
            left = await self._book.left(hold_ref)
            if left is not None and left < 0:
                return await self._ended(declined(capture_ref, "more than what is held"))
            await self._book.end(capture_ref, token=intent)
            return await self._taken(service, intent, capture_ref, amount, currency)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Nothing to do: intents are made to capture at once."""
        return await self.status(payment_ref)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Give a whole payment back, drop a card that was collected, or spend the reference's key."""
        line = await self._book.find(payment_ref)
        there, service = self._of(line)
        if line is not None and line.kind == "acquire":
            await self._let_go(there, service, payment_ref)
            return PaymentResult(outcome="approved", payment_ref=payment_ref)
        if line is not None and line.kind == "refund":
            return await self._barred(service, line)
        said = await self.status(payment_ref)
        if said.outcome == "approved" and (line is None or line.kind != "hold"):
            undone = await self._undo(service, payment_ref, said.amount)
            if undone.outcome != "approved":
                return unknown(payment_ref, undone.reason)
        elif said.outcome != "declined":
            said = await self._stopped(there, service, payment_ref)
            if said.outcome != "declined":
                return said
        await self._book.begin(payment_ref, "authorise", there.station)
        await self._book.end(payment_ref, result=declined(payment_ref, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give back at most what is left of a payment, to the card it came from."""
        async with self._alone(station_id) as (_, service):
            intent = await self._intent_of(service, payment_ref)
            if intent is None:
                raise DeviceError("original-unknown", "The service does not know the payment; nothing was sent.")
            known = await self._book.begin(refund_ref, "refund", station_id, amount, currency, payment_ref)
            if known is not None:
                return known.result or await self.status(refund_ref)
            left = await self._book.left(payment_ref)
            if left is not None and left < 0:
                return await self._ended(declined(refund_ref, "more than what is left"))
            return await self._refunded(service, intent, refund_ref, amount, currency)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What became of a payment or refund: from the book, or from the service."""
        line = await self._book.find(payment_ref)
        if line is not None and line.result is not None and line.result.outcome in FINAL:
            return line.result
        there, service = self._of(line)
        try:
            if line is not None and line.kind == "refund":
                return await self._refund_status(service, line)
            if line is not None and line.kind == "capture":  # the same key again: done once, whenever it arrived
                return await self._capture_status(service, line)
            intent = await self._intent_of(service, payment_ref)
            if intent is None:
                return PaymentResult(outcome="not_found", payment_ref=payment_ref)
            action = action_on(await service.reader(there.options.reader), intent)
            said = intent_said(payment_ref, line.amount if line else None, await service.intent(intent), action)
        except DeviceError as error:
            return unknown(payment_ref, error.message)
        return await self._ended(said)

    async def probe(self, station_id: str) -> str:
        """What the service says of the reader. Raises `DeviceError`."""
        there = self._reader(station_id)
        found = await self._service(there).reader(there.options.reader)
        return f"the reader is {str(found.get('status'))[:20]}"

    async def close(self) -> None:
        """Close the connections and the book."""
        for service in self._services.values():
            await service.close()
        await asyncio.to_thread(self._book.close)

    # --- the card --------------------------------------------------------------------------------------------------

    async def _collect(
        self, there: StripeReader, service: Service, reference: str, amount: int, currency: str
    ) -> PaymentResult:
        made = await service.create_intent(amount, currency, reference, reference)
        await self._book.end(reference, token=made["id"])
        await service.collect(there.options.reader, made["id"], f"{reference}:start")
        action = await self._until_done(there, service, made["id"])
        if action is None or action.get("status") != "succeeded":
            raise DeviceError("card-not-read", f"No card was read: {failure(None, action)}.")
        method = action["collect_payment_method"].get("payment_method") or {}
        return PaymentResult(outcome="approved", payment_ref=reference, facts=facts_of(method.get("card_present")))

    async def _take_card(self, acquisition_ref: str | None) -> str | None:
        """The intent that holds the card which was collected; it serves once."""
        line = await self._book.find(acquisition_ref) if acquisition_ref else None
        if line is None or not line.token or line.result is None or line.result.outcome != "approved":
            return None
        await self._book.end(line.reference, token="")
        return line.token

    async def _let_go(self, there: StripeReader, service: Service, reference: str) -> None:
        """No payment follows the card: neither the reader nor the intent is left waiting."""
        line = await self._book.find(reference)
        if line is not None and line.token:
            with suppress(DeviceError):  # it may have stopped by itself
                await service.stop(there.options.reader)
            with suppress(DeviceError):  # nothing is charged on it as long as nobody confirms
                await service.cancel_intent(line.token)
        await self._book.end(reference, token="", result=declined(reference, "cancelled"))

    # --- the payment -----------------------------------------------------------------------------------------------

    async def _charge(
        self, station_id: str, kind: str, reference: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        async with self._alone(station_id) as (there, service):
            known = await self._book.begin(reference, kind, station_id, amount, currency)
            if known is not None:
                return known.result or await self.status(reference)
            card = await self._take_card(acquisition_ref)
            try:
                intent = await self._intended(service, reference, amount, currency, card, held=kind == "hold")
                await self._book.end(reference, token=intent)
                start = service.confirm if card else service.process
                await start(there.options.reader, intent, f"{reference}:start")
            except DeviceError as error:
                return await self._not_started(reference, error)
            return await self._watched(there, service, reference)

    async def _intended(
        self, service: Service, reference: str, amount: int, currency: str, card: str | None, *, held: bool
    ) -> str:
        if card is None:
            return str((await service.create_intent(amount, currency, reference, reference, held=held))["id"])
        return str((await service.adjust_intent(card, amount, currency, reference, reference))["id"])

    async def _not_started(self, reference: str, error: DeviceError) -> PaymentResult:
        """Before the reader was told to charge, nothing can have been; if it may have been told, nobody knows."""
        line = await self._book.find(reference)
        if error.code == "no-answer" and line is not None and line.token:
            return unknown(reference, error.message)
        if line is not None and line.token:
            with suppress(DeviceError):
                await self._of(line)[1].cancel_intent(line.token)
        await self._ended(declined(reference, error.code))
        raise error

    async def _watched(self, there: StripeReader, service: Service, reference: str) -> PaymentResult:
        """Wait for the reader; whoever shows no card in time is asked no longer."""
        line = await self._book.find(reference)
        assert line is not None
        with suppress(DeviceError):
            if await self._until_done(there, service, line.token) is None:
                await service.stop(there.options.reader)
        said = await self.status(reference)
        if said.outcome != "not_found":
            return said
        return await self._stopped(there, service, reference)

    async def _until_done(self, there: StripeReader, service: Service, intent: str) -> dict[str, Any] | None:
        """What the reader did with an intent; None when it is still at it after the time a customer has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(there.options.answer_seconds):
                while True:
                    action = action_on(await service.reader(there.options.reader), intent)
                    if action is None or action.get("status") != "in_progress":
                        return action or {}
                    await asyncio.sleep(there.options.poll_seconds)
        return None

    async def _stopped(self, there: StripeReader, service: Service, reference: str) -> PaymentResult:
        """Make sure that nothing can be charged any more, then say `declined`; `unknown` while that is not sure."""
        line = await self._book.find(reference)
        try:
            intent = await self._intent_of(service, reference)
            if intent is None:
                await self._spend(service, reference)
                return declined(reference, "cancelled")
            with suppress(DeviceError):
                await service.stop(there.options.reader)
            cancelled = await service.cancel_intent(intent)
        except DeviceError as error:
            return unknown(reference, error.message)
        said = intent_said(reference, line.amount if line else None, cancelled, None)
        return await self._ended(said)

    async def _spend(self, service: Service, reference: str) -> None:
        """Use the reference's key on an intent that is cancelled at once. Raises `DeviceError` if it was used."""
        spent = await service.create_intent(_LEAST, "EUR", f"spent:{reference}", reference)
        await service.cancel_intent(spent["id"])

    async def _taken(
        self, service: Service, intent: str, capture_ref: str, amount: int, currency: str, *, again: bool = False
    ) -> PaymentResult:
        try:
            captured = await service.capture_intent(intent, amount, currency, capture_ref)
        except DeviceError as error:
            return await self._not_done(capture_ref, error, again=again)
        return await self._ended(intent_said(capture_ref, amount, captured, None))

    async def _capture_status(self, service: Service, line: Sent) -> PaymentResult:
        """What is taken is taken; only what is held still is asked for again: the service forgets keys after a day."""
        said = await service.intent(line.token)
        if said.get("status") in ("succeeded", "canceled"):
            return await self._ended(intent_said(line.reference, line.amount, said, None))
        currency = line.currency or str(said["currency"]).upper()
        return await self._taken(service, line.token, line.reference, line.amount, currency, again=True)

    async def _not_done(self, reference: str, error: DeviceError, *, again: bool) -> PaymentResult:
        """What a call that failed says of a reference; of one that was sent before, only a verdict on the payment says
        anything. That the key was taken back, or has too few rights, is none."""
        if error.code == "no-answer" or (again and not getattr(error, "verdict", False)):
            return unknown(reference, error.message)
        return await self._ended(declined(reference, str(getattr(error, "reason", error.code))))

    # --- giving back -----------------------------------------------------------------------------------------------

    async def _undo(self, service: Service, payment_ref: str, amount: int) -> PaymentResult:
        intent = await self._intent_of(service, payment_ref)
        if intent is None:
            return unknown(payment_ref, "its intent is not found")
        try:
            currency = await self._currency_of(service, payment_ref, intent)
            refund = await service.refund(intent, amount, currency, f"cancel:{payment_ref}", f"cancel:{payment_ref}")
        except DeviceError as error:
            return unknown(payment_ref, error.message)
        return refund_said(payment_ref, amount, refund)

    async def _refunded(
        self, service: Service, intent: str, refund_ref: str, amount: int, currency: str, *, again: bool = False
    ) -> PaymentResult:
        try:
            said = await service.refund(intent, amount, currency, refund_ref, refund_ref)
        except DeviceError as error:
            return await self._not_done(refund_ref, error, again=again)
        return await self._ended(refund_said(refund_ref, amount, said))

    async def _refund_status(self, service: Service, line: Sent) -> PaymentResult:
        intent = await self._intent_of(service, line.of_reference)
        found = await service.find_refund(intent, line.reference) if intent else None
        if found is None and intent:  # the same key again: done once, whether or not it arrived the first time
            return await self._refunded(service, intent, line.reference, line.amount, line.currency, again=True)
        return await self._ended(refund_said(line.reference, line.amount, found or {}))

    async def _barred(self, service: Service, line: Sent) -> PaymentResult:
        """Make sure that a refund is not made any more; asking for its status would send it. A made one stays."""
        if line.result is None or line.result.outcome != "declined":
            try:
                intent = await self._intent_of(service, line.of_reference)
                if intent and await service.find_refund(intent, line.reference):
                    return unknown(line.reference, "the service has given the money back")
                await self._spend(service, line.reference)
            except DeviceError as error:
                return unknown(line.reference, error.message)
            await self._ended(declined(line.reference, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=line.reference)

    # --- small things ----------------------------------------------------------------------------------------------

    async def _intent_of(self, service: Service, reference: str) -> str | None:
        line = await self._book.find(reference)
        return line.token if line is not None and line.token else await service.find_intent(reference)

    async def _currency_of(self, service: Service, reference: str, intent: str) -> str:
        line = await self._book.find(reference)
        return line.currency if line and line.currency else str((await service.intent(intent))["currency"]).upper()

    async def _ended(self, said: PaymentResult) -> PaymentResult:
        if said.outcome in FINAL:
            await self._book.end(said.payment_ref, result=said)
        return said

    @asynccontextmanager
    async def _alone(self, station_id: str) -> AsyncIterator[tuple[StripeReader, Service]]:
        there = self._reader(station_id)
        if self._busy[station_id].locked():
            raise DeviceError("terminal-busy", "The reader is busy with another payment; nothing was sent.")
        async with self._busy[station_id]:
            yield there, self._service(there)

    def _reader(self, station_id: str) -> StripeReader:
        found = self._readers.get(station_id)
        if found is None:
            raise DeviceError("no-terminal", f"No Stripe reader is configured for station {station_id!r}.")
        return found

    def _of(self, line: Sent | None) -> tuple[StripeReader, Service]:
        """The reader that a line was sent to; any serves to ask the account about a reference that has none."""
        station = line.station_id if line and line.station_id else next(iter(self._readers), "")
        there = self._reader(station)
        return there, self._service(there)

    def _service(self, there: StripeReader) -> Service:
        from poi_engine.connectors.stripe_terminal.service import Service

        account = (there.options.api, there.key)
        if account not in self._services:  # a loop is needed, and there is none where connectors are opened
            self._services[account] = Service(there)
        return self._services[account]


def opened(setup: ConnectorSetup) -> StripeConnector:
    """The connector as the server loads it. Raises `RequestError` with the option's path."""
    try:
        import poi_engine.connectors.stripe_terminal.service  # noqa: F401 - half a second, not in the loop
    except ModuleNotFoundError:
        why = "The connector stripe needs the official package: pip install 'poi-server[stripe]'."
        raise RequestError("configuration", why, path="$.payment.connectors") from None
    readers = {station: reader(station, options) for station, options in setup.terminals.items()}
    return StripeConnector(readers, SentBook(setup.book, setup.clock))
