"""What staff mend of an order that has not left: the person in it, where to bring it, and when.

In the caller's transaction.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, json
from msgspec.structs import replace

from poi_engine.clock import micros_of
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.orders.addresses import Address, Telephone
from poi_engine.orders.ahead import DAY, HOUR
from poi_engine.orders.contact import must_be_here
from poi_engine.orders.rows import Contact, OrderRow, find_contact, insert_contact, keep_contact
from poi_engine.orders.sale import day_of
from poi_engine.ports import Job, Query
from poi_engine.settings import Ordering


class Mending(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes of an order; what is left out stays. An empty text takes the old one away."""

    address: Address | None = None
    name: Annotated[str, Meta(max_length=120)] | None = None
    note: Annotated[str, Meta(max_length=500)] | None = None
    phone: Telephone | None = None
    wanted_at: datetime | None = None

    @property
    def changes(self) -> str:
        """The names of what changes, for the audit: never what it says."""
        return " ".join(name for name in self.__struct_fields__ if getattr(self, name) is not None)


class Mended(Struct, frozen=True, kw_only=True):
    """A mending, its address laid out as the country writes it, its time in microseconds since 1970."""

    said: Mending
    address: Contact
    wanted_at: int | None = None


def check_mending(said: Mending, rules: Ordering, wanted_at: int | None, at: int) -> None:
    """Refuse what changes nothing, and times that are past or too far ahead."""
    if not said.changes:
        raise RequestError("nothing-to-mend", "Say what is to be changed.", path="$")
    if wanted_at is None:
        return
    if wanted_at < at:
        raise RequestError("too-soon", "That time is past; choose a later one.", path="$.wanted_at")
    if wanted_at > at + rules.days_ahead * DAY:
        message = f"Orders are taken {rules.days_ahead} days ahead; choose an earlier time."
        raise RequestError("too-late", message, path="$.wanted_at")


def mend(
    merchant_id: str, order: OrderRow, mended: Mended, rules: Ordering, zone: str, *, ids: Ids, at: int
) -> Job[None]:
    """Change a locked order. Another address has to be confirmed by the customer again."""
    must_be_here(order)
    said = mended.said
    if (said.address, said.name, said.note, said.phone) != (None, None, None, None):
        yield from _mend_contact(merchant_id, order, mended, ids, at)
    if mended.wanted_at is not None:
        hold_until = None if order.hold_until is None else mended.wanted_at + rules.hold_hours * HOUR
        yield Query(
            "update orders set wanted_at = ?, day = ?, hold_until = ? where merchant_id = ? and order_id = ?",
            (mended.wanted_at, day_of(mended.wanted_at, zone), hold_until, merchant_id, order.order_id),
        )
    yield Query(
        "update orders set changed_at = ? where merchant_id = ? and order_id = ?", (at, merchant_id, order.order_id)
    )


def _mend_contact(merchant_id: str, order: OrderRow, mended: Mended, ids: Ids, at: int) -> Job[None]:
    view = yield from find_contact(merchant_id, order.contact_id)
    before = view.contact if view else Contact()
    after = _changed(before, mended)
    contact_id = order.contact_id
    if view is None or (yield from _is_shared(merchant_id, order)):
        contact_id = yield from _own_contact(merchant_id, order, after, ids, at)
    confirmed = view.confirmed_at if view is not None and after.address == before.address else None
    yield Query(
        "update order_contact set document = ?, confirmed_at = ? where merchant_id = ? and contact_id = ?",
        (json.encode(after).decode(), micros_of(confirmed) if confirmed else None, merchant_id, contact_id),
    )


def _changed(before: Contact, mended: Mended) -> Contact:
    said = mended.said
    given = {name: getattr(said, name) for name in ("name", "note", "phone")}
    after = replace(before, **{name: text.strip() for name, text in given.items() if text is not None})
    if said.address is None:
        return after
    laid = mended.address
    return replace(after, address=laid.address, lines=laid.lines, name=after.name or laid.name)


def _is_shared(merchant_id: str, order: OrderRow) -> Job[bool]:
    """One sale may have made several orders for the same person; another's parcel stays as it is."""
    rows = yield Query(
        "select 1 as one from orders where merchant_id = ? and contact_id = ? and order_id <> ? limit 1",
        (merchant_id, order.contact_id, order.order_id),
    )
    return bool(rows)


def _own_contact(merchant_id: str, order: OrderRow, contact: Contact, ids: Ids, at: int) -> Job[str]:
    contact_id = ids.new("con")
    yield insert_contact(merchant_id, contact_id, order.customer_id, contact, at)
    yield from keep_contact(merchant_id, contact_id, order.customer_id)
    yield Query(
        "update orders set contact_id = ? where merchant_id = ? and order_id = ?",
        (contact_id, merchant_id, order.order_id),
    )
    return contact_id
