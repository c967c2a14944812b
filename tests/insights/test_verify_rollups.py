"""`verify` names the first cell that does not hold what the sales say."""

import random

import pytest

from poi_engine.ports import Job, Query
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import Finding, verify
from tests.insights.world import history, people, write

M = "mer_1"
PLANTED = {
    "an hour has one sale more": (
        "update rollup set sales = sales + 1 where facet = 'hour' and store_id = '' and period = (select min(period)"
        " from rollup where facet = 'hour')",
        "rollup-hour",
        "sales by 1",
    ),
    "a product's month lost an amount": (
        "update rollup set total = total - 350 where facet = 'product' and grain = 'month' and value like 'tarte%'",
        "rollup-product",
        "total by -350",
    ),
    "a customer's day is not there": (
        "delete from rollup where facet = 'customer' and grain = 'day' and value = 'cus_1' and store_id = ''",
        "rollup-customer",
        "sales by -",
    ),
    "an offer was used by nobody": (
        f"insert into rollup values ('{M}', 'offer', 'day', '', '2026-11-22', 'off_9', 1, 0, 9, 0, 0, 0, 0, 0)",
        "rollup-offer",
        "sales by 1 total by 9",
    ),
    "a cohort is larger than it was": (
        "update rollup set sales = sales + 2 where facet = 'cohort' and store_id = ''",
        "rollup-cohort",
        "sales by 2",
    ),
    "a customer came earlier than the sales say": (
        "update newcomer set month = '2020-01' where customer_id = 'cus_2'",
        "rollup-newcomer",
        "not in 2020-01",
    ),
}


def sold() -> Job[None]:
    """A history of forty sales and refunds."""
    yield from people(M)
    yield from write(M, history(random.Random(5), 40))


async def rollup_findings(sql: SqliteSql | PostgresSql) -> list[Finding]:
    """What is wrong with the figures; the books that these sales have not are no concern here."""
    return [finding for finding in await verify(sql) if finding.rule.startswith("rollup-")]


async def test_figures_kept_in_step_have_no_finding(sql: SqliteSql | PostgresSql) -> None:
    await sql.write(sold)
    assert await rollup_findings(sql) == []


@pytest.mark.parametrize("what", PLANTED)
async def test_a_wrong_cell_is_named(sql: SqliteSql | PostgresSql, what: str) -> None:
    statement, rule, message = PLANTED[what]

    def spoil() -> Job[None]:
        yield from sold()
        yield Query(statement)

    await sql.write(spoil)
    findings = await rollup_findings(sql)
    assert {finding.rule for finding in findings} >= {rule}
    [first, *_] = [finding for finding in findings if finding.rule == rule]
    assert message in first.message, first
    assert first.merchant_id == M


async def test_the_cell_is_named_by_its_facet_its_day_its_store_and_its_value(sql: SqliteSql | PostgresSql) -> None:
    await sql.write(sold)

    def spoil() -> Job[str]:
        rows = yield Query(
            "select * from rollup where facet = 'product' and grain = 'day' order by period, value limit 1"
        )
        cell = dict(rows[0])
        yield Query(
            "update rollup set saved = saved + 7 where facet = 'product' and grain = 'day' and store_id = ?"
            " and period = ? and value = ?",
            (cell["store_id"], cell["period"], cell["value"]),
        )
        return f"product day {cell['period']} {cell['store_id']} {cell['value']}"

    named = await sql.write(spoil)
    finding, *sums = await rollup_findings(sql)
    assert (finding.subject, finding.message) == (named, "differs from its sales in saved by 7")
    assert {one.rule for one in sums} == {"rollup-product"}  # the sums that the cell is part of
