"""Each customer's own rhythm, from the days of their visits. Pure.

The *usual interval* is the median of the days between their last visits (at most `VISITS` of them; several visits of a
day are one). A customer is *about to lapse* who has stayed away for at least `AWAY` times as long, and a week longer at
least, but not for more than `GONE_DAYS`: then they have lapsed, and an old rhythm says nothing.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from statistics import median

LEAST_VISITS = 4
VISITS = 12
AWAY = 2
LONGER_DAYS = 7
GONE_DAYS = 180


def usual_interval(days: Sequence[date]) -> int | None:
    """Days between visits, in any order given; None of a customer with too few of them."""
    visits = sorted(set(days))[-VISITS:]
    if len(visits) < LEAST_VISITS:
        return None
    return max(1, round(median((later - earlier).days for earlier, later in pairwise(visits))))


def lapses(days: Sequence[date], today: date) -> int | None:
    """The usual interval of a customer who is about to lapse; None of others."""
    usual = usual_interval(days)
    if usual is None:
        return None
    away = (today - max(days)).days
    return usual if max(AWAY * usual, usual + LONGER_DAYS) <= away <= GONE_DAYS else None
