"""The one transaction that makes a sale: holds posted, revenue, points, receipt, outbox, customer and answer."""

from collections.abc import Sequence

from msgspec import Struct, msgpack

from poi_engine import ledger
from poi_engine.checkout.entries import Given, Owed, Tender, given_of, sale_moves
from poi_engine.checkout.frozen import Frozen, decode
from poi_engine.checkout.payment import Payment, payments_of
from poi_engine.checkout.promise import keep_answer
from poi_engine.checkout.records import (
    RedemptionRow,
    SaleDocument,
    SaleRow,
    insert_event,
    insert_lines,
    insert_redemptions,
    insert_sale,
)
from poi_engine.checkout.reservation import read_frozen
from poi_engine.checkout.standing import paid_session
from poi_engine.clientele.left import settle_left
from poi_engine.clientele.referral import reward_first_sale
from poi_engine.clientele.rows import Living, count_visit, marks
from poi_engine.errors import Conflict
from poi_engine.facts import DAY
from poi_engine.fiscal import journal
from poi_engine.ids import Ids
from poi_engine.insights.rollup import make_due
from poi_engine.ledger import Step
from poi_engine.loyalty import YEAR_DAYS, tier_of
from poi_engine.orders.fulfilment import placed
from poi_engine.orders.holds import lock_orders
from poi_engine.orders.rows import OrderRow
from poi_engine.orders.sale import orders_paid
from poi_engine.ports import Job, Queries, Query
from poi_engine.receipts import sale_lines, sale_receipt
from poi_engine.segments.due import mark_due
from poi_engine.session import Session
from poi_engine.settings import Merchant, read_merchant
from poi_engine.together import together
from poi_engine.value.lines import activate_cards, sold
from poi_engine.wiring import Trace

OPEN_STATES = ("reserved", "paying", "unknown", "part_paid")
"""States of a checkout without an end."""
_PAYABLE = ("reserved", "paying", "unknown")
_CODE_BITS = 60


class Closed(Conflict):
    """The checkout ended another way before."""

    def __init__(self, state: str) -> None:
        super().__init__("checkout-closed", f"This checkout is {state} already.")


class Committed(Struct, frozen=True, kw_only=True):
    """A sale, committed now or before, and the session as it is now."""

    sale_id: str
    session: Session


def sale_of(checkout_id: str) -> str:
    """A checkout has one sale."""
    return f"sal_{checkout_id.partition('_')[2]}"


def commit_sale(
    merchant_id: str, checkout_id: str, tenders: Sequence[Tender], *, ids: Ids, at: int, trace: Trace
) -> Job[Committed]:
    """Make the sale of a checkout, once; repeating it returns the same. `Closed` when it ended without a sale."""
    claimed = yield from claim_sale(merchant_id, checkout_id, at, trace)
    if isinstance(claimed, Committed):
        return claimed
    person = yield from visitor(merchant_id, claimed, at)
    sale_id = yield from make_sale(merchant_id, checkout_id, claimed, person, tenders, ids=ids, at=at, trace=trace)
    return Committed(sale_id=sale_id, session=paid_session(claimed, sale_id, ()))


def claim_sale(
    merchant_id: str, checkout_id: str, at: int, trace: Trace, known: Frozen | None = None
) -> Job[Frozen | Committed]:
    """The checkout, for this sale alone; or the sale that it has. `Closed` when it ended without one. `known` is its
    document, which never changes, if the caller has it."""
    trace("commit.job")
    rows = yield Query(
        "update checkout set state = 'paid', sale_id = ?, changed_at = ? where merchant_id = ? and checkout_id = ? "
        f"and state in ({', '.join('?' * len(_PAYABLE))}) returning checkout_id",
        (sale_of(checkout_id), at, merchant_id, checkout_id, *_PAYABLE),
    )
    if not rows:
        return (yield from _committed_before(merchant_id, checkout_id))
    trace("commit.claimed")
    return known or (yield from read_frozen(merchant_id, checkout_id))


