"""Orders at the counter: which lines are fetched or brought, where to, and the payment of what was placed before."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_engine.checkout.frozen import is_sure
from poi_engine.clientele.customers import Customers
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.goods.stock import CENTRAL, check_place
from poi_engine.identify import identity_of
from poi_engine.orders.addresses import Address, checked, lines_of_address
from poi_engine.orders.fulfilment import Fulfilment, How, still
from poi_engine.orders.moves import OPEN
from poi_engine.orders.rows import (
    Contact,
    ContactView,
    OrderRow,
    find_contact,
    find_order,
    insert_contact,
    last_contact,
)
from poi_engine.ports import Job
from poi_engine.session import ENDED as SESSION_ENDED
from poi_engine.session import Session, must_be_changeable
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring

Text = Annotated[str, Meta(min_length=1, max_length=64)]


class LineWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that is not taken away: fetched at `store_id`, or brought; its goods come from `place`.

    Both are the station's own store unless they are given; goods may come from `central`.
    """

    line_id: Annotated[str, Meta(min_length=1, max_length=32)]
    how: How
    place: Text | None = None
    store_id: Text | None = None


class OrderCounter:
    """The part of the orders' service that works on sessions."""

    def __init__(self, wiring: Wiring, desk: Desk, stations: Stations, customers: Customers) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._customers = customers

    async def set_fulfilments(self, merchant_id: str, session_id: str, wishes: Sequence[LineWish]) -> Session:
        """Say which lines are fetched or brought; all others are taken away. Lines of a placed order stay its own."""
        await self._w.sql.read(lambda: _check_places(merchant_id, wishes))

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            wished = tuple(_wished(session, wish, f"$.lines[{index}]") for index, wish in enumerate(wishes))
            ordered = tuple(one for one in session.fulfilments if one.order_id is not None)
            _distinct((*ordered, *wished))
            kept = still((*ordered, *wished), {item.line_id for item in session.basket.items})
            return replace(session, fulfilments=kept, revision=session.revision + 1)

        return await self._desk.change(merchant_id, session_id, step)

    async def set_contact(self, merchant_id: str, session_id: str, contact: Contact) -> Session:
        """Who it is for and where to bring it, checked by the country's format; kept outside of the session."""
        contact = await asyncio.to_thread(laid_out, contact)
        contact_id, at = self._w.ids.new("con"), self._w.at()
        session = await self._desk.load(merchant_id, session_id)
        must_be_changeable(session)
        customer_id = session.identity.customer_id if session.identity else None

        def job() -> Job[None]:
            yield insert_contact(merchant_id, contact_id, customer_id, contact, at)

        await self._w.sql.write(job)

        async def step(current: Session) -> Session:
            must_be_changeable(current)
            return replace(current, contact_id=contact_id, revision=current.revision + 1)

        return await self._desk.change(merchant_id, session_id, step)

    async def contact(self, merchant_id: str, session_id: str) -> ContactView | None:
        """What was entered in the session; before that, where this customer had something brought to last, if they
        have shown who they are."""
        session = await self._desk.load(merchant_id, session_id)
        entered = await self._w.sql.read(lambda: find_contact(merchant_id, session.contact_id))
        if entered is not None or not is_sure(session.identity, self._w.at()) or session.identity is None:
            return entered
        customer_id = session.identity.customer_id
        return await self._w.sql.read(lambda: last_contact(merchant_id, customer_id))

    async def open_session(self, merchant_id: str, order_id: str, station_id: str, *, ahead: bool = False) -> Session:
        """A session at this station with the order's basket, customer and way: its payment pays the order.

        `ahead`: the goods are handed over later.
        """
        order = await self._w.sql.read(lambda: find_order(merchant_id, order_id))
        open_here = await self._stations.current(merchant_id, station_id)
        if open_here is not None and _is_for(open_here, order_id):
            return open_here
        must_be_payable(order)
        session = await self._stations.open(merchant_id, station_id)
        customer = None
        if order.customer_id is not None:
            customer = await self._customers.get(merchant_id, order.customer_id)

        async def step(current: Session) -> Session:
            if _is_for(current, order_id):
                return current
            _must_be_free(current)
            identity = current.identity
            if customer is not None and (identity is None or identity.customer_id != customer.customer_id):
                known = identity_of(customer, "order", "identify", "order")
                identity = replace(known, unproved=order.channel != "phone")  # others name whomever they like
            basket = replace(current.basket, items=order.document.items, codes=order.document.codes, rewards=())
            return await self._stations.deciding.decided(
                replace(
                    current,
                    basket=basket,
                    identity=identity,
                    fulfilments=_lines_of(order, ahead),
                    contact_id=order.contact_id,
                    channel=order.channel,
                    partner=order.partner,
                    notice=None,
                )
            )

        return await self._desk.change(merchant_id, session.session_id, step)


