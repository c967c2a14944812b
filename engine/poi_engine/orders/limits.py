"""How much may wait unpaid: orders of one customer; orders and goods of one partner. In the caller's transaction."""

from collections import Counter

from poi_engine.clientele.rows import lock_living, marks
from poi_engine.errors import Conflict
from poi_engine.orders.moves import OPEN
from poi_engine.orders.rows import OrderRow
from poi_engine.ports import Job, Query
from poi_engine.settings import Ordering, PartnerLimit, lock_merchant

_OPEN = ", ".join("?" * len(OPEN))


def check_waiting(merchant_id: str, order: OrderRow, rules: Ordering) -> Job[None]:
    """Refuse an order that is one too many, or that would hold too much unpaid."""
    if order.customer_id is not None:
        yield from _customer(merchant_id, order.customer_id, rules.most_open)
    if order.partner is not None:
        yield from _partner(merchant_id, order.partner, order, rules.limit_of(order.partner))


def _customer(merchant_id: str, customer_id: str, most: int) -> Job[None]:
    """Customers' orders take turns: the customer's row is locked."""
    person = yield from lock_living(merchant_id, customer_id)
    rows = yield Query(
        f"select count(*) as open from orders where merchant_id = ? and customer_id in ({marks(person.family)}) "
        f"and sale_id is null and state in ({_OPEN})",
        (merchant_id, *person.family, *OPEN),
    )
    if rows[0]["open"] >= most:
        raise _too_many(most)


def _partner(merchant_id: str, partner: str, order: OrderRow, limit: PartnerLimit) -> Job[None]:
    """Partners' orders take turns: a partner has no row of its own, so the merchant's is locked."""
    yield from lock_merchant(merchant_id)
    rows = yield Query(
        "select order_id from orders where merchant_id = ? and partner = ? and sale_id is null "
        f"and state in ({_OPEN}) limit ?",
        (merchant_id, partner, *OPEN, limit.most_open + 1),
    )
    if len(rows) >= limit.most_open:
        raise _too_many(limit.most_open)
    wanted: Counter[str] = Counter()
    for item in order.document.items:
        wanted[item.code] += item.quantity
    held = yield from _held(merchant_id, partner, tuple(wanted))
    for code, quantity in wanted.items():
        if held.get(code, 0) + quantity > limit.most_held:
            raise _too_much(order, code, limit.most_held - held.get(code, 0))


def _held(merchant_id: str, partner: str, codes: tuple[str, ...]) -> Job[dict[str, int]]:
    """{code: thousandths} of the products in the partner's unpaid orders, whose lines are looked up order by order."""
    rows = yield Query(
        "select l.code, sum(l.quantity) as held from orders o cross join order_line l where o.merchant_id = ? "
        f"and o.partner = ? and o.sale_id is null and o.state in ({_OPEN}) and l.merchant_id = o.merchant_id "
        f"and l.order_id = o.order_id and l.code in ({', '.join('?' * len(codes))}) group by l.code",
        (merchant_id, partner, *OPEN, *codes),
    )
    return {row["code"]: int(row["held"]) for row in rows}


def _too_many(most: int) -> Conflict:
    return Conflict("too-many-orders", f"{most} orders are waiting already; fetch or cancel one first.")


def _too_much(order: OrderRow, code: str, left: int) -> Conflict:
    at = next(index for index, item in enumerate(order.document.items) if item.code == code)
    message = f"Of product {code[:64]!r} your unpaid orders may hold {max(left, 0)} thousandths more."
    return Conflict("partner-holds-too-much", message, path=f"$.entries[{at}].quantity")
