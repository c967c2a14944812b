"""Who may come in: credentials, single-use pairing, API keys, revocation.

A secret is 160 random bits; storage knows only its SHA-256. The merchant is always the credential's, never the caller's
word. Where one process owns the storage (`exclusive`), a known secret is answered from memory for less than a second:
whatever ends a credential is heeded within that time, and a revocation by this service at once. Otherwise SQL is
asked each time.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from poi_engine.access_jobs import (
    Claim,
    Claimed,
    claim_by_friend,
    claim_pairing,
    first_owner,
    insert_access,
    insert_pairing,
    revoke_access,
    revoke_subject,
    use_pairing,
)
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal, Role, Scope
from poi_qr.poi1 import derive_device_key

SECRET_BITS = 160
PAIRING_SECONDS = 600
FRESH_SECONDS = 0.5
"""How old what is remembered of a credential may be."""
LOCAL = "acc_local"
"""The credential of this machine's command line."""
_REMEMBERED = 10_000

PairingRole = Literal["owner", "manager", "seller", "auditor", "station", "phone"]


class Granted(Struct, frozen=True, kw_only=True):
    """A new credential. The secret exists here and nowhere else."""

    access_id: str
    secret: str


class AccessEntry(Struct, frozen=True, kw_only=True):
    """A credential as the owner sees it; times are microseconds since 1970."""

    access_id: str
    role: Role
    subject_id: str
    label: str
    scopes: tuple[Scope, ...]
    created_at: int


class Pairing(Struct, frozen=True, kw_only=True):
    """A single-use invitation; `expires_at` is microseconds since 1970."""

    pairing_id: str
    role: PairingRole
    subject_id: str
    secret: str
    expires_at: int


class Device(Struct, frozen=True, kw_only=True):
    """What a customer's phone needs to make rotating codes."""

    handle: bytes
    epoch: int
    key: bytes


class Paired(Struct, frozen=True, kw_only=True):
    """A claimed pairing: a principal, its secret, a phone's device, and the station whose code a phone scanned."""

    principal: Principal
    secret: str
    device: Device | None = None
    station_id: str | None = None


