"""Jobs of the payment: approve, decline, doubt, give up, and the whole of it at once where nobody is asked."""

from msgspec import msgpack
from msgspec.structs import replace

from poi_engine import ledger
from poi_engine.checkout.commit import Closed, Committed, claim_sale, keep_session, make_sale, visitor
from poi_engine.checkout.entries import value_moves
from poi_engine.checkout.frozen import Frozen, decode
from poi_engine.checkout.payment import Payment, captured, mark, payments_of, read_payment, tell, told
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.reservation import read_frozen, release
from poi_engine.checkout.standing import declined_session, paid_session, part_paid_session, unknown_session
from poi_engine.checkout.tendering import Before, Begun, facts_of
from poi_engine.clientele.rows import lock_living
from poi_engine.ids import Ids
from poi_engine.means import BY_CONNECTOR, BY_HAND
from poi_engine.ports import Job, PaymentResult, Query
from poi_engine.session import Session
from poi_engine.together import together
from poi_engine.wiring import Trace

IN_DOUBT = ("unknown", "reversing")


def pay_at_once(
    merchant_id: str, beginning: Job[Begun | Before], *, ids: Ids, at: int, trace: Trace
) -> Job[Committed | Session | Before]:
    """A payment that asks nobody: begun, by the job `beginning`, and taken in one transaction."""
    begun = yield from beginning
    if isinstance(begun, Before):
        return begun
    payment = begun.payment
    if payment.document.held:
        yield from _hold(merchant_id, payment, begun.frozen, ids, at)
        trace("part.held")
    result = PaymentResult(outcome="approved", payment_ref=payment.payment_id, facts=facts_of(payment.means))
    return (yield from approve(merchant_id, payment, result, known=begun.frozen, ids=ids, at=at, trace=trace))


