"""Who is signed in at a station: durable, the same for every process, ended by a person or by idleness."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, Forbidden, NotFound
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal
from poi_engine.settings import lock_merchant
from poi_engine.staff.pins import Pins
from poi_engine.staff.rights import RIGHTS, STAFF_ROLES, Acting, Person, Right
from poi_engine.staff.watch import How, SignInRule, Watch, read_person, read_rule, read_watch

T = TypeVar("T")
_TOUCHES = 10
"""How often within the idle time a sign of life is written down, at most."""
_REMEMBERED = 10_000


class AtStation(Struct, frozen=True, kw_only=True):
    """Who is signed in at a station, what they may do there, and when idleness signs them out."""

    station_id: str
    sign_in: Literal["optional", "required"]
    rights: tuple[Right, ...]
    person: Person | None = None
    how: How | None = None
    since: datetime | None = None
    until: datetime | None = None


class StationScreens(Protocol):
    """Who is told that another person is signed in at a station."""

    async def seller_changed(self, merchant_id: str, station_id: str) -> None: ...


class SignIns:
    """Signing in and out at stations, and who acts in a request."""

    def __init__(
        self, sql: Sql, clock: Clock, ids: Ids, pins: Pins, screens: StationScreens, *, exclusive: bool
    ) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._pins = pins
        self._screens = screens
        self._exclusive = exclusive
        self._known: dict[tuple[str, ...], Any] = {}
        self._changes = 0

    # --- who acts

    async def acting(self, principal: Principal, *, active: bool) -> Acting:
        """Who acts with this credential and with which rights; `active`: it counts as a sign of life."""
        if principal.role == "station":
            return await self._at_counter(principal, active=active)
        if principal.role not in STAFF_ROLES:
            return Acting(by=principal, rights=RIGHTS[principal.role])
        person = await self.person(principal.merchant_id, principal.subject_id)
        if person is None or not person.active or person.role != principal.role:
            raise Forbidden("seller-inactive", "This person's access has ended.")
        return Acting(by=principal, rights=person.rights, person=person)

    async def person(self, merchant_id: str, seller_id: str) -> Person | None:
        """A person of the staff."""
        return await self._remember(("person", merchant_id, seller_id), lambda: read_person(merchant_id, seller_id))

    async def at(self, merchant_id: str, station_id: str) -> AtStation:
        """Who is signed in at a station."""
        return _shown(await self._watch(merchant_id, station_id))

    async def _at_counter(self, principal: Principal, *, active: bool) -> Acting:
        watch = await self._watch(principal.merchant_id, principal.subject_id)
        if watch.person is None:
            return Acting(by=principal, rights=watch.rights, missing="sign-in-needed")
        if active:
            await self._touch(principal.merchant_id, watch)
        by = replace(
            principal,
            role=watch.person.role,
            subject_id=watch.person.seller_id,
            signed_in_at=principal.subject_id,
        )
        return Acting(by=by, rights=watch.person.rights, person=watch.person)

    # --- in and out

    async def with_pin(
        self, merchant_id: str, station_id: str, seller_id: str, pin: str, *, by: Principal
    ) -> AtStation:
        """Sign in with a PIN; whoever was signed in there is signed out."""
        stored = await self._pins.prove(merchant_id, seller_id, pin, by)

        def job() -> Job[None]:
            yield from self._pins.proved(merchant_id, seller_id, stored)
            yield from _enter(merchant_id, station_id, seller_id, "pin", audits, at)

        audits, at = (self._ids.new("aud"), self._ids.new("aud")), self._at()
        await self._sql.write(job)
        return await self._changed(merchant_id, station_id)

    async def with_badge(self, merchant_id: str, station_id: str, seller_id: str) -> AtStation:
        """A badge was tapped at the station's reader: its person is signed in, or out if they were in."""
        audits, at = (self._ids.new("aud"), self._ids.new("aud")), self._at()
        inside = (await self._watch(merchant_id, station_id)).person
        if inside is not None and inside.seller_id == seller_id:
            return await self.sign_out(merchant_id, station_id, who=f"seller:{seller_id}", why="badge")
        await self._sql.write(lambda: _enter(merchant_id, station_id, seller_id, "badge", audits, at))
        return await self._changed(merchant_id, station_id)

    async def sign_out(self, merchant_id: str, station_id: str, *, who: str, why: str = "") -> AtStation:
        """Nobody is signed in there any more."""
        audit_id, at = self._ids.new("aud"), self._at()
        gone = await self._sql.write(lambda: _leave(merchant_id, station_id, None, who, why, audit_id, at))
        return await self._changed(merchant_id, station_id) if gone else await self.at(merchant_id, station_id)

    async def rule(self, merchant_id: str) -> SignInRule:
        """The merchant's rule."""
        return await self._sql.read(lambda: read_rule(merchant_id))

    async def set_rule(self, merchant_id: str, rule: SignInRule, *, by: Principal) -> SignInRule:
        """Change the rule; it counts from the next request on."""
        audit_id, at = self._ids.new("aud"), self._at()
        await self._sql.write(lambda: _write_rule(merchant_id, rule, by.who, audit_id, at))
        self.forget()
        return rule

    def forget(self) -> None:
        """Ask storage again: something about persons has changed."""
        self._changes += 1
        self._known.clear()

    async def told(self, merchant_id: str, station_ids: list[str]) -> None:
        """Tell the stations' screens that somebody else, or nobody, is signed in."""
        self.forget()
        for station_id in station_ids:
            await self._screens.seller_changed(merchant_id, station_id)

    # --- inside

    async def _changed(self, merchant_id: str, station_id: str) -> AtStation:
        await self.told(merchant_id, [station_id])
        return await self.at(merchant_id, station_id)

    async def _watch(self, merchant_id: str, station_id: str) -> Watch:
        key = ("station", merchant_id, station_id)
        watch = await self._remember(key, lambda: read_watch(merchant_id, station_id))
        if watch.ends is None or self._at() < watch.ends:
            return watch
        return await self._idle(merchant_id, watch)

    async def _idle(self, merchant_id: str, watch: Watch) -> Watch:
        """Nobody was there for long enough: end it, once, whoever notices first."""
        audit_id, at, who = self._ids.new("aud"), self._at(), f"station:{watch.station_id}"
        gone = await self._sql.write(lambda: _leave(merchant_id, watch.station_id, watch, who, "idle", audit_id, at))
        self.forget()
        if gone:
            await self._screens.seller_changed(merchant_id, watch.station_id)
            return replace(watch, person=None)
        return await self._watch(merchant_id, watch.station_id)

    async def _touch(self, merchant_id: str, watch: Watch) -> None:
        at = self._at()
        if watch.person is None or watch.ends is None or at - watch.seen < (watch.ends - watch.seen) // _TOUCHES:
            return
        seller_id = watch.person.seller_id
        await self._sql.write(lambda: _touch(merchant_id, watch.station_id, seller_id, at))
        self.forget()

    async def _remember(self, key: tuple[str, ...], job: Callable[[], Job[T]]) -> T:
        """From memory where one process owns the storage; what may be older than a change is not kept."""
        if self._exclusive and key in self._known:
            known: T = self._known[key]
            return known
        changes = self._changes
        found = await self._sql.read(job)
        if self._exclusive and changes == self._changes:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

    def _at(self) -> int:
        return micros(self._clock.now())


