"""What a whole campaign brings: who may have its offers, any of them, against who is held out of them all.

One lot decides for all offers of a campaign, so the two groups are the same for each of them. An offer of a narrower
audience than the campaign's is measured on that audience too; of offers with one audience nobody can tell which did it.
"""

import asyncio
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from poi_engine.campaigns.book import CampaignBook, CampaignView
from poi_engine.campaigns.model import offers_of
from poi_engine.clock import Clock, micros, micros_of, moment
from poi_engine.errors import Conflict
from poi_engine.ports import Sql
from poi_engine.segments.lift import Lift
from poi_engine.segments.lift_reader import LONGEST_DAYS, Lifts, check_period, compare
from poi_engine.segments.people import read_zone
from poi_engine.settings import read_merchant
from poi_offers.model import Offer
from poi_offers.storetime import wall_clock, zone


class OfferLift(Struct, frozen=True, kw_only=True):
    """One offer's part. `spend` and `visits` only if it had an audience of its own, narrower than the campaign's."""

    offer_id: str
    name: dict[str, str]
    spend: Lift | None = None
    visits: Lift | None = None


class CampaignLift(Struct, frozen=True, kw_only=True):
    """A campaign's lift from the first to the last day of the merchant's calendar, spend in minor units.

    `since` (microseconds since 1970): when the audience was fixed. `provisional`: the period goes on.
    """

    campaign_id: str
    first: date
    last: date
    since: int
    provisional: bool
    holdout: int
    spend: Lift
    visits: Lift
    offers: tuple[OfferLift, ...]


class CampaignLifts:
    """The service."""

    def __init__(self, sql: Sql, clock: Clock, book: CampaignBook, lifts: Lifts) -> None:
        self._sql = sql
        self._clock = clock
        self._book = book
        self._lifts = lifts

    async def read(
        self, merchant_id: str, campaign_id: str, first: date | None = None, last: date | None = None
    ) -> CampaignLift:
        """The lift of a campaign that holds somebody out; by default from its start to its end, or to today."""
        found = await self._book.get(merchant_id, campaign_id)
        if found.started_at is None:
            raise Conflict("campaign-not-started", "The campaign has not begun: there is nothing to measure yet.")
        if not found.draft.holdout:
            raise Conflict("no-holdout", "Nobody is held out of this campaign, so that its effect cannot be measured.")
        clock = await self._sql.read(lambda: read_zone(merchant_id))
        first, last = _period(found, clock, await self._lifts.today(merchant_id), first, last)
        since = max(_midnight(first, clock), micros_of(found.started_at))
        until, now = _midnight(last + timedelta(days=1), clock), micros(self._clock.now())
        merchant = await self._sql.read(lambda: read_merchant(merchant_id))
        offers = offers_of(campaign_id, found.draft, merchant.currency)
        return await self._measured(merchant_id, found, offers, (first, last), (since, until, now))

    async def _measured(
        self,
        merchant_id: str,
        found: CampaignView,
        offers: tuple[Offer, ...],
        days: tuple[date, date],
        moments: tuple[int, int, int],
    ) -> CampaignLift:
        since, until, now = moments
        known = await self._lifts.known(merchant_id, since)
        own = [await self._lifts.audience(merchant_id, offer, since, known) for offer in offers]
        people = set().union(*own)
        done = await self._lifts.done(merchant_id, since, min(until, now))
        spend, visits = await asyncio.to_thread(compare, offers[0], people, done)
        parts = []
        for offer, audience in zip(offers, own, strict=True):
            apart = audience != people
            alone = await asyncio.to_thread(compare, offer, audience, done) if apart else (None, None)
            name = {str(language): text for language, text in offer.name.items()}
            parts.append(OfferLift(offer_id=offer.offer_id, name=name, spend=alone[0], visits=alone[1]))
        return CampaignLift(
            campaign_id=found.campaign_id,
            first=days[0],
            last=days[1],
            since=since,
            provisional=now < until,
            holdout=found.draft.holdout,
            spend=spend,
            visits=visits,
            offers=tuple(parts),
        )


def _period(found: CampaignView, clock: str, today: date, first: date | None, last: date | None) -> tuple[date, date]:
    """What is asked for; else the campaign's own days, the last ones of a very long one."""
    begun = wall_clock(found.started_at or moment(0), clock).date()
    over = None if found.ended_at is None else wall_clock(found.ended_at, clock).date()
    last = last or over or max(today, begun)
    first = first or max(begun, last - timedelta(days=LONGEST_DAYS - 1))
    check_period(first, last)
    return first, last


def _midnight(day: date, clock: str) -> int:
    return micros_of(datetime.combine(day, time(), zone(clock)))
