"""Jobs of a refund: open it durably, let it go, or leave it in doubt."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, json, msgpack

from poi_engine.checkout.entries import Tender
from poi_engine.checkout.payment import Payment, PaymentDocument, insert_payment, read_payment, tell, told
from poi_engine.checkout.promise import Key, Promise, keep_answer, promise
from poi_engine.checkout.returns import Return, ReturnedLine, plan_return, taken_by
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.goods.stock import check_place
from poi_engine.ids import Ids
from poi_engine.orders.sale import lines_back
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.sales import document_of, read_lines
from poi_engine.staff.approvals import Allowance, allow, give_back
from poi_engine.value.lines import hold_back, let_back
from poi_engine.wiring import Trace


class RefundDocument(Struct, frozen=True, kw_only=True):
    """The document of a refund's checkout; its session_id column names the sale it takes back from.

    `place` is where the goods arrive, None: where they were taken.
    """

    refund_of: str
    plan: Return
    reason: str
    by: str
    zone: str
    approved_by: str | None = None
    place: str | None = None
    format: int = 1


class RefundOpened(Struct, frozen=True, kw_only=True):
    """A refund written and ready to be sent, at a station. `of_payment` is the payment that it gives back on."""

    checkout_id: str
    payment: Payment
    of_payment: str | None
    station_id: str
    currency: str


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
    sale_id: str,
    asked: Sequence[ReturnedLine] | None,
    reason: str,
    station_id: str | None,
    by: str,
    allowance: Allowance,
    key: Key,
    checkout_id: str,
    payment_id: str,
    *,
    place: str | None = None,
    order_id: str | None = None,
    ids: Ids,
    at: int,
    trace: Trace,
) -> Job[RefundOpened | RefundBefore]:
    """Take the key, and set the returned quantities aside so that no other refund takes them too."""
    trace("refund.job")
    before = yield from promise(merchant_id, key, checkout_id, at)
    if before is not None:
        return RefundBefore(checkout_id=before.subject, answer=answer_in(before))
    sale = yield from lock_sale(merchant_id, sale_id, at)
    trace("refund.locked")
    document = document_of(sale)
    lines = yield from read_lines(merchant_id, sale_id)
    earlier = yield from returns_of(merchant_id, sale_id, ("paying", "unknown", "paid"))
    if order_id is not None:
        asked = yield from lines_back(merchant_id, order_id, sale_id, asked)
    plan = plan_return(lines, document, taken_by(earlier), asked)
    approver = yield from allow(merchant_id, allowance, "refund", sale_id, plan.total, checkout_id, at)
    if place is not None:
        yield from check_place(merchant_id, place)
    zones = yield Query(
        "select zone from store where merchant_id = ? and store_id = ?", (merchant_id, sale["store_id"])
    )
    opened = RefundDocument(
        refund_of=sale_id,
        plan=plan,
        reason=reason,
        by=by,
        zone=zones[0]["zone"],
        approved_by=approver,
        place=place,
    )
    yield _insert_checkout(merchant_id, checkout_id, sale, station_id, plan.total, opened, at)
    connector = yield from _connector_of(merchant_id, document.tender.payment_id)
    payment = _payment(payment_id, checkout_id, document.tender, connector, plan.total, key, at)
    yield insert_payment(merchant_id, payment)
    customer_id, currency = sale["customer_id"], sale["currency"]
    yield from hold_back(merchant_id, checkout_id, plan.lines, customer_id, currency, ids=ids, at=at)
    trace("refund.written")
    return RefundOpened(
        checkout_id=checkout_id,
        payment=payment,
        of_payment=document.tender.payment_id,
        station_id=station_id or sale["station_id"],
        currency=sale["currency"],
    )


def decline_refund(
    merchant_id: str, checkout_id: str, result: PaymentResult, *, sure: bool = True, ids: Ids, at: int, trace: Trace
) -> Job[bool]:
    """The terminal gave nothing back: the quantities are free again. False when the refund had ended.

    Not `sure`: a person said so and the terminal is not told yet; until it is, what it gave is to be undone.
    """
    trace("refund.decline-job")
    rows = yield Query(
        "update checkout set state = 'declined', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning customer_id",
        (at, merchant_id, checkout_id),
    )
    if not rows:
        return False
    yield from let_back(merchant_id, checkout_id, rows[0]["customer_id"], ids=ids, at=at)
    yield give_back(merchant_id, checkout_id)
    payment = yield from tell(merchant_id, checkout_id, "declined" if sure else "unknown", result, at)
    answer = msgpack.encode(Answer(declined=result.reason))
    yield keep_answer(merchant_id, payment.document.principal, payment.document.key, answer)
    trace("refund.declined")
    return True


def doubt_refund(merchant_id: str, checkout_id: str, result: PaymentResult, *, at: int, trace: Trace) -> Job[None]:
    """No answer after bytes were sent."""
    trace("refund.doubt-job")
    yield Query(
        "update checkout set state = 'unknown', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state = 'paying'",
        (at, merchant_id, checkout_id),
    )
    payment = yield from read_payment(merchant_id, checkout_id)
    if payment.state == "sending":
        yield told(merchant_id, payment.payment_id, "unknown", result, at)
    trace("refund.doubted")


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


def returns_of(merchant_id: str, sale_id: str, states: tuple[str, ...]) -> Job[list[Return]]:
    """The returns of a sale whose checkouts are in one of these states."""
    rows = yield Query(
        "select document from checkout where merchant_id = ? and session_id = ? "
        f"and state in ({', '.join('?' * len(states))})",
        (merchant_id, sale_id, *states),
    )
    return [json.decode(row["document"], type=RefundDocument).plan for row in rows]


def _connector_of(merchant_id: str, payment_id: str | None) -> Job[str]:
    rows = yield Query(
        "select connector from payment where merchant_id = ? and payment_id = ?", (merchant_id, payment_id or "")
    )
    return str(rows[0]["connector"]) if rows else ""


def _insert_checkout(
    merchant_id: str, checkout_id: str, sale: Row, station_id: str | None, total: int, opened: RefundDocument, at: int
) -> Query:
    return Query(
        "insert into checkout (merchant_id, checkout_id, session_id, store_id, station_id, customer_id, state, total, "
        "currency, document, created_at, changed_at) values (?, ?, ?, ?, ?, ?, 'paying', ?, ?, ?, ?, ?)",
        (
            *(merchant_id, checkout_id, sale["sale_id"], sale["store_id"], station_id or sale["station_id"]),
            *(sale["customer_id"], -total, sale["currency"], json.encode(opened).decode(), at, at),
        ),
    )


def _payment(
    payment_id: str, checkout_id: str, tender: Tender, connector: str, total: int, key: Key, at: int
) -> Payment:
    return Payment(
        payment_id=payment_id,
        checkout_id=checkout_id,
        means=tender.means,
        connector=connector,
        state="sending",
        amount=-total,
        card_scheme=tender.card_scheme,
        card_type=tender.card_type,
        entry_mode=tender.entry_mode,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(principal=key.principal, key=key.key, refunds=tender.payment_id),
        created_at=at,
    )
