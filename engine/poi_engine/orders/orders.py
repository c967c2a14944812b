"""Orders: read, moved by the table, taken back by a refund, cancelled when nobody comes."""

import asyncio
from collections.abc import Sequence

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.at_risk import Instead
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.clientele.customers import Customers
from poi_engine.clientele.rows import living
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, NotFound, PoiError
from poi_engine.goods.products import Products
from poi_engine.orders.addresses import Address
from poi_engine.orders.ahead import micros_wanted
from poi_engine.orders.contact import change_address, confirm
from poi_engine.orders.counter import OrderCounter, contact_of, laid_out
from poi_engine.orders.holds import cancel, ended
from poi_engine.orders.mending import Mended, Mending, check_mending, mend
from poi_engine.orders.moves import ENDED, Actor, OrderState, check_move
from poi_engine.orders.news import tell
from poi_engine.orders.placing import OrderPlacing
from poi_engine.orders.rows import OrderRow, delete_ended_contacts, find_order, lock_order, set_state
from poi_engine.orders.views import OrderFilter, OrderView, read_order, read_orders
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.sales import SaleView
from poi_engine.settings import Ordering, read_merchant, write_setting
from poi_engine.staff.approvals import Allowance
from poi_engine.stations import Stations
from poi_engine.wiring import Wiring

_SWEPT = 200


