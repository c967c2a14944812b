"""Why an offer applies or not: its conditions in a situation, and what stood in a candidate's way."""

from typing import Literal

from msgspec import Struct

from poi_offers.candidates import Candidates, bits
from poi_offers.decision import NearMiss, Reason
from poi_offers.eligibility import judge
from poi_offers.gate import IDENTITY, reason
from poi_offers.model import Offer
from poi_offers.offer_conditions import All, Any, Condition, Not
from poi_offers.offer_effects import BuyXGetY, Effect, FreeItem, PointsPerUnit
from poi_offers.selection import selected
from poi_offers.situation import Situation
from poi_offers.steps import Sheet
from poi_offers.units import assign

_UNIT = 1000
_ROOT = "$.conditions"


class Explanation(Struct, frozen=True, kw_only=True):
    """Whether an offer's conditions hold in a situation and, when not, the first one to blame.

    `path` is its JSON path in the offer (`$.conditions.of[1]`), `condition` its type there (`subtotal`, `not`).
    """

    offer_id: str
    version: int
    truth: Literal["true", "false", "unknown"]
    path: str | None = None
    condition: str | None = None
    near_miss: NearMiss | None = None


def explain(offer: Offer, situation: Situation) -> Explanation:
    """Judge the offer's conditions alone; limits, holdout and rivals belong to the decision."""
    truth, path, near_miss = judge(offer.conditions, situation, _ROOT)
    return Explanation(
        offer_id=offer.offer_id,
        version=offer.version,
        truth="unknown" if truth is None else "true" if truth else "false",
        path=path,
        condition=None if path is None else _type_at(offer.conditions, path),
        near_miss=near_miss,
    )


def _type_at(condition: Condition, path: str) -> str:
    """The type of the condition at a path that `judge` gave."""
    for step in path.removeprefix(_ROOT).split(".of")[1:]:
        match condition:
            case Not(of=part):
                condition = part
            case All(of=parts) | Any(of=parts):
                condition = parts[int(step[1:-1])]
    return str(condition.__struct_config__.tag)


def no_effect(offer: Offer, sheet: Sheet, anonymous: bool) -> Reason:
    """The conditions hold, but the offer gives nothing on this basket, or has nobody to give it to."""
    for position, effect in enumerate(offer.effects):
        if anonymous and effect.__struct_config__.tag in _TO_A_CUSTOMER:
            path = f"$.effects[{position}]"
            return reason(offer, "condition_unknown", path=path, near_miss=IDENTITY)
    misses = (_near_miss(effect, sheet) for effect in offer.effects)
    return reason(offer, "no_effect", near_miss=next((miss for miss in misses if miss is not None), None))


_TO_A_CUSTOMER = frozenset({"points_fixed", "points_per_unit", "points_multiplier", "cashback"})


def _near_miss(effect: Effect, sheet: Sheet) -> NearMiss | None:
    match effect:
        case FreeItem(items=items):
            return None if _units(sheet, selected(items, sheet.items)) else NearMiss(what="item", missing=_UNIT)
        case BuyXGetY(items=items, buy=buy):
            units = _units(sheet, selected(items, sheet.items))
            return NearMiss(what="quantity", missing=(buy + 1 - units) * _UNIT) if units <= buy else None
        case PointsPerUnit(items=items, amount=amount):
            paid = sum(sheet.amounts[line] for line in selected(items, sheet.items))
            return NearMiss(what="subtotal", missing=amount - paid) if paid < amount else None
        case _:
            return None


def _units(sheet: Sheet, lines: tuple[int, ...]) -> int:
    return sum(sheet.units[line] for line in lines if sheet.prices[line])


def not_chosen(candidates: Candidates, chosen: int, index: int) -> Reason:
    """What stood in the way of the candidate beside the chosen combination; outbid when only its worth did."""
    offer = candidates.offers[index]
    rival = _rule_in_the_way(candidates, chosen, index)
    if rival is not None:
        return reason(offer, "excluded", by=candidates.offers[rival].offer_id)
    short = candidates.points_short(chosen, index)
    if short > 0:
        return reason(offer, "points_missing", near_miss=NearMiss(what="points", missing=short))
    rival = _unit_rival(candidates, chosen, index)
    if rival is not None:
        return reason(offer, "excluded", by=candidates.offers[rival].offer_id)
    grown = chosen | 1 << index
    if candidates.within_limits(grown):
        return reason(offer, "outbid")
    room = candidates.room[index]
    if room is not None and candidates.evaluate(grown).claimed(index) > room:
        return reason(offer, "limit_reached", path=_money_limit(offer))
    return reason(offer, "outbid")


def _rule_in_the_way(candidates: Candidates, chosen: int, index: int) -> int | None:
    """The first chosen offer that bars the candidate by exclusivity or by its group."""
    alone = chosen & candidates.exclusive
    if alone:
        return next(bits(alone))
    if candidates.exclusive >> index & 1:
        return next(bits(chosen), None)
    return next(iter(candidates.full_group(chosen, index)), None)


def _unit_rival(candidates: Candidates, chosen: int, index: int) -> int | None:
    """The first chosen offer with which the candidate would compete for units."""
    mine = {line for step in candidates.steps if step.offer == index and step.serves for line in step.lines}
    if not mine:
        return None
    alone, before = _held(candidates, 1 << index), _held(candidates, chosen)
    together = _held(candidates, chosen | 1 << index)
    if all(together.get(i, 0) >= count for i, count in (alone | before).items()):
        return None
    serving = {step.offer for step in candidates.steps_in(chosen) if step.serves and mine & set(step.lines)}
    return min(serving, default=None)


def _held(candidates: Candidates, mask: int) -> dict[int, int]:
    """Units held by each serving offer of a combination."""
    held: dict[int, int] = {}
    for step, spans in assign(candidates.sheet, [step for step in candidates.steps_in(mask) if step.serves]):
        held[step.offer] = held.get(step.offer, 0) + sum(span.end - span.start for span in spans)
    return held


def _money_limit(offer: Offer) -> str | None:
    return next((f"$.limits[{i}]" for i, limit in enumerate(offer.limits) if limit.of == "money"), None)
