"""The staff: persons with roles, PINs and badges; signing in at a station; four eyes; and the audit of it all."""

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from poi_engine.clock import micros_of
from poi_engine.errors import RequestError
from poi_engine.staff.approvals import Act, Approval
from poi_engine.staff.audit import AuditBook, AuditEntry, AuditFilter
from poi_engine.staff.badges import Badge, BadgeScheme
from poi_engine.staff.sellers import Amount, Face, NewSeller, Seller, SellerChange, seen_by
from poi_engine.staff.signin import AtStation
from poi_engine.staff.watch import SignInRule
from poi_offers.storetime import YEARS
from poi_server.http import COUNTER, MANAGER, OWNER, READER, Call, Routes
from poi_server.limits import counted_pin

routes = Routes("sellers")

Pin = Annotated[str, Meta(min_length=4, max_length=8, pattern=r"^[0-9]*\Z")]
Reference = Annotated[str, Meta(min_length=1, max_length=64)]


class Sellers(Struct, frozen=True, kw_only=True):
    """The whole staff."""

    items: list[Seller]


class Faces(Struct, frozen=True, kw_only=True):
    """Who may sign in at a station."""

    items: list[Face]


class NewPin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A PIN of 4 to 8 digits."""

    pin: Pin


class OwnPin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person's own new PIN, by the one they have."""

    seller_id: Reference
    pin: Pin
    new_pin: Pin


class Entrance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who signs in, with their PIN."""

    seller_id: Reference
    pin: Pin


class SignInSettings(SignInRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether somebody has to sign in at a station, and the idle minutes after which they are signed out."""


class NewApproval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second person's consent: the sale or session, the most it may move (minor units), and their PIN.

    Without `seller_id` and `pin` the credential's own person consents, for somebody else to use.
    """

    act: Act
    subject_id: Reference
    amount: Amount
    seller_id: Reference | None = None
    pin: Pin | None = None


class AuditPage(Struct, frozen=True, kw_only=True):
    """One page of the audit, newest first; `next` goes into `after` for the next one."""

    items: list[AuditEntry]
    next: str | None = None


class Acts(Struct, frozen=True, kw_only=True):
    """The acts that occur in the audit."""

    items: list[str]


# --- persons -------------------------------------------------------------------------------------------------------


@routes.get("/v1/sellers", roles=READER, summary="The staff")
async def sellers(call: Call) -> Sellers:
    """By name, with roles, limits and badges; never a PIN, and a badge's number only to who may change it."""
    found = await call.services.sellers.everybody(call.merchant_id)
    return Sellers(items=[seen_by(call.principal, seller) for seller in found])


@routes.post("/v1/sellers", roles=MANAGER, right="setup", status=201, summary="Add a person to the staff")
async def add_seller(call: Call, body: NewSeller) -> Seller:
    """Only an owner adds a manager. Give them a PIN or a badge, or pair their own device through `/v1/pairings`."""
    return await call.services.sellers.add(call.merchant_id, body, by=call.by)


@routes.patch("/v1/sellers/{seller_id}", roles=MANAGER, right="setup", summary="Change a person's role or limits")
async def change_seller(call: Call, seller_id: str, body: SellerChange) -> Seller:
    """Nobody changes their own rights. Another role, or `active` false, ends all their credentials at once."""
    return await call.services.sellers.change(call.merchant_id, seller_id, body, by=call.by)


@routes.put("/v1/sellers/{seller_id}/pin", roles=MANAGER, right="setup", summary="Give a person a new PIN")
async def set_pin(call: Call, seller_id: str, body: NewPin) -> None:
    """Wrong attempts so far are forgotten. A manager's PIN is set by an owner or by themselves."""
    await call.services.sellers.set_pin(call.merchant_id, seller_id, body.pin, by=call.by)


@routes.delete("/v1/sellers/{seller_id}/pin", roles=MANAGER, right="setup", summary="Take a person's PIN away")
async def remove_pin(call: Call, seller_id: str) -> None:
    """They sign in with a badge then, or not at all."""
    await call.services.sellers.remove_pin(call.merchant_id, seller_id, by=call.by)


@routes.post(
    "/v1/sellers/{seller_id}/badges", roles=MANAGER, right="setup", status=201, summary="Make a card a person's badge"
)
async def link_badge(call: Call, seller_id: str, body: Badge) -> Seller:
    """A tap of it at a station's reader signs them in, or out. A customer's card cannot be a badge."""
    return await call.services.sellers.link_badge(call.merchant_id, seller_id, body, by=call.by)


@routes.delete(
    "/v1/sellers/{seller_id}/badges/{scheme}/{subject}", roles=MANAGER, right="setup", summary="Take a badge away"
)
async def unlink_badge(call: Call, seller_id: str, scheme: BadgeScheme, subject: str) -> None:
    """The card signs nobody in any more."""
    badge = Badge(scheme=scheme, subject=subject)
    await call.services.sellers.unlink_badge(call.merchant_id, seller_id, badge, by=call.by)


# --- at a station --------------------------------------------------------------------------------------------------


@routes.get("/v1/settings/sign-in", roles=READER, summary="Whether sellers have to sign in at stations")
async def sign_in_rule(call: Call) -> SignInRule:
    """`optional` unless changed: a station where nobody is signed in has a seller's rights without limits."""
    return await call.services.signins.rule(call.merchant_id)


