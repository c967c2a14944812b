"""PINs of sellers and of customers: a slow hash off the loop, and a limit on attempts that lasts over restarts.

A right PIN ends a row of wrong ones, but not the day's count: who tries a few each time somebody else has signed in is
stopped as well. Every wrong PIN is on record.
"""

import asyncio
import hashlib
import hmac
import secrets
from typing import NamedTuple

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.errors import Forbidden, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal

TRIES = 5
"""Wrong PINs in a row before a pause."""
PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 3600
TRIES_A_DAY = 40
"""Wrong PINs within 24 hours, whatever came in between; then until the first of them is a day old."""
DAY_US = 86_400_000_000
COST = 2**14
"""scrypt's N: 16 MB and some 50 ms a hash."""
_BLOCK, _LANES = 8, 1
_AT_ONCE = 2
_RUNS = ("0123456789", "9876543210")


class Holders(NamedTuple):
    """Whose PINs: the table and its key, who of them counts, and what to do instead of waiting."""

    table: str
    key: str
    counts: str
    instead: str


SELLERS = Holders("seller", "seller_id", "active = 1", "ask a manager for a new PIN")
CUSTOMERS = Holders("customer_pin", "customer_id", "1 = 1", "confirm on the phone")


class Pins:
    """Checks PINs; each attempt is counted before it is judged, so that guesses side by side count as well."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, *, cost: int = COST, of: Holders = SELLERS) -> None:
        self._cost = cost
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._of = of
        self._hashing = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, pin: str) -> str:
        """What is stored of a PIN; one that is easily guessed is refused."""
        check_pin(pin)
        async with self._hashing:
            return await asyncio.to_thread(hash_pin, pin, secrets.token_bytes(16), self._cost)

    async def prove(self, merchant_id: str, holder_id: str, pin: str, by: Principal) -> str:
        """The stored hash, if this is the person's PIN. Refusals: `pin-wrong`, `pin-locked`."""
        at = micros(self._clock.now())
        stored, failures = await self._sql.write(lambda: self._attempt(merchant_id, holder_id, at))
        async with self._hashing:
            right = await asyncio.to_thread(is_pin, pin, stored)
        if not right:
            await self._sql.write(lambda: self._wrong(merchant_id, holder_id, failures, by, at))
            raise Forbidden("pin-wrong", "This is not the person's PIN.", path="$.pin")
        return stored

    def proved(self, merchant_id: str, holder_id: str, stored: str) -> Job[None]:
        """The PIN was right and still is: the row of wrong ones has ended."""
        rows = yield Query(
            f"update {self._of.table} set pin_failures = 0, pin_locked_until = null"
            f" where merchant_id = ? and {self._of.key} = ? and pin = ? and {self._of.counts} returning {self._of.key}",
            (merchant_id, holder_id, stored),
        )
        if not rows:
            raise Forbidden("pin-wrong", "This is not the person's PIN any more.", path="$.pin")

    def _attempt(self, merchant_id: str, holder_id: str, at: int) -> Job[tuple[str, int]]:
        """The stored hash to judge by, and how many attempts in a row this makes."""
        rows = yield Query(
            f"update {self._of.table} set pin_failures = pin_failures + 1 where merchant_id = ? and {self._of.key} = ?"
            f" and {self._of.counts} and pin is not null and coalesce(pin_locked_until, 0) <= ?"
            " returning pin, pin_failures",
            (merchant_id, holder_id, at),
        )
        if not rows:
            raise (yield from self._refusal(merchant_id, holder_id, at))
        failures = int(rows[0]["pin_failures"])
        if failures % TRIES == 0:
            pause = min(PAUSE_SECONDS * 2 ** (failures // TRIES - 1), LONGEST_PAUSE_SECONDS)
            yield self._pause(merchant_id, holder_id, at + pause * 1_000_000)
        return str(rows[0]["pin"]), failures

    def _wrong(self, merchant_id: str, holder_id: str, failures: int, by: Principal, at: int) -> Job[None]:
        def noted(act: str, why: str = "") -> Query:
            return insert_audit(merchant_id, self._ids.new("aud"), by.who, act, holder_id, why, at, by.station_id)

        yield noted("pin-wrong")
        if failures % TRIES == 0:
            yield noted("pin-pause", f"{failures} wrong PINs in a row")
        given = yield Query(
            "select coalesce(max(created_at), 0) as at from audit where merchant_id = ? and subject_id = ?"
            " and created_at > ? and act = 'set-pin'",
            (merchant_id, holder_id, at - DAY_US),
        )
        rows = yield Query(
            "select created_at from audit where merchant_id = ? and subject_id = ? and created_at > ?"
            " and act = 'pin-wrong' order by created_at desc limit ?",
            (merchant_id, holder_id, max(int(given[0]["at"]), at - DAY_US), TRIES_A_DAY),
        )
        if len(rows) == TRIES_A_DAY:
            yield self._pause(merchant_id, holder_id, int(rows[-1]["created_at"]) + DAY_US)
            yield noted("pin-pause", f"{TRIES_A_DAY} wrong PINs within a day")

    def _pause(self, merchant_id: str, holder_id: str, until: int) -> Query:
        return Query(
            f"update {self._of.table} set pin_locked_until = ? where merchant_id = ? and {self._of.key} = ?",
            (until, merchant_id, holder_id),
        )

    def _refusal(self, merchant_id: str, holder_id: str, at: int) -> Job[RequestError]:
        rows = yield Query(
            f"select pin_locked_until from {self._of.table} where merchant_id = ? and {self._of.key} = ?"
            f" and {self._of.counts} and pin is not null",
            (merchant_id, holder_id),
        )
        if not rows:
            return Forbidden("pin-wrong", "This person has no PIN here.", path="$.pin")
        seconds = -(-(int(rows[0]["pin_locked_until"] or at) - at) // 1_000_000)
        message = f"Too many wrong PINs: wait {seconds} seconds, or {self._of.instead}."
        return RequestError("pin-locked", message, path="$.pin", status=429)


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


def _slow(pin: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(pin.encode(), salt=salt, n=cost, r=_BLOCK, p=_LANES, dklen=32)
