"""Leaves over what is on file about the customer. Nobody identified, or nothing on file: unknown."""

from typing import Literal

from poi_offers import offer_conditions
from poi_offers.decision import NearMiss
from poi_offers.scene import NO, NOBODY, UNKNOWN, YES, Answer, Scene
from poi_offers.storetime import birthday_distances, days_between


def tier(leaf: offer_conditions.TierIs, scene: Scene) -> Answer:
    """Unknown without a tier on file."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    if customer.tier is None:
        return UNKNOWN
    return YES if customer.tier in leaf.any_of else NO


def segment(leaf: offer_conditions.InSegment, scene: Scene) -> Answer:
    """In one of `any_of`, when given, and in none of `none_of`."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    wanted = not leaf.any_of or any(one in leaf.any_of for one in customer.segments)
    return YES if wanted and not any(one in leaf.none_of for one in customer.segments) else NO


def birthday(leaf: offer_conditions.Birthday, scene: Scene) -> Answer:
    """Unknown without a birthday on file."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    if customer.birthday is None:
        return UNKNOWN
    until, since = birthday_distances(scene.wall.date(), customer.birthday)
    return YES if until <= leaf.before or since <= leaf.after else NO


def nth_visit(leaf: offer_conditions.NthVisit, scene: Scene) -> Answer:
    """This sale counts as a visit; the near miss is in visits."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    visits = customer.visits_in.get(0)
    if visits is None:
        return UNKNOWN
    missing = -(visits + 1) % leaf.n if leaf.every else leaf.n - (visits + 1)
    if missing == 0:
        return YES
    return (False, NearMiss(what="visits", missing=missing)) if missing > 0 else NO


def recency(leaf: offer_conditions.Recency, scene: Scene) -> Answer:
    """Midnights in the store since the last visit; unknown without one."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    if customer.last_visit is None:
        return UNKNOWN
    days = days_between(customer.last_visit, scene.situation.at, scene.situation.place.zone)
    return YES if within(days, leaf.min_days, leaf.max_days) else NO


def frequency(leaf: offer_conditions.Frequency, scene: Scene) -> Answer:
    """Unknown without a count on file for that look-back."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    return threshold(customer.visits_in.get(leaf.days), leaf.min, leaf.max, "visits")


def spend(leaf: offer_conditions.Spend, scene: Scene) -> Answer:
    """Unknown without a sum on file for that look-back."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    paid = customer.spend_in.get(leaf.days)
    if paid is None:
        return UNKNOWN
    return YES if within(paid, leaf.min, leaf.max) else NO


def first_purchase(leaf: offer_conditions.FirstPurchase, scene: Scene) -> Answer:
    """No visit ever; unknown without a count on file."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    visits = customer.visits_in.get(0)
    if visits is None:
        return UNKNOWN
    return YES if visits == 0 else NO


def points_balance(leaf: offer_conditions.PointsBalance, scene: Scene) -> Answer:
    """The near miss is in points."""
    customer = scene.situation.customer
    if customer is None:
        return NOBODY
    return threshold(customer.points, leaf.min, leaf.max, "points")


def within(value: int, low: int | None, high: int | None) -> bool:
    """Between the limits that are given, both included."""
    return (low is None or low <= value) and (high is None or value <= high)


def threshold(value: int | None, low: int | None, high: int | None, what: Literal["visits", "points"]) -> Answer:
    """A number against its limits; below the lower one the near miss says how much is missing."""
    if value is None:
        return UNKNOWN
    if within(value, low, high):
        return YES
    return (False, NearMiss(what=what, missing=low - value)) if low is not None and value < low else NO
