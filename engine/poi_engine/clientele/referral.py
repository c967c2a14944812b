"""A friend brings a friend: a code given once before the first sale, both rewarded when that sale is committed."""

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from poi_engine.checkout.records import insert_audit, insert_event
from poi_engine.clientele.rows import Living, living, lock_alive, marks
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.facts import DAY
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.settings import Merchant, ReferralProgramme, read_merchant, write_setting

CODE_BITS = 40
MOST_WAITING = 100
"""Friends who joined by one customer's link and have bought nothing yet."""
_COUPON_BITS = 60


class ReferralView(Struct, frozen=True, kw_only=True):
    """A customer's own code, what it brought so far, and what both get. `code` is empty while there is no programme."""

    code: str
    rewards: int
    most: int
    friend_offer_id: str
    referrer_offer_id: str
    waiting: bool


class Referrals:
    """The referrals' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def of(self, merchant_id: str, customer_id: str) -> ReferralView:
        """The customer's code, made when it is first asked for."""
        code, at = self._ids.secret(CODE_BITS), micros(self._clock.now())

        def job() -> Job[ReferralView]:
            person = yield from lock_alive(merchant_id, customer_id)
            programme = (yield from read_merchant(merchant_id)).programme.referral
            own = (yield from _own_code(merchant_id, person, code, at)) if programme.open else None
            waiting = yield from _waiting(merchant_id, person.customer_id)
            rewards = yield from _rewards(merchant_id, person)
            return _view(own, rewards, programme, waiting is not None)

        return await self._sql.write(job)

    async def programme(self, merchant_id: str) -> ReferralProgramme:
        """What friends get."""
        return (await self._sql.read(lambda: read_merchant(merchant_id))).programme.referral

    async def change(self, merchant_id: str, programme: ReferralProgramme, *, by: Principal) -> ReferralProgramme:
        """Other rewards; the offers must be there."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield from check_programme(merchant_id, programme)
            yield from write_setting(merchant_id, "referral", programme)
            why = f"open {programme.open}, most {programme.most}"
            yield insert_audit(merchant_id, audit_id, by.who, "change-referral", "referral", why, at)

        await self._sql.write(job)
        return programme

    async def mark(self, merchant_id: str, customer_id: str, cookie: str) -> None:
        """The browser with this cookie is a phone of this customer."""
        at = micros(self._clock.now())

        def job() -> Job[None]:
            yield mark_phone(merchant_id, phone_digest(cookie), customer_id, at)

        await self._sql.write(job)

    async def give(self, merchant_id: str, customer_id: str, code: str, *, by: Principal) -> None:
        """A friend gives a code, once and before their first sale; their own is refused however they came by it."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            person = yield from lock_alive(merchant_id, customer_id)
            referrer = yield from _take(merchant_id, person, code.strip().lower(), at)
            yield insert_audit(merchant_id, audit_id, by.who, "referred", person.customer_id, referrer, at)

        await self._sql.write(job)


def reward_first_sale(merchant: Merchant, person: Living, sale_id: str, *, ids: Ids, at: int) -> Job[tuple[str, ...]]:
    """Coupons to a referred friend and to who sent them, with the friend's first sale; the codes given out."""
    waiting = yield from _waiting(merchant.merchant_id, person.customer_id)
    programme = merchant.programme.referral
    if waiting is None or not programme.open:
        return ()
    claimed = yield Query(
        "update referred set sale_id = ?, rewarded_at = ? where merchant_id = ? and customer_id = ? "
        "and rewarded_at is null returning customer_id",
        (sale_id, at, merchant.merchant_id, person.customer_id),
    )
    if not claimed:
        return ()
    codes = yield from _coupon(
        merchant.merchant_id, person.customer_id, programme.friend_offer_id, sale_id, programme, ids, at
    )
    referrer = yield from living(merchant.merchant_id, waiting["referrer_id"])
    if not referrer.erased and (yield from _counted(merchant.merchant_id, referrer, waiting["code"], programme.most)):
        codes += yield from _coupon(
            merchant.merchant_id, referrer.customer_id, programme.referrer_offer_id, sale_id, programme, ids, at
        )
        told: dict[str, object] = {"customer_id": referrer.customer_id, "friend_sale_id": sale_id}
        yield insert_event(merchant.merchant_id, ids.new("evt"), "referral.rewarded", told, at)
    return codes


