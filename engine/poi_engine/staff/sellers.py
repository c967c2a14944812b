"""The staff as the merchant keeps it: persons with a role and settings, their PINs and badges."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from poi_engine.access import Access
from poi_engine.access_jobs import revoke_subject
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Forbidden, NotFound
from poi_engine.ids import Ids
from poi_engine.ports import Credential, Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.staff.badges import SCHEMES, Badge, check_badge, link, masked, read_badge, unlink
from poi_engine.staff.pins import Pins
from poi_engine.staff.rights import STAFF_ROLES, Person, StaffRole
from poi_engine.staff.signin import SignIns, end_sign_ins
from poi_engine.staff.watch import person_of, read_person

T = TypeVar("T")
Name = Annotated[str, Meta(min_length=1, max_length=120)]
Amount = Annotated[int, Meta(ge=0, le=10**12)]
Percent = Annotated[int, Meta(ge=0, le=100)]


class NewSeller(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person of the staff. `refund_limit`: minor units within 24 hours; above it somebody else approves.

    Without a word on it, a seller refunds nothing alone; null is no limit. `override_limit`: the percent by which
    a seller changes a price alone; `close_day`: whether a seller closes the day of a till.
    """

    name: Name
    role: StaffRole = "seller"
    take_payment: bool = True
    refund_limit: Amount | UnsetType | None = UNSET
    override_limit: Percent = 0
    close_day: bool = False

    @property
    def limit(self) -> int | None:
        """The limit they get; an owner, who alone makes managers, gives those none by not naming one."""
        if self.refund_limit is UNSET:
            return None if self.role == "manager" else 0
        return self.refund_limit


class SellerChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes; what is left out stays. One who is not active cannot come in."""

    name: Name | None = None
    role: StaffRole | None = None
    active: bool | None = None
    take_payment: bool | None = None
    refund_limit: Amount | UnsetType | None = UNSET
    override_limit: Percent | None = None
    close_day: bool | None = None


class Seller(Person, frozen=True, kw_only=True):
    """A person of the staff as managers see them; `locked_until` after too many wrong PINs."""

    has_pin: bool = False
    badges: tuple[Badge, ...] = ()
    locked_until: datetime | None = None


class Face(Struct, frozen=True, kw_only=True):
    """A person as a station offers them to sign in."""

    seller_id: str
    name: str
    role: StaffRole
    has_pin: bool


class Sellers:
    """The staff's service; every method takes the merchant first."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids, access: Access, pins: Pins, signins: SignIns) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._access = access
        self._pins = pins
        self._signins = signins

    async def everybody(self, merchant_id: str) -> list[Seller]:
        """Everybody, by name."""
        return await self._sql.read(lambda: _list(merchant_id, self._at()))

    async def get(self, merchant_id: str, seller_id: str) -> Seller:
        """One person."""
        return await self._sql.read(lambda: _get(merchant_id, seller_id, self._at()))

    async def faces(self, merchant_id: str) -> list[Face]:
        """Who may sign in at a station, by name."""
        return await self._sql.read(lambda: _faces(merchant_id))

    async def add(self, merchant_id: str, seller: NewSeller, *, by: Principal) -> Seller:
        """A new person, active."""
        if seller.role == "manager":
            _must_be_owner(by)
        seller_id = self._ids.new("slr")

        def job() -> Job[None]:
            yield from _must_reach(merchant_id, by, seller.limit)
            yield Query(
                "insert into seller (merchant_id, seller_id, name, active, role, take_payment, refund_limit,"
                " override_limit, close_day) values (?, ?, ?, 1, ?, ?, ?, ?, ?)",
                (
                    *(merchant_id, seller_id, seller.name, seller.role, int(seller.take_payment), seller.limit),
                    *(seller.override_limit, int(seller.close_day)),
                ),
            )

        await self._write(merchant_id, job, by, "add-seller", seller_id, f"{seller.role} {seller.name}")
        return await self.get(merchant_id, seller_id)

    async def change(self, merchant_id: str, seller_id: str, change: SellerChange, *, by: Principal) -> Seller:
        """Change a person. Another role, or not being active, ends their credentials and sign-ins at once."""
        at = self._at()

        def job() -> Job[tuple[bool, list[str]]]:
            person = yield from _must_be_changeable(merchant_id, seller_id, by)
            if change.role == "manager":
                _must_be_owner(by)
            if change.refund_limit is not UNSET:
                yield from _must_reach(merchant_id, by, change.refund_limit)
            yield _update(merchant_id, seller_id, change)
            ended = change.active is False or change.role not in (None, person.role)
            if ended:
                for role in sorted(STAFF_ROLES):
                    yield from revoke_subject(merchant_id, role, seller_id, at)
            stations = yield from _stations_of(merchant_id, seller_id, end=ended)
            return ended, stations

        why = ", ".join(
            f"{name} {value}"
            for name in change.__struct_fields__
            if (value := getattr(change, name)) is not UNSET and (value is not None or name == "refund_limit")
        )
        ended, stations = await self._write(merchant_id, job, by, "change-seller", seller_id, why)
        if ended:
            for role in STAFF_ROLES:
                self._access.forget_subject(merchant_id, role, seller_id)
        await self._signins.told(merchant_id, stations)
        return await self.get(merchant_id, seller_id)

    async def set_pin(self, merchant_id: str, seller_id: str, pin: str, *, by: Principal) -> None:
        """A new PIN; earlier wrong attempts are forgotten."""
        hashed = await self._pins.hashed(pin)

        def job() -> Job[None]:
            yield from _must_be_changeable(merchant_id, seller_id, by, own=True)
            yield _put_pin(merchant_id, seller_id, hashed)

        await self._write(merchant_id, job, by, "set-pin", seller_id)

    async def change_own_pin(
        self, merchant_id: str, station_id: str, seller_id: str, pin: str, new_pin: str, *, by: Principal
    ) -> None:
        """A person changes their PIN at a station, by the old one."""
        stored = await self._pins.prove(merchant_id, seller_id, pin, by)
        hashed = await self._pins.hashed(new_pin)

        def job() -> Job[None]:
            rows = yield _put_pin(merchant_id, seller_id, hashed, before=stored)
            if not rows:
                raise Forbidden("pin-wrong", "This is not the person's PIN any more.", path="$.pin")

        own = Principal(
            merchant_id=merchant_id,
            access_id=by.access_id,
            role="seller",
            subject_id=seller_id,
            signed_in_at=station_id,
        )
        await self._write(merchant_id, job, own, "set-pin", seller_id, "their own")

    async def remove_pin(self, merchant_id: str, seller_id: str, *, by: Principal) -> None:
        """Without a PIN: they sign in with a badge, or not at all."""

        def job() -> Job[None]:
            yield from _must_be_changeable(merchant_id, seller_id, by, own=True)
            yield _put_pin(merchant_id, seller_id, None)

        await self._write(merchant_id, job, by, "remove-pin", seller_id)

    async def link_badge(self, merchant_id: str, seller_id: str, badge: Badge, *, by: Principal) -> Seller:
        """From now on a tap of this card at a station's reader signs the person in or out."""
        check_badge(badge)
        at = self._at()

        def job() -> Job[None]:
            yield from _must_be_changeable(merchant_id, seller_id, by, own=True)
            yield from link(merchant_id, seller_id, badge, at)

        await self._write(merchant_id, job, by, "link-badge", seller_id, _words(badge))
        return await self.get(merchant_id, seller_id)

    async def unlink_badge(self, merchant_id: str, seller_id: str, badge: Badge, *, by: Principal) -> None:
        """The card signs nobody in any more."""

        def job() -> Job[None]:
            yield from _must_be_changeable(merchant_id, seller_id, by, own=True)
            yield from unlink(merchant_id, seller_id, badge)

        await self._write(merchant_id, job, by, "unlink-badge", seller_id, _words(badge))

    async def badge_of(self, merchant_id: str, credential: Credential) -> str | None:
        """Whose badge a tap or scan is, if it is one; one of a person who has left is still nobody else's."""
        scheme = SCHEMES.get(credential.scheme)
        if scheme is None:
            return None
        return await self._sql.read(lambda: read_badge(merchant_id, scheme, credential.subject))

    async def _write(
        self, merchant_id: str, job: Callable[[], Job[T]], by: Principal, act: str, seller_id: str, why: str = ""
    ) -> T:
        audit_id, at = self._ids.new("aud"), self._at()

        def audited() -> Job[T]:
            made = yield from job()
            yield insert_audit(merchant_id, audit_id, by.who, act, seller_id, why, at, by.station_id)
            return made

        made = await self._sql.write(audited)
        self._signins.forget()
        return made

    def _at(self) -> int:
        return micros(self._clock.now())


def seen_by(by: Principal, seller: Seller) -> Seller:
    """A person as the caller may see them: the badges of somebody they may not change tell no number."""
    own = by.subject_id == seller.seller_id and by.role in STAFF_ROLES
    if by.role == "owner" or own or (by.role == "manager" and seller.role != "manager"):
        return seller
    return replace(seller, badges=tuple(masked(badge) for badge in seller.badges))


