"""The goods of orders that are not paid: held under the order's own id, handed to the checkout that pays it and back.

All in the caller's transaction.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine import ledger
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.rows import marks
from poi_engine.errors import Conflict
from poi_engine.goods.stock import Wanted, hold_steps, stock_held, there_of, tracked_of
from poi_engine.ids import Ids
from poi_engine.ledger import Step
from poi_engine.orders.fulfilment import Fulfilment, placed
from poi_engine.orders.moves import OPEN
from poi_engine.orders.rows import (
    Missing,
    OrderRow,
    end_contact,
    lines_of_order,
    lock_order,
    set_state,
)
from poi_engine.ports import Job, Query
from poi_engine.settings import read_merchant

_DAY = 86_400_000_000


class Freed(Struct, frozen=True, kw_only=True):
    """The steps that let go what orders hold, and the goods that are free with them, by account."""

    steps: tuple[Step, ...] = ()
    goods: Mapping[str, int] = {}


def hold_goods(merchant_id: str, order: OrderRow, who: str, *, ids: Ids, at: int) -> Job[None]:
    """Hold what a new order asks for, all or none; `OutOfStock` when a place has less."""
    wanted = yield from _wanted(merchant_id, order)
    tracked = yield from _tracked(merchant_id, wanted)
    steps = yield from hold_steps(merchant_id, order.order_id, wanted, who, tracked=tracked, ids=ids, at=at)
    yield from ledger.change(merchant_id, steps, ids=ids, at=at)
    yield _held(merchant_id, order.order_id, True)


def lock_orders(merchant_id: str, order_ids: Iterable[str]) -> Job[list[OrderRow]]:
    """The orders, their rows locked in the order of their ids."""
    orders: list[OrderRow] = []
    for order_id in sorted(order_ids):
        order = yield from lock_order(merchant_id, order_id)
        orders.append(order)
    return orders


def take_orders(merchant_id: str, checkout_id: str, fulfilments: tuple[Fulfilment, ...]) -> Job[Freed]:
    """A checkout is about to pay these orders: nobody else may, and what they hold is its own to hold."""
    steps, goods = list[Step](), Counter[str]()
    for order in (yield from lock_orders(merchant_id, placed(fulfilments))):
        if order.paid or order.state not in OPEN:
            raise Conflict("order-closed", f"This order is {order.state} already.")
        if order.checkout_id not in (None, checkout_id):
            raise Conflict("order-being-paid", "This order is being paid at another station.")
        yield Query(
            "update orders set checkout_id = ?, held = 0 where merchant_id = ? and order_id = ?",
            (checkout_id, merchant_id, order.order_id),
        )
        goods += stock_held((yield from ledger.pending_of(merchant_id, order.order_id)))
        steps.append(Step(checkout_id=order.order_id, phase="void"))
    return Freed(steps=tuple(steps), goods=goods)


def give_back_orders(
    merchant_id: str, checkout_id: str, orders: Sequence[OrderRow], freed: Counter[str], *, ids: Ids, at: int
) -> Job[list[Step]]:
    """The checkout ends without a sale, which frees these goods: the steps by which its orders hold theirs again."""
    steps: list[Step] = []
    for order in orders:
        if order.checkout_id != checkout_id:
            continue
        yield Query(
            "update orders set checkout_id = null where merchant_id = ? and order_id = ?",
            (merchant_id, order.order_id),
        )
        if order.state in OPEN:
            held = yield from _hold_again(merchant_id, order, freed, ids, at)
            for move in (move for step in held for move in step.moves):
                freed[move.debit] -= move.amount
            steps += held
    return steps


def _hold_again(merchant_id: str, order: OrderRow, freed: Mapping[str, int], ids: Ids, at: int) -> Job[list[Step]]:
    """As much as is there: the basket may have asked for less than the order, and the rest be sold by now.

    What is missing stands in the order, for whoever prepares it, and in the audit.
    """
    wanted = yield from _wanted(merchant_id, order)
    tracked = yield from _tracked(merchant_id, wanted)
    there = yield from there_of(merchant_id, wanted, tracked, freed)
    short: Counter[str] = Counter()
    for asked, got in zip(wanted, there, strict=True):
        short[asked.code] += asked.quantity - got.quantity
    missing = tuple(Missing(code=code, quantity=quantity) for code, quantity in sorted(short.items()) if quantity)
    steps = yield from hold_steps(
        merchant_id, order.order_id, there, "engine", tracked=tracked, freed=freed, ids=ids, at=at
    )
    document = json.encode(replace(order.document, missing=missing)).decode()
    yield Query(
        "update orders set held = ?, document = ? where merchant_id = ? and order_id = ?",
        (int(bool(steps) or not missing), document, merchant_id, order.order_id),
    )
    if missing:
        why = "; ".join(f"{one.quantity} thousandths of {one.code}" for one in missing)
        yield insert_audit(merchant_id, ids.new("aud"), "engine", "order-unheld", order.order_id, why, at)
    return steps


def cancel(merchant_id: str, order: OrderRow, *, ids: Ids, at: int) -> Job[None]:
    """An unpaid order ends: what it held is free again."""
    yield from ledger.change(merchant_id, [(yield from cancelling(merchant_id, order, at))], ids=ids, at=at)
    yield from ended(merchant_id, order, at)


def cancelling(merchant_id: str, order: OrderRow, at: int) -> Job[Step]:
    """An unpaid order's end, but for the step that lets go what it held."""
    if order.checkout_id is not None:
        raise Conflict("order-being-paid", "This order is being paid; wait for the payment's end.")
    yield set_state(merchant_id, order.order_id, "cancelled", at)
    yield _held(merchant_id, order.order_id, False)
    return Step(checkout_id=order.order_id, phase="void")


