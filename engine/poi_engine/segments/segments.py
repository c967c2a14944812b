"""The merchant's segments: built in by recency, frequency and money, and their own by an offer's conditions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec import Struct, json

from poi_engine.catalogue.offer_rows import lock_catalogue
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.segments import rfm
from poi_engine.segments.columns import Crowd, count
from poi_engine.segments.model import BUILT_IN, Condition, Question, SegmentDraft, check_segment, translate
from poi_engine.segments.people import read_bought
from poi_engine.segments.rounds import SegmentRounds, read_crowd
from poi_engine.segments.rows import Member, member_ids, read_members, size_of, who_carries
from poi_engine.segments.use import named_segments, who_needs
from poi_offers import offer_conditions

MOST = 200
"""Own segments of a merchant."""
KEPT_SECONDS = 60.0
"""How old the facts may be that sizes are counted from while somebody edits."""


class SegmentView(Struct, frozen=True, kw_only=True):
    """A segment. `state`: `counting` until everybody is judged by it. `changed_at` in microseconds since 1970."""

    segment_id: str
    name: dict[str, str]
    built_in: bool
    size: int
    state: str = "ready"
    conditions: Condition | None = None
    changed_at: int | None = None


class SegmentList(Struct, frozen=True, kw_only=True):
    """The segments, how many customers there are, and the day (ISO) for which everybody was judged last."""

    items: tuple[SegmentView, ...]
    of: int
    judged_day: str | None = None


class SizeAnswer(Struct, frozen=True, kw_only=True):
    """How many of how many customers, by the facts of `at` (microseconds since 1970)."""

    size: int
    of: int
    at: int


class SegmentMember(Struct, frozen=True, kw_only=True):
    """Somebody in a segment; spend in minor units, times in microseconds since 1970."""

    customer_id: str
    display_name: str
    pseudonym: bool
    tier: str
    visits: int
    spend: int
    last_visit_at: int | None


class MemberPage(Struct, frozen=True, kw_only=True):
    """Members by id; `next` goes into `after` for the next page."""

    items: tuple[SegmentMember, ...]
    next: str | None = None


@dataclass(slots=True)
class _Kept:
    """Facts of everybody, on their way or there, and until when they are good."""

    crowd: "asyncio.Task[Crowd]"
    until: float


class Segments:
    """The service. `by` is who changes them, for the audit."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._kept: dict[str, _Kept] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._one_at_a_time = asyncio.Semaphore(1)
        self.rounds = SegmentRounds(sql, clock, ids)

    async def close(self) -> None:
        """End what runs in the background."""
        await self.rounds.close()
        for kept in self._kept.values():
            kept.crowd.cancel()
        await asyncio.gather(*(kept.crowd for kept in self._kept.values()), return_exceptions=True)

    async def settle(self, merchant_id: str) -> None:
        """Judge now whoever is due."""
        await self.rounds.settle(merchant_id)

    # --- what there is ----------------------------------------------------------------------------------------------

    async def list(self, merchant_id: str) -> SegmentList:
        """The built-in ones, then the merchant's own by name."""
        return await self._sql.read(lambda: _list(merchant_id))

    async def get(self, merchant_id: str, segment_id: str) -> SegmentView:
        """One segment."""
        return await self._sql.read(lambda: _get(merchant_id, segment_id))

    async def create(self, merchant_id: str, draft: SegmentDraft, *, by: Principal) -> SegmentView:
        """A new segment; its members are counted in the background."""
        check_segment(draft)
        segment_id, audit_id, at = self._ids.new("seg"), self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[SegmentView]:
            yield from _insert(merchant_id, segment_id, draft, at)
            yield insert_audit(merchant_id, audit_id, by.who, "create-segment", segment_id, "", at, by.station_id)
            return (yield from _get(merchant_id, segment_id))

        made = await self._sql.write(job)
        self.rounds.wake()
        return made

    async def replace(self, merchant_id: str, segment_id: str, draft: SegmentDraft, *, by: Principal) -> SegmentView:
        """Another name or other conditions; those who are in for the old ones leave as soon as all are judged."""
        _must_be_own(segment_id)
        check_segment(draft)
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[SegmentView]:
            yield from _update(merchant_id, segment_id, draft, at)
            yield insert_audit(merchant_id, audit_id, by.who, "change-segment", segment_id, "", at, by.station_id)
            return (yield from _get(merchant_id, segment_id))

        changed = await self._sql.write(job)
        self.rounds.wake()
        return changed

    async def remove(self, merchant_id: str, segment_id: str, *, by: Principal) -> None:
        """Gone for good, unless an offer or a campaign needs it."""
        _must_be_own(segment_id)
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())
        version, names = await self._sql.read(lambda: who_needs(merchant_id, segment_id))
        _must_be_unused(names)

        def job() -> Job[None]:
            yield from lock_catalogue(merchant_id)
            _, since = yield from who_needs(merchant_id, segment_id, since=version)
            _must_be_unused(since)
            rows = yield Query(
                "update segment set state = 'removed', changed_at = ? where merchant_id = ? and segment_id = ? "
                "and state <> 'removed' returning segment_id",
                (at, merchant_id, segment_id),
            )
            if not rows:
                raise NotFound("segment", segment_id)
            yield insert_audit(merchant_id, audit_id, by.who, "remove-segment", segment_id, "", at, by.station_id)

        await self._sql.write(job)
        self.rounds.wake()

    # --- who is in --------------------------------------------------------------------------------------------------

    async def members(self, merchant_id: str, segment_id: str, *, limit: int = 50, after: str = "") -> MemberPage:
        """Members by id."""

        def job() -> Job[tuple[str | None, list[Member]]]:
            yield from _get(merchant_id, segment_id)
            ids = yield from member_ids(merchant_id, segment_id, after, limit)
            found = yield from read_members(merchant_id, ids)
            return ids[-1] if len(ids) == limit else None, found

        last, found = await self._sql.read(job)
        return MemberPage(items=tuple(SegmentMember(**one._asdict()) for one in found), next=last)

    async def ids(self, merchant_id: str, segment_id: str, *, by: Principal) -> AsyncIterator[Sequence[tuple[str]]]:
        """The ids of all members, page by page; that somebody took them is audited first."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield from _get(merchant_id, segment_id)
            yield insert_audit(merchant_id, audit_id, by.who, "export-segment", segment_id, "", at, by.station_id)

        await self._sql.write(job)
        return self._pages(merchant_id, segment_id)

    async def _pages(self, merchant_id: str, segment_id: str) -> AsyncIterator[Sequence[tuple[str]]]:
        after = ""
        while page := await self._sql.read(lambda: member_ids(merchant_id, segment_id, after, 5000)):  # noqa: B023
            yield [(customer_id,) for customer_id in page]
            after = page[-1]

    # --- how many would be ------------------------------------------------------------------------------------------

    async def size(self, merchant_id: str, question: Question, *, asker: str) -> SizeAnswer:
        """How many customers fit, by facts at most `KEPT_SECONDS` old. The asker's next question ends this one."""
        check_segment(question)
        rules = translate(question.conditions)
        mine = self._asked[merchant_id, asker] = self._asked.get((merchant_id, asker), 0) + 1

        def still_asked() -> None:
            if self._asked.get((merchant_id, asker)) != mine:
                raise Conflict("superseded", "You have asked for another size meanwhile.")

        try:
            async with self._one_at_a_time:
                still_asked()
                crowd = await self._crowd(merchant_id)
                still_asked()
                bought = [await read_bought(self._sql, merchant_id, asked, crowd.people.at) for asked in rules.bought]
                still_asked()
                size = await asyncio.to_thread(lambda: count(crowd.fitting(rules, bought)))
                return SizeAnswer(size=size, of=len(crowd.people.ids), at=crowd.people.at)
        finally:
            if self._asked.get((merchant_id, asker)) == mine:
                del self._asked[merchant_id, asker]

    # --- whom an offer is for ---------------------------------------------------------------------------------------

    async def open_to(self, merchant_id: str, condition: offer_conditions.Condition) -> Sequence[str]:
        """The customers whom an offer's condition does not rule out by what is on file about them, by id.

        Of whoever refused to have their purchases looked at no segment tells anything: they are left out of offers
        that ask for one.
        """
        words = sorted({word for _, word in named_segments(condition)})
        async with self._one_at_a_time:
            crowd = await self._read_crowd(merchant_id)
            at = crowd.people.at
            carried = {word: await self._sql.read(partial(who_carries, merchant_id, word, at)) for word in words}

        def judged() -> Sequence[str]:
            marks = {word: crowd.marked(ids) for word, ids in carried.items()}
            fitting = crowd.open_to(condition, marks)
            return crowd.ids(fitting & crowd.may if words else fitting)

        return await asyncio.to_thread(judged)

    async def _crowd(self, merchant_id: str) -> Crowd:
        """Everybody's facts, read once for all who ask within `KEPT_SECONDS`."""
        now = self._clock.monotonic()
        for stale in [one for one, kept in self._kept.items() if kept.until <= now]:
            self._kept.pop(stale).crowd.cancel()
        kept = self._kept.get(merchant_id)
        if kept is None:
            reading = asyncio.create_task(self._read_crowd(merchant_id), name="segment size")
            kept = self._kept[merchant_id] = _Kept(reading, now + KEPT_SECONDS)
        try:
            return await asyncio.shield(kept.crowd)
        except BaseException:
            if kept.crowd.done():
                self._kept.pop(merchant_id, None)
            raise

    async def _read_crowd(self, merchant_id: str) -> Crowd:
        async def goes_on() -> None:
            """To the end: others may wait for it too."""

        return await read_crowd(self._sql, merchant_id, micros(self._clock.now()), goes_on)


