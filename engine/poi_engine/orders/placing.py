"""Ordering ahead, from the customer's phone, by a partner, or by staff who take a call."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from poi_engine.basket import check_entries, lines_of
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.promise import Key, key_of, promised
from poi_engine.clientele.customers import Customers
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.goods.products import Products
from poi_engine.goods.stock import check_place, gone_meanwhile
from poi_engine.ledger import Insufficient
from poi_engine.orders.ahead import (
    HOUR,
    MINUTE,
    Before,
    Placing,
    Wished,
    check_wished,
    micros_wanted,
    ordered_document,
    place,
)
from poi_engine.orders.ahead import lines_of as priced
from poi_engine.orders.counter import contact_of, laid_out
from poi_engine.orders.news import tell
from poi_engine.orders.rows import Contact, OrderLine, OrderRow
from poi_engine.orders.sale import day_of
from poi_engine.orders.views import OrderView, read_order
from poi_engine.ports import Job
from poi_engine.principal import Principal
from poi_engine.settings import Merchant, Ordering, read_merchant
from poi_engine.wiring import Wiring
from poi_offers.decision import Decision
from poi_offers.situation import Basket, SaleItem, Situation

_TRIES = 3


class Orderer(Struct, frozen=True, kw_only=True):
    """For whom, and by which channel: `counter` (staff), `phone` or `partner`."""

    by: Principal
    channel: str
    customer_id: str | None = None

    @property
    def partner(self) -> str | None:
        """The partner's id."""
        return self.by.subject_id if self.channel == "partner" else None


class Quote(Struct, frozen=True, kw_only=True):
    """What an order would cost now (minor units), and the earliest time it can be there (microseconds since 1970)."""

    items: tuple[SaleItem, ...]
    lines: tuple[OrderLine, ...]
    decision: Decision
    ready_at: int


class OrderPlacing:
    """The part of the orders' service that takes orders ahead."""

    def __init__(self, wiring: Wiring, offers: OfferBook, customers: Customers, products: Products) -> None:
        self._w = wiring
        self._offers = offers
        self._customers = customers
        self._products = products

    async def quote(self, merchant_id: str, wished: Wished, who: Orderer) -> Quote:
        """The decision that the counter would make, and what the order's lines come to."""
        merchant = await self._w.sql.read(lambda: read_merchant(merchant_id))
        at = self._w.at()
        _must_be_open(merchant.programme.orders, who)
        items = await self._items(merchant_id, wished)
        decision = await self._decide(merchant, wished, items, who, at)
        ready_at = at + merchant.programme.orders.lead_minutes * MINUTE
        return Quote(items=items, lines=tuple(priced(items, decision)), decision=decision, ready_at=ready_at)

    async def place(self, merchant_id: str, wished: Wished, who: Orderer, *, key: str) -> OrderView:
        """Place an order; repeating the key answers the same order."""
        asked = key_of(who.by, key, "order", repr(wished), who.customer_id or "")
        before = await self._w.sql.read(lambda: promised(merchant_id, asked))
        if before is not None:  # whatever the time is by now, and whether the shop still takes orders
            return await self._w.sql.read(lambda: read_order(merchant_id, before.subject))
        return await self._place(merchant_id, wished, who, asked)

    async def _place(self, merchant_id: str, wished: Wished, who: Orderer, asked: Key) -> OrderView:
        merchant = await self._w.sql.read(lambda: read_merchant(merchant_id))
        rules, at = merchant.programme.orders, self._w.at()
        _must_be_open(rules, who)
        wanted_at = at + rules.lead_minutes * MINUTE if wished.wanted_at is None else micros_wanted(wished.wanted_at)
        check_wished(wished, rules, at, wanted_at)
        contact = await asyncio.to_thread(laid_out, contact_of(wished.address, wished.name, wished.note, wished.phone))
        has_contact = contact != Contact()
        order = await self._order(merchant, wished, who, wanted_at, has_contact, at)
        placing = Placing(order=order, contact=contact if has_contact else None, who=who.by.who)

        def job() -> Job[Before | None]:
            yield from _check_source(merchant_id, order.place)
            return (yield from place(merchant_id, placing, rules, asked, ids=self._w.ids, at=at))

        before = await self._write(job)
        self._w.trace("order.placed")
        order_id = before.order_id if before is not None else order.order_id
        await tell(self._w, merchant_id, [order_id])
        return await self._w.sql.read(lambda: read_order(merchant_id, order_id))

    async def _order(
        self, merchant: Merchant, wished: Wished, who: Orderer, wanted_at: int, has_contact: bool, at: int
    ) -> OrderRow:
        merchant_id = merchant.merchant_id
        items = await self._items(merchant_id, wished)
        decision = await self._decide(merchant, wished, items, who, at)
        zone = (await self._w.places.place(merchant_id, wished.store_id)).zone
        return OrderRow(
            order_id=self._w.ids.new("ord"),
            state="placed",
            how=wished.how,
            place=wished.place or wished.store_id,
            store_id=wished.store_id,
            customer_id=who.customer_id,
            contact_id=self._w.ids.new("con") if has_contact else None,
            channel=who.channel,
            partner=who.partner,
            currency=merchant.currency,
            total=decision.total,
            wanted_at=wanted_at,
            day=day_of(wanted_at, zone),
            hold_until=wanted_at + merchant.programme.orders.hold_hours * HOUR,
            document=ordered_document(items, wished.codes, decision),
            created_at=at,
            changed_at=at,
        )

    async def _items(self, merchant_id: str, wished: Wished) -> tuple[SaleItem, ...]:
        check_entries(wished.entries)
        codes = {entry.code for entry in wished.entries if entry.code}
        found = {code: await self._products.find(merchant_id, code) for code in codes}
        products = {code: product for code, product in found.items() if product is not None and product.active}
        return lines_of(wished.entries, products, 0)

    async def _decide(
        self, merchant: Merchant, wished: Wished, items: tuple[SaleItem, ...], who: Orderer, at: int
    ) -> Decision:
        merchant_id, facts = merchant.merchant_id, None
        if who.customer_id is not None:
            facts = await self._customers.facts(merchant_id, who.customer_id, at)
        situation = Situation(
            at=moment(at),
            place=await self._w.places.place(merchant_id, wished.store_id),
            basket=Basket(currency=merchant.currency, items=items, codes=wished.codes),
            customer=facts,
            channel=who.channel,  # type: ignore[arg-type]  # one of the three
            partner=who.partner,
        )
        return await self._offers.decide(merchant_id, situation)

    async def _write(self, job: Callable[[], Job[Before | None]]) -> Before | None:
        """Another till that takes the goods in the same moment makes it look again."""
        for _ in range(_TRIES - 1):
            try:
                return await self._w.sql.write(job)
            except Insufficient:
                continue
        try:
            return await self._w.sql.write(job)
        except Insufficient as error:
            raise gone_meanwhile(error) from error


def _must_be_open(rules: Ordering, who: Orderer) -> None:
    if who.channel != "counter" and not rules.open:
        raise Conflict("orders-closed", "This shop takes no orders ahead.")


def _check_source(merchant_id: str, place_name: str) -> Job[None]:
    try:
        yield from check_place(merchant_id, place_name)
    except NotFound as error:
        raise RequestError("unknown-place", "There is no such place.", path="$.place") from error
