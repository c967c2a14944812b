"""What the terminal or a person said about a payment, put into SQL, and from there onto the screens."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from poi_engine.checkout.commit import Closed, Committed
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.pay_jobs import approve, barred, decline, doubt, give_up, to_reverse, undone
from poi_engine.checkout.payment import Payment, payments_of, pending_of
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, DeviceError, StorageError
from poi_engine.ledger import Insufficient
from poi_engine.means import TenderShown
from poi_engine.orders.news import tell_of_sale
from poi_engine.ports import Job, PaymentConnector, PaymentResult, Query, Row
from poi_engine.session import Session
from poi_engine.wiring import Wiring

T = TypeVar("T")
_TRIES = 3
TELLING_SECONDS, TOLD_SECONDS = 1.0, 3
"""How often a process says that it waits for a terminal, and how long that, or having just begun, is believed."""


class Settlement:
    """Brings payments to their end."""

    def __init__(self, wiring: Wiring, desk: Desk) -> None:
        self._w = wiring
        self._desk = desk
        self._sending: set[str] = set()

    @contextmanager
    def sending(self, checkout_id: str) -> Iterator[None]:
        """While this process waits for the terminal, nobody here or in another process asks for the status."""
        self._sending.add(checkout_id)
        telling = asyncio.create_task(self._keep_telling(checkout_id)) if self._w.grace else None
        try:
            yield
        finally:
            self._sending.discard(checkout_id)
            if telling is not None:
                telling.cancel()

    def is_sending(self, checkout_id: str) -> bool:
        """Whether this process waits for the terminal's answer now."""
        return checkout_id in self._sending

    async def is_under_way(self, merchant_id: str, checkout_id: str) -> bool:
        """Whether this process, or another one that shares the storage, waits for the terminal's answer now.

        Another one does if it began just now, or says so again and again; one that was killed says nothing more. Where
        nobody can be heard the grace is waited out.
        """
        if self.is_sending(checkout_id):
            return True
        if not self._w.grace:
            return False
        sent = await self._w.sql.read(lambda: _sent_at(merchant_id, checkout_id))
        if sent is None:
            return False
        seconds = (self._w.at() - sent) / 1_000_000
        if seconds < TOLD_SECONDS:
            return True
        try:
            return await self._w.sessions.is_sending(checkout_id)
        except StorageError:
            return seconds < self._w.grace

    async def _keep_telling(self, checkout_id: str) -> None:
        """Most payments are answered before anybody needs to be told."""
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            with suppress(StorageError):
                await self._w.sessions.tell_sending(checkout_id, TOLD_SECONDS)

    async def ask(self, merchant_id: str, checkout_id: str) -> Session:
        """Ask the terminal what became of the payment under way, and act on it."""
        payment = await self._w.sql.read(lambda: pending_of(merchant_id, checkout_id))
        if payment is None:
            return await self._reload(merchant_id, checkout_id)
        self._w.trace("status.before-terminal")
        result = await status_of(self._w.connector(payment.connector), payment.payment_id)
        self._w.trace("status.answered")
        return await self.settle(merchant_id, payment, result)

    async def settle(
        self,
        merchant_id: str,
        payment: Payment,
        result: PaymentResult,
        shown: Session | None = None,
        known: Frozen | None = None,
    ) -> Session:
        """Act on the terminal's word. If the caller has them, `shown` is the session as it was stored last, `known` the
        checkout's document."""
        if result.outcome == "approved" and result.amount == payment.amount:
            return await self._approve(merchant_id, payment, result, shown, known)
        if result.outcome == "declined":
            return await self._decline(merchant_id, payment, result)
        return await self._doubt(merchant_id, payment, result)

    async def by_person(self, merchant_id: str, payment: Payment, outcome: str, reason: str) -> Session:
        """Act on a person's word: `paid` stands at the merchant's risk, `declined` is undone at the terminal."""
        if outcome == "paid":
            result = PaymentResult(
                outcome="approved",
                payment_ref=payment.payment_id,
                amount=payment.amount,
                guaranteed=False,
                reason=reason,
            )
            return await self._approve(merchant_id, payment, result)
        return await self._declined_by_person(merchant_id, payment, reason)

    async def show(self, made: Committed | Session, shown: Session | None = None) -> Session:
        """A sale, or a session paid in part, on the screens."""
        return await (self._desk.settle(made, shown) if isinstance(made, Session) else self.show_sale(made, shown))

    async def show_sale(self, committed: Committed, shown: Session | None = None) -> Session:
        """The committed sale on the screens."""
        session = await self._desk.settle(committed.session, shown)
        self._w.trace("settle.shown")
        await self._w.screens.sale_committed(session.merchant_id, session.store_id, committed.sale_id)
        if session.identity is not None:
            await self._w.screens.customer_changed(session.merchant_id, session.identity.customer_id, "sale")
        if session.fulfilments:
            await tell_of_sale(self._w, session.merchant_id, committed.sale_id)
        return session

    async def give_up(self, session: Session, who: str) -> tuple[TenderShown, ...]:
        """Give up what was accepted, and give back what was taken of it; what a terminal cannot undo now is undone by
        recovery. Not while a payment is under way. Returns what became of each tender."""
        merchant_id, checkout_id = session.merchant_id, session.checkout_id or ""
        outside = await self._write(
            lambda at: give_up(
                merchant_id, checkout_id, who, session.station_id, ids=self._w.ids, at=at, trace=self._w.trace
            )
        )
        if outside is None:
            raise Conflict("payment-under-way", "A payment is under way; wait for its end.")
        self._w.trace("give-up.committed")
        for payment in outside:
            with suppress(DeviceError):  # its connector is not there: recovery goes on
                await self.undo(merchant_id, payment)
        payments = await self._w.sql.read(lambda: payments_of(merchant_id, checkout_id))
        return tuple(payment.shown() for payment in payments)

    async def _approve(
        self,
        merchant_id: str,
        payment: Payment,
        result: PaymentResult,
        shown: Session | None = None,
        known: Frozen | None = None,
    ) -> Session:
        self._w.trace("approve.before-sql")
        try:
            made = await self._write(
                lambda at: approve(
                    merchant_id, payment, result, known=known, ids=self._w.ids, at=at, trace=self._w.trace
                )
            )
        except Closed:
            return await self._reverse(merchant_id, payment, result)
        self._w.trace("approve.committed")
        return await self.show(made, shown)

    async def _decline(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        session = await self._ended(merchant_id, payment, result, sure=True)
        if session is None:  # somebody ended it before
            return await self._reload(merchant_id, payment.checkout_id)
        return await self._desk.settle(session)

    async def _declined_by_person(self, merchant_id: str, payment: Payment, reason: str) -> Session:
        """SQL first: a sale that is made in the same moment must not find its payment undone at the terminal."""
        connector = self._w.connector(payment.connector)
        result = PaymentResult(outcome="declined", payment_ref=payment.payment_id, reason=reason)
        session = await self._ended(merchant_id, payment, result, sure=False)
        if session is None:
            return await self._reload(merchant_id, payment.checkout_id)
        if await cancelled(connector, payment.payment_id):  # if not, recovery goes on
            await self._write(lambda at: barred(merchant_id, payment, at, self._w.trace))
        return await self._desk.settle(session)

    async def _ended(self, merchant_id: str, payment: Payment, result: PaymentResult, *, sure: bool) -> Session | None:
        self._w.trace("decline.before-sql")
        try:
            session = await self._write(
                lambda at: decline(merchant_id, payment, result, sure=sure, ids=self._w.ids, at=at, trace=self._w.trace)
            )
        except Closed:
            return None
        self._w.trace("decline.committed")
        return session

    async def _doubt(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        self._w.trace("doubt.before-sql")
        try:
            session = await self._write(lambda at: doubt(merchant_id, payment, result, at=at, trace=self._w.trace))
        except Closed:
            return await self._reload(merchant_id, payment.checkout_id)
        self._w.trace("doubt.committed")
        return await self._desk.settle(session)

    async def undo(self, merchant_id: str, payment: Payment) -> bool:
        """A payment that belongs to no sale: whatever the terminal took goes back. False while it cannot be told."""
        connector = self._w.connector(payment.connector)
        self._w.trace("undo.before-terminal")
        result = await status_of(connector, payment.payment_id)
        if result.outcome not in ("approved", "declined"):
            return False
        if result.outcome == "approved" and not await self._given_back(merchant_id, connector, payment):
            return False
        self._w.trace("undo.answered")
        state = "reversed" if result.outcome == "approved" else "declined"
        audit_id = self._w.ids.new("aud")
        await self._write(lambda at: undone(merchant_id, payment, state, audit_id, at, self._w.trace))
        self._w.trace("undo.committed")
        return True

    async def _given_back(self, merchant_id: str, connector: PaymentConnector, payment: Payment) -> bool:
        """Cancelled; where the terminal cannot cancel, refunded under one reference, however often it is tried."""
        if connector.capabilities.cancel or not connector.capabilities.refund or payment.amount < 0:
            return await cancelled(connector, payment.payment_id)
        row = await self._w.sql.read(lambda: _checkout(merchant_id, payment.checkout_id))
        reference = f"{payment.payment_id}-undo"
        try:
            result = await connector.status(reference)
            if result.outcome == "not_found":
                asked = (payment.payment_id, reference, payment.amount, row["currency"])
                result = await connector.refund(payment.document.station or row["station_id"], *asked)
        except Exception:  # a connector's fault leaves it open, and must not stop the recovery of others
            return False
        return result.outcome == "approved"

    async def _reverse(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        """Approved after it had ended otherwise: the money goes back; recovery goes on if need be."""
        self._w.trace("reverse.before-sql")
        marked = await self._write(lambda at: to_reverse(merchant_id, payment, result, at, self._w.trace))
        self._w.trace("reverse.committed")
        if marked:
            await self.undo(merchant_id, payment)
        return await self._reload(merchant_id, payment.checkout_id)

    async def _reload(self, merchant_id: str, checkout_id: str) -> Session:
        session_id = await self._w.sql.read(lambda: session_id_of(merchant_id, checkout_id))
        return await self._desk.load(merchant_id, session_id)

    async def _write(self, job: Callable[[int], Job[T]]) -> T:
        """Run a job; a debt that another sale settled in the same moment makes it run again."""
        for _ in range(_TRIES - 1):
            try:
                return await self._write_once(job)
            except Insufficient:
                continue
        return await self._write_once(job)

    async def _write_once(self, job: Callable[[int], Job[T]]) -> T:
        at = self._w.at()
        return await self._w.sql.write(lambda: job(at))


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


def session_id_of(merchant_id: str, checkout_id: str) -> Job[str]:
    """The session of a checkout."""
    return str((yield from _checkout(merchant_id, checkout_id))["session_id"])


def _checkout(merchant_id: str, checkout_id: str) -> Job[Row]:
    rows = yield Query(
        "select session_id, station_id, currency from checkout where merchant_id = ? and checkout_id = ?",
        (merchant_id, checkout_id),
    )
    return rows[0]


def _sent_at(merchant_id: str, checkout_id: str) -> Job[int | None]:
    rows = yield Query(
        "select max(created_at) as sent_at from payment where merchant_id = ? and checkout_id = ? "
        "and state = 'sending'",
        (merchant_id, checkout_id),
    )
    return None if rows[0]["sent_at"] is None else int(rows[0]["sent_at"])
