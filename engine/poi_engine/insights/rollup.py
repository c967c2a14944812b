"""Keeps the rollups in step: sales and refunds are due when they are committed, and counted soon after, many together.

What many sales change alike is then written once. Whoever reads the figures counts what is due before, so that a sale
is in them at once. Two processes never count at the same time: both want the oldest, and the second finds them gone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from msgspec import structs

from poi_engine.insights.cells import MEASURES, PLACE, Cell, Facet, Grain, Series, Sold, SoldLine, Use, Values, cells_of
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.sizes import SIZES, padded, portions
from poi_engine.together import rows_of

AT_ONCE = 128
"""Sales and refunds a transaction: the counters wait for it."""
_NAMES = ("merchant_id", *PLACE, *MEASURES)
_ROW = f"({', '.join('?' * len(_NAMES))})"
_ROWS = {size: ", ".join([_ROW] * size) for size in SIZES}
_INTO = f"insert into rollup ({', '.join(_NAMES)}) values "
_ADD = f" on conflict (merchant_id, {', '.join(PLACE)}) do update set " + ", ".join(
    f"{name} = rollup.{name} + excluded.{name}" for name in MEASURES
)
_TELL = " returning store_id, period, value, sales"
_SOLD = tuple(name for name in Sold.__struct_fields__ if name not in ("lines", "uses"))
_MONTH: tuple[Facet, Grain] = ("customer", "month")

First = tuple[str, str, str]
"""Store ('' for all), customer and month: the first sale of theirs that is counted there for this month."""


def make_due(merchant_id: str, sale_id: str) -> Query:
    """In the transaction that writes a sale or refund, with its lines and uses: it is to be counted."""
    return Query("insert into rollup_due (merchant_id, sale_id) values (?, ?)", (merchant_id, sale_id))


async def settle(sql: Sql, merchant_id: str) -> None:
    """Count everything that is due by now."""
    while await sql.read(lambda: _is_due(merchant_id)):
        await sql.write(lambda: count_some(merchant_id))


def due_merchants() -> Job[list[str]]:
    """Whose sales are due."""
    rows = yield Query("select distinct merchant_id from rollup_due order by merchant_id")
    return [row["merchant_id"] for row in rows]


def count_some(merchant_id: str) -> Job[None]:
    """Count the oldest of what is due."""
    taken = yield Query(
        "delete from rollup_due where merchant_id = ? and sale_id in (select sale_id from rollup_due "
        "where merchant_id = ? order by sale_id limit ?) returning sale_id",
        (merchant_id, merchant_id, AT_ONCE),
    )
    if taken:
        yield from _count(merchant_id, (yield from _sold(merchant_id, sorted(row["sale_id"] for row in taken))))


def _is_due(merchant_id: str) -> Job[bool]:
    return bool((yield Query("select 1 as due from rollup_due where merchant_id = ? limit 1", (merchant_id,))))


def _sold(merchant_id: str, sale_ids: list[str]) -> Job[list[Sold]]:
    """What is counted of these sales."""
    asked = padded(sale_ids)
    values = (merchant_id, *asked)
    where = f"where merchant_id = ? and sale_id in ({', '.join('?' * len(asked))})"
    sales, lines, uses = yield from rows_of(
        [
            Query(f"select sale_id, {', '.join(_SOLD)} from sale {where}", values),
            Query(f"select {', '.join(SoldLine._fields)} from sale_line {where}", values),
            Query(f"select {', '.join(Use._fields)} from redemption {where}", values),
        ]
    )
    lines_of, uses_of = defaultdict[str, list[SoldLine]](list), defaultdict[str, list[Use]](list)
    for row in lines:
        lines_of[row["sale_id"]].append(SoldLine._make(row.values()))
    for row in uses:
        uses_of[row["sale_id"]].append(Use._make(row.values()))
    return [
        Sold(
            **{name: row[name] for name in _SOLD},
            lines=lines_of[row["sale_id"]],
            uses=uses_of[row["sale_id"]],
        )
        for row in sales
    ]


def _count(merchant_id: str, sold: Iterable[Sold]) -> Job[None]:
    """Add them to every figure they belong to, the cells in the order of their places."""
    cells = cells_of(sold)
    months = {series: values for series, values in cells.items() if series[:2] == _MONTH}
    yield from _add(merchant_id, {series: values for series, values in cells.items() if series not in months})
    rows = yield from _add(merchant_id, months, _TELL)
    firsts = {
        (row["store_id"], row["value"], row["period"])
        for row in rows
        if 0 < row["sales"] == months[(*_MONTH, row["store_id"], row["period"])][row["value"]].sales
    }
    yield from _join_cohorts(merchant_id, firsts)


def _add(merchant_id: str, cells: Mapping[Series, Values], tell: str = "") -> Job[list[Row]]:
    """Add to the cells."""
    rows = [
        (merchant_id, *series, value, *structs.astuple(cell))
        for series, values in cells.items()
        for value, cell in values.items()
    ]
    found: list[Row] = []
    for some in portions(rows):
        found += yield Query(f"{_INTO}{_ROWS[len(some)]}{_ADD}{tell}", list(chain.from_iterable(some)))
    return found


# --- cohorts -------------------------------------------------------------------------------------------------------


def _join_cohorts(merchant_id: str, firsts: set[First]) -> Job[None]:
    """Count these customers among those of their cohort that bought in these months."""
    moves: defaultdict[Series, Counter[str]] = defaultdict(Counter)
    known = yield from _cohorts(merchant_id, firsts)
    new: dict[tuple[str, str], str] = {}
    waiting = set(firsts)
    for first in sorted(firsts):
        waiting.discard(first)
        store_id, customer_id, month = first
        cohort = known.get((store_id, customer_id)) or new.setdefault((store_id, customer_id), month)
        moves[_cohort(store_id, month)][min(cohort, month)] += 1
        if month < cohort:  # a sale that came late makes the customer older than was known
            for later in (yield from _move_cohort(merchant_id, first, waiting)):
                moves[_cohort(store_id, later)].update({cohort: -1, month: 1})
            known[store_id, customer_id] = month
    yield from _welcome(merchant_id, new)
    counts = {series: sorted(moves[series].items()) for series in sorted(moves)}
    cells = {series: {cohort: Cell(sales=count) for cohort, count in some if count} for series, some in counts.items()}
    yield from _add(merchant_id, cells)


def _cohort(store_id: str, month: str) -> Series:
    return "cohort", "month", store_id, month


def _cohorts(merchant_id: str, firsts: Iterable[First]) -> Job[dict[tuple[str, str], str]]:
    """The months of these customers' first sales by store and customer, as they were known before."""
    known: dict[tuple[str, str], str] = {}
    customers_of = defaultdict[str, set[str]](set)
    for store_id, customer_id, _ in firsts:
        customers_of[store_id].add(customer_id)
    for store_id, customers in sorted(customers_of.items()):
        for some in portions(sorted(customers)):
            rows = yield Query(
                "select customer_id, month from newcomer where merchant_id = ? and store_id = ? "
                f"and customer_id in ({', '.join('?' * len(some))})",
                (merchant_id, store_id, *some),
            )
            known |= {(store_id, row["customer_id"]): row["month"] for row in rows}
    return known


