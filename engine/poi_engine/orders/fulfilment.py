"""How a basket's lines reach the customer: taken away, fetched at a store, or brought; from which place. Pure."""

from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_offers.situation import SaleItem

How = Literal["pick_up", "delivery"]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class Fulfilment(Struct, frozen=True, kw_only=True):
    """A line that is not taken away at once; lines without one are.

    `place` is where the goods come from: a store's id or `central`. `store_id` hands them over: the store where they
    are fetched, or the one that sees to the delivery. `order_id`: the line of an order placed before; `ahead`: it is
    paid now and handed over later.
    """

    line_id: str
    how: How
    place: str
    store_id: str
    order_id: str | None = None
    ahead: bool = False


class Group(Struct, frozen=True, kw_only=True):
    """What makes one order: the same way, from the same place, handed over by the same store."""

    how: How
    place: str
    store_id: str


def still(fulfilments: Iterable[Fulfilment], line_ids: Collection[str]) -> tuple[Fulfilment, ...]:
    """Those whose lines are still in the basket."""
    return tuple(one for one in fulfilments if one.line_id in line_ids)


def same_lines(before: Iterable[SaleItem], after: Iterable[SaleItem]) -> set[str]:
    """The ids of the lines that stay: a line is the same as long as its product is."""
    codes = {item.line_id: item.code for item in before}
    return {item.line_id for item in after if codes.get(item.line_id) == item.code}


def groups(fulfilments: Iterable[Fulfilment]) -> dict[Group, list[str]]:
    """The new orders that a sale makes, with their lines; lines of an order placed before are left out."""
    found: dict[Group, list[str]] = {}
    for one in fulfilments:
        if one.order_id is None:
            found.setdefault(Group(how=one.how, place=one.place, store_id=one.store_id), []).append(one.line_id)
    return found


def placed(fulfilments: Iterable[Fulfilment]) -> dict[str, list[Fulfilment]]:
    """The orders placed before, with their lines."""
    found: dict[str, list[Fulfilment]] = {}
    for one in fulfilments:
        if one.order_id is not None:
            found.setdefault(one.order_id, []).append(one)
    return found
