"""Customers of a merchant: named ones and pseudonyms, their credentials, balances and facts."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct, json

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.consents import Proof, put_consent
from poi_engine.clientele.erasure import erase_customer
from poi_engine.clientele.rows import living, lock_alive, write_words
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.facts import read_facts
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.segments.due import mark_due
from poi_engine.settings import read_merchant
from poi_engine.staff.badges import must_be_no_badge
from poi_offers.situation import CustomerFacts

_COLUMNS = (
    "customer_id, display_name, pseudonym, language, birthday, tier, segments, visits, spend, last_visit_at, "
    "created_at, erased_at, merged_into"
)
_ACCOUNTS = ("points", "points_owed", "wallet", "value_owed")
CREDENTIALS = ("loyalty", "uid")
COOLING_OFF_US = 86_400_000_000
"""How long staff alone cannot make a customer of whoever carries a card that staff linked."""


class CustomerView(Struct, frozen=True, kw_only=True):
    """A customer with balances: points, and stored value in minor units of the merchant's currency."""

    customer_id: str
    display_name: str
    pseudonym: bool
    language: str
    birthday: date | None
    tier: str
    segments: tuple[str, ...]
    visits: int
    spend: int
    last_visit_at: int | None
    points: int = 0
    points_owed: int = 0
    wallet: int = 0
    value_owed: int = 0


