"""The questions that a sale system asks of a nexo terminal: one method each, over connections of their own."""

from contextlib import suppress
from typing import Any, Literal

import aiohttp
import msgspec

from poi_engine.clock import Clock
from poi_engine.connectors.nexo_terminal.dialogue import NoAnswer, ask
from poi_engine.connectors.nexo_terminal.messages import (
    Body,
    Nonsense,
    new_service_id,
    payment_said,
    read_body,
    reversal_said,
    same_message,
    service_id,
    stamp,
)
from poi_engine.connectors.nexo_terminal.options import NexoTerminal
from poi_engine.connectors.sent import Sent
from poi_engine.connectors.terminal_time import TerminalTimes
from poi_engine.errors import DeviceError
from poi_engine.ports import PaymentResult

Category = Literal["Payment", "Reversal", "CardAcquisition"]
Told = tuple[PaymentResult, str | None]
"""The terminal's word, and its own reference of the transaction where it gives one."""


class Talk:
    """Talks to any terminal; knows where it has logged in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._logged_in: set[str] = set()
        self._http: aiohttp.ClientSession | None = None
        self.times = TerminalTimes()

    async def move(self, there: NexoTerminal, category: str, reference: str, body: dict[str, Any]) -> Body:
        """Send the message about a reference, which may move money or reads a card. Raises `DeviceError`."""
        await self._login(there)
        answer = await self._ask(there, category, service_id(reference), body, there.options.answer_seconds)
        if answer.condition == "LoggedOut":
            self._logged_in.discard(there.station)
        return answer

    async def became(self, there: NexoTerminal, category: Category, line: Sent) -> Told:
        """What became of the message about a reference."""
        pointing = _pointing(there, category, line.reference)
        try:
            body = {"MessageReference": pointing, "ReceiptReprintFlag": False}
            return _repeated(category, line, pointing, await self._question(there, "TransactionStatus", body))
        except (NoAnswer, Nonsense) as error:
            return PaymentResult(outcome="unknown", payment_ref=line.reference, reason=error.message), None

    async def remembers(self, there: NexoTerminal, category: Category, reference: str) -> bool:
        """Whether the terminal still has its answer to the message about a reference."""
        body = {"MessageReference": _pointing(there, category, reference), "ReceiptReprintFlag": False}
        try:
            answer = await self._question(there, "TransactionStatus", body)
        except (NoAnswer, Nonsense):
            return False
        return answer.succeeded and answer.RepeatedMessageResponse is not None

    async def diagnosis(self, there: NexoTerminal) -> str:
        """How the terminal is."""
        body = await self._question(there, "Diagnosis", {})
        status = (body.POIStatus or {}).get("GlobalStatus", "no status") if body.succeeded else body.reason
        return f"it answers: {str(status)[:40]}"

    async def release(self, there: NexoTerminal) -> None:
        """No payment follows the card that was read."""
        with suppress(DeviceError):  # it lets go by itself after a while
            await self._question(there, "EnableService", {"TransactionAction": "AbortTransaction"})

    async def abort(self, there: NexoTerminal, category: str, reference: str) -> None:
        """Stop what the message about a reference began, if it can be stopped still."""
        body = {"AbortReason": "MerchantAbort", "MessageReference": _pointing(there, category, reference)}
        with suppress(DeviceError):  # the answer says nothing either way; the status does
            await ask(self._session(), there, "Abort", new_service_id(), body, there.options.status_seconds)

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def _login(self, there: NexoTerminal) -> None:
        if not there.options.login or there.station in self._logged_in:
            return
        software = {"ApplicationName": "poi-server", "CertificationCode": "none", "SoftwareVersion": "0"}
        body = {"DateTime": stamp(self._clock.now()), "SaleSoftware": software, "OperatorLanguage": "en"}
        try:
            answer = await self._question(there, "Login", body)
        except (NoAnswer, Nonsense) as error:
            raise DeviceError("terminal-away", f"The login failed, no payment was sent: {error.message}") from None
        if not answer.succeeded:
            raise DeviceError("terminal-away", f"The login was refused, no payment was sent: {answer.reason}.")
        self._logged_in.add(there.station)

    async def _question(self, there: NexoTerminal, category: str, body: dict[str, Any]) -> Body:
        return await self._ask(there, category, new_service_id(), body, there.options.status_seconds)

    async def _ask(
        self, there: NexoTerminal, category: str, service: str, body: dict[str, Any], seconds: float
    ) -> Body:
        answer = await ask(self._session(), there, category, service, body, seconds)
        if answer is None:
            raise Nonsense("it is empty")
        self.times.heard(there.station, answer.said_at, self._clock.now())
        return answer

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:  # a loop is needed, and there is none where connectors are opened
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0))
        return self._http


def meaning(category: Category, reference: str, amount: int | None, currency: str, body: Body) -> PaymentResult:
    """What an answer means. Raises `Nonsense`."""
    read = payment_said if category == "Payment" else reversal_said
    return read(reference, amount, currency, body)


def token_of(body: Body) -> str | None:
    """The terminal's own reference of a transaction, as it is kept."""
    return msgspec.json.encode(body.transaction).decode() if body.transaction else None


def _pointing(there: NexoTerminal, category: str, reference: str) -> dict[str, Any]:
    return {
        "MessageCategory": category,
        "ServiceID": service_id(reference),
        "SaleID": there.options.sale_id,
        "POIID": there.options.poi_id,
    }


def _repeated(category: Category, line: Sent, pointing: dict[str, Any], answer: Body) -> Told:
    if answer.succeeded and answer.RepeatedMessageResponse is not None:
        repeated = answer.RepeatedMessageResponse
        same_message(repeated.MessageHeader, pointing)
        body = read_body(repeated.RepeatedResponseMessageBody.get(f"{category}Response"))
        return meaning(category, line.reference, line.amount or None, line.currency, body), token_of(body)
    outcome = {"InProgress": "in_progress", "NotFound": "not_found"}.get(answer.condition, "unknown")
    return PaymentResult(outcome=outcome, payment_ref=line.reference, reason=answer.reason), None
