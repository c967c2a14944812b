"""Jobs on what customers were asked to transfer, and on the credits that the bank told of."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import micros, moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Job, Query, Row
from poi_engine.value.references import reference_in

State = Literal["matched", "unmatched", "over", "under", "give_back", "set_aside"]
OPEN = ("unmatched", "over", "under", "give_back")
"""States that wait for a person."""
MAX_AMOUNT = 10_000_000_000  # minor units


class Credit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A credit on the merchant's account as the bank tells of it: `credit_id` is the bank's own reference of the entry.

    `amount` in minor units; `reference` what the payer's bank passed on, structured or free text. Who paid is not kept.
    """

    credit_id: Annotated[str, Meta(min_length=1, max_length=64)]
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    booked_at: datetime
    reference: Annotated[str, Meta(max_length=1000)] = ""


class BankCredit(Struct, frozen=True, kw_only=True):
    """A credit and what became of it.

    `matched` paid `payment_id`; `under` and `over` have its reference and another amount; `unmatched` has none that is
    awaited; `give_back` is to be paid back by hand (a refund, or a credit for what nobody waits for any more; `amount`
    says how much); `set_aside` was dealt with by a person.
    """

    credit_id: str
    amount: int
    currency: str
    reference: str
    booked_at: datetime
    state: State
    payment_id: str | None = None
    reason: str = ""


class Awaited(Struct, frozen=True, kw_only=True):
    """What a customer was asked to transfer: `amount` in minor units. `state`: awaited, paid, barred."""

    payment_id: str
    reference: str
    amount: int
    currency: str
    state: str


def insert_awaited(merchant_id: str, awaited: Awaited, at: int) -> Query:
    """Wait for a transfer; asking again changes nothing."""
    return Query(
        "insert into awaited_transfer (merchant_id, payment_id, reference, amount, currency, state, created_at) "
        "values (?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, payment_id) do nothing",
        (
            *(merchant_id, awaited.payment_id, awaited.reference, awaited.amount, awaited.currency, awaited.state),
            at,
        ),
    )


def read_awaited(merchant_id: str, payment_id: str) -> Job[Awaited | None]:
    """What is awaited for a payment."""
    rows = yield Query(
        "select * from awaited_transfer where merchant_id = ? and payment_id = ?", (merchant_id, payment_id)
    )
    return _awaited(rows[0]) if rows else None


def change_awaited(merchant_id: str, payment_id: str, state: str, of: str) -> Job[bool]:
    """From one state to another; False when it is in a third one."""
    rows = yield Query(
        "update awaited_transfer set state = ? where merchant_id = ? and payment_id = ? and state = ? "
        "returning payment_id",
        (state, merchant_id, payment_id, of),
    )
    return bool(rows)


def book_credit(merchant_id: str, credit: Credit, at: int) -> Job[BankCredit | None]:
    """Keep a credit and match it; None when it was told before. A matched one ends its payment at the next status.

    The reference is found in what the bank passed on, and nothing else of that is kept.
    """
    reference = reference_in(credit.reference)
    booked_at = _booked_at(credit)
    rows = yield Query(
        "insert into bank_credit (merchant_id, credit_id, amount, currency, reference, booked_at, state, payment_id, "
        "reason, created_at, changed_at) values (?, ?, ?, ?, ?, ?, 'unmatched', null, '', ?, ?) "
        "on conflict (merchant_id, credit_id) do nothing returning credit_id",
        (
            *(merchant_id, credit.credit_id, credit.amount, credit.currency, reference),
            *(booked_at, at, at),
        ),
    )
    if not rows:
        yield from _must_be_the_same(merchant_id, credit)
        return None
    awaited = (yield from _lock_by_reference(merchant_id, reference)) if reference else None
    if awaited is not None and awaited.currency == credit.currency:
        state = _state_of(awaited, credit.amount)
        if state == "matched":
            yield from change_awaited(merchant_id, awaited.payment_id, "paid", "awaited")
        yield put_state(merchant_id, credit.credit_id, state, awaited.payment_id, "", at)
    return (yield from read_credit(merchant_id, credit.credit_id))


