"""The executable specification of conditions: Kleene's three-valued logic over the leaves.

Only True applies an offer. None (unknown) means a fact is not on file: the offer would apply if it were and fitted.
Every faster evaluator is tested against this one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from poi_offers import leaves_customer, leaves_place, leaves_sale, offer_conditions
from poi_offers.decision import NearMiss
from poi_offers.offer_conditions import Condition
from poi_offers.scene import Answer, Scene
from poi_offers.situation import Situation

_LEAVES: dict[type, Callable[..., Answer]] = {
    offer_conditions.Circle: leaves_place.circle,
    offer_conditions.Polygon: leaves_place.polygon,
    offer_conditions.Stores: leaves_place.stores,
    offer_conditions.Region: leaves_place.region,
    offer_conditions.Dates: leaves_place.dates,
    offer_conditions.Weekly: leaves_place.weekly,
    offer_conditions.Recurrence: leaves_place.recurs,
    offer_conditions.TierIs: leaves_customer.tier,
    offer_conditions.InSegment: leaves_customer.segment,
    offer_conditions.Birthday: leaves_customer.birthday,
    offer_conditions.NthVisit: leaves_customer.nth_visit,
    offer_conditions.Recency: leaves_customer.recency,
    offer_conditions.Frequency: leaves_customer.frequency,
    offer_conditions.Spend: leaves_customer.spend,
    offer_conditions.FirstPurchase: leaves_customer.first_purchase,
    offer_conditions.PointsBalance: leaves_customer.points_balance,
    offer_conditions.Subtotal: leaves_sale.subtotal,
    offer_conditions.Quantity: leaves_sale.quantity,
    offer_conditions.Bundle: leaves_sale.bundle,
    offer_conditions.CardScheme: leaves_sale.card_scheme,
    offer_conditions.CardType: leaves_sale.card_type,
    offer_conditions.BinPrefix: leaves_sale.bin_prefix,
    offer_conditions.EntryMode: leaves_sale.entry_mode,
    offer_conditions.Channel: leaves_sale.channel,
    offer_conditions.Partner: leaves_sale.partner,
    offer_conditions.Code: leaves_sale.code,
}


class Verdict(NamedTuple):
    """Truth, and when it is not True the JSON path of the first condition to blame and the way to it.

    A false verdict has a near miss only when nothing else stands in the way.
    """

    truth: bool | None
    path: str | None = None
    near_miss: NearMiss | None = None


TRUE = Verdict(True)


def judge(condition: Condition, situation: Situation, path: str = "$.conditions") -> Verdict:
    """Judge a condition in a situation."""
    return judge_scene(condition, Scene(situation), path)


def judge_scene(condition: Condition, scene: Scene, path: str = "$.conditions") -> Verdict:
    """As `judge`, for many conditions in one situation."""
    if isinstance(condition, offer_conditions.All):
        return _all(condition.of, scene, path)
    if isinstance(condition, offer_conditions.Any):
        return _any([judge_scene(part, scene, f"{path}.of[{i}]") for i, part in enumerate(condition.of)], path)
    if isinstance(condition, offer_conditions.Not):
        return _not(judge_scene(condition.of, scene, f"{path}.of"), path)
    truth, near_miss = _LEAVES[type(condition)](condition, scene)
    return TRUE if truth else Verdict(truth, path, near_miss)


def truth_of(condition: Condition, scene: Scene) -> bool | None:
    """The truth alone, as `judge` would find it, stopping at the first part that settles it."""
    if isinstance(condition, offer_conditions.Not):
        truth = truth_of(condition.of, scene)
        return None if truth is None else not truth
    if not isinstance(condition, (offer_conditions.All, offer_conditions.Any)):
        return _LEAVES[type(condition)](condition, scene)[0]
    settles = isinstance(condition, offer_conditions.Any)
    truth = not settles
    for part in condition.of:
        one = truth_of(part, scene)
        if one is settles:
            return settles
        truth = None if one is None else truth
    return truth


def _all(parts: Sequence[Condition], scene: Scene, path: str) -> Verdict:
    """False if one part is false, else unknown if one is unknown; the rest is not asked once that is settled."""
    first: Verdict | None = None
    for position, part in enumerate(parts):
        verdict = judge_scene(part, scene, f"{path}.of[{position}]")
        if verdict.truth:
            continue
        if first is None:
            first = verdict
        elif first.truth is False or verdict.truth is False:
            false = verdict if first.truth is None else first
            return Verdict(False, false.path)
    return first or TRUE


def _any(parts: list[Verdict], path: str) -> Verdict:
    """True if one part is true, else unknown if one is unknown. Any part's near miss would do."""
    if any(part.truth for part in parts):
        return TRUE
    near_miss = next((part.near_miss for part in parts if part.near_miss is not None), None)
    unknown = next((part for part in parts if part.truth is None), None)
    if unknown is not None:
        return unknown if unknown.near_miss else unknown._replace(near_miss=near_miss)
    return parts[0]._replace(near_miss=near_miss) if parts else Verdict(False, path)


def _not(part: Verdict, path: str) -> Verdict:
    """The opposite; unknown stays unknown, and only a fact to be learnt is a near miss of it."""
    if part.truth is None:
        known_by = part.near_miss is not None and part.near_miss.what in ("identity", "card")
        return part if known_by else part._replace(near_miss=None)
    return Verdict(False, path) if part.truth else TRUE
