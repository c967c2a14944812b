"""What customers say of the person in their order, in the caller's transaction."""

from msgspec import json
from msgspec.structs import replace

from poi_engine.errors import Conflict
from poi_engine.orders.moves import ENDED
from poi_engine.orders.rows import Contact, OrderRow, find_contact
from poi_engine.ports import Job, Query


def change_address(merchant_id: str, order: OrderRow, contact: Contact) -> Job[None]:
    """Another address, as long as the goods have not left; name and note stay unless they are given."""
    must_be_here(order)
    view = yield from find_contact(merchant_id, order.contact_id)
    if view is None:
        raise Conflict("address-gone", "This order has no address any more.")
    changed = replace(view.contact, address=contact.address, lines=contact.lines, name=contact.name)
    yield Query(
        "update order_contact set document = ? where merchant_id = ? and contact_id = ?",
        (json.encode(changed).decode(), merchant_id, order.contact_id),
    )


def confirm(merchant_id: str, order: OrderRow, at: int) -> Job[None]:
    """The customer has seen the address and it is right."""
    must_be_here(order)
    view = yield from find_contact(merchant_id, order.contact_id)
    if view is None or view.contact.address is None:
        raise Conflict("address-gone", "This order has no address to confirm.")
    yield Query(
        "update order_contact set confirmed_at = ? where merchant_id = ? and contact_id = ?",
        (at, merchant_id, order.contact_id),
    )


def must_be_here(order: OrderRow) -> None:
    """Refuse a change of what has left."""
    if order.state == "on_the_way" or order.state in ENDED:
        raise Conflict("order-left", f"This order is {order.state} already.")
