"""Jobs of a refund: open it durably, let it go, or leave it in doubt."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct, json, msgpack
from msgspec.structs import replace

from poi_engine.checkout.at_risk import Instead, as_paid
from poi_engine.checkout.payment import PENDING, Payment, captured, mark, payments_of, tell
from poi_engine.checkout.promise import Key, Promise, keep_answer, promise
from poi_engine.checkout.refund_payments import RefundSending, declined_of, insert_shares, shares_of, try_again
from poi_engine.checkout.returns import Return, ReturnedLine, plan_return, taken_by
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.fiscal.day import must_be_open
from poi_engine.goods.stock import check_place
from poi_engine.ids import Ids
from poi_engine.orders.sale import lines_back
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.principal import Principal
from poi_engine.sales import document_of, read_lines
from poi_engine.staff.approvals import Allowance, allow, give_back
from poi_engine.value.lines import hold_back, let_back
from poi_engine.wiring import Trace


class RefundDocument(Struct, frozen=True, kw_only=True):
    """The document of a refund's checkout; its session_id column names the sale it takes back from.

    `place` is where the goods arrive, None: where they were taken. `shares`: what goes back on each tender of the
    sale, in their order, minor units; without them all of it goes back on the only one.
    """

    refund_of: str
    plan: Return
    reason: str
    by: str
    zone: str
    approved_by: str | None = None
    place: str | None = None
    shares: tuple[int, ...] = ()
    format: int = 1

    @property
    def paid_back(self) -> tuple[int, ...]:
        """What goes back on each tender."""
        return self.shares or (self.plan.total,)


class Wanted(NamedTuple):
    """What is to be taken back, and why: these lines of a sale, or (None) all that is left of it.

    `place`: where the goods arrive, None: where they were taken; `order_id`: of whose lines only; `instead`: by what
    goes back what no terminal can give back.
    """

    sale_id: str
    lines: Sequence[ReturnedLine] | None
    reason: str
    place: str | None = None
    order_id: str | None = None
    instead: Instead | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What a refund's key answers: the refund's sale, or why the terminal declined."""

    sale_id: str | None = None
    declined: str | None = None


class RefundBefore(Struct, frozen=True, kw_only=True):
    """The key was used before."""

    checkout_id: str
    answer: Answer | None


class Doubt(Struct, frozen=True, kw_only=True):
    """A refund whose end nobody knows: `total` in minor units; `by` asked for it, and why."""

    refund_id: str
    total: int
    currency: str
    by: str
    reason: str
    at: datetime


def refund_sale_of(checkout_id: str) -> str:
    """A refund's checkout has one sale."""
    return f"sal_{checkout_id.partition('_')[2]}"


