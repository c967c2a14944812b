"""Offers that a counter may give by itself: nothing is counted, nobody has to be known, one effect a line.

Such an offer takes a percentage off each line of a selection, or sells its whole units at a fixed price, while place
and time allow it. Where no two of them select the same line, each works on its lines alone: `decide` gives all.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from poi_offers.eligibility import judge
from poi_offers.model import Offer
from poi_offers.offer_conditions import (
    All,
    Any,
    Channel,
    Circle,
    Condition,
    Dates,
    Leaf,
    Not,
    Polygon,
    Region,
    Stores,
    Weekly,
)
from poi_offers.offer_effects import FixedPrice, PercentOff
from poi_offers.situation import Basket, Place, Situation
from poi_offers.storetime import zone

Window = tuple[datetime, datetime]
"""From an instant to another, which is excluded."""
_STEP = timedelta(minutes=30)
"""No clock of any zone is put forward or back but at such an instant (UTC)."""
_LEAVES = (Stores, Region, Circle, Polygon, Dates, Weekly, Channel)


def local_effect(offer: Offer) -> PercentOff | FixedPrice | None:
    """What the offer gives, if a counter may give it by itself."""
    bound = offer.limits or offer.reward_points or offer.holdout or offer.stacking.exclusive or offer.stacking.group
    if bound or len(offer.effects) != 1 or not all(isinstance(leaf, _LEAVES) for leaf in _leaves(offer.conditions)):
        return None
    match offer.effects[0]:
        case PercentOff(on="line", cap=None) as effect:
            return effect
        case FixedPrice(max_units=None) as effect:
            return effect
    return None


def windows(offer: Offer, place: Place, first: datetime, last: datetime) -> list[Window]:
    """When the offer's conditions of place and time hold at a counter, from `first` to `last`."""
    found: list[Window] = []
    instants = [*_turns(offer, place, first, last), last]
    for start, end in pairwise(instants):
        if not _holds(offer, place, start):
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _turns(offer: Offer, place: Place, first: datetime, last: datetime) -> list[datetime]:
    """Every instant at which a condition of time may turn, and `first`."""
    leaves = list(_leaves(offer.conditions))
    if not any(isinstance(leaf, (Dates, Weekly)) for leaf in leaves):
        return [first]
    weekly = [window for leaf in leaves if isinstance(leaf, Weekly) for window in leaf.windows]
    clocks = {"00:00"} | {clock for window in weekly for clock in (window.start, window.end)}
    half = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found = {first, *(half + number * _STEP for number in range((last - half) // _STEP + 1))}
    days = range((last - first).days + 2)
    found |= {shown for ahead in days for shown in _shown(first + timedelta(days=ahead), place, clocks)}
    return sorted(instant for instant in found if first <= instant < last)


def _shown(at: datetime, place: Place, clocks: Iterable[str]) -> set[datetime]:
    """When the store's clock shows these on the day of an instant; twice, where it is put back."""
    day = at.astimezone(zone(place.zone))
    walls = [day.replace(hour=int(c[:2]), minute=int(c[3:]), second=0, microsecond=0) for c in clocks]
    return {wall.replace(fold=fold).astimezone(UTC) for wall in walls for fold in (0, 1)}


def _holds(offer: Offer, place: Place, at: datetime) -> bool:
    situation = Situation(at=at, place=place, basket=Basket(currency=offer.currency))
    return judge(offer.conditions, situation).truth is True


def _leaves(condition: Condition) -> Iterable[Leaf]:
    match condition:
        case All() | Any():
            for part in condition.of:
                yield from _leaves(part)
        case Not():
            yield from _leaves(condition.of)
        case _:
            yield condition
