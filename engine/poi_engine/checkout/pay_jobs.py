"""Jobs of the payment: begin, decline, doubt, and the whole of it at once where no terminal is asked."""

from msgspec import Struct, msgpack

from poi_engine import ledger
from poi_engine.checkout.commit import Committed, claim_sale, keep_session, make_sale
from poi_engine.checkout.confirmation import must_be_confirmed
from poi_engine.checkout.frozen import Frozen, decode, is_sure
from poi_engine.checkout.payment import Payment, PaymentDocument, insert_payment, read_payment, tell, told
from poi_engine.checkout.promise import Key, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.reservation import latest, release, use_proof
from poi_engine.clientele.rows import lock_living
from poi_engine.desk import declined_session, unknown_session
from poi_engine.errors import Conflict, Forbidden
from poi_engine.ids import Ids
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.session import Session
from poi_engine.wiring import Trace
from poi_offers.situation import PaymentFacts


class Begun(Struct, frozen=True, kw_only=True):
    """A payment written and ready to be sent."""

    payment: Payment
    frozen: Frozen


class Before(Struct, frozen=True, kw_only=True):
    """The key was used before: its answer, or None while what it began has no end yet."""

    answer: Session | None


def begin(
    merchant_id: str,
    session_id: str,
    means: str,
    connector: str,
    key: Key,
    payment_id: str,
    *,
    at: int,
    trace: Trace,
) -> Job[Begun | Before]:
    """Take the key, claim the reserved checkout and write the payment, durably, before anything is sent."""
    trace("pay.begin-job")
    newest = yield from latest(merchant_id, session_id)
    before = yield from promise(merchant_id, key, newest["checkout_id"] if newest else session_id, at)
    if before is not None:
        return Before(answer=session_in(before.answer))
    trace("pay.promised")
    checkout_id, frozen = yield from _claim(merchant_id, newest, at)
    trace("pay.claimed")
    _check_means(frozen, means)
    if means == "wallet":
        yield from _must_have_value(merchant_id, checkout_id, frozen, at)
    payment = _payment(payment_id, checkout_id, means, connector, frozen, key, at)
    yield insert_payment(merchant_id, payment)
    trace("pay.written")
    return Begun(payment=payment, frozen=frozen)


