"""Transfers from account to account as a payment connector: asked for by a code on the screen, ended by the bank.

Nothing is sent to anybody: `authorise` writes down what is awaited and under which reference, and answers
`in_progress`. The payment stays in doubt until a credit with the reference is booked, or a person ends it; `status`
looks into SQL. A refund, and a credit for what nobody waits for any more, is listed for a person to transfer back.
"""

from collections.abc import Callable
from typing import TypeVar

from poi_engine.clock import Clock, micros
from poi_engine.errors import DeviceError
from poi_engine.ports import Capabilities, CardSeen, Job, PaymentResult, Query, Row, Sql
from poi_engine.settings import read_merchant
from poi_engine.value.bank_rows import (
    Awaited,
    BankCredit,
    change_awaited,
    give_back_credits,
    insert_awaited,
    put_state,
    read_awaited,
    read_credit,
    to_give_back,
)
from poi_engine.value.references import reference_of

NAME = "transfer"
T = TypeVar("T")


class TransferConnector:
    """The bank as a connector over SQL; any process may ask for any payment."""

    name = NAME
    capabilities = Capabilities()

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """A transfer has no card."""
        raise DeviceError("no-card-before-amount", "A transfer from account to account has no card.")

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Wait for a transfer of this amount from now on."""
        merchant_id = await self._sql.read(lambda: _merchant_of_payment(payment_ref))
        if merchant_id is None:
            raise DeviceError("no-payment", "There is no such payment to wait for.")
        awaited = Awaited(
            payment_id=payment_ref,
            reference=reference_of(payment_ref),
            amount=amount,
            currency=currency,
            state="awaited",
        )
        await self._write(lambda at: _await(merchant_id, awaited, at))
        return await self.status(payment_ref)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """A transfer is whole when it comes."""
        return await self.status(payment_ref)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Wait no more; what has come, or comes later, is listed to be given back."""
        await self._write(lambda at: _cancel(payment_ref, at))
        return PaymentResult(outcome="approved", payment_ref=payment_ref)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """List it for a person to transfer: that is when the debt to the customer is on the merchant's books."""
        await self._write(lambda at: _refund(payment_ref, refund_ref, amount, currency, at))
        return await self.status(refund_ref)

    async def status(self, payment_ref: str) -> PaymentResult:
        """What has come by now."""
        return await self._sql.read(lambda: _status(payment_ref))

    async def close(self) -> None:
        """Nothing is open."""

    async def _write(self, job: Callable[[int], Job[T]]) -> T:
        at = micros(self._clock.now())
        return await self._sql.write(lambda: job(at))


def _merchant_of_payment(payment_id: str) -> Job[str | None]:
    """Ids are unique over all merchants; the payment's own row was written before anything was asked."""
    rows = yield Query(
        "select m.merchant_id from merchant m cross join payment p"  # SQLite takes tables in this order
        " where p.merchant_id = m.merchant_id and p.payment_id = ?",
        (payment_id,),
    )
    return rows[0]["merchant_id"] if rows else None


def _await(merchant_id: str, awaited: Awaited, at: int) -> Job[None]:
    account = (yield from read_merchant(merchant_id)).programme.bank
    if not account.is_there:
        raise DeviceError("transfer-not-set-up", "No bank account is set up that customers could transfer to.")
    yield insert_awaited(merchant_id, awaited, at)


def _status(reference: str) -> Job[PaymentResult]:
    merchant_id = yield from _merchant_of_payment(reference)
    awaited = (yield from read_awaited(merchant_id, reference)) if merchant_id else None
    if awaited is not None:
        outcome = {"awaited": "in_progress", "paid": "approved"}.get(awaited.state, "declined")
        amount = awaited.amount if outcome == "approved" else 0
        why = "transfer-awaited" if outcome == "in_progress" else ""
        return PaymentResult(outcome=outcome, payment_ref=reference, amount=amount, reason=why)
    refund = (yield from _refund_of(merchant_id, reference)) if merchant_id else None
    if refund is None:
        return PaymentResult(outcome="not_found", payment_ref=reference)
    given = refund.reason != _STOPPED
    return PaymentResult(
        outcome="approved" if given else "declined", payment_ref=reference, amount=refund.amount if given else 0
    )


def _cancel(reference: str, at: int) -> Job[None]:
    merchant_id = yield from _merchant_of_payment(reference)
    if merchant_id is None:
        return
    barred = Awaited(payment_id=reference, reference=reference_of(reference), amount=0, currency="", state="barred")
    if (yield from _refund_of(merchant_id, reference)) is not None:
        yield put_state(merchant_id, reference, "set_aside", None, _STOPPED, at)
        return
    yield insert_awaited(merchant_id, barred, at)
    if (yield from change_awaited(merchant_id, reference, "barred", "awaited")):
        return
    if (yield from change_awaited(merchant_id, reference, "barred", "paid")):
        yield give_back_credits(merchant_id, reference, at)


_STOPPED = "the refund was stopped"


def _refund(payment_ref: str, refund_ref: str, amount: int, currency: str, at: int) -> Job[None]:
    merchant_id = yield from _merchant_of_payment(payment_ref)
    if merchant_id is None:
        raise DeviceError("no-payment", "There is no such payment to give back on.")
    yield to_give_back(merchant_id, refund_ref, amount, currency, reference_of(payment_ref), payment_ref, at)


def _refund_of(merchant_id: str, reference: str) -> Job[BankCredit | None]:
    rows: list[Row] = yield Query(
        "select credit_id from bank_credit where merchant_id = ? and credit_id = ?", (merchant_id, reference)
    )
    return (yield from read_credit(merchant_id, reference)) if rows else None