def make_sale(
    merchant_id: str,
    checkout_id: str,
    frozen: Frozen,
    person: Living | None,
    tenders: Sequence[Tender],
    *,
    ids: Ids,
    at: int,
    trace: Trace,
    late: bool = False,
) -> Job[str]:
    """The sale of a claimed checkout; returns its id. `person` is its `visitor`. `late`: it was made before others that
    are in the books already, without the server."""
    orders = yield from lock_orders(merchant_id, placed(frozen.session.fulfilments))
    customer_id = person.customer_id if person else None
    owed, held, merchant = yield from together(
        owed_by(merchant_id, customer_id), ledger.pending_of(merchant_id, checkout_id), read_merchant(merchant_id)
    )
    given = given_of(frozen, owed)
    moves = sale_moves(frozen, tenders, given, customer_id)
    yield from activate_cards(merchant_id, frozen.session.basket.items, at)
    steps = (
        Step(checkout_id=checkout_id, phase="post", held=held),
        Step(checkout_id=checkout_id, phase="single", moves=tuple(moves)),
    )
    entering = _entered(merchant_id, steps, frozen.customer_id, person, ids, at)
    left = person is not None and (person.erased or person.customer_id != frozen.customer_id)
    if left or held or any(ledger.floor_of(move.debit) for move in moves):
        yield from entering  # in more rounds than one: accounts are locked before the journal
    made = _Sale(sale_of(checkout_id), checkout_id, frozen, person, orders, tuple(tenders), given, owed, late)
    yield from _record(merchant, made, entering, ids, at, trace)
    trace("commit.recorded")
    return made.sale_id


def _entered(
    merchant_id: str, steps: Sequence[Step], customer_id: str | None, person: Living | None, ids: Ids, at: int
) -> Job[None]:
    """What the sale changes on the ledger."""
    yield from ledger.change(merchant_id, steps, ids=ids, at=at)
    if person is not None and customer_id is not None:
        yield from settle_left(merchant_id, customer_id, person, ids=ids, at=at)


def visitor(merchant_id: str, frozen: Frozen, at: int) -> Job[Living | None]:
    """The customer of a claimed checkout, locked, the sale counted among their visits."""
    if frozen.customer_id is None:
        return None
    return (yield from count_visit(merchant_id, frozen.customer_id, _spent(frozen), at))


def _spent(frozen: Frozen) -> int:
    """The total without the stored value that is sold, minor units."""
    return frozen.decision.total - sold(frozen.session.basket.items)


class _Sale(Struct, frozen=True):
    sale_id: str
    checkout_id: str
    frozen: Frozen
    person: Living | None
    orders: list[OrderRow]
    tenders: tuple[Tender, ...]
    given: Given
    owed: Owed
    late: bool


def answer_of(session: Session) -> bytes:
    """The session as an idempotency answer keeps it."""
    return msgpack.encode(session)


def keep_session(merchant_id: str, payment: Payment, session: Session) -> Query:
    """Keep the answer to the key that made the payment."""
    return keep_answer(merchant_id, payment.document.principal, payment.document.key, answer_of(session))


def owed_by(merchant_id: str, customer_id: str | None) -> Job[Owed]:
    """The customer's debts in points and in stored value."""
    if customer_id is None:
        return Owed()
    points, value = f"points_owed:{customer_id}", f"value_owed:{customer_id}"
    owed = yield from ledger.balances(merchant_id, (points, value))
    return Owed(points=owed[points].available, value=owed[value].available)


def _committed_before(merchant_id: str, checkout_id: str) -> Job[Committed]:
    rows = yield Query(
        "select state, sale_id, document from checkout where merchant_id = ? and checkout_id = ?",
        (merchant_id, checkout_id),
    )
    if not rows or rows[0]["state"] != "paid":
        raise Closed(rows[0]["state"] if rows else "gone")
    payments = yield from payments_of(merchant_id, checkout_id)
    session = paid_session(decode(rows[0]["document"]), rows[0]["sale_id"], payments)
    return Committed(sale_id=rows[0]["sale_id"], session=session)


def _record(merchant: Merchant, made: _Sale, entering: Job[None], ids: Ids, at: int, trace: Trace) -> Job[None]:
    """Its accounts by the job `entering`, unless that has run, its receipt, and all the rest."""
    merchant_id, frozen, person, sale_id = merchant.merchant_id, made.frozen, made.person, made.sale_id
    lines, seller_id = sale_lines(frozen), seller_of(frozen.accepted_by)
    receipt = sale_receipt(
        frozen, sale_id, lines, made.tenders, made.given, made.owed, merchant.language, seller_id, at
    )
    _, entry, tier = yield from together(
        entering,
        journal.entry(merchant_id, frozen.session.station_id, "sale", sale_id, receipt, at=at, late=made.late),
        tier_now(merchant, person, _spent(frozen), at),
    )
    trace("commit.entered")
    coupons = yield from _give_coupons(merchant_id, sale_id, frozen, person, ids, at)
    if person is not None and person.visits == 0:
        coupons += yield from reward_first_sale(merchant, person, sale_id, ids=ids, at=at)
    sale = _sale_row(made, entry.number, coupons, seller_id, at)
    writes = [*entry.writes, insert_sale(merchant_id, sale), insert_lines(merchant_id, sale_id, lines)]
    writes += insert_redemptions(merchant_id, sale_id, frozen.customer_id, _uses(frozen), at)
    writes.append(sale_event(merchant_id, "sale.committed", sale_id, frozen.decision.total, ids, at))
    writes.append(make_due(merchant_id, sale_id))
    if person is not None:
        writes.append(mark_due(merchant_id, person.customer_id, at, sale_id))
        if tier != person.tier:
            writes.append(_change_tier(merchant_id, person.customer_id, tier))
    yield Queries(tuple(writes))
    trace("commit.sale")
    yield from orders_paid(merchant_id, made.checkout_id, sale_id, frozen, lines, made.orders, ids=ids, at=at)
    trace("commit.orders")


