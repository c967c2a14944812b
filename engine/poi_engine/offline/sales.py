"""Sales that a station made for cash while it could not reach the server, recorded afterwards: each once.

What was sold is sold: a price that has changed since, a floor that was passed, a clock that was wrong or goods that
the stock does not know do not refuse it; the audit names what differed. A payment card's number that was typed in is
kept nowhere.
Nothing is spent by it, and no offer applies but those that a station may give by itself; points are earned by the card
shown.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, json
from msgspec.structs import replace

from poi_engine.basket import MAX_AMOUNT, MAX_QUANTITY, PLAIN_LABEL
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.commit import claim_sale, make_sale, sale_of, visitor
from poi_engine.checkout.frozen import Frozen, impersonal
from poi_engine.checkout.payment import Payment, PaymentDocument, insert_payment
from poi_engine.checkout.records import insert_audit
from poi_engine.checkout.reservation import reserve
from poi_engine.clientele.customers import Customers
from poi_engine.clock import moment
from poi_engine.deciding import situation_of
from poi_engine.errors import Conflict, PoiError, RequestError, StorageError
from poi_engine.facts import read_facts
from poi_engine.goods.products import Product, find_product, line_of
from poi_engine.identify import Identifier, Refused
from poi_engine.offline.booking import Booking, believed, booking_of
from poi_engine.offline.checks import other_prices, who_sold
from poi_engine.offline.fate import checkout_of, settle_fate
from poi_engine.offline.given import as_given, offers_given
from poi_engine.pan import find_pan, refuse_pan
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Identity, Session, SessionState
from poi_engine.settings import Counter, Merchant
from poi_engine.wiring import Wiring
from poi_offers.situation import Basket, SaleItem


class LineOffer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an offer took off a line at the station, minor units."""

    offer_id: Annotated[str, Meta(min_length=1, max_length=64)]
    version: Annotated[int, Meta(ge=1)]
    saved: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]


class OfflineLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line as it was sold: a product's `code` or a plain amount; `unit_price` in minor units, thousandths of it."""

    unit_price: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)] = 1000
    code: Annotated[str, Meta(max_length=64)] = ""
    label: Annotated[str, Meta(max_length=200)] = ""
    offer: LineOffer | None = None


