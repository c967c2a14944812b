"""What a sale makes of its orders, and what a refund does to them, in the sale's or the refund's own transaction."""

from collections.abc import Sequence

from msgspec.structs import replace

from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.records import LineRow, insert_audit
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.clock import moment
from poi_engine.errors import Conflict
from poi_engine.ids import Ids
from poi_engine.orders.fulfilment import Fulfilment, Group, groups, placed
from poi_engine.orders.holds import ended, lock_orders
from poi_engine.orders.moves import ENDED, after_payment, after_refund
from poi_engine.orders.rows import (
    OrderLine,
    OrderRow,
    end_contact,
    insert_order,
    insert_order_lines,
    keep_contact,
    lines_of_order,
    orders_of_sale,
    set_state,
)
from poi_engine.ports import Job, Query
from poi_engine.sales import returned_quantities
from poi_offers.storetime import zone as store_zone

_BACK = ("returned", "cancelled")


def orders_paid(
    merchant_id: str,
    checkout_id: str,
    sale_id: str,
    frozen: Frozen,
    lines: Sequence[LineRow],
    locked: Sequence[OrderRow],
    *,
    ids: Ids,
    at: int,
) -> Job[None]:
    """Every line that is not taken away becomes part of an order: of a new one, or of the one it was placed with.

    `locked` are the orders placed before.
    """
    session = frozen.session
    if not session.fulfilments:
        return
    who, station_id = frozen.accepted_by, session.station_id
    sold = {line.line_id: line for line in lines}
    for group, line_ids in groups(session.fulfilments).items():
        order = _new(group, sale_id, frozen, [sold[line_id] for line_id in line_ids], ids.new("ord"), at)
        yield insert_order(merchant_id, order)
        yield insert_order_lines(merchant_id, order.order_id, [order_line(sold[line_id]) for line_id in line_ids])
        yield from keep_contact(merchant_id, order.contact_id, order.customer_id)
        yield _audit(
            merchant_id, order.order_id, frozen.accepted_by, "order-paid", sale_id, session.station_id, ids, at
        )
    ways = placed(session.fulfilments)
    for order in locked:
        ordered = ways[order.order_id]
        kept = [order_line(sold[one.line_id]) for one in ordered]
        yield from _paid(merchant_id, checkout_id, sale_id, order, ordered, kept, session.contact_id, at)
        yield _audit(merchant_id, order.order_id, who, "order-paid", sale_id, station_id, ids, at)


def lock_orders_of_sale(merchant_id: str, sale_id: str) -> Job[list[OrderRow]]:
    """The orders that a sale paid and that have not been taken back, their rows locked."""
    found = yield from orders_of_sale(merchant_id, sale_id)
    return (yield from lock_orders(merchant_id, [order.order_id for order in found if order.state not in _BACK]))


def orders_taken_back(
    merchant_id: str, sale_id: str, locked: Sequence[OrderRow], who: str, station_id: str, *, ids: Ids, at: int
) -> Job[None]:
    """Orders of which this sale's refunds leave nothing are returned, or cancelled when they had not left."""
    returned = (yield from returned_quantities(merchant_id, sale_id)) if locked else {}
    for order in locked:
        lines = yield from lines_of_order(merchant_id, order.order_id)
        if order.state in _BACK or any(returned.get(line.line_id, 0) < line.quantity for line in lines):
            continue
        state = after_refund(order.state)
        yield set_state(merchant_id, order.order_id, state, at)
        yield from ended(merchant_id, order, at)
        yield _audit(merchant_id, order.order_id, who, f"order-{state}", sale_id, station_id, ids, at)


def order_line(line: LineRow) -> OrderLine:
    """A sold line as the order's."""
    return OrderLine(
        line_id=line.line_id,
        code=line.code,
        label=line.label,
        quantity=line.quantity,
        unit=line.unit,
        total=line.total,
    )


def day_of(at: int, zone: str) -> str:
    """The calendar day of a moment where the store is."""
    return moment(at).astimezone(store_zone(zone)).date().isoformat()


def _new(group: Group, sale_id: str, frozen: Frozen, lines: Sequence[LineRow], order_id: str, at: int) -> OrderRow:
    session = frozen.session
    return OrderRow(
        order_id=order_id,
        state="paid",
        how=group.how,
        place=group.place,
        store_id=group.store_id,
        station_id=session.station_id,
        customer_id=frozen.customer_id,
        contact_id=session.contact_id,
        channel=session.channel,
        partner=session.partner,
        currency=frozen.decision.currency,
        total=sum(line.total for line in lines),
        sale_id=sale_id,
        wanted_at=at,
        day=day_of(at, frozen.place.zone),
        created_at=at,
        changed_at=at,
    )


def _paid(
    merchant_id: str,
    checkout_id: str,
    sale_id: str,
    order: OrderRow,
    ordered: Sequence[Fulfilment],
    lines: Sequence[OrderLine],
    contact_id: str | None,
    at: int,
) -> Job[None]:
    """The order as it was sold: the customer may have taken less of it, or more, and said where else to bring it."""
    if order.checkout_id != checkout_id or order.paid:
        raise Conflict("order-closed", f"This order is {order.state} already.")
    state = after_payment(order.state, ahead=any(one.ahead for one in ordered))
    after = replace(order, state=state, contact_id=contact_id or order.contact_id)
    yield Query(
        "update orders set state = ?, sale_id = ?, checkout_id = null, total = ?, hold_until = null, contact_id = ?, "
        "changed_at = ? where merchant_id = ? and order_id = ?",
        (state, sale_id, sum(line.total for line in lines), after.contact_id, at, merchant_id, order.order_id),
    )
    yield Query("delete from order_line where merchant_id = ? and order_id = ?", (merchant_id, order.order_id))
    yield insert_order_lines(merchant_id, order.order_id, lines)
    if after.contact_id != order.contact_id:
        yield from keep_contact(merchant_id, after.contact_id, order.customer_id)
        yield from end_contact(merchant_id, order.contact_id, at)
    if state in ENDED:
        yield from ended(merchant_id, after, at)


def _audit(merchant_id: str, order_id: str, who: str, act: str, why: str, station_id: str, ids: Ids, at: int) -> Query:
    return insert_audit(merchant_id, ids.new("aud"), who, act, order_id, why, at, station_id)


def lines_back(
    merchant_id: str, order_id: str, sale_id: str, asked: Sequence[ReturnedLine] | None
) -> Job[Sequence[ReturnedLine]]:
    """Of an order's lines those asked for, or all that its refunds have left of them."""
    lines = yield from lines_of_order(merchant_id, order_id)
    returned = yield from returned_quantities(merchant_id, sale_id)
    left = [(line.line_id, line.quantity - returned.get(line.line_id, 0)) for line in lines]
    kept = {line_id: quantity for line_id, quantity in left if quantity > 0}
    if not kept or any(line.line_id not in kept for line in asked or ()):
        raise Conflict("nothing-left", "These lines are not the order's, or nothing is left of them to take back.")
    return asked or [ReturnedLine(line_id=line_id, quantity=quantity) for line_id, quantity in kept.items()]
