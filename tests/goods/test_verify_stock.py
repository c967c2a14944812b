"""`verify` notices stock that was sold or given back beyond what a sale says."""

from pathlib import Path

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.checkout.returns import ReturnedLine
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql
from poi_engine.storage.redis import RedisSessions
from poi_engine.verify import verify
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.goods.stocking import stocked
from tests.storage.world import unprotected

pytestmark = pytest.mark.valkey


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        ("update transfer set amount = 9000 where kind = 'stock'", "stock-sold"),
        ("update transfer set amount = 3000 where kind = 'stock_return'", "stock-returned"),
        ("update account set floor = 0, debits = debits + 99000 where account = 'stock:sto_1:eclair'", "account-floor"),
    ],
)
async def test_a_forged_stock_is_noticed(
    sqlite_url: str, sessions: RedisSessions, tmp_path: Path, change: str, noticed: str
) -> None:
    sql = open_sql(sqlite_url)
    shop = Shop(sql, sessions, tmp_path)
    await shop.setup()
    await stocked(shop, sto_1=10_000)
    session = await shop.engine.stations.open(M, STATION)
    entries = [BasketEntry(code="eclair", quantity=2000), BasketEntry(amount=100)]
    session = await shop.engine.stations.set_basket(M, session.session_id, entries)
    paid = await shop.pay(await shop.accept(session), "cash")
    lines = [ReturnedLine(line_id="1", quantity=1000)]
    await shop.engine.checkout.refund(M, paid.sale_id or "", lines, "broken", key="one", by=SELLER)
    assert await verify(sql) == []

    def forge() -> Job[None]:
        yield from unprotected("transfer" if "transfer" in change else "account")
        yield Query(change)

    await sql.write(forge)
    assert noticed in {finding.rule for finding in await verify(sql)}
    await shop.close()
    await sql.close()
