"""The answer: the chosen combination, its adjustments per line, and a reason for every offer considered."""

from typing import Literal

from msgspec import Struct

Outcome = Literal[
    "chosen",
    "outbid",  # another combination is worth more
    "excluded",  # conflicts with a chosen offer (`by`)
    "limit_reached",
    "held_out",  # never shown to customers
    "condition_false",
    "condition_unknown",  # would apply if the fact at `path` were known and fit
    "no_effect",  # eligible, but nothing in the basket to work on
    "reward_not_requested",
    "points_missing",  # a reward the customer cannot pay yet
    "currency_differs",
]


class NearMiss(Struct, frozen=True, kw_only=True):
    """How far the offer is from applying: `missing` in minor units, thousandths, points, visits or metres by `what`."""

    what: Literal["subtotal", "quantity", "item", "points", "visits", "distance", "card", "identity", "code"]
    missing: int = 0


class Reason(Struct, frozen=True, kw_only=True):
    """Why an offer was chosen or not. `path` is the condition's JSON path in the offer (`$.conditions.of[1]`)."""

    offer_id: str
    version: int
    outcome: Outcome
    path: str | None = None
    by: str | None = None
    near_miss: NearMiss | None = None


class Adjustment(Struct, frozen=True, kw_only=True):
    """Money off one line by one offer, minor units (> 0)."""

    offer_id: str
    line_id: str
    amount: int


class Award(Struct, frozen=True, kw_only=True):
    """What an offer gives besides money off now.

    `points`: `amount` points. `cashback`: `amount` minor units of stored value. `coupon`: a personal code for
    `coupon_offer_id`, valid `days` days. `message`: `text` by language.
    """

    offer_id: str
    kind: Literal["points", "cashback", "coupon", "message"]
    amount: int = 0
    coupon_offer_id: str | None = None
    days: int | None = None
    text: dict[str, str] | None = None


class ChosenOffer(Struct, frozen=True, kw_only=True):
    """A chosen offer's frozen version, what it takes off now, and what it is worth in all (minor units)."""

    offer_id: str
    version: int
    name: dict[str, str]
    saved: int
    value: int
    reward_points: int | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """One exact answer. Amounts in minor units; `optimal` is False only when the node bound was hit."""

    currency: str
    subtotal: int
    saved: int
    total: int
    value: int
    offers: tuple[ChosenOffer, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    awards: tuple[Award, ...] = ()
    reasons: tuple[Reason, ...] = ()
    base_points: int = 0  # the programme's own points for this sale, before offers
    optimal: bool = True
    catalogue_version: int = 0
