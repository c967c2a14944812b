"""Jobs of a refund: open it durably, then commit it as a sale of its own, or let it go."""

from collections.abc import Sequence

from msgspec import Struct, json, msgpack
from msgspec.structs import replace

from poi_engine import journal, ledger
from poi_engine.checkout.commit import count_visit, nobody, sale_event, seller_of
from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.payment import Payment, PaymentDocument, insert_payment, read_payment, told
from poi_engine.checkout.promise import Key, Promise, keep_answer, promise
from poi_engine.checkout.records import (
    SaleDocument,
    SaleRow,
    insert_audit,
    insert_lines,
    insert_redemptions,
    insert_sale,
)
from poi_engine.checkout.refund_entries import refund_moves
from poi_engine.checkout.returns import Return, ReturnedLine, is_whole, plan_return, taken_by
from poi_engine.clientele.left import settle_left
from poi_engine.clientele.limit_carry import carry_limits
from poi_engine.clientele.rows import Living, living
from poi_engine.errors import Conflict, NotFound
from poi_engine.goods.stock import check_place, return_moves
from poi_engine.ids import Ids
from poi_engine.insights.rollup import fold
from poi_engine.loyalty import TakenBack, take_back
from poi_engine.orders.sale import lines_back, orders_taken_back
from poi_engine.ports import Job, PaymentResult, Query, Row
from poi_engine.receipts import receipt_for
from poi_engine.sales import document_of, read_lines
from poi_engine.segments.due import mark_due
from poi_engine.settings import read_merchant
from poi_engine.staff.approvals import Allowance, allow, give_back
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
    """A refund written and ready to be sent. `of_payment` is the payment that it gives back on."""

    checkout_id: str
    payment: Payment
    of_payment: str | None
    currency: str


class Answer(Struct, frozen=True, kw_only=True):
    """What a refund's key answers: the refund's sale, or why the terminal declined."""

    sale_id: str | None = None
    declined: str | None = None


class RefundBefore(Struct, frozen=True, kw_only=True):
    """The key was used before."""

    checkout_id: str
    answer: Answer | None


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
    at: int,
    trace: Trace,
) -> Job[RefundOpened | RefundBefore]:
    """Take the key, and set the returned quantities aside so that no other refund takes them too."""
    trace("refund.job")
    before = yield from promise(merchant_id, key, checkout_id, at)
    if before is not None:
        return RefundBefore(checkout_id=before.subject, answer=answer_in(before))
    sale = yield from _lock_sale(merchant_id, sale_id, at)
    trace("refund.locked")
    document = document_of(sale)
    lines = yield from read_lines(merchant_id, sale_id)
    earlier = yield from _returns(merchant_id, sale_id, ("paying", "unknown", "paid"))
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
    trace("refund.written")
    return RefundOpened(
        checkout_id=checkout_id, payment=payment, of_payment=document.tender.payment_id, currency=sale["currency"]
    )


