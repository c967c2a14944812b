"""Orders placed before they are paid: checked, decided, and their goods held for a bounded time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_engine.basket import BasketEntry
from poi_engine.checkout.promise import Key, keep_answer, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import micros_of
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.orders.addresses import Address, Telephone
from poi_engine.orders.fulfilment import How
from poi_engine.orders.holds import hold_goods
from poi_engine.orders.limits import check_waiting
from poi_engine.orders.rows import (
    Contact,
    OrderDocument,
    OrderLine,
    OrderRow,
    insert_contact,
    insert_order,
    insert_order_lines,
    keep_contact,
)
from poi_engine.ports import Job
from poi_engine.settings import Ordering
from poi_offers.decision import Decision
from poi_offers.situation import SaleItem

Text = Annotated[str, Meta(min_length=1, max_length=64)]
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


class Wished(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody orders: products by code, from a store, fetched there or brought to an address.

    `place` is where the goods come from, by default the store; `wanted_at` by default as soon as can be.
    """

    store_id: Text
    how: How = "pick_up"
    entries: Annotated[tuple[BasketEntry, ...], Meta(min_length=1, max_length=100)]
    codes: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()
    place: Text | None = None
    wanted_at: datetime | None = None
    name: Annotated[str, Meta(max_length=120)] = ""
    note: Annotated[str, Meta(max_length=500)] = ""
    phone: Telephone = ""
    address: Address | None = None


class Placing(Struct, frozen=True, kw_only=True):
    """An order ready to be written."""

    order: OrderRow
    contact: Contact | None
    who: str


class Before(Struct, frozen=True, kw_only=True):
    """The key placed this order before."""

    order_id: str


def check_wished(wished: Wished, rules: Ordering, at: int, wanted_at: int) -> None:
    """Refuse what no order can be, with the path of the mistake."""
    if not wished.entries:
        raise RequestError("empty-order", "Say what to order.", path="$.entries")
    for index, entry in enumerate(wished.entries):
        if entry.code is None:
            raise RequestError("code-needed", "An order names products.", path=f"$.entries[{index}].code")
    if wished.how == "delivery" and not rules.delivery:
        raise RequestError("no-delivery", "This shop brings nothing; fetch it there.", path="$.how")
    if wished.how == "delivery" and wished.address is None:
        raise RequestError("address-needed", "Say where to bring it.", path="$.address")
    if wanted_at < at + rules.lead_minutes * MINUTE:
        message = f"An order needs {rules.lead_minutes} minutes; choose a later time."
        raise RequestError("too-soon", message, path="$.wanted_at")
    if wanted_at > at + rules.days_ahead * DAY:
        message = f"Orders are taken {rules.days_ahead} days ahead; choose an earlier time."
        raise RequestError("too-late", message, path="$.wanted_at")


def micros_wanted(wanted_at: datetime) -> int:
    """The time somebody asks for, in microseconds since 1970; it needs its offset."""
    if wanted_at.tzinfo is None:
        raise RequestError("naive-time", "The time needs its offset, such as `Z`.", path="$.wanted_at")
    return micros_of(wanted_at)


def lines_of(items: Sequence[SaleItem], decision: Decision) -> list[OrderLine]:
    """The items as an order's lines, with what each costs after the decision's discounts."""
    saved: dict[str, int] = {}
    for adjustment in decision.adjustments:
        saved[adjustment.line_id] = saved.get(adjustment.line_id, 0) + adjustment.amount
    return [
        OrderLine(
            line_id=item.line_id,
            code=item.code,
            label=item.label,
            quantity=item.quantity,
            unit=item.unit,
            total=item.amount - saved.get(item.line_id, 0),
        )
        for item in items
    ]


def place(merchant_id: str, placing: Placing, rules: Ordering, key: Key, *, ids: Ids, at: int) -> Job[Before | None]:
    """Write an order and hold its goods, once per key; `OutOfStock` when a place has less of them."""
    order = placing.order
    before = yield from promise(merchant_id, key, order.order_id, at)
    if before is not None:
        return Before(order_id=before.subject)
    yield from check_waiting(merchant_id, order, rules)
    if placing.contact is not None and order.contact_id is not None:
        yield insert_contact(merchant_id, order.contact_id, order.customer_id, placing.contact, at)
        yield from keep_contact(merchant_id, order.contact_id, order.customer_id)
    yield insert_order(merchant_id, order)
    decision = order.document.decision
    assert decision is not None
    yield insert_order_lines(merchant_id, order.order_id, lines_of(order.document.items, decision))
    yield from hold_goods(merchant_id, order, placing.who, ids=ids, at=at)
    yield insert_audit(merchant_id, ids.new("aud"), placing.who, "order-placed", order.order_id, "", at)
    yield keep_answer(merchant_id, key.principal, key.key, order.order_id.encode())
    return None


def ordered_document(items: tuple[SaleItem, ...], codes: tuple[str, ...], decision: Decision) -> OrderDocument:
    """What the order keeps; reasons of offers that were not chosen are left out."""
    chosen = tuple(reason for reason in decision.reasons if reason.outcome == "chosen")
    return OrderDocument(items=items, codes=codes, decision=replace(decision, reasons=chosen))
