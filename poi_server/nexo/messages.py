"""A till's requests that move something, in SQL: a row by ServiceID, and the one answer each of them has."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import Struct

from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query, Row
from poi_server.nexo.wire.common import MessageHeader, SaleData
from poi_server.nexo.wire.payment import MessageReference

REUSE_US = 48 * 3_600_000_000
"""After how long a till may use a ServiceID for something else."""
KEPT_US = 30 * 86_400_000_000
"""How long answers are kept."""
_GIVING = "('Payment', 'Loyalty', 'StoredValue')"
"""Categories that would take or give once more if they were sent again: that they were served is kept for good."""
_KEY = "merchant_id = ? and poi_id = ? and sale_system = ? and service_id = ?"


class Line(Struct, frozen=True, omit_defaults=True):
    """A line of the request, by the id it has in our basket."""

    line_id: str
    item_id: int
    product_code: str
    ean_upc: str | None = None


class Echo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an answer repeats of its request: nothing of a person, of a card or of an account."""

    sale_data: SaleData | None = None
    kind: str = ""
    lines: tuple[Line, ...] = ()


class Kept(Struct, frozen=True, kw_only=True):
    """A request on file. `subject`: the session it sells in; `answer`: the body of its answer, if it has one."""

    message_id: str
    category: str
    station_id: str
    echo: Echo
    subject: str | None
    answer: bytes | None
    created_at: int = 0
    fresh: bool = False


def key_of(merchant_id: str, header: MessageHeader) -> tuple[str, str, str, str]:
    """The name of a request among all of the merchant's."""
    return merchant_id, header.poiid, header.sale_id or "", header.service_id or ""


def device_key(merchant_id: str, header: MessageHeader) -> tuple[str, ...]:
    """The name of a request to a device, while it waits."""
    return merchant_id, asker_of(header)


def asker_of(header: MessageHeader, reference: MessageReference | None = None) -> str:
    """Which till asks what of a device, by its ServiceID or, without one, its DeviceID; or the one it refers to."""
    named = reference or header
    number = f"service {named.service_id}" if named.service_id else f"device {named.device_id or ''}"
    return f"{named.sale_id or header.sale_id} {named.poiid or header.poiid} {number}"


def digest(category: str, body: bytes) -> bytes:
    """What must be the same when a ServiceID is repeated."""
    return hashlib.sha256(category.encode() + b"\0" + body).digest()


def begin(
    key: tuple[str, str, str, str],
    message_id: str,
    station_id: str,
    category: str,
    body_hash: bytes,
    echo: Echo,
    at: int,
) -> Job[Kept]:
    """Put a request on file, or return what is there by its ServiceID; another request by it is a `Conflict`."""
    values = (*key, message_id, station_id, category, body_hash, msgspec.json.encode(echo).decode(), at)
    if (yield from _filed(key, body_hash, values)):
        return Kept(
            message_id=message_id,
            category=category,
            station_id=station_id,
            echo=echo,
            subject=None,
            answer=None,
            created_at=at,
            fresh=True,
        )
    row = yield from _row(key)
    assert row is not None
    if bytes(row["body_hash"]) == body_hash:
        return _kept(row)
    if row["created_at"] > at - REUSE_US:
        raise Conflict("service-id-used", "This ServiceID was used for another request within 48 hours.")
    yield from _forget(f"{_KEY} and created_at = ?", (*key, row["created_at"]))
    return (yield from begin(key, message_id, station_id, category, body_hash, echo, at))


def _filed(key: tuple[str, str, str, str], body_hash: bytes, values: tuple[str | int | bytes, ...]) -> Job[bool]:
    """Put a new request on file; False where there is one by its ServiceID. One that was served is not new."""
    spent = yield Query(f"select 1 as found from nexo_spent where {_KEY} and body_hash = ?", (*key, body_hash))
    if spent:
        message = "This very message was served long ago: a new request has its own time and ServiceID."
        raise Conflict("message-spent", message)
    rows = yield Query(
        "insert into nexo_message (merchant_id, poi_id, sale_system, service_id, message_id, station_id, category, "
        "body_hash, echo, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict (merchant_id, poi_id, sale_system, service_id) do nothing returning message_id",
        values,
    )
    return bool(rows)


def find(key: tuple[str, str, str, str]) -> Job[Kept | None]:
    """A request on file."""
    row = yield from _row(key)
    return None if row is None else _kept(row)


def about(key: tuple[str, str, str, str], subject: str) -> Job[None]:
    """Note what the request works on, before it does anything."""
    yield Query(f"update nexo_message set subject = ? where {_KEY}", (subject, *key))


def claim(key: tuple[str, str, str, str], session_id: str, station_id: str, since: int) -> Job[None]:
    """Note that the request sells in the session, for which it is alone: `Conflict` `station-busy` while another
    request that came after `since` (microseconds since 1970) has it, in whichever process."""
    yield Query("update station set name = name where merchant_id = ? and station_id = ?", (key[0], station_id))
    rows = yield Query(
        "select poi_id, sale_system, service_id from nexo_message where merchant_id = ? and subject = ? "
        "and answer is null and created_at > ?",
        (key[0], session_id, since),
    )
    if any((row["poi_id"], row["sale_system"], row["service_id"]) != key[1:] for row in rows):
        raise Conflict("station-busy", "Another till's request is under way at this station.")
    yield from about(key, session_id)