class Orders:
    """The orders' service; `ahead` takes orders, `counter` works on sessions."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        stations: Stations,
        offers: OfferBook,
        customers: Customers,
        products: Products,
        refunds: Refunds,
    ) -> None:
        self._w = wiring
        self._refunds = refunds
        self.ahead = OrderPlacing(wiring, offers, customers, products)
        self.counter = OrderCounter(wiring, desk, stations, customers)

    async def get(self, merchant_id: str, order_id: str) -> OrderView:
        """An order."""
        return await self._w.sql.read(lambda: read_order(merchant_id, order_id))

    async def list(
        self, merchant_id: str, wanted: OrderFilter, *, limit: int = 50, after: str = "", customer_id: str = ""
    ) -> list[OrderView]:
        """A page, newest first; `customer_id` narrows it to one person's, under every id they ever had."""

        def job() -> Job[list[OrderView]]:
            family = (yield from living(merchant_id, customer_id)).family if customer_id else ()
            narrowed = OrderFilter(
                state=wanted.state,
                open=wanted.open,
                store_id=wanted.store_id,
                day=wanted.day,
                how=wanted.how,
                customers=family,
            )
            return (yield from read_orders(merchant_id, narrowed, limit, after))

        return await self._w.sql.read(job)

    async def move(
        self, merchant_id: str, order_id: str, state: OrderState, why: str, *, by: Principal, actor: Actor = "staff"
    ) -> OrderView:
        """Move an order by the table; a second time it is there already. Audited, and told to the screens."""
        at = self._w.at()

        def job() -> Job[None]:
            order = yield from lock_order(merchant_id, order_id)
            if order.state == state:
                return
            check_move(order.state, state, actor, how=order.how, paid=order.paid)
            yield from self._moved(merchant_id, order, state, at)
            audit_id, act = self._w.ids.new("aud"), f"order-{state}"
            yield insert_audit(merchant_id, audit_id, by.who, act, order_id, why, at, by.station_id)

        await self._w.sql.write(job)
        self._w.trace("order.moved")
        await tell(self._w, merchant_id, [order_id])
        return await self.get(merchant_id, order_id)

    def _moved(self, merchant_id: str, order: OrderRow, state: OrderState, at: int) -> Job[None]:
        if state == "cancelled":
            yield from cancel(merchant_id, order, ids=self._w.ids, at=at)
            return
        if order.checkout_id is not None:
            raise Conflict("order-being-paid", "This order is being paid; wait for the payment's end.")
        yield set_state(merchant_id, order.order_id, state, at)
        if state in ENDED:
            yield from ended(merchant_id, order, at)

    async def take_back(
        self,
        merchant_id: str,
        order_id: str,
        lines: Sequence[ReturnedLine] | None,
        reason: str,
        *,
        place: str | None,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
        instead: Instead | None = None,
    ) -> SaleView:
        """Refund a paid order, wholly or in part (see `Refunds.refund`); the goods arrive at `place`, by default where
        they came from."""
        order = await self._w.sql.read(lambda: find_order(merchant_id, order_id))
        if order.sale_id is None:
            raise Conflict("order-unpaid", "This order is not paid; cancel it.")
        return await self._refunds.refund(
            merchant_id,
            order.sale_id,
            lines,
            reason,
            key=key,
            by=by,
            allowance=allowance,
            place=place or order.place,
            order_id=order_id,
            instead=instead,
        )

    async def confirm_address(
        self, merchant_id: str, order_id: str, address: Address | None, *, by: Principal
    ) -> OrderView:
        """The customer confirms, on their own phone, where it is to be brought; or says where instead."""
        at = self._w.at()
        contact = None
        if address is not None:
            contact = await asyncio.to_thread(laid_out, contact_of(address, "", ""))

        def job() -> Job[None]:
            order = yield from lock_order(merchant_id, order_id)
            if contact is not None:
                yield from change_address(merchant_id, order, contact)
            yield from confirm(merchant_id, order, at)
            audit_id = self._w.ids.new("aud")
            yield insert_audit(merchant_id, audit_id, by.who, "confirm-address", order_id, "", at)

        await self._w.sql.write(job)
        await tell(self._w, merchant_id, [order_id])
        return await self.get(merchant_id, order_id)

    async def mend(self, merchant_id: str, order_id: str, said: Mending, *, by: Principal) -> OrderView:
        """Staff change who it is for, where to bring it, or when, until it has left. Audited, without what it says."""
        at, rules = self._w.at(), await self.settings(merchant_id)
        wanted_at = micros_wanted(said.wanted_at) if said.wanted_at is not None else None
        check_mending(said, rules, wanted_at, at)
        laid = await asyncio.to_thread(laid_out, contact_of(said.address, "", ""))
        mended = Mended(said=said, address=laid, wanted_at=wanted_at)
        store_id = (await self.get(merchant_id, order_id)).store_id
        zone = (await self._w.places.place(merchant_id, store_id)).zone

        def job() -> Job[None]:
            order = yield from lock_order(merchant_id, order_id)
            yield from mend(merchant_id, order, mended, rules, zone, ids=self._w.ids, at=at)
            audit_id = self._w.ids.new("aud")
            yield insert_audit(merchant_id, audit_id, by.who, "mend-order", order_id, said.changes, at, by.station_id)

        await self._w.sql.write(job)
        await tell(self._w, merchant_id, [order_id])
        return await self.get(merchant_id, order_id)

    async def owned(self, merchant_id: str, order_id: str, customer_id: str) -> OrderView:
        """An order, if it is this customer's."""
        order = await self.get(merchant_id, order_id)

        def job() -> Job[bool]:
            family = (yield from living(merchant_id, customer_id)).family
            return order.customer_id in family

        if order.customer_id is None or not await self._w.sql.read(job):
            raise NotFound("order", order_id)
        return order

    async def settings(self, merchant_id: str) -> Ordering:
        """What may be ordered ahead, and how long it waits."""
        return (await self._w.sql.read(lambda: read_merchant(merchant_id))).programme.orders

    async def change_settings(self, merchant_id: str, rules: Ordering, *, by: Principal) -> Ordering:
        """Change that; audited."""
        at, audit_id = self._w.at(), self._w.ids.new("aud")

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "orders", rules)
            yield insert_audit(merchant_id, audit_id, by.who, "change-orders", merchant_id, "", at, by.station_id)

        await self._w.sql.write(job)
        return rules

    async def round(self) -> int:
        """Cancel what nobody came for, and forget the people of orders that ended; returns how many were cancelled."""
        done, at = 0, self._w.at()
        for merchant_id, order_id in await self._w.sql.read(lambda: _overdue(at)):
            try:
                done += await self._expire(merchant_id, order_id)
            except PoiError:  # it is being paid, or moved on: the next round looks again
                continue
        for merchant_id in await self._w.sql.read(_merchants):
            await self._w.sql.write(lambda merchant_id=merchant_id: delete_ended_contacts(merchant_id, at))  # type: ignore[misc]
        return done

    async def _expire(self, merchant_id: str, order_id: str) -> int:
        at = self._w.at()

        def job() -> Job[int]:
            order = yield from lock_order(merchant_id, order_id)
            if order.paid or order.hold_until is None or order.hold_until >= at:
                return 0
            check_move(order.state, "cancelled", "time", how=order.how, paid=False)
            yield from cancel(merchant_id, order, ids=self._w.ids, at=at)
            why = "nobody came for it"
            yield insert_audit(merchant_id, self._w.ids.new("aud"), "engine", "order-cancelled", order_id, why, at)
            return 1

        done = await self._w.sql.write(job)
        self._w.trace("order.expired")
        await tell(self._w, merchant_id, [order_id])
        return done


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]


def _overdue(at: int) -> Job[list[tuple[str, str]]]:
    """Unpaid orders whose goods have waited long enough; what is on its way is not cancelled by time."""
    found = []
    for merchant_id in (yield from _merchants()):
        rows = yield Query(
            "select order_id from orders where merchant_id = ? and hold_until < ? and state <> 'on_the_way' "
            "and checkout_id is null limit ?",
            (merchant_id, at, _SWEPT),
        )
        found += [(merchant_id, row["order_id"]) for row in rows]
    return found
