"""Orders: what is fetched or brought, for the staff; ordering ahead, for the customer's phone and partners."""

import asyncio
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.goods.stock import Place
from poi_engine.orders.addresses import Address, AddressForm, Telephone, countries, form_of
from poi_engine.orders.ahead import Wished
from poi_engine.orders.counter import LineWish, contact_of
from poi_engine.orders.mending import Mending
from poi_engine.orders.moves import OrderState
from poi_engine.orders.placing import Orderer, Quote
from poi_engine.orders.rows import ContactView
from poi_engine.orders.views import OrderFilter, OrderView
from poi_engine.sales import SaleView
from poi_engine.session import Session
from poi_engine.settings import Ordering
from poi_engine.staff.approvals import allowance_of
from poi_server.http import COUNTER, MANAGER, PHONE, READER, STAFF, Call, Routes
from poi_server.routes.counter import own_session, own_station
from poi_server.sight import note, sale_for, shown_to
from poi_server.views import shown_decision

routes = Routes("orders")

Name = Annotated[str, Meta(max_length=64)]
Day = Annotated[str, Meta(pattern=r"^(\d{4}-\d{2}-\d{2})?\Z")]
Page = Annotated[int, Meta(ge=1, le=200)]


class OrderPage(Struct, frozen=True, kw_only=True):
    """One page of orders, newest first; `next` goes into `after` for the next one."""

    items: tuple[OrderView, ...]
    next: str | None = None


class MoveBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state to move to, and why if it needs a word."""

    state: Literal["preparing", "ready", "on_the_way", "delivered", "cancelled"]
    why: Annotated[str, Meta(max_length=300)] = ""


class PayAt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The station that takes the payment; `ahead`: the goods are handed over later."""

    station_id: Annotated[str, Meta(min_length=1, max_length=64)]
    ahead: bool = False


class TakeBack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes back of an order, wholly or by lines (thousandths), and the place where it arrives."""

    reason: Annotated[str, Meta(min_length=3, max_length=200)]
    lines: Annotated[tuple[ReturnedLine, ...], Meta(min_length=1, max_length=200)] | None = None
    place: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    approval_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    instead: Instead | None = None


class FulfilmentsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lines that are fetched or brought; all others are taken away."""

    lines: Annotated[tuple[LineWish, ...], Meta(max_length=200)]


class ContactBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who it is for, where to bring it, and a word for whoever brings it."""

    address: Address | None = None
    name: Annotated[str, Meta(max_length=120)] = ""
    note: Annotated[str, Meta(max_length=500)] = ""
    phone: Telephone = ""


class ConfirmBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address is right, or it is this one instead."""

    address: Address | None = None


