"""The calls to the service, by the official package over our own aiohttp session; nothing here blocks the loop.

The package never retries by itself: a repeated call is ours, with the same idempotency key.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import aiohttp
import stripe

from poi_engine.connectors.stripe_terminal.amounts import theirs
from poi_engine.connectors.stripe_terminal.options import StripeReader
from poi_engine.errors import DeviceError

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCaptureParams, PaymentIntentUpdateParams, RefundCreateParams
    from stripe.params.terminal import (
        ReaderCollectPaymentMethodParams,
        ReaderConfirmPaymentIntentParams,
        ReaderProcessPaymentIntentParams,
    )

stripe.enable_telemetry = False  # it would name this machine, and read files and run programs in the loop

Found = dict[str, Any]
_CALL_SECONDS = 30.0
_AWAY = frozenset({"terminal_reader_offline", "terminal_reader_hardware_fault"})
_BUSY = frozenset({"terminal_reader_busy"})
_NOT_YET = frozenset({409, 429})
"""What a call hears whose like is under way, or that is one too many: neither says what became of an earlier one."""


_VERDICTS = frozenset({"amount_too_large", "charge_already_refunded", "charge_disputed", "charge_expired_for_capture"})
"""Refusals that are about the payment, beside those of the card; others are about the key, the account or the call."""


class Lost(DeviceError):
    """A call may or may not have reached the service: what became of it is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__("no-answer", f"The service gave no answer: {why}.")


class Refused(DeviceError):
    """The service refused a call: this one did nothing. `code` is the service's own.

    `verdict`: it is about the payment, so that the same call before it did nothing either.
    """

    def __init__(self, code: str, *, verdict: bool = False) -> None:
        known = "terminal-away" if code in _AWAY else "terminal-busy" if code in _BUSY else "terminal-refused"
        super().__init__(known, f"The service refused: {code}. Nothing was taken.")
        self.reason, self.verdict = code, verdict


class Service:
    """One account's calls. Amounts in our minor units; objects come back as plain mappings, as the service counts."""

    def __init__(self, reader: StripeReader) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS))
        http = stripe.AIOHTTPClient(timeout=None, session=self._session)
        client = stripe.StripeClient(
            reader.key, base_addresses={"api": reader.options.api}, http_client=http, max_network_retries=0
        )
        self._intents, self._refunds = client.v1.payment_intents, client.v1.refunds
        self._readers = client.v1.terminal.readers

    async def create_intent(self, amount: int, currency: str, reference: str, key: str, *, held: bool = False) -> Found:
        """A payment intent for a card that is present; `held`: what is authorised is captured later."""
        call = self._intents.create_async(
            {
                "amount": theirs(amount, currency),
                "currency": currency.lower(),
                "allowed_payment_method_types": ["card_present"],
                "capture_method": "manual" if held else "automatic",
                "metadata": {"reference": reference},
            },
            {"idempotency_key": key},
        )
        return await _called(call)

    async def adjust_intent(self, intent: str, amount: int, currency: str, reference: str, key: str) -> Found:
        """Set the amount that is confirmed, and whose payment it is."""
        changed: PaymentIntentUpdateParams = {"amount": theirs(amount, currency), "metadata": {"reference": reference}}
        return await _called(self._intents.update_async(intent, changed, {"idempotency_key": key}))

    async def intent(self, intent: str) -> Found:
        """A payment intent as it is, with its charge."""
        return await _called(self._intents.retrieve_async(intent, {"expand": ["latest_charge"]}))

    async def find_intent(self, reference: str) -> str | None:
        """The intent of a reference that another machine has made; the service's search may lag by a minute."""
        found = await _called(self._intents.search_async({"query": f"metadata['reference']:'{reference}'"}))
        return str(found["data"][0]["id"]) if found["data"] else None

    async def capture_intent(self, intent: str, amount: int, currency: str, key: str) -> Found:
        """Take at most what is held, and let go the rest."""
        taken: PaymentIntentCaptureParams = {"amount_to_capture": theirs(amount, currency), "expand": ["latest_charge"]}
        return await _called(self._intents.capture_async(intent, taken, {"idempotency_key": key}))

    async def cancel_intent(self, intent: str) -> Found:
        """Nothing can be charged on it any more."""
        return await _called(self._intents.cancel_async(intent))

    async def collect(self, reader: str, intent: str, key: str) -> Found:
        """The reader asks for a card, and does not charge it."""
        asked: ReaderCollectPaymentMethodParams = {"payment_intent": intent}
        return await _called(self._readers.collect_payment_method_async(reader, asked, {"idempotency_key": key}))

    async def confirm(self, reader: str, intent: str, key: str) -> Found:
        """The reader charges the card it has collected."""
        asked: ReaderConfirmPaymentIntentParams = {"payment_intent": intent}
        return await _called(self._readers.confirm_payment_intent_async(reader, asked, {"idempotency_key": key}))

    async def process(self, reader: str, intent: str, key: str) -> Found:
        """The reader asks for a card and charges it."""
        asked: ReaderProcessPaymentIntentParams = {"payment_intent": intent}
        return await _called(self._readers.process_payment_intent_async(reader, asked, {"idempotency_key": key}))

    async def stop(self, reader: str) -> Found:
        """The reader stops what it does."""
        return await _called(self._readers.cancel_action_async(reader))

    async def reader(self, reader: str) -> Found:
        """The reader as it is."""
        return await _called(self._readers.retrieve_async(reader))

    async def refund(self, intent: str, amount: int, currency: str, reference: str, key: str) -> Found:
        """Give an amount back."""
        back: RefundCreateParams = {
            "payment_intent": intent,
            "amount": theirs(amount, currency),
            "metadata": {"reference": reference},
        }
        return await _called(self._refunds.create_async(back, {"idempotency_key": key}))

    async def find_refund(self, intent: str, reference: str) -> Found | None:
        """The refund of a reference among those of an intent."""
        found = (await _called(self._refunds.list_async({"payment_intent": intent, "limit": 100})))["data"]
        return next((one for one in found if (one.get("metadata") or {}).get("reference") == reference), None)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


async def _called(call: Coroutine[Any, Any, stripe.StripeObject]) -> Found:
    try:
        return dict((await call).to_dict())
    except (stripe.APIConnectionError, aiohttp.ClientError, TimeoutError) as error:
        raise Lost(type(error.__cause__ or error).__name__) from None
    except stripe.StripeError as error:
        status = error.http_status
        if status is None or status >= 500 or status in _NOT_YET or error.code == "terminal_reader_timeout":
            raise Lost(f"HTTP {status} {error.code or ''}".rstrip()) from None
        verdict = isinstance(error, stripe.CardError) or error.code in _VERDICTS
        raise Refused(_code(error), verdict=verdict) from None


def _code(error: stripe.StripeError) -> str:
    """The service's code, or the kind of mistake: messages may quote what was sent."""
    if isinstance(error, stripe.IdempotencyError):
        return "idempotency_error"
    return str(error.code or type(error).__name__)[:80]
