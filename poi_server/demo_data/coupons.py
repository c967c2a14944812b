"""The data set's campaigns and coupons as offers, and two paused offers that name the discounts of past sales."""

from collections.abc import Mapping
from datetime import timedelta
from statistics import median_low
from typing import Literal

from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import All, Bundle, BundleItem, Condition, Dates, InSegment, Subtotal
from poi_offers.offer_effects import AmountOff, Message, PercentOff
from poi_offers.offer_parts import Selector
from poi_server.demo_data.goods import category_of, code_of
from poi_server.demo_data.journey import Article, Campaign, Coupon

CARD_PRICE = "off_cj_card_price"
OTHER_COUPON = "off_cj_other_coupon"
USUAL_AMOUNT = 100
"""Minor units off by a coupon that nobody used in the data."""

_MOST = 500  # products or categories a selector takes
_WIDE_PERCENT = 1000


def segment_of(campaign_id: int) -> str:
    """The segment of the households that got the campaign."""
    return f"campaign-{campaign_id}"


def offer_id_of(upc: int, campaign_id: int) -> str:
    """The offer of a coupon."""
    return f"off_cj_{campaign_id}_{upc}"


def past_offers(currency: str) -> list[Offer]:
    """What past sales took off without a coupon that is known; they give nothing now."""
    told = Message(text={"fr": "Remise d'une vente passée", "en": "Discount of a past sale"})
    names: dict[str, dict[Literal["fr", "en"], str]] = {
        CARD_PRICE: {"fr": "Prix de la carte de fidélité", "en": "Loyalty card price"},
        OTHER_COUPON: {"fr": "Bon de réduction d'un fabricant", "en": "Manufacturer's coupon"},
    }
    return [Offer(offer_id=key, name=name, currency=currency, effects=(told,)) for key, name in names.items()]


def coupon_offer(
    coupon: Coupon, campaign: Campaign, articles: Mapping[int, Article], currency: str, shift: timedelta
) -> Offer:
    """A coupon as an offer to its campaign's households on its days, `shift` later than in the data, once each."""
    items = _items(coupon, articles)
    amount = max(1, median_low(coupon.amounts)) if coupon.amounts else USUAL_AMOUNT
    what = articles[coupon.products[0]]
    thing = (what.category or what.department or "article").capitalize()[:60]
    needed: Condition
    if campaign.kind == "Type A" or not items.products:
        needed = Bundle(of=(BundleItem(items=items),))
    else:
        needed = Subtotal(min=amount, items=items)
    return Offer(
        offer_id=offer_id_of(coupon.upc, coupon.campaign_id),
        name={
            "fr": f"Bon {thing}, campagne {campaign.campaign_id}",
            "en": f"{thing} coupon, campaign {campaign.campaign_id}",
        },
        currency=currency,
        conditions=All(
            of=(
                Dates(first=campaign.first + shift, last=campaign.last + shift),
                InSegment(any_of=(segment_of(campaign.campaign_id),)),
                needed,
            )
        ),
        effects=(_effect(items, amount),),
        limits=(Limit(of="uses", cap=1, per="customer"),),
    )


def _effect(items: Selector, amount: int) -> AmountOff | PercentOff:
    """An amount off what the coupon names; a share of whole categories, at most five times the amount."""
    if items.products:
        return AmountOff(amount=amount, items=items)
    return PercentOff(percent=_WIDE_PERCENT, items=items, cap=5 * amount)


def _items(coupon: Coupon, articles: Mapping[int, Article]) -> Selector:
    """The coupon's products; one that is good for very many names their categories."""
    if len(coupon.products) <= _MOST:
        return Selector(products=tuple(code_of(product_id) for product_id in coupon.products))
    paths = (category_of(articles[product_id]) for product_id in coupon.products)
    found = {"/".join(path.split("/")[:2]) for path in paths}
    return Selector(categories=tuple(sorted(path for path in found if path)[:_MOST]))