def open_refund(
    merchant_id: str,
    wanted: Wanted,
    by: Principal,
    allowance: Allowance,
    key: Key,
    checkout_id: str,
    *,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[RefundSending | RefundBefore]:
    """Take the key, and set the returned quantities aside so that no other refund takes them too."""
    trace("refund.job")
    before = yield from promise(merchant_id, key, checkout_id, at)
    if before is not None:
        return RefundBefore(checkout_id=before.subject, answer=answer_in(before))
    sale_id, asked, reason, place, order_id, instead = wanted
    sale = yield from lock_sale(merchant_id, sale_id, at)
    station_id = by.station_id or sale["station_id"]
    yield from must_be_open(merchant_id, station_id, at)
    trace("refund.locked")
    document = document_of(sale)
    lines = yield from read_lines(merchant_id, sale_id)
    earlier = yield from refunds_of(merchant_id, sale_id, ("paying", "unknown", "paid"))
    if order_id is not None:
        asked = yield from lines_back(merchant_id, order_id, sale_id, asked)
    plan = plan_return(lines, document, taken_by(one.plan for one in earlier), asked)
    approver = yield from allow(merchant_id, allowance, "refund", sale_id, plan.total, checkout_id, at)
    if place is not None:
        yield from check_place(merchant_id, place)
    zones = yield Query(
        "select zone from store where merchant_id = ? and store_id = ?", (merchant_id, sale["store_id"])
    )
    tenders = yield from as_paid(merchant_id, document.paid_by, instead)
    shares = shares_of(plan.total, tenders, (one.paid_back for one in earlier))
    opened = RefundDocument(
        refund_of=sale_id,
        plan=plan,
        reason=reason,
        by=by.who,
        zone=zones[0]["zone"],
        approved_by=approver,
        place=place,
        shares=shares,
    )
    yield _insert_checkout(merchant_id, checkout_id, sale, station_id, plan.total, opened, at)
    payment = yield from insert_shares(merchant_id, checkout_id, tenders, shares, key, ids, at)
    customer_id, currency = sale["customer_id"], sale["currency"]
    yield from hold_back(merchant_id, checkout_id, plan.lines, customer_id, currency, ids=ids, at=at)
    trace("refund.written")
    return RefundSending(payment=payment, station_id=station_id, currency=currency)


def decline_refund(
    merchant_id: str, payment: Payment, result: PaymentResult, *, ids: Ids, at: int, trace: Trace
) -> Job[Answer | None]:
    """The terminal gave nothing back: the quantities are free again. None: others gave back before, or it had ended;
    then it stays in doubt, for a person or for whoever asks again with the same key."""
    trace("refund.decline-job")
    checkout_id = payment.checkout_id
    payments = yield from payments_of(merchant_id, checkout_id)
    some = captured(payments)
    rows = yield Query(
        "update checkout set state = ?, changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning customer_id",
        ("unknown" if some else "declined", at, merchant_id, checkout_id),
    )
    if not rows or (yield from tell(merchant_id, payment.payment_id, "declined", result, at)) is None or some:
        return None
    answer = yield from _let_go(merchant_id, payment, rows[0]["customer_id"], result.reason, ids, at)
    for other in payments:
        yield mark(merchant_id, other.payment_id, "declined", ("waiting",), at)
    trace("refund.declined")
    return answer


def decline_by_person(
    merchant_id: str, checkout_id: str, reason: str, *, ids: Ids, at: int, trace: Trace
) -> Job[list[Payment]]:
    """A person says that nothing was given back, and the terminal is not told yet: until it is, what it gave is to be
    undone. Returns that; nothing when the refund had ended."""
    trace("refund.decline-job")
    rows = yield Query(
        "update checkout set state = 'declined', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning customer_id",
        (at, merchant_id, checkout_id),
    )
    if not rows:
        return []
    payments = yield from payments_of(merchant_id, checkout_id)
    outside = [one for one in payments if one.connector and one.state in ("captured", *PENDING)]
    for payment in payments:
        state = "reversing" if payment in outside else "declined"
        yield mark(merchant_id, payment.payment_id, state, ("waiting", "captured", *PENDING), at)
    yield from _let_go(merchant_id, payments[0], rows[0]["customer_id"], reason, ids, at)
    trace("refund.declined")
    return [replace(payment, state="reversing") for payment in outside]


def _let_go(merchant_id: str, payment: Payment, customer_id: str | None, reason: str, ids: Ids, at: int) -> Job[Answer]:
    """What the refund had set aside is free, and its key has an answer."""
    yield from let_back(merchant_id, payment.checkout_id, customer_id, ids=ids, at=at)
    yield give_back(merchant_id, payment.checkout_id)
    answer = Answer(declined=reason)
    yield keep_answer(merchant_id, payment.document.principal, payment.document.key, msgpack.encode(answer))
    return answer


def doubt_refund(merchant_id: str, payment: Payment, result: PaymentResult, *, at: int, trace: Trace) -> Job[None]:
    """No answer after bytes were sent."""
    trace("refund.doubt-job")
    yield Query(
        "update checkout set state = 'unknown', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state = 'paying'",
        (at, merchant_id, payment.checkout_id),
    )
    yield from tell(merchant_id, payment.payment_id, "unknown", result, at, ("sending",))
    trace("refund.doubted")


def send_again(merchant_id: str, checkout_id: str, *, ids: Ids, at: int, trace: Trace) -> Job[RefundSending | None]:
    """Whoever asks again with the same key has what was declined sent once more; `Conflict` `day-closed`."""
    trace("refund.again-job")
    found = yield Query(
        "select station_id from checkout where merchant_id = ? and checkout_id = ? and state = 'unknown'",
        (merchant_id, checkout_id),
    )
    if not found or not declined_of((yield from payments_of(merchant_id, checkout_id))):
        return None
    yield from must_be_open(merchant_id, found[0]["station_id"], at)
    rows = yield Query(
        "update checkout set changed_at = ? where merchant_id = ? and checkout_id = ? and state = 'unknown' "
        "returning checkout_id, station_id, currency",
        (at, merchant_id, checkout_id),
    )
    return (yield from try_again(merchant_id, rows[0], ids, at)) if rows else None


def refunds_in_doubt(merchant_id: str, sale_id: str) -> Job[list[Doubt]]:
    """The refunds of a sale that are in doubt, oldest first."""
    rows = yield Query(
        "select checkout_id, total, currency, document, created_at from checkout where merchant_id = ? "
        "and session_id = ? and state = 'unknown'",
        (merchant_id, sale_id),
    )
    return [_doubt(row) for row in sorted(rows, key=lambda row: (row["created_at"], row["checkout_id"]))]


def _doubt(row: Row) -> Doubt:
    opened = json.decode(row["document"], type=RefundDocument)
    return Doubt(
        refund_id=row["checkout_id"],
        total=-row["total"],
        currency=row["currency"],
        by=opened.by,
        reason=opened.reason,
        at=moment(row["created_at"]),
    )


def answer_in(before: Promise) -> Answer | None:
    """A kept answer."""
    return None if before.answer is None else msgpack.decode(before.answer, type=Answer)


# --- inside ----------------------------------------------------------------------------------------------------------


def lock_sale(merchant_id: str, sale_id: str, at: int) -> Job[Row]:
    """The sale, with its checkout's row locked: refunds of one sale take turns."""
    rows = yield Query("select * from sale where merchant_id = ? and sale_id = ?", (merchant_id, sale_id))
    if not rows:
        raise NotFound("sale", sale_id)
    if rows[0]["refund_of"] is not None:
        raise Conflict("is-a-refund", "A refund cannot be taken back; make a new sale.")
    yield Query(
        "update checkout set changed_at = ? where merchant_id = ? and checkout_id = ?",
        (at, merchant_id, rows[0]["checkout_id"]),
    )
    return rows[0]


def refunds_of(merchant_id: str, sale_id: str, states: tuple[str, ...]) -> Job[list[RefundDocument]]:
    """The refunds of a sale whose checkouts are in one of these states."""
    rows = yield Query(
        "select document from checkout where merchant_id = ? and session_id = ? "
        f"and state in ({', '.join('?' * len(states))})",
        (merchant_id, sale_id, *states),
    )
    return [json.decode(row["document"], type=RefundDocument) for row in rows]


def _insert_checkout(
    merchant_id: str, checkout_id: str, sale: Row, station_id: str, total: int, opened: RefundDocument, at: int
) -> Query:
    return Query(
        "insert into checkout (merchant_id, checkout_id, session_id, store_id, station_id, customer_id, state, total, "
        "currency, document, created_at, changed_at) values (?, ?, ?, ?, ?, ?, 'paying', ?, ?, ?, ?, ?)",
        (
            *(merchant_id, checkout_id, sale["sale_id"], sale["store_id"], station_id),
            *(sale["customer_id"], -total, sale["currency"], json.encode(opened).decode(), at, at),
        ),
    )
