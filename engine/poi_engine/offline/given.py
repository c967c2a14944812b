"""The offers that a station gave by itself, compared with what the server would have given at that time."""

from collections.abc import Sequence
from typing import Protocol

from poi_engine.catalogue.offer_book import read_version
from poi_engine.errors import RequestError
from poi_engine.ports import Job
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Adjustment, ChosenOffer, Decision
from poi_offers.local import local_effect
from poi_offers.model import Offer
from poi_offers.points import base_points
from poi_offers.policy import Policy
from poi_offers.situation import Situation


class Taken(Protocol):
    """What an offer took off a line, minor units."""

    @property
    def offer_id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def saved(self) -> int: ...


class Line(Protocol):
    """A line of the station's."""

    @property
    def offer(self) -> Taken | None: ...


def offers_given(merchant_id: str, lines: Sequence[Line]) -> Job[dict[str, Offer]]:
    """The offers in the versions that the station had; one that it may not give by itself is refused."""
    offers: dict[str, Offer] = {}
    for number, line in enumerate(lines):
        if line.offer is None or line.offer.offer_id in offers:
            continue
        offer = yield from read_version(merchant_id, line.offer.offer_id, line.offer.version)
        if local_effect(offer) is None:
            raise RequestError(
                "offline-offer",
                f"{offer.offer_id} {offer.version} is no offer that a station gives by itself.",
                path=f"$.lines[{number}].offer",
            )
        offers[offer.offer_id] = offer
    return offers


def as_given(
    situation: Situation, offers: dict[str, Offer], lines: Sequence[Line], policy: Policy
) -> tuple[Decision, tuple[str, ...]]:
    """The decision by these offers. Where the station gave something else, that is what was given: it was sold so."""
    decision = decide(Catalogue(offers.values()), situation, policy, explain="eligible")
    here = {(one.line_id, one.offer_id): one.amount for one in decision.adjustments}
    there = {(str(number), line.offer.offer_id): line.offer.saved for number, line in enumerate(lines, 1) if line.offer}
    if here == there:
        return decision, ()
    differing = sorted(here.items() ^ there.items())
    told = tuple(
        f"line {line_id}: {offer_id} took off {there.get((line_id, offer_id), 0)},"
        f" by the server {here.get((line_id, offer_id), 0)}"
        for line_id, offer_id in dict.fromkeys(name for name, _ in differing)
    )
    plain = decide(Catalogue(), situation, policy, explain="eligible")
    return _as_sold(plain, offers, there, situation, policy), told


def _as_sold(
    plain: Decision, offers: dict[str, Offer], there: dict[tuple[str, str], int], situation: Situation, policy: Policy
) -> Decision:
    amounts = {item.line_id: item.amount for item in situation.basket.items}
    for (line_id, offer_id), saved in there.items():
        if saved > amounts[line_id]:
            message = f"{offer_id} took off more than line {line_id} costs."
            raise RequestError("offline-offer", message, path=f"$.lines[{int(line_id) - 1}].offer.saved")
    saved = sum(there.values())
    total = plain.subtotal - saved
    by_offer = {name: sum(amount for (_, one), amount in there.items() if one == name) for _, name in there}
    return Decision(
        currency=plain.currency,
        subtotal=plain.subtotal,
        saved=saved,
        total=total,
        value=saved,
        offers=tuple(
            ChosenOffer(
                offer_id=name,
                version=offers[name].version,
                name=dict(offers[name].name.items()),
                saved=amount,
                value=amount,
            )
            for name, amount in sorted(by_offer.items())
        ),
        adjustments=tuple(
            Adjustment(offer_id=offer_id, line_id=line_id, amount=amount)
            for (line_id, offer_id), amount in sorted(there.items(), key=lambda pair: (pair[0][1], pair[0][0]))
        ),
        base_points=base_points(total, policy) if situation.customer else 0,
        optimal=False,
    )
