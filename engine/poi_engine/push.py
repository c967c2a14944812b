"""Who gets notifications: the merchant's key, the phones that subscribed, and the customers who agree."""

import hashlib
from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.clientele.consents import consented
from poi_engine.clientele.rows import lock_alive, must_live
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, RequestError
from poi_engine.ports import Job, Query, Sql
from poi_engine.webpush import check_keys, new_key, public_point, to_text

MOST_PHONES = 10
"""Subscriptions of one customer; the oldest makes way."""
KeyText = Annotated[str, Meta(min_length=16, max_length=120)]


class PushKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a browser's messages are encrypted with, as the Push API gives it."""

    p256dh: KeyText
    auth: KeyText


class Subscription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A browser's subscription: where its messages go, and in which language."""

    endpoint: Annotated[str, Meta(min_length=8, max_length=1000)]
    keys: PushKeys
    language: Literal["fr", "en"] = "fr"


class Push:
    """The notifications' service; it sends nothing itself."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def key(self, merchant_id: str) -> bytes:
        """The merchant's private key, made once and kept."""
        made, at = new_key(), micros(self._clock.now())

        def job() -> Job[bytes]:
            yield Query(
                "insert into push_key (merchant_id, private, created_at) values (?, ?, ?) "
                "on conflict (merchant_id) do nothing",
                (merchant_id, made, at),
            )
            rows = yield Query("select private from push_key where merchant_id = ?", (merchant_id,))
            return bytes(rows[0]["private"])

        return await self._sql.write(job)

    async def public_key(self, merchant_id: str) -> str:
        """What browsers subscribe with."""
        return to_text(public_point(await self.key(merchant_id)))

    async def subscribe(self, merchant_id: str, customer_id: str, asked: Subscription) -> None:
        """Keep a phone's subscription, if its customer agrees to notifications."""
        try:
            check_keys(asked.keys.p256dh, asked.keys.auth)
        except ValueError:
            raise RequestError("push-keys-wrong", "These are no keys of a push subscription.", path="$.keys") from None
        at = micros(self._clock.now())
        await self._sql.write(lambda: _subscribe(merchant_id, customer_id, asked, at))

    async def unsubscribe(self, merchant_id: str, customer_id: str, endpoint: str) -> None:
        """This phone gets none any more."""

        def job() -> Job[None]:
            person = yield from must_live(merchant_id, customer_id)
            yield Query(
                "delete from push_subscription where merchant_id = ? and subscription_id = ? and customer_id = ?",
                (merchant_id, subscription_id(endpoint), person.customer_id),
            )

        await self._sql.write(job)


def subscription_id(endpoint: str) -> str:
    """A subscription's name."""
    return hashlib.sha256(endpoint.encode()).hexdigest()[:40]


def _subscribe(merchant_id: str, customer_id: str, asked: Subscription, at: int) -> Job[None]:
    person = yield from lock_alive(merchant_id, customer_id)
    if not (yield from consented(merchant_id, person.customer_id, "push")):
        raise Conflict("no-consent", "The customer has not agreed to notifications.")
    values = (asked.endpoint, asked.keys.p256dh, asked.keys.auth, asked.language, at)
    yield Query(
        "insert into push_subscription (merchant_id, subscription_id, customer_id, endpoint, p256dh, auth, language, "
        "created_at) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, subscription_id) do update set "
        "customer_id = excluded.customer_id, p256dh = excluded.p256dh, auth = excluded.auth, "
        "language = excluded.language, created_at = excluded.created_at",
        (merchant_id, subscription_id(asked.endpoint), person.customer_id, *values),
    )
    rows = yield Query(
        "select subscription_id from push_subscription where merchant_id = ? and customer_id = ? "
        "order by created_at desc, subscription_id",
        (merchant_id, person.customer_id),
    )
    for row in rows[MOST_PHONES:]:
        yield Query(
            "delete from push_subscription where merchant_id = ? and subscription_id = ?",
            (merchant_id, row["subscription_id"]),
        )