def end_sign_ins(merchant_id: str, seller_id: str) -> Job[list[str]]:
    """Sign a person out everywhere; the stations where they were."""
    rows = yield Query(
        "delete from station_seller where merchant_id = ? and seller_id = ? returning station_id",
        (merchant_id, seller_id),
    )
    return [row["station_id"] for row in rows]


def _shown(watch: Watch) -> AtStation:
    rule, person = watch.rule, watch.person
    return AtStation(
        station_id=watch.station_id,
        sign_in=rule.sign_in,
        rights=tuple(sorted(watch.rights)),
        person=person,
        how=watch.how if person else None,
        since=moment(watch.since) if person else None,
        until=moment(watch.ends) if watch.ends is not None else None,
    )


def _enter(merchant_id: str, station_id: str, seller_id: str, how: How, audits: tuple[str, str], at: int) -> Job[None]:
    yield from _take_turns(merchant_id, station_id)
    person = yield from read_person(merchant_id, seller_id)
    if person is None or not person.active:
        raise Forbidden("seller-inactive", "This person's access has ended.")
    if person.role == "auditor":
        raise Conflict("not-at-a-counter", "An auditor reads figures; they do not sign in at a counter.", status=403)
    before = yield Query(
        "select seller_id from station_seller where merchant_id = ? and station_id = ?", (merchant_id, station_id)
    )
    who = f"seller:{seller_id}"
    if before and before[0]["seller_id"] != seller_id:
        yield insert_audit(merchant_id, audits[0], who, "sign-out", before[0]["seller_id"], "next", at, station_id)
    yield Query(
        "insert into station_seller (merchant_id, station_id, seller_id, how, signed_in_at, seen_at)"
        " values (?, ?, ?, ?, ?, ?) on conflict (merchant_id, station_id) do update set"
        " seller_id = excluded.seller_id, how = excluded.how, signed_in_at = excluded.signed_in_at,"
        " seen_at = excluded.seen_at",
        (merchant_id, station_id, seller_id, how, at, at),
    )
    came = at + 1  # in the audit after the one who left
    yield insert_audit(merchant_id, audits[1], who, "sign-in", seller_id, how, came, station_id)


def _leave(
    merchant_id: str, station_id: str, still: Watch | None, who: str, why: str, audit_id: str, at: int
) -> Job[bool]:
    """End a sign-in; with `still`, only if it stands as it was seen."""
    yield from _take_turns(merchant_id, station_id)
    seen = None if still is None else still.seen
    rows = yield Query(
        "delete from station_seller where merchant_id = ? and station_id = ? and seen_at = coalesce(?, seen_at)"
        " returning seller_id",
        (merchant_id, station_id, seen),
    )
    if rows:
        yield insert_audit(merchant_id, audit_id, who, "sign-out", rows[0]["seller_id"], why, at, station_id)
    return bool(rows)


def _take_turns(merchant_id: str, station_id: str) -> Job[None]:
    """Those who sign in or out at one station wait for each other."""
    rows = yield Query(
        "update station set name = name where merchant_id = ? and station_id = ? returning station_id",
        (merchant_id, station_id),
    )
    if not rows:
        raise NotFound("station", station_id)


def _touch(merchant_id: str, station_id: str, seller_id: str, at: int) -> Job[None]:
    yield Query(
        "update station_seller set seen_at = ? where merchant_id = ? and station_id = ? and seller_id = ?",
        (at, merchant_id, station_id, seller_id),
    )


def _write_rule(merchant_id: str, rule: SignInRule, who: str, audit_id: str, at: int) -> Job[None]:
    settings = json.decode((yield from lock_merchant(merchant_id)), type=dict[str, Any])
    settings |= {"sign_in": rule.sign_in, "sign_out_minutes": rule.sign_out_minutes}
    yield Query("update merchant set settings = ? where merchant_id = ?", (json.encode(settings).decode(), merchant_id))
    why = f"{rule.sign_in}, {rule.sign_out_minutes or 'never'} min"
    yield insert_audit(merchant_id, audit_id, who, "set-sign-in", merchant_id, why, at)
