"""Payments that belong to no sale: whatever the terminal took goes back, once, and by one hand at a time.

Whoever undoes a payment, or says how it ended, holds it meanwhile: recovery here or in another process leaves it alone,
and a person is told so. The hold is the row's time of change, which is put back when nothing came of it.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from poi_engine.checkout.pay_jobs import IN_DOUBT, barred, undone
from poi_engine.checkout.payment import Payment
from poi_engine.checkout.under_way import UnderWay
from poi_engine.errors import Conflict, DeviceError, StorageError
from poi_engine.ports import Job, PaymentConnector, PaymentResult, Query
from poi_engine.wiring import Wiring

_log = logging.getLogger(__name__)

_HELD = ("sending", *IN_DOUBT)
_IN_HELD = f"state in ({', '.join('?' * len(_HELD))})"


class Undoing:
    """Gives back at terminals."""

    def __init__(self, wiring: Wiring, under_way: UnderWay) -> None:
        self._w = wiring
        self._under_way = under_way

    @asynccontextmanager
    async def held(self, merchant_id: str, payment_id: str, *, mine: bool = False) -> AsyncIterator[int]:
        """Nobody else undoes this payment or says how it ended meanwhile; since when, microseconds UTC.

        `Conflict` `undo-under-way` while somebody else holds it, `not-reversing` when it has an end. `mine`: this
        process has just said that it is to go back, and other processes leave it to this one.
        """
        if self._under_way.is_sending(payment_id):
            raise _elsewhere()
        with self._under_way.sending(payment_id):
            before, since = await self._taken(merchant_id, payment_id, mine)
            try:
                yield since
            finally:
                with suppress(StorageError):  # it is let go by itself after a while
                    await self._w.sql.write(lambda: _hold(merchant_id, payment_id, since, before))

    async def _taken(self, merchant_id: str, payment_id: str, mine: bool) -> tuple[int, int]:
        """The times of change before and since it is held. Tried twice: whoever changes it here in the same moment
        leaves it to this one."""
        for is_mine in (mine, False):
            before = await self._w.sql.read(lambda: _changed_at(merchant_id, payment_id))
            if not is_mine and await self._under_way.is_elsewhere(payment_id, before):
                break
            since = max(self._w.at(), before + 1)
            hold = partial(_hold, merchant_id, payment_id, before, since)
            if await self._w.sql.write(hold):
                return before, since
        raise _elsewhere()

    async def undo(self, merchant_id: str, payment: Payment, *, mine: bool = False) -> bool:
        """Have it go back. False while it cannot be told, or somebody else sees to it. `mine` as for `held`."""
        with suppress(Conflict):
            async with self.held(merchant_id, payment.payment_id, mine=mine):
                return await self.ask(merchant_id, payment)
        return False

    async def ask(self, merchant_id: str, payment: Payment) -> bool:
        """Ask the terminal about a payment that one holds, and have go back what it took. False while it cannot be
        told."""
        connector = self._w.connector(payment.connector)
        self._w.trace("undo.before-terminal")
        result = await status_of(connector, payment.payment_id)
        if result.outcome not in ("approved", "declined"):
            return False
        if result.outcome == "approved" and not await self._given_back(merchant_id, connector, payment):
            return False
        self._w.trace("undo.answered")
        state = "reversed" if result.outcome == "approved" else "declined"
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        if not await self._w.sql.write(lambda: undone(merchant_id, payment, state, audit_id, at, self._w.trace)):
            _log.warning("%s is %s at the terminal, and had its end before", payment.payment_id, state)
        self._w.trace("undo.committed")
        return True

    async def bar(self, merchant_id: str, payment: Payment) -> None:
        """What a person declined the terminal undoes, or never does. If it cannot be told now, recovery goes on."""
        with suppress(Conflict, DeviceError):  # somebody else sees to it, or its connector is not there
            async with self.held(merchant_id, payment.payment_id, mine=True):
                if await cancelled(self._w.connector(payment.connector), payment.payment_id):
                    at = self._w.at()
                    await self._w.sql.write(lambda: barred(merchant_id, payment, at, self._w.trace))

    async def _given_back(self, merchant_id: str, connector: PaymentConnector, payment: Payment) -> bool:
        """Cancelled; where the terminal cannot cancel, refunded under one reference, however often it is tried."""
        if connector.capabilities.cancel or not connector.capabilities.refund or payment.amount < 0:
            return await cancelled(connector, payment.payment_id)
        station_id, currency = await self._w.sql.read(lambda: _taken_at(merchant_id, payment))
        reference = f"{payment.payment_id}-undo"
        try:
            result = await connector.status(reference)
            if result.outcome == "not_found":
                result = await connector.refund(station_id, payment.payment_id, reference, payment.amount, currency)
        except Exception:  # a connector's fault leaves it open, and must not stop the recovery of others
            return False
        return result.outcome == "approved"


async def status_of(connector: PaymentConnector, reference: str) -> PaymentResult:
    """The terminal's word on a reference. One it has never seen is barred first, so that it cannot arrive later.

    Where it cannot be barred it stays unknown: it may be on its way, and a person decides.
    """
    try:
        result = await connector.status(reference)
        if result.outcome != "not_found":
            return result
        if await cancelled(connector, reference):
            return PaymentResult(outcome="declined", payment_ref=reference, reason="never reached the terminal")
    except DeviceError as error:
        return PaymentResult(outcome="unknown", payment_ref=reference, reason=error.code)
    except Exception as error:  # a connector's fault must not end a payment
        return PaymentResult(outcome="unknown", payment_ref=reference, reason=type(error).__name__)
    return PaymentResult(outcome="unknown", payment_ref=reference, reason="not cancelled")


async def cancelled(connector: PaymentConnector, reference: str) -> bool:
    """Whether the terminal undid, or barred, the reference."""
    if not connector.capabilities.cancel:
        return False
    try:
        return (await connector.cancel(reference)).outcome == "approved"
    except Exception:  # a connector's fault leaves it open, and must not stop the recovery of others
        return False


def not_reversing() -> Conflict:
    """Refuses a person's word on what does not go back."""
    return Conflict("not-reversing", "This payment is not waiting to go back, or the terminal has undone it itself.")


def _elsewhere() -> Conflict:
    message = "This payment is being undone, or ended by somebody else, at this moment; look again in some seconds."
    return Conflict("undo-under-way", message)


def _changed_at(merchant_id: str, payment_id: str) -> Job[int]:
    rows = yield Query(
        f"select changed_at from payment where merchant_id = ? and payment_id = ? and {_IN_HELD}",
        (merchant_id, payment_id, *_HELD),
    )
    if not rows:
        raise not_reversing()
    return int(rows[0]["changed_at"])


def _hold(merchant_id: str, payment_id: str, before: int, since: int) -> Job[bool]:
    rows = yield Query(
        "update payment set changed_at = ? where merchant_id = ? and payment_id = ? and changed_at = ? "
        f"and {_IN_HELD} returning payment_id",
        (since, merchant_id, payment_id, before, *_HELD),
    )
    return bool(rows)


def _taken_at(merchant_id: str, payment: Payment) -> Job[tuple[str, str]]:
    """The station where it was taken, and its currency."""
    rows = yield Query(
        "select station_id, currency from checkout where merchant_id = ? and checkout_id = ?",
        (merchant_id, payment.checkout_id),
    )
    return payment.document.station or rows[0]["station_id"], rows[0]["currency"]