def approve(
    merchant_id: str,
    payment: Payment,
    result: PaymentResult,
    *,
    known: Frozen | None = None,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[Committed | Session]:
    """The payment was approved: the sale, which is the answer to the key that paid; or the session paid in part.

    `known`: the checkout's document, if the caller has it. `Closed` when the payment had another end before: whatever
    was taken must go back.
    """
    trace("approve.job")
    if payment.document.rest:
        return (yield from _take_part(merchant_id, payment, result, at, trace))
    claimed = yield from claim_sale(merchant_id, payment.checkout_id, at, trace, known)
    if isinstance(claimed, Committed):
        yield from _must_be_captured(merchant_id, payment)
        return claimed
    taken, person = yield from together(_told(merchant_id, payment, result, at), visitor(merchant_id, claimed, at))
    trace("approve.told")
    payments = [taken]
    if payment.document.taken:
        payments = yield from payments_of(merchant_id, payment.checkout_id)
    tenders = [one.tender() for one in captured(payments)]
    sale_id = yield from make_sale(
        merchant_id, payment.checkout_id, claimed, person, tenders, ids=ids, at=at, trace=trace
    )
    trace("approve.answered")
    return Committed(sale_id=sale_id, session=paid_session(claimed, sale_id, payments))


def decline(
    merchant_id: str,
    payment: Payment,
    result: PaymentResult,
    *,
    sure: bool = True,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[Session]:
    """The payment was declined: what others took stays; nothing taken, everything reserved is free again.

    `Closed` when the payment had an end. Not `sure`: a person said so and the terminal is not told yet; until it is,
    what it took is to be undone.
    """
    trace("decline.job")
    checkout_id = payment.checkout_id
    if payment.document.taken:
        yield from _part_paid(merchant_id, payment, at)
    elif not (
        yield from release(merchant_id, checkout_id, "declined", ("paying", "unknown"), ids=ids, at=at, trace=trace)
    ):
        raise Closed("ended")
    if (yield from tell(merchant_id, payment.payment_id, "declined" if sure else "reversing", result, at)) is None:
        raise Closed("ended")
    trace("decline.told")
    frozen = yield from read_frozen(merchant_id, checkout_id)
    session = declined_session(frozen, result.reason)
    if payment.document.taken:
        payments = yield from payments_of(merchant_id, checkout_id)
        session = part_paid_session(frozen, payments)
    yield keep_session(merchant_id, payment, session)
    trace("decline.answered")
    return session


def doubt(merchant_id: str, payment: Payment, result: PaymentResult, *, at: int, trace: Trace) -> Job[Session]:
    """No answer after bytes were sent: everything stays reserved until the terminal or a person says how it ended.

    `Closed` when the payment had an end.
    """
    trace("doubt.job")
    checkout_id = payment.checkout_id
    yield Query(
        "update checkout set state = 'unknown', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state = 'paying'",
        (at, merchant_id, checkout_id),
    )
    stored = yield from read_payment(merchant_id, payment.payment_id)
    if stored.state not in ("sending", "unknown"):
        raise Closed("ended")
    if stored.state == "sending":
        yield told(merchant_id, payment.payment_id, "unknown", result, at)
    trace("doubt.told")
    payments = yield from payments_of(merchant_id, checkout_id)
    return unknown_session((yield from read_frozen(merchant_id, checkout_id)), payments)


def give_up(
    merchant_id: str, checkout_id: str, who: str, station_id: str, *, ids: Ids, at: int, trace: Trace
) -> Job[list[Payment] | None]:
    """End an accepted checkout without a sale: what the ledger held is free, what changed hands is given back by hand
    and audited, what a terminal or bank took is to be undone. Returns that; None when the checkout is elsewhere."""
    trace("give-up.job")
    gone = yield from release(
        merchant_id, checkout_id, "abandoned", ("reserved", "part_paid"), ids=ids, at=at, trace=trace
    )
    if not gone:
        return None
    outside = []
    for payment in captured((yield from payments_of(merchant_id, checkout_id))):
        state = "reversing" if payment.means in BY_CONNECTOR else "reversed"
        yield mark(merchant_id, payment.payment_id, state, ("captured",), at)
        outside += [replace(payment, state=state)] if state == "reversing" else []
        if payment.means in BY_HAND:
            why = f"{payment.amount} by {payment.means} given back by hand: the sale was given up"
            yield insert_audit(merchant_id, ids.new("aud"), who, "give-back", payment.payment_id, why, at, station_id)
    trace("give-up.done")
    return outside


def to_reverse(merchant_id: str, payment: Payment, result: PaymentResult, at: int, trace: Trace) -> Job[bool]:
    """An approval came after the payment had ended otherwise: remember that it must be undone, until it is.

    False when there is nothing to undo: it was captured before, or has gone back.
    """
    trace("reverse.job")
    not_taken = ("sending", "declined", *IN_DOUBT)
    marked = yield from tell(merchant_id, payment.payment_id, "reversing", result, at, not_taken)
    trace("reverse.marked")
    return marked is not None


def barred(merchant_id: str, payment: Payment, at: int, trace: Trace) -> Job[None]:
    """The terminal has undone, or will never do, what a person declined."""
    trace("bar.job")
    yield mark(merchant_id, payment.payment_id, "declined", IN_DOUBT, at)
    trace("bar.done")


def undone(merchant_id: str, payment: Payment, state: str, audit_id: str, at: int, trace: Trace) -> Job[bool]:
    """What a payment without a sale came to at the terminal: `reversed`, or `declined` all along. False: it had its
    end."""
    trace("undo.job")
    marked = yield mark(merchant_id, payment.payment_id, state, IN_DOUBT, at)
    if marked:
        why = f"it belongs to no sale; {state} at the terminal"
        yield insert_audit(merchant_id, audit_id, "engine", "undo-payment", payment.payment_id, why, at)
    trace("undo.done")
    return bool(marked)


def session_in(answer: bytes | None) -> Session | None:
    """A kept answer."""
    return None if answer is None else msgpack.decode(answer, type=Session)


def _take_part(merchant_id: str, payment: Payment, result: PaymentResult, at: int, trace: Trace) -> Job[Session]:
    """One tender of several is taken; the rest is due."""
    frozen = yield from _part_paid(merchant_id, payment, at)
    trace("part.claimed")
    yield from _told(merchant_id, payment, result, at)
    payments = yield from payments_of(merchant_id, payment.checkout_id)
    session = part_paid_session(frozen, payments)
    yield keep_session(merchant_id, payment, session)
    trace("part.taken")
    return session


def _part_paid(merchant_id: str, payment: Payment, at: int) -> Job[Frozen]:
    """The checkout waits for its next tender."""
    rows = yield Query(
        "update checkout set state = 'part_paid', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning document",
        (at, merchant_id, payment.checkout_id),
    )
    if not rows:
        raise Closed("ended")
    return decode(rows[0]["document"])


def _told(merchant_id: str, payment: Payment, result: PaymentResult, at: int) -> Job[Payment]:
    taken = yield from tell(merchant_id, payment.payment_id, "captured", result, at)
    if taken is None:
        raise Closed("ended")
    return taken


def _must_be_captured(merchant_id: str, payment: Payment) -> Job[None]:
    """A sale was made of the checkout: by this payment, or without it."""
    if (yield from read_payment(merchant_id, payment.payment_id)).state != "captured":
        raise Closed("paid")


def _hold(merchant_id: str, payment: Payment, frozen: Frozen, ids: Ids, at: int) -> Job[None]:
    """A part in stored value is held until the sale is made, or given up."""
    customer_id = frozen.customer_id
    person = (yield from lock_living(merchant_id, customer_id)) if customer_id else None
    moves = value_moves(payment.tender(), person.customer_id if person else None, frozen.decision.currency)
    yield from ledger.hold(merchant_id, payment.checkout_id, moves, ids=ids, at=at)