def _must_be_own(segment_id: str) -> None:
    if segment_id.startswith(BUILT_IN):
        raise RequestError("segment-built-in", "The built-in segments are the same everywhere: write one of your own.")


def _must_be_unused(names: Sequence[str]) -> None:
    if names:
        shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        message = f"It is still needed by: {shown}. Remove these, or take the segment out of their conditions."
        raise Conflict("segment-used", message)


# --- jobs ------------------------------------------------------------------------------------------------------------


def _list(merchant_id: str) -> Job[SegmentList]:
    rows = yield Query(
        "select segment_id, name, conditions, state, changed_at from segment where merchant_id = ? "
        "and state <> 'removed'",
        (merchant_id,),
    )
    views = []
    for group in rfm.GROUPS:
        views += [(yield from _built_in(merchant_id, f"{BUILT_IN}{group}"))]
    for row in rows:
        views += [(yield from _own(merchant_id, row))]
    found = yield Query(
        "select count(*) as customers from customer where merchant_id = ? and erased_at is null "
        "and merged_into is null",
        (merchant_id,),
    )
    rounds = yield Query("select day from segment_round where merchant_id = ?", (merchant_id,))
    day = rounds[0]["day"] if rounds else None
    return SegmentList(items=tuple(sorted(views, key=_place)), of=found[0]["customers"], judged_day=day or None)


