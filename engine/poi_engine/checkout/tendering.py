"""Begin a payment: of what is due, or of a part of it. One is under way at a time, written before anything is sent."""

from typing import NamedTuple

from msgspec import Struct

from poi_engine import ledger
from poi_engine.checkout.accepting import changed
from poi_engine.checkout.confirmation import must_be_confirmed
from poi_engine.checkout.following import station_of
from poi_engine.checkout.frozen import Frozen, decode, is_sure
from poi_engine.checkout.hold_rows import take
from poi_engine.checkout.meal_vouchers import must_be_eligible
from poi_engine.checkout.payment import Payment, PaymentDocument, captured, insert_payment, payments_of
from poi_engine.checkout.promise import Key, promise
from poi_engine.checkout.reservation import checkout_of, latest, use_proof
from poi_engine.clientele.rows import lock_living
from poi_engine.errors import Conflict, Forbidden, RequestError
from poi_engine.fiscal.day import must_be_open
from poi_engine.means import BY_CONNECTOR, MEANS, OF_VALUE, Asked
from poi_engine.ports import Job, Query, Row
from poi_engine.session import handed_over
from poi_engine.value.gift_cards import find
from poi_engine.value.lines import sold
from poi_engine.value.tab_rows import tab_of
from poi_engine.wiring import Trace
from poi_offers.situation import PaymentFacts

MOST = 20
"""Payments that a checkout may have, those that failed included."""
PAYABLE = MEANS - {"none"}


class Intent(NamedTuple):
    """A payment that is meant: what is asked, by which connector, under which key, and the id that it gets."""

    asked: Asked
    connector: str
    key: Key
    payment_id: str


class Begun(Struct, frozen=True, kw_only=True):
    """A payment written and ready to be sent."""

    payment: Payment
    frozen: Frozen


class Before(Struct, frozen=True, kw_only=True):
    """The key was used before: its answer, or None while what it began has no end yet."""

    answer: bytes | None


class _Open(Struct, frozen=True, kw_only=True):
    """A checkout claimed for one payment, with what it has by now."""

    checkout_id: str
    frozen: Frozen
    payments: tuple[Payment, ...]

    @property
    def taken(self) -> int:
        """What others paid, minor units."""
        return sum(payment.amount for payment in captured(self.payments))

    @property
    def due(self) -> int:
        """What is still to be paid, minor units."""
        return self.frozen.decision.total - self.taken

    def paid_by(self, means: str) -> int:
        """What payments by these means took, minor units."""
        return sum(payment.amount for payment in captured(self.payments) if payment.means == means)


def check_asked(asked: Asked) -> None:
    """Refuse what makes no sense whatever is due."""
    if asked.means not in PAYABLE:
        names = ", ".join(f"`{means}`" for means in sorted(PAYABLE))
        raise RequestError("bad-means", f"The means is one of {names}.", path="$.means")
    if asked.amount is not None and asked.amount < 1:
        raise RequestError("bad-amount", "An amount is 1 minor unit or more.", path="$.amount")
    if asked.given is not None and asked.means != "cash":
        raise RequestError("bad-given", "Only cash is handed over and gives change.", path="$.given")
    if (asked.gift_card is not None) != (asked.means == "gift_card"):
        raise RequestError("gift-card-needed", "A gift card pays by its code, nothing else does.", path="$.gift_card")
    if asked.hold is not None and asked.means != "card":
        raise RequestError("bad-hold", "Only a card is held.", path="$.hold")


def begin(
    merchant_id: str,
    session_id: str,
    intent: Intent,
    station_id: str,
    *,
    at: int,
    trace: Trace,
) -> Job[Begun | Before]:
    """Take the key, claim the accepted checkout for a payment at this station and write it, durably, before anything is
    sent."""
    trace("pay.begin-job")
    newest = yield from latest(merchant_id, session_id)
    before = yield from promise(merchant_id, intent.key, newest["checkout_id"] if newest else session_id, at)
    if before is not None:
        return Before(answer=before.answer)
    trace("pay.promised")
    found = yield from _claim(merchant_id, newest, intent.asked.decision_id, station_id, at)
    return (yield from _written(merchant_id, found, intent, at, trace))


