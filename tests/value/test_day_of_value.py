"""A whole day of stored value: on both storages, and without walking a table that grows with the sales."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from tests.engine.plans import Recorded, walks
from tests.engine.shop import Shop
from tests.value.day import day_of_value


@pytest.mark.valkey
async def test_a_day_of_stored_value_keeps_every_invariant(sql: Sql, sessions: RedisSessions, tmp_path: Path) -> None:
    shop = await Shop(sql, sessions, tmp_path).setup()
    await day_of_value(shop)
    assert await verify(sql) == []
    assert await shop.balance("tabs") == 0
    for means in ("wallet", "gift_card", "tab"):
        assert await shop.balance(f"tender:{means}") == 0
    await shop.close()


@pytest.mark.valkey
async def test_stored_value_walks_through_nothing_that_grows(
    sqlite_url: str, sessions: RedisSessions, tmp_path: Path
) -> None:
    storage = open_sql(sqlite_url)
    recorded = Recorded(storage)
    shop = await Shop(recorded, sessions, tmp_path).setup()
    await day_of_value(shop)
    await shop.close()
    await storage.close()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        plans = {text: walks(connection, text, values) for text, values in recorded.statements.items()}
    assert any("transfer" in text and "like 'wallet:%'" in text for text in plans), "statements were looked at"
    assert {text: steps for text, steps in plans.items() if steps} == {}


TAMPERED = {
    "sale-stored": "update sale set stored = stored + 1 where refund_of is null",
    "tab-capture": "update tab set captured = captured + 1 where state = 'closed'",
    "tab-spent": "update tab set ceiling = ceiling + 1",
    "account-floor": "update account set debits = credits + 1, floor = 0 where account like 'gift_card:%'",
}


@pytest.mark.valkey
@pytest.mark.parametrize("rule", TAMPERED)
async def test_tampering_with_stored_value_is_found(
    sqlite_url: str, sessions: RedisSessions, tmp_path: Path, rule: str
) -> None:
    storage = open_sql(sqlite_url)
    shop = await Shop(storage, sessions, tmp_path).setup()
    await day_of_value(shop)

    def tamper() -> Job[None]:
        if rule == "account-floor":  # the table's own check has to be out of the way
            yield Query("pragma ignore_check_constraints = 1")
        if rule == "sale-stored":
            yield Query("drop trigger sale_no_update")
        yield Query(TAMPERED[rule])

    await storage.write(tamper)
    assert rule in {finding.rule for finding in await verify(storage)}
    await shop.close()
    await storage.close()