def _booked_at(credit: Credit) -> int:
    """When the bank booked it, microseconds; a time without an offset is UTC."""
    when = credit.booked_at
    if not 1990 <= when.year <= 2200:
        raise RequestError("bad-statement", f"{when.isoformat()} is no time of a booking.", path="$.credits")
    return micros((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _state_of(awaited: Awaited, amount: int) -> State:
    if awaited.state != "awaited":
        return "give_back"
    if amount == awaited.amount:
        return "matched"
    return "over" if amount > awaited.amount else "under"


def put_state(merchant_id: str, credit_id: str, state: State, payment_id: str | None, reason: str, at: int) -> Query:
    """What becomes of a credit."""
    return Query(
        "update bank_credit set state = ?, payment_id = ?, reason = ?, changed_at = ? "
        "where merchant_id = ? and credit_id = ?",
        (state, payment_id, reason[:200], at, merchant_id, credit_id),
    )


def to_give_back(
    merchant_id: str, credit_id: str, amount: int, currency: str, reference: str, payment_id: str, at: int
) -> Query:
    """A transfer that a person is to make back to a customer."""
    return Query(
        "insert into bank_credit (merchant_id, credit_id, amount, currency, reference, booked_at, state, payment_id, "
        "reason, created_at, changed_at) values (?, ?, ?, ?, ?, ?, 'give_back', ?, 'refund', ?, ?) "
        "on conflict (merchant_id, credit_id) do nothing",
        (merchant_id, credit_id, amount, currency, reference, at, payment_id, at, at),
    )


def give_back_credits(merchant_id: str, payment_id: str, at: int) -> Query:
    """The money that came for a payment which made no sale goes back."""
    return Query(
        "update bank_credit set state = 'give_back', changed_at = ? where merchant_id = ? and payment_id = ? "
        "and state = 'matched'",
        (at, merchant_id, payment_id),
    )


def read_credit(merchant_id: str, credit_id: str) -> Job[BankCredit]:
    """A credit by the bank's reference."""
    rows = yield Query("select * from bank_credit where merchant_id = ? and credit_id = ?", (merchant_id, credit_id))
    if not rows:
        raise NotFound("bank credit", credit_id)
    return _credit(rows[0])


def list_credits(merchant_id: str, state: State, limit: int, after: str) -> Job[list[BankCredit]]:
    """The credits in a state, by the bank's reference."""
    rows = yield Query(
        "select * from bank_credit where merchant_id = ? and state = ? and credit_id > ? order by credit_id limit ?",
        (merchant_id, state, after, limit),
    )
    return [_credit(row) for row in rows]


def assign_credit(
    merchant_id: str, credit_id: str, payment_id: str, reason: str, who: str, audit_id: str, at: int
) -> Job[BankCredit]:
    """A person says that a credit pays a payment, whatever its reference or amount."""
    found = yield from _lock_open(merchant_id, credit_id, ("unmatched", "over", "under"))
    awaited = yield from read_awaited(merchant_id, payment_id)
    if awaited is None:
        raise NotFound("awaited transfer", payment_id)
    if awaited.currency != found.currency:
        raise RequestError("currency-differs", f"{awaited.currency} is awaited, not {found.currency}.")
    if not (yield from change_awaited(merchant_id, payment_id, "paid", "awaited")):
        raise Conflict("not-awaited", "Nobody waits for this transfer any more.")
    yield put_state(merchant_id, credit_id, "matched", payment_id, reason, at)
    why = f"{credit_id}: {found.amount} for {awaited.amount} {awaited.currency}; {reason}"
    yield insert_audit(merchant_id, audit_id, who, "bank-credit-assigned", payment_id, why, at)
    return (yield from read_credit(merchant_id, credit_id))


def set_credit_aside(
    merchant_id: str, credit_id: str, reason: str, who: str, audit_id: str, at: int
) -> Job[BankCredit]:
    """A person has dealt with a credit some other way, and says how."""
    found = yield from _lock_open(merchant_id, credit_id, OPEN)
    yield put_state(merchant_id, credit_id, "set_aside", found.payment_id, reason, at)
    why = f"{found.state}, {found.amount} {found.currency}; {reason}"
    yield insert_audit(merchant_id, audit_id, who, "bank-credit-set-aside", credit_id, why, at)
    return (yield from read_credit(merchant_id, credit_id))


def _lock_open(merchant_id: str, credit_id: str, states: tuple[str, ...]) -> Job[BankCredit]:
    yield Query(
        "update bank_credit set changed_at = changed_at where merchant_id = ? and credit_id = ?",
        (merchant_id, credit_id),
    )
    found = yield from read_credit(merchant_id, credit_id)
    if found.state not in states:
        raise Conflict("credit-settled", f"This credit is {found.state.replace('_', ' ')} already.")
    return found


def _lock_by_reference(merchant_id: str, reference: str) -> Job[Awaited | None]:
    rows = yield Query(
        "update awaited_transfer set state = state where merchant_id = ? and reference = ? returning *",
        (merchant_id, reference),
    )
    return _awaited(rows[0]) if rows else None


def _must_be_the_same(merchant_id: str, credit: Credit) -> Job[None]:
    known = yield from read_credit(merchant_id, credit.credit_id)
    if (known.amount, known.currency) != (credit.amount, credit.currency):
        message = f"The bank's entry {credit.credit_id!r} was told before as {known.amount} {known.currency}."
        raise Conflict("credit-differs", message)


def _awaited(row: Row) -> Awaited:
    return Awaited(**{name: row[name] for name in Awaited.__struct_fields__})


def _credit(row: Row) -> BankCredit:
    return BankCredit(
        credit_id=row["credit_id"],
        amount=row["amount"],
        currency=row["currency"],
        reference=row["reference"],
        booked_at=moment(row["booked_at"]),
        state=row["state"],
        payment_id=row["payment_id"],
        reason=row["reason"],
    )