def accept_and_begin(
    merchant_id: str,
    checkout_id: str,
    reserving: Job[Frozen],
    intent: Intent,
    *,
    at: int,
    trace: Trace,
) -> Job[Begun | Before]:
    """Take the key, accept by the job `reserving`, which leaves the checkout `paying`, and write the payment."""
    trace("pay.begin-job")
    before = yield from promise(merchant_id, intent.key, checkout_id, at)
    if before is not None:
        reserving.close()
        return Before(answer=before.answer)
    trace("pay.promised")
    found = _Open(checkout_id=checkout_id, frozen=(yield from reserving), payments=())
    return (yield from _written(merchant_id, found, intent, at, trace))


def _written(merchant_id: str, found: _Open, intent: Intent, at: int, trace: Trace) -> Job[Begun]:
    """The payment of a checkout that is claimed for it."""
    trace("pay.claimed")
    asked = intent.asked
    amount = amount_of(asked, found.due)
    _check_means(found, asked.means, amount, asked.hold is not None)
    named = yield from _allowed(merchant_id, found, asked, amount, at)
    if asked.hold is not None:
        station_id = found.frozen.session.station_id
        connector = yield from take(merchant_id, asked.hold, station_id, intent.payment_id, amount, at)
        intent = intent._replace(connector=connector)
    payment = _payment(found, intent, amount, named, at)
    yield insert_payment(merchant_id, payment)
    trace("pay.written")
    return Begun(payment=payment, frozen=found.frozen)


def _claim(merchant_id: str, newest: Row | None, decision_id: str | None, station_id: str, at: int) -> Job[_Open]:
    """The session's checkout, accepted or paid in part, for this payment alone."""
    if newest is None:
        raise Conflict("not-accepted", "The customer has not accepted a total yet.")
    checkout_id, state = newest["checkout_id"], newest["state"]
    if state not in ("reserved", "part_paid"):
        raise _refusal(state)
    if decision_id is not None and checkout_of(decision_id) != checkout_id:
        raise changed()
    claim = Query(  # the station's day may have been closed since the acceptance
        "with day as (select closed_until from closing_head where merchant_id = ? and station_id = ? /* for share */) "
        "update checkout set state = 'paying', changed_at = ? where merchant_id = ? and checkout_id = ? and state = ? "
        "and station_id = ? and exists (select 1 from day where closed_until <= ?) returning document",
        (merchant_id, station_id, at, merchant_id, checkout_id, state, station_id, at),
    )
    rows = yield claim
    if not rows:  # closed, or handed over to a station that never sold: now its day is known, and held
        yield from must_be_open(merchant_id, station_id, at)
        rows = yield claim
    if not rows:
        here = (yield from station_of(merchant_id, checkout_id)) == station_id
        raise _refusal("paying") if here else handed_over()
    payments = (yield from payments_of(merchant_id, checkout_id)) if state == "part_paid" else []
    if len(payments) >= MOST:
        raise Conflict("too-many-tenders", f"{MOST} payments were tried for this sale; give it up and begin anew.")
    return _Open(checkout_id=checkout_id, frozen=decode(rows[0]["document"]), payments=tuple(payments))


def _refusal(state: str) -> Conflict:
    match state:
        case "paid":
            return Conflict("already-paid", "This session is paid.")
        case "unknown":
            return Conflict("payment-unknown", "A payment is in doubt; ask for its status before paying again.")
        case "paying":
            return Conflict("payment-under-way", "Another payment of this session is under way.")
        case _:
            return Conflict("not-accepted", "The last acceptance has ended; accept the total again.")


def amount_of(asked: Asked, due: int) -> int:
    """How much of what is due is paid, minor units."""
    amount = due if asked.amount is None else asked.amount
    if amount > due:
        raise Conflict("more-than-due", f"{due} is due, not {amount}.", path="$.amount")
    if asked.given is not None and asked.given < amount:
        raise RequestError("given-too-little", f"{asked.given} in cash does not pay {amount}.", path="$.given")
    return amount


