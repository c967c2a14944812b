"""The recurrence leaf: an occurrence lasts its minutes on the store's wall clock.

So in the night of a clock change it lasts an hour more or less.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from poi_offers.offer_conditions import Recurrence
from poi_offers.rrule import between, parse


def active(leaf: Recurrence, wall: datetime) -> bool:
    """The wall clock is within an occurrence: from its start to `minutes` later, the end excluded."""
    return any(first <= wall < last for first, last in _kept_occurrences(leaf, wall.date()))


def occurrences(leaf: Recurrence, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """The occurrences that touch a day, joined where they overlap."""
    midnight, length = datetime.combine(day, time()), timedelta(minutes=leaf.minutes)
    spans: list[tuple[datetime, datetime]] = []
    for first in between(parse(leaf.rrule, leaf.start), midnight - length, midnight + timedelta(days=1)):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], first + length)
        else:
            spans.append((first, first + length))
    return tuple(spans)


_kept_occurrences = lru_cache(maxsize=4096)(occurrences)
