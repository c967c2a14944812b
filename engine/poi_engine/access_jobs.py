"""The transactions behind `Access`. Times are microseconds since 1970; digests are SHA-256 of secrets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from poi_engine.clientele.referral import sent_by
from poi_engine.errors import Conflict, Forbidden, NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal, Role
from poi_engine.segments.due import mark_due
from poi_engine.settings import lock_merchant, read_merchant

_OWNERS_OWN = ("owner", "manager", "partner")
"""Whose credentials only an owner ends."""


class Claim(NamedTuple):
    """What a claim brings along, made outside the transaction so that it may run again."""

    pairing: bytes
    access_id: str
    access: bytes
    customer_id: str
    handle: bytes
    programme_key: bytes
    at: int


class Claimed(NamedTuple):
    """What a claim made; `epoch` is None unless it was a phone's."""

    principal: Principal
    epoch: int | None = None
    programme_key: bytes = b""
    station_id: str | None = None


def first_owner(
    merchant_id: str, name: str, currency: str, language: str, access_id: str, digest: bytes, at: int
) -> Job[str]:
    """The id of the first merchant; when there is none, it and its owner's credential are made."""
    rows = yield Query("select merchant_id from merchant order by created_at, merchant_id limit 1")
    if rows:
        return str(rows[0]["merchant_id"])
    yield Query(
        "insert into merchant (merchant_id, name, currency, language, settings, created_at) values (?, ?, ?, ?, ?, ?)",
        (merchant_id, name, currency, language, "{}", at),
    )
    yield from insert_access(merchant_id, access_id, "owner", "owner", "first owner", (), digest, at)
    return merchant_id


def insert_access(
    merchant_id: str,
    access_id: str,
    role: Role,
    subject_id: str,
    label: str,
    scopes: Sequence[str],
    digest: bytes,
    at: int,
) -> Job[None]:
    """A new credential."""
    yield Query(
        "insert into access (merchant_id, access_id, role, subject_id, label, scopes, secret_hash, created_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (merchant_id, access_id, role, subject_id, label, json.dumps(list(scopes)), digest, at),
    )


def revoke_access(merchant_id: str, access_id: str, role: Role | None, by: Role, at: int) -> Job[None]:
    """End one credential, unless it is the last owner's; a phone's rotating codes end with it."""
    rows = yield Query(
        "update access set revoked_at = ? where merchant_id = ? and access_id = ? and revoked_at is null"
        " and role = coalesce(?, role) returning role, subject_id, created_at",
        (at, merchant_id, access_id, role),
    )
    if not rows:
        raise NotFound("credential", access_id)
    if by != "owner" and rows[0]["role"] in _OWNERS_OWN:
        raise Forbidden("owner-needed", "Only an owner ends this credential.")
    if rows[0]["role"] == "phone":  # one claim made the credential and the device, at one time
        yield Query(
            "update device set revoked_at = ? where merchant_id = ? and customer_id = ? and created_at = ?"
            " and revoked_at is null",
            (at, merchant_id, rows[0]["subject_id"], rows[0]["created_at"]),
        )
    if rows[0]["role"] == "owner":
        yield from _must_leave_an_owner(merchant_id)


def _must_leave_an_owner(merchant_id: str) -> Job[None]:
    """The merchant's row is locked: of two owners who are ended at once the second is the last."""
    yield from lock_merchant(merchant_id)
    owners = yield Query(
        "select access_id from access where merchant_id = ? and role = 'owner' and revoked_at is null limit 1",
        (merchant_id,),
    )
    if not owners:
        raise Conflict("last-owner", "This is the last owner's credential; make another one first.")


def revoke_subject(merchant_id: str, role: Role, subject_id: str, at: int) -> Job[None]:
    """End all credentials and invitations of a subject."""
    yield Query(
        "delete from pairing where merchant_id = ? and role = ? and subject_id = ? and used_at is null",
        (merchant_id, role, subject_id),
    )
    yield Query(
        "update access set revoked_at = ? where merchant_id = ? and role = ? and subject_id = ? and revoked_at is null",
        (at, merchant_id, role, subject_id),
    )
    if role == "phone":
        yield Query(
            "update device set revoked_at = ? where merchant_id = ? and customer_id = ? and revoked_at is null",
            (at, merchant_id, subject_id),
        )


def insert_pairing(
    merchant_id: str, pairing_id: str, role: Role, subject_id: str, digest: bytes, expires_at: int, at: int
) -> Job[None]:
    """A new invitation; those that ended a day ago and more are forgotten on the way."""
    yield Query("delete from pairing where merchant_id = ? and expires_at < ?", (merchant_id, at - 86_400_000_000))
    yield Query(
        "insert into pairing (merchant_id, pairing_id, role, subject_id, secret_hash, expires_at)"
        " values (?, ?, ?, ?, ?, ?)",
        (merchant_id, pairing_id, role, subject_id, digest, expires_at),
    )