def is_acquired(merchant_id: str, session_id: str, since: int) -> Job[bool]:
    """Whether the session's customer was acquired, for a payment that names them; by a request that is not under way
    any more: it has its answer, or came before `since` (microseconds since 1970)."""
    rows = yield Query(
        "select message_id from nexo_message where merchant_id = ? and subject = ? and category = 'CardAcquisition' "
        "and (answer is not null or created_at <= ?) limit 1",
        (merchant_id, session_id, since),
    )
    return bool(rows)


def is_a_tills(merchant_id: str, session_id: str) -> Job[bool]:
    """Whether a till's request sold in the session."""
    found = yield Query(
        "select message_id from nexo_message where merchant_id = ? and subject = ? limit 1", (merchant_id, session_id)
    )
    return bool(found)


def answer(key: tuple[str, str, str, str], body: bytes, at: int) -> Job[bytes]:
    """Keep the answer; the first one stays, and is returned."""
    kept = yield Query(
        f"update nexo_message set answer = ?, answered_at = ? where {_KEY} and answer is null returning answer",
        (body, at, *key),
    )
    if kept:
        return body
    row = yield from _row(key)
    return body if row is None else bytes(row["answer"])


def forget_old(merchant_id: str, at: int) -> Job[None]:
    """Delete what is older than answers are kept."""
    yield from _forget("merchant_id = ? and created_at <= ?", (merchant_id, at - KEPT_US))


def _forget(which: str, values: tuple[str | int, ...]) -> Job[None]:
    """Delete requests and their answers; of those that took or gave something it is kept that they were served."""
    columns = "merchant_id, poi_id, sale_system, service_id, body_hash"
    yield Query(
        f"insert into nexo_spent ({columns}) select {columns} from nexo_message where {which}"
        f" and category in {_GIVING} on conflict do nothing",
        values,
    )
    yield Query(f"delete from nexo_message where {which}", values)


def _row(key: tuple[str, str, str, str]) -> Job[Row | None]:
    rows = yield Query(
        "select message_id, category, station_id, body_hash, echo, subject, answer, created_at from nexo_message "
        f"where {_KEY}",
        key,
    )
    return rows[0] if rows else None


def _kept(row: Row) -> Kept:
    return Kept(
        message_id=row["message_id"],
        category=row["category"],
        station_id=row["station_id"],
        echo=msgspec.json.decode(row["echo"], type=Echo),
        subject=row["subject"],
        answer=None if row["answer"] is None else bytes(row["answer"]),
        created_at=row["created_at"],
    )


# --- logins --------------------------------------------------------------------------------------------------------


class Login(Struct, frozen=True, kw_only=True):
    """A till that is logged in."""

    sale_system: str
    station_id: str
    operator: str
    shift: str


def log_in(
    merchant_id: str, header: MessageHeader, station_id: str, operator: str, shift: str, software: str, at: int
) -> Job[None]:
    """The till is logged in; again is no mistake."""
    yield Query(
        "insert into nexo_login (merchant_id, poi_id, sale_system, station_id, operator, shift, software, created_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, poi_id, sale_system) do update set"
        " station_id = excluded.station_id, operator = excluded.operator, shift = excluded.shift,"
        " software = excluded.software, created_at = excluded.created_at",
        (merchant_id, header.poiid, header.sale_id or "", station_id, operator, shift, software, at),
    )


def log_out(merchant_id: str, header: MessageHeader) -> Job[bool]:
    """The till is logged out; False when it was not in."""
    rows = yield Query(
        "delete from nexo_login where merchant_id = ? and poi_id = ? and sale_system = ? returning sale_system",
        (merchant_id, header.poiid, header.sale_id or ""),
    )
    return bool(rows)


def logins(merchant_id: str, poi_id: str) -> Job[list[Login]]:
    """The tills that are logged in at a POI."""
    rows = yield Query(
        "select sale_system, station_id, operator, shift from nexo_login where merchant_id = ? and poi_id = ?"
        " order by sale_system",
        (merchant_id, poi_id),
    )
    return [Login(**{name: row[name] for name in Login.__struct_fields__}) for row in rows]


# --- what they made ------------------------------------------------------------------------------------------------


class Made(Struct, frozen=True, kw_only=True):
    """Where the checkout of a payment or refund stands, and the sale that it made."""

    checkout_id: str
    state: str
    sale_id: str | None


def access_of(header: MessageHeader) -> str:
    """By what name the engine knows a till: its requests' ids are keys of this one."""
    return f"nexo:{header.poiid}:{header.sale_id}"


def made(merchant_id: str, principal: str, message_id: str) -> Job[Made | None]:
    """What a request's payment or refund made; None: it never began, and nothing was sent anywhere.

    This is SQL's word. A session may be older than that: it is kept where a crash can take its last second away.
    """
    rows = yield Query(
        "select c.checkout_id, c.state, c.sale_id from idempotency i join checkout c on c.merchant_id = i.merchant_id"
        " and c.checkout_id = i.subject where i.merchant_id = ? and i.principal = ? and i.key = ?",
        (merchant_id, principal, message_id),
    )
    return Made(**{name: rows[0][name] for name in Made.__struct_fields__}) if rows else None


def subject_of(merchant_id: str, principal: str, message_id: str) -> Job[str | None]:
    """What a request's key made, whatever it is."""
    rows = yield Query(
        "select subject from idempotency where merchant_id = ? and principal = ? and key = ?",
        (merchant_id, principal, message_id),
    )
    return rows[0]["subject"] if rows else None
