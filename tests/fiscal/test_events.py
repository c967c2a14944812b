"""The event log: what happened around the receipts, in chains like theirs."""

import asyncio
from pathlib import Path

import pytest

from poi_engine.errors import NotFound
from poi_engine.fiscal import checks, events, service
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Sql
from poi_engine.principal import Principal
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
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
    made = await asyncio.gather(*(shop.engine.fiscal.print_receipt(M, sale_id, by=SELLER) for _ in range(5)))
    assert sorted(made) == [0, 1, 2, 3, 4], "one is the first print"
    found = await shop.engine.fiscal.events(M, STATION, before=ALL, limit=10)
    assert [(event.kind, event.subject, event.who) for event in found] == [
        *[("reprint", sale_id, SELLER.who)] * 4,
        ("print", sale_id, SELLER.who),
    ]
    assert [event.values for event in found] == [
        *({"receipt": 1, "duplicate": number} for number in (4, 3, 2, 1)),
        {"receipt": 1},
    ]
    assert await shop.sql.read(checks.faults) == []


@pytest.mark.valkey
async def test_two_processes_that_print_at_once_print_one_original(
    sql: Sql, sql_url: str, sessions: RedisSessions, tmp_path: Path
) -> None:
    shop, other = Shop(sql, sessions, tmp_path), open_sql(sql_url)
    try:
        await shop.setup()
        sale_id = str((await shop.sell(1000)).sale_id)
        processes = (shop.engine.fiscal, shop.beside(other).engine.fiscal)
        made = await asyncio.gather(
            *(processes[number % 2].print_receipt(M, sale_id, by=SELLER) for number in range(20))
        )
    finally:
        await shop.close()
        await other.close()
    assert sorted(made) == list(range(20))


@pytest.mark.valkey
async def test_what_a_message_gives_out_is_one_print_however_often_it_is_answered(shop: Shop) -> None:
    sale_id, fiscal = str((await shop.sell(1000)).sale_id), shop.engine.fiscal
    at_till = Principal(merchant_id=M, access_id="nexo", role="station", subject_id=STATION)
    given = [await fiscal.print_receipt(M, sale_id, by=at_till, to=to) for to in ("nxm_1", "nxm_1", "nxm_2", "nxm_2")]
    assert given == [0, 0, 1, 1]
    assert await fiscal.print_receipt(M, sale_id, by=SELLER) == 2
    found = await fiscal.events(M, STATION, before=ALL, limit=10)
    assert [event.values.get("to") for event in found] == [None, "nxm_2", "nxm_1"]
    assert [event.values.get("where") for event in found] == [None, STATION, STATION]


@pytest.mark.valkey
async def test_a_receipt_with_duplicates_from_before_first_prints_were_known_goes_on_with_them(shop: Shop) -> None:
    sale_id = str((await shop.sell(1000)).sale_id)
    await shop.sql.write(lambda: events.record(M, STATION, "reprint", sale_id, "", {"duplicate": 1}, 1))
    assert await shop.engine.fiscal.print_receipt(M, sale_id, by=SELLER) == 2


@pytest.mark.valkey
async def test_what_was_not_sold_is_not_printed(shop: Shop) -> None:
    with pytest.raises(NotFound):
        await shop.engine.fiscal.print_receipt(M, "sal_none", by=SELLER)
    assert await shop.engine.fiscal.events(M, STATION, before=ALL, limit=10) == []


@pytest.mark.valkey
async def test_a_page_of_events_goes_on_before_its_last(shop: Shop) -> None:
    sold = await shop.sell(1000)
    for _ in range(5):
        await shop.engine.fiscal.print_receipt(M, str(sold.sale_id), by=SELLER)
    first = await shop.engine.fiscal.events(M, STATION, before=ALL, limit=3)
    second = await shop.engine.fiscal.events(M, STATION, before=first[-1].number, limit=3)
    assert [event.number for event in (*first, *second)] == [5, 4, 3, 2, 1]