class Customers:
    """The customers' service; every method takes the merchant first."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def create(
        self,
        merchant_id: str,
        display_name: str,
        *,
        language: str = "",
        birthday: date | None = None,
        segments: tuple[str, ...] = (),
        proof: Proof | None = None,
        by: Principal | None = None,
    ) -> CustomerView:
        """A customer with a name; `proof` of their wish to be known by it is kept with it."""
        if not display_name.strip() or len(display_name) > 120:
            raise RequestError("bad-name", "A customer's name has 1 to 120 characters.", path="$.display_name")
        return await self._create(merchant_id, display_name.strip(), False, language, birthday, segments, proof, by)

    async def pseudonym(self, merchant_id: str) -> CustomerView:
        """A customer without a name."""
        return await self._create(merchant_id, "", True, "", None, (), None, None)

    async def get(self, merchant_id: str, customer_id: str) -> CustomerView:
        """A customer with balances."""
        return await self._sql.read(lambda: read_customer(merchant_id, customer_id))

    async def update(
        self,
        merchant_id: str,
        customer_id: str,
        *,
        display_name: str | None = None,
        birthday: date | None = None,
        language: str | None = None,
        segments: tuple[str, ...] | None = None,
        proof: Proof | None = None,
        birthday_once: bool = False,
        by: Principal | None = None,
    ) -> CustomerView:
        """Change what is given; a pseudonym that gets a name is one no more, and `proof` is kept that they want it.

        `birthday_once`: a birthday on file stays; another one is a `Conflict`.
        """
        consent_id, at = self._ids.new("con"), micros(self._clock.now())
        given = {"display_name": display_name, "birthday": birthday, "language": language, "segments": segments}
        day = birthday.isoformat() if birthday else None

        def job() -> Job[CustomerView]:
            person = yield from lock_alive(merchant_id, customer_id)
            before = yield from read_customer(merchant_id, person.customer_id)
            yield Query(
                "update customer set display_name = coalesce(?, display_name), "
                "birthday = case when ? = 1 then coalesce(birthday, ?) else coalesce(?, birthday) end, "
                "language = coalesce(?, language), segments = coalesce(?, segments), "
                "pseudonym = case when coalesce(?, display_name) = '' then pseudonym else 0 end "
                "where merchant_id = ? and customer_id = ? and erased_at is null",
                (
                    *(display_name, int(birthday_once), day, day, language),
                    *(None if segments is None else json.encode(segments).decode(), display_name),
                    *(merchant_id, person.customer_id),
                ),
            )
            yield mark_due(merchant_id, person.customer_id, at)
            if display_name is not None:
                yield from write_words(merchant_id, person.customer_id, display_name)
            if proof is not None:
                yield from put_consent(merchant_id, consent_id, person.customer_id, "membership", True, proof, at)
            if by is not None:
                changed = [name for name, new in given.items() if new is not None and new != getattr(before, name)]
                why = ", ".join(changed)
                yield self._noted(merchant_id, by, "change-customer", person.customer_id, why, at)
            told = yield from read_customer(merchant_id, person.customer_id)
            if birthday is not None and told.birthday != birthday:
                raise Conflict("birthday-set", "The birthday is on file; a manager changes it.", path="$.birthday")
            return told

        return await self._sql.write(job)

    async def link_credential(
        self, merchant_id: str, customer_id: str, scheme: str, subject: str, *, by: Principal | None = None
    ) -> None:
        """From now on this card or code identifies the customer; one that identifies somebody else is refused.

        What staff link (`by`, but no owner) is unproved at first: see `prove_credential`.
        """
        if scheme not in CREDENTIALS or not 1 <= len(subject) <= 128:
            raise RequestError("bad-credential", "The scheme is `loyalty` or `uid`, the subject 1 to 128 characters.")
        at = micros(self._clock.now())

        def job() -> Job[None]:
            person = yield from lock_alive(merchant_id, customer_id)
            yield from must_be_no_badge(merchant_id, scheme, subject)
            since = None if by is None or by.role == "owner" else at
            rows = yield _link(merchant_id, scheme, subject, person.customer_id, at, since)
            if (yield from living(merchant_id, rows[0]["customer_id"])).customer_id != person.customer_id:
                raise Conflict("credential-taken", "This card or code identifies another customer.")
            if by is not None:
                yield self._noted(merchant_id, by, "link-credential", person.customer_id, scheme, at)

        await self._sql.write(job)

    async def prove_credential(self, merchant_id: str, customer_id: str, scheme: str, subject: str) -> None:
        """The card was used beside something of the customer's own: who linked it matters no more."""

        def job() -> Job[None]:
            yield Query(
                "update credential set unproved_since = null where merchant_id = ? and scheme = ? and subject = ? "
                "and customer_id = ?",
                (merchant_id, scheme, subject, customer_id),
            )

        await self._sql.write(job)

    def _noted(self, merchant_id: str, by: Principal, act: str, customer_id: str, why: str, at: int) -> Query:
        audit_id = self._ids.new("aud")
        return insert_audit(merchant_id, audit_id, by.who, act, customer_id, why, at, by.station_id)

    async def by_credential(self, merchant_id: str, scheme: str, subject: str, *, create: bool) -> CustomerView | None:
        """Whom a card or code identifies; with `create` an unknown one makes a pseudonym, once."""
        known = await self._sql.read(lambda: _by_credential(merchant_id, scheme, subject))
        if known is not None or not create:
            return known
        customer_id = self._ids.new("cus")
        at = micros(self._clock.now())

        def job() -> Job[CustomerView]:
            rows = yield _link(merchant_id, scheme, subject, customer_id, at)
            if rows[0]["customer_id"] == customer_id:
                yield from _insert(merchant_id, customer_id, "", True, "", None, (), at)
            return (yield from read_customer(merchant_id, rows[0]["customer_id"]))

        return await self._sql.write(job)

    async def by_device(self, merchant_id: str, handle: str) -> CustomerView | None:
        """Whose phone has this handle (16 hexadecimal digits), unless it was revoked."""

        def job() -> Job[CustomerView | None]:
            rows = yield Query(
                "select customer_id from device where merchant_id = ? and handle = ? and revoked_at is null",
                (merchant_id, handle),
            )
            return (yield from read_customer(merchant_id, rows[0]["customer_id"])) if rows else None

        return await self._sql.read(job)

    async def facts(self, merchant_id: str, customer_id: str, at: int) -> CustomerFacts:
        """What a decision at `at` (microseconds since 1970) may depend on."""
        return await self._sql.read(lambda: read_facts(merchant_id, customer_id, at))

    async def erase(self, merchant_id: str, customer_id: str, *, by: Principal) -> tuple[str, ...]:
        """Forget the person; the books keep the bare pseudonym. Returns every id they had."""
        at = micros(self._clock.now())
        erased = await self._sql.write(lambda: erase_customer(merchant_id, customer_id, by.who, ids=self._ids, at=at))
        return erased.family

    async def same(self, merchant_id: str, one: str, another: str) -> bool:
        """Whether two ids stand for one person."""

        def job() -> Job[bool]:
            first = yield from living(merchant_id, one)
            return another in first.family

        return one == another or await self._sql.read(job)

    async def _create(
        self,
        merchant_id: str,
        display_name: str,
        pseudonym: bool,
        language: str,
        birthday: date | None,
        segments: tuple[str, ...],
        proof: Proof | None,
        by: Principal | None,
    ) -> CustomerView:
        customer_id, consent_id = self._ids.new("cus"), self._ids.new("con")
        at = micros(self._clock.now())

        def job() -> Job[CustomerView]:
            yield from _insert(merchant_id, customer_id, display_name, pseudonym, language, birthday, segments, at)
            if proof is not None:
                yield from put_consent(merchant_id, consent_id, customer_id, "membership", True, proof, at)
            if by is not None:
                why = f"{proof.how}, version {proof.version}" if proof else ""
                yield self._noted(merchant_id, by, "create-customer", customer_id, why, at)
            return (yield from read_customer(merchant_id, customer_id))

        return await self._sql.write(job)


