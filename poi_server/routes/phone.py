"""The customer's own phone: who I am here, my points and rewards, offers near me, my receipts."""

from datetime import date
from functools import partial
from math import inf
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.checkout.confirmation import Question
from poi_engine.clock import micros, moment
from poi_engine.coupons import Coupon, read_coupons
from poi_engine.loyalty import next_tier
from poi_engine.sales import SaleSummary
from poi_engine.settings import read_place
from poi_engine.setup import Store
from poi_offers.decision import NearMiss, Reason
from poi_offers.geo import distance
from poi_offers.model import Offer
from poi_offers.situation import Basket, Situation
from poi_server.http import PHONE, Call, Routes
from poi_server.presence import stand_at
from poi_server.routes.customers import proof_of
from poi_server.views import PhoneSession, for_phone, shown_decision

routes = Routes("phone")

NEAR_METRES = 50_000
NEAR_STORES = 20
"""The nearest that are decided for one answer."""
USEFUL = ("chosen", "condition_unknown", "no_effect", "reward_not_requested", "points_missing")


class TierProgress(Struct, frozen=True, kw_only=True):
    """The next tier, the spend it takes and what of it is still missing, minor units within 365 days."""

    next: str
    threshold: int
    missing: int


class RewardView(Struct, frozen=True, kw_only=True):
    """A reward and its price in points."""

    offer_id: str
    name: dict[str, str]
    points: int
    affordable: bool


class Membership(Struct, frozen=True, kw_only=True):
    """What the customer has here: points, and stored value in minor units of `currency`.

    `confirmation`: what a counter asks them now. `has_pin`: they chose one, to confirm at a counter without the phone.
    """

    customer_id: str
    merchant: str
    display_name: str
    language: str
    birthday: date | None
    currency: str
    tier: str
    tier_progress: TierProgress | None
    points: int
    points_owed: int
    wallet: int
    visits: int
    rewards: tuple[RewardView, ...]
    coupons: tuple[Coupon, ...]
    session: PhoneSession | None = None
    confirmation: Question | None = None
    has_pin: bool = False


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer tells; what is left out stays."""

    display_name: Annotated[str, Meta(min_length=1, max_length=120)] | None = None
    birthday: date | None = None
    language: Literal["fr", "en"] | None = None


class Join(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the phone read from the station's code."""

    station_id: Annotated[str, Meta(min_length=1, max_length=64)]
    token: Annotated[str, Meta(min_length=16, max_length=128)]


class NearOffer(Struct, frozen=True, kw_only=True):
    """An offer at a store near by: whether it applies now, or what it needs. `distance` in metres.

    `lat`, `lon`: the store's own place, for a map.
    """

    offer_id: str
    name: dict[str, str]
    outcome: str
    near_miss: NearMiss | None
    reward_points: int | None
    store_id: str
    store: str
    lat: float | None
    lon: float | None
    distance: int | None


class NearOffers(Struct, frozen=True, kw_only=True):
    """Offers of the stores near by, the nearest first."""

    items: tuple[NearOffer, ...]


class Receipts(Struct, frozen=True, kw_only=True):
    """The customer's own sales, newest first; `next` goes into `after` for the next page."""

    items: tuple[SaleSummary, ...]
    next: str | None = None


@routes.get("/v1/me", roles=PHONE, summary="What I have here")
async def membership(call: Call) -> Membership:
    customer_id, merchant_id = call.principal.subject_id, call.merchant_id
    customer = await call.engine.customers.get(merchant_id, customer_id)
    merchant = await call.engine.offers.merchant(merchant_id)
    at = micros(call.services.clock.now())
    facts = await call.engine.customers.facts(merchant_id, customer_id, at)
    rewards = await call.engine.offers.rewards(merchant_id)
    above = next_tier(facts.spend_in.get(365, 0), merchant.programme.tiers)
    session = await call.engine.stations.of_customer(merchant_id, customer_id)
    return Membership(
        customer_id=customer_id,
        merchant=merchant.name,
        display_name=customer.display_name,
        language=customer.language,
        birthday=customer.birthday,
        currency=merchant.currency,
        tier=customer.tier,
        tier_progress=TierProgress(next=above[0].name, threshold=above[0].spend, missing=above[1]) if above else None,
        points=customer.points,
        points_owed=customer.points_owed,
        wallet=customer.wallet,
        visits=customer.visits,
        rewards=tuple(_reward(offer, customer.points) for offer in rewards),
        coupons=await call.services.sql.read(lambda: read_coupons(merchant_id, customer_id, at)),
        session=for_phone(session) if session else None,
        confirmation=await call.engine.confirmations.of_customer(merchant_id, customer_id),
        has_pin=await call.engine.confirmations.has_pin(merchant_id, customer_id),
    )


