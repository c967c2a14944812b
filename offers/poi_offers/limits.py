"""Limits: the name of the bucket each one counts in, and what a decision takes out of it."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from msgspec import Struct

from poi_offers.decision import Decision
from poi_offers.model import Limit, Offer
from poi_offers.situation import Situation
from poi_offers.storetime import wall_clock


class LimitClaim(Struct, frozen=True, kw_only=True):
    """What the checkout must reserve: `amount` uses or minor units of the limit `key`, which holds `cap` in all."""

    key: str
    cap: int
    amount: int
    offer_id: str
    of: Literal["uses", "money"]


def limit_key(offer: Offer, index: int, situation: Situation) -> str | None:
    """The limit's bucket, such as `off_x:1:customer:cus_y:week:2026-W47`; None when its owner is unknown.

    Days, ISO weeks and months are the store's own. Every version of an offer counts in the same buckets, and a limit
    that a campaign's offers share in one of its campaign: `cmp_x:money:total:ever`.
    """
    limit = offer.limits[index]
    owner = _owner(limit, situation)
    if owner is None:
        return None
    counted_as = f"{offer.campaign_id}:{limit.of}" if limit.shared else f"{offer.offer_id}:{index}"
    return f"{counted_as}:{owner}:{_period(limit, situation)}"


def claims(decision: Decision, offers: Mapping[str, Offer], situation: Situation) -> list[LimitClaim]:
    """What the chosen offers take from their limits: one use each, and their money off and stored value."""
    found = []
    for chosen in decision.offers:
        offer = offers[chosen.offer_id]
        money = chosen.saved + _stored(decision, chosen.offer_id)
        for index, limit in enumerate(offer.limits):
            key = limit_key(offer, index, situation)
            amount = 1 if limit.of == "uses" else money
            if key is not None and amount:
                found.append(LimitClaim(key=key, cap=limit.cap, amount=amount, offer_id=offer.offer_id, of=limit.of))
    return found


def _stored(decision: Decision, offer_id: str) -> int:
    awards = (award for award in decision.awards if award.offer_id == offer_id and award.kind == "cashback")
    return sum(award.amount for award in awards)


def _owner(limit: Limit, situation: Situation) -> str | None:
    match limit.per:
        case "customer":
            return None if situation.customer is None else f"customer:{situation.customer.customer_id}"
        case "store":
            return None if situation.place.store_id is None else f"store:{situation.place.store_id}"
        case _:
            return "total"


def _period(limit: Limit, situation: Situation) -> str:
    if limit.period == "ever":
        return "ever"
    day = wall_clock(situation.at, situation.place.zone).date()
    return f"{limit.period}:{_name(limit.period, day)}"


def _name(period: str, day: date) -> str:
    match period:
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year:04}-W{week:02}"
        case "month":
            return f"{day.year:04}-{day.month:02}"
        case _:
            return day.isoformat()
