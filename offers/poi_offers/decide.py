"""The decision: which offers apply, what they give, and a reason for every offer considered."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Literal

from poi_offers.candidates import Candidates, bits
from poi_offers.catalogue import Catalogue
from poi_offers.choice import Choice, choose
from poi_offers.decision import Adjustment, Award, ChosenOffer, Decision, Reason
from poi_offers.effects import EffectBook
from poi_offers.eligibility import judge_scene
from poi_offers.explain import no_effect, not_chosen
from poi_offers.gate import Remaining, kept_out, money_room, reason
from poi_offers.model import Offer
from poi_offers.offer_effects import Message, NextVisitCoupon
from poi_offers.points import THOUSAND, base_points
from poi_offers.policy import Policy
from poi_offers.scene import Scene
from poi_offers.shared import overdrawn
from poi_offers.situation import Situation
from poi_offers.steps import sheet_of

Explained = Literal["all", "reach", "eligible"]
"""Which offers get a reason: every one, those that the place does not rule out, or those whose conditions hold."""


def decide(
    catalogue: Catalogue,
    situation: Situation,
    policy: Policy,
    remaining: Remaining | None = None,
    explain: Explained = "all",
    most: int | None = None,
) -> Decision:
    """Choose the best legal combination for a situation. `remaining` tells what is left of a limit (advisory).

    Of the offers whose conditions do not hold, the `most` of highest priority are explained (None: all that `explain`
    asks for).
    """
    left = remaining or _untouched
    eligible = catalogue.eligible(situation)
    reasons = {offer.offer_id: kept_out(offer, situation, left) for offer in eligible}
    contenders = [offer for offer in eligible if reasons[offer.offer_id] is None]
    candidates = _candidates(contenders, situation, policy, left, catalogue.effects)
    choice = _choose(candidates)
    while (over := overdrawn(candidates, choice.mask, situation, left)) is not None:
        reasons[over.offer_id] = over
        contenders = [offer for offer in contenders if offer.offer_id != over.offer_id]
        candidates = _candidates(contenders, situation, policy, left, catalogue.effects)
        choice = replace(_choose(candidates), optimal=False)
    found = [found for found in reasons.values() if found is not None]
    found += _reasons(candidates, choice.mask, situation)
    if explain != "eligible":
        others = _all_others if explain == "all" else Catalogue.in_reach
        found += _ineligible(others(catalogue, situation, most, reasons), situation)
    return _decision(candidates, choice, found, catalogue, situation)


def _all_others(catalogue: Catalogue, _: Situation, most: int | None, besides: Collection[str]) -> list[Offer]:
    others = [offer for offer in catalogue.offers() if offer.offer_id not in besides]
    if most is None or len(others) <= most:
        return others
    return sorted(others, key=lambda offer: (-offer.stacking.priority, offer.offer_id))[:most]


def _untouched(key: str, cap: int) -> int:
    return cap


def _candidates(
    offers: list[Offer], situation: Situation, policy: Policy, left: Remaining, book: EffectBook
) -> Candidates:
    customer = situation.customer
    rooms = {offer.offer_id: money_room(offer, situation, left) for offer in offers}
    return Candidates(
        offers,
        sheet_of(situation.basket.items),
        policy,
        points=customer.points if customer else 0,
        room={offer_id: room for offer_id, room in rooms.items() if room is not None},
        earns=customer is not None,
        book=book,
    )


def _choose(candidates: Candidates) -> Choice:
    choice = choose(candidates)
    return replace(choice, mask=_with_quiet_offers(candidates, choice.mask))


def _with_quiet_offers(candidates: Candidates, mask: int) -> int:
    """Add the offers that cost nothing (messages, coupons), best priority first, where no rule is in the way."""
    for index in candidates.quiet:
        if candidates.addable(mask, index):
            mask |= 1 << index
    return mask


# --- reasons ------------------------------------------------------------------------------------------------------


def _reasons(candidates: Candidates, chosen: int, situation: Situation) -> list[Reason]:
    return [_reason(candidates, chosen, index, situation) for index in range(len(candidates.offers))]


def _reason(candidates: Candidates, chosen: int, index: int, situation: Situation) -> Reason:
    offer = candidates.offers[index]
    if chosen >> index & 1:
        return reason(offer, "chosen")
    if index not in candidates.valued and index not in candidates.quiet:
        return no_effect(offer, candidates.sheet, anonymous=situation.customer is None)
    return not_chosen(candidates, chosen, index)


def _ineligible(others: Iterable[Offer], situation: Situation) -> list[Reason]:
    scene = Scene(situation)
    return [_false_or_unknown(offer, scene, situation) for offer in others]


def _false_or_unknown(offer: Offer, scene: Scene, situation: Situation) -> Reason:
    if offer.currency != situation.basket.currency:
        return reason(offer, "currency_differs")
    verdict = judge_scene(offer.conditions, scene)
    outcome: Literal["condition_unknown", "condition_false"]
    outcome = "condition_unknown" if verdict.truth is None else "condition_false"
    return reason(offer, outcome, path=verdict.path, near_miss=verdict.near_miss)


# --- the answer ---------------------------------------------------------------------------------------------------


def _decision(
    candidates: Candidates, choice: Choice, reasons: list[Reason], catalogue: Catalogue, situation: Situation
) -> Decision:
    evaluation = candidates.evaluate(choice.mask)
    total = evaluation.applied.total
    return Decision(
        currency=situation.basket.currency,
        subtotal=candidates.sheet.subtotal,
        saved=candidates.sheet.subtotal - total,
        total=total,
        value=_minor(evaluation.value),
        offers=tuple(_chosen_offer(candidates, choice.mask, index) for index in bits(choice.mask)),
        adjustments=_adjustments(candidates, choice.mask),
        awards=tuple(award for index in bits(choice.mask) for award in _awards(candidates, choice.mask, index)),
        reasons=tuple(sorted(reasons, key=lambda found: found.offer_id)),
        base_points=base_points(total, candidates.policy) if situation.customer else 0,
        optimal=choice.optimal,
        catalogue_version=catalogue.version,
    )


def _minor(thousandths: int) -> int:
    """Whole minor units, half away from zero (never negative here)."""
    return (2 * thousandths + THOUSAND) // (2 * THOUSAND)


def _chosen_offer(candidates: Candidates, mask: int, index: int) -> ChosenOffer:
    offer, evaluation = candidates.offers[index], candidates.evaluate(mask)
    saved = evaluation.saved.get(index, 0)
    gained = sum(gain.worth * amount for gain, amount in evaluation.gains if gain.offer == index)
    return ChosenOffer(
        offer_id=offer.offer_id,
        version=offer.version,
        name=dict(offer.name.items()),
        saved=saved,
        value=_minor(saved * THOUSAND + gained),
        reward_points=offer.reward_points,
    )


def _adjustments(candidates: Candidates, mask: int) -> tuple[Adjustment, ...]:
    shares = candidates.evaluate(mask).applied.shares
    return tuple(
        Adjustment(
            offer_id=candidates.offers[offer].offer_id,
            line_id=candidates.sheet.items[line].line_id,
            amount=shares[offer, line],
        )
        for offer, line in sorted(shares)
        if shares[offer, line]
    )


def _awards(candidates: Candidates, mask: int, index: int) -> list[Award]:
    """What the offer gives besides money off, in the order of its effects."""
    offer = candidates.offers[index]
    gains = {gain.position: (gain, n) for gain, n in candidates.evaluate(mask).gains if gain.offer == index}
    awards = []
    for position, effect in enumerate(offer.effects):
        if position in gains:
            gain, amount = gains[position]
            awards.append(Award(offer_id=offer.offer_id, kind=gain.kind, amount=amount))
        elif isinstance(effect, NextVisitCoupon):
            coupon = Award(offer_id=offer.offer_id, kind="coupon", coupon_offer_id=effect.offer_id, days=effect.days)
            awards.append(coupon)
        elif isinstance(effect, Message):
            awards.append(Award(offer_id=offer.offer_id, kind="message", text=dict(effect.text.items())))
    return awards
