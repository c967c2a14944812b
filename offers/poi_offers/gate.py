"""What keeps an offer whose conditions are true out of the choice: currency, rewards, identity, holdout, limits."""

from collections.abc import Callable

from poi_offers.decision import NearMiss, Outcome, Reason
from poi_offers.holdout import held_out
from poi_offers.limits import limit_key
from poi_offers.model import Offer
from poi_offers.situation import Situation

Remaining = Callable[[str, int], int]
"""What is left of a limit, given its key and its cap."""

IDENTITY = NearMiss(what="identity")


def reason(
    offer: Offer,
    outcome: Outcome,
    path: str | None = None,
    by: str | None = None,
    near_miss: NearMiss | None = None,
) -> Reason:
    """A reason for this version of the offer."""
    return Reason(
        offer_id=offer.offer_id, version=offer.version, outcome=outcome, path=path, by=by, near_miss=near_miss
    )


def kept_out(offer: Offer, situation: Situation, remaining: Remaining) -> Reason | None:
    """Why the offer cannot be a candidate; None when it can."""
    if offer.currency != situation.basket.currency:
        return reason(offer, "currency_differs")
    return _reward(offer, situation) or _holdout(offer, situation) or _limits(offer, situation, remaining)


def money_room(offer: Offer, situation: Situation, remaining: Remaining) -> int | None:
    """Minor units left under the tightest money limit; None without one."""
    rooms = [
        remaining(key, limit.cap)
        for index, limit in enumerate(offer.limits)
        if limit.of == "money" and (key := limit_key(offer, index, situation)) is not None
    ]
    return min(rooms, default=None)


def _reward(offer: Offer, situation: Situation) -> Reason | None:
    if offer.reward_points is None:
        return None
    if offer.offer_id not in situation.basket.rewards:
        return reason(offer, "reward_not_requested")
    if situation.customer is None:
        return reason(offer, "condition_unknown", path="$.reward_points", near_miss=IDENTITY)
    missing = offer.reward_points - situation.customer.points
    if missing > 0:
        return reason(offer, "points_missing", near_miss=NearMiss(what="points", missing=missing))
    return None


def _holdout(offer: Offer, situation: Situation) -> Reason | None:
    if not offer.holdout:
        return None
    if situation.customer is None:
        return reason(offer, "condition_unknown", path="$.holdout", near_miss=IDENTITY)
    return reason(offer, "held_out") if held_out(offer, situation.customer.customer_id) else None


def _limits(offer: Offer, situation: Situation, remaining: Remaining) -> Reason | None:
    for index, limit in enumerate(offer.limits):
        path = f"$.limits[{index}]"
        key = limit_key(offer, index, situation)
        if key is None:
            who = IDENTITY if limit.per == "customer" else None
            return reason(offer, "condition_unknown", path=path, near_miss=who)
        if remaining(key, limit.cap) <= 0:
            return reason(offer, "limit_reached", path=path)
    return None
