"""The offers of the simulated shop: every kind of limit, reward, coupon and award meets in them."""

from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_conditions import CardScheme, InSegment, Subtotal
from poi_offers.offer_effects import AmountOff, Cashback, NextVisitCoupon, PercentOff, PointsFixed, PointsMultiplier
from poi_offers.offer_parts import Selector

REWARD = "off_reward"


def _offer(offer_id: str, *effects: object, **changes: object) -> Offer:
    return Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", effects=effects, **changes)  # type: ignore[arg-type]


OFFERS = (
    _offer(
        "off_uses", PercentOff(percent=1000), limits=(Limit(of="uses", cap=400), Limit(of="uses", cap=25, period="day"))
    ),
    _offer(
        "off_money",
        PercentOff(percent=700, items=Selector(categories=("food",))),
        limits=(Limit(of="money", cap=3_000, period="day"),),
        stacking=Stacking(priority=5),
    ),
    _offer("off_each", AmountOff(amount=33), limits=(Limit(of="uses", cap=3, per="customer", period="week"),)),
    _offer("off_double", PointsMultiplier(factor=2000), conditions=Subtotal(min=2000)),
    _offer("off_cashback", Cashback(percent=333), limits=(Limit(of="money", cap=900, per="store", period="day"),)),
    _offer("off_give", NextVisitCoupon(offer_id="off_back", days=20), conditions=Subtotal(min=3000)),
    _offer("off_back", PercentOff(percent=1500, cap=900), conditions=InSegment(any_of=("coupon:off_back",))),
    _offer("off_card", PercentOff(percent=300), conditions=CardScheme(any_of=("cb", "amex"))),
    _offer(REWARD, AmountOff(amount=500), PointsFixed(points=7), reward_points=60),
)
