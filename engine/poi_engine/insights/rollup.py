"""Keeps the rollups in step: run in the transaction that writes the sale or refund, after everything else of it.

The cells of a sale are one statement, its rows in the order of their keys. What belongs to one customer is safe from a
second sale of theirs at the same moment, for the customer's row is changed, and so locked, before.
"""

from collections.abc import Iterable, Sequence

from msgspec import structs

from poi_engine.checkout.records import LineRow, RedemptionRow, SaleRow
from poi_engine.clock import moment
from poi_engine.insights.cells import MEASURES, Cell, Key, cells_of
from poi_engine.ports import Job, Query, Row
from poi_offers.storetime import zone as store_zone

_AT_ONCE = (64, 16, 4, 1)  # cells a statement: few sizes, so that each is prepared once
_NAMES = ("merchant_id", *Key._fields, *MEASURES)
_ROW = f"({', '.join('?' * len(_NAMES))})"
_ROWS = {size: ", ".join([_ROW] * size) for size in _AT_ONCE}
_INTO = f"insert into rollup ({', '.join(_NAMES)}) values "
_ADD = f" on conflict (merchant_id, {', '.join(Key._fields)}) do update set " + ", ".join(
    f"{name} = rollup.{name} + excluded.{name}" for name in MEASURES
)
_TELL = " returning facet, grain, store_id, sales"


def fold(merchant_id: str, sale: SaleRow, lines: Sequence[LineRow], uses: Sequence[RedemptionRow]) -> Job[None]:
    """Add a sale or refund to every figure it belongs to."""
    local = moment(sale.at).astimezone(store_zone(sale.zone))
    cells = sorted(cells_of(sale, local, lines, uses).items())
    if sale.customer_id is None or sale.refund_of is not None:
        yield from _add(merchant_id, cells)
        return
    rows = yield from _add(merchant_id, cells, _TELL)
    month = local.strftime("%Y-%m")
    for store_id in sorted(_first_of_month(rows)):
        yield from _join_cohort(merchant_id, store_id, sale.customer_id, month)


def _add(merchant_id: str, cells: Iterable[tuple[Key, Cell]], tell: str = "") -> Job[list[Row]]:
    """Add to the cells."""
    rest = list(cells)
    found: list[Row] = []
    for size in _AT_ONCE:
        while len(rest) >= size:
            some, rest = rest[:size], rest[size:]
            values = [value for key, cell in some for value in (merchant_id, *key, *structs.astuple(cell))]
            found += yield Query(f"{_INTO}{_ROWS[size]}{_ADD}{tell}", values)
    return found


def _first_of_month(rows: Iterable[Row]) -> set[str]:
    """The stores ('' for all) where a sale is the customer's first of the month."""
    return {
        row["store_id"] for row in rows if row["facet"] == "customer" and row["grain"] == "month" and row["sales"] == 1
    }


# --- cohorts -------------------------------------------------------------------------------------------------------


def _join_cohort(merchant_id: str, store_id: str, customer_id: str, month: str) -> Job[None]:
    """Count the customer among those of their cohort that bought in this month."""
    rows = yield Query(
        "select month from newcomer where merchant_id = ? and store_id = ? and customer_id = ?",
        (merchant_id, store_id, customer_id),
    )
    if not rows:
        yield Query(
            "insert into newcomer (merchant_id, store_id, customer_id, month) values (?, ?, ?, ?)",
            (merchant_id, store_id, customer_id, month),
        )
    cohort = rows[0]["month"] if rows else month
    moves = {(month, min(cohort, month)): 1}
    if month < cohort:  # a sale that came late makes the customer older than was known
        moves |= yield from _move_cohort(merchant_id, store_id, customer_id, cohort, month)
    cells = [(Key("cohort", "month", store_id, *place), Cell(sales=count)) for place, count in moves.items()]
    yield from _add(merchant_id, sorted(cells))


def _move_cohort(
    merchant_id: str, store_id: str, customer_id: str, old: str, new: str
) -> Job[dict[tuple[str, str], int]]:
    yield Query(
        "update newcomer set month = ? where merchant_id = ? and store_id = ? and customer_id = ?",
        (new, merchant_id, store_id, customer_id),
    )
    rows = yield Query(
        "select distinct substr(local_day, 1, 7) as month from sale where merchant_id = ? and customer_id = ?"
        " and refund_of is null and (store_id = ? or ? = '')",
        (merchant_id, customer_id, store_id, store_id),
    )
    months = [row["month"] for row in rows if row["month"] != new]
    return {(month, old): -1 for month in months} | {(month, new): 1 for month in months}
