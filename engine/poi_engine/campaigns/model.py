"""A campaign as merchants write it, and the offers it becomes. Pure.

A campaign is for an audience (segments; nobody named is everybody), lasts from a first to a last day of each store's
own calendar, and has offers, limits that hold for each of them, and a share of the audience held out. Until it starts
it is a draft; its offers exist from its start on, and stay as they were when it is over.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from poi_engine.errors import Conflict, RequestError
from poi_offers.errors import OfferError
from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_conditions import All, Condition, Dates, InSegment
from poi_offers.offer_effects import Effect
from poi_offers.offer_parts import BasisPoints, Id
from poi_offers.validate import check_offer
from poi_offers.validate_effects import costs_money

State = Literal["draft", "scheduled", "live", "stopped", "ended", "removed"]
Act = Literal["schedule", "begin", "withdraw", "stop", "end", "remove"]

MOVES: Mapping[tuple[State, Act], State] = {
    ("draft", "schedule"): "scheduled",
    ("draft", "begin"): "live",
    ("draft", "remove"): "removed",
    ("scheduled", "begin"): "live",
    ("scheduled", "withdraw"): "draft",
    ("scheduled", "end"): "ended",
    ("live", "stop"): "stopped",
    ("live", "end"): "ended",
    ("stopped", "remove"): "removed",
    ("ended", "remove"): "removed",
}
"""What may become of a campaign; everything else is refused."""

SEGMENTS = 20
YEARS = range(2000, 2200)
Name = Annotated[dict[Literal["fr", "en"], Annotated[str, Meta(min_length=1, max_length=120)]], Meta(min_length=1)]


class CampaignOffer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One offer of a campaign: what it gives, and what it asks for besides the campaign's audience and period."""

    name: Name
    effects: Annotated[tuple[Effect, ...], Meta(min_length=1, max_length=8)]
    conditions: Condition = All(of=())
    stacking: Stacking = Stacking()


class CampaignDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign as written. `first` and `last`: days of each store's calendar, both included; open where None.

    `limits` hold for each of its offers, the `shared` ones for all of them together; `holdout` is the share (basis
    points) of customers who go without.
    """

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    offers: Annotated[tuple[CampaignOffer, ...], Meta(min_length=1, max_length=10)]
    audience: Annotated[tuple[Id, ...], Meta(max_length=SEGMENTS)] = ()
    limits: Annotated[tuple[Limit, ...], Meta(max_length=8)] = ()
    first: date | None = None
    last: date | None = None
    holdout: BasisPoints = 0
    suggestion_id: Annotated[str, Meta(max_length=64)] | None = None


def after(state: State, act: Act) -> State:
    """The state that an act leads to, by the table of moves."""
    found = MOVES.get((state, act))
    if found is None:
        raise Conflict("campaign-moved-on", f"A campaign that is {state} cannot {act}.")
    return found


def offer_id(campaign_id: str, place: int) -> str:
    """The id of the offer at this place, from 0."""
    return f"{campaign_id}.{place + 1}"


def offer_ids(campaign_id: str, draft: CampaignDraft) -> tuple[str, ...]:
    """The ids of a campaign's offers."""
    return tuple(offer_id(campaign_id, place) for place in range(len(draft.offers)))


def offers_of(campaign_id: str, draft: CampaignDraft, currency: str, *, dated: bool = True) -> tuple[Offer, ...]:
    """The offers a campaign becomes; not `dated`, they hold on any day, as a preview over past sales needs them."""
    return tuple(
        _offer(campaign_id, place, draft, currency, _around(draft, dated=dated)) for place in range(len(draft.offers))
    )


def check_draft(draft: CampaignDraft, currency: str) -> None:
    """Refuse what no campaign may say, with the path of the mistake in the draft."""
    for name, day in (("first", draft.first), ("last", draft.last)):
        if day is not None and day.year not in YEARS:
            raise RequestError("bad-period", f"Give a day from {YEARS[0]} to {YEARS[-1]}.", path=f"$.{name}")
    if draft.first is not None and draft.last is not None and draft.last < draft.first:
        raise RequestError("bad-period", "The last day comes before the first.", path="$.last")
    gives_money = any(costs_money(offer.effects) for offer in draft.offers)
    for place, limit in enumerate(draft.limits):
        if limit.shared and limit.of == "money" and not gives_money:
            message = "No offer of this campaign costs money: limit the uses instead."
            raise RequestError("limit-without-money", message, path=f"$.limits[{place}].of")
    for place in range(len(draft.offers)):
        try:
            check_offer(_offer("cmp_x", place, draft, currency, ()))
        except OfferError as error:
            path = _path_in_draft(error.path, place)
            raise RequestError(error.code.replace("_", "-"), error.message, path=path) from error
        try:  # with the audience and the period around them, conditions may be nested too deeply
            check_offer(_offer("cmp_x", place, draft, currency, _around(draft, dated=True)))
        except OfferError as error:
            path = f"$.offers[{place}].conditions"
            raise RequestError(error.code.replace("_", "-"), error.message, path=path) from error


def begins(draft: CampaignDraft, zones: Sequence[ZoneInfo]) -> datetime | None:
    """When the first store comes to the first day; None: at once."""
    return None if draft.first is None else min(_midnights(draft.first, zones))


def ends(draft: CampaignDraft, zones: Sequence[ZoneInfo]) -> datetime | None:
    """When the last store has left the last day; None: never by itself."""
    return None if draft.last is None else max(_midnights(draft.last + timedelta(days=1), zones))


def _midnights(day: date, zones: Sequence[ZoneInfo]) -> list[datetime]:
    midnight = datetime.combine(day, time())
    return [midnight.replace(tzinfo=zone).astimezone(UTC) for zone in zones or (ZoneInfo("UTC"),)]


def _around(draft: CampaignDraft, *, dated: bool) -> tuple[Condition, ...]:
    around: list[Condition] = []
    if dated and (draft.first or draft.last):
        around.append(Dates(first=draft.first, last=draft.last))
    if draft.audience:
        around.append(InSegment(any_of=draft.audience))
    return tuple(around)


def _offer(campaign_id: str, place: int, draft: CampaignDraft, currency: str, around: tuple[Condition, ...]) -> Offer:
    written = draft.offers[place]
    return Offer(
        offer_id=offer_id(campaign_id, place),
        name=written.name,
        currency=currency,
        effects=written.effects,
        conditions=_all(around, written.conditions),
        limits=draft.limits,
        stacking=written.stacking,
        holdout=draft.holdout,
        campaign_id=campaign_id,
    )


def _all(around: tuple[Condition, ...], own: Condition) -> Condition:
    if not around:
        return own
    return All(of=(*around, *(own.of if isinstance(own, All) else (own,))))


def _path_in_draft(path: str, place: int) -> str:
    """Limits and the share held out are the campaign's; all else is the offer's."""
    if path.startswith(("$.limits", "$.holdout")):
        return path
    return f"$.offers[{place}]{path.removeprefix('$')}"
