"""Gathers what an offer's lift is computed from: who its audience was when it began, and what they did since.

The audience is fixed before the offer can change anything: customers known then, and of the segments that the offer
asks for those who were in them then. So both groups differ by their lot alone.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from msgspec import Struct

from poi_engine.catalogue.offer_rows import HEADS, offer_of_document
from poi_engine.clock import Clock, micros, micros_of, moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.facts import DAY
from poi_engine.ports import Job, Query, Sql
from poi_engine.segments.lift import Lift, Sample, lift
from poi_engine.segments.model import BUILT_IN, OWN
from poi_engine.segments.people import read_zone
from poi_engine.segments.rows import members_at, merged_customers
from poi_offers import model, offer_conditions
from poi_offers.holdout import held_out
from poi_offers.storetime import wall_clock, zone

LONGEST_DAYS = 1100
_THIRTY = timedelta(days=29)
_PAGE = 5000
_YEARS = range(2000, 2200)


class LiftView(Struct, frozen=True, kw_only=True):
    """An offer's lift from the first to the last day of the merchant's calendar, spend in minor units.

    `since` (microseconds since 1970): when the audience was fixed, the first day or the offer's own beginning.
    `audience`: the segments it was taken from; empty: every customer known then. `provisional`: the period goes on.
    """

    offer_id: str
    first: date
    last: date
    since: int
    provisional: bool
    audience: tuple[str, ...]
    holdout: int
    spend: Lift
    visits: Lift


class Did(NamedTuple):
    """What a customer did in the period: minor units paid, returns taken off, and visits."""

    spend: int
    visits: int


class _Asked(NamedTuple):
    offer: model.Offer
    since: int
    until: int


class Lifts:
    """The service."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    async def of_offer(
        self, merchant_id: str, offer_id: str, first: date | None = None, last: date | None = None
    ) -> LiftView:
        """The lift of an offer that holds somebody out; by default in the thirty days up to today."""
        last = last or await self.today(merchant_id)
        first = first or max(date.min + _THIRTY, last) - _THIRTY
        check_period(first, last)
        asked = await self._sql.read(lambda: _asked(merchant_id, offer_id, first, last))
        if not asked.offer.holdout:
            raise Conflict("no-holdout", "Nobody is held out of this offer, so that its effect cannot be measured.")
        now = micros(self._clock.now())
        known = await self.known(merchant_id, asked.since)
        people = await self.audience(merchant_id, asked.offer, asked.since, known)
        done = await self.done(merchant_id, asked.since, min(asked.until, now))
        spend, visits = await asyncio.to_thread(compare, asked.offer, people, done)
        return LiftView(
            offer_id=offer_id,
            first=first,
            last=last,
            since=asked.since,
            provisional=now < asked.until,
            audience=tuple(sorted({word for part in _asks(asked.offer) for word in (*part.any_of, *part.none_of)})),
            holdout=asked.offer.holdout,
            spend=spend,
            visits=visits,
        )

    async def today(self, merchant_id: str) -> date:
        """The day it is at the merchant's first store."""
        clock = await self._sql.read(lambda: read_zone(merchant_id))
        return wall_clock(moment(micros(self._clock.now())), clock).date()

    async def known(self, merchant_id: str, since: int) -> set[str]:
        """The customers who were known at the time (microseconds since 1970) and live on."""
        people: set[str] = set()
        after = ""
        while page := await self._sql.read(lambda: _known(merchant_id, since, after)):  # noqa: B023
            people.update(page)
            after = page[-1]
        return people

    async def audience(self, merchant_id: str, offer: model.Offer, since: int, known: Collection[str]) -> set[str]:
        """Of these customers those who were in the segments that the offer asks for."""
        people = set(known)
        for part in _asks(offer):
            for words, keeps in ((part.any_of, True), (part.none_of, False)):
                if words:
                    inside = await self._sql.read(_inside(merchant_id, words, since))
                    people = people & inside if keeps else people - inside
        return people

    async def done(self, merchant_id: str, since: int, until: int) -> dict[str, Did]:
        """What every customer did, read a day at a time."""
        done: dict[str, Did] = {}
        merged = await self._sql.read(lambda: merged_customers(merchant_id))
        for start in range(since, until, DAY):
            end = min(start + DAY, until)
            day = await self._sql.read(lambda start=start, end=end: _day(merchant_id, start, end))  # type: ignore[misc]
            for customer_id, did in day.items():
                known_as = merged.get(customer_id, customer_id)
                before = done.get(known_as, Did(0, 0))
                done[known_as] = Did(before.spend + did.spend, before.visits + did.visits)
        return done


