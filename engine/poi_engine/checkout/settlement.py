"""What the terminal said about a payment, put into SQL, and from there onto the screens."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from poi_engine.checkout.commit import Closed, Committed
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.pay_jobs import approve, decline, doubt, give_up, to_reverse
from poi_engine.checkout.payment import Payment, payments_of, pending_of
from poi_engine.checkout.under_way import UnderWay
from poi_engine.checkout.undoing import Undoing, status_of
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, DeviceError
from poi_engine.ledger import Insufficient
from poi_engine.means import TenderShown
from poi_engine.orders.news import tell_of_sale
from poi_engine.ports import Job, PaymentResult, Query
from poi_engine.session import Session
from poi_engine.wiring import Wiring

T = TypeVar("T")
_TRIES = 3


class Settlement:
    """Brings payments to their end."""

    def __init__(self, wiring: Wiring, desk: Desk, under_way: UnderWay, undoing: Undoing) -> None:
        self._w = wiring
        self._desk = desk
        self._under_way = under_way
        self._undoing = undoing

    async def ask(self, merchant_id: str, checkout_id: str) -> Session:
        """Ask the terminal what became of the payment under way, and act on it; what is being sent here ends there."""
        payment = await self._w.sql.read(lambda: pending_of(merchant_id, checkout_id))
        if payment is None or self._under_way.is_sending(checkout_id):
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
        outside = await self.write(
            lambda at: give_up(
                merchant_id, checkout_id, who, session.station_id, ids=self._w.ids, at=at, trace=self._w.trace
            )
        )
        if outside is None:
            raise Conflict("payment-under-way", "A payment is under way; wait for its end.")
        self._w.trace("give-up.committed")
        for payment in outside:
            with suppress(DeviceError):  # its connector is not there: recovery goes on
                await self._undoing.undo(merchant_id, payment, mine=True)
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
            made = await self.write(
                lambda at: approve(
                    merchant_id, payment, result, known=known, ids=self._w.ids, at=at, trace=self._w.trace
                )
            )
        except Closed:
            return await self._reverse(merchant_id, payment, result)
        self._w.trace("approve.committed")
        return await self.show(made, shown)

    async def _decline(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        self._w.trace("decline.before-sql")
        try:
            session = await self.write(
                lambda at: decline(merchant_id, payment, result, ids=self._w.ids, at=at, trace=self._w.trace)
            )
        except Closed:  # somebody ended it before
            return await self._reload(merchant_id, payment.checkout_id)
        self._w.trace("decline.committed")
        return await self._desk.settle(session)

    async def _doubt(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        self._w.trace("doubt.before-sql")
        try:
            session = await self.write(lambda at: doubt(merchant_id, payment, result, at=at, trace=self._w.trace))
        except Closed:
            return await self._reload(merchant_id, payment.checkout_id)
        self._w.trace("doubt.committed")
        return await self._desk.settle(session)

    async def _reverse(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Session:
        """Approved after it had ended otherwise: the money goes back; recovery goes on if need be."""
        self._w.trace("reverse.before-sql")
        marked = await self.write(lambda at: to_reverse(merchant_id, payment, result, at, self._w.trace))
        self._w.trace("reverse.committed")
        if marked:
            await self._undoing.undo(merchant_id, payment, mine=True)
        return await self._reload(merchant_id, payment.checkout_id)

    async def _reload(self, merchant_id: str, checkout_id: str) -> Session:
        session_id = await self._w.sql.read(lambda: session_id_of(merchant_id, checkout_id))
        return await self._desk.load(merchant_id, session_id)

    async def write(self, job: Callable[[int], Job[T]]) -> T:
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


def session_id_of(merchant_id: str, checkout_id: str) -> Job[str]:
    """The session of a checkout."""
    rows = yield Query(
        "select session_id from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    return str(rows[0]["session_id"])
