"""The states of an order and the one table of its moves: from where to where, and who may. Pure."""

from typing import Literal

from poi_engine.errors import Conflict, Forbidden

OrderState = Literal["placed", "paid", "preparing", "ready", "on_the_way", "delivered", "returned", "cancelled"]
Actor = Literal["staff", "customer", "payment", "refund", "time"]
"""`payment`: a paid session; `refund`: all of it was taken back; `time`: it was not fetched."""

OPEN: tuple[OrderState, ...] = ("placed", "paid", "preparing", "ready", "on_the_way")
ENDED: tuple[OrderState, ...] = ("delivered", "returned", "cancelled")

_STAFF: frozenset[Actor] = frozenset({"staff"})
_GIVEN_UP: frozenset[Actor] = frozenset({"staff", "refund", "time"})
MOVES: dict[OrderState, dict[OrderState, frozenset[Actor]]] = {
    "placed": {
        "paid": frozenset({"payment"}),
        "preparing": _STAFF,
        "ready": _STAFF,
        "delivered": frozenset({"payment"}),
        "cancelled": _GIVEN_UP | {"customer"},
    },
    "paid": {"preparing": _STAFF, "ready": _STAFF, "cancelled": frozenset({"refund"})},
    "preparing": {"ready": _STAFF, "delivered": frozenset({"payment"}), "cancelled": _GIVEN_UP},
    "ready": {
        "preparing": _STAFF,
        "on_the_way": _STAFF,
        "delivered": frozenset({"staff", "payment"}),
        "cancelled": _GIVEN_UP,
    },
    "on_the_way": {
        "ready": _STAFF,
        "delivered": frozenset({"staff", "payment"}),
        "returned": frozenset({"refund"}),
    },
    "delivered": {"returned": frozenset({"refund"})},
    "returned": {},
    "cancelled": {},
}


def check_move(before: OrderState, after: OrderState, actor: Actor, *, how: str, paid: bool) -> None:
    """Refuse a move that the table does not have, that is not this actor's, or that the payment forbids."""
    actors = MOVES[before].get(after)
    if actors is None or (after == "on_the_way" and how != "delivery"):
        raise Conflict("illegal-order-move", f"An order that is {before} cannot become {after}.")
    if after == "cancelled" and actor != "refund" and paid:
        raise Conflict("order-paid", "This order is paid; take it back with a refund.")
    if actor not in actors:
        raise Forbidden("order-move-refused", f"This is not how an order that is {before} becomes {after}.")
    if after == "delivered" and actor == "staff" and not paid:
        raise Conflict("order-unpaid", "This order is not paid; open it at a station and take the payment.")


def next_states(before: OrderState, actor: Actor, *, how: str, paid: bool) -> tuple[OrderState, ...]:
    """Where the actor may move the order from here."""
    found = []
    for after in MOVES[before]:
        try:
            check_move(before, after, actor, how=how, paid=paid)
        except (Conflict, Forbidden):
            continue
        found.append(after)
    return tuple(found)


def after_payment(before: OrderState, *, ahead: bool) -> OrderState:
    """Where a payment brings an order: handed over at once, or paid ahead and handed over later."""
    if not ahead:
        return "delivered"
    return "paid" if before == "placed" else before


def after_refund(before: OrderState) -> OrderState:
    """Where a full return brings an order: what had left comes back, what had not is cancelled."""
    return "returned" if before in ("on_the_way", "delivered") else "cancelled"
