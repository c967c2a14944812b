"""The rows of a sending. A message is written before it leaves: a crash loses none, and none has two rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from poi_engine.catalogue.offer_book import remaining_limits
from poi_engine.clientele.consents import consented
from poi_engine.clientele.rows import marks
from poi_engine.errors import Conflict, NotFound
from poi_engine.ports import Job, Query, Row
from poi_engine.settings import lock_merchant
from poi_offers.limits import limit_key
from poi_offers.model import Offer
from poi_offers.situation import Basket, CustomerFacts, Place, Situation

Result = Literal["sent", "failed", "gone", "again"]
"""What a push service said: `gone` forgets the subscription, `again` is tried once more."""
TRIES = 4
_SECOND = 1_000_000
LEASE = 60 * _SECOND
"""How long a message may be under way before it is taken for lost."""
_AGAIN = 60 * _SECOND


class Notice(Struct, frozen=True, kw_only=True):
    """A sending as its row keeps it."""

    merchant_id: str
    notice_id: str
    offer_id: str
    state: str
    cursor: str


class Delivery(Struct, frozen=True, kw_only=True):
    """A message to send, and where."""

    subscription_id: str
    endpoint: str
    p256dh: str
    auth: str
    language: str


class Sorted(NamedTuple):
    """Customers who may have an offer, by what keeps the message from them; `phones` by customer of those who get it.

    `used_up`: the offer has nothing left for them.
    """

    used_up: set[str]
    no_consent: set[str]
    no_phone: set[str]
    heard_lately: set[str]
    phones: dict[str, list[str]]


class Moment(NamedTuple):
    """When and where limits per customer are looked up, and since when a customer was told of an offer lately."""

    at: datetime
    zone: str
    since: int


def sort_out(merchant_id: str, offer: Offer, ids: tuple[str, ...], now: Moment) -> Job[Sorted]:
    """Which of these customers a message would reach."""
    used_up = yield from _used_up(merchant_id, offer, ids, now)
    agree = yield from _who_agrees(merchant_id, ids)
    rows = yield Query(
        "select customer_id, subscription_id from push_subscription "
        f"where merchant_id = ? and customer_id in ({marks(ids)})",
        (merchant_id, *ids),
    )
    phones: dict[str, list[str]] = {}
    for row in rows:
        phones.setdefault(row["customer_id"], []).append(row["subscription_id"])
    heard = yield Query(
        "select distinct customer_id from notice_phone where merchant_id = ? "
        f"and customer_id in ({marks(ids)}) and created_at > ? and state in ('waiting', 'sending', 'sent')",
        (merchant_id, *ids, now.since),
    )
    asked = set(ids) - used_up
    lately = {str(row["customer_id"]) for row in heard} & agree & phones.keys() & asked
    reached = (asked & agree & phones.keys()) - lately
    return Sorted(
        used_up=used_up,
        no_consent=asked - agree,
        no_phone=(asked & agree) - phones.keys(),
        heard_lately=lately,
        phones={one: phones[one] for one in sorted(reached)},
    )


def _used_up(merchant_id: str, offer: Offer, ids: Sequence[str], now: Moment) -> Job[set[str]]:
    """For whom a limit per customer leaves nothing."""
    owners: dict[str, tuple[str, int]] = {}
    for customer_id in ids:
        situation = Situation(
            at=now.at,
            place=Place(zone=now.zone),
            basket=Basket(currency=offer.currency),
            customer=CustomerFacts(customer_id=customer_id),
        )
        for index, limit in enumerate(offer.limits):
            key = limit_key(offer, index, situation) if limit.per == "customer" else None
            if key is not None:
                owners[key] = (customer_id, limit.cap)
    if not owners:
        return set()
    left = yield from remaining_limits(merchant_id, {key: cap for key, (_, cap) in owners.items()})
    return {customer_id for key, (customer_id, _) in owners.items() if left[key] <= 0}


def _who_agrees(merchant_id: str, ids: tuple[str, ...]) -> Job[set[str]]:
    """Whose last word on notifications was yes; words given under a merged id count."""
    merged = yield Query(
        f"select customer_id, merged_into from customer where merchant_id = ? and merged_into in ({marks(ids)})",
        (merchant_id, *ids),
    )
    lives = {one: one for one in ids} | {str(row["customer_id"]): str(row["merged_into"]) for row in merged}
    asked = tuple(lives)
    rows = yield Query(
        "select customer_id, given, created_at, consent_id from consent "
        f"where merchant_id = ? and customer_id in ({marks(asked)}) and purpose = 'push'",
        (merchant_id, *asked),
    )
    last: dict[str, tuple[int, str, int]] = {}
    for row in rows:
        word, known_as = (row["created_at"], row["consent_id"], row["given"]), lives[row["customer_id"]]
        last[known_as] = max(word, last.get(known_as, word))
    return {customer_id for customer_id, word in last.items() if word[2]}


# --- the sending ---------------------------------------------------------------------------------------------------


def begin(merchant_id: str, notice_id: str, offer_id: str, key: str, who: str, at: int) -> Job[bool]:
    """A new sending; False when this key has begun it before. One offer is told of once at a time."""
    yield from lock_merchant(merchant_id)
    busy = yield Query(
        "select notice_id, request_key from notice where merchant_id = ? and offer_id = ? and state <> 'done'",
        (merchant_id, offer_id),
    )
    if any(row["request_key"] != key for row in busy):
        raise Conflict("being-sent", "Customers are being told of this offer right now.")
    made = yield Query(
        "insert into notice (merchant_id, notice_id, offer_id, request_key, state, cursor, who, created_at) "
        "values (?, ?, ?, ?, 'gathering', '', ?, ?) on conflict (merchant_id, request_key) do nothing "
        "returning notice_id",
        (merchant_id, notice_id, offer_id, key, who, at),
    )
    return bool(made)


def by_key(merchant_id: str, key: str) -> Job[Row | None]:
    """The sending that this key began."""
    rows = yield Query(
        "select notice_id, offer_id from notice where merchant_id = ? and request_key = ?", (merchant_id, key)
    )
    return rows[0] if rows else None


def gather(notice: Notice, ids: tuple[str, ...], last: bool, offer: Offer, now: Moment, at: int) -> Job[bool]:
    """Write the messages for the next customers, in order of their ids; False when another process has done it."""
    merchant_id = notice.merchant_id
    mine = yield Query(
        "update notice set cursor = ?, state = ? where merchant_id = ? and notice_id = ? and state = 'gathering' "
        "and cursor = ? returning notice_id",
        (
            *(ids[-1] if ids else notice.cursor, "sending" if last else "gathering"),
            *(merchant_id, notice.notice_id, notice.cursor),
        ),
    )
    if not mine:
        return False
    if ids:
        yield Query(  # of two sendings at once the second waits here, and finds what the first wrote
            f"update customer set absorbed = absorbed where merchant_id = ? and customer_id in ({marks(ids)})",
            (merchant_id, *ids),
        )
        found = yield from sort_out(merchant_id, offer, ids, now)
        for customer_id, phones in found.phones.items():
            for subscription_id in phones:
                yield Query(
                    "insert into notice_phone (merchant_id, notice_id, subscription_id, customer_id, state, due_at, "
                    "created_at, changed_at) values (?, ?, ?, ?, 'waiting', ?, ?, ?)",
                    (merchant_id, notice.notice_id, subscription_id, customer_id, at, at, at),
                )
    return True


def take(notice: Notice, most: int, at: int) -> Job[list[Delivery]]:
    """The next messages to send, of customers who agree at this moment; whoever takes them has them for `LEASE`."""
    merchant_id, notice_id = notice.merchant_id, notice.notice_id
    rows = yield Query(
        "update notice_phone set state = 'sending', tries = tries + 1, due_at = ?, changed_at = ? "
        "where merchant_id = ? and notice_id = ? and due_at <= ? and state in ('waiting', 'sending') "
        "and subscription_id in (select subscription_id from notice_phone where merchant_id = ? and notice_id = ? "
        "and due_at <= ? and state in ('waiting', 'sending') order by due_at, subscription_id limit ?) "
        "returning subscription_id, customer_id",
        (at + LEASE, at, merchant_id, notice_id, at, merchant_id, notice_id, at, most),
    )
    found = []
    for row in sorted(rows, key=lambda row: str(row["subscription_id"])):
        subscription_id = str(row["subscription_id"])
        phone = yield Query(
            "select subscription_id, endpoint, p256dh, auth, language from push_subscription "
            "where merchant_id = ? and subscription_id = ?",
            (merchant_id, subscription_id),
        )
        if not phone:
            yield from _settle(notice, subscription_id, "gone", at)
        elif not (yield from consented(merchant_id, row["customer_id"], "push")):
            yield from _settle(notice, subscription_id, "withdrawn", at)
        else:
            found.append(Delivery(**{name: phone[0][name] for name in Delivery.__struct_fields__}))
    return found


def settle(notice: Notice, results: Mapping[str, Result], at: int) -> Job[None]:
    """Write what became of messages. What failed for the last time stays failed."""
    for subscription_id, result in sorted(results.items()):
        if result == "again":
            yield Query(
                "update notice_phone set due_at = ? + ? * tries, changed_at = ?, "
                "state = case when tries >= ? then 'failed' else 'waiting' end "
                "where merchant_id = ? and notice_id = ? and subscription_id = ? and state = 'sending'",
                (at, _AGAIN, at, TRIES, notice.merchant_id, notice.notice_id, subscription_id),
            )
            continue
        yield from _settle(notice, subscription_id, result, at)
        if result == "gone":
            yield Query(
                "delete from push_subscription where merchant_id = ? and subscription_id = ?",
                (notice.merchant_id, subscription_id),
            )


def _settle(notice: Notice, subscription_id: str, state: str, at: int) -> Job[None]:
    yield Query(
        "update notice_phone set state = ?, changed_at = ? where merchant_id = ? and notice_id = ? "
        "and subscription_id = ? and state = 'sending'",
        (state, at, notice.merchant_id, notice.notice_id, subscription_id),
    )


def withdraw(notice: Notice, at: int) -> Job[None]:
    """The offer is no longer there: nobody else hears of it."""
    yield Query(
        "update notice_phone set state = 'withdrawn', changed_at = ? where merchant_id = ? and notice_id = ? "
        "and (state = 'waiting' or (state = 'sending' and due_at <= ?))",
        (at, notice.merchant_id, notice.notice_id, at),
    )
    yield Query(
        "update notice set state = 'sending' where merchant_id = ? and notice_id = ? and state = 'gathering'",
        (notice.merchant_id, notice.notice_id),
    )


def finish(notice: Notice, at: int) -> Job[bool]:
    """Done, once nothing waits and nothing is under way."""
    rows = yield Query(
        "update notice set state = 'done', finished_at = ? where merchant_id = ? and notice_id = ? "
        "and state = 'sending' and not exists (select 1 from notice_phone p where p.merchant_id = ? "
        "and p.notice_id = ? and p.state in ('waiting', 'sending')) returning notice_id",
        (at, notice.merchant_id, notice.notice_id, notice.merchant_id, notice.notice_id),
    )
    return bool(rows)


def open_notices() -> Job[list[Notice]]:
    """The sendings that are not done, the oldest first."""
    found: list[Notice] = []
    merchants = yield Query("select merchant_id from merchant order by merchant_id")
    for merchant in merchants:
        rows = yield Query(
            "select merchant_id, notice_id, offer_id, state, cursor from notice "
            "where merchant_id = ? and state in ('gathering', 'sending') order by created_at, notice_id",
            (merchant["merchant_id"],),
        )
        found += [Notice(**{name: row[name] for name in Notice.__struct_fields__}) for row in rows]
    return found


def read_row(merchant_id: str, notice_id: str) -> Job[Row]:
    """A sending's row."""
    rows = yield Query(
        "select notice_id, offer_id, state, created_at, finished_at from notice "
        "where merchant_id = ? and notice_id = ?",
        (merchant_id, notice_id),
    )
    if not rows:
        raise NotFound("notice", notice_id)
    return rows[0]


def latest(merchant_id: str, offer_id: str) -> Job[str | None]:
    """The newest sending of an offer."""
    rows = yield Query(
        "select notice_id from notice where merchant_id = ? and offer_id = ? "
        "order by created_at desc, notice_id desc limit 1",
        (merchant_id, offer_id),
    )
    return str(rows[0]["notice_id"]) if rows else None


def count_states(merchant_id: str, notice_id: str) -> Job[dict[str, int]]:
    """How many messages are in which state."""
    rows = yield Query(
        "select state, count(*) as phones from notice_phone where merchant_id = ? and notice_id = ? group by state",
        (merchant_id, notice_id),
    )
    return {str(row["state"]): int(row["phones"]) for row in rows}