def laid_out(contact: Contact, path: str = "$.address") -> Contact:
    """The contact with its address as its country writes it. Reads files."""
    if contact.address is None:
        return replace(contact, lines=())
    address = checked(contact.address, path)
    return replace(contact, address=address, name=contact.name or address.name, lines=lines_of_address(address))


def contact_of(address: Address | None, name: str, note: str, phone: str = "") -> Contact:
    """A contact that is not laid out yet."""
    return Contact(name=name.strip(), note=note.strip(), phone=phone.strip(), address=address)


def must_be_payable(order: OrderRow) -> None:
    """Refuse to take money for an order that is paid, being paid, or has ended."""
    if order.paid:
        raise Conflict("order-paid", "This order is paid.")
    if order.state not in OPEN:
        raise Conflict("order-closed", f"This order is {order.state} already.")
    if order.checkout_id is not None:
        raise Conflict("order-being-paid", "This order is being paid at another station.")


def _lines_of(order: OrderRow, ahead: bool) -> tuple[Fulfilment, ...]:
    return tuple(
        Fulfilment(
            line_id=item.line_id,
            how=order.how,
            place=order.place,
            store_id=order.store_id,
            order_id=order.order_id,
            ahead=ahead,
        )
        for item in order.document.items
    )


def _wished(session: Session, wish: LineWish, path: str) -> Fulfilment:
    if all(item.line_id != wish.line_id for item in session.basket.items):
        raise RequestError("unknown-line", "There is no such line in the basket.", path=f"{path}.line_id")
    own = session.store_id
    store_id = wish.store_id if wish.store_id is not None and wish.how == "pick_up" else own
    return Fulfilment(line_id=wish.line_id, how=wish.how, place=wish.place or own, store_id=store_id)


def _distinct(fulfilments: Sequence[Fulfilment]) -> None:
    seen: set[str] = set()
    for one in fulfilments:
        if one.line_id in seen:
            raise RequestError("line-twice", f"The line {one.line_id!r} has a way already.", path="$.lines")
        seen.add(one.line_id)


def _check_places(merchant_id: str, wishes: Sequence[LineWish]) -> Job[None]:
    for index, wish in enumerate(wishes):
        for name, place in (("place", wish.place), ("store_id", wish.store_id)):
            if place is None:
                continue
            if name == "store_id" and place == CENTRAL:
                raise RequestError("no-store", "Nothing is fetched at the central stock.", path=f"$.lines[{index}]")
            try:
                yield from check_place(merchant_id, place)
            except NotFound as error:
                message = "There is no such place."
                raise RequestError("unknown-place", message, path=f"$.lines[{index}].{name}") from error


def _is_for(session: Session, order_id: str) -> bool:
    return session.state not in SESSION_ENDED and any(one.order_id == order_id for one in session.fulfilments)


def _must_be_free(session: Session) -> None:
    must_be_changeable(session)
    if session.basket.items:
        raise Conflict("station-busy", "Somebody is being served at this station; finish or give up that sale first.")
