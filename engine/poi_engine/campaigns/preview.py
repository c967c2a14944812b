"""A campaign tried on past sales: what it would have cost, and whom it would have touched.

The decisions run in a thread, a few baskets at a time: the loop serves others in between, and whoever asked can stop.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date

from msgspec import Struct

from poi_engine.campaigns.audience import LAPSING
from poi_engine.campaigns.book import check_campaign
from poi_engine.campaigns.model import CampaignDraft, offers_of
from poi_engine.campaigns.trial import Trial, Week, by_customer
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.catalogue.past import Days, midnight, situation_of
from poi_engine.checkout.frozen import decode
from poi_engine.clientele.rows import marks
from poi_engine.errors import RequestError
from poi_engine.insights.place import View
from poi_engine.insights.rollup import settle
from poi_engine.ports import Job, Query, Row, Sql
from poi_offers.situation import Situation

MOST_SALES = 5000
"""Sales that are replayed; of more, one customer in so many is taken, with all their baskets."""
LONGEST_DAYS = 366
_PAGE = 200
_IN_A_ROW = 50  # baskets decided before the loop has its turn
_WAITING = 8
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BUCKETS = len(_ALPHABET) ** 2


class Progress(Struct, frozen=True, kw_only=True, tag_field="kind", tag="progress"):
    """How far a preview is, in sales."""

    done: int
    of: int


class WeekOfPreview(Struct, frozen=True, kw_only=True):
    """A week from its Monday on: sales, those that the campaign would have touched, and its cost (minor units)."""

    monday: date
    baskets: int
    touched: int
    cost: int


class Preview(Struct, frozen=True, kw_only=True, tag_field="kind", tag="preview"):
    """What a campaign would have done. Amounts in minor units.

    `cost`: what more would have been taken off than by the live offers alone; `value`: the same with points and stored
    value. `customers`: known ones with a campaign's offer in a basket; `anonymous`: such baskets of nobody known.
    `sampled`: one customer in `weight` was replayed, and the figures are what that comes to for all.
    """

    first: date
    last: date
    sales: int
    replayed: int
    weight: int
    sampled: bool
    cost: int
    value: int
    baskets: int
    customers: int
    anonymous: int
    weeks: tuple[WeekOfPreview, ...]


class Previews:
    """The previews' service: one at a time, a few may wait."""

    def __init__(self, sql: Sql, offers: OfferBook, most: int = MOST_SALES) -> None:
        self._sql = sql
        self._offers = offers
        self._most = most
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def check(self, merchant_id: str, draft: CampaignDraft, days: Days) -> None:
        """Refuse what cannot be tried."""
        if not 0 <= (days.last - days.first).days <= LONGEST_DAYS:
            message = f"The first day comes before the last, at most {LONGEST_DAYS} days apart."
            raise RequestError("bad-period", message, path="$.first")
        await self._sql.read(lambda: check_campaign(merchant_id, draft))
        if self._waiting >= _WAITING:
            raise RequestError("previews-busy", "Other previews are under way: ask again in a moment.", status=429)

    async def run(
        self, merchant_id: str, campaign_id: str, draft: CampaignDraft, days: Days
    ) -> AsyncGenerator[Progress | Preview, None]:
        """Progress from time to time, the preview at last. Closing it stops the work."""
        self._waiting += 1
        try:
            yield Progress(done=0, of=0)
            async with self._turn:
                async for step in self._run(merchant_id, campaign_id, draft, days):
                    yield step
        finally:
            self._waiting -= 1

    async def _run(
        self, merchant_id: str, campaign_id: str, draft: CampaignDraft, days: Days
    ) -> AsyncGenerator[Progress | Preview, None]:
        await settle(self._sql, merchant_id)
        sales = await self._sql.read(lambda: _count(merchant_id, days))
        weight = _weight(sales, self._most)
        audience = kept(draft.audience)
        trial = await self._trial(merchant_id, campaign_id, draft, audience, weight)
        async with aclosing(self._baskets(merchant_id, days, weight, audience)) as pages:
            async for page in pages:
                for start in range(0, len(page), _IN_A_ROW):
                    await asyncio.to_thread(_try, trial, page[start : start + _IN_A_ROW])
                    yield Progress(done=min(trial.baskets * weight, sales), of=sales)
        yield _preview(trial, days, sales, weight)

    async def _trial(
        self, merchant_id: str, campaign_id: str, draft: CampaignDraft, audience: frozenset[str], weight: int
    ) -> Trial:
        merchant = await self._offers.merchant(merchant_id)
        catalogue = await self._offers.catalogue(merchant_id)
        offers = offers_of(campaign_id, draft, merchant.currency, dated=False)
        own = {offer.offer_id for offer in offers}

        def build() -> Trial:
            live = (offer for offer in catalogue.offers() if offer.offer_id not in own)
            return Trial(live, offers, merchant.programme.policy, audience, weight)

        return await asyncio.to_thread(build)

    async def _baskets(
        self, merchant_id: str, days: Days, weight: int, audience: frozenset[str]
    ) -> AsyncGenerator[list[tuple[Situation, frozenset[str]]], None]:
        after = (midnight(days, -1), "")
        while True:
            rows = await self._sql.read(lambda at=after: _page(merchant_id, days, at, weight))  # type: ignore[misc]
            members = await self._sql.read(lambda rows=rows: _members(merchant_id, rows, audience))  # type: ignore[misc]
            yield await asyncio.to_thread(_situations, rows, members)
            if len(rows) < _PAGE:
                return
            after = (rows[-1]["created_at"], rows[-1]["sale_id"])


