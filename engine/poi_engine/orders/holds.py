"""The goods of orders that are not paid: held under the order's own id, handed to the checkout that pays it and back.

All in the caller's transaction.
"""

from poi_engine import ledger
from poi_engine.checkout.records import insert_audit
from poi_engine.errors import Conflict
from poi_engine.goods.stock import OutOfStock, Wanted, hold_moves
from poi_engine.ids import Ids
from poi_engine.orders.fulfilment import Fulfilment, placed
from poi_engine.orders.moves import OPEN
from poi_engine.orders.rows import OrderRow, end_contact, lines_of_order, lock_order, set_state
from poi_engine.ports import Job, Query
from poi_engine.settings import read_merchant

_DAY = 86_400_000_000


def hold_goods(merchant_id: str, order: OrderRow, who: str, *, ids: Ids, at: int) -> Job[None]:
    """Hold what an order asks for, all or none; `OutOfStock` when a place has less."""
    lines = yield from lines_of_order(merchant_id, order.order_id)
    wanted = [
        Wanted(code=line.code, place=order.place, quantity=line.quantity, in_hand=False) for line in lines if line.code
    ]
    moves = yield from hold_moves(merchant_id, order.order_id, wanted, who, ids=ids, at=at)
    yield from ledger.hold(merchant_id, order.order_id, moves, ids=ids, at=at)
    yield Query("update orders set held = 1 where merchant_id = ? and order_id = ?", (merchant_id, order.order_id))


def let_go(merchant_id: str, order_id: str, *, ids: Ids, at: int) -> Job[None]:
    """The order holds nothing any more."""
    yield from ledger.void(merchant_id, order_id, ids=ids, at=at)
    yield Query("update orders set held = 0 where merchant_id = ? and order_id = ?", (merchant_id, order_id))


def take_orders(
    merchant_id: str, checkout_id: str, fulfilments: tuple[Fulfilment, ...], *, ids: Ids, at: int
) -> Job[None]:
    """A checkout is about to pay these orders: nobody else may, and their goods are free for it to hold."""
    for order_id in sorted(placed(fulfilments)):
        order = yield from lock_order(merchant_id, order_id)
        if order.paid or order.state not in OPEN:
            raise Conflict("order-closed", f"This order is {order.state} already.")
        if order.checkout_id not in (None, checkout_id):
            raise Conflict("order-being-paid", "This order is being paid at another station.")
        yield Query(
            "update orders set checkout_id = ? where merchant_id = ? and order_id = ?",
            (checkout_id, merchant_id, order_id),
        )
        yield from let_go(merchant_id, order_id, ids=ids, at=at)


def give_back_orders(
    merchant_id: str, checkout_id: str, fulfilments: tuple[Fulfilment, ...], *, ids: Ids, at: int
) -> Job[None]:
    """The checkout ended without a sale and holds nothing: its orders hold their goods again."""
    for order_id in sorted(placed(fulfilments)):
        order = yield from lock_order(merchant_id, order_id)
        if order.checkout_id != checkout_id:
            continue
        yield Query(
            "update orders set checkout_id = null where merchant_id = ? and order_id = ?", (merchant_id, order_id)
        )
        if order.state in OPEN:
            yield from _hold_again(merchant_id, order, ids, at)


def _hold_again(merchant_id: str, order: OrderRow, ids: Ids, at: int) -> Job[None]:
    """The basket may have asked for less than the order, and the rest be sold by now."""
    try:
        yield from hold_goods(merchant_id, order, "engine", ids=ids, at=at)
    except OutOfStock as error:
        yield insert_audit(merchant_id, ids.new("aud"), "engine", "order-unheld", order.order_id, error.message, at)


def cancel(merchant_id: str, order: OrderRow, *, ids: Ids, at: int) -> Job[None]:
    """An unpaid order ends: what it held is free again."""
    if order.checkout_id is not None:
        raise Conflict("order-being-paid", "This order is being paid; wait for the payment's end.")
    yield set_state(merchant_id, order.order_id, "cancelled", at)
    yield from let_go(merchant_id, order.order_id, ids=ids, at=at)
    yield from ended(merchant_id, order, at)


def cancel_orders_of(merchant_id: str, customer_id: str, who: str, *, ids: Ids, at: int) -> Job[None]:
    """Nobody will fetch or pay what a person ordered who is gone; what is paid, or being paid, goes on."""
    rows = yield Query(
        "select order_id, state from orders where merchant_id = ? and customer_id = ? and sale_id is null "
        "and checkout_id is null",
        (merchant_id, customer_id),
    )
    for row in sorted(rows, key=lambda row: row["order_id"]):
        if row["state"] in OPEN:
            order = yield from lock_order(merchant_id, row["order_id"])
            yield from cancel(merchant_id, order, ids=ids, at=at)
            why = "the customer was erased"
            yield insert_audit(merchant_id, ids.new("aud"), who, "order-cancelled", order.order_id, why, at)


def ended(merchant_id: str, order: OrderRow, at: int) -> Job[None]:
    """An order has come to its end: nothing to wait for, and the person in it is forgotten after a while."""
    yield Query(
        "update orders set hold_until = null where merchant_id = ? and order_id = ?", (merchant_id, order.order_id)
    )
    days = (yield from read_merchant(merchant_id)).programme.orders.address_days
    yield from end_contact(merchant_id, order.contact_id, at + days * _DAY)