def ended(merchant_id: str, order: OrderRow, at: int) -> Job[None]:
    """An order has come to its end: nothing to wait for, and the person in it is forgotten after a while.

    Somebody who was erased in the meantime is forgotten at once.
    """
    yield Query(
        "update orders set hold_until = null where merchant_id = ? and order_id = ?", (merchant_id, order.order_id)
    )
    gone = yield from _is_erased(merchant_id, order.customer_id)
    days = 0 if gone else (yield from read_merchant(merchant_id)).programme.orders.address_days
    yield from end_contact(merchant_id, order.contact_id, at + days * _DAY)


def open_orders_of(merchant_id: str, family: tuple[str, ...]) -> Job[list[OrderRow]]:
    """The orders of a person that have not ended, as they are once their rows are locked."""
    rows = yield Query(
        f"select order_id from orders where merchant_id = ? and customer_id in ({marks(family)}) "
        f"and state in ({marks(OPEN)})",
        (merchant_id, *family, *OPEN),
    )
    orders = yield from lock_orders(merchant_id, [row["order_id"] for row in rows])
    return [order for order in orders if order.state in OPEN]


def is_under_way(order: OrderRow) -> bool:
    """Whether it goes on without the person who is gone: it is paid, being paid, or has left."""
    return order.paid or order.checkout_id is not None or order.state == "on_the_way"


def _wanted(merchant_id: str, order: OrderRow) -> Job[list[Wanted]]:
    lines = yield from lines_of_order(merchant_id, order.order_id)
    return [
        Wanted(code=line.code, place=order.place, quantity=line.quantity, in_hand=False) for line in lines if line.code
    ]


def _tracked(merchant_id: str, wanted: Iterable[Wanted]) -> Job[list[str]]:
    return (yield from tracked_of(merchant_id, [one.code for one in wanted]))


def _held(merchant_id: str, order_id: str, held: bool) -> Query:
    return Query(
        "update orders set held = ? where merchant_id = ? and order_id = ?", (int(held), merchant_id, order_id)
    )


def _is_erased(merchant_id: str, customer_id: str | None) -> Job[bool]:
    if customer_id is None:
        return False
    rows = yield Query(
        "select 1 as one from customer c left join customer l on l.merchant_id = c.merchant_id "
        "and l.customer_id = c.merged_into where c.merchant_id = ? and c.customer_id = ? "
        "and coalesce(l.erased_at, c.erased_at) is not null",
        (merchant_id, customer_id),
    )
    return bool(rows)