def _document(made: _Sale, coupons: tuple[str, ...]) -> SaleDocument:
    frozen = made.frozen
    identity = frozen.session.identity
    return SaleDocument(
        given=made.given,
        tenders=made.tenders,
        decision=frozen.decision,
        scheme=identity.scheme if identity else None,
        assurance=identity.assurance if identity else None,
        claims=frozen.claims,
        coupons=coupons,
        by=frozen.accepted_by,
    )


def _sale_row(made: _Sale, number: int, coupons: tuple[str, ...], seller_id: str | None, at: int) -> SaleRow:
    frozen, decision, session = made.frozen, made.frozen.decision, made.frozen.session
    return SaleRow(
        sale_id=made.sale_id,
        checkout_id=made.checkout_id,
        store_id=session.store_id,
        station_id=session.station_id,
        zone=frozen.place.zone,
        currency=decision.currency,
        subtotal=decision.subtotal,
        saved=decision.saved,
        total=decision.total,
        points=made.given.points_earned,
        receipt_number=number,
        at=at,
        document=_document(made, coupons),
        seller_id=seller_id,
        customer_id=frozen.customer_id,
        first_visit=made.person is not None and made.person.visits == 0,
        channel=session.channel,
        stored=sold(session.basket.items),
    )


def _uses(frozen: Frozen) -> list[RedemptionRow]:
    return [
        RedemptionRow(offer_id=offer.offer_id, version=offer.version, saved=offer.saved, value=offer.value)
        for offer in frozen.decision.offers
    ]


def seller_of(accepted_by: str) -> str | None:
    """The seller's id in `seller:<id>`; a station or an owner is none."""
    role, _, subject = accepted_by.partition(":")
    return subject if role == "seller" else None


def sale_event(merchant_id: str, kind: str, sale_id: str, total: int, ids: Ids, at: int) -> Query:
    """The outbox row of a committed sale or refund; `total` in minor units."""
    return insert_event(merchant_id, ids.new("evt"), kind, {"sale_id": sale_id, "total": total}, at)


def tier_now(merchant: Merchant, person: Living | None, spent: int, at: int) -> Job[str]:
    """The tier of somebody who spends so much more in the sale (or, negative, the refund) that is about to be
    written."""
    programme = merchant.programme
    if person is None or not programme.tiers:
        return programme.base_tier
    rows = yield Query(
        "select cast(coalesce(sum(total - stored), 0) as bigint) as spend from sale where merchant_id = ? "
        f"and customer_id in ({marks(person.family)}) and created_at > ?",
        (merchant.merchant_id, *person.family, at - YEAR_DAYS * DAY),
    )
    return tier_of(rows[0]["spend"] + spent, programme.tiers, programme.base_tier)


def count_spend(merchant: Merchant, person: Living, spent: int, at: int) -> Job[Query]:
    """Before a refund is written, or after records became one: what brings the customer's figures and tier up to it."""
    tier = yield from tier_now(merchant, person, spent, at)
    return Query(
        "update customer set spend = spend + ?, tier = ? where merchant_id = ? and customer_id = ?",
        (spent, tier, merchant.merchant_id, person.customer_id),
    )


def _change_tier(merchant_id: str, customer_id: str, tier: str) -> Query:
    return Query(
        "update customer set tier = ? where merchant_id = ? and customer_id = ?", (tier, merchant_id, customer_id)
    )


def _give_coupons(
    merchant_id: str, sale_id: str, frozen: Frozen, person: Living | None, ids: Ids, at: int
) -> Job[tuple[str, ...]]:
    """Personal codes for a later visit; nobody known, none given."""
    codes = []
    for award in frozen.decision.awards:
        if award.kind != "coupon" or person is None or person.erased:
            continue
        codes.append(ids.secret(_CODE_BITS))
        yield Query(
            "insert into coupon (merchant_id, code, customer_id, offer_id, sale_id, expires_at) "
            "values (?, ?, ?, ?, ?, ?)",
            (merchant_id, codes[-1], person.customer_id, award.coupon_offer_id, sale_id, at + (award.days or 30) * DAY),
        )
    return tuple(codes)
