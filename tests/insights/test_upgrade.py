"""A database from before the rollups ends with the rows that a new one has."""

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from poi_engine.ports import Job, Query
from poi_engine.storage import migrate, open_sql, upgrade
from poi_engine.verify import verify
from tests.insights.world import history, people, write

M = "mer_1"
SOLD = ("sale", "sale_line", "redemption")


async def test_an_upgrade_counts_what_was_sold_before(sqlite_url: str, tmp_path: Path) -> None:
    new = open_sql(sqlite_url)
    await new.write(lambda: people(M))
    await new.write(lambda: write(M, history(random.Random(9), 60)))
    old_path = tmp_path / "old.db"
    await asyncio.to_thread(_old_database, old_path, Path(sqlite_url.removeprefix("sqlite:///")))
    await migrate(f"sqlite:///{old_path}")
    old = open_sql(f"sqlite:///{old_path}")
    try:
        assert await old.read(cells) == await new.read(cells)
        assert [finding for finding in await verify(old) if finding.rule.startswith("rollup-")] == []
    finally:
        await new.close()
        await old.close()


def cells() -> Job[list[dict[str, Any]]]:
    """Every cell that counts something, and every newcomer."""
    counted = yield Query(
        "select * from rollup where sales <> 0 or refunds <> 0 order by facet, grain, store_id, period, value"
    )
    newcomers = yield Query("select * from newcomer order by store_id, customer_id")
    assert len(counted) > 100
    return [dict(row) for row in (*counted, *newcomers)]


def _old_database(path: Path, new: Path) -> None:
    """The schema of before, with the sales of the new database."""
    engine = upgrade._sqlite_engine(path)
    with engine.begin() as connection:
        upgrade.upgrade(connection, "0002")
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("attach database ? as new", (str(new),))
        for table in SOLD:
            names = ", ".join(row[1] for row in connection.execute(f"pragma main.table_info({table})"))
            connection.execute(f"insert into main.{table} ({names}) select {names} from new.{table}")
        connection.commit()