def kept(audience: Sequence[str]) -> frozenset[str]:
    """The segments of an audience that the program keeps; words given by hand are as they were at the sale."""
    return frozenset(word for word in audience if word.startswith(("seg_", "rfm:")) or word == LAPSING)


def _weight(sales: int, most: int) -> int:
    """One customer in so many: a power of two, as a share of the ids' last letters."""
    weight = 1
    while sales > most * weight and weight < _BUCKETS:
        weight *= 2
    return weight


def _try(trial: Trial, baskets: Sequence[tuple[Situation, frozenset[str]]]) -> None:
    for situation, member_of in baskets:
        trial.try_on(situation, member_of)


def _situations(rows: Sequence[Row], members: dict[str, frozenset[str]]) -> list[tuple[Situation, frozenset[str]]]:
    found = []
    for row in rows:
        situation = situation_of(decode(row["document"]), erased=row["erased_at"] is not None)
        found.append((situation, members.get(row["customer_id"] or "", frozenset())))
    return found


def _preview(trial: Trial, days: Days, sales: int, weight: int) -> Preview:
    return Preview(
        first=days.first,
        last=days.last,
        sales=sales,
        replayed=trial.baskets,
        weight=weight,
        sampled=weight > 1,
        cost=trial.cost * weight,
        value=trial.value * weight,
        baskets=trial.touched * weight,
        customers=len(trial.customers) * weight,
        anonymous=trial.anonymous * weight,
        weeks=tuple(_week(week, weight) for _, week in sorted(trial.weeks.items())),
    )


def _week(week: Week, weight: int) -> WeekOfPreview:
    return WeekOfPreview(
        monday=week.monday, baskets=week.baskets * weight, touched=week.touched * weight, cost=week.cost * weight
    )


# --- reading -------------------------------------------------------------------------------------------------------


def _count(merchant_id: str, days: Days) -> Job[int]:
    view = View.of(merchant_id, days.first, days.last, None)
    rows = yield view.daily("hour", "coalesce(sum(sales), 0) as sales", "")
    return int(rows[0]["sales"])


def _page(merchant_id: str, days: Days, after: tuple[int, str], weight: int) -> Job[list[Row]]:
    """Sales of the period, oldest first; of a sample, those whose customer's (or own) id ends low enough."""
    low = _BUCKETS // weight
    sampled = "coalesce(s.customer_id, s.sale_id)"
    in_sample = f"and substr({sampled}, length({sampled}) - 1, 2) < ? " if weight > 1 else ""
    share = (_ALPHABET[low // len(_ALPHABET)] + _ALPHABET[low % len(_ALPHABET)],) if weight > 1 else ()
    rows = yield Query(
        "select s.sale_id, s.created_at, s.customer_id, c.document, k.erased_at from sale s join checkout c "
        "on c.merchant_id = s.merchant_id and c.checkout_id = s.checkout_id left join customer k "
        "on k.merchant_id = s.merchant_id and k.customer_id = s.customer_id where s.merchant_id = ? "
        "and s.refund_of is null and s.created_at >= ? and (s.created_at, s.sale_id) > (?, ?) and s.created_at < ? "
        f"and s.local_day between ? and ? {in_sample}order by s.created_at, s.sale_id limit ?",
        (
            *(merchant_id, after[0], *after, midnight(days, 2)),
            *(days.first.isoformat(), days.last.isoformat(), *share, _PAGE),
        ),
    )
    return rows


def _members(merchant_id: str, rows: Sequence[Row], audience: frozenset[str]) -> Job[dict[str, frozenset[str]]]:
    """Of the page's customers: in which of the audience's segments they are today."""
    people = tuple(sorted({row["customer_id"] for row in rows if row["customer_id"]}))
    if not people or not audience:
        return {}
    words = tuple(sorted(audience))
    found = yield Query(
        "select customer_id, segment_id from segment_member where merchant_id = ? "
        f"and customer_id in ({marks(people)}) and segment_id in ({marks(words)})",
        (merchant_id, *people, *words),
    )
    away = yield Query(
        f"select customer_id, '{LAPSING}' as segment_id from lapsing where merchant_id = ? "
        f"and customer_id in ({marks(people)})",
        (merchant_id, *people),
    )
    return by_customer([*found, *(row for row in away if row["segment_id"] in audience)])
