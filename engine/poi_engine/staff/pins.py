"""Sellers' PINs: a slow hash off the loop, and a limit on attempts that lasts over restarts and processes."""

import asyncio
import hashlib
import hmac
import secrets

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.errors import Forbidden, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql

TRIES = 5
"""Wrong PINs in a row before a pause."""
PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3600
COST = 2**14
"""scrypt's N: 16 MB and some 50 ms a hash."""
_BLOCK, _LANES = 8, 1
_AT_ONCE = 2
_RUNS = ("0123456789", "9876543210")


class Pins:
    """Checks PINs; each attempt is counted before it is judged, so that guesses side by side count as well."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, *, cost: int = COST) -> None:
        self._cost = cost
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, pin: str) -> str:
        """What is stored of a PIN; one that is easily guessed is refused."""
        check_pin(pin)
        async with self._hashing:
            return await asyncio.to_thread(hash_pin, pin, secrets.token_bytes(16), self._cost)

    async def prove(self, merchant_id: str, seller_id: str, pin: str, by: str) -> str:
        """The stored hash, if this is the seller's PIN. Refusals: `pin-wrong`, `pin-locked`."""
        at, audit_id = micros(self._clock.now()), self._ids.new("aud")
        stored = await self._sql.write(lambda: _attempt(merchant_id, seller_id, by, audit_id, at))
        async with self._hashing:
            right = await asyncio.to_thread(is_pin, pin, stored)
        if not right:
            raise Forbidden("pin-wrong", "This is not the person's PIN.", path="$.pin")
        return stored


def check_pin(pin: str) -> None:
    """Refuse a PIN that is no 4 to 8 digits, or one of those that are tried first."""
    if not (4 <= len(pin) <= 8 and pin.isascii() and pin.isdigit()):
        raise RequestError("pin-form", "A PIN has 4 to 8 digits.", path="$.pin")
    if len(set(pin)) == 1 or any(pin in run for run in _RUNS):
        raise RequestError("pin-simple", "This PIN is guessed at once; take another one.", path="$.pin")


def hash_pin(pin: str, salt: bytes, cost: int = COST) -> str:
    """The slow hash with what it takes to make it again."""
    return f"scrypt.{cost}.{salt.hex()}.{_slow(pin, salt, cost).hex()}"


def is_pin(pin: str, stored: str) -> bool:
    """Whether `stored` was made of this PIN."""
    _, cost, salt, digest = stored.split(".")
    return hmac.compare_digest(_slow(pin, bytes.fromhex(salt), int(cost)), bytes.fromhex(digest))


def proved(merchant_id: str, seller_id: str, stored: str) -> Job[None]:
    """The PIN was right and still is: the attempts count from zero again."""
    rows = yield Query(
        "update seller set pin_failures = 0, pin_locked_until = null"
        " where merchant_id = ? and seller_id = ? and pin = ? and active = 1 returning seller_id",
        (merchant_id, seller_id, stored),
    )
    if not rows:
        raise Forbidden("pin-wrong", "This is not the person's PIN any more.", path="$.pin")


def _slow(pin: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=_BLOCK, p=_LANES, dklen=32)


def _attempt(merchant_id: str, seller_id: str, by: str, audit_id: str, at: int) -> Job[str]:
    rows = yield Query(
        "update seller set pin_failures = pin_failures + 1 where merchant_id = ? and seller_id = ? and active = 1"
        " and pin is not null and coalesce(pin_locked_until, 0) <= ? returning pin, pin_failures",
        (merchant_id, seller_id, at),
    )
    if not rows:
        raise (yield from _refusal(merchant_id, seller_id, at))
    failures = int(rows[0]["pin_failures"])
    if failures % TRIES == 0:
        pause = min(PAUSE_SECONDS * 2 ** (failures // TRIES - 1), LONGEST_PAUSE_SECONDS)
        yield Query(
            "update seller set pin_locked_until = ? where merchant_id = ? and seller_id = ?",
            (at + pause * 1_000_000, merchant_id, seller_id),
        )
        yield insert_audit(merchant_id, audit_id, by, "pin-pause", seller_id, f"{failures} wrong PINs in a row", at)
    return str(rows[0]["pin"])


def _refusal(merchant_id: str, seller_id: str, at: int) -> Job[RequestError]:
    rows = yield Query(
        "select pin_locked_until from seller where merchant_id = ? and seller_id = ? and active = 1"
        " and pin is not null",
        (merchant_id, seller_id),
    )
    if not rows:
        return Forbidden("pin-wrong", "This person has no PIN here.", path="$.pin")
    seconds = -(-(int(rows[0]["pin_locked_until"] or at) - at) // 1_000_000)
    message = f"Too many wrong PINs: wait {seconds} seconds, or ask a manager for a new PIN."
    return RequestError("pin-locked", message, path="$.pin", status=429)
