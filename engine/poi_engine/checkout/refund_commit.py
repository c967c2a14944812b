"""The one transaction that makes a refund: a sale of its own, with all that comes back with it."""

from collections.abc import Sequence

from msgspec import Struct, json, msgpack
from msgspec.structs import replace

from poi_engine import ledger
from poi_engine.checkout.commit import count_spend, owed_by, sale_event, seller_of
from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.payment import PENDING, Payment, payments_of, tell
from poi_engine.checkout.promise import keep_answer
from poi_engine.checkout.records import (
    SaleDocument,
    SaleRow,
    insert_audit,
    insert_lines,
    insert_redemptions,
    insert_sale,
)
from poi_engine.checkout.refund_entries import refund_moves
from poi_engine.checkout.refund_jobs import Answer, RefundDocument, lock_sale, refund_sale_of, refunds_of
from poi_engine.checkout.refund_payments import RefundSending, given_with_the_commit, go_on, open_shares
from poi_engine.checkout.returns import Return, is_whole
from poi_engine.clientele.left import settle_left
from poi_engine.clientele.limit_carry import carry_limits
from poi_engine.clientele.rows import Living, lock_living
from poi_engine.errors import Conflict
from poi_engine.fiscal import journal
from poi_engine.goods.stock import return_moves
from poi_engine.ids import Ids
from poi_engine.insights.rollup import make_due
from poi_engine.ledger import Step
from poi_engine.loyalty import TakenBack, take_back
from poi_engine.means import BY_CONNECTOR
from poi_engine.orders.sale import lock_orders_of_sale, orders_taken_back
from poi_engine.ports import Job, PaymentResult, Queries, Query, Row
from poi_engine.receipts import receipt_for
from poi_engine.sales import document_of, read_lines
from poi_engine.segments.due import mark_due
from poi_engine.settings import read_merchant
from poi_engine.value.gift_cards import refunded
from poi_engine.value.lines import is_value
from poi_engine.wiring import Trace


def commit_refund(
    merchant_id: str, payment: Payment, result: PaymentResult, *, ids: Ids, at: int, trace: Trace
) -> Job[str | RefundSending | None]:
    """The money went back on one payment: the next is to be sent, or all of it makes the refund, a sale of its own, in
    this transaction. Returns its id, once; None while another payment of it is in doubt or was declined."""
    trace("refund.commit-job")
    found = yield from _claim(merchant_id, payment.checkout_id, at)
    if isinstance(found, str):
        return found
    trace("refund.claimed")
    yield from tell(merchant_id, payment.payment_id, "captured", result, at, (*PENDING, "declined"))
    trace("refund.told")
    following = yield from go_on(merchant_id, found, at)
    if isinstance(following, list):
        return (yield from _make_refund(merchant_id, found, following, ids, at, trace))
    trace("refund.part")
    return following


def commit_by_person(merchant_id: str, checkout_id: str, reason: str, *, ids: Ids, at: int, trace: Trace) -> Job[str]:
    """A person says that all of it went back; what no terminal confirmed stands at the merchant's risk."""
    trace("refund.commit-job")
    found = yield from _claim(merchant_id, checkout_id, at)
    if isinstance(found, str):
        return found
    left = open_shares((yield from payments_of(merchant_id, checkout_id)))
    for payment in left:
        if payment.connector or payment.means in BY_CONNECTOR:
            word = PaymentResult(outcome="approved", payment_ref=payment.payment_id, guaranteed=False, reason=reason)
            yield from tell(merchant_id, payment.payment_id, "captured", word, at, ("waiting", "declined", *PENDING))
    payments = yield from payments_of(merchant_id, checkout_id)
    return (yield from _make_refund(merchant_id, found, payments, ids, at, trace))


def _claim(merchant_id: str, checkout_id: str, at: int) -> Job[Row | str]:
    """The refund's checkout while it is open, locked; or the sale that it made."""
    rows = yield Query(
        "update checkout set changed_at = ? where merchant_id = ? and checkout_id = ? "
        "and state in ('paying', 'unknown') returning checkout_id, document, station_id, currency",
        (at, merchant_id, checkout_id),
    )
    return rows[0] if rows else (yield from _ended(merchant_id, checkout_id))


def _make_refund(
    merchant_id: str, checkout: Row, payments: Sequence[Payment], ids: Ids, at: int, trace: Trace
) -> Job[str]:
    checkout_id = checkout["checkout_id"]
    sale_id = refund_sale_of(checkout_id)
    yield Query(
        "update checkout set state = 'paid', sale_id = ? where merchant_id = ? and checkout_id = ?",
        (sale_id, merchant_id, checkout_id),
    )
    opened = json.decode(checkout["document"], type=RefundDocument)
    sale = yield from lock_sale(merchant_id, opened.refund_of, at)
    person = (yield from lock_living(merchant_id, sale["customer_id"])) if sale["customer_id"] else None
    orders = yield from lock_orders_of_sale(merchant_id, opened.refund_of)
    given = yield from given_with_the_commit(merchant_id, payments, at)
    document = document_of(sale)
    lines = yield from read_lines(merchant_id, opened.refund_of)
    paid = yield from refunds_of(merchant_id, opened.refund_of, ("paid",))
    whole = is_whole(lines, [one.plan for one in paid])
    station_id, tenders = checkout["station_id"], tuple(payment.tender() for payment in given)
    refund = _Refund(sale_id, checkout_id, station_id, sale, opened, opened.plan, tenders, document, person)
    yield from _cards_live_on(merchant_id, tenders, at)
    points, value = yield from _balances(merchant_id, refund)
    yield from _enter(merchant_id, refund, whole, points, value, ids, at)
    trace("refund.entered")
    if whole:
        yield from _coupons_back(merchant_id, sale["checkout_id"], document, at)
    yield from _record(merchant_id, refund, points, value, ids, at, trace)
    yield from orders_taken_back(merchant_id, opened.refund_of, orders, opened.by, station_id, ids=ids, at=at)
    trace("refund.orders")
    promised = given[0].document
    yield keep_answer(merchant_id, promised.principal, promised.key, msgpack.encode(Answer(sale_id=sale_id)))
    trace("refund.answered")
    return sale_id


