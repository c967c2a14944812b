"""Keeps membership up to date: after each sale, and for what time alone changes once a day at the merchant's midnight.

Only judging one customer, in one transaction, ever changes who is in a segment. A round over everybody finds out who
would be in another segment than the rows say, and makes them due; whoever is missed because they buy meanwhile is due
for that. Of several processes one does a round, under a lease that another takes over when it ends.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec import json

from poi_engine.clientele.rows import marks
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import PoiError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.segments import rfm
from poi_engine.segments.columns import Crowd
from poi_engine.segments.due import due_customers, judge, rules_of
from poi_engine.segments.model import BUILT_IN
from poi_engine.segments.people import GoesOn, read_bought, read_people, read_zone
from poi_engine.segments.rows import Own, member_ids, read_cuts, read_own
from poi_offers.storetime import wall_clock

_log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
"""How long a sale may wait for its customer to be judged again, when nothing is in the way."""
LEASE = 120_000_000  # microseconds
_JUDGED = 128  # customers a transaction
_PAGE = 500


class Standing(NamedTuple):
    """What there is to do for a merchant: the day that is now there and the one judged last, and their segments."""

    today: str
    judged: str
    own: list[Own]
    removed: list[str]


class LeaseLost(Exception):
    """Another process has taken the round over."""


class SegmentRounds:
    """The work behind the segments; `start` lets it run by itself, `settle` does it now."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._runner = ids.new("run")
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on, by itself."""
        self._task = asyncio.create_task(self._keep(), name="segments")

    async def close(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def settle(self, merchant_id: str) -> None:
        """Everything that is to be done for a merchant now."""
        standing = await self._sql.read(lambda: self._standing(merchant_id))
        with contextlib.suppress(LeaseLost):
            if standing.judged != standing.today:
                await self._judge_the_day(merchant_id, standing)
            counting = [own for own in standing.own if own.state == "counting"]
            if counting:
                await self._count(merchant_id, counting)
            for segment_id in standing.removed:
                await self._clear(merchant_id, segment_id)
        await self._judge_due(merchant_id)
        for own in standing.own:
            if own.state == "counting":
                await self._sql.write(lambda own=own: _ready(merchant_id, own))  # type: ignore[misc]

    async def _keep(self) -> None:
        while True:
            try:
                for merchant_id in await self._sql.read(_merchants):
                    await self.settle(merchant_id)
            except PoiError as error:  # storage away: the next round finds it again
                _log.warning("segments: %s", error.code)
            except Exception:  # a fault of ours must not make this the last round
                _log.exception("segments failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_SECONDS):
                    await self._wake.wait()
            self._wake.clear()

    def _at(self) -> int:
        return micros(self._clock.now())

    def _standing(self, merchant_id: str) -> Job[Standing]:
        zone = yield from read_zone(merchant_id)
        today = wall_clock(moment(self._at()), zone).date().isoformat()
        rounds = yield Query("select day from segment_round where merchant_id = ?", (merchant_id,))
        removed = yield Query(
            "select segment_id from segment where merchant_id = ? and state = 'removed'", (merchant_id,)
        )
        own = yield from read_own(merchant_id)
        judged = str(rounds[0]["day"]) if rounds else ""
        return Standing(today, judged, own, [row["segment_id"] for row in removed])

    # --- one by one -------------------------------------------------------------------------------------------------

    async def _judge_due(self, merchant_id: str) -> None:
        after = ""
        while due := await self._sql.read(lambda: due_customers(merchant_id, after, _JUDGED)):  # noqa: B023
            at = self._at()

            await self._sql.write(lambda due=due, at=at: judge(merchant_id, due, at))  # type: ignore[misc]
            after = due[-1]

    # --- rounds over everybody --------------------------------------------------------------------------------------

    async def _judge_the_day(self, merchant_id: str, standing: Standing) -> None:
        """New fifths, and everybody whom the new day puts elsewhere is due."""
        goes_on = await self._lease(merchant_id)
        people = await read_people(self._sql, merchant_id, self._at(), goes_on)
        cuts = await asyncio.to_thread(people.cuts)
        await self._sql.write(lambda: _keep_cuts(merchant_id, self._runner, cuts))
        crowd = await asyncio.to_thread(Crowd, people, cuts)
        for group in rfm.GROUPS:
            segment_id = f"{BUILT_IN}{group}"
            await self._make_due(merchant_id, segment_id, crowd.ids(crowd.in_word(segment_id)), goes_on)
        await self._compare(merchant_id, crowd, standing.own, goes_on)
        await self._sql.write(lambda: _day_done(merchant_id, self._runner, standing.today))

    async def _count(self, merchant_id: str, counting: Sequence[Own]) -> None:
        """New and changed segments: everybody who belongs elsewhere than the rows say is due."""
        goes_on = await self._lease(merchant_id)
        crowd = await read_crowd(self._sql, merchant_id, self._at(), goes_on)
        await self._compare(merchant_id, crowd, counting, goes_on)
        await self._sql.write(lambda: _release(merchant_id, self._runner))

    async def _compare(self, merchant_id: str, crowd: Crowd, segments: Sequence[Own], goes_on: GoesOn) -> None:
        for own in segments:
            rules = rules_of(own.conditions)
            bought = [await read_bought(self._sql, merchant_id, asked, crowd.people.at) for asked in rules.bought]
            fitting = await asyncio.to_thread(lambda r=rules, b=bought: crowd.ids(crowd.fitting(r, b)))  # type: ignore[misc]
            await self._make_due(merchant_id, own.segment_id, fitting, goes_on)

    async def _make_due(self, merchant_id: str, segment_id: str, fitting: Collection[str], goes_on: GoesOn) -> None:
        members = await self._members(merchant_id, segment_id)
        wrong = sorted(members.symmetric_difference(fitting))
        for start in range(0, len(wrong), _PAGE):
            await goes_on()
            some, at = wrong[start : start + _PAGE], self._at()
            await self._sql.write(lambda some=some, at=at: _insert_due(merchant_id, some, at))  # type: ignore[misc]

    async def _members(self, merchant_id: str, segment_id: str) -> set[str]:
        found: set[str] = set()
        after = ""
        while page := await self._sql.read(lambda: member_ids(merchant_id, segment_id, after, 10_000)):  # noqa: B023
            found.update(page)
            after = page[-1]
        return found

    async def _clear(self, merchant_id: str, segment_id: str) -> None:
        """What is left of a removed segment, in small transactions."""
        while await self._sql.write(lambda: _clear_some(merchant_id, segment_id)):
            pass

    async def _lease(self, merchant_id: str) -> GoesOn:
        """Take the round; the answer renews the lease, or raises once it is another's."""
        renewed = 0

        async def goes_on() -> None:
            nonlocal renewed
            at = self._at()
            if at - renewed > LEASE // 4:
                if not await self._sql.write(lambda: _take(merchant_id, self._runner, at)):
                    raise LeaseLost
                renewed = at

        await goes_on()
        return goes_on


