"""Loyalty arithmetic: tiers, what a sale earns, what is owed, and what a refund takes back. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from poi_engine.settings import Tier
from poi_offers.decision import Decision

YEAR_DAYS = 365


def tier_of(spend: int, tiers: Sequence[Tier], base: str) -> str:
    """The highest tier that `spend` (minor units within 365 days) reaches."""
    reached = [tier for tier in tiers if spend >= tier.spend]
    return max(reached, key=lambda tier: tier.spend).name if reached else base


def next_tier(spend: int, tiers: Sequence[Tier]) -> tuple[Tier, int] | None:
    """The next tier above, and the minor units still missing; None at the top."""
    above = [tier for tier in tiers if spend < tier.spend]
    if not above:
        return None
    tier = min(above, key=lambda tier: tier.spend)
    return tier, tier.spend - spend


def points_earned(decision: Decision) -> int:
    """The programme's points and those of the chosen offers."""
    return decision.base_points + _awarded(decision, "points")


def value_earned(decision: Decision) -> int:
    """Stored value (minor units) that the chosen offers give."""
    return _awarded(decision, "cashback")


def points_spent(decision: Decision) -> int:
    """The price in points of the chosen rewards."""
    return sum(offer.reward_points or 0 for offer in decision.offers)


def _awarded(decision: Decision, kind: str) -> int:
    return sum(award.amount for award in decision.awards if award.kind == kind)


class Settled(Struct, frozen=True, kw_only=True):
    """An earning of points or value against a debt: `settled` pays the debt, `kept` reaches the customer."""

    settled: int
    kept: int


def settle(earned: int, owed: int) -> Settled:
    """Debts are paid first."""
    settled = min(earned, owed)
    return Settled(settled=settled, kept=earned - settled)


class TakenBack(Struct, frozen=True, kw_only=True):
    """What a refund takes: `now` from the balance, `later` becomes a debt."""

    now: int
    later: int


def take_back(owed: int, available: int) -> TakenBack:
    """min(owed, balance) now, the rest on the debt account; never refused."""
    now = max(0, min(owed, available))
    return TakenBack(now=now, later=owed - now)


def share(amount: int, part: int, whole: int, taken: int) -> int:
    """What `part` of `whole` (both counted from the first) carries of `amount`, less what was `taken` before.

    Rounded down, so that parts never add up to more than the whole; the last part takes all that is left.
    """
    return max(0, amount * part // whole - taken) if whole else 0