class PartnerOrder(Wished, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order that staff or a partner's app places, for a customer if they are known."""

    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Countries(Struct, frozen=True, kw_only=True):
    """The countries whose formats of addresses are known, ISO 3166-1 alpha-2."""

    items: tuple[str, ...]


class OrderPlaces(Struct, frozen=True, kw_only=True):
    """The stores that take orders, and the rules for them."""

    items: tuple[Place, ...]
    rules: Ordering


# --- at the counter ------------------------------------------------------------------------------------------------


@routes.put(
    "/v1/sessions/{session_id}/fulfilments",
    roles=COUNTER,
    right="orders",
    summary="Say which lines are fetched or brought, and from where",
)
async def set_fulfilments(call: Call, session_id: str, body: FulfilmentsBody) -> Session:
    await own_session(call, session_id)
    return shown_to(call, await call.engine.orders.counter.set_fulfilments(call.merchant_id, session_id, body.lines))


@routes.put(
    "/v1/sessions/{session_id}/contact", roles=COUNTER, right="orders", summary="Who it is for, and where to bring it"
)
async def set_contact(call: Call, session_id: str, body: ContactBody) -> Session:
    await own_session(call, session_id)
    contact = contact_of(body.address, body.name, body.note, body.phone)
    return shown_to(call, await call.engine.orders.counter.set_contact(call.merchant_id, session_id, contact))


@routes.get(
    "/v1/sessions/{session_id}/contact",
    roles=COUNTER,
    right="orders",
    summary="The address entered, or the customer's last one if they have shown who they are",
)
async def get_contact(call: Call, session_id: str) -> ContactView | None:
    await own_session(call, session_id)
    return await call.engine.orders.counter.contact(call.merchant_id, session_id)


@routes.post(
    "/v1/orders/{order_id}/session",
    roles=COUNTER,
    right="take_payment",
    summary="Open the order at a station, to take its payment",
)
async def open_at_station(call: Call, order_id: str, body: PayAt) -> Session:
    station_id = own_station(call, body.station_id)
    session = await call.engine.orders.counter.open_session(call.merchant_id, order_id, station_id, ahead=body.ahead)
    return shown_to(call, session)


# --- the staff's list ----------------------------------------------------------------------------------------------


@routes.get("/v1/orders", roles=COUNTER, right="orders", summary="Orders by state, store and day")
async def list_orders(
    call: Call,
    state: OrderState | None = None,
    open: bool = False,
    store_id: Name = "",
    day: Day = "",
    how: Literal["", "pick_up", "delivery"] = "",
    limit: Page = 50,
    after: Name = "",
) -> OrderPage:
    wanted = OrderFilter(state=state, open=open, store_id=store_id, day=day, how=how)
    return _page(await call.engine.orders.list(call.merchant_id, wanted, limit=limit, after=after), limit)


@routes.get("/v1/orders/{order_id}", roles=COUNTER, right="orders", summary="One order")
async def get_order(call: Call, order_id: str) -> OrderView:
    return _shown(await call.engine.orders.get(call.merchant_id, order_id))


@routes.post(
    "/v1/orders/quote",
    roles=STAFF,
    right="orders",
    summary="What an order would cost somebody on the telephone now, and when it could be ready",
)
async def quote_order(call: Call, body: PartnerOrder) -> Quote:
    """For a customer (`customer_id`) it tells what is on file about them; who asked is audited."""
    if body.customer_id is not None:
        await note(call, "decide-for-customer", body.customer_id, "order")
    return _quoted(await call.engine.orders.ahead.quote(call.merchant_id, body, _orderer(call, body)))


@routes.post(
    "/v1/orders",
    roles=STAFF,
    right="orders",
    scope="orders:write",
    idempotent=True,
    status=201,
    summary="Place an order: staff for somebody on the telephone, or a partner's app",
)
async def place_order(call: Call, body: PartnerOrder) -> OrderView:
    """A partner's unpaid orders are bounded by the settings; its answer tells of the customer what it sent itself."""
    who = _orderer(call, body)
    placed = _shown(await call.engine.orders.ahead.place(call.merchant_id, body, who, key=call.key))
    return _as_sent(placed, body) if who.partner else placed


@routes.patch(
    "/v1/orders/{order_id}",
    roles=COUNTER,
    right="orders",
    summary="Change who an order is for, where to bring it or when, until it has left (audited)",
)
async def mend_order(call: Call, order_id: str, body: Mending) -> OrderView:
    """The customer is asked on their phone to confirm another address."""
    return _shown(await call.engine.orders.mend(call.merchant_id, order_id, body, by=call.by))


@routes.post(
    "/v1/orders/{order_id}/moves", roles=COUNTER, right="orders", summary="Move an order to its next state (audited)"
)
async def move_order(call: Call, order_id: str, body: MoveBody) -> OrderView:
    return _shown(await call.engine.orders.move(call.merchant_id, order_id, body.state, body.why, by=call.by))


@routes.post(
    "/v1/orders/{order_id}/refunds",
    roles=COUNTER,
    right="refund",
    idempotent=True,
    summary="Take an order back, wholly or in part: money, points, limits and goods",
)
async def take_back(call: Call, order_id: str, body: TakeBack) -> SaleView:
    refunding = call.engine.orders.take_back(
        call.merchant_id,
        order_id,
        body.lines,
        body.reason,
        place=body.place,
        key=call.key,
        by=call.by,
        allowance=allowance_of(call.acting, "refund", body.approval_id),
        instead=body.instead,
    )
    return sale_for(call, await asyncio.shield(refunding))


@routes.get("/v1/settings/orders", roles=READER | STAFF, summary="What may be ordered ahead, and how long it waits")
async def ordering(call: Call) -> Ordering:
    return await call.engine.orders.settings(call.merchant_id)


@routes.put("/v1/settings/orders", roles=MANAGER, right="setup", summary="Change what may be ordered ahead")
async def change_ordering(call: Call, body: Ordering) -> Ordering:
    return await call.engine.orders.change_settings(call.merchant_id, body, by=call.by)


# --- addresses -----------------------------------------------------------------------------------------------------


@routes.get("/v1/address-forms", roles=COUNTER | PHONE, summary="The countries whose formats are known")
async def address_countries(call: Call) -> Countries:
    return Countries(items=await asyncio.to_thread(countries))


@routes.get("/v1/address-forms/{country}", roles=COUNTER | PHONE, summary="The fields of a country's addresses")
async def address_form(call: Call, country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]) -> AddressForm:
    return await asyncio.to_thread(form_of, country)