def check_period(first: date, last: date) -> None:
    """Refuse days that no lift is computed for."""
    for name, day in (("first", first), ("last", last)):
        if day.year not in _YEARS:
            message = f"Give a day from {_YEARS[0]} to {_YEARS[-1]}."
            raise RequestError("bad-period", message, path=f"$.{name}")
    if not 0 <= (last - first).days < LONGEST_DAYS:
        message = f"The first day comes before the last, fewer than {LONGEST_DAYS} days apart."
        raise RequestError("bad-period", message, path="$.first")


def compare(offer: model.Offer, people: Collection[str], done: Mapping[str, Did]) -> tuple[Lift, Lift]:
    """Spend and visits of those who may have the offer against those who were held out."""
    groups: tuple[list[Did], list[Did]] = [], []
    for customer_id in people:
        groups[held_out(offer, customer_id)].append(done.get(customer_id, Did(0, 0)))
    treated, without = groups
    return (
        lift(Sample.of(did.spend for did in treated), Sample.of(did.spend for did in without)),
        lift(Sample.of(did.visits for did in treated), Sample.of(did.visits for did in without)),
    )


def _asks(offer: model.Offer) -> Iterator[offer_conditions.InSegment]:
    """The segments without which the offer never applies; of words given by hand nobody knows since when."""
    parts = offer.conditions.of if isinstance(offer.conditions, offer_conditions.All) else (offer.conditions,)
    for part in parts:
        if isinstance(part, offer_conditions.InSegment) and all(
            word.startswith((OWN, BUILT_IN)) for word in (*part.any_of, *part.none_of)
        ):
            yield part


def _asked(merchant_id: str, offer_id: str, first: date, last: date) -> Job[_Asked]:
    rows = yield Query(
        f"{HEADS} where o.merchant_id = ? and o.offer_id = ? and o.state <> 'removed'", (merchant_id, offer_id)
    )
    if not rows:
        raise NotFound("offer", offer_id)
    began = yield Query(
        "select min(created_at) as began from offer_version where merchant_id = ? and offer_id = ?",
        (merchant_id, offer_id),
    )
    clock = zone((yield from read_zone(merchant_id)))

    def midnight(day: date) -> int:
        return micros_of(datetime.combine(day, time(), clock))

    since = max(midnight(first), int(began[0]["began"]))
    return _Asked(offer_of_document(rows[0]["document"]), since, midnight(last + timedelta(days=1)))


def _known(merchant_id: str, since: int, after: str) -> Job[list[str]]:
    rows = yield Query(
        "select customer_id, created_at from customer where merchant_id = ? and customer_id > ? and erased_at is null "
        "and merged_into is null and created_at <= ? order by customer_id limit ?",
        (merchant_id, after, since, _PAGE),
    )
    return [row["customer_id"] for row in rows]


def _inside(merchant_id: str, words: tuple[str, ...], at: int) -> Callable[[], Job[set[str]]]:
    return lambda: members_at(merchant_id, words, at)


def _day(merchant_id: str, start: int, end: int) -> Job[dict[str, Did]]:
    rows = yield Query(
        "select customer_id, cast(sum(total - stored) as bigint) as spend, "
        "cast(sum(case when refund_of is null then 1 else 0 end) as bigint) as visits from sale "
        "where merchant_id = ? and created_at >= ? and created_at < ? and customer_id is not null "
        "group by customer_id",
        (merchant_id, start, end),
    )
    return {row["customer_id"]: Did(row["spend"], row["visits"]) for row in rows}
