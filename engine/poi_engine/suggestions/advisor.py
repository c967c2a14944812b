"""Advice at the counter: from the session, the merchant's latest baskets, and the customer's own sales."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

from poi_engine.clientele.rows import Living, marks, must_live
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict
from poi_engine.goods.products import Product, read_products
from poi_engine.ports import Job, Query, Sql
from poi_engine.segments.people import who_objects
from poi_engine.session import Session
from poi_engine.suggestions import reads
from poi_engine.suggestions.advice import (
    Advised,
    Bought,
    Size,
    advise,
    companions,
    days_to_birthday,
    near_ones,
    usual_ones,
)
from poi_engine.suggestions.pairs import Pair, Together
from poi_offers.storetime import wall_clock

BASKETS = 2000
"""The merchant's latest sales in which products are looked for that go together."""
FRESH_SECONDS = 3600.0
VISITS = 60
"""The customer's latest sales that are looked at, as far back as `BACK_DAYS`."""
BACK_DAYS = 365
SIZES = 6


class _Own(Struct, frozen=True, kw_only=True):
    """A customer's own sales, or that they object to having them looked at."""

    visits: int = 0
    bought: tuple[Bought, ...] = ()
    objects: bool = False


class Advisor:
    """The advice's service."""

    def __init__(self, sql: Sql, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock
        self._pairs: dict[str, tuple[float, list[Pair]]] = {}
        self._counting = asyncio.Lock()

    async def of(self, session: Session) -> Advised:
        """What to say to the customer of this session."""
        if session.identity is None:
            raise Conflict("not-present", "Identify the customer in your session first.", status=403)
        m, customer_id, at = session.merchant_id, session.identity.customer_id, micros(self._clock.now())
        pairs = await self._together(m, at)
        own = await self._sql.read(lambda: _own(m, customer_id, at))
        codes = {item.code for item in session.basket.items if item.code}
        beside, usual = companions(pairs, codes), usual_ones(own.bought, own.visits)
        wanted = sorted(codes | {other for other, _ in beside} | {one.code for one in own.bought})
        sold = await self._sql.read(lambda: _sold(m, wanted))
        days = await self._birthday(session, at)
        near = near_ones(session.decision.reasons) if session.decision else []
        return Advised(
            items=advise(codes, near, beside, usual, own.visits, days, sold),
            visits=own.visits,
            sizes=_sizes(own.bought, sold),
            objects=own.objects,
        )

    async def _together(self, merchant_id: str, at: int) -> list[Pair]:
        """What goes together, counted anew from time to time."""
        async with self._counting:
            counted, pairs = self._pairs.get(merchant_id, (float("-inf"), []))
            now = self._clock.monotonic()
            if now - counted < FRESH_SECONDS:
                return pairs
            baskets, _ = await reads.baskets(self._sql, merchant_id, at, BASKETS)
            pairs = await asyncio.to_thread(lambda: Together(baskets).pairs())
            self._pairs[merchant_id] = (now, pairs)
            return pairs

    async def _birthday(self, session: Session, at: int) -> int | None:
        if session.facts is None or session.facts.birthday is None:
            return None
        zone = await self._sql.read(lambda: _zone(session.merchant_id, session.store_id))
        today = await asyncio.to_thread(lambda: wall_clock(moment(at), zone).date())
        return days_to_birthday(session.facts.birthday, today)


def _own(merchant_id: str, customer_id: str, at: int) -> Job[_Own]:
    person = yield from must_live(merchant_id, customer_id)
    lives = dict.fromkeys(person.family, person.customer_id)
    if (yield from who_objects(merchant_id, lives)):
        return _Own(objects=True)
    sales = yield from _latest(merchant_id, person, at - int(timedelta(days=BACK_DAYS).total_seconds()) * 1_000_000)
    if not sales:
        return _Own()
    rows = yield Query(
        "select code, count(distinct sale_id) as sales from sale_line where merchant_id = ? "
        f"and sale_id in ({marks(sales)}) and code <> '' and quantity > 0 group by code",
        (merchant_id, *sales),
    )
    return _Own(visits=len(sales), bought=tuple(Bought(code=row["code"], sales=row["sales"]) for row in rows))


def _latest(merchant_id: str, person: Living, since: int) -> Job[tuple[str, ...]]:
    """Record by record, as the profile does: each is a short walk along the index."""
    rows = []
    for known_as in person.family:
        rows += yield Query(
            "select sale_id, created_at from sale where merchant_id = ? and customer_id = ? and created_at >= ? "
            "and refund_of is null order by created_at desc, sale_id desc limit ?",
            (merchant_id, known_as, since, VISITS),
        )
    newest = sorted(rows, key=lambda row: (row["created_at"], row["sale_id"]), reverse=True)[:VISITS]
    return tuple(row["sale_id"] for row in newest)


def _sold(merchant_id: str, codes: Sequence[str]) -> Job[dict[str, Product]]:
    if not codes:
        return {}
    found = yield from read_products(merchant_id, f"active = 1 and code in ({marks(tuple(codes))})", tuple(codes))
    return {one.code: one for one in found}


def _sizes(bought: Sequence[Bought], sold: dict[str, Product]) -> tuple[Size, ...]:
    counted: Counter[tuple[str, str]] = Counter()
    for one in bought:
        if one.code in sold:
            counted.update(dict.fromkeys(sold[one.code].attributes.items(), one.sales))
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Size(name=name, value=value, sales=sales) for (name, value), sales in ranked[:SIZES])


def _zone(merchant_id: str, store_id: str) -> Job[str]:
    rows = yield Query("select zone from store where merchant_id = ? and store_id = ?", (merchant_id, store_id))
    return str(rows[0]["zone"]) if rows else "UTC"
