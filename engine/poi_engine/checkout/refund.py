"""Refunds: of a whole sale or a part, once per key, never above what is left."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.payment import Payment, pending_of
from poi_engine.checkout.promise import key_of
from poi_engine.checkout.refund_commit import commit_refund
from poi_engine.checkout.refund_jobs import (
    Answer,
    Doubt,
    RefundBefore,
    Wanted,
    decline_refund,
    doubt_refund,
    open_refund,
    refunds_in_doubt,
    send_again,
)
from poi_engine.checkout.refund_payments import RefundSending
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.checkout.under_way import UnderWay
from poi_engine.checkout.undoing import status_of
from poi_engine.errors import Conflict, DeviceError, InternalError, RequestError
from poi_engine.ledger import Insufficient
from poi_engine.means import BY_CONNECTOR
from poi_engine.orders.news import tell_of_sale
from poi_engine.pan import refuse_pan
from poi_engine.ports import Job, PaymentResult
from poi_engine.principal import Principal
from poi_engine.sales import Sales, SaleView
from poi_engine.staff.approvals import Allowance
from poi_engine.wiring import Wiring

T = TypeVar("T")
_TRIES = 3


class Refunds:
    """The refunds' service, behind `Checkout.refund`."""

    def __init__(self, wiring: Wiring, under_way: UnderWay, sales: Sales) -> None:
        self._w = wiring
        self._under_way = under_way
        self._sales = sales

    async def refund(
        self,
        merchant_id: str,
        sale_id: str,
        lines: Sequence[ReturnedLine] | None,
        reason: str,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
        place: str | None = None,
        order_id: str | None = None,
        instead: Instead | None = None,
    ) -> SaleView:
        """The refund, as a sale of its own. `Conflict` `refund-declined`, or `refund-unknown` while it is in doubt:
        repeating the request with the same key asks the terminal again. `place`: where the goods arrive; `order_id`:
        of whose lines only; `instead`: by what goes back what another card than the sale's paid since."""
        if not reason.strip() or len(reason) > 200:
            raise RequestError("reason-needed", "Say why in 1 to 200 characters.", path="$.reason")
        refuse_pan(reason, "$.reason")
        await self._w.places.must_count(merchant_id, by.station_id)
        body = ["all"] if lines is None else [f"{line.line_id}={line.quantity}" for line in lines]
        more = (("place", place), ("order", order_id), ("instead", instead))
        scope = [f"{name}={value}" for name, value in more if value is not None]
        asked = key_of(by, key, "refund", sale_id, reason, *body, *scope)
        wanted = Wanted(sale_id, lines, reason, place, order_id, instead)
        checkout_id = self._w.ids.new("ref")
        found = allowance or Allowance(who=by.who)
        ids, trace = self._w.ids, self._w.trace
        with self._under_way.sending(checkout_id):
            opened = await self._write(
                lambda at: open_refund(merchant_id, wanted, by, found, asked, checkout_id, ids=ids, at=at, trace=trace)
            )
            self._w.trace("refund.opened")
            if isinstance(opened, RefundSending):
                return await self._answer(merchant_id, await self._send(merchant_id, opened))
        return await self._again(merchant_id, opened)

    async def settle(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Answer | None:
        """Act on the terminal's word about a payment of a refund, and send what comes next; None while the refund is
        in doubt."""
        step = await self._heard(merchant_id, payment, result)
        while isinstance(step, RefundSending):
            self._w.trace("refund.next")
            result = await self._give_back(step)
            self._w.trace("refund.terminal-answered")
            step = await self._heard(merchant_id, step.payment, result)
        return step

    async def _heard(self, merchant_id: str, payment: Payment, result: PaymentResult) -> Answer | RefundSending | None:
        ids, trace = self._w.ids, self._w.trace
        if result.outcome == "approved" and result.amount == -payment.amount:
            made = await self._write(
                lambda at: commit_refund(merchant_id, payment, result, ids=ids, at=at, trace=trace)
            )
            return await self.show(merchant_id, made) if isinstance(made, str) else made
        if result.outcome == "declined":
            return await self._write(
                lambda at: decline_refund(merchant_id, payment, result, ids=ids, at=at, trace=trace)
            )
        await self._write(lambda at: doubt_refund(merchant_id, payment, result, at=at, trace=trace))
        return None

    async def show(self, merchant_id: str, sale_id: str) -> Answer:
        """The refund that was made, on the screens."""
        self._w.trace("refund.committed")
        sale = await self._sales.get(merchant_id, sale_id)
        await self._w.screens.sale_committed(merchant_id, sale.store_id, sale_id)
        if sale.customer_id is not None:
            await self._w.screens.customer_changed(merchant_id, sale.customer_id, "refund")
        await tell_of_sale(self._w, merchant_id, sale.refund_of or sale_id)
        return Answer(sale_id=sale_id)

    async def ask_status(self, merchant_id: str, checkout_id: str) -> None:
        """Ask what became of a refund, unless somebody waits for the terminal's answer to it now."""
        if not await self._under_way.is_paying(merchant_id, checkout_id):
            await self.ask(merchant_id, checkout_id)

    async def ask(self, merchant_id: str, checkout_id: str) -> Answer | None:
        """Ask the terminal what became of a refund's payment, and act on it; what is being sent here ends there."""
        payment = await self._w.sql.read(lambda: pending_of(merchant_id, checkout_id))
        if payment is None or self._under_way.is_sending(checkout_id):
            return None
        with self._under_way.sending(checkout_id):
            result = _at_once(payment)
            if result is None and payment.connector == "":
                result = _nothing_sent(payment)
            result = result or await status_of(self._w.connector(payment.connector), payment.payment_id)
            return await self.settle(merchant_id, payment, result)

    async def in_doubt(self, merchant_id: str, sale_id: str) -> list[Doubt]:
        """The refunds of a sale of which nobody knows whether the terminal gave the money back."""
        return await self._w.sql.read(lambda: refunds_in_doubt(merchant_id, sale_id))

    async def _send(self, merchant_id: str, sending: RefundSending) -> Answer | None:
        result = await self._give_back(sending)
        self._w.trace("refund.terminal-answered")
        return await self.settle(merchant_id, sending.payment, result)

    async def _give_back(self, sending: RefundSending) -> PaymentResult:
        payment = sending.payment
        result = _at_once(payment)
        if result is not None:
            return result
        self._w.trace("refund.before-terminal")
        try:
            connector = self._w.connector(payment.connector)
            paid = payment.document.refunds or ""
            asked = (payment.payment_id, -payment.amount, sending.currency)
            return await connector.refund(sending.station_id, paid, *asked)
        except DeviceError as error:
            return PaymentResult(outcome="declined", payment_ref=payment.payment_id, reason=error.code)
        except Exception as error:
            return PaymentResult(outcome="unknown", payment_ref=payment.payment_id, reason=type(error).__name__)

    async def _again(self, merchant_id: str, before: RefundBefore) -> SaleView:
        """The same answer; without one, ask about what is in doubt, and send what was declined once more."""
        checkout_id = before.checkout_id
        if before.answer is not None:
            return await self._answer(merchant_id, before.answer)
        if await self._under_way.is_paying(merchant_id, checkout_id):
            raise Conflict("refund-under-way", "This refund is under way; ask again.")
        with self._under_way.sending(checkout_id):
            again = await self._write(
                lambda at: send_again(merchant_id, checkout_id, ids=self._w.ids, at=at, trace=self._w.trace)
            )
            if again is not None:
                return await self._answer(merchant_id, await self._send(merchant_id, again))
        return await self._answer(merchant_id, await self.ask(merchant_id, checkout_id))

    async def _answer(self, merchant_id: str, answer: Answer | None) -> SaleView:
        if answer is None:
            raise Conflict(
                "refund-unknown", "The refund is in doubt. Repeat the request with the same key to ask again."
            )
        if answer.sale_id is None:
            raise Conflict("refund-declined", f"The terminal gave nothing back: {answer.declined}.")
        return await self._sales.get(merchant_id, answer.sale_id)

    async def _write(self, job: Callable[[int], Job[T]]) -> T:
        """Run a job; a balance that moved in the same moment makes it run again."""
        for _ in range(_TRIES):
            at = self._w.at()
            try:
                return await self._w.sql.write(lambda at=at: job(at))  # type: ignore[misc]
            except Insufficient:
                continue
        raise InternalError("refund-busy", "The customer's balances kept moving.")


def _at_once(payment: Payment) -> PaymentResult | None:
    """Money that goes back by hand or to the wallet, and nothing, ask no terminal."""
    if payment.means in BY_CONNECTOR and payment.amount != 0:
        return None
    return PaymentResult(outcome="approved", payment_ref=payment.payment_id, amount=-payment.amount)


def _nothing_sent(payment: Payment) -> PaymentResult:
    """A card's refund without a terminal on file: nothing was sent, and nothing can be."""
    return PaymentResult(outcome="declined", payment_ref=payment.payment_id, reason="no-connector")