def _words(badge: Badge) -> str:
    """For the audit, which is read by more people than may make badges."""
    return f"{badge.scheme} {masked(badge).subject}"


def _must_be_owner(by: Principal) -> None:
    if by.role != "owner":
        raise Forbidden("owner-needed", "Only an owner makes and changes managers.", path="$.role")


def _must_reach(merchant_id: str, by: Principal, limit: int | None) -> Job[None]:
    """Nobody gives another one more than they have themselves."""
    giver = (yield from read_person(merchant_id, by.subject_id)) if by.role == "manager" else None
    if giver is None or giver.refund_limit is None:
        return
    if limit is None or limit > giver.refund_limit:
        message = f"You may refund {giver.refund_limit} a day yourself, and give no more than that."
        raise Forbidden("limit-above-own", message, path="$.refund_limit")


def _must_be_changeable(merchant_id: str, seller_id: str, by: Principal, *, own: bool = False) -> Job[Person]:
    """The person, if the caller may change them: nobody their own rights, a manager no other manager."""
    person = yield from read_person(merchant_id, seller_id)
    if person is None:
        raise NotFound("seller", seller_id)
    if by.subject_id == seller_id and by.role in STAFF_ROLES:
        if not own:
            raise Forbidden("own-rights", "Nobody changes their own rights.")
    elif person.role == "manager":
        _must_be_owner(by)
    return person


def _update(merchant_id: str, seller_id: str, change: SellerChange) -> Query:
    limited = change.refund_limit is not UNSET
    return Query(
        "update seller set name = coalesce(?, name), role = coalesce(?, role), active = coalesce(?, active),"
        " take_payment = coalesce(?, take_payment), override_limit = coalesce(?, override_limit),"
        " close_day = coalesce(?, close_day), refund_limit = case when ? = 1 then ? else refund_limit end"
        " where merchant_id = ? and seller_id = ?",
        (
            *(change.name, change.role, _flag(change.active), _flag(change.take_payment)),
            *(change.override_limit, _flag(change.close_day)),
            *(int(limited), change.refund_limit if limited else None, merchant_id, seller_id),
        ),
    )


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _stations_of(merchant_id: str, seller_id: str, *, end: bool) -> Job[list[str]]:
    if end:
        return (yield from end_sign_ins(merchant_id, seller_id))
    rows = yield Query(
        "select station_id from station_seller where merchant_id = ? and seller_id = ?", (merchant_id, seller_id)
    )
    return [row["station_id"] for row in rows]


def _put_pin(merchant_id: str, seller_id: str, hashed: str | None, before: str | None = None) -> Query:
    return Query(
        "update seller set pin = ?, pin_failures = 0, pin_locked_until = null"
        " where merchant_id = ? and seller_id = ? and coalesce(pin, '') = coalesce(?, pin, '') returning seller_id",
        (hashed, merchant_id, seller_id, before),
    )


def _list(merchant_id: str, at: int) -> Job[list[Seller]]:
    rows = yield Query("select * from seller where merchant_id = ? order by name, seller_id", (merchant_id,))
    badges = yield Query(
        "select scheme, subject, seller_id from badge where merchant_id = ? order by created_at, subject",
        (merchant_id,),
    )
    return [_seller(row, badges, at) for row in rows]


def _get(merchant_id: str, seller_id: str, at: int) -> Job[Seller]:
    rows = yield Query("select * from seller where merchant_id = ? and seller_id = ?", (merchant_id, seller_id))
    if not rows:
        raise NotFound("seller", seller_id)
    badges = yield Query(
        "select scheme, subject, seller_id from badge where merchant_id = ? and seller_id = ?"
        " order by created_at, subject",
        (merchant_id, seller_id),
    )
    return _seller(rows[0], badges, at)


def _faces(merchant_id: str) -> Job[list[Face]]:
    rows = yield Query(
        "select seller_id, name, role, pin is not null as has_pin from seller"
        " where merchant_id = ? and active = 1 and role <> 'auditor' order by name, seller_id",
        (merchant_id,),
    )
    return [
        Face(seller_id=row["seller_id"], name=row["name"], role=row["role"], has_pin=bool(row["has_pin"]))
        for row in rows
    ]


def _seller(row: Row, badges: list[Row], at: int) -> Seller:
    person = person_of(row)
    locked = row["pin_locked_until"]
    return Seller(
        **{name: getattr(person, name) for name in person.__struct_fields__},
        has_pin=row["pin"] is not None,
        badges=tuple(
            Badge(scheme=badge["scheme"], subject=badge["subject"])
            for badge in badges
            if badge["seller_id"] == person.seller_id
        ),
        locked_until=moment(locked) if locked is not None and locked > at else None,
    )
