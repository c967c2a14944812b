"""Closings: a station's day, month and year in signed, chained rows whose perpetual total never goes back."""

import asyncio
from datetime import date

import pytest

from poi_engine.checkout.commit import sale_of
from poi_engine.errors import Conflict
from poi_engine.fiscal import day
from poi_engine.fiscal.keys import CLOSING, holds
from poi_engine.fiscal.model import Closed
from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from tests.engine.shop import SELLER, STATION, M, Shop

DAY = 86_400.0
UNHEARD = 1013
"""Approved, but the terminal's answer never arrives."""

pytestmark = pytest.mark.valkey


async def close(shop: Shop, kind: str = "day") -> Closed:
    return await shop.engine.fiscal.close(M, STATION, kind, by=SELLER)  # type: ignore[arg-type]


async def all_of(shop: Shop) -> list[Closed]:
    return (await shop.engine.fiscal.closings(M, STATION, before=1 << 60, limit=200))[::-1]


async def periods(shop: Shop) -> list[tuple[str, str, int, int]]:
    """Kind, period, and the first and last receipt of each closing."""
    return [(one.kind, one.period, one.first, one.last) for one in (c.closing for c in await all_of(shop))]


async def refund(shop: Shop, checkout_id: str | None) -> None:
    await shop.engine.checkout.refund(M, sale_of(checkout_id or ""), None, "abîmé", key=shop.key(), by=SELLER)


async def test_a_days_closing_adds_up_its_receipts_by_rate_and_means(shop: Shop) -> None:
    await shop.sell(1000, means="cash")
    sold = await shop.sell(2400)
    await refund(shop, sold.checkout_id)
    made = (await close(shop)).closing
    assert (made.kind, made.period, made.number, made.first, made.last) == ("day", "2026-11-22", 1, 1, 3)
    assert (made.sales, made.refunds, made.sales_total, made.refunds_total, made.total) == (2, 1, 3400, -2400, 1000)
    assert [(part.rate, part.net, part.vat, part.gross) for part in made.vat] == [(2000, 833, 167, 1000)]
    assert [(part.means, part.amount, part.count) for part in made.means] == [("card", 0, 2), ("cash", 1000, 1)]
    assert (made.perpetual_sales, made.perpetual_total) == (3400, 1000)
    assert await verify(shop.sql) == []


async def test_perpetual_totals_go_on_and_sales_alone_never_go_back(shop: Shop) -> None:
    sold = await shop.sell(2000)
    await close(shop)
    shop.clock.forward(DAY)
    await shop.sell(500)
    await refund(shop, sold.checkout_id)
    second = (await close(shop)).closing
    assert (second.first, second.last, second.total) == (2, 3, -1500)
    assert (second.carried_sales, second.carried_total) == (2000, 2000)
    assert (second.perpetual_sales, second.perpetual_total) == (2500, 500)


async def test_nothing_is_sold_into_a_closed_day_until_the_stores_midnight(shop: Shop) -> None:
    await shop.sell(1000)
    await close(shop)
    at = shop.engine.wiring.at()
    with pytest.raises(Conflict) as refused:
        await shop.sql.write(lambda: day.must_be_open(M, STATION, at))
    assert refused.value.code == "day-closed"
    hours_left = 10  # it is 14:00 in Paris
    await shop.sql.write(lambda: day.must_be_open(M, STATION, at + hours_left * 3_600_000_000))
    await shop.sql.write(lambda: day.must_be_open(M, "sta_2", at))


async def test_closing_a_closed_day_again_answers_its_closing(shop: Shop) -> None:
    await shop.sell(1000)
    first, again = await close(shop), await close(shop)
    assert again == first
    both = await asyncio.gather(*(close(shop) for _ in range(5)))
    assert {one.hash for one in both} == {first.hash}
    assert len(await all_of(shop)) == 1


async def test_a_day_without_sales_can_be_closed(shop: Shop) -> None:
    made = (await close(shop)).closing
    assert (made.first, made.last, made.sales, made.total) == (1, 0, 0, 0)
    assert await verify(shop.sql) == []


async def test_what_was_in_flight_when_the_day_was_closed_falls_into_the_next(shop: Shop) -> None:
    await shop.sell(1000)
    doubtful = await shop.pay(await shop.accept(await shop.basket(UNHEARD)))
    await close(shop)
    session = await shop.engine.resolving.payment(M, doubtful.session_id, "paid", "the slip", by=SELLER)
    assert session.state == "paid"
    shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    assert await periods(shop) == [("day", "2026-11-22", 1, 1)]
    shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    assert await periods(shop) == [("day", "2026-11-22", 1, 1), ("day", "2026-11-23", 2, 2)]


async def test_a_day_is_not_closed_while_a_payment_is_being_sent(shop: Shop) -> None:
    await shop.sell(1000)
    session = await shop.accept(await shop.basket(700))
    await shop.sql.write(lambda: under_way(session.checkout_id or "", "sending"))
    with pytest.raises(Conflict) as refused:
        await close(shop)
    assert refused.value.code == "payment-under-way"
    assert await all_of(shop) == []


