"""One basket of the data set as an accepted checkout of ours: lines, discounts, customer, payment. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from poi_engine.checkout.entries import Tender
from poi_engine.checkout.frozen import Frozen
from poi_engine.clock import micros_of, moment
from poi_engine.ids import Ids
from poi_engine.session import Identity, Session, SessionState
from poi_engine.settings import Counter
from poi_offers.decision import Adjustment, ChosenOffer, Decision
from poi_offers.model import Offer
from poi_offers.money import allocate
from poi_offers.points import base_points
from poi_offers.policy import Policy
from poi_offers.situation import Basket, PaymentFacts, SaleItem
from poi_server.demo_data.coupons import CARD_PRICE, OTHER_COUPON, offer_id_of
from poi_server.demo_data.journey import Coupon, Purchase, Visit
from poi_server.demo_data.past import SOURCE, Past

CARDS = (
    PaymentFacts(scheme="cb", card_type="debit", entry_mode="contactless"),
    PaymentFacts(scheme="cb", card_type="debit", entry_mode="chip"),
    PaymentFacts(scheme="visa", card_type="credit", entry_mode="contactless"),
    PaymentFacts(scheme="mastercard", card_type="debit", entry_mode="phone"),
    PaymentFacts(scheme="mastercard", card_type="credit", entry_mode="chip"),
    PaymentFacts(scheme="amex", card_type="credit", entry_mode="phone"),
)
"""The data has no means of payment: a household always pays by the same of these, or in cash."""
_CASH_ONE_IN = 5
_BULK = 100
"""Quantities above are measures of fuel, not pieces."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What the baskets are translated with. `shift`: from the data's days to ours."""

    merchant_id: str
    currency: str
    policy: Policy
    shift: timedelta
    counters: Mapping[int, Counter]
    customers: Mapping[int, str]
    goods: Mapping[int, SaleItem]
    coupons: Mapping[tuple[int, int], Coupon]
    offers: Mapping[str, Offer]


def past_of(visit: Visit, redeemed: tuple[tuple[int, int], ...], shop: Shop) -> Past | None:
    """The sale of a basket; None when nothing in it had a price. `redeemed`: the coupons used on that day."""
    counter = shop.counters[visit.shop]
    at = micros_of((visit.at + shop.shift).replace(tzinfo=ZoneInfo(counter.place.zone)))
    items, adjustments = _lines(visit, redeemed, shop)
    if not items:
        return None
    ids = _ids(visit.basket_id, at)
    checkout_id = ids.new("chk")
    decision = _decision(items, adjustments, shop)
    session = Session(
        session_id=ids.new("ses"),
        merchant_id=shop.merchant_id,
        store_id=counter.store_id,
        station_id=counter.station_id,
        opened_at=moment(at),
        basket=Basket(currency=shop.currency, items=tuple(items)),
        state=SessionState.PAYING,
        identity=_identity(shop.customers[visit.household]),
        decision_id=ids.new("dec"),
        decision=decision,
        checkout_id=checkout_id,
    )
    frozen = Frozen(session=session, place=counter.place, accepted_at=at, accepted_by=f"station:{counter.station_id}")
    return Past(checkout_id, frozen, _tender(visit.household, decision.total, ids), at)


def _ids(basket_id: int, at: int) -> Ids:
    """Ids that are the same each time the basket is read, sorted by the sale's time."""
    digest = hashlib.blake2b(str(basket_id).encode(), digest_size=16).digest()
    bits = int.from_bytes(digest, "big")
    return Ids(lambda: at / 1_000_000, lambda count: bits & ((1 << count) - 1))


def _identity(customer_id: str) -> Identity:
    return Identity(
        customer_id=customer_id,
        display_name="",
        pseudonym=True,
        scheme="loyalty",
        assurance="identify",
        source=SOURCE,
    )


def _tender(household: int, total: int, ids: Ids) -> Tender:
    payment_id = ids.new("pay")
    if household % _CASH_ONE_IN == 0 or not total:
        return Tender(means="cash", amount=total, payment_id=payment_id, entry_mode="cash")
    card = CARDS[household // _CASH_ONE_IN % len(CARDS)]
    return Tender(
        means="card",
        amount=total,
        payment_id=payment_id,
        card_scheme=card.scheme,
        card_type=card.card_type,
        entry_mode=card.entry_mode,
    )


# --- lines and discounts -------------------------------------------------------------------------------------------


def _lines(visit: Visit, redeemed: tuple[tuple[int, int], ...], shop: Shop) -> tuple[list[SaleItem], list[Adjustment]]:
    items: list[SaleItem] = []
    adjustments: list[Adjustment] = []
    for purchase in visit.purchases:
        made = list(_items(purchase, shop.goods[purchase.product_id], len(items) + 1))
        adjustments += _discounts(purchase, made, _coupon(purchase, redeemed, shop))
        items += made
    return items, adjustments


def _items(purchase: Purchase, article: SaleItem, number: int) -> Iterator[SaleItem]:
    """The purchase at its shelf price: one line, or two a minor unit apart when the price does not divide evenly."""
    amount = purchase.received + purchase.card_price + purchase.match
    pieces = 1 if purchase.quantity > _BULK else purchase.quantity
    price, dearer = divmod(amount, pieces)
    for count, each in ((pieces - dearer, price), (dearer, price + 1)):
        if count and each:
            yield _line(article, str(number), count * 1000, each)
            number += 1


def _line(article: SaleItem, line_id: str, quantity: int, price: int) -> SaleItem:
    return SaleItem(
        line_id=line_id,
        label=article.label,
        unit_price=price,
        quantity=quantity,
        code=article.code,
        category=article.category,
        brand=article.brand,
        vat_rate=article.vat_rate,
    )


def _discounts(purchase: Purchase, items: list[SaleItem], coupon_offer: str) -> Iterator[Adjustment]:
    """The loyalty card's price, then the coupon, each shared over the purchase's lines."""
    left = [item.amount for item in items]
    coupon = min(purchase.coupon, purchase.received) + purchase.match
    for offer_id, off in ((CARD_PRICE, purchase.card_price), (coupon_offer, coupon)):
        for index, share in enumerate(allocate(min(off, sum(left)), left)):
            left[index] -= share
            if share:
                yield Adjustment(offer_id=offer_id, line_id=items[index].line_id, amount=share)


def _coupon(purchase: Purchase, redeemed: tuple[tuple[int, int], ...], shop: Shop) -> str:
    """The offer of the coupon that was used on this product that day, as far as the data says."""
    for upc, campaign_id in redeemed:
        coupon = shop.coupons.get((upc, campaign_id))
        if coupon is not None and purchase.product_id in coupon.products:
            return offer_id_of(upc, campaign_id)
    return OTHER_COUPON


def _decision(items: list[SaleItem], adjustments: list[Adjustment], shop: Shop) -> Decision:
    saved: defaultdict[str, int] = defaultdict(int)
    for adjustment in adjustments:
        saved[adjustment.offer_id] += adjustment.amount
    subtotal = sum(item.amount for item in items)
    total = subtotal - sum(saved.values())
    return Decision(
        currency=shop.currency,
        subtotal=subtotal,
        saved=subtotal - total,
        total=total,
        value=subtotal - total,
        offers=tuple(_chosen(shop.offers[offer_id], saved[offer_id]) for offer_id in sorted(saved)),
        adjustments=tuple(adjustments),
        base_points=base_points(total, shop.policy),
    )


def _chosen(offer: Offer, saved: int) -> ChosenOffer:
    return ChosenOffer(
        offer_id=offer.offer_id, version=offer.version, name=dict(offer.name.items()), saved=saved, value=saved
    )