def read_customer(merchant_id: str, customer_id: str) -> Job[CustomerView]:
    """A customer with balances; of one that was merged, the one who lives on; an erased one is not found."""
    row = yield from _row_of(merchant_id, customer_id)
    return _view(row, (yield from _balances(merchant_id, row["customer_id"])))


def card_holder(merchant_id: str, scheme: str, subject: str, at: int) -> Job[tuple[CustomerView, bool] | None]:
    """Whom a card identifies, without balances, and whether staff linked it within `COOLING_OFF_US` and nothing of the
    customer's has stood by it."""
    rows = yield Query(
        f"select k.customer_id as held_by, k.unproved_since, c.{_COLUMNS.replace(', ', ', c.')} from credential k "
        "left join customer c on c.merchant_id = k.merchant_id and c.customer_id = k.customer_id "
        "and c.merged_into is null and c.erased_at is null where k.merchant_id = ? and k.scheme = ? and k.subject = ?",
        (merchant_id, scheme, subject),
    )
    if not rows:
        return None
    known = rows[0]["customer_id"] is not None
    row = rows[0] if known else (yield from _row_of(merchant_id, rows[0]["held_by"]))
    since = rows[0]["unproved_since"]
    return _view(row, {}), since is not None and since > at - COOLING_OFF_US


def _row_of(merchant_id: str, customer_id: str) -> Job[Row]:
    query = f"select {_COLUMNS} from customer where merchant_id = ? and customer_id = ? and erased_at is null"
    rows = yield Query(query, (merchant_id, customer_id))
    if rows and rows[0]["merged_into"] is not None:
        rows = yield Query(query, (merchant_id, rows[0]["merged_into"]))
    if not rows:
        raise NotFound("customer", customer_id)
    return rows[0]


def _insert(
    merchant_id: str,
    customer_id: str,
    display_name: str,
    pseudonym: bool,
    language: str,
    birthday: date | None,
    segments: tuple[str, ...],
    at: int,
) -> Job[None]:
    merchant = yield from read_merchant(merchant_id)
    yield Query(
        "insert into customer (merchant_id, customer_id, display_name, pseudonym, language, birthday, tier, segments, "
        "created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(merchant_id, customer_id, display_name, int(pseudonym), language or merchant.language),
            *(birthday.isoformat() if birthday else None, merchant.programme.base_tier),
            *(json.encode(segments).decode(), at),
        ),
    )
    yield from write_words(merchant_id, customer_id, display_name)
    yield mark_due(merchant_id, customer_id, at)


def _link(merchant_id: str, scheme: str, subject: str, customer_id: str, at: int, since: int | None = None) -> Query:
    return Query(
        "insert into credential (merchant_id, scheme, subject, customer_id, created_at, unproved_since) "
        "values (?, ?, ?, ?, ?, ?) "
        "on conflict (merchant_id, scheme, subject) do update set customer_id = credential.customer_id "
        "returning customer_id",
        (merchant_id, scheme, subject, customer_id, at, since),
    )


def _by_credential(merchant_id: str, scheme: str, subject: str) -> Job[CustomerView | None]:
    rows = yield Query(
        "select customer_id from credential where merchant_id = ? and scheme = ? and subject = ?",
        (merchant_id, scheme, subject),
    )
    return (yield from read_customer(merchant_id, rows[0]["customer_id"])) if rows else None


def _balances(merchant_id: str, customer_id: str) -> Job[dict[str, int]]:
    names = [f"{name}:{customer_id}" for name in _ACCOUNTS]
    marks = ", ".join("?" * len(names))
    rows = yield Query(
        "select account, credits - debits - debits_pending as available from account "
        f"where merchant_id = ? and account in ({marks})",
        (merchant_id, *names),
    )
    return {found["account"].partition(":")[0]: found["available"] for found in rows}


def _view(row: Row, balances: Mapping[str, int]) -> CustomerView:
    return CustomerView(
        customer_id=row["customer_id"],
        display_name=row["display_name"],
        pseudonym=bool(row["pseudonym"]),
        language=row["language"],
        birthday=date.fromisoformat(row["birthday"]) if row["birthday"] else None,
        tier=row["tier"],
        segments=tuple(json.decode(row["segments"] or "[]", type=list[str])),
        visits=row["visits"],
        spend=row["spend"],
        last_visit_at=row["last_visit_at"],
        **balances,
    )