@routes.put("/v1/settings/sign-in", roles=OWNER, right="setup", summary="Say whether sellers have to sign in")
async def set_sign_in_rule(call: Call, body: SignInSettings) -> SignInRule:
    """With `required`, a station where nobody is signed in only shows."""
    rule = SignInRule(sign_in=body.sign_in, sign_out_minutes=body.sign_out_minutes)
    return await call.services.signins.set_rule(call.merchant_id, rule, by=call.by)


@routes.get("/v1/stations/{station_id}/seller", roles=COUNTER, summary="Who is signed in at the station")
async def signed_in(call: Call, station_id: str) -> AtStation:
    """And what they may do there; with nobody signed in, what the station may."""
    return await call.services.signins.at(call.merchant_id, station_id)


@routes.get("/v1/stations/{station_id}/sellers", roles=COUNTER, summary="Who may sign in at the station")
async def faces(call: Call, station_id: str) -> Faces:
    """By name."""
    await call.services.setup.station(call.merchant_id, station_id)
    return Faces(items=await call.services.sellers.faces(call.merchant_id))


@routes.post("/v1/stations/{station_id}/sign-in", roles=COUNTER, summary="Sign in at the station with a PIN")
async def sign_in(call: Call, station_id: str, body: Entrance) -> AtStation:
    """Whoever was signed in there is signed out. After five wrong PINs in a row the person has to wait."""
    with counted_pin(call.services.attempts, call.principal.access_id):
        return await call.services.signins.with_pin(
            call.merchant_id, station_id, body.seller_id, body.pin, by=call.principal
        )


@routes.post("/v1/stations/{station_id}/sign-out", roles=COUNTER, summary="Sign out at the station")
async def sign_out(call: Call, station_id: str) -> AtStation:
    """Harmless when nobody is signed in."""
    return await call.services.signins.sign_out(call.merchant_id, station_id, who=call.principal.who)


@routes.post("/v1/stations/{station_id}/pin", roles=COUNTER, summary="Change one's own PIN, by the one one has")
async def change_own_pin(call: Call, station_id: str, body: OwnPin) -> None:
    """So that nobody else knows it."""
    await call.services.setup.station(call.merchant_id, station_id)
    with counted_pin(call.services.attempts, call.principal.access_id):
        await call.services.sellers.change_own_pin(
            call.merchant_id, station_id, body.seller_id, body.pin, body.new_pin, by=call.principal
        )


# --- four eyes and the audit ---------------------------------------------------------------------------------------


@routes.post("/v1/approvals", roles=COUNTER, right="sell", status=201, summary="A second person's consent to one act")
async def approve(call: Call, body: NewApproval) -> Approval:
    """Good for two minutes and one use, by somebody else than the one who acts."""
    approvals, what = call.services.approvals, (call.merchant_id, body.act, body.subject_id, body.amount)
    if (body.seller_id is None) != (body.pin is None):
        raise RequestError("seller-and-pin", "Give both the person and their PIN, or neither.", path="$.pin")
    if body.seller_id is None or body.pin is None:
        return await approvals.by_credential(*what, by=call.acting)
    with counted_pin(call.services.attempts, call.principal.access_id):
        return await approvals.by_pin(*what, body.seller_id, body.pin, asked=call.acting)


@routes.get("/v1/audit", roles=READER, right="audit", summary="Who did what, newest first")
async def audit(
    call: Call,
    who: Annotated[str, Meta(max_length=80)] = "",
    act: Annotated[str, Meta(max_length=80)] = "",
    subject_id: Annotated[str, Meta(max_length=80)] = "",
    first: date | None = None,
    last: date | None = None,
    limit: Annotated[int, Meta(ge=1, le=200)] = 50,
    after: Annotated[str, Meta(max_length=64)] = "",
) -> AuditPage:
    """By person (`seller:slr_...`), act, subject, and the days of the merchant's first store."""
    wanted = AuditFilter(who=who, act=act, subject_id=subject_id, **await _times(call, first, last))
    items = await AuditBook(call.services.sql).page(call.merchant_id, wanted, limit=limit, after=after)
    return AuditPage(items=items, next=items[-1].audit_id if len(items) == limit else None)


@routes.get("/v1/audit/acts", roles=READER, right="audit", summary="The acts that occur in the audit")
async def acts(call: Call) -> Acts:
    """By name."""
    return Acts(items=await AuditBook(call.services.sql).acts(call.merchant_id))


async def _times(call: Call, first: date | None, last: date | None) -> dict[str, int]:
    """Where the first day begins and the last one ends."""
    if first and last and first > last:
        raise RequestError("bad-period", "The first day comes before the last.", path="$.first")
    if any(day and day.year not in YEARS for day in (first, last)):
        raise RequestError("time-range", f"The year is {YEARS[0]} to {YEARS[-1]}.", path="$.first")
    stores = await call.services.setup.stores(call.merchant_id)
    zone = await asyncio.to_thread(ZoneInfo, stores[0].zone if stores else "UTC")  # the first use reads a file
    found = {"first": first, "last": last + timedelta(days=1) if last else None}
    return {name: micros_of(datetime.combine(day, time(), zone)) for name, day in found.items() if day}
