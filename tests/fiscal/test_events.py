"""The event log: what happened around the receipts, in chains like theirs."""

import asyncio

import pytest

from poi_engine.fiscal import checks, events, service
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Sql
from poi_offers.storetime import zone
from tests.engine.shop import SELLER, STATION, FakeClock, M, Shop, merchant_rows
from tests.fiscal.books import BEGINS, fiscal_of

ALL = 1 << 60


async def test_starts_stops_and_another_version_are_on_record(sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(zone, "Europe/Paris")
    await sql.write(merchant_rows)
    fiscal = fiscal_of(sql, FakeClock(BEGINS))
    await fiscal.started()
    await fiscal.stopped()
    for module in (events, service):
        monkeypatch.setattr(module, "STAMP", "1.1 ffffffffffff")
    await fiscal.started()
    found = (await fiscal.events(M, "", before=ALL, limit=10))[::-1]
    assert [(event.number, event.kind) for event in found] == [(1, "start"), (2, "stop"), (3, "version"), (4, "start")]
    assert found[2].values == {"before": STAMP, "now": "1.1 ffffffffffff"}
    assert found[0].at == "2026-11-30T12:00:00.000003Z"
    assert await sql.read(checks.faults) == []


@pytest.mark.valkey
async def test_duplicates_are_counted_one_by_one_also_at_once(shop: Shop) -> None:
    sold = await shop.sell(1000)
    sale_id = str(sold.sale_id)
    made = await asyncio.gather(*(shop.engine.fiscal.reprint(M, sale_id, by=SELLER) for _ in range(5)))
    assert sorted(one.number for one in made) == [1, 2, 3, 4, 5]
    assert {one.receipt.number for one in made} == {1}
    found = await shop.engine.fiscal.events(M, STATION, before=ALL, limit=10)
    assert [event.values["duplicate"] for event in found] == [5, 4, 3, 2, 1]


@pytest.mark.valkey
async def test_a_page_of_events_goes_on_before_its_last(shop: Shop) -> None:
    sold = await shop.sell(1000)
    for _ in range(5):
        await shop.engine.fiscal.reprint(M, str(sold.sale_id), by=SELLER)
    first = await shop.engine.fiscal.events(M, STATION, before=ALL, limit=3)
    second = await shop.engine.fiscal.events(M, STATION, before=first[-1].number, limit=3)
    assert [event.number for event in (*first, *second)] == [5, 4, 3, 2, 1]
