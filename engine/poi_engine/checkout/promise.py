"""Idempotency: one key, one effect, one answer, in the same transaction as what it promises."""

import hashlib

from msgspec import Struct

from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal

SUCCESS = 200


class Key(Struct, frozen=True, kw_only=True):
    """A caller's idempotency key with a digest of what it asks for."""

    principal: str
    key: str
    body_hash: bytes


class Promise(Struct, frozen=True, kw_only=True):
    """What a key made before: `subject` is the checkout; `answer` is None while it is under way, and where the sale
    that was made is the answer."""

    subject: str
    answer: bytes | None


def key_of(by: Principal, key: str, *body: str) -> Key:
    """The key in its principal's own namespace; `body` is what must be the same when the key is repeated."""
    if not 1 <= len(key) <= 255:
        raise Conflict("idempotency-key", "An idempotency key has 1 to 255 characters.", status=422)
    digest = hashlib.sha256("\0".join(body).encode()).digest()
    return Key(principal=by.access_id, key=key, body_hash=digest)


def promise(merchant_id: str, key: Key, subject: str, at: int) -> Job[Promise | None]:
    """Take the key for `subject`, or return what it made before; another body under the same key is refused."""
    rows = yield Query(
        "insert into idempotency (merchant_id, principal, key, body_hash, subject, created_at) "
        "values (?, ?, ?, ?, ?, ?) on conflict (merchant_id, principal, key) do nothing returning subject",
        (merchant_id, key.principal, key.key, key.body_hash, subject, at),
    )
    if rows:
        return None
    return (yield from promised(merchant_id, key))


def promised(merchant_id: str, key: Key) -> Job[Promise | None]:
    """What the key made before, if anything."""
    rows = yield Query(
        "select body_hash, subject, answer from idempotency where merchant_id = ? and principal = ? and key = ?",
        (merchant_id, key.principal, key.key),
    )
    if not rows:
        return None
    if bytes(rows[0]["body_hash"]) != key.body_hash:
        message = "This idempotency key was used for another request; use a new key for a new request."
        raise Conflict("idempotency-mismatch", message, status=422)
    answer = rows[0]["answer"]
    return Promise(subject=rows[0]["subject"], answer=None if answer is None else bytes(answer))


def keep_answer(merchant_id: str, principal: str, key: str, answer: bytes) -> Query:
    """Keep the answer; the first one stays."""
    return Query(
        "update idempotency set status = ?, answer = ? where merchant_id = ? and principal = ? and key = ? "
        "and answer is null",
        (SUCCESS, answer, merchant_id, principal, key),
    )