def under_way(checkout_id: str, state: str) -> Job[None]:
    """A payment in this state, as a crash leaves it."""
    yield Query(
        "insert into payment (merchant_id, payment_id, checkout_id, means, connector, state, amount, authorisation,"
        " reason, document, created_at, changed_at) values (?, 'pay_x', ?, 'card', 'simulator', ?, 700, '', '', '{}',"
        " 0, 0)",
        (M, checkout_id, state),
    )


async def test_a_payment_in_doubt_is_listed_and_holds_nobody_up(shop: Shop) -> None:
    await shop.sell(1000)
    doubtful = await shop.pay(await shop.accept(await shop.basket(UNHEARD)))
    assert doubtful.state == "unknown"
    made = (await close(shop)).closing
    assert [(one.checkout_id, one.amount) for one in made.in_doubt] == [(doubtful.checkout_id, UNHEARD)]
    assert (made.last, made.total) == (1, 1000)


async def test_days_that_nobody_closed_are_closed_by_the_clock_and_days_without_sales_are_no_gap(shop: Shop) -> None:
    await shop.sell(1000)
    await shop.engine.fiscal.round()
    assert await periods(shop) == []
    shop.clock.forward(DAY)
    await shop.sell(2000)
    shop.clock.forward(3 * DAY)
    await shop.sell(3000)
    await shop.engine.fiscal.round()
    assert await periods(shop) == [("day", "2026-11-23", 2, 2)], "the first one carries what came before it"
    first = (await all_of(shop))[0].closing
    assert (first.carried_total, first.perpetual_total, first.by) == (1000, 3000, "server:round")
    shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    assert await periods(shop) == [("day", "2026-11-23", 2, 2), ("day", "2026-11-26", 3, 3)]
    assert await verify(shop.sql) == []


async def test_months_add_up_days_and_years_add_up_months(shop: Shop) -> None:
    for days in (0, 1, 8, 30, 400):  # 22 and 23 November, 1 and 31 December, then into 2028
        shop.clock.forward(days * DAY)
        await shop.sell(1000 + days)
        await close(shop)
    shop.clock.forward(DAY)
    await shop.engine.fiscal.round()
    assert [one[:2] for one in await periods(shop)] == [
        ("day", "2026-11-22"),
        ("day", "2026-11-23"),
        ("month", "2026-11"),
        ("day", "2026-12-01"),
        ("day", "2026-12-31"),
        ("month", "2026-12"),
        ("year", "2026"),
        ("day", "2028-02-04"),
    ]
    made = [one.closing for one in await all_of(shop)]
    november, december, year = made[2], made[5], made[6]
    assert (november.adds_up, november.total, november.first, november.last) == ((1, 2), 2001, 1, 2)
    assert (december.adds_up, december.total, december.carried_total) == ((4, 5), 2038, 2001)
    assert (year.adds_up, year.total, year.perpetual_total) == ((3, 6), 4039, 4039)
    assert await verify(shop.sql) == []


async def test_a_month_that_is_not_over_is_not_closed(shop: Shop) -> None:
    await shop.sell(1000)
    await close(shop)
    for kind in ("month", "year"):
        with pytest.raises(Conflict) as refused:
            await close(shop, kind)
        assert refused.value.code == "period-not-over"


async def test_a_month_can_be_closed_in_the_evening_of_its_last_day(shop: Shop) -> None:
    shop.clock.forward(8 * DAY)  # 30 November
    await shop.sell(1000)
    made = await close(shop)
    assert made.closing.period == "2026-11-30"
    assert [one[:2] for one in await periods(shop)] == [("day", "2026-11-30"), ("month", "2026-11")]


async def test_closings_are_chained_signed_and_on_record(shop: Shop) -> None:
    await shop.sell(1000)
    first = await close(shop)
    shop.clock.forward(DAY)
    second = await close(shop)
    assert second.previous == first.hash
    keys = await shop.rows("select public_key from fiscal_key where key_id = ?", (first.key_id,))
    public, signature = bytes(keys[0]["public_key"]), bytes.fromhex(second.signature)  # type: ignore[call-overload]
    assert holds(public, signature, CLOSING + bytes.fromhex(second.hash))
    assert not holds(public, signature, CLOSING + bytes.fromhex(first.hash))
    events = await shop.engine.fiscal.events(M, STATION, before=1 << 60, limit=10)
    assert [(event.kind, event.subject, event.values["hash"]) for event in events] == [
        ("closing", "day 2026-11-23", second.hash),
        ("closing", "day 2026-11-22", first.hash),
    ]
    told = await shop.rows("select document from outbox where kind = 'fiscal.closed' order by created_at")
    assert [first.hash in str(row["document"]) for row in told] == [True, False], "an anchor outside these books"


async def test_an_older_journals_first_closing_carries_what_came_before(shop: Shop) -> None:
    for _ in range(3):
        await shop.sell(1000)
        shop.clock.forward(DAY)
    await shop.sell(50)
    made = (await close(shop)).closing
    assert (made.period, made.first, made.last) == (date(2026, 11, 25).isoformat(), 4, 4)
    assert (made.carried_sales, made.carried_total, made.total, made.perpetual_total) == (3000, 3000, 50, 3050)
