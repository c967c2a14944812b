"""Past baskets as the situations they were accepted in: what a draft catalogue is tried on."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from poi_engine.checkout.frozen import Frozen, decode, is_sure
from poi_engine.clock import micros_of, moment
from poi_engine.ports import Job, Query, Row, Sql
from poi_offers.situation import CustomerFacts, Situation

PAGE = 500
_ZONES = timedelta(days=1)  # a day of a store begins within a day of the same one in UTC


class Days(NamedTuple):
    """From the first to the last day, both included, of each store's own calendar."""

    first: date = date(1971, 1, 1)
    last: date = date(8999, 12, 31)


async def past_baskets(sql: Sql, days: Days) -> AsyncGenerator[Situation, None]:
    """The sold baskets of the storage's first merchant, oldest first; refunds change nothing in them."""
    merchant_id = await sql.read(_first_merchant)
    after = (midnight(days, -1), "")
    while merchant_id is not None:
        rows = await sql.read(lambda at=after: _page(merchant_id, days, at))  # type: ignore[misc]
        for row in rows:
            yield situation_of(decode(row["document"]), erased=row["erased_at"] is not None)
        if len(rows) < PAGE:
            return
        after = (rows[-1]["created_at"], rows[-1]["sale_id"])


def situation_of(frozen: Frozen, *, erased: bool = False) -> Situation:
    """What the accepted decision depended on. Of an erased customer nothing is told.

    Without facts on the record the customer is somebody of whom nothing is on file.
    """
    session = frozen.session
    customer = None if erased else session.facts
    if customer is None and session.identity is not None and not erased:
        customer = CustomerFacts(customer_id=session.identity.customer_id)
    sure = is_sure(session.identity, frozen.accepted_at)
    return Situation(
        at=moment(frozen.accepted_at),
        place=frozen.place,
        basket=session.basket if sure else replace(session.basket, rewards=()),
        customer=customer,
        payment=session.payment,
    )


def _first_merchant() -> Job[str | None]:
    rows = yield Query("select merchant_id from merchant order by created_at, merchant_id limit 1")
    return str(rows[0]["merchant_id"]) if rows else None


def _page(merchant_id: str, days: Days, after: tuple[int, str]) -> Job[list[Row]]:
    rows = yield Query(
        "select s.sale_id, s.created_at, c.document, k.erased_at from sale s join checkout c "
        "on c.merchant_id = s.merchant_id and c.checkout_id = s.checkout_id left join customer k "
        "on k.merchant_id = s.merchant_id and k.customer_id = s.customer_id where s.merchant_id = ? "
        "and s.refund_of is null and s.created_at >= ? and (s.created_at, s.sale_id) > (?, ?) and s.created_at < ? "
        "and s.local_day between ? and ? order by s.created_at, s.sale_id limit ?",
        (
            *(merchant_id, after[0], *after, midnight(days, 2)),
            *(days.first.isoformat(), days.last.isoformat(), PAGE),
        ),
    )
    return rows


def midnight(days: Days, offset: int) -> int:
    """Before every store's first day (-1), or after every store's last day (2): microseconds since 1970."""
    day = days.first if offset < 0 else days.last
    return micros_of(datetime.combine(day + offset * _ZONES, time(), UTC))