def commit_refund(
    merchant_id: str, checkout_id: str, result: PaymentResult, *, ids: Ids, at: int, trace: Trace
) -> Job[str]:
    """The money goes back: one transaction for the refund as a sale of its own. Returns its id; once."""
    trace("refund.commit-job")
    sale_id = refund_sale_of(checkout_id)
    rows = yield Query(
        "update checkout set state = 'paid', sale_id = ?, changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning document, station_id",
        (sale_id, at, merchant_id, checkout_id),
    )
    if not rows:
        return (yield from _ended(merchant_id, checkout_id))
    trace("refund.claimed")
    opened = json.decode(rows[0]["document"], type=RefundDocument)
    sale = yield from _lock_sale(merchant_id, opened.refund_of, at)
    document = document_of(sale)
    lines = yield from read_lines(merchant_id, opened.refund_of)
    whole = is_whole(lines, (yield from _returns(merchant_id, opened.refund_of, ("paid",))))
    plan = opened.plan
    payment = yield from read_payment(merchant_id, checkout_id)
    yield told(merchant_id, payment.payment_id, "captured", result, at)
    trace("refund.told")
    person = yield from living(merchant_id, sale["customer_id"]) if sale["customer_id"] else nobody()
    holder = {**sale, "customer_id": person.customer_id if person else None}
    points, value = yield from _balances(merchant_id, holder, plan)
    goods = yield from return_moves(merchant_id, opened.refund_of, sale["checkout_id"], plan.lines, opened.place)
    moves = refund_moves(holder, payment, plan, points, value, document.claims if whole else (), goods)
    yield from ledger.enter(merchant_id, checkout_id, moves, ids=ids, at=at)
    trace("refund.entered")
    if whole:
        yield from _coupons_back(merchant_id, sale["checkout_id"], document, at)
    station_id, tender = rows[0]["station_id"], payment.tender()
    refund = _Refund(sale_id, checkout_id, station_id, sale, opened, plan, tender, document, person)
    yield from _record(merchant_id, refund, points, value, ids, at, trace)
    yield from orders_taken_back(merchant_id, opened.refund_of, opened.by, station_id, ids=ids, at=at)
    trace("refund.orders")
    if person is not None and person.absorbed:
        yield from carry_limits(merchant_id, person, document.claims, ids=ids, at=at)
    yield from settle_left(merchant_id, sale["customer_id"], ids=ids, at=at)
    answer = msgpack.encode(Answer(sale_id=sale_id))
    yield keep_answer(merchant_id, payment.document.principal, payment.document.key, answer)
    trace("refund.answered")
    return sale_id


def decline_refund(merchant_id: str, checkout_id: str, result: PaymentResult, *, at: int, trace: Trace) -> Job[None]:
    """The terminal gave nothing back: the quantities are free again."""
    trace("refund.decline-job")
    rows = yield Query(
        "update checkout set state = 'declined', changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning checkout_id",
        (at, merchant_id, checkout_id),
    )
    if not rows:
        return
    yield give_back(merchant_id, checkout_id)
    payment = yield from read_payment(merchant_id, checkout_id)
    yield told(merchant_id, payment.payment_id, "declined", result, at)
    answer = msgpack.encode(Answer(declined=result.reason))
    yield keep_answer(merchant_id, payment.document.principal, payment.document.key, answer)
    trace("refund.declined")


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


def answer_in(before: Promise) -> Answer | None:
    """A kept answer."""
    return None if before.answer is None else msgpack.decode(before.answer, type=Answer)


# --- inside ----------------------------------------------------------------------------------------------------------


class _Refund(Struct, frozen=True):
    sale_id: str
    checkout_id: str
    station_id: str
    sale: Row
    opened: RefundDocument
    plan: Return
    tender: Tender
    document: SaleDocument
    person: Living | None


def _lock_sale(merchant_id: str, sale_id: str, at: int) -> Job[Row]:
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


def _returns(merchant_id: str, sale_id: str, states: tuple[str, ...]) -> Job[list[Return]]:
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