def _place(view: SegmentView) -> tuple[Any, ...]:
    if view.built_in:
        return 0, rfm.GROUPS.index(view.segment_id.removeprefix(BUILT_IN)), "", ""
    return 1, 0, next(iter(view.name.values())).casefold(), view.segment_id


def _get(merchant_id: str, segment_id: str) -> Job[SegmentView]:
    if segment_id.removeprefix(BUILT_IN) in rfm.GROUPS and segment_id.startswith(BUILT_IN):
        return (yield from _built_in(merchant_id, segment_id))
    rows = yield Query(
        "select segment_id, name, conditions, state, changed_at from segment where merchant_id = ? "
        "and segment_id = ? and state <> 'removed'",
        (merchant_id, segment_id),
    )
    if not rows:
        raise NotFound("segment", segment_id)
    return (yield from _own(merchant_id, rows[0]))


def _built_in(merchant_id: str, segment_id: str) -> Job[SegmentView]:
    size = yield from size_of(merchant_id, segment_id)
    return SegmentView(
        segment_id=segment_id, name=rfm.NAMES[segment_id.removeprefix(BUILT_IN)], built_in=True, size=size
    )


def _own(merchant_id: str, row: Row) -> Job[SegmentView]:
    return SegmentView(
        segment_id=row["segment_id"],
        name=json.decode(row["name"], type=dict[str, str]),
        built_in=False,
        size=(yield from size_of(merchant_id, row["segment_id"])),
        state=row["state"],
        conditions=json.decode(row["conditions"], type=Condition),
        changed_at=row["changed_at"],
    )


def _insert(merchant_id: str, segment_id: str, draft: SegmentDraft, at: int) -> Job[None]:
    rows = yield Query(
        "select count(*) as own from segment where merchant_id = ? and state <> 'removed'", (merchant_id,)
    )
    if rows[0]["own"] >= MOST:
        raise Conflict("too-many-segments", f"There are {MOST} segments already: remove one first.")
    yield Query(
        "insert into segment (merchant_id, segment_id, name, conditions, state, version, created_at, changed_at) "
        "values (?, ?, ?, ?, 'counting', 1, ?, ?)",
        (merchant_id, segment_id, *_written(draft), at, at),
    )


def _update(merchant_id: str, segment_id: str, draft: SegmentDraft, at: int) -> Job[None]:
    rows = yield Query(
        "update segment set name = ?, conditions = ?, state = 'counting', version = version + 1, changed_at = ? "
        "where merchant_id = ? and segment_id = ? and state <> 'removed' returning segment_id",
        (*_written(draft), at, merchant_id, segment_id),
    )
    if not rows:
        raise NotFound("segment", segment_id)


def _written(draft: SegmentDraft) -> tuple[str, str]:
    return json.encode(draft.name).decode(), json.encode(draft.conditions).decode()