def sent_by(merchant_id: str, friend_id: str, code: str, cookie: str, audit_id: str, at: int) -> Job[None]:
    """A new customer joins by a friend's link: this browser is theirs, and the friend's code is given for them."""
    yield mark_phone(merchant_id, phone_digest(cookie), friend_id, at)
    referrer = yield from _take(merchant_id, Living(customer_id=friend_id), code.strip().lower(), at)
    rows = yield Query(
        "select count(*) as waiting from referred where merchant_id = ? and referrer_id = ? and rewarded_at is null",
        (merchant_id, referrer),
    )
    if rows[0]["waiting"] > MOST_WAITING:
        raise Conflict("referral-limit", "Too many friends of this customer have joined and bought nothing yet.")
    yield insert_audit(merchant_id, audit_id, f"phone:{friend_id}", "referred", friend_id, referrer, at)


def phone_digest(cookie: str) -> str:
    """A browser's own cookie as storage knows it."""
    return hashlib.sha256(f"phone\0{cookie}".encode()).hexdigest()


def mark_phone(merchant_id: str, mark: str, customer_id: str, at: int) -> Query:
    """This browser belongs to this customer."""
    return Query(
        "insert into phone_mark (merchant_id, mark, customer_id, created_at) values (?, ?, ?, ?) "
        "on conflict (merchant_id, customer_id, mark) do nothing",
        (merchant_id, mark, customer_id, at),
    )


def _view(own: Row | None, rewards: int, programme: ReferralProgramme, waiting: bool) -> ReferralView:
    return ReferralView(
        code=own["code"] if own else "",
        rewards=rewards,
        most=programme.most,
        friend_offer_id=programme.friend_offer_id,
        referrer_offer_id=programme.referrer_offer_id,
        waiting=waiting,
    )


def _own_code(merchant_id: str, person: Living, code: str, at: int) -> Job[Row]:
    found = Query(
        "select code, created_at from referral where merchant_id = ? and customer_id = ?",
        (merchant_id, person.customer_id),
    )
    rows = yield found
    if not rows:
        yield Query(
            "insert into referral (merchant_id, code, customer_id, created_at) values (?, ?, ?, ?)",
            (merchant_id, code, person.customer_id, at),
        )
        rows = yield found
    return min(rows, key=lambda row: (row["created_at"], row["code"]))


def _waiting(merchant_id: str, customer_id: str) -> Job[Row | None]:
    rows = yield Query(
        "select code, referrer_id from referred where merchant_id = ? and customer_id = ? and rewarded_at is null",
        (merchant_id, customer_id),
    )
    return rows[0] if rows else None


def _take(merchant_id: str, person: Living, code: str, at: int) -> Job[str]:
    programme = (yield from read_merchant(merchant_id)).programme.referral
    if not programme.open:
        raise Conflict("no-referrals", "This shop has no referral programme.")
    rows = yield Query("select customer_id from referral where merchant_id = ? and code = ?", (merchant_id, code))
    if not rows:
        raise NotFound("referral code", code)
    referrer = yield from living(merchant_id, rows[0]["customer_id"])
    if (yield from _rewards(merchant_id, referrer)) >= programme.most:
        raise Conflict("referral-limit", "Who gave this code has brought as many friends as the shop rewards.")
    yield from _must_be_new(merchant_id, person)
    yield from _must_be_another(merchant_id, person, referrer, at)
    taken = yield Query(
        "insert into referred (merchant_id, customer_id, code, referrer_id, created_at) values (?, ?, ?, ?, ?) "
        "on conflict (merchant_id, customer_id) do nothing returning customer_id",
        (merchant_id, person.customer_id, code, referrer.customer_id, at),
    )
    if not taken:
        raise Conflict("referred-before", "A friend's code was given before; it counts once.")
    return referrer.customer_id


def _must_be_new(merchant_id: str, person: Living) -> Job[None]:
    """Before the first sale, which is counted on a row that stays locked until this is committed."""
    rows = yield Query(
        "update customer set absorbed = absorbed where merchant_id = ? and customer_id = ? returning visits",
        (merchant_id, person.customer_id),
    )
    if rows[0]["visits"] > 0 or person.absorbed:
        raise Conflict("not-new", "A friend's code is given before the first purchase.")


