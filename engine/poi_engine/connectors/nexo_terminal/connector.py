"""The payment connector for nexo terminals, one a station: the card before the amount, and a question for every doubt.

What was sent stands in a book before a byte leaves. The message about a reference has always the same ServiceID, so
that the terminal can be asked what became of it after any crash, and by any process.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import aiohttp
import msgspec

from poi_engine.clock import Clock, micros
from poi_engine.connectors.nexo_terminal.dialogue import NoAnswer, ask
from poi_engine.connectors.nexo_terminal.messages import (
    Body,
    Nonsense,
    decimal,
    facts_of,
    new_service_id,
    payment_said,
    read_body,
    reversal_said,
    sale_data,
    same_message,
    service_id,
    stamp,
)
from poi_engine.connectors.nexo_terminal.options import NexoTerminal, terminal
from poi_engine.connectors.sent import Sent, SentBook
from poi_engine.errors import DeviceError
from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult

Category = Literal["Payment", "Reversal"]
Told = tuple[PaymentResult, str | None]
"""The terminal's word, and its own reference of the transaction where it gives one."""
_FINAL = ("approved", "declined")
_UNDO_TRIES = 100


class NexoConnector:
    """Terminals by station, and one book for all of them."""

    name = "nexo"
    capabilities = Capabilities(card_before_amount=True)

    def __init__(self, terminals: Mapping[str, NexoTerminal], book: SentBook, clock: Clock) -> None:
        self._terminals = dict(terminals)
        self._book = book
        self._clock = clock
        self._busy = {station: asyncio.Lock() for station in terminals}
        self._logged_in: set[str] = set()
        self._http: aiohttp.ClientSession | None = None

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Have a card read before the amount; repeating the reference tells of the same card."""
        async with self._alone(station_id) as there:
            known = await self._begin(acquisition_ref, "acquire", station_id)
            if known is not None:
                return _seen(known)
            body = await self._card(there, acquisition_ref, amount, currency)
            token = "" if body.transaction is None else msgspec.json.encode(body.transaction).decode()
            facts = facts_of(body.PaymentInstrumentData, body.Response.AdditionalResponse)
            outcome, reason = ("approved", "") if body.succeeded else ("declined", body.reason)
            result = PaymentResult(outcome=outcome, payment_ref=acquisition_ref, facts=facts, reason=reason)
            await self._book.end(acquisition_ref, token=token, result=result)
            return _seen(Sent(reference=acquisition_ref, kind="acquire", result=result))

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take an amount in minor units at the station's terminal, with the card it has read or with the next one."""
        async with self._alone(station_id) as there:
            known = await self._begin(payment_ref, "authorise", station_id, amount, currency)
            if known is not None:
                return known.result or await self.status(payment_ref)
            data: dict[str, Any] = {"PaymentType": "Normal"}
            if card := await self._take_card(acquisition_ref):
                data["CardAcquisitionReference"] = card
            asked = {"AmountsReq": {"Currency": currency, "RequestedAmount": decimal(amount, currency)}}
            body = {"SaleData": self._sale(payment_ref), "PaymentTransaction": asked, "PaymentData": data}
            return await self._send(there, "Payment", payment_ref, body, amount, currency)

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
            await self._begin(payment_ref, "authorise", line.station_id if line else "")
        elif said.outcome != "declined":
            if line is not None:
                await self._abort(self._terminal(line.station_id), self._category(line), payment_ref)
            return _unknown(payment_ref, "it is still at the terminal")
        await self._book.end(payment_ref, result=_declined(payment_ref, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give back at most what is left of a payment, at the station's terminal."""
        async with self._alone(station_id) as there:
            original = await self._original(payment_ref)
            known = await self._begin(refund_ref, "refund", station_id, amount, currency, payment_ref)
            if known is not None:
                return known.result or await self.status(refund_ref)
            left = await self._book.left(payment_ref)
            if left is not None and left < 0:
                await self._book.end(refund_ref, result=_declined(refund_ref, "more than what is left"))
                return _declined(refund_ref, "more than what is left")
            return await self._give_back(there, refund_ref, original, amount, currency)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What became of a payment or refund: from the book, or from the terminal that was asked."""
        line = await self._book.find(payment_ref)
        if line is None:
            return await self._anywhere(payment_ref)
        if line.result is not None and line.result.outcome in _FINAL:
            return line.result
        said, token = await self._asked_after(self._terminal(line.station_id), self._category(line), line)
        if said.outcome in _FINAL:
            await self._book.end(payment_ref, token=token, result=said)
        return said

    async def probe(self, station_id: str) -> str:
        """What the terminal says of itself. Raises `DeviceError` when it is away."""
        there = self._terminal(station_id)
        body = await self._ask(there, "Diagnosis", new_service_id(), {}, there.options.status_seconds)
        status = (body.POIStatus or {}).get("GlobalStatus", "no status") if body.succeeded else body.reason
        return f"it answers: {str(status)[:40]}"

    async def close(self) -> None:
        """Close the connections and the book."""
        if self._http is not None:
            await self._http.close()
        await asyncio.to_thread(self._book.close)

    # --- one message -----------------------------------------------------------------------------------------------

    async def _send(
        self, there: NexoTerminal, category: Category, reference: str, body: dict[str, Any], amount: int, currency: str
    ) -> PaymentResult:
        """Send what moves money, once; the book says so already."""
        try:
            await self._login(there)
            answer = await self._ask(there, category, service_id(reference), body, there.options.answer_seconds)
            said = _said(category, reference, amount, currency, answer)
        except (NoAnswer, Nonsense) as error:
            return _unknown(reference, error.message)
        except DeviceError:
            await self._book.forget(reference)
            raise
        if answer.condition == "LoggedOut":
            self._logged_in.discard(there.station)
        await self._book.end(reference, token=_token(answer), result=said if said.outcome in _FINAL else None)
        return said

    async def _ask(
        self, there: NexoTerminal, category: str, service: str, body: dict[str, Any], seconds: float
    ) -> Body:
        answer = await ask(self._session(), there, category, service, body, seconds)
        if answer is None:
            raise Nonsense("it is empty")
        return answer

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:  # a loop is needed, and there is none where connectors are opened
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        return self._http

    async def _login(self, there: NexoTerminal) -> None:
        if not there.options.login or there.station in self._logged_in:
            return
        software = {"ApplicationName": "poi-server", "CertificationCode": "none", "SoftwareVersion": "0"}
        body = {"DateTime": stamp(self._clock.now()), "SaleSoftware": software, "OperatorLanguage": "en"}
        try:
            answer = await self._ask(there, "Login", new_service_id(), body, there.options.status_seconds)
        except (NoAnswer, Nonsense) as error:
            raise DeviceError("terminal-away", f"The login failed, no payment was sent: {error.message}") from None
        if not answer.succeeded:
            raise DeviceError("terminal-away", f"The login was refused, no payment was sent: {answer.reason}.")
        self._logged_in.add(there.station)

    # --- the card --------------------------------------------------------------------------------------------------

    async def _card(self, there: NexoTerminal, reference: str, amount: int, currency: str) -> Body:
        """The answer about the card; whatever goes wrong, the terminal is let go and the reference forgotten."""
        asked: dict[str, Any] = {"PaymentType": "Normal"}
        if amount:
            asked["TotalAmount"] = decimal(amount, currency)
        body = {"SaleData": self._sale(reference), "CardAcquisitionTransaction": asked}
        try:
            await self._login(there)
            return await self._ask(there, "CardAcquisition", service_id(reference), body, there.options.answer_seconds)
        except DeviceError as error:
            if isinstance(error, NoAnswer | Nonsense):
                await self._abort(there, "CardAcquisition", reference)
                await self._release(there)
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
            await self._abort(there, "CardAcquisition", line.reference)
        if line.result is None or line.token:
            await self._release(there)
        await self._book.end(line.reference, token="", result=_declined(line.reference, "cancelled"))
        return PaymentResult(outcome="approved", payment_ref=line.reference)

    async def _release(self, there: NexoTerminal) -> None:
        with suppress(DeviceError):  # it lets go by itself after a while
            body = {"TransactionAction": "AbortTransaction"}
            await self._ask(there, "EnableService", new_service_id(), body, there.options.status_seconds)

    async def _abort(self, there: NexoTerminal, category: str, reference: str) -> None:
        body = {"AbortReason": "MerchantAbort", "MessageReference": self._pointing(there, category, reference)}
        with suppress(DeviceError):  # the answer says nothing either way; the status does
            await ask(self._session(), there, "Abort", new_service_id(), body, there.options.status_seconds)

    # --- giving back -----------------------------------------------------------------------------------------------

    async def _give_back(
        self, there: NexoTerminal, refund_ref: str, original: dict[str, Any], amount: int, currency: str
    ) -> PaymentResult:
        value = decimal(amount, currency)
        if there.options.refunds == "payment":
            asked = {"AmountsReq": {"Currency": currency, "RequestedAmount": value}, "OriginalPOITransaction": original}
            data = {"PaymentType": "Refund"}
            body = {"SaleData": self._sale(refund_ref), "PaymentTransaction": asked, "PaymentData": data}
            return await self._send(there, "Payment", refund_ref, body, amount, currency)
        body = self._reversal(refund_ref, original) | {"ReversedAmount": value}
        return await self._send(there, "Reversal", refund_ref, body, amount, currency)

    async def _undo(self, payment_ref: str, amount: int) -> PaymentResult:
        """Reverse the whole of a payment at the terminal that took it."""
        original = await self._original(payment_ref)
        station = self._by_poi(original["POIID"])
        for number in range(_UNDO_TRIES):
            reference = f"cancel:{number}:{payment_ref}"
            known = await self._begin(reference, "cancel", station.station, amount, of_reference=payment_ref)
            if known is None:
                body = self._reversal(reference, original)
                return await self._send(station, "Reversal", reference, body, amount, "")
            said = known.result or await self.status(reference)
            if said.outcome != "declined":  # a refusal may be asked again, under a name of its own
                return said
        return _unknown(payment_ref, "the terminal refuses to undo it")

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
                token = (await self._asked_after(there, "Payment", sought))[1]
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
                said, _ = await self._asked_after(there, category, sought)
                if said.outcome != "not_found":
                    return said
        return PaymentResult(outcome="not_found", payment_ref=reference)

    async def _asked_after(self, there: NexoTerminal, category: Category, line: Sent) -> Told:
        """The terminal's word on a message of ours."""
        pointing = self._pointing(there, category, line.reference)
        body = {"MessageReference": pointing, "ReceiptReprintFlag": False}
        try:
            answer = await self._ask(there, "TransactionStatus", new_service_id(), body, there.options.status_seconds)
            return _repeated(category, line, pointing, answer)
        except (NoAnswer, Nonsense) as error:
            return _unknown(line.reference, error.message), None

    def _pointing(self, there: NexoTerminal, category: str, reference: str) -> dict[str, Any]:
        return {
            "MessageCategory": category,
            "ServiceID": service_id(reference),
            "SaleID": there.options.sale_id,
            "POIID": there.options.poi_id,
        }

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
        if line.kind == "cancel":
            return "Reversal"
        refunds = self._terminal(line.station_id).options.refunds
        return "Reversal" if line.kind == "refund" and refunds == "reversal" else "Payment"

    async def _begin(
        self, reference: str, kind: str, station: str, amount: int = 0, currency: str = "", of_reference: str = ""
    ) -> Sent | None:
        at = micros(self._clock.now())
        return await self._book.begin(
            Sent(
                reference=reference,
                kind=kind,
                station_id=station,
                amount=amount,
                currency=currency,
                of_reference=of_reference,
                at=at,
            )
        )

    def _sale(self, reference: str) -> dict[str, Any]:
        return sale_data(reference, self._clock.now())


def opened(setup: ConnectorSetup) -> NexoConnector:
    """The connector as the server loads it. Raises `RequestError` with the option's path."""
    terminals = {station: terminal(station, options) for station, options in setup.terminals.items()}
    return NexoConnector(terminals, SentBook(setup.book), setup.clock)


def _said(category: Category, reference: str, amount: int | None, currency: str, body: Body) -> PaymentResult:
    read = payment_said if category == "Payment" else reversal_said
    return read(reference, amount, currency, body)


def _repeated(category: Category, line: Sent, pointing: dict[str, Any], answer: Body) -> Told:
    if answer.succeeded and answer.RepeatedMessageResponse is not None:
        repeated = answer.RepeatedMessageResponse
        same_message(repeated.MessageHeader, pointing)
        body = read_body(repeated.RepeatedResponseMessageBody.get(f"{category}Response"))
        return _said(category, line.reference, line.amount or None, line.currency, body), _token(body)
    outcome = {"InProgress": "in_progress", "NotFound": "not_found"}.get(answer.condition, "unknown")
    return PaymentResult(outcome=outcome, payment_ref=line.reference, reason=answer.reason), None


def _seen(line: Sent) -> CardSeen:
    if line.result is None or line.result.outcome != "approved":
        reason = line.result.reason if line.result else "the terminal still waits for one"
        raise DeviceError("card-not-read", f"No card was read: {reason}.")
    return CardSeen(facts=line.result.facts, acquisition_ref=line.reference)


def _token(body: Body) -> str | None:
    return msgspec.json.encode(body.transaction).decode() if body.transaction else None


def _declined(reference: str, why: str) -> PaymentResult:
    return PaymentResult(outcome="declined", payment_ref=reference, reason=why)


def _unknown(reference: str, why: str) -> PaymentResult:
    return PaymentResult(outcome="unknown", payment_ref=reference, reason=why)
