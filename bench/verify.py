"""How long it takes to verify the books: every chain, closing and signature, and each receipt against its sale.

    python -m bench.verify [--receipts 1000000] [--stations 20] [--days 100] [--keep FILE]

Makes the books first: so many receipts of two lines over stations and days, each day closed. CPU is this process's.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from poi_engine import verify
from poi_engine.fiscal import checks
from poi_engine.fiscal.chain import JOURNAL, canonical, link, origin
from poi_engine.fiscal.journal import FORMAT, Receipt, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.service import Fiscal
from poi_engine.fiscal.version import STAMP
from poi_engine.ids import Ids
from poi_engine.places import Places
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import migrate, open_sql
from poi_engine.wiring import Wiring

M = "mer_1"
BEGINS = datetime(2026, 1, 5, 9, tzinfo=UTC)
_ROWS = 400  # receipts a transaction


class DayClock:
    """A clock that stands where the books have come to."""

    def __init__(self) -> None:
        self.at = BEGINS

    def now(self) -> float:
        return self.at.timestamp()

    def monotonic(self) -> float:
        return self.now()


class Maker:
    """Writes the books day by day."""

    def __init__(self, sql: Sql, stations: int) -> None:
        self.sql = sql
        self.clock = DayClock()
        self.heads = {f"sta_{n}": (0, origin(JOURNAL, M, f"sta_{n}")) for n in range(stations)}
        unused: Any = None
        ids = Ids(self.clock.now)
        self.fiscal = Fiscal(Wiring(sql, unused, unused, {}, self.clock, ids, Places(sql, self.clock)), Signer(None))

    async def make(self, receipts: int, days: int) -> None:
        """So many receipts over so many days."""
        await self.sql.write(self._places)
        each = receipts // (days * len(self.heads))
        for day in range(days):
            self.clock.at = BEGINS + timedelta(days=day)
            for station_id in self.heads:
                for first in range(0, each, _ROWS):
                    count = min(_ROWS, each - first)
                    await self.sql.write(lambda s=station_id, c=count: self._receipts(s, c))  # type: ignore[misc]
            self.clock.at += timedelta(days=1)
            await self.fiscal.round()

    def _places(self) -> Job[None]:
        yield Query("insert into merchant values (?, 'Shop', 'EUR', 'fr', '{}', 0)", (M,))
        yield Query(
            "insert into store (merchant_id, store_id, name, address, zone, regions) values (?, 'sto_1', 'S', '',"
            " 'Europe/Paris', '[]')",
            (M,),
        )
        for station_id in self.heads:
            yield Query(
                "insert into station (merchant_id, station_id, store_id, name, vat_rate, connector)"
                " values (?, ?, 'sto_1', ?, 2000, 'simulator')",
                (M, station_id, station_id),
            )

    def _receipts(self, station_id: str, count: int) -> Job[None]:
        last, previous = self.heads[station_id]
        number = last
        at = round(self.clock.now() * 1_000_000)
        journal: list[Any] = []
        sales: list[Any] = []
        lines: list[Any] = []
        for number in range(last + 1, last + count + 1):
            sale_id = f"sal_{station_id}_{number:08}"
            receipt = _receipt(sale_id, station_id, number, at)
            document = canonical(receipt)
            digest = link(previous, number, document)
            journal += (M, station_id, number, FORMAT, "sale", sale_id, document, previous, digest, at)
            sales += (M, sale_id, sale_id, "sto_1", station_id, "counter", "EUR", 1500, 0, 1500, 0, "cash", number)
            sales += (0, receipt.local_minute[:10], 9, 1, "{}", at)
            for line in receipt.lines:
                lines += (M, sale_id, *msgspec.structs.astuple(line), "", "")
            previous = digest
        self.heads[station_id] = (number, previous)
        yield _insert("journal", _JOURNAL, journal)
        yield _insert("sale", _SALE, sales)
        yield _insert("sale_line", _LINE, lines)
        yield Query(
            "insert into journal_head (merchant_id, station_id, number, hash, latest) values (?, ?, ?, ?, ?)"
            " on conflict (merchant_id, station_id) do update set number = excluded.number, hash = excluded.hash,"
            " latest = excluded.latest",
            (M, station_id, number, previous, at),
        )


_JOURNAL = "merchant_id station_id number format kind sale_id document previous hash created_at"
_SALE = (
    "merchant_id sale_id checkout_id store_id station_id channel currency subtotal saved total points means"
    " receipt_number first_visit local_day local_hour local_weekday document created_at"
)
_LINE = " ".join(("merchant_id sale_id", *ReceiptLine.__struct_fields__, "category brand"))


def _insert(table: str, names: str, values: list[Any]) -> Query:
    columns = names.split()
    row = f"({', '.join('?' * len(columns))})"
    return Query(
        f"insert into {table} ({', '.join(columns)}) values {', '.join([row] * (len(values) // len(columns)))}", values
    )


def _receipt(sale_id: str, station_id: str, number: int, at: int) -> Receipt:
    when = datetime.fromtimestamp(at / 1_000_000, UTC)
    return Receipt(
        kind="sale",
        sale_id=sale_id,
        store_id="sto_1",
        station_id=station_id,
        currency="EUR",
        at=when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        local_minute=when.isoformat(timespec="minutes"),
        lines=tuple(
            ReceiptLine(
                line_id=str(place),
                label="Tarte aux pommes",
                quantity=1000,
                unit="piece",
                unit_price=750,
                vat_rate=550,
                amount=750,
                saved=0,
                total=750,
                code="2900000000018",
            )
            for place in (1, 2)
        ),
        vat=(ReceiptVat(rate=550, net=1422, vat=78, gross=1500),),
        payments=(ReceiptPayment(means="cash", amount=1500),),
        subtotal=1500,
        saved=0,
        total=1500,
        number=number,
        fiscal=STAMP,
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _measure(sql: Sql, name: str, job: Callable[[], Job[list[Any]]], receipts: int) -> None:
    used, start = _cpu(), time.perf_counter()
    found = await sql.read(job)
    seconds, used = time.perf_counter() - start, _cpu() - used
    each = used / receipts * 1e6
    print(f"{name:10} {seconds:7.1f} s  CPU {used:7.1f} s  {each:5.1f} us a receipt  {len(found)} findings", flush=True)


async def _main(options: argparse.Namespace, path: Path) -> None:
    url = f"sqlite:///{path}"
    await migrate(url)
    sql = open_sql(url)
    try:
        start = time.perf_counter()
        await Maker(sql, options.stations).make(options.receipts, options.days)
        print(f"books of {options.receipts} receipts made in {time.perf_counter() - start:.0f} s", flush=True)
        await _measure(sql, "chains", checks.faults, options.receipts)
        await _measure(sql, "receipts", verify.receipts_differ, options.receipts)
    finally:
        await sql.close()


def main() -> None:
    """Make the books, then verify them."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify", description=__doc__)
    parser.add_argument("--receipts", type=int, default=1_000_000)
    parser.add_argument("--stations", type=int, default=20)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the books here and leave them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_main(options, options.keep or Path(folder) / "books.db"))


if __name__ == "__main__":
    main()