def claim_pairing(claim: Claim) -> Job[Claimed]:
    """Use an invitation once, whoever else tries at the same time."""
    rows = yield Query(
        "update pairing set used_at = ? where secret_hash = ? and used_at is null and expires_at > ?"
        " returning merchant_id, role, subject_id",
        (claim.at, claim.pairing, claim.at),
    )
    if not rows:
        raise (yield from _refusal(claim.pairing))
    merchant_id, role, subject_id = rows[0]["merchant_id"], rows[0]["role"], rows[0]["subject_id"]
    if role == "phone":
        return (yield from _claim_phone(merchant_id, subject_id, claim))
    return Claimed((yield from _admit(merchant_id, role, subject_id, claim)))


def _claim_phone(merchant_id: str, subject_id: str, claim: Claim) -> Job[Claimed]:
    known = yield Query(
        "select customer_id from customer where merchant_id = ? and customer_id = ? and erased_at is null",
        (merchant_id, subject_id),
    )
    station_id = None if known or not subject_id else (yield from _inviting_station(merchant_id, subject_id))
    customer_id = subject_id if known else (yield from _pseudonym(merchant_id, claim))
    epoch, programme_key = yield from _enrol(merchant_id, customer_id, claim)
    principal = yield from _admit(merchant_id, "phone", customer_id, claim)
    return Claimed(principal, epoch, programme_key, station_id)


def claim_by_friend(merchant_id: str, code: str, cookie: str, audit_id: str, claim: Claim) -> Job[Claimed]:
    """A friend's code is an invitation to new customers: one joins, sent by the friend, or nothing is made at all."""
    customer_id = yield from _pseudonym(merchant_id, claim)
    yield from sent_by(merchant_id, customer_id, code, cookie, audit_id, claim.at)
    epoch, programme_key = yield from _enrol(merchant_id, customer_id, claim)
    return Claimed((yield from _admit(merchant_id, "phone", customer_id, claim)), epoch, programme_key)


def _inviting_station(merchant_id: str, station_id: str) -> Job[str]:
    rows = yield Query(
        "select station_id from station where merchant_id = ? and station_id = ?", (merchant_id, station_id)
    )
    if not rows:
        raise RequestError("pairing-unknown", "Whom this code invited is no more here.", status=404)
    return station_id


def _admit(merchant_id: str, role: Role, subject_id: str, claim: Claim) -> Job[Principal]:
    yield from insert_access(merchant_id, claim.access_id, role, subject_id, "paired", (), claim.access, claim.at)
    return Principal(merchant_id=merchant_id, access_id=claim.access_id, role=role, subject_id=subject_id)


def use_pairing(merchant_id: str, station_id: str, digest: bytes, at: int) -> Job[None]:
    """Use a station's code once without a new credential."""
    rows = yield Query(
        "update pairing set used_at = ? where merchant_id = ? and secret_hash = ? and role = 'phone'"
        " and subject_id = ? and used_at is null and expires_at > ? returning pairing_id",
        (at, merchant_id, digest, station_id, at),
    )
    if not rows:
        raise (yield from _refusal(digest, station_id))


def _refusal(digest: bytes, station_id: str | None = None) -> Job[RequestError]:
    rows = yield Query("select used_at, subject_id from pairing where secret_hash = ?", (digest,))
    if not rows or (station_id is not None and rows[0]["subject_id"] != station_id):
        return RequestError("pairing-unknown", "No pairing has this code.", status=404)
    if rows[0]["used_at"] is not None:
        return Conflict("pairing-used", "This pairing code was used already; show a new one.")
    return RequestError("pairing-expired", "This pairing code has expired; show a new one.", status=410)


def _pseudonym(merchant_id: str, claim: Claim) -> Job[str]:
    merchant = yield from read_merchant(merchant_id)
    yield Query(
        "insert into customer (merchant_id, customer_id, display_name, pseudonym, language, tier, segments, created_at)"
        " values (?, ?, '', 1, ?, ?, '[]', ?)",
        (merchant_id, claim.customer_id, merchant.language, merchant.programme.base_tier, claim.at),
    )
    yield mark_due(merchant_id, claim.customer_id, claim.at)
    return claim.customer_id


def _enrol(merchant_id: str, customer_id: str, claim: Claim) -> Job[tuple[int, bytes]]:
    newest = Query(
        "select epoch, key from programme_key where merchant_id = ? order by epoch desc limit 1", (merchant_id,)
    )
    keys = yield newest
    if not keys:
        yield Query(
            "insert into programme_key (merchant_id, epoch, key, created_at) values (?, 0, ?, ?)"
            " on conflict (merchant_id, epoch) do nothing",
            (merchant_id, claim.programme_key, claim.at),
        )
        keys = yield newest
    epoch, programme_key = int(keys[0]["epoch"]), bytes(keys[0]["key"])
    yield Query(
        "insert into device (merchant_id, handle, customer_id, epoch, created_at) values (?, ?, ?, ?, ?)",
        (merchant_id, claim.handle.hex(), customer_id, epoch, claim.at),
    )
    return epoch, programme_key