def pay_at_once(
    merchant_id: str,
    session_id: str,
    means: str,
    key: Key,
    payment_id: str,
    *,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[Committed | Before]:
    """A payment that asks no terminal: begun and committed in one transaction."""
    begun = yield from begin(merchant_id, session_id, means, "", key, payment_id, at=at, trace=trace)
    if isinstance(begun, Before):
        return begun
    result = PaymentResult(outcome="approved", payment_ref=payment_id, facts=_facts_of(means))
    return (yield from approve(merchant_id, begun.payment.checkout_id, result, ids=ids, at=at, trace=trace))


def approve(
    merchant_id: str, checkout_id: str, result: PaymentResult, *, ids: Ids, at: int, trace: Trace
) -> Job[Committed]:
    """The payment was approved: the sale, and the answer to the key that paid."""
    trace("approve.job")
    claimed = yield from claim_sale(merchant_id, checkout_id, at, trace)
    if isinstance(claimed, Committed):
        return claimed
    payment = yield from tell(merchant_id, checkout_id, "captured", result, at)
    trace("approve.told")
    committed = yield from make_sale(merchant_id, checkout_id, claimed, payment.tender(), ids=ids, at=at, trace=trace)
    yield keep_session(merchant_id, payment, committed.session)
    trace("approve.answered")
    return committed


def decline(
    merchant_id: str,
    checkout_id: str,
    result: PaymentResult,
    *,
    sure: bool = True,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[Session | None]:
    """The payment was declined: everything reserved is free again. None when the checkout had ended.

    Not `sure`: a person said so and the terminal is not told yet; until it is, what it took is to be undone.
    """
    trace("decline.job")
    gone = yield from release(merchant_id, checkout_id, "declined", ("paying", "unknown"), ids=ids, at=at, trace=trace)
    if not gone:
        return None
    payment = yield from tell(merchant_id, checkout_id, "declined" if sure else "unknown", result, at)
    trace("decline.told")
    frozen = yield from read_frozen(merchant_id, checkout_id)
    session = declined_session(frozen, result.reason)
    yield keep_session(merchant_id, payment, session)
    trace("decline.answered")
    return session


def doubt(merchant_id: str, checkout_id: str, result: PaymentResult, *, at: int, trace: Trace) -> Job[Session]:
    """No answer after bytes were sent: everything stays reserved until the terminal or a person says how it ended."""
    trace("doubt.job")
    yield Query(
        "update checkout set state = 'unknown', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state = 'paying'",
        (at, merchant_id, checkout_id),
    )
    payment = yield from read_payment(merchant_id, checkout_id)
    if payment.state == "sending":
        yield told(merchant_id, payment.payment_id, "unknown", result, at)
    trace("doubt.told")
    return unknown_session((yield from read_frozen(merchant_id, checkout_id)))


def to_reverse(merchant_id: str, payment: Payment, result: PaymentResult, at: int, trace: Trace) -> Job[None]:
    """An approval came after the checkout had ended: remember that it must be undone, until it is."""
    trace("reverse.job")
    yield told(merchant_id, payment.payment_id, "unknown", result, at)
    trace("reverse.marked")


def barred(merchant_id: str, payment: Payment, at: int, trace: Trace) -> Job[None]:
    """The terminal has undone, or will never do, what a person declined."""
    trace("bar.job")
    yield Query(
        "update payment set state = 'declined', changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'unknown'",
        (at, merchant_id, payment.payment_id),
    )
    trace("bar.done")


def undone(merchant_id: str, payment: Payment, state: str, audit_id: str, at: int, trace: Trace) -> Job[None]:
    """What a payment without a checkout came to at the terminal: `reversed`, or `declined` all along."""
    trace("undo.job")
    yield Query(
        "update payment set state = ?, changed_at = ? where merchant_id = ? and payment_id = ? and state = 'unknown'",
        (state, at, merchant_id, payment.payment_id),
    )
    why = f"its checkout had ended; {state} at the terminal"
    yield insert_audit(merchant_id, audit_id, "engine", "undo-payment", payment.payment_id, why, at)
    trace("undo.done")


def read_frozen(merchant_id: str, checkout_id: str) -> Job[Frozen]:
    """The checkout's document."""
    rows = yield Query(
        "select document from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    return decode(rows[0]["document"])


def session_in(answer: bytes | None) -> Session | None:
    """A kept answer."""
    return None if answer is None else msgpack.decode(answer, type=Session)


def _claim(merchant_id: str, newest: Row | None, at: int) -> Job[tuple[str, Frozen]]:
    """The session's reserved checkout, for this payment alone."""
    if newest is None:
        raise Conflict("not-accepted", "The customer has not accepted a total yet.")
    rows = yield Query(
        "update checkout set state = 'paying', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state = 'reserved' returning document",
        (at, merchant_id, newest["checkout_id"]),
    )
    if not rows:
        raise _refusal(newest["state"])
    return newest["checkout_id"], decode(rows[0]["document"])


def _refusal(state: str) -> Conflict:
    match state:
        case "paid":
            return Conflict("already-paid", "This session is paid.")
        case "unknown":
            return Conflict("payment-unknown", "A payment is in doubt; ask for its status before paying again.")
        case "paying" | "reserved":
            return Conflict("payment-under-way", "Another payment of this session is under way.")
        case _:
            return Conflict("not-accepted", "The last acceptance has ended; accept the total again.")


def _check_means(frozen: Frozen, means: str) -> None:
    if means == "none":
        return
    if frozen.session.acquisition_ref is not None and means != "card":
        raise Conflict("decide-again", "The offers were decided for the card seen. Decide again for another means.")
    identity = frozen.session.identity
    if means == "wallet" and not is_sure(identity, frozen.accepted_at):
        raise Forbidden("assurance-needed", "Scan the customer's code, or confirm who they are, to pay by wallet.")


def _must_have_value(merchant_id: str, checkout_id: str, frozen: Frozen, at: int) -> Job[None]:
    """The wallet has it before this sale gives anything; nobody changes it, for the customer's row is locked."""
    total, customer_id = frozen.decision.total, frozen.customer_id
    if total and customer_id:
        person = yield from lock_living(merchant_id, customer_id)
        yield from use_proof(merchant_id, checkout_id, frozen, at)
        account = f"wallet:{person.customer_id}"
        left = (yield from ledger.balance(merchant_id, account)).available
        if left < total:
            raise ledger.Insufficient(account, total - left)
        yield from must_be_confirmed(merchant_id, checkout_id, frozen, total, at)


def _payment(
    payment_id: str, checkout_id: str, means: str, connector: str, frozen: Frozen, key: Key, at: int
) -> Payment:
    card = frozen.session.payment if means == "card" else _facts_of(means)
    return Payment(
        payment_id=payment_id,
        checkout_id=checkout_id,
        means=means,
        connector=connector,
        state="sending",
        amount=frozen.decision.total,
        card_scheme=card.scheme if card else None,
        card_type=card.card_type if card else None,
        entry_mode=card.entry_mode if card else None,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(principal=key.principal, key=key.key, acquisition_ref=frozen.session.acquisition_ref),
        created_at=at,
    )


def _facts_of(means: str) -> PaymentFacts:
    match means:
        case "cash":
            return PaymentFacts(entry_mode="cash")
        case "wallet":
            return PaymentFacts(entry_mode="wallet")
        case _:
            return PaymentFacts()
