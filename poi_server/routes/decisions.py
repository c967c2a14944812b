"""The offer API's heart: which offers would apply, how much they save, and why not the others. Dry runs."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.basket import BasketEntry, check_entries, lines_of
from poi_engine.clock import micros, micros_of, moment
from poi_engine.errors import RequestError
from poi_engine.setup import ZONES
from poi_offers.decision import Decision, Reason
from poi_offers.explain import Explanation, explain
from poi_offers.situation import Basket, PaymentFacts, Place, SaleItem, Situation
from poi_offers.storetime import YEARS
from poi_server.http import COUNTER, STAFF, Call, Routes
from poi_server.sight import acting_of, must, must_have_scope, must_stand_there, note, session_of
from poi_server.views import shown_decision

routes = Routes("decisions")

Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class FreePlace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A free position: WGS 84 degrees, and the IANA zone whose clock counts."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    zone: str


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A basket at a place and time, for a customer or nobody. Give `store_id` or `place`; `entries` name products.

    `vat_rate` (basis points) is that of entries with a plain amount. `explain`: which offers get a reason: every one,
    those that the place does not rule out, or the eligible ones; by default, of many offers, 60 in its reach.
    For a `customer_id` an app needs the scope `customers:read`, and a seller or station names in `session_id` the
    session that the customer stands in; who asked about whom is audited."""

    currency: Currency
    items: Annotated[tuple[SaleItem, ...], Meta(max_length=500)] = ()
    entries: Annotated[tuple[BasketEntry, ...], Meta(max_length=200)] = ()
    codes: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()
    rewards: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    store_id: str | None = None
    place: FreePlace | None = None
    at: datetime | None = None
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    session_id: Annotated[str, Meta(max_length=64)] = ""
    payment: PaymentFacts | None = None
    channel: Literal["counter", "phone", "partner"] = "partner"
    explain: Literal["all", "reach", "eligible"] | None = None


class OfferExplained(Struct, frozen=True, kw_only=True):
    """One offer in one situation: whether its conditions hold, and what the decision says of it.

    `conditions` tells of the conditions alone; `reason` is null when the offer was not decided on: it is paused, say.
    """

    state: str
    conditions: Explanation
    reason: Reason | None


@routes.post("/v1/decisions", roles=COUNTER, scope="decisions", summary="Decide without selling: offers with reasons")
async def decide(call: Call, body: Asked) -> Decision:
    situation = await _situation(call, body)
    return shown_decision(await call.engine.offers.decide(call.merchant_id, situation, explain=body.explain))


@routes.post(
    "/v1/offers/{offer_id}/explain",
    roles=STAFF,
    scope="decisions",
    summary="Why one offer applies or not: its first failing condition, and what it would take",
)
async def explain_offer(call: Call, offer_id: str, body: Asked) -> OfferExplained:
    """The body is that of `POST /v1/decisions`; its `explain` has no effect here."""
    found = await call.engine.offers.get(call.merchant_id, offer_id)
    situation = await _situation(call, body)
    explanation = explain(found.offer, situation)
    if found.state != "live":
        return OfferExplained(state=found.state, conditions=explanation, reason=None)
    decision = shown_decision(await call.engine.offers.decide(call.merchant_id, situation, explain="eligible"))
    named = next((reason for reason in decision.reasons if reason.offer_id == offer_id), None)
    return OfferExplained(state=found.state, conditions=explanation, reason=named or _refusal(explanation))


def _refusal(explanation: Explanation) -> Reason | None:
    """Why an offer whose conditions do not hold is not in the decision."""
    if explanation.truth == "true":
        return None
    return Reason(
        offer_id=explanation.offer_id,
        version=explanation.version,
        outcome="condition_false" if explanation.truth == "false" else "condition_unknown",
        path=explanation.path,
        near_miss=explanation.near_miss,
    )


async def _situation(call: Call, body: Asked) -> Situation:
    at = _moment(body.at or moment(micros(call.services.clock.now())))
    await _check_currency(call, body.currency)
    items = body.items
    if body.entries:
        items = (*items, *await _lines(call, body))
    _distinct(items)
    facts = None
    if body.customer_id is not None:
        await _must_be_allowed(call, body.customer_id, body.session_id)
        facts = await call.engine.customers.facts(call.merchant_id, body.customer_id, micros_of(at))
        await note(call, "decide-for-customer", body.customer_id, body.session_id)
    return Situation(
        at=at,
        place=await _place(call, body),
        basket=Basket(currency=body.currency, items=items, codes=body.codes, rewards=body.rewards),
        customer=facts,
        payment=body.payment,
        channel=body.channel,
        partner=call.principal.subject_id if call.principal.role == "partner" else None,
    )


async def _must_be_allowed(call: Call, customer_id: str, session_id: str) -> None:
    """Refuse whoever may not ask about this customer: reasons and savings tell what is on file about them."""
    if call.principal.role == "partner":
        must_have_scope(call, "customers:read", "$.customer_id")
        return
    must(await acting_of(call), "customers")
    must_stand_there(call, await session_of(call, session_id), customer_id)


def _moment(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise RequestError("naive-time", "The time needs its offset, such as `Z`.", path="$.at")
    if at.year not in YEARS:
        raise RequestError("time-range", f"The year is {YEARS[0]} to {YEARS[-1]}.", path="$.at")
    return at


async def _check_currency(call: Call, currency: str) -> None:
    own = (await call.engine.offers.merchant(call.merchant_id)).currency
    if currency != own:
        raise RequestError("currency-differs", f"The merchant sells in {own}.", path="$.currency")


def _distinct(items: tuple[SaleItem, ...]) -> None:
    seen: set[str] = set()
    for number, item in enumerate(items):
        if item.line_id in seen:
            raise RequestError("line-twice", f"Two lines have the id {item.line_id!r}.", path=f"$.items[{number}]")
        seen.add(item.line_id)


async def _lines(call: Call, body: Asked) -> tuple[SaleItem, ...]:
    check_entries(body.entries)
    codes = {entry.code for entry in body.entries if entry.code}
    found = {code: await call.engine.products.find(call.merchant_id, code) for code in codes}
    return lines_of(body.entries, {code: product for code, product in found.items() if product}, body.vat_rate)


async def _place(call: Call, body: Asked) -> Place:
    if (body.store_id is None) == (body.place is None):
        raise RequestError("place-or-store", "Give either `store_id` or `place`.", path="$.place")
    if body.place is not None:
        _check_zone(body.place.zone)
        return Place(zone=body.place.zone, lat=body.place.lat, lon=body.place.lon)
    return await call.engine.places.place(call.merchant_id, body.store_id or "")


def _check_zone(zone: str) -> None:
    if zone not in ZONES:
        raise RequestError("unknown-zone", "The zone is no IANA time zone.", path="$.place.zone")
