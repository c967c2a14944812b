"""Two processes sell at the same stores to the same customers at the same time: nothing is lost or counted twice."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from poi_engine.insights import InsightsReader, View
from poi_engine.insights.expected import FACETS, differences, newcomer_differences
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.storage import open_sql
from tests.insights import oracle
from tests.insights.world import Sold, history, people, wall, write

M = "mer_1"


@pytest.mark.postgresql
async def test_what_two_processes_sell_at_once_is_all_counted(postgres_url: str) -> None:
    sold = history(random.Random(31), 160)
    ours, theirs = open_sql(postgres_url), open_sql(postgres_url)
    try:
        await ours.write(lambda: people(M))
        await asyncio.gather(sell(ours, sold[::2]), sell(theirs, sold[1::2]))
        assert await ours.read(wrong) == []
        days = sorted(wall(one).date() for one in sold)
        found = await InsightsReader(theirs).read(View.of(M, days[0], days[-1], None), top=0)
        wanted = oracle.figures(sold, days[0], days[-1], None)["totals"]
        assert {name: getattr(found.totals, name) for name in wanted} == wanted
    finally:
        await ours.close()
        await theirs.close()


async def sell(sql: Sql, sold: Sequence[Sold]) -> None:
    """Each sale in a transaction of its own, all under way together."""
    await asyncio.gather(*(sql.write(lambda one=one: as_the_engine(one)) for one in sold))  # type: ignore[misc]


def as_the_engine(sold: Sold) -> Job[None]:
    """The customer's row is changed before the figures are."""
    yield Query(
        "update customer set visits = visits + 1 where merchant_id = ? and customer_id = ?",
        (M, sold.sale.customer_id or ""),
    )
    yield from write(M, [sold])


def wrong() -> Job[list[Row]]:
    """Every cell that differs from the sales."""
    found: list[Row] = []
    for text in (*map(differences, FACETS), newcomer_differences()):
        found += yield Query(text)
    return found
