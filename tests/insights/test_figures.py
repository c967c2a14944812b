"""Whatever is sold and taken back, wherever and whenever: the figures are plain sums over the sales."""

import asyncio
import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poi_engine.insights import Figures, InsightsReader, View
from poi_engine.insights.expected import FACETS, differences, newcomer_differences
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_engine.storage.migrations.rollups_0003 import rollups_of_sales
from poi_engine.storage.sqlite import SqliteSql
from tests.insights import oracle
from tests.insights.world import ZONES, Sold, history, people, wall, write

_merchants = count()


@pytest.fixture(scope="module")
def storage(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSql]:
    """One database for all examples, a merchant each."""
    import shutil

    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("insights") / "poi.db")
    sql = open_sql(f"sqlite:///{path}")
    assert isinstance(sql, SqliteSql)
    yield sql
    asyncio.run(sql.close())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), sales=st.integers(1, 30), data=st.data())
def test_every_figure_is_a_plain_sum(storage: SqliteSql, seed: int, sales: int, data: st.DataObject) -> None:
    sold = history(random.Random(seed), sales)
    days = sorted(wall(one).date() for one in sold)
    first = data.draw(st.dates(days[0] - timedelta(days=2), days[-1] + timedelta(days=1)), label="first")
    last = data.draw(st.dates(first, max(first, days[-1] + timedelta(days=40))), label="last")
    store_id = data.draw(st.sampled_from([None, *ZONES]), label="store")
    asyncio.run(_check(storage, f"mer_{next(_merchants)}", sold, first, last, store_id))


@pytest.mark.postgresql
async def test_the_same_on_postgresql(postgres_url: str) -> None:
    sql = open_sql(postgres_url)
    dice = random.Random(11)
    try:
        for number in range(6):
            sold = history(dice, 40)
            days = sorted(wall(one).date() for one in sold)
            first = days[0] + timedelta(days=dice.randrange(20))
            last = first + timedelta(days=dice.randrange(90))
            await _check(sql, f"mer_{number}", sold, first, last, dice.choice([None, *ZONES]))
    finally:
        await sql.close()


async def _check(sql: Sql, merchant: str, sold: list[Sold], first: date, last: date, store_id: str | None) -> None:
    await sql.write(lambda: people(merchant))
    await sql.write(lambda: write(merchant, sold))
    reader, view = InsightsReader(sql), View.of(merchant, first, last, store_id)
    found = await reader.read(view, top=200, compare="before")
    assert _plain(found) == oracle.figures(sold, first, last, store_id)
    before = view.period.compared("before")
    assert before.last == first - timedelta(days=1)
    assert found.before is not None
    wanted = oracle.figures(sold, *before, store_id)
    assert _plain(found.before) == {name: wanted[name] for name in _plain(found.before)}
    await _check_products(reader, view, sold)
    await _check_cohorts(reader, merchant, sold, store_id)
    assert await sql.read(_differences) == []
    await sql.write(lambda: _count_anew(merchant))
    assert await sql.read(_differences) == []


def _plain(found: Figures) -> dict[str, Any]:
    """The figures as the oracle tells them."""
    facets = ("means", "card_type", "card_scheme", "entry_mode", "channel", "store", "seller", "visitor")
    shares = [f"by_{facet}" for facet in facets]
    plain: dict[str, Any] = {
        "totals": {name: getattr(found.totals, name) for name in found.totals.__struct_fields__},
        "by_hour": {(cell.weekday, cell.hour): (cell.sales, cell.total) for cell in found.by_hour},
        "by_day": {bar.day: (bar.sales, bar.total) for bar in found.by_day},
        **{name: {one.value: (one.sales, one.total) for one in getattr(found, name)} for name in shares},
        "customers": {name: getattr(found.customers, name) for name in found.customers.__struct_fields__},
        "basket_sizes": [(band.low, band.sales, band.total) for band in found.basket_sizes],
    }
    if hasattr(found, "by_product"):
        plain["by_product"] = {(p.code, p.label): (p.sales, p.quantity, p.total, p.saved) for p in found.by_product}
        plain["top_customers"] = {one.customer_id: (one.sales, one.total) for one in found.top_customers}
        plain["offers"] = {one.offer_id: (one.uses, one.saved, one.value, one.total) for one in found.offers}
    return plain


async def _check_products(reader: InsightsReader, view: View, sold: list[Sold]) -> None:
    """Best sellers: the products of the period in order, with what they were before, and a series that adds up."""
    store_id = view.store_id or None
    now = oracle.products(oracle.inside(sold, *view.period, store_id))
    then = oracle.products(oracle.inside(sold, *view.period.compared("year"), store_id))
    page = await reader.best_sellers(view, order="rising", compare="year", limit=2)
    items = list(page.items)
    while page.next is not None:
        page = await reader.best_sellers(view, order="rising", compare="year", limit=2, after=page.next)
        items += page.items
    none = (0, 0, 0, 0)
    assert {(one.code, one.label): (one.sales, one.quantity, one.total, one.saved) for one in items} == now
    for place, one in enumerate(items, 1):
        _, quantity, total, _ = then.get((one.code, one.label), none)
        assert (one.rank, one.before_quantity, one.before_total) == (place, quantity, total)
        assert sum(one.series) == one.total
        assert len(one.series) == len(page.buckets)
        above = sum(other[2] > total for other in then.values())
        assert one.before_rank == (above + 1 if (one.code, one.label) in then else None)
    gains = [one.total - one.before_total for one in items]
    assert gains == sorted(gains, reverse=True)


async def _check_cohorts(reader: InsightsReader, merchant: str, sold: list[Sold], store_id: str | None) -> None:
    latest = max(wall(one).date() for one in sold)
    number = latest.year * 12 + latest.month - 1
    months = [f"{one // 12}-{one % 12 + 1:02d}" for one in range(number - 11, number + 1)]
    found = await reader.cohorts(merchant, latest, 12, store_id)
    rows = [(one.month, one.customers, list(one.active)) for one in found.items]
    assert rows == oracle.cohorts(sold, months, store_id)


def _differences() -> Job[list[dict[str, Any]]]:
    found = []
    for text in (*map(differences, FACETS), newcomer_differences()):
        found += [dict(row) for row in (yield Query(text))]
    return found


def _count_anew(merchant: str) -> Job[None]:
    """Count all sales again, as the upgrade of an older database does."""
    yield Query("delete from rollup")
    yield Query("delete from newcomer")
    for statement in rollups_of_sales():
        yield Query(statement)
