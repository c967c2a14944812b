"""Leaves over place and time."""

from math import ceil

from poi_offers import geo, offer_conditions, recurrence
from poi_offers.decision import NearMiss
from poi_offers.scene import NO, UNKNOWN, YES, Answer, Scene
from poi_offers.storetime import MINUTES_PER_DAY, MINUTES_PER_WEEK, minute_of_day, window_minutes


def circle(leaf: offer_conditions.Circle, scene: Scene) -> Answer:
    """Unknown without a position; the near miss is the way still to go, metres rounded up."""
    place = scene.situation.place
    if place.lat is None or place.lon is None:
        return UNKNOWN
    too_far = geo.distance(place.lat, place.lon, leaf.lat, leaf.lon) - leaf.radius
    return YES if too_far <= 0 else (False, NearMiss(what="distance", missing=ceil(too_far)))


def polygon(leaf: offer_conditions.Polygon, scene: Scene) -> Answer:
    """Unknown without a position."""
    place = scene.situation.place
    if place.lat is None or place.lon is None:
        return UNKNOWN
    return YES if geo.in_polygon(place.lat, place.lon, leaf.rings) else NO


def stores(leaf: offer_conditions.Stores, scene: Scene) -> Answer:
    """Unknown at a free position."""
    store_id = scene.situation.place.store_id
    if store_id is None:
        return UNKNOWN
    return YES if store_id in leaf.any_of else NO


def region(leaf: offer_conditions.Region, scene: Scene) -> Answer:
    """Unknown at a free position without regions; a region takes in its parts (`FR` takes in `FR-75`)."""
    if scene.regions is None:
        return UNKNOWN
    return YES if not scene.regions.isdisjoint(leaf.any_of) else NO


def dates(leaf: offer_conditions.Dates, scene: Scene) -> Answer:
    """The store's own calendar day; always known."""
    today = scene.wall.date()
    late_enough = leaf.first is None or leaf.first <= today
    return YES if late_enough and (leaf.last is None or today <= leaf.last) else NO


def weekly(leaf: offer_conditions.Weekly, scene: Scene) -> Answer:
    """The store's wall clock; a window past midnight belongs to the day it starts. An hour that a clock change
    repeats counts both times, one it skips never comes."""
    return YES if any(_in_window(window, scene.minute) for window in leaf.windows) else NO


def recurs(leaf: offer_conditions.Recurrence, scene: Scene) -> Answer:
    """The store's wall clock is within an occurrence."""
    return YES if recurrence.active(leaf, scene.wall) else NO


def _in_window(window: offer_conditions.WeeklyWindow, minute: int) -> bool:
    start = minute_of_day(window.start)
    length = window_minutes(start, minute_of_day(window.end))
    return any((minute - (day - 1) * MINUTES_PER_DAY - start) % MINUTES_PER_WEEK < length for day in window.days)
