"""A person's word on a payment: how one in doubt ended, or one that is to go back and that no terminal can undo.

The word and what comes of it are one transaction: either it stands, with who said so and why in the audit, or somebody
else, or the terminal, was faster, and whoever said it is told so.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from poi_engine.checkout.commit import Committed
from poi_engine.checkout.pay_jobs import approve, decline
from poi_engine.checkout.payment import Payment, pending_of, read_payment
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.refund_commit import commit_by_person
from poi_engine.checkout.refund_jobs import decline_by_person
from poi_engine.checkout.reservation import latest
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.undoing import Undoing, not_reversing
from poi_engine.errors import Conflict, DeviceError, RequestError
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.principal import Principal
from poi_engine.reasons import must_say_why
from poi_engine.sales import Sales, SaleView
from poi_engine.session import Session
from poi_engine.staff.approvals import Allowance, allow
from poi_engine.wiring import Wiring

PaymentEnd = Literal["paid", "declined"]
RefundEnd = Literal["refunded", "declined"]
PutRight = Literal["declined", "reversed"]


class _Word(Struct, frozen=True):
    """Who says how it ended, and how they know; `allowance`: how far they may go alone."""

    reason: str
    by: Principal
    allowance: Allowance


class Resolving:
    """The service."""

    def __init__(
        self, wiring: Wiring, settlement: Settlement, refunds: Refunds, undoing: Undoing, sales: Sales
    ) -> None:
        self._w = wiring
        self._settlement = settlement
        self._refunds = refunds
        self._undoing = undoing
        self._sales = sales

    async def payment(
        self,
        merchant_id: str,
        session_id: str,
        outcome: PaymentEnd,
        reason: str,
        *,
        by: Principal,
        payment_id: str | None = None,
        allowance: Allowance | None = None,
    ) -> Session:
        """How a payment in doubt ended: `paid` stands at the merchant's risk, `declined` is undone at the terminal.

        `Conflict` `not-in-doubt` when it has an end; with a `payment_id`, the one that is meant, `another-payment` when
        it is another that is in doubt by now.
        """
        word = _word(outcome, ("paid", "declined"), reason, by, allowance)
        row = await self._w.sql.read(lambda: latest(merchant_id, session_id))
        if row is None:
            raise _not_in_doubt()
        audit_id, checkout_id = self._w.ids.new("aud"), row["checkout_id"]

        def job(at: int) -> Job[tuple[Payment, Committed | Session]]:
            total = yield from _lock(merchant_id, checkout_id, at)
            payment = yield from _pending(merchant_id, checkout_id, payment_id)
            yield from allow(merchant_id, word.allowance, "resolve", session_id, total, checkout_id, at)
            yield _audited(merchant_id, audit_id, f"resolve-{outcome}", payment.payment_id, word, at)
            self._w.trace("word.said")
            return payment, (yield from self._ended(merchant_id, payment, outcome, word.reason, at))

        payment, made = await self._settlement.write(job)
        self._w.trace("word.committed")
        if outcome == "declined":
            await self._undoing.bar(merchant_id, payment)
        return await self._settlement.show(made)

    async def refund(
        self,
        merchant_id: str,
        sale_id: str,
        refund_id: str,
        outcome: RefundEnd,
        reason: str,
        *,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> SaleView:
        """How a refund in doubt ended; returns the sale that it takes back from. `Conflict` `not-in-doubt`.

        `refunded` stands at the merchant's risk; `declined` is undone at the terminal, and the quantities are free.
        """
        word = _word(outcome, ("refunded", "declined"), reason, by, allowance)
        audit_id = self._w.ids.new("aud")

        def job(at: int) -> Job[str | Sequence[Payment]]:
            total = -(yield from _lock(merchant_id, refund_id, at, sale_id))
            yield from allow(merchant_id, word.allowance, "resolve", sale_id, total, refund_id, at)
            yield _audited(merchant_id, audit_id, f"resolve-refund-{outcome}", refund_id, word, at)
            self._w.trace("word.said")
            by_person = commit_by_person if outcome == "refunded" else decline_by_person
            return (
                yield from by_person(merchant_id, refund_id, word.reason, ids=self._w.ids, at=at, trace=self._w.trace)
            )

        made = await self._settlement.write(job)
        self._w.trace("word.committed")
        if isinstance(made, str):
            await self._refunds.show(merchant_id, made)
        else:
            for payment in made:
                await self._undoing.bar(merchant_id, payment)
        return await self._sales.get(merchant_id, sale_id)

    async def reversing(
        self,
        merchant_id: str,
        payment_id: str,
        outcome: PutRight,
        reason: str,
        *,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> None:
        """How a payment or refund ended that is *reversing*: no money moved (`declined`), or it did and was put right
        by hand (`reversed`). `Conflict` `not-reversing` when it has an end, `undo-under-way` while it is being undone.

        The terminal is asked once more before: what it undid itself nobody gives back a second time.
        """
        word = _word(outcome, ("declined", "reversed"), reason, by, allowance)
        payment = await self._w.sql.read(lambda: read_payment(merchant_id, payment_id))
        if payment.state != "reversing":
            raise not_reversing()
        audit_id = self._w.ids.new("aud")
        async with self._undoing.held(merchant_id, payment_id) as since:
            with suppress(DeviceError):  # its connector is not there
                if await self._undoing.ask(merchant_id, payment):
                    raise not_reversing()

            def job(at: int) -> Job[None]:
                yield from _put_right(merchant_id, payment_id, outcome, word.reason, since, at)
                amount = abs(payment.amount)
                yield from allow(merchant_id, word.allowance, "resolve", payment_id, amount, payment_id, at)
                yield _audited(merchant_id, audit_id, f"reversing-{outcome}", payment_id, word, at)
                self._w.trace("word.said")

            await self._settlement.write(job)
            self._w.trace("word.committed")

    def _ended(
        self, merchant_id: str, payment: Payment, outcome: PaymentEnd, reason: str, at: int
    ) -> Job[Committed | Session]:
        ids, trace, ref = self._w.ids, self._w.trace, payment.payment_id
        if outcome == "declined":
            no = PaymentResult(outcome="declined", payment_ref=ref, reason=reason)
            return (yield from decline(merchant_id, payment, no, sure=False, ids=ids, at=at, trace=trace))
        yes = PaymentResult(outcome="approved", payment_ref=ref, amount=payment.amount, guaranteed=False, reason=reason)
        return (yield from approve(merchant_id, payment, yes, ids=ids, at=at, trace=trace))


def _word(outcome: str, known: tuple[str, str], reason: str, by: Principal, allowance: Allowance | None) -> _Word:
    if outcome not in known:
        raise RequestError("bad-outcome", f"The outcome is `{known[0]}` or `{known[1]}`.", path="$.outcome")
    must_say_why(reason)
    return _Word(reason, by, allowance or Allowance(who=by.who))


def _lock(merchant_id: str, checkout_id: str, at: int, session_id: str | None = None) -> Job[int]:
    """The total of a checkout in doubt, minor units; whoever else ends it waits, and finds it ended."""
    rows: Sequence[Row] = yield Query(
        "update checkout set changed_at = ? where merchant_id = ? and checkout_id = ? and state = 'unknown' "
        "returning session_id, total",
        (at, merchant_id, checkout_id),
    )
    if not rows or session_id not in (None, rows[0]["session_id"]):
        raise _not_in_doubt()
    return int(rows[0]["total"])


def _pending(merchant_id: str, checkout_id: str, payment_id: str | None) -> Job[Payment]:
    payment = yield from pending_of(merchant_id, checkout_id)
    if payment is None:
        raise _not_in_doubt()
    if payment_id not in (None, payment.payment_id):
        raise Conflict("another-payment", "Another payment is in doubt by now; look again.", path="$.payment_id")
    return payment


def _put_right(merchant_id: str, payment_id: str, outcome: str, reason: str, since: int, at: int) -> Job[None]:
    """`since`: when it was held; who holds it since is faster."""
    rows = yield Query(
        "update payment set state = ?, reason = ?, changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'reversing' and changed_at = ? returning payment_id",
        (outcome, reason[:200], at, merchant_id, payment_id, since),
    )
    if not rows:
        raise not_reversing()


def _audited(merchant_id: str, audit_id: str, act: str, subject_id: str, word: _Word, at: int) -> Query:
    return insert_audit(merchant_id, audit_id, word.by.who, act, subject_id, word.reason, at, word.by.station_id)


def _not_in_doubt() -> Conflict:
    return Conflict("not-in-doubt", "This is not in doubt: it has its end, or is being asked about again.")