def _check_means(found: _Open, means: str, amount: int, held: bool) -> None:
    """What was decided for a card is paid by that card, wholly: any other way the offers are decided again."""
    session = found.frozen.session
    if found.frozen.decision.total == 0:
        return
    if session.acquisition_ref is not None and (means != "card" or amount < found.due or held):
        raise Conflict("decide-again", "The offers were decided for the card seen. Decide again for another means.")
    if means in ("wallet", "tab") and not is_sure(session.identity, found.frozen.accepted_at):
        raise Forbidden("assurance-needed", f"Scan the customer's code, or confirm who they are, to pay by {means}.")


def _allowed(merchant_id: str, found: _Open, asked: Asked, amount: int, at: int) -> Job[str | None]:
    """Whether this means may pay so much; returns the id of a gift card or of a tab."""
    match asked.means if amount else "none":
        case "wallet":
            yield from _must_have_value(merchant_id, found, amount, at)
        case "meal_voucher":
            yield from must_be_eligible(merchant_id, found.frozen, found.paid_by("meal_voucher"), amount, at)
        case "gift_card":
            return (yield from find(merchant_id, asked.gift_card or "", at))
        case "tab":
            return (yield from _must_have_tab(merchant_id, found, at))
    return None


def _must_have_tab(merchant_id: str, found: _Open, at: int) -> Job[str]:
    """The customer's open tab; its ceiling is the floor of its account."""
    if sold(found.frozen.session.basket.items):
        raise Conflict("value-on-tab", "Stored value is paid for at once: what a tab comes to may yet be declined.")
    person = yield from lock_living(merchant_id, found.frozen.customer_id or "")
    yield from use_proof(merchant_id, found.checkout_id, found.frozen, at)
    return (yield from tab_of(merchant_id, person.customer_id))


def _must_have_value(merchant_id: str, found: _Open, amount: int, at: int) -> Job[None]:
    """The wallet has it before this sale gives anything; nobody changes it, for the customer's row is locked."""
    frozen = found.frozen
    if frozen.customer_id:
        person = yield from lock_living(merchant_id, frozen.customer_id)
        yield from use_proof(merchant_id, found.checkout_id, frozen, at)
        account = f"wallet:{person.customer_id}"
        left = (yield from ledger.balance(merchant_id, account)).available
        if left < amount:
            raise ledger.Insufficient(account, amount - left)
        yield from must_be_confirmed(merchant_id, found.checkout_id, frozen, amount + found.paid_by("wallet"), at)


def _payment(found: _Open, intent: Intent, amount: int, named: str | None, at: int) -> Payment:
    """`named`: the gift card or the tab that pays."""
    asked, connector, key, payment_id = intent
    session, means = found.frozen.session, asked.means if found.frozen.decision.total else "none"
    card = session.payment if means == "card" else facts_of(means)
    rest = found.due - amount
    return Payment(
        payment_id=payment_id,
        checkout_id=found.checkout_id,
        means=means,
        connector=connector if means in BY_CONNECTOR else "",
        state="sending",
        amount=amount,
        card_scheme=card.scheme if card else None,
        card_type=card.card_type if card else None,
        entry_mode=card.entry_mode if card else None,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(
            principal=key.principal,
            key=key.key,
            acquisition_ref=session.acquisition_ref if means == "card" else None,
            given=asked.given if means == "cash" else None,
            gift_card=named if means == "gift_card" else None,
            tab=named if means == "tab" else None,
            hold=asked.hold if means == "card" else None,
            held=means in OF_VALUE and rest > 0,
            taken=found.taken,
            earlier=len(found.payments),
            rest=rest,
        ),
        created_at=at,
    )


def facts_of(means: str) -> PaymentFacts:
    """What is known of a payment that no terminal tells of."""
    match means:
        case "cash" | "wallet":
            return PaymentFacts(entry_mode=means)
        case _:
            return PaymentFacts()