class OfflineSale(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale for cash. `offline_id` is the station's own name for it; `card` the loyalty card that was shown;
    `seller_id`: who was signed in; `from_station`: where it was made, when the device belongs to another one by now."""

    offline_id: Annotated[str, Meta(min_length=16, max_length=64, pattern=r"^[\w-]+\Z")]
    sold_at: Annotated[datetime, Meta(tz=True)]
    lines: Annotated[tuple[OfflineLine, ...], Meta(min_length=1, max_length=200)]
    total: Annotated[int, Meta(ge=0)]
    given: Annotated[int, Meta(ge=0)] | None = None
    card: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    seller_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    from_station: Annotated[str, Meta(pattern=r"^sta_[0-9a-z]{1,60}\Z")] | None = None

    def made_at(self, station_id: str) -> str:
        """The station where it was made."""
        return self.from_station or station_id


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of one: its sale, or why it could not be recorded. `fresh`: it was not known before.

    `differences`: in what it was not as the server has it, in words; the audit has them too.
    """

    offline_id: str
    sale_id: str | None = None
    fresh: bool = False
    code: str = ""
    detail: str = ""
    differences: tuple[str, ...] = ()


class _Card(Struct, frozen=True, kw_only=True):
    """A card that was read without the server: it identifies, and proves nothing."""

    subject: str
    seen_at: float
    scheme: str = "loyalty"
    assurance: str = "identify"
    source: str = "offline"
    evidence: tuple[tuple[str, str], ...] = ()


_FOR_NOW = frozenset({"day-closed", "in-training", "session-busy"})
"""Refusals that pass: the device keeps the sale."""


class _Fits(Exception):
    """It could be recorded; raised to undo that it was."""


def _tried(job: Job[object]) -> Job[None]:
    yield from job
    raise _Fits


class OfflineSales:
    """The service."""

    def __init__(self, wiring: Wiring, offers: OfferBook, customers: Customers) -> None:
        self._w = wiring
        self._offers = offers
        self._identifier = Identifier(wiring, customers)

    async def record(
        self, merchant_id: str, station_id: str, sales: Sequence[OfflineSale], *, by: Principal
    ) -> list[Recorded]:
        """Each in a transaction of its own, the oldest first; one that cannot be recorded does not stop the others."""
        counter = await self._w.places.counter(merchant_id, station_id)
        if counter.training:
            raise Conflict("in-training", "This station is in training; end it first.")
        return [await self._one(merchant_id, counter, sale, by) for sale in sorted(sales, key=lambda one: one.sold_at)]

    async def _one(self, merchant_id: str, counter: Counter, sale: OfflineSale, by: Principal) -> Recorded:
        try:
            found = await self._recorded(merchant_id, counter, sale, by)
        except StorageError:
            raise
        except PoiError as error:
            return Recorded(offline_id=sale.offline_id, code=error.code, detail=error.message)
        sale_id = sale_of(_checkout_of(counter.station_id, sale))
        if found is not None:
            await self._w.screens.sale_committed(merchant_id, counter.store_id, sale_id)
        return Recorded(offline_id=sale.offline_id, sale_id=sale_id, fresh=found is not None, differences=found or ())

    async def _recorded(
        self, merchant_id: str, counter: Counter, sale: OfflineSale, by: Principal
    ) -> tuple[str, ...] | None:
        """In what it differed; None: it was known before."""
        now = self._w.at()
        _check(sale)
        checkout_id = _checkout_of(counter.station_id, sale)
        if await self._w.sql.read(lambda: _known(merchant_id, checkout_id, sale)):
            return None
        await self._w.places.must_count(merchant_id, counter.station_id)
        identity = await self._who(merchant_id, sale)
        merchant = await self._offers.merchant(merchant_id)
        return await self._w.sql.write(lambda: self._record(merchant, counter, sale, identity, by, now))

    def _record(
        self,
        merchant: Merchant,
        counter: Counter,
        sale: OfflineSale,
        identity: Identity | None,
        by: Principal,
        now: int,
    ) -> Job[tuple[str, ...] | None]:
        merchant_id, checkout_id = merchant.merchant_id, _checkout_of(counter.station_id, sale)
        if (yield from _known(merchant_id, checkout_id, sale)):
            return None
        if not (yield from settle_fate(merchant_id, checkout_id, "recorded", now)):
            return None
        booking = yield from booking_of(merchant_id, counter, sale.sold_at, now)
        sold = yield from _sold(merchant, counter, checkout_id, sale, identity, by, booking)
        frozen = sold.frozen
        payment = _payment(self._w.ids.new("pay"), checkout_id, sale, by, booking.at)
        yield from _make(merchant_id, checkout_id, frozen, payment, self._w, booking.at)
        notes = [("offline-sale", _why(sale, frozen, merchant))]
        for act, why in notes + [("offline-difference", difference) for difference in sold.differences]:
            audit_id, subject = self._w.ids.new("aud"), sale_of(checkout_id)
            yield insert_audit(merchant_id, audit_id, by.who, act, subject, why, now, counter.station_id)
        return sold.differences

    async def refusal(self, merchant_id: str, station_id: str, sale: OfflineSale, *, by: Principal) -> PoiError:
        """Why it is refused for good: all of its recording is tried, and undone. Raises `Conflict` `not-refused` when
        it is not."""
        counter, now = await self._w.places.counter(merchant_id, station_id), self._w.at()
        merchant = await self._offers.merchant(merchant_id)
        try:
            _check(sale)
            await self._w.places.must_count(merchant_id, station_id)
            await self._w.sql.write(lambda: _tried(self._record(merchant, counter, sale, None, by, now)))
        except StorageError:
            raise
        except PoiError as error:
            if error.code in _FOR_NOW:
                raise Conflict("not-refused", f"It is not refused for good: {error.message}") from error
            return error
        except _Fits:
            pass
        raise Conflict("not-refused", "The server records this sale, or has done so: send it.")

    async def _who(self, merchant_id: str, sale: OfflineSale) -> Identity | None:
        """Whose card it was; one that nobody knows earns nothing, and stops nothing."""
        if sale.card is None or find_pan(sale.card) is not None:
            return None
        card = _Card(subject=sale.card, seen_at=believed(sale.sold_at, self._w.at()).timestamp())
        programme = (await self._offers.merchant(merchant_id)).programme
        found = await self._identifier.identify(merchant_id, card, pseudonyms=programme.pseudonyms)
        return None if isinstance(found, Refused) else found


def _check(sale: OfflineSale) -> None:
    refuse_pan(sale.offline_id, "$.offline_id")
    refuse_pan(sale.from_station or "", "$.from_station")
    if sale.given is not None and sale.given < sale.total:
        raise RequestError("given-too-little", f"{sale.given} in cash does not pay {sale.total}.", path="$.given")


def _checkout_of(station_id: str, sale: OfflineSale) -> str:
    return checkout_of(sale.made_at(station_id), sale.offline_id)


def _content_of(sale: OfflineSale) -> str:
    """What a repeat is told by from another sale."""
    return hashlib.sha256(json.encode(replace(sale, from_station=None))).hexdigest()


def _known(merchant_id: str, checkout_id: str, sale: OfflineSale) -> Job[bool]:
    """Whether it was recorded before; another sale by the same name is refused."""
    rows = yield Query(
        "select document from payment where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id)
    )
    if rows and json.decode(rows[0]["document"], type=PaymentDocument).key != _content_of(sale):
        raise Conflict("idempotency-mismatch", "Another sale was recorded by this offline_id.", status=422)
    return bool(rows)


class _Sold(Struct, frozen=True, kw_only=True):
    """A sale as an acceptance would have frozen it, and in what it is not as the server has it."""

    frozen: Frozen
    differences: tuple[str, ...]


def _sold(
    merchant: Merchant,
    counter: Counter,
    checkout_id: str,
    sale: OfflineSale,
    identity: Identity | None,
    by: Principal,
    booking: Booking,
) -> Job[_Sold]:
    """The sale with the offers that the station gave, and the programme's points."""
    name, at, sold_at = checkout_id.partition("_")[2], booking.at, booking.sold_at
    items = yield from _items(merchant.merchant_id, counter, sale)
    facts = (yield from read_facts(merchant.merchant_id, identity.customer_id, at)) if identity else None
    session = Session(
        session_id=f"ses_{name}",
        merchant_id=merchant.merchant_id,
        store_id=counter.store_id,
        station_id=counter.station_id,
        opened_at=moment(at),
        basket=Basket(currency=merchant.currency, items=items),
        state=SessionState.PAYING,
        identity=identity,
        facts=facts,
        decision_id=f"dec_{name}",
        checkout_id=checkout_id,
    )
    offers = yield from offers_given(merchant.merchant_id, sale.lines)
    situation = replace(situation_of(session, counter, facts, at), at=sold_at)
    decision, offered = as_given(situation, offers, sale.lines, merchant.programme.policy)
    if decision.total != sale.total:
        raise RequestError("offline-total", f"The lines add up to {decision.total}, not {sale.total}.", path="$.total")
    frozen = impersonal(replace(session, decision=decision))
    made_at = sale.made_at(counter.station_id)
    who, doubts = yield from who_sold(merchant.merchant_id, made_at, sale.seller_id, sold_at, by.who)
    prices = yield from other_prices(merchant.merchant_id, items, sold_at)
    moved = () if made_at == counter.station_id else (f"made at the station {made_at}, recorded at this one",)
    return _Sold(
        frozen=Frozen(session=frozen, place=counter.place, accepted_at=at, accepted_by=who),
        differences=(*booking.notes, *moved, *prices, *offered, *doubts),
    )


def _items(merchant_id: str, counter: Counter, sale: OfflineSale) -> Job[tuple[SaleItem, ...]]:
    """The lines at the prices of then, with what else is known of the products."""
    items = []
    for number, line in enumerate(sale.lines, 1):
        product: Product | None = (yield from find_product(merchant_id, line.code)) if line.code else None
        if product is not None:
            item = replace(line_of(product, str(number), line.quantity), unit_price=line.unit_price)
        else:
            label = next((text for text in (line.label, line.code) if text and find_pan(text) is None), PLAIN_LABEL)
            plain = SaleItem(line_id=str(number), label=label, unit_price=line.unit_price, quantity=line.quantity)
            item = replace(plain, vat_rate=counter.vat_rate)
        items.append(item)
    return tuple(items)


def _payment(payment_id: str, checkout_id: str, sale: OfflineSale, by: Principal, at: int) -> Payment:
    return Payment(
        payment_id=payment_id,
        checkout_id=checkout_id,
        means="cash" if sale.total else "none",
        connector="",
        state="captured",
        amount=sale.total,
        card_scheme=None,
        card_type=None,
        entry_mode=None,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(principal=by.access_id, key=_content_of(sale), given=sale.given),
        created_at=at,
    )


def _make(merchant_id: str, checkout_id: str, frozen: Frozen, payment: Payment, wiring: Wiring, at: int) -> Job[None]:
    """Reserved, paid and sold in one transaction."""
    ids, trace = wiring.ids, wiring.trace
    kept = yield from reserve(merchant_id, checkout_id, frozen, ids=ids, at=at, trace=trace)
    yield insert_payment(merchant_id, payment)
    yield from claim_sale(merchant_id, checkout_id, at, trace)
    person = yield from visitor(merchant_id, kept, at)
    tenders = [payment.tender()]
    yield from make_sale(merchant_id, checkout_id, kept, person, tenders, ids=ids, at=at, trace=trace, late=True)


def _why(sale: OfflineSale, frozen: Frozen, merchant: Merchant) -> str:
    floor = merchant.programme.offline.floor_limit
    above = (f"; above the floor of {floor}" if floor else "; none was allowed") if sale.total > floor else ""
    return f"{sale.total} {frozen.decision.currency} for cash at {sale.sold_at.isoformat()}{above}"
