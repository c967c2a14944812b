"""Signing in and out, pairing, and who I am."""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from poi_engine.access import Device, Paired, PairingRole
from poi_engine.clock import moment
from poi_engine.errors import Conflict
from poi_engine.principal import Principal, Role, Scope
from poi_engine.setup import MerchantHead, Station
from poi_engine.staff.rights import Right
from poi_qr.present import qr_svg
from poi_server.auth import COOKIE
from poi_server.http import ANYONE, COUNTER, EVERYONE, Call, Routes
from poi_server.phone_mark import browser_of, keep_mark, mark_phone
from poi_server.presence import stand_at
from poi_server.problems import Refusal

routes = Routes("access")

Secret = Annotated[str, Meta(min_length=16, max_length=128)]
COOKIE_SECONDS = 180 * 86_400


class Enter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret; with `cookie` false nothing is remembered."""

    secret: Secret
    cookie: bool = True


class FriendsLink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a friend's link says: whose customer one becomes, and who sent them."""

    merchant_id: Annotated[str, Meta(min_length=1, max_length=64)]
    code: Annotated[str, Meta(min_length=4, max_length=32)]


class Me(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the credential stands for; a person of the staff with their name, and what they may."""

    role: Role
    merchant: MerchantHead
    subject_id: str
    access_id: str
    station: Station | None = None
    customer_id: str | None = None
    scopes: tuple[Scope, ...] = ()
    name: str = ""
    rights: tuple[Right, ...] = ()


class DeviceView(Struct, frozen=True, kw_only=True):
    """What a phone needs to make rotating codes: `handle` in hexadecimal, `key` in base64 (32 bytes)."""

    handle: str
    epoch: int
    key: str
    server_time: datetime


class Entered(Me, frozen=True, kw_only=True, omit_defaults=True):
    """Who the new credential stands for. `secret` only when no cookie was wanted, `device` only for a phone."""

    secret: str | UnsetType = UNSET
    device: DeviceView | UnsetType = UNSET


class Invite(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to pair: a station or seller by id, or a phone (of a new customer unless `subject_id` names one)."""

    role: PairingRole
    subject_id: Annotated[str, Meta(max_length=64)] = ""


class Invitation(Struct, frozen=True, kw_only=True):
    """A single-use pairing code, as link and as QR picture."""

    pairing_id: str
    url: str
    secret: str
    qr_svg: str
    expires_at: datetime


@routes.post("/v1/access/enter", roles=ANYONE, summary="Sign in with a secret")
async def enter(call: Call, body: Enter) -> Entered:
    """Answers who the secret stands for and sets the cookie that the pages use."""
    principal = await call.services.doorkeeper.enter(body.secret, call.address)
    if body.cookie:
        set_cookie(call, body.secret)
    return await _entered(call, principal)


@routes.post("/v1/access/leave", roles=ANYONE, summary="Sign out of this browser")
async def leave(call: Call) -> None:
    """Forgets the cookie; the credential stays valid elsewhere."""
    set_cookie(call, "")


@routes.get("/v1/access/me", roles=EVERYONE, summary="Who the credential stands for")
async def me(call: Call) -> Me:
    """The role, the merchant and the subject."""
    return await who(call, call.principal)


@routes.post("/v1/pairings", roles=COUNTER, right="customers", status=201, summary="Make a single-use pairing code")
async def invite(call: Call, body: Invite) -> Invitation:
    """Owners pair anybody, managers all but owners and managers; sellers and stations pair new phones only."""
    role = call.principal.role
    if role == "manager" and body.role in ("owner", "manager"):
        raise Refusal(403, "role-refused", "Only an owner pairs owners and managers.", path="$.role")
    if role not in ("owner", "manager") and (body.role != "phone" or body.subject_id):
        raise Refusal(403, "role-refused", "Only owners and managers pair stations and the staff.", path="$.role")
    await call.services.setup.check_subject(call.merchant_id, body.role, body.subject_id)
    pairing = await call.services.access.invite(call.merchant_id, body.role, body.subject_id, by=call.by)
    url = f"{call.base_url}/pair#{pairing.secret}"
    return Invitation(
        pairing_id=pairing.pairing_id,
        url=url,
        secret=pairing.secret,
        qr_svg=qr_svg(url, error="m"),
        expires_at=moment(pairing.expires_at),
    )


@routes.post("/v1/pairings/claim", roles=ANYONE, summary="Use a pairing code")
async def claim(call: Call, body: Enter) -> Entered:
    """Answers like signing in; the code works once. A phone also receives its device."""
    call.services.attempts.check(call.address)
    try:
        paired = await call.services.access.claim(body.secret)
    except Exception:
        call.services.attempts.failed(call.address)
        raise
    if body.cookie:
        set_cookie(call, paired.secret)
    if paired.device is not None and body.cookie:
        await mark_phone(call, paired.principal)
    if paired.station_id is not None:
        principal = paired.principal
        with suppress(Conflict):  # the station is busy paying: the phone is paired all the same, its code is used up
            await stand_at(call.engine, principal.merchant_id, paired.station_id, principal.subject_id)
    return await _entered(call, paired.principal, paired, secret=UNSET if body.cookie else paired.secret)


@routes.post("/v1/pairings/friend", roles=ANYONE, summary="Join by a friend's link: a new customer, sent by them")
async def join_by_friend(call: Call, body: FriendsLink) -> Entered:
    """The friend's code is the invitation; nothing is made when it is refused. Guessing is slowed down."""
    call.services.attempts.check(call.address)
    browser = browser_of(call)
    try:
        paired = await call.services.access.claim_by_friend(body.merchant_id, body.code, browser)
    except Exception:
        call.services.attempts.failed(call.address)
        raise
    set_cookie(call, paired.secret)
    keep_mark(call, browser)
    return await _entered(call, paired.principal, paired)


def set_cookie(call: Call, secret: str) -> None:
    """Remember the secret in the browser, out of reach of its scripts; an empty one is forgotten."""
    carrier = web.Response()
    carrier.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS if secret else 0,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=call.services.gate.secure(call.request),
    )
    call.headers.add("Set-Cookie", carrier.cookies[COOKIE].OutputString())


async def who(call: Call, principal: Principal) -> Me:
    """What a page needs to know of its credential."""
    setup = call.services.setup
    station = await setup.station(principal.merchant_id, principal.subject_id) if principal.role == "station" else None
    acting = await call.services.signins.acting(principal, active=False)
    return Me(
        role=principal.role,
        merchant=await setup.merchant(principal.merchant_id),
        subject_id=principal.subject_id,
        access_id=principal.access_id,
        station=station,
        customer_id=principal.subject_id if principal.role == "phone" else None,
        scopes=principal.scopes,
        name=acting.person.name if acting.person else "",
        rights=tuple(sorted(acting.rights)),
    )


async def _entered(
    call: Call, principal: Principal, paired: Paired | None = None, *, secret: str | UnsetType = UNSET
) -> Entered:
    known = await who(call, principal)
    device = _device(call, paired.device) if paired and paired.device else UNSET
    fields = {name: getattr(known, name) for name in known.__struct_fields__}
    return Entered(**fields, secret=secret, device=device)


def _device(call: Call, device: Device) -> DeviceView:
    return DeviceView(
        handle=device.handle.hex(),
        epoch=device.epoch,
        key=base64.b64encode(device.key).decode(),
        server_time=moment(round(call.services.clock.now() * 1_000_000)),
    )