class Access:
    """The credentials of all merchants in one storage."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, *, exclusive: bool) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._exclusive = exclusive
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._local: dict[bytes, Principal] = {}
        self._revocations = 0

    # --- who is it

    def remembered(self, secret: str) -> Principal | None:
        """The principal of a secret that was right before; says nothing about revocation."""
        digest = _digest(secret)
        known = self._known.get(digest)
        return self._local.get(digest) or (known[0] if known else None)

    def fresh(self, secret: str) -> Principal | None:
        """The principal of a secret where storage need not be asked."""
        digest = _digest(secret)
        if found := self._local.get(digest):
            return found
        known = self._known.get(digest) if self._exclusive else None
        return known[0] if known and self._clock.monotonic() - known[1] < FRESH_SECONDS else None

    async def authenticate(self, secret: str) -> Principal | None:
        """The principal of a secret, or None when nobody has it or it was revoked."""
        if found := self.fresh(secret):
            return found
        digest, now, revocations = _digest(secret), self._clock.monotonic(), self._revocations
        principal = await self._sql.read(lambda: _principal_job(digest))
        if principal is None:
            self._known.pop(digest, None)
            return None
        if revocations != self._revocations:  # what was read may be older than a revocation: not to be remembered
            return principal
        self._known[digest] = (principal, now)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def grant_local(self, merchant_id: str) -> str:
        """A secret that acts as the owner while this process lives: for the command line of the same machine."""
        secret = self._ids.secret(SECRET_BITS)
        self._local[_digest(secret)] = Principal(
            merchant_id=merchant_id, access_id=LOCAL, role="owner", subject_id="operator"
        )
        return secret

    # --- credentials

    async def ensure_owner(self, name: str, currency: str, language: str) -> tuple[str, str | None]:
        """The only merchant's id; on the first run it is made, with the owner's secret as second value."""
        merchant_id, access_id, secret = self._ids.new("mer"), self._ids.new("acc"), self._ids.secret(SECRET_BITS)
        made = await self._sql.write(
            lambda: first_owner(
                merchant_id, name, currency, language, access_id, _digest(secret), micros(self._clock.now())
            )
        )
        return made, secret if made == merchant_id else None

    async def grant(
        self,
        merchant_id: str,
        role: Role,
        subject_id: str,
        label: str,
        *,
        scopes: Sequence[Scope] = (),
        by: Principal,
    ) -> Granted:
        """A new credential for a subject."""
        access_id, secret, at = self._ids.new("acc"), self._ids.secret(SECRET_BITS), micros(self._clock.now())
        audit_id = self._ids.new("aud")

        def job() -> Job[None]:
            yield from insert_access(merchant_id, access_id, role, subject_id, label, scopes, _digest(secret), at)
            yield insert_audit(merchant_id, audit_id, by.who, "grant", access_id, f"{role} {label}", at, by.station_id)

        await self._sql.write(job)
        return Granted(access_id=access_id, secret=secret)

    async def entries(self, merchant_id: str, role: Role | None = None) -> list[AccessEntry]:
        """The merchant's credentials that are not revoked, newest first."""
        rows = await self._sql.read(lambda: _entries_job(merchant_id))
        return [_entry(row) for row in rows if role is None or row["role"] == role]

    async def revoke(self, merchant_id: str, access_id: str, *, by: Principal, role: Role | None = None) -> None:
        """End a credential (of a role) at once; the last owner's cannot be ended, and an owner's by an owner only."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield from revoke_access(merchant_id, access_id, role, by.role, at)
            yield insert_audit(merchant_id, audit_id, by.who, "revoke", access_id, "", at, by.station_id)

        await self._sql.write(job)
        self._forget(lambda known: known.merchant_id == merchant_id and known.access_id == access_id)

    async def revoke_subject(self, merchant_id: str, role: Role, subject_id: str) -> None:
        """End every credential of a seller, station or customer, at once."""
        at = micros(self._clock.now())
        await self._sql.write(lambda: revoke_subject(merchant_id, role, subject_id, at))
        self.forget_subject(merchant_id, role, subject_id)

    def forget_subject(self, merchant_id: str, role: Role, subject_id: str) -> None:
        """Drop a subject from memory; for a caller that revoked its credentials in a transaction of its own."""
        self._forget(lambda known: (known.merchant_id, known.role, known.subject_id) == (merchant_id, role, subject_id))

    def _forget(self, gone: Callable[[Principal], bool]) -> None:
        self._revocations += 1
        for digest in [digest for digest, (known, _) in self._known.items() if gone(known)]:
            del self._known[digest]

    # --- pairing

    async def invite(
        self,
        merchant_id: str,
        role: PairingRole,
        subject_id: str,
        *,
        seconds: int = PAIRING_SECONDS,
        by: Principal | None = None,
    ) -> Pairing:
        """A single-use invitation, good for `seconds`; `by` is who asked, for the audit: a station's code is nobody's.

        A phone's subject is a customer, the station that shows the code, or empty.
        """
        now = self._clock.now()
        pairing = Pairing(
            pairing_id=self._ids.new("pai"),
            role=role,
            subject_id=subject_id,
            secret=self._ids.secret(SECRET_BITS),
            expires_at=micros(now + seconds),
        )
        digest, audit_id, at = _digest(pairing.secret), self._ids.new("aud"), micros(now)

        def job() -> Job[None]:
            yield from insert_pairing(merchant_id, pairing.pairing_id, role, subject_id, digest, pairing.expires_at, at)
            if by is not None:
                why = f"{role} {subject_id}".strip()
                yield insert_audit(merchant_id, audit_id, by.who, "pair", pairing.pairing_id, why, at, by.station_id)

        await self._sql.write(job)
        return pairing

    async def claim(self, secret: str) -> Paired:
        """Use an invitation: a new credential, and for a phone a customer (a pseudonym if none was named) and a device.

        Refusals: `pairing-unknown`, `pairing-used`, `pairing-expired`.
        """
        granted = self._ids.secret(SECRET_BITS)
        claim = self._claim(_digest(secret), granted)
        return _paired(await self._sql.write(lambda: claim_pairing(claim)), claim, granted)

    async def claim_by_friend(self, merchant_id: str, code: str, cookie: str) -> Paired:
        """A new customer joins by a friend's code, which is given for them at once; `cookie` tells their browser.

        Refusals are those of giving a code: unknown, closed, at its limit, or the same person's.
        """
        granted, audit_id = self._ids.secret(SECRET_BITS), self._ids.new("aud")
        claim = self._claim(b"", granted)
        claimed = await self._sql.write(lambda: claim_by_friend(merchant_id, code, cookie, audit_id, claim))
        return _paired(claimed, claim, granted)

    def _claim(self, pairing: bytes, granted: str) -> Claim:
        return Claim(
            pairing=pairing,
            access_id=self._ids.new("acc"),
            access=_digest(granted),
            customer_id=self._ids.new("cus"),
            handle=secrets.token_bytes(8),
            programme_key=secrets.token_bytes(32),
            at=micros(self._clock.now()),
        )

    async def use_join_code(self, merchant_id: str, station_id: str, secret: str) -> None:
        """Use a station's code by a phone that is known already; refusals as for `claim`."""
        digest, at = _digest(secret), micros(self._clock.now())
        await self._sql.write(lambda: use_pairing(merchant_id, station_id, digest, at))


def _paired(claimed: Claimed, claim: Claim, granted: str) -> Paired:
    if claimed.epoch is None:
        return Paired(principal=claimed.principal, secret=granted)
    key = derive_device_key(claimed.programme_key, claimed.epoch, claim.handle)
    device = Device(handle=claim.handle, epoch=claimed.epoch, key=key)
    return Paired(principal=claimed.principal, secret=granted, device=device, station_id=claimed.station_id)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _principal_job(digest: bytes) -> Job[Principal | None]:
    rows = yield Query(
        "select merchant_id, access_id, role, subject_id, scopes from access"
        " where secret_hash = ? and revoked_at is null",
        (digest,),
    )
    return _principal(rows[0]) if rows else None


def _principal(row: Row) -> Principal:
    return Principal(
        merchant_id=row["merchant_id"],
        access_id=row["access_id"],
        role=row["role"],
        subject_id=row["subject_id"],
        scopes=tuple(json.loads(row["scopes"])),
    )


def _entries_job(merchant_id: str) -> Job[list[Row]]:
    rows = yield Query(
        "select access_id, role, subject_id, label, scopes, created_at from access"
        " where merchant_id = ? and revoked_at is null order by created_at desc, access_id desc",
        (merchant_id,),
    )
    return rows


def _entry(row: Row) -> AccessEntry:
    return AccessEntry(
        access_id=row["access_id"],
        role=row["role"],
        subject_id=row["subject_id"],
        label=row["label"],
        scopes=tuple(json.loads(row["scopes"])),
        created_at=row["created_at"],
    )
