"""Recency, frequency, monetary: the merchant's own customers in fifths, and the groups named after them. Pure.

Recency is whole days since the last visit (midnights of the merchant's first store), frequency the visits and monetary
the money paid within the last 365 days. A score is 1 plus the number of cut points that the value lies above (recency:
5 less that number); equal values have equal scores.
"""

from collections.abc import Iterable, Sequence
from itertools import compress

from msgspec import Struct

DAYS = 365
NEW_DAYS = 30
GROUPS = ("champions", "loyal", "promising", "new", "at_risk", "lapsed")
NAMES = {
    "champions": {"en": "Champions", "fr": "Champions"},
    "loyal": {"en": "Loyal", "fr": "Fidèles"},
    "promising": {"en": "Promising", "fr": "Prometteurs"},
    "new": {"en": "New", "fr": "Nouveaux"},
    "at_risk": {"en": "At risk", "fr": "À risque"},
    "lapsed": {"en": "Lapsed", "fr": "Perdus de vue"},
}


class Cuts(Struct, frozen=True):
    """The four cut points of each: the values at 20, 40, 60 and 80 % of the customers, nearest rank."""

    recency: tuple[int, ...] = ()
    frequency: tuple[int, ...] = ()
    monetary: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether anybody was there to be cut."""
        return bool(self.recency)


def cut_points(values: Iterable[int]) -> tuple[int, ...]:
    """The values at 20, 40, 60 and 80 % (nearest rank); none of nobody."""
    ordered = sorted(values)
    return tuple(ordered[-(-len(ordered) * part // 5) - 1] for part in range(1, 5)) if ordered else ()


def cuts_of(visited: Sequence[bool], days: Sequence[int], visits: Sequence[int], spend: Sequence[int]) -> Cuts:
    """The cut points of those who have `visited`."""
    return Cuts(*(cut_points(compress(column, visited)) for column in (days, visits, spend)))


def score(value: int, cuts: Sequence[int]) -> int:
    """1 (the lowest fifth) to 5."""
    return 1 + sum(value > cut for cut in cuts)


def group_of(visits_ever: int, days: int | None, visits: int, spend: int, cuts: Cuts) -> str | None:
    """The one group a customer is in; nobody who never visited is in any."""
    if visits_ever < 1 or days is None:
        return None
    if visits_ever == 1 and days <= NEW_DAYS:
        return "new"
    if not cuts:
        return None
    frequency, monetary = score(visits, cuts.frequency), score(spend, cuts.monetary)
    if 6 - score(days, cuts.recency) >= 3:
        return _present(6 - score(days, cuts.recency), frequency, monetary)
    return "at_risk" if frequency >= 3 or monetary >= 3 else "lapsed"


def _present(recency: int, frequency: int, monetary: int) -> str:
    if min(recency, frequency, monetary) >= 4:
        return "champions"
    return "loyal" if frequency >= 3 else "promising"