def _cards_live_on(merchant_id: str, tenders: Sequence[Tender], at: int) -> Job[None]:
    """The gift cards that something goes back to."""
    cards = sorted({tender.gift_card for tender in tenders if tender.gift_card is not None})
    if cards:
        months = (yield from read_merchant(merchant_id)).programme.stored_value.card_months
        for card_id in cards:
            yield refunded(merchant_id, card_id, months, at)


class _Refund(Struct, frozen=True):
    sale_id: str
    checkout_id: str
    station_id: str
    sale: Row
    opened: RefundDocument
    plan: Return
    tenders: tuple[Tender, ...]
    document: SaleDocument
    person: Living | None

    @property
    def holder(self) -> Row:
        """The sale, its customer by the id of who lives on."""
        return {**self.sale, "customer_id": self.person.customer_id if self.person else None}


def _ended(merchant_id: str, checkout_id: str) -> Job[str]:
    rows = yield Query(
        "select state, sale_id from checkout where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    if rows[0]["state"] != "paid":
        raise Conflict("checkout-closed", f"This refund is {rows[0]['state']} already.")
    return str(rows[0]["sale_id"])


def _enter(
    merchant_id: str,
    refund: _Refund,
    whole: bool,
    points: TakenBack,
    value: TakenBack,
    ids: Ids,
    at: int,
) -> Job[None]:
    """Everything that moves on the ledger."""
    sale, person, claims = refund.sale, refund.person, refund.document.claims if whole else ()
    goods = yield from return_moves(
        merchant_id, refund.opened.refund_of, sale["checkout_id"], refund.plan.lines, refund.opened.place
    )
    moves = refund_moves(refund.holder, refund.tenders, refund.plan, points, value, claims, goods)
    held = Step(checkout_id=refund.checkout_id, phase="post")
    entered = Step(checkout_id=refund.checkout_id, phase="single", moves=tuple(moves))
    yield from ledger.change(merchant_id, [held, entered], ids=ids, at=at)
    if person is not None:
        yield from carry_limits(merchant_id, person, claims, ids=ids, at=at)
        yield from settle_left(merchant_id, sale["customer_id"], person, ids=ids, at=at)


def _balances(merchant_id: str, refund: _Refund) -> Job[tuple[TakenBack, TakenBack]]:
    """What can be taken back now; reward points and a wallet's money that this refund returns count as there."""
    customer, plan = refund.holder["customer_id"], refund.plan
    if customer is None:
        return TakenBack(now=0, later=0), TakenBack(now=0, later=0)
    points, wallet = f"points:{customer}", f"wallet:{customer}"
    left = yield from ledger.balances(merchant_id, (points, wallet))
    money = -sum(tender.amount for tender in refund.tenders if tender.means == "wallet")
    return (
        take_back(plan.points, left[points].available + plan.reward_points),
        take_back(plan.value, left[wallet].available + money),
    )


def _coupons_back(merchant_id: str, checkout_id: str, document: SaleDocument, at: int) -> Job[None]:
    """A full return voids the coupons that the sale gave, and gives back those it used.

    One that another sale has used, or that a payment holds, is void from when that gives it back.
    """
    for code in document.coupons:
        yield Query("update coupon set voided_at = ? where merchant_id = ? and code = ?", (at, merchant_id, code))
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
        refund.tenders,
        at,
    )
    customer, person = sale["customer_id"], refund.person
    owed = yield from owed_by(merchant_id, person.customer_id if person else None)
    receipt = replace(
        frame,
        refund_of=opened.refund_of,
        seller_id=seller_of(opened.by),
        customer_id=customer,
        points_earned=-plan.points,
        points_spent=-plan.reward_points,
        points_owed=owed.points,
        value_given=-plan.value,
        value_owed=owed.value,
        reason=opened.reason,
    )
    entry = yield from journal.entry(merchant_id, refund.station_id, "refund", refund.sale_id, receipt, at=at)
    trace("refund.journal")
    document = SaleDocument(
        tenders=refund.tenders,
        given=Given(points_earned=-plan.points, points_spent=-plan.reward_points, value_given=-plan.value),
        by=opened.by,
        reason=opened.reason,
    )
    row = _row(refund, document, entry.number, at)
    writes = [*entry.writes, insert_sale(merchant_id, row), insert_lines(merchant_id, refund.sale_id, plan.lines)]
    writes += insert_redemptions(merchant_id, refund.sale_id, customer, plan.uses, at)
    writes.append(sale_event(merchant_id, "refund.committed", refund.sale_id, -plan.total, ids, at))
    writes.append(make_due(merchant_id, refund.sale_id))
    if person is not None:
        writes.append((yield from count_spend(merchant, person, row.total - row.stored, at)))
        writes.append(mark_due(merchant_id, person.customer_id, at, refund.sale_id))
    yield Queries(tuple(writes))
    trace("refund.sale")
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
        stored=sum(line.total for line in plan.lines if is_value(line.code)),
    )
