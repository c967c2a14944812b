"""The rows of orders, and what is read of them. Jobs for the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, json

from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.orders.addresses import Address
from poi_engine.orders.fulfilment import How
from poi_engine.orders.moves import OPEN, OrderState
from poi_engine.ports import Job, Query, Row
from poi_offers.decision import Decision
from poi_offers.situation import SaleItem

COLUMNS = (
    "order_id, state, how, place, store_id, station_id, customer_id, contact_id, channel, partner, currency, total, "
    "sale_id, checkout_id, wanted_at, day, held, hold_until, document, created_at, changed_at"
)
DAY = 86_400_000_000
UNUSED = DAY
"""How long the person of an order that never was is kept, microseconds."""


class Missing(Struct, frozen=True, kw_only=True):
    """Goods that an order asks for and that are not held for it: thousandths of the product's unit."""

    code: str
    quantity: int


class OrderDocument(Struct, frozen=True, kw_only=True):
    """What an order keeps as JSON: the items at the prices they were ordered at, codes, and the decision shown.

    `missing`: what could not be held again after a payment was given up.
    """

    items: tuple[SaleItem, ...] = ()
    codes: tuple[str, ...] = ()
    decision: Decision | None = None
    missing: tuple[Missing, ...] = ()


class OrderLine(Struct, frozen=True, kw_only=True):
    """A line of an order: thousandths of its unit, and what it costs after discounts in minor units."""

    line_id: str
    code: str
    label: str
    quantity: int
    unit: str
    total: int
    returned: int = 0


class Contact(Struct, frozen=True, kw_only=True):
    """The person in an order. `lines` is the address as it stands on a parcel; `phone` where to call them."""

    name: str = ""
    note: str = ""
    phone: str = ""
    address: Address | None = None
    lines: tuple[str, ...] = ()


class ContactView(Struct, frozen=True, kw_only=True):
    """A contact and whether the customer confirmed the address on their own phone."""

    contact_id: str
    contact: Contact
    customer_id: str | None = None
    confirmed_at: datetime | None = None


class OrderRow(Struct, frozen=True, kw_only=True):
    """One row of `orders`; times in microseconds since 1970, amounts in minor units."""

    order_id: str
    state: OrderState
    how: How
    place: str
    store_id: str
    station_id: str | None = None
    customer_id: str | None = None
    contact_id: str | None = None
    channel: str = "counter"
    partner: str | None = None
    currency: str
    total: int
    sale_id: str | None = None
    checkout_id: str | None = None
    wanted_at: int
    day: str
    held: int = 0
    hold_until: int | None = None
    document: OrderDocument = OrderDocument()
    created_at: int
    changed_at: int

    @property
    def paid(self) -> bool:
        """Whether a sale has paid it."""
        return self.sale_id is not None


_NAMES = OrderRow.__struct_fields__


def order_row(row: Row) -> OrderRow:
    """A row as it was read."""
    plain = {name: row[name] for name in _NAMES if name != "document"}
    return OrderRow(**plain, document=json.decode(row["document"], type=OrderDocument))


def insert_order(merchant_id: str, order: OrderRow) -> Query:
    """The order's row."""
    values = [getattr(order, name) for name in _NAMES if name != "document"]
    names = [name for name in _NAMES if name != "document"]
    return Query(
        f"insert into orders (merchant_id, {', '.join(names)}, document) values ({', '.join('?' * (len(names) + 2))})",
        (merchant_id, *values, json.encode(order.document).decode()),
    )


def insert_order_lines(merchant_id: str, order_id: str, lines: Sequence[OrderLine]) -> Query:
    """The order's lines, in one statement."""
    values = [
        value
        for line in lines
        for value in (merchant_id, order_id, line.line_id, line.code, line.label, line.quantity, line.unit, line.total)
    ]
    row = "(?, ?, ?, ?, ?, ?, ?, ?)"
    return Query(
        "insert into order_line (merchant_id, order_id, line_id, code, label, quantity, unit, total) "
        f"values {', '.join([row] * len(lines))}",
        values,
    )


def find_order(merchant_id: str, order_id: str) -> Job[OrderRow]:
    """An order by id."""
    rows = yield Query(f"select {COLUMNS} from orders where merchant_id = ? and order_id = ?", (merchant_id, order_id))
    if not rows:
        raise NotFound("order", order_id)
    return order_row(rows[0])


def lock_order(merchant_id: str, order_id: str) -> Job[OrderRow]:
    """An order, its row locked until the transaction ends: moves of one order take turns."""
    rows = yield Query(
        f"update orders set state = state where merchant_id = ? and order_id = ? returning {COLUMNS}",
        (merchant_id, order_id),
    )
    if not rows:
        raise NotFound("order", order_id)
    return order_row(rows[0])


