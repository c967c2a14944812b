"""After the story: the storage's own invariants, and every line of the terminal's book against ours."""

from collections.abc import Sequence
from typing import Any

from poi_engine.connectors.simulator_book import Operation
from poi_engine.ports import Job, Query, Sql
from poi_engine.settings import Programme
from poi_engine.verify import verify
from tests.adversity.scenarios import LIMIT
from tests.adversity.till import M, Shop

CAP = 1_000_000


async def audited(shop: Shop, expected: Sequence[int] | None) -> None:
    """Every promise about money holds. `expected`: the totals of all sales and refunds, in any order."""
    sql = shop.sql
    await _let_go(shop)
    assert await verify(sql) == []
    sales = await _rows(sql, "select * from sale")
    if expected is not None:
        assert sorted(sale["total"] for sale in sales) == sorted(expected)
    payments = {row["payment_id"]: row for row in await _rows(sql, "select * from payment")}
    for row in await _rows(sql, "select payment_id from forwarding where state = 'declined'"):
        del payments[row["payment_id"]]  # taken at the merchant's risk, and no money came
    _same_book(payments, shop.terminal.book.operations())
    states = await _rows(sql, "select distinct state from checkout")
    assert {row["state"] for row in states} <= {"paid", "declined", "released", "abandoned"}, states
    sold = [sale for sale in sales if sale["refund_of"] is None]
    whole = [sale for sale in sales if sale["refund_of"] and _given_back(sale["refund_of"], sales) == 0]
    whole_sales = {sale["refund_of"] for sale in whole}
    await _answered_sales_stand(shop)
    left = await _rows(sql, f"select credits - debits - debits_pending as left_ from account where account = '{LIMIT}'")
    assert CAP - left[0]["left_"] == len(sold) - len(whole_sales), "uses of the limit are sales that stand"


async def _let_go(shop: Shop) -> None:
    """What nobody came back for is let go once its time has passed."""
    shop.clock.ahead += Programme().minutes * 60 + 60
    await shop.engine.recovery.run()


async def _answered_sales_stand(shop: Shop) -> None:
    for name, total in shop.memory.known.items():
        if name.startswith("sold:"):
            sale = await shop.engine.sales.get(M, name.removeprefix("sold:"))
            assert sale.total == total, "a sale that was answered has changed"


def _given_back(sale_id: str, sales: Sequence[dict[str, Any]]) -> int:
    return sum(sale["total"] for sale in sales if sale_id in (sale["sale_id"], sale["refund_of"]))


def _same_book(payments: dict[str, dict[str, Any]], book: Sequence[Operation]) -> None:
    """Money the terminal took or gave back is in a captured payment of the same amount, and the other way round."""
    done = [one for one in book if one.approved and not one.cancelled and not one.reference.startswith("chd_")]
    sign = {"authorise": 1, "capture": 1, "refund": -1}
    moved = {one.reference: sign[one.kind] * one.amount for one in done if one.kind in sign}
    ours = {
        name: row["amount"] for name, row in payments.items() if row["means"] == "card" and row["state"] == "captured"
    }
    assert {name: amount for name, amount in ours.items() if amount} == moved, "the two books differ"


async def _rows(sql: Sql, text: str) -> list[dict[str, Any]]:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text))]

    return await sql.read(job)
