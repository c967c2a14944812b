"""From a figure to the sales behind it: exactly those, newest day first, page by page."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from poi_engine.errors import RequestError
from poi_engine.insights import Filter, InsightsReader, View, drill
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from tests.insights import oracle
from tests.insights.world import Sold, history, people, wall, write

M = "mer_1"
ASKED: dict[str, tuple[dict[str, Any], Callable[[Sold], bool]]] = {
    "everything": ({}, lambda sold: True),
    "sales": ({"kind": "sale"}, lambda sold: sold.sale.refund_of is None),
    "refunds": ({"kind": "refund"}, lambda sold: sold.sale.refund_of is not None),
    "an hour of a weekday": (
        {"weekday": 7, "hour": 5},
        lambda sold: (wall(sold).isoweekday(), wall(sold).hour) == (7, 5),
    ),
    "a seller": ({"seller_id": "sel_1"}, lambda sold: sold.sale.seller_id == "sel_1"),
    "nobody signed in": ({"seller_id": ""}, lambda sold: sold.sale.seller_id is None),
    "a means": ({"means": "card"}, lambda sold: sold.sale.document.tender.means == "card"),
    "a channel": ({"channel": "phone"}, lambda sold: sold.sale.channel == "phone"),
    "no card": ({"card_type": ""}, lambda sold: sold.sale.document.tender.card_type is None),
    "a scheme": ({"card_scheme": "a\tb"}, lambda sold: sold.sale.document.tender.card_scheme == "a\tb"),
    "new customers": ({"visitor": "new"}, lambda sold: oracle.visitor(sold) == "new"),
    "returning customers": ({"visitor": "returning"}, lambda sold: oracle.visitor(sold) == "returning"),
    "anonymous": ({"visitor": "anonymous"}, lambda sold: oracle.visitor(sold) == "anonymous"),
    "a basket size": (
        {"low": 1000, "high": 2000},
        lambda sold: sold.sale.refund_of is None and 1000 <= sold.sale.total < 2000,
    ),
    "a product": (
        {"code": "tarte", "label": "Tarte"},
        lambda sold: any(line.code == "tarte" for line in sold.lines),
    ),
    "a plain amount by its label": (
        {"code": "", "label": "Sac\tcabas"},
        lambda sold: any(line.label == "Sac\tcabas" for line in sold.lines),
    ),
    "a code under any label": ({"code": "cafe"}, lambda sold: any(line.code == "cafe" for line in sold.lines)),
    "an offer": ({"offer_id": "off_1"}, lambda sold: any(use.offer_id == "off_1" for use in sold.uses)),
    "a customer": ({"customer_id": "cus_1"}, lambda sold: sold.sale.customer_id == "cus_1"),
    "nobody known": ({"customer_id": ""}, lambda sold: sold.sale.customer_id is None),
    "a customer's Sundays": (
        {"customer_id": "cus_2", "weekday": 7},
        lambda sold: sold.sale.customer_id == "cus_2" and wall(sold).isoweekday() == 7,
    ),
    "a customer's day": (
        {"customer_id": "cus_1", "day": "2026-03-29"},
        lambda sold: sold.sale.customer_id == "cus_1" and wall(sold).date() == date(2026, 3, 29),
    ),
    "a day": ({"day": "2026-04-01"}, lambda sold: wall(sold).date() == date(2026, 4, 1)),
    "a seller's cash": (
        {"seller_id": "sel_2", "means": "cash"},
        lambda sold: sold.sale.seller_id == "sel_2" and sold.sale.document.tender.means == "cash",
    ),
}


async def pages(reader: InsightsReader, view: View, wanted: Filter, limit: int) -> list[str]:
    """The ids of every page."""
    page = await reader.sales(view, wanted, limit=limit)
    ids = [one.sale_id for one in page.items]
    while page.next is not None:
        assert len(page.items) <= limit
        page = await reader.sales(view, wanted, limit=limit, after=page.next)
        ids += [one.sale_id for one in page.items]
    return ids


async def test_the_sales_behind_a_figure_are_those_it_counts(sql: SqliteSql | PostgresSql) -> None:
    sold = history(random.Random(23), 120)
    await sql.write(lambda: people(M))
    await sql.write(lambda: write(M, sold))
    reader = InsightsReader(sql)
    first = min(wall(one).date() for one in sold)
    for store_id in (None, "sto_york"):
        view = View.of(M, first, first + timedelta(days=100), store_id)
        inside = oracle.inside(sold, *view.period, store_id)
        seen = 0
        for what, (asked, counts) in ASKED.items():
            wanted = [one for one in inside if counts(one)]
            wanted.sort(key=lambda one: (wall(one).date(), one.sale.at, one.sale.sale_id), reverse=True)
            for limit in (3, 200):
                found = await pages(reader, view, Filter(**asked), limit)
                assert found == [one.sale.sale_id for one in wanted], what
            seen += bool(wanted)
        assert seen >= len(ASKED) - (6 if store_id else 3)


async def test_a_page_that_looks_in_vain_ends_and_goes_on(
    sql: SqliteSql | PostgresSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = history(random.Random(3), 60)
    await sql.write(lambda: people(M))
    await sql.write(lambda: write(M, sold))
    monkeypatch.setattr(drill, "_LOOKED_AT", 2)
    reader, days = InsightsReader(sql), sorted(wall(one).date() for one in sold)
    view = View.of(M, days[0], days[-1], None)
    page = await reader.sales(view, Filter(station_id="sta_nowhere"))
    assert page.items == ()
    assert page.next is not None
    wanted = Filter(means="cash")
    found = await pages(reader, view, wanted, 50)
    assert sorted(found) == sorted(one.sale.sale_id for one in sold if one.sale.document.tender.means == "cash")


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-11-22~x~sal_1", "2026-11-22~1"])
async def test_a_made_up_cursor_is_refused(sql: SqliteSql | PostgresSql, cursor: str) -> None:
    view = View.of(M, date(2026, 11, 1), date(2026, 11, 30), None)
    with pytest.raises(RequestError) as refused:
        await InsightsReader(sql).sales(view, Filter(), after=cursor)
    assert (refused.value.code, refused.value.path) == ("bad-cursor", "$.after")