@routes.patch("/v1/me", roles=PHONE, summary="Tell my name, birthday or language")
async def change_profile(call: Call, body: Profile) -> None:
    """A birthday is told once; the shop's manager changes one that is on file."""
    texts = {text.purpose: text.version for text in await call.engine.clientele.consents.texts(call.merchant_id)}
    await call.engine.customers.update(
        call.merchant_id,
        call.principal.subject_id,
        display_name=body.display_name,
        birthday=body.birthday,
        language=body.language,
        proof=proof_of(call, texts["membership"], "phone") if body.display_name else None,
        birthday_once=True,
        by=call.principal,
    )


@routes.delete("/v1/me", roles=PHONE, summary="Erase me; sales keep a bare pseudonym")
async def erase_me(call: Call) -> None:
    for known_as in await call.engine.customers.erase(call.merchant_id, call.principal.subject_id, by=call.principal):
        call.services.access.forget_subject(call.merchant_id, "phone", known_as)


@routes.post("/v1/me/join", roles=PHONE, summary="I stand at this station: its code was scanned with my phone")
async def join(call: Call, body: Join) -> PhoneSession:
    await call.services.access.use_join_code(call.merchant_id, body.station_id, body.token)
    session = await stand_at(call.engine, call.merchant_id, body.station_id, call.principal.subject_id)
    return for_phone(session)


@routes.get("/v1/me/receipts", roles=PHONE, summary="My sales here, newest first")
async def receipts(call: Call, limit: Annotated[int, Meta(ge=1, le=100)] = 20, after: str = "") -> Receipts:
    items = await call.engine.sales.list(
        call.merchant_id, customer_id=call.principal.subject_id, limit=limit, after=after or None
    )
    return Receipts(items=tuple(items), next=items[-1].sale_id if len(items) == limit else None)


@routes.get("/v1/me/offers", roles=PHONE, summary="Offers near me; the position is used for this answer and dropped")
async def offers_near(
    call: Call,
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None,
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None,
) -> NearOffers:
    near: list[tuple[float, NearOffer]] = []
    live = await call.engine.offers.catalogue(call.merchant_id)
    now = call.services.clock.now()
    facts = await call.engine.customers.facts(call.merchant_id, call.principal.subject_id, micros(now))
    merchant = await call.engine.offers.merchant(call.merchant_id)
    for metres, store in nearest(await call.services.setup.stores(call.merchant_id), lat, lon):
        place = await call.services.sql.read(partial(read_place, call.merchant_id, store.store_id))
        situation = Situation(
            at=moment(micros(now)),
            place=place,
            basket=Basket(currency=merchant.currency),
            customer=facts,
            channel="phone",
        )
        decision = shown_decision(await call.engine.offers.decide(call.merchant_id, situation))
        for reason in decision.reasons:
            offer = live.get(reason.offer_id)
            if offer is not None and _useful(reason):
                near.append((_far(metres), _near_offer(offer, reason, store, metres)))
    return NearOffers(items=tuple(item for _, item in sorted(near, key=lambda pair: (pair[0], pair[1].offer_id))))


def nearest(stores: list[Store], lat: float | None, lon: float | None) -> list[tuple[float | None, Store]]:
    """The nearest stores with their distances; where none is known, the first by name."""
    found = [(_metres(lat, lon, store.lat, store.lon), store) for store in stores]
    near = [(metres, store) for metres, store in found if metres is None or metres <= NEAR_METRES]
    return sorted(near, key=lambda pair: _far(pair[0]))[:NEAR_STORES]


def _far(metres: float | None) -> float:
    """Stores whose place nobody knows come after those near by."""
    return inf if metres is None else metres


def _useful(reason: Reason) -> bool:
    return reason.outcome in USEFUL or (reason.outcome == "condition_false" and reason.near_miss is not None)


def _metres(lat: float | None, lon: float | None, to_lat: float | None, to_lon: float | None) -> float | None:
    if lat is None or lon is None or to_lat is None or to_lon is None:
        return None
    return distance(lat, lon, to_lat, to_lon)


def _reward(offer: Offer, points: int) -> RewardView:
    price = offer.reward_points or 0
    return RewardView(offer_id=offer.offer_id, name=offer_name(offer), points=price, affordable=points >= price)


def _near_offer(offer: Offer, reason: Reason, store: Store, metres: float | None) -> NearOffer:
    return NearOffer(
        offer_id=offer.offer_id,
        name=offer_name(offer),
        outcome=reason.outcome,
        near_miss=reason.near_miss,
        reward_points=offer.reward_points,
        store_id=store.store_id,
        store=store.name,
        lat=store.lat,
        lon=store.lon,
        distance=None if metres is None else round(metres),
    )


def offer_name(offer: Offer) -> dict[str, str]:
    """What the merchant calls the offer, by language."""
    return {str(language): name for language, name in offer.name.items()}
