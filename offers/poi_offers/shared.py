"""Limits that the offers of a campaign share: what a combination takes of one together."""

from collections import defaultdict

from poi_offers.candidates import Candidates, Evaluation, bits
from poi_offers.decision import Reason
from poi_offers.gate import Remaining, reason
from poi_offers.limits import limit_key
from poi_offers.points import THOUSAND
from poi_offers.situation import Situation


def overdrawn(candidates: Candidates, chosen: int, situation: Situation, left: Remaining) -> Reason | None:
    """The chosen offer that must go without, for together they take more of a shared limit than is left; or None.

    Of those that count in the limit it is the one that gives least here, and of equals the last in order.
    """
    evaluation = None
    taken: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)  # offer, limit, amount
    room: dict[str, int] = {}
    for i in bits(chosen):
        offer = candidates.offers[i]
        for place, limit in enumerate(offer.limits):
            key = limit_key(offer, place, situation) if limit.shared else None
            if key is None:
                continue
            evaluation = evaluation or candidates.evaluate(chosen)
            room[key] = min(room.get(key, limit.cap), left(key, limit.cap))
            taken[key].append((i, place, 1 if limit.of == "uses" else evaluation.claimed(i)))
    for key, claims in taken.items():
        if evaluation is not None and sum(amount for _, _, amount in claims) > room[key]:
            i, place = _least(evaluation, [(i, place) for i, place, amount in claims if amount])
            return reason(candidates.offers[i], "limit_reached", path=f"$.limits[{place}]")
    return None


def _least(evaluation: Evaluation, claims: list[tuple[int, int]]) -> tuple[int, int]:
    return min(claims, key=lambda claim: (_given(evaluation, claim[0]), -claim[0]))


def _given(evaluation: Evaluation, offer: int) -> int:
    """What an offer gives here, in thousandths of a minor unit."""
    gained = sum(gain.worth * amount for gain, amount in evaluation.gains if gain.offer == offer)
    return evaluation.saved.get(offer, 0) * THOUSAND + gained
