"""The offer: conditions, effects, limits and stacking, as merchants write them and as the API speaks them.

`validate.check_offer` adds the rules that types cannot say.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_offers.offer_conditions import All, Condition
from poi_offers.offer_effects import Effect
from poi_offers.offer_parts import BasisPoints, Id


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `cap` uses (or minor units of discount and stored value) per scope and per period in store time.

    `shared`: counted over all offers of the campaign together that have such a limit.
    """

    of: Literal["uses", "money"]
    cap: Annotated[int, Meta(ge=1, le=1_000_000_000_000)]
    per: Literal["total", "customer", "store"] = "total"
    period: Literal["ever", "day", "week", "month"] = "ever"
    shared: bool = False


class Stacking(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the offer lives with others. `exclusive`: alone or not at all. `group`: at most `group_max` of one group."""

    priority: Annotated[int, Meta(ge=0, le=1000)] = 0
    exclusive: bool = False
    group: Id | None = None
    group_max: Annotated[int, Meta(ge=1, le=100)] = 1


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One version of an offer; immutable once used. `reward_points` makes it a reward: its price in points."""

    offer_id: Id
    version: Annotated[int, Meta(ge=1)] = 1
    name: dict[Literal["fr", "en"], Annotated[str, Meta(min_length=1, max_length=120)]]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
    effects: Annotated[tuple[Effect, ...], Meta(min_length=1, max_length=8)]
    conditions: Condition = All(of=())
    limits: Annotated[tuple[Limit, ...], Meta(max_length=8)] = ()
    stacking: Stacking = Stacking()
    holdout: BasisPoints = 0
    reward_points: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    campaign_id: Id | None = None
