"""Years of sales by seeded repetition of a few baskets, written straight into the tables, then counted into rollups.

Everything follows from the seed: the same number of lines gives the same sales. What a counter writes besides (ledger,
journal, payments) is left out, for no figure reads it.
"""

import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from bench.trade import Trade
from poi_engine.clock import micros_of
from poi_engine.storage.migrations.rollups_0003 import rollups_of_sales
from poi_engine.storage.schema import metadata

ZONE = ZoneInfo("Europe/Paris")
DAYS = 730
CUSTOMERS = 40_000
OFFERS = 30
_BATCH = 5_000  # sales
_HOURS = (8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
_BUSY = (2, 4, 5, 7, 9, 6, 4, 4, 5, 8, 9, 5)
_PAID: tuple[tuple[str, str | None, str | None, str], ...] = (
    ("card", "cb", "debit", "contactless"),
    ("card", "cb", "debit", "chip"),
    ("card", "visa", "credit", "contactless"),
    ("card", "mastercard", "debit", "phone"),
    ("card", "amex", "credit", "chip"),
    ("cash", None, None, "cash"),
)
_DOCUMENT = '{"tender":{"means":"card","amount":1},"given":{},"note":"' + "x" * 700 + '"}'
"""As long as a sale's own document is, about."""
_TABLES = ("sale", "sale_line", "redemption")
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Places:
    """The merchant, its stations by store, and the seed."""

    merchant_id: str
    stations: tuple[tuple[str, str], ...]
    seed: int = 7


def columns(table: str) -> list[str]:
    """The columns that are written, in their order."""
    return [column.name for column in metadata.tables[table].columns if column.server_default is None]


def batches(places: Places, trade: Trade, lines: int, last: date) -> Iterator[Rows]:
    """Rows for the three tables, at least `lines` of them sale lines, spread over the days up to `last`."""
    sales = _sales(places, trade, lines, last)
    while some := list(islice(sales, _BATCH)):
        yield {table: [row for rows in some for row in rows[table]] for table in _TABLES}


def _sales(places: Places, trade: Trade, lines: int, last: date) -> Iterator[Rows]:
    dice = random.Random(places.seed)
    baskets = [_basket(basket.items) for basket in trade.baskets]
    each = sum(map(len, baskets)) / len(baskets)
    count = max(DAYS, round(lines / each))
    known: set[str] = set()
    for day in range(DAYS):
        local = last - timedelta(days=DAYS - 1 - day)
        start = micros_of(datetime(local.year, local.month, local.day, 0, tzinfo=ZONE))
        for number in range(count * day // DAYS, count * (day + 1) // DAYS):
            yield _sale(places, dice, number, local, start, dice.choice(baskets), known)


def _basket(items: Any) -> list[tuple[Any, ...]]:
    """What a line's row has after its ids."""
    return [
        (
            *(item.code, item.label, item.category, item.brand, item.quantity, item.unit, item.unit_price),
            *(item.vat_rate, amount, 0, amount),
        )
        for item in items
        for amount in (item.unit_price * item.quantity // 1000,)
    ]


def _sale(
    places: Places,
    dice: random.Random,
    number: int,
    local: date,
    start: int,
    basket: list[tuple[Any, ...]],
    known: set[str],
) -> Rows:
    m, sale_id = places.merchant_id, f"sal_{number:026d}"
    store_id, station_id = places.stations[int(len(places.stations) * dice.random() ** 1.5)]
    [hour] = dice.choices(_HOURS, _BUSY)
    at = start + hour * 3_600_000_000 + dice.randrange(3_600_000_000)
    customer = f"cus_{int(CUSTOMERS * dice.random() ** 2):08d}" if dice.random() < 0.6 else None
    means, scheme, card_type, entry = dice.choice(_PAID)
    subtotal = sum(line[8] for line in basket)
    saved = 0
    uses = []
    if dice.random() < 0.2:
        saved = basket[0][8] // 10
        basket = [(*basket[0][:9], saved, basket[0][8] - saved), *basket[1:]]
        uses = [(m, sale_id, f"off_{dice.randrange(OFFERS)}", 1, customer, saved, saved, at)]
    sale = {
        **{"merchant_id": m, "sale_id": sale_id, "checkout_id": f"chk_{number:026d}", "refund_of": None},
        **{"store_id": store_id, "station_id": station_id, "seller_id": None, "customer_id": customer},
        **{"channel": "counter", "currency": "EUR", "subtotal": subtotal, "saved": saved, "total": subtotal - saved},
        **{"points": subtotal // 100, "means": means, "card_scheme": scheme, "card_type": card_type},
        **{"entry_mode": entry, "receipt_number": number, "first_visit": int(bool(customer) and customer not in known)},
        **{"local_day": local.isoformat(), "local_hour": hour, "local_weekday": local.isoweekday()},
        **{"document": _DOCUMENT, "created_at": at},
    }
    if customer:
        known.add(customer)
    return {
        "sale": [tuple(sale[name] for name in _SALE)],
        "sale_line": [(m, sale_id, str(place), *line) for place, line in enumerate(basket, 1)],
        "redemption": uses,
    }


_SALE: list[str] = columns("sale")


def write_sqlite(path: Path, places: Places, trade: Trade, lines: int, last: date) -> float:
    """Fill an SQLite file; returns the seconds that counting the sales into the rollups took."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma synchronous = off")
        connection.execute("pragma cache_size = -1000000")
        written = 0
        for rows in batches(places, trade, lines, last):
            connection.execute("begin")
            for table in _TABLES:
                names = columns(table)
                marks = ", ".join("?" * len(names))
                connection.executemany(f"insert into {table} ({', '.join(names)}) values ({marks})", rows[table])
            connection.execute("commit")
            written += len(rows["sale_line"])
            _tell(written, lines)
        started = time.perf_counter()
        connection.execute("begin")
        for statement in rollups_of_sales():
            connection.execute(statement)
        connection.execute("commit")
        took = time.perf_counter() - started
        connection.execute("pragma wal_checkpoint(truncate)")
        return took


async def write_postgres(url: str, places: Places, trade: Trade, lines: int, last: date) -> float:
    """Fill a PostgreSQL database; returns the seconds that counting the sales into the rollups took."""
    connection = await asyncpg.connect(url)
    try:
        written = 0
        for rows in batches(places, trade, lines, last):
            for table in _TABLES:
                await connection.copy_records_to_table(table, records=rows[table], columns=columns(table))
            written += len(rows["sale_line"])
            _tell(written, lines)
        started = time.perf_counter()
        await connection.execute("; ".join(rollups_of_sales()))
        took = time.perf_counter() - started
        await connection.execute("vacuum analyze")  # as autovacuum does by itself after so much
        return took
    finally:
        await connection.close()


def _tell(written: int, lines: int) -> None:
    print(f"\r  {written:,} of {lines:,} lines", end="", file=sys.stderr, flush=True)