async def read_crowd(sql: Sql, merchant_id: str, at: int, goes_on: GoesOn) -> Crowd:
    """Everybody, with the day's fifths."""
    people = await read_people(sql, merchant_id, at, goes_on)
    cuts = await sql.read(lambda: read_cuts(merchant_id))
    return await asyncio.to_thread(Crowd, people, cuts)


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]


def _insert_due(merchant_id: str, customer_ids: Sequence[str], at: int) -> Job[None]:
    yield Query(
        "insert into segment_due (merchant_id, customer_id, sale_id, created_at) values "
        f"{', '.join(['(?, ?, ?, ?)'] * len(customer_ids))} "
        "on conflict (merchant_id, customer_id, sale_id) do nothing",
        [value for customer_id in customer_ids for value in (merchant_id, customer_id, "", at)],
    )


def _take(merchant_id: str, runner: str, at: int) -> Job[bool]:
    yield Query(
        "insert into segment_round (merchant_id, day, cuts, runner, until) values (?, '', '{}', '', 0) "
        "on conflict (merchant_id) do nothing",
        (merchant_id,),
    )
    rows = yield Query(
        "update segment_round set runner = ?, until = ? where merchant_id = ? and (until < ? or runner = ?) "
        "returning merchant_id",
        (runner, at + LEASE, merchant_id, at, runner),
    )
    return bool(rows)


def _release(merchant_id: str, runner: str) -> Job[None]:
    yield Query(
        "update segment_round set runner = '', until = 0 where merchant_id = ? and runner = ?", (merchant_id, runner)
    )


def _keep_cuts(merchant_id: str, runner: str, cuts: rfm.Cuts) -> Job[None]:
    rows = yield Query(
        "update segment_round set cuts = ? where merchant_id = ? and runner = ? returning merchant_id",
        (json.encode(cuts).decode(), merchant_id, runner),
    )
    if not rows:
        raise LeaseLost


def _day_done(merchant_id: str, runner: str, day: str) -> Job[None]:
    yield Query(
        "update segment_round set day = ?, runner = '', until = 0 where merchant_id = ? and runner = ?",
        (day, merchant_id, runner),
    )


def _ready(merchant_id: str, own: Own) -> Job[None]:
    """Everybody is judged by this version of the segment; a newer one is counted anew."""
    yield Query(
        "update segment set state = 'ready' where merchant_id = ? and segment_id = ? and version = ? "
        "and state = 'counting'",
        (merchant_id, own.segment_id, own.version),
    )


def _clear_some(merchant_id: str, segment_id: str) -> Job[bool]:
    """Some of a removed segment's members; when there are none left, its past and its row."""
    ids = yield from member_ids(merchant_id, segment_id, "", _PAGE)
    if ids:
        yield Query(
            "delete from segment_member where merchant_id = ? and segment_id = ? "
            f"and customer_id in ({marks(tuple(ids))})",
            (merchant_id, segment_id, *ids),
        )
        return True
    for table in ("segment_past", "segment"):
        yield Query(f"delete from {table} where merchant_id = ? and segment_id = ?", (merchant_id, segment_id))
    return False