def _ended(merchant_id: str, checkout_id: str) -> Job[str]:
    rows = yield Query(
        "select state, sale_id from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    if rows[0]["state"] != "paid":
        raise Conflict("checkout-closed", f"This refund is {rows[0]['state']} already.")
    return str(rows[0]["sale_id"])


def _balances(merchant_id: str, sale: Row, plan: Return) -> Job[tuple[TakenBack, TakenBack]]:
    """What can be taken back now; reward points and a wallet's money that this refund returns count as there."""
    customer = sale["customer_id"]
    if customer is None:
        return TakenBack(now=0, later=0), TakenBack(now=0, later=0)
    points = yield from ledger.balance(merchant_id, f"points:{customer}")
    wallet = yield from ledger.balance(merchant_id, f"wallet:{customer}")
    money = plan.total if sale["means"] == "wallet" else 0
    return (
        take_back(plan.points, points.available + plan.reward_points),
        take_back(plan.value, wallet.available + money),
    )


def _coupons_back(merchant_id: str, checkout_id: str, document: SaleDocument, at: int) -> Job[None]:
    """A full return voids the coupons that the sale gave and were not used, and gives back those it used."""
    for code in document.coupons:
        yield Query(
            "update coupon set voided_at = ? where merchant_id = ? and code = ? and used_at is null",
            (at, merchant_id, code),
        )
    rows = yield Query(
        "select document from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    for code in json.decode(rows[0]["document"], type=_Used).coupons:
        yield Query("update coupon set used_at = null where merchant_id = ? and code = ?", (merchant_id, code))


class _Used(Struct):
    coupons: tuple[str, ...] = ()


def _record(
    merchant_id: str, refund: _Refund, points: TakenBack, value: TakenBack, ids: Ids, at: int, trace: Trace
) -> Job[None]:
    merchant = yield from read_merchant(merchant_id)
    sale, plan, opened = refund.sale, refund.plan, refund.opened
    frame = receipt_for(
        "refund",
        refund.sale_id,
        sale["store_id"],
        refund.station_id,
        opened.zone,
        sale["currency"],
        plan.lines,
        refund.tender,
        at,
    )
    customer, person = sale["customer_id"], refund.person
    holder = person.customer_id if person else None
    owed_points = yield from ledger.balance(merchant_id, f"points_owed:{holder}")
    owed_value = yield from ledger.balance(merchant_id, f"value_owed:{holder}")
    receipt = replace(
        frame,
        refund_of=opened.refund_of,
        seller_id=seller_of(opened.by),
        customer_id=customer,
        points_earned=-plan.points,
        points_spent=-plan.reward_points,
        points_owed=owed_points.posted,
        value_given=-plan.value,
        value_owed=owed_value.posted,
        reason=opened.reason,
    )
    number = yield from journal.append(merchant_id, refund.station_id, "refund", refund.sale_id, receipt, at=at)
    trace("refund.journal")
    document = SaleDocument(
        tender=refund.tender,
        given=Given(points_earned=-plan.points, points_spent=-plan.reward_points, value_given=-plan.value),
        by=opened.by,
        reason=opened.reason,
    )
    row = _row(refund, document, number, at)
    yield insert_sale(merchant_id, row)
    yield insert_lines(merchant_id, refund.sale_id, plan.lines)
    yield from insert_redemptions(merchant_id, refund.sale_id, customer, plan.uses, at)
    trace("refund.sale")
    yield sale_event(merchant_id, "refund.committed", refund.sale_id, -plan.total, ids, at)
    if person is not None:
        yield from count_visit(merchant, person, 0, -plan.total, at)
        yield mark_due(merchant_id, person.customer_id, at, refund.sale_id)
    yield from fold(merchant_id, row, plan.lines, plan.uses)
    why = f"{opened.reason}; with {opened.approved_by}" if opened.approved_by else opened.reason
    who, station_id = opened.by, refund.station_id
    yield insert_audit(merchant_id, ids.new("aud"), who, "refund", opened.refund_of, why, at, station_id)
    trace("refund.recorded")


def _row(refund: _Refund, document: SaleDocument, number: int, at: int) -> SaleRow:
    sale, plan = refund.sale, refund.plan
    return SaleRow(
        sale_id=refund.sale_id,
        checkout_id=refund.checkout_id,
        store_id=sale["store_id"],
        station_id=refund.station_id,
        zone=refund.opened.zone,
        currency=sale["currency"],
        subtotal=sum(line.amount for line in plan.lines),
        saved=sum(line.saved for line in plan.lines),
        total=-plan.total,
        points=-plan.points,
        receipt_number=number,
        at=at,
        document=document,
        refund_of=refund.opened.refund_of,
        seller_id=seller_of(refund.opened.by),
        customer_id=sale["customer_id"],
        channel=sale["channel"],
    )
