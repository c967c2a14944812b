"""What a campaign has done so far and what is left of its limits: read from the sales themselves."""

from datetime import datetime

from msgspec import Struct

from poi_engine.campaigns.book import CampaignBook, CampaignView
from poi_engine.campaigns.model import offers_of
from poi_engine.catalogue.offer_book import remaining_limits
from poi_engine.clientele.rows import marks
from poi_engine.clock import Clock, micros, moment
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.settings import read_merchant
from poi_offers.limits import limit_key
from poi_offers.model import Limit
from poi_offers.situation import Basket, Place, Situation
from poi_offers.storetime import zone


class OfferCounters(Struct, frozen=True, kw_only=True):
    """One offer's part: how often used, money taken off, and its worth with points and stored value."""

    offer_id: str
    uses: int
    saved: int
    value: int


class LimitLeft(Struct, frozen=True, kw_only=True):
    """What is left of a limit that counts everybody together, in the running period: uses or minor units.

    `offer_id` is empty for a limit that the campaign's offers share.
    """

    offer_id: str
    limit: Limit
    left: int


class Counters(Struct, frozen=True, kw_only=True):
    """Uses and money off, returns subtracted (minor units); known customers reached; baskets and what they came to."""

    campaign_id: str
    uses: int
    saved: int
    value: int
    customers: int
    baskets: int
    revenue: int
    offers: tuple[OfferCounters, ...]
    left: tuple[LimitLeft, ...]


class CampaignCounters:
    """Reads the counters of campaigns that have started."""

    def __init__(self, sql: Sql, clock: Clock, book: CampaignBook) -> None:
        self._sql = sql
        self._clock = clock
        self._book = book

    async def read(self, merchant_id: str, campaign_id: str) -> Counters:
        """As the sales are now."""
        found = await self._book.get(merchant_id, campaign_id)
        now = moment(micros(self._clock.now()))
        return await self._sql.read(lambda: _read(merchant_id, found, now))


def _read(merchant_id: str, found: CampaignView, now: datetime) -> Job[Counters]:
    ids = found.offer_ids
    uses = yield Query(
        "select offer_id, sum(case when saved >= 0 and value >= 0 then 1 else 0 end) as uses, sum(saved) as saved, "
        f"sum(value) as value from redemption where merchant_id = ? and offer_id in ({marks(ids)}) group by offer_id",
        (merchant_id, *ids),
    )
    reached = yield Query(
        "select count(distinct customer_id) as customers from redemption "
        f"where merchant_id = ? and offer_id in ({marks(ids)})",
        (merchant_id, *ids),
    )
    sums = yield Query(
        "select sum(case when refund_of is null then 1 else 0 end) as baskets, sum(total) as revenue from sale "
        "where merchant_id = ? and sale_id in (select sale_id from redemption where merchant_id = ? "
        f"and offer_id in ({marks(ids)}) and created_at >= 0)",
        (merchant_id, merchant_id, *ids),
    )
    offers = [_offer(row) for row in uses]
    return Counters(
        campaign_id=found.campaign_id,
        uses=sum(one.uses for one in offers),
        saved=sum(one.saved for one in offers),
        value=sum(one.value for one in offers),
        customers=int(reached[0]["customers"]),
        baskets=int(sums[0]["baskets"] or 0),
        revenue=int(sums[0]["revenue"] or 0),
        offers=tuple(sorted(offers, key=lambda one: one.offer_id)),
        left=(yield from _left(merchant_id, found, now)),
    )


def _offer(row: Row) -> OfferCounters:
    return OfferCounters(
        offer_id=str(row["offer_id"]),
        **{name: int(row[name]) for name in ("uses", "saved", "value")},
    )


def _left(merchant_id: str, found: CampaignView, now: datetime) -> Job[tuple[LimitLeft, ...]]:
    """Of the limits on everybody together; days, weeks and months are those of the merchant's first store."""
    if found.state == "draft" or not found.draft.limits:
        return ()
    merchant = yield from read_merchant(merchant_id)
    situation = Situation(
        at=now, place=Place(zone=(yield from _first_zone(merchant_id))), basket=Basket(currency=merchant.currency)
    )
    asked: dict[str, tuple[str, Limit]] = {}
    for offer in offers_of(found.campaign_id, found.draft, merchant.currency):
        for index, limit in enumerate(offer.limits):
            key = limit_key(offer, index, situation) if limit.per == "total" else None
            if key is not None:
                asked[key] = ("" if limit.shared else offer.offer_id, limit)
    if not asked:
        return ()
    left = yield from remaining_limits(merchant_id, {key: limit.cap for key, (_, limit) in asked.items()})
    return tuple(
        LimitLeft(offer_id=offer_id, limit=limit, left=max(0, left[key])) for key, (offer_id, limit) in asked.items()
    )


def _first_zone(merchant_id: str) -> Job[str]:
    rows = yield Query("select zone from store where merchant_id = ? order by store_id limit 1", (merchant_id,))
    name = str(rows[0]["zone"]) if rows else "UTC"
    zone(name)  # its file is read here, not on the loop
    return name
