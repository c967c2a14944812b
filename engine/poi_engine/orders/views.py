"""Orders as they are read: one, and page by page."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from poi_engine.clientele.rows import marks
from poi_engine.clock import moment
from poi_engine.errors import NotFound
from poi_engine.orders.fulfilment import How
from poi_engine.orders.moves import OPEN, OrderState, next_states
from poi_engine.orders.rows import (
    COLUMNS,
    Contact,
    Missing,
    OrderLine,
    OrderRow,
    find_contact,
    find_order,
    lines_of_order,
    order_row,
)
from poi_engine.ports import Job, Query
from poi_engine.sales import returned_quantities
from poi_offers.decision import Decision


class OrderView(Struct, frozen=True, kw_only=True):
    """An order. Amounts in minor units; `due` is what is still to be paid, judged again by the offers at the payment.

    `number` is short, for people. `next` are the states that staff may move it to. `decision` was shown when it was
    placed. `confirmed_at`: when the customer confirmed the address on their own phone. `missing`: what of an unpaid
    order is not held for it any more.
    """

    order_id: str
    number: str
    state: OrderState
    how: How
    place: str
    store_id: str
    customer_id: str | None
    name: str
    channel: str
    currency: str
    total: int
    due: int
    sale_id: str | None
    wanted_at: datetime
    day: str
    at: datetime
    changed_at: datetime
    held: bool
    being_paid: bool
    lines: tuple[OrderLine, ...]
    missing: tuple[Missing, ...] = ()
    contact: Contact | None = None
    confirmed_at: datetime | None = None
    next: tuple[OrderState, ...] = ()
    decision: Decision | None = None


class OrderFilter(Struct, frozen=True, kw_only=True):
    """What is looked for; an empty text is everything. `open`: only what has not come to its end."""

    state: OrderState | None = None
    open: bool = False
    store_id: str = ""
    day: str = ""
    how: str = ""
    customers: tuple[str, ...] = ()


def short_number(order_id: str) -> str:
    """The last letters of the id: what is called out at the counter."""
    return order_id[-5:].upper()


def read_order(merchant_id: str, order_id: str) -> Job[OrderView]:
    """An order with its lines, the person in it, and the decision shown when it was placed."""
    order = yield from find_order(merchant_id, order_id)
    return (yield from _view(merchant_id, order, order.document.decision))


def read_orders(merchant_id: str, wanted: OrderFilter, limit: int, after: str) -> Job[list[OrderView]]:
    """A page, newest first; `after` is the last id of the page before. What is open is looked up state by state."""
    cursor = yield from _cursor(merchant_id, after)
    states: Sequence[OrderState | None] = OPEN if wanted.open and wanted.state is None else (wanted.state,)
    found: list[OrderRow] = []
    for state in states:
        found += yield from _rows(merchant_id, wanted, state, cursor, limit)
    newest = sorted(found, key=lambda order: (order.created_at, order.order_id), reverse=True)[:limit]
    views: list[OrderView] = []
    for order in newest:
        view = yield from _view(merchant_id, order, None)
        views.append(view)
    return views


def _rows(
    merchant_id: str, wanted: OrderFilter, state: OrderState | None, cursor: tuple[int, str], limit: int
) -> Job[list[OrderRow]]:
    named = [("state", state or ""), ("store_id", wanted.store_id), ("day", wanted.day), ("how", wanted.how)]
    given = [(name, value) for name, value in named if value]
    where = "".join(f" and {name} = ?" for name, _ in given)
    if wanted.customers:
        where += f" and customer_id in ({marks(wanted.customers)})"
    at, last = cursor
    rows = yield Query(
        f"select {COLUMNS} from orders where merchant_id = ? and created_at <= ?{where} "
        "and (created_at < ? or order_id < ?) order by created_at desc, order_id desc limit ?",
        (merchant_id, at, *(value for _, value in given), *wanted.customers, at, last, limit),
    )
    return [order_row(row) for row in rows]


def _cursor(merchant_id: str, after: str) -> Job[tuple[int, str]]:
    if not after:
        return 2**62, ""
    rows = yield Query("select created_at from orders where merchant_id = ? and order_id = ?", (merchant_id, after))
    if not rows:
        raise NotFound("order", after)
    return int(rows[0]["created_at"]), after


def _view(merchant_id: str, order: OrderRow, decision: Decision | None) -> Job[OrderView]:
    lines = yield from lines_of_order(merchant_id, order.order_id)
    if order.sale_id is not None:
        returned = yield from returned_quantities(merchant_id, order.sale_id)
        lines = [_with_return(line, returned.get(line.line_id, 0)) for line in lines]
    contact = yield from find_contact(merchant_id, order.contact_id)
    name = contact.contact.name if contact and contact.contact.name else ""
    if not name and order.customer_id is not None:
        name = yield from _name_of(merchant_id, order.customer_id)
    return OrderView(
        order_id=order.order_id,
        number=short_number(order.order_id),
        state=order.state,
        how=order.how,
        place=order.place,
        store_id=order.store_id,
        customer_id=order.customer_id,
        name=name,
        channel=order.channel,
        currency=order.currency,
        total=order.total,
        due=0 if order.paid or order.state not in OPEN else order.total,
        sale_id=order.sale_id,
        wanted_at=moment(order.wanted_at),
        day=order.day,
        at=moment(order.created_at),
        changed_at=moment(order.changed_at),
        held=bool(order.held),
        being_paid=order.checkout_id is not None,
        lines=tuple(lines),
        missing=_missing(order),
        contact=contact.contact if contact else None,
        confirmed_at=contact.confirmed_at if contact else None,
        next=next_states(order.state, "staff", how=order.how, paid=order.paid),
        decision=decision,
    )


def _missing(order: OrderRow) -> tuple[Missing, ...]:
    return () if order.paid or order.checkout_id is not None or order.state not in OPEN else order.document.missing


def _with_return(line: OrderLine, returned: int) -> OrderLine:
    return OrderLine(
        line_id=line.line_id,
        code=line.code,
        label=line.label,
        quantity=line.quantity,
        unit=line.unit,
        total=line.total,
        returned=min(returned, line.quantity),
    )


def _name_of(merchant_id: str, customer_id: str) -> Job[str]:
    rows = yield Query(
        "select display_name from customer where merchant_id = ? and customer_id = ?", (merchant_id, customer_id)
    )
    return str(rows[0]["display_name"]) if rows else ""