def _welcome(merchant_id: str, new: Mapping[tuple[str, str], str]) -> Job[None]:
    """Write the first month down of customers who were not known."""
    for some in portions(list(new.items())):
        yield Query(
            "insert into newcomer (merchant_id, store_id, customer_id, month) values "
            f"{', '.join(['(?, ?, ?, ?)'] * len(some))}",
            [value for (store_id, customer_id), month in some for value in (merchant_id, store_id, customer_id, month)],
        )


def _move_cohort(merchant_id: str, first: First, waiting: set[First]) -> Job[list[str]]:
    """The customer belongs to an earlier cohort; returns the other months in which they are counted by now."""
    store_id, customer_id, new = first
    yield Query(
        "update newcomer set month = ? where merchant_id = ? and store_id = ? and customer_id = ?",
        (new, merchant_id, store_id, customer_id),
    )
    rows = yield Query(
        "select distinct substr(local_day, 1, 7) as month from sale s where merchant_id = ? and customer_id = ?"
        " and refund_of is null and (store_id = ? or ? = '') and not exists (select 1 from rollup_due d"
        " where d.merchant_id = s.merchant_id and d.sale_id = s.sale_id)",
        (merchant_id, customer_id, store_id, store_id),
    )
    months = [str(row["month"]) for row in rows]
    return [month for month in months if month != new and (store_id, customer_id, month) not in waiting]