def set_state(merchant_id: str, order_id: str, state: OrderState, at: int) -> Query:
    """Move a locked order."""
    return Query(
        "update orders set state = ?, changed_at = ? where merchant_id = ? and order_id = ?",
        (state, at, merchant_id, order_id),
    )


def lines_of_order(merchant_id: str, order_id: str) -> Job[list[OrderLine]]:
    """The order's lines, by line."""
    rows = yield Query(
        "select line_id, code, label, quantity, unit, total from order_line where merchant_id = ? and order_id = ?",
        (merchant_id, order_id),
    )
    return sorted((OrderLine(**dict(row)) for row in rows), key=lambda line: line.line_id)


def orders_of_sale(merchant_id: str, sale_id: str) -> Job[list[OrderRow]]:
    """The orders that a sale paid."""
    rows = yield Query(f"select {COLUMNS} from orders where merchant_id = ? and sale_id = ?", (merchant_id, sale_id))
    return sorted((order_row(row) for row in rows), key=lambda order: order.order_id)


# --- the person ------------------------------------------------------------------------------------------------------


def insert_contact(merchant_id: str, contact_id: str, customer_id: str | None, contact: Contact, at: int) -> Query:
    """A person's row; it goes after a day unless an order keeps it."""
    return Query(
        "insert into order_contact (merchant_id, contact_id, customer_id, document, created_at, ends_at) "
        "values (?, ?, ?, ?, ?, ?)",
        (merchant_id, contact_id, customer_id, json.encode(contact).decode(), at, at + UNUSED),
    )


def find_contact(merchant_id: str, contact_id: str | None) -> Job[ContactView | None]:
    """The person in an order, unless they were erased."""
    if contact_id is None:
        return None
    rows = yield Query(
        "select contact_id, customer_id, document, confirmed_at from order_contact "
        "where merchant_id = ? and contact_id = ?",
        (merchant_id, contact_id),
    )
    return _contact(rows[0]) if rows else None


def must_have_address(merchant_id: str, contact_id: str | None) -> Job[None]:
    """Refuse a delivery that nobody has said where to."""
    view = yield from find_contact(merchant_id, contact_id)
    if view is None or view.contact.address is None:
        raise Conflict("address-needed", "Enter the address where it is to be brought.")


def last_contact(merchant_id: str, customer_id: str) -> Job[ContactView | None]:
    """Where the customer had something brought to last."""
    rows = yield Query(
        "select contact_id, customer_id, document, confirmed_at from order_contact "
        "where merchant_id = ? and customer_id = ? order by created_at desc limit 10",
        (merchant_id, customer_id),
    )
    found = [_contact(row) for row in rows]
    return next((view for view in found if view.contact.address is not None), None)


def keep_contact(merchant_id: str, contact_id: str | None, customer_id: str | None) -> Job[None]:
    """An order needs the person from now on."""
    if contact_id is not None:
        yield Query(
            "update order_contact set ends_at = null, customer_id = coalesce(customer_id, ?) "
            "where merchant_id = ? and contact_id = ?",
            (customer_id, merchant_id, contact_id),
        )


def keep_apart(merchant_id: str, contact_id: str | None) -> Job[None]:
    """An order needs the person for now, but nothing else knows them any more."""
    if contact_id is not None:
        yield Query(
            "update order_contact set customer_id = null where merchant_id = ? and contact_id = ?",
            (merchant_id, contact_id),
        )


def end_contact(merchant_id: str, contact_id: str | None, ends_at: int) -> Job[None]:
    """The person of an order that has ended is deleted at `ends_at`, unless another order still needs them."""
    if contact_id is None:
        return
    marks = ", ".join("?" * len(OPEN))
    needed = yield Query(
        f"select 1 as one from orders where merchant_id = ? and contact_id = ? and state in ({marks}) limit 1",
        (merchant_id, contact_id, *OPEN),
    )
    if not needed:
        yield Query(
            "update order_contact set ends_at = ? where merchant_id = ? and contact_id = ?",
            (ends_at, merchant_id, contact_id),
        )


def delete_ended_contacts(merchant_id: str, at: int) -> Job[int]:
    """Forget whom no order needs any more; returns how many."""
    rows = yield Query(
        "delete from order_contact where merchant_id = ? and ends_at < ? returning contact_id", (merchant_id, at)
    )
    return len(rows)


def _contact(row: Row) -> ContactView:
    confirmed = row["confirmed_at"]
    return ContactView(
        contact_id=row["contact_id"],
        customer_id=row["customer_id"],
        contact=json.decode(row["document"], type=Contact),
        confirmed_at=None if confirmed is None else moment(confirmed),
    )