# --- the customer's phone ------------------------------------------------------------------------------------------


@routes.get("/v1/me/order-places", roles=PHONE, summary="The stores where I may order ahead, and the rules")
async def order_places(call: Call) -> OrderPlaces:
    stores = await call.services.setup.stores(call.merchant_id)
    items = tuple(Place(place=store.store_id, name=store.name) for store in stores)
    return OrderPlaces(items=items, rules=await call.engine.orders.settings(call.merchant_id))


@routes.post("/v1/me/orders/quote", roles=PHONE, summary="What an order would cost me now, and when it could be ready")
async def quote(call: Call, body: Wished) -> Quote:
    return _quoted(await call.engine.orders.ahead.quote(call.merchant_id, body, _me(call)))


@routes.post("/v1/me/orders", roles=PHONE, idempotent=True, status=201, summary="Order ahead")
async def order_ahead(call: Call, body: Wished) -> OrderView:
    return _shown(await call.engine.orders.ahead.place(call.merchant_id, body, _me(call), key=call.key))


@routes.get("/v1/me/orders", roles=PHONE, summary="My orders, newest first")
async def my_orders(call: Call, limit: Page = 20, after: Name = "") -> OrderPage:
    me = call.principal.subject_id
    found = await call.engine.orders.list(call.merchant_id, OrderFilter(), limit=limit, after=after, customer_id=me)
    return _page(found, limit)


@routes.get("/v1/me/orders/{order_id}", roles=PHONE, summary="One of my orders")
async def my_order(call: Call, order_id: str) -> OrderView:
    return _shown(await _mine(call, order_id))


@routes.post("/v1/me/orders/{order_id}/cancel", roles=PHONE, summary="Cancel my order, while nobody has begun it")
async def cancel_mine(call: Call, order_id: str) -> OrderView:
    await _mine(call, order_id)
    moved = await call.engine.orders.move(
        call.merchant_id, order_id, "cancelled", "by the customer", by=call.principal, actor="customer"
    )
    return _shown(moved)


@routes.post(
    "/v1/me/orders/{order_id}/confirm-address", roles=PHONE, summary="The address of my order is right, or another one"
)
async def confirm_address(call: Call, order_id: str, body: ConfirmBody) -> OrderView:
    await _mine(call, order_id)
    order = await call.engine.orders.confirm_address(call.merchant_id, order_id, body.address, by=call.principal)
    return _shown(order)


def _orderer(call: Call, body: PartnerOrder) -> Orderer:
    channel = "partner" if call.principal.role == "partner" else "counter"
    return Orderer(by=call.by, channel=channel, customer_id=body.customer_id)


def _me(call: Call) -> Orderer:
    return Orderer(by=call.principal, channel="phone", customer_id=call.principal.subject_id)


async def _mine(call: Call, order_id: str) -> OrderView:
    return await call.engine.orders.owned(call.merchant_id, order_id, call.principal.subject_id)


def _page(items: list[OrderView], limit: int) -> OrderPage:
    return OrderPage(items=tuple(items), next=items[-1].order_id if len(items) == limit else None)


def _as_sent(order: OrderView, sent: PartnerOrder) -> OrderView:
    """A partner's own order: its key may be repeated after the shop or the customer changed the person in it."""
    return replace(order, customer_id=sent.customer_id, name=sent.name.strip(), contact=None)


def _quoted(quote: Quote) -> Quote:
    """Without the offers that were held out."""
    return replace(quote, decision=shown_decision(quote.decision))


def _shown(order: OrderView) -> OrderView:
    """Without the offers that were held out."""
    return replace(order, decision=shown_decision(order.decision) if order.decision else None)
