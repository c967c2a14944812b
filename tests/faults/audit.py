"""After a fault: every promise about money, over the whole storage and the terminal's own book."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poi_engine.connectors.simulator_book import Operation, SimulatorBook
from poi_engine.ports import Job, Query, Sql
from poi_engine.verify import verify
from tests.faults.till import Book

_OPEN = ("sending", "unknown", "reversing", "waiting")  # recovery goes on with these


async def audited(sql: Sql, folder: Path, book: Book) -> int:
    """Nothing lost, nothing doubled, by anybody's book. How many sales there are."""
    sales = await audited_here(sql, book)
    payments = await _rows(sql, "select payment_id, amount, means, state from payment")
    terminal = SimulatorBook(folder / "simulator.db")
    try:
        _as_the_terminal_says(payments, terminal.operations())
    finally:
        terminal.close()
    return sales


async def audited_here(sql: Sql, book: Book) -> int:
    """Nothing lost, nothing doubled, by our books and by what was answered. How many sales there are."""
    found = await verify(sql)
    assert found == [], found[:5]
    sales = await _rows(sql, "select sale_id, checkout_id, refund_of, total from sale")
    _as_answered(sales, book)
    await _once_a_session(sql)
    closings = {row["hash"] for row in await _rows(sql, "select hash from closing")}
    lost = [station for station, (told, _) in book.closings.items() if bytes.fromhex(told) not in closings]
    assert not lost, f"the closed days of {lost} are not there"
    return len(sales)


async def card_payments(sql: Sql) -> tuple[int, int]:
    """What cards paid less what they got back, minor units; and how many of these payments still have no end."""
    payments = await _rows(sql, "select amount, state from payment where means = 'card'")
    captured = sum(row["amount"] for row in payments if row["state"] == "captured")
    return captured, sum(row["state"] in _OPEN for row in payments)


def _as_answered(sales: Sequence[dict[str, Any]], book: Book) -> None:
    """Every sale and refund that a till was told of is there once, unchanged; and there is no other."""
    there = {row["sale_id"]: row["total"] for row in sales}
    told = [*book.sales.values(), *book.refunds.values()]
    twice = [sale for sale, often in Counter(sale for sale, _ in told).items() if often > 1]
    assert not twice, f"two keys were given the sales {twice}"
    lost = [(sale, total) for sale, total in told if there.get(sale) != total]
    assert not lost, f"acknowledged, and not there so: {lost[:5]}"
    unknown = there.keys() - {sale for sale, _ in told}
    assert not unknown, f"there, and acknowledged to nobody: {sorted(unknown)[:5]}"


async def _once_a_session(sql: Sql) -> None:
    twice = await _rows(
        sql,
        "select session_id, count(*) as n from checkout where state = 'paid' and session_id like 'ses!_%' escape '!' "
        "group by session_id having count(*) > 1",
    )
    assert not twice, f"paid twice: {twice}"


def _as_the_terminal_says(payments: Sequence[dict[str, Any]], operations: Sequence[Operation]) -> None:
    """What the terminal took or gave back is a captured payment of the same amount, and the other way round."""
    moved = {
        one.reference: one.amount if one.kind == "authorise" else -one.amount
        for one in operations
        if one.kind in ("authorise", "refund") and one.approved and not one.cancelled
    }
    ours = {row["payment_id"]: row for row in payments if row["means"] == "card" and row["amount"]}
    stray = moved.keys() - ours.keys()
    assert not stray, f"the terminal took money for nobody: {sorted(stray)[:5]}"
    for name, row in ours.items():
        if row["state"] not in _OPEN:
            here = row["amount"] if row["state"] == "captured" else 0
            assert here == moved.get(name, 0), f"{name} is {row} here, {moved.get(name)} at the terminal"


async def _rows(sql: Sql, text: str) -> list[dict[str, Any]]:
    def job() -> Job[list[dict[str, Any]]]:
        return [dict(row) for row in (yield Query(text))]

    return await sql.read(job)
