"""The public data set's coupons, asked by its own baskets: a coupon holds for the households its campaign was sent to,
in the campaign's days, when one of its products is in the basket.
"""

from collections.abc import Sequence
from datetime import UTC, date
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np

from poi_cext.ops import HIGH, LOW
from poi_server.benchmark.clauses import EVERYWHERE, Clauses
from poi_server.benchmark.facts import Facts, Line
from poi_server.benchmark.ragged import Ragged, starts_of
from poi_server.benchmark.workload import Workload
from poi_server.benchmark.world import ZONE, World
from poi_server.demo_data.journey import Coupon, Journey, Visit, read_journey

NAME = "completejourney"
LAT, LON = 48.8566, 2.3522
"""The data set does not say where its shops are; no coupon asks."""


def journey_workload(events: int, size: str = "medium") -> Workload:
    """The workload; `DemoDataAbsent` when the [demo] extra is not installed."""
    journey = read_journey(size)
    numbers = {article.product_id: number for number, article in enumerate(journey.articles)}
    kinds = {kind: number for number, kind in enumerate(sorted({article.category for article in journey.articles}))}
    lines = {article.product_id: (numbers[article.product_id], kinds[article.category]) for article in journey.articles}
    step = max(1, journey.baskets // events)
    asked = _asked(journey, lines, list(islice(journey.visits(), 0, events * step, step)))
    return Workload(
        name=NAME,
        offers=len(journey.coupons),
        world=_world(len(journey.shops)),
        clauses=_clauses(journey, numbers),
        timetables=(),
        priority=np.zeros(len(journey.coupons), np.int32),
        cold=asked,
        hot=asked,
    )


def _world(shops: int) -> World:
    chain = np.zeros(shops, np.int32)
    order = np.arange(shops, dtype=np.int32)
    where = np.full(shops, LAT), np.full(shops, LON)
    return World(chain, chain, *where, np.zeros(1, np.int32), order, np.array([0, shops]))


def _asked(journey: Journey, lines: dict[int, tuple[int, int]], visits: Sequence[Visit]) -> list[Facts]:
    sent: dict[int, list[int]] = {}
    for campaign in journey.campaigns:
        for household in campaign.households:
            sent.setdefault(household, []).append(campaign.campaign_id)
    return [
        Facts(
            at=visit.at.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC),
            lat=LAT,
            lon=LON,
            chain=0,
            trade=0,
            store=journey.shops.index(visit.shop),
            lines=_lines(visit, lines),
            segments=sorted(sent.get(visit.household, ())),
            points=0,
        )
        for visit in visits
    ]


def _lines(visit: Visit, lines: dict[int, tuple[int, int]]) -> list[Line]:
    return [
        (*lines[purchase.product_id], purchase.received // purchase.quantity, purchase.quantity)
        for purchase in visit.purchases
    ]


def _clauses(journey: Journey, numbers: dict[int, int]) -> Clauses:
    coupons, count = journey.coupons, len(journey.coupons)
    days = {campaign.campaign_id: (campaign.first, campaign.last) for campaign in journey.campaigns}
    nothing, none = np.tile(np.array((LOW, HIGH), np.int32), (count, 1)), np.zeros(count, np.uint8)
    empty = Ragged(np.zeros(count + 1, np.int64), np.zeros(0, np.int32))
    return Clauses(
        owner=np.arange(count, dtype=np.int32),
        kind=np.full(count, EVERYWHERE, np.uint8),
        shape=np.zeros(count, np.int32),
        chain=np.full(count, -1, np.int32),
        trades=np.zeros(count, np.uint64),
        store_lists=Ragged(np.zeros(1, np.int64), np.zeros(0, np.int32)),
        circles=np.zeros((0, 3)),
        corners=np.zeros(1, np.int64),
        ring=np.zeros((0, 2)),
        dates=np.array([_days(days[coupon.campaign_id]) for coupon in coupons], np.int32),
        weekly=np.full(count, -1, np.int16),
        tier=none,
        scheme=none,
        channel=none,
        points=nothing,
        visits=nothing,
        recency=nothing,
        birthday=np.full((count, 2), -1, np.int32),
        subtotal=nothing,
        segment_any=_ragged([[coupon.campaign_id] for coupon in coupons]),
        segment_none=empty,
        category_any=empty,
        category_all=empty,
        product_any=_ragged([_products(coupon, numbers) for coupon in coupons]),
    )


def _days(ends: tuple[date, date]) -> tuple[int, int]:
    return ends[0].toordinal(), ends[1].toordinal()


def _products(coupon: Coupon, numbers: dict[int, int]) -> list[int]:
    return sorted(numbers[product] for product in coupon.products)


def _ragged(lists: Sequence[Sequence[int]]) -> Ragged:
    lengths = np.array([*map(len, lists)], np.int64)
    return Ragged(starts_of(lengths), np.array([value for values in lists for value in values], np.int32))