def _must_be_another(merchant_id: str, friend: Living, referrer: Living, at: int) -> Job[None]:
    """Not oneself: neither the same record, nor a card or a phone that the referrer or an earlier friend came with."""
    refused = Conflict("referred-oneself", "This code is of the same person, or of somebody who was referred before.")
    if friend.customer_id == referrer.customer_id or referrer.erased:
        raise refused
    phones = yield from _phones(merchant_id, friend.family)
    if set(phones) & set((yield from _phones(merchant_id, referrer.family))):
        raise refused
    for mark in [*phones, *(yield from _cards(merchant_id, friend.family))]:
        rows = yield Query(
            "insert into referral_mark (merchant_id, mark, customer_id, created_at) values (?, ?, ?, ?) "
            "on conflict (merchant_id, mark) do nothing returning mark",
            (merchant_id, mark, friend.customer_id, at),
        )
        if not rows:
            raise refused


def _phones(merchant_id: str, family: tuple[str, ...]) -> Job[list[str]]:
    rows = yield Query(
        f"select mark from phone_mark where merchant_id = ? and customer_id in ({marks(family)})",
        (merchant_id, *family),
    )
    return sorted({row["mark"] for row in rows})


def _cards(merchant_id: str, family: tuple[str, ...]) -> Job[list[str]]:
    rows: Sequence[Row] = yield Query(
        f"select scheme, subject from credential where merchant_id = ? and customer_id in ({marks(family)})",
        (merchant_id, *family),
    )
    texts = sorted(f"{row['scheme']}\0{row['subject']}" for row in rows)
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def _counted(merchant_id: str, referrer: Living, code: str, most: int) -> Job[bool]:
    """One more reward for who sent the friend, if their limit allows, over all the codes that are theirs.

    The codes are locked, in their order: of two friends who pay at once the second sees what the first has brought.
    """
    total = 0
    for own in (yield from _codes(merchant_id, referrer)):
        rows = yield Query(
            "update referral set rewards = rewards where merchant_id = ? and code = ? returning rewards",
            (merchant_id, own),
        )
        total += rows[0]["rewards"]
    if total >= most:
        return False
    yield Query("update referral set rewards = rewards + 1 where merchant_id = ? and code = ?", (merchant_id, code))
    return True


def _rewards(merchant_id: str, referrer: Living) -> Job[int]:
    """The rewards that all the codes of a person brought."""
    rows = yield Query(
        "select cast(coalesce(sum(rewards), 0) as bigint) as rewards from referral where merchant_id = ? "
        f"and customer_id in ({marks(referrer.family)})",
        (merchant_id, *referrer.family),
    )
    return int(rows[0]["rewards"])


def _codes(merchant_id: str, referrer: Living) -> Job[list[str]]:
    """All the codes of a person, in their order: a merge brings together those of two records."""
    rows = yield Query(
        f"select code from referral where merchant_id = ? and customer_id in ({marks(referrer.family)})",
        (merchant_id, *referrer.family),
    )
    return sorted(row["code"] for row in rows)


def _coupon(
    merchant_id: str, customer_id: str, offer_id: str, sale_id: str, programme: ReferralProgramme, ids: Ids, at: int
) -> Job[tuple[str, ...]]:
    if not offer_id:
        return ()
    code = ids.secret(_COUPON_BITS)
    yield Query(
        "insert into coupon (merchant_id, code, customer_id, offer_id, sale_id, expires_at) values (?, ?, ?, ?, ?, ?)",
        (merchant_id, code, customer_id, offer_id, sale_id, at + programme.days * DAY),
    )
    return (code,)


def check_programme(merchant_id: str, programme: ReferralProgramme) -> Job[None]:
    """The offers it names must be there."""
    for name in ("friend_offer_id", "referrer_offer_id"):
        offer_id = getattr(programme, name)
        rows = yield Query(
            "select state from offer where merchant_id = ? and offer_id = ? and state <> 'removed'",
            (merchant_id, offer_id),
        )
        if offer_id and not rows:
            raise RequestError("unknown-offer", f"There is no offer {offer_id!r}.", path=f"$.{name}")
