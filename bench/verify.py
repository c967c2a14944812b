"""How long it takes to verify the books: all that `poi-server verify` checks, on all cores.

    python -m bench.verify [--receipts 1000000] [--stations 20] [--days 100] [--keep FILE | --books FILE] [--each]

Makes the books first, so many receipts of two lines over stations and days, each day closed, with what a sale writes
besides: checkout, payment, transfer, event, figures. Left out are answers to keys, which are kept for a month alone.
CPU is that of all processes. `--each`: check by check in this process, to see where the time goes.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from poi_engine import verify
from poi_engine.fiscal.chain import JOURNAL, canonical, link, origin
from poi_engine.fiscal.journal import FORMAT, Receipt, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.service import Fiscal
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import STAMP
from poi_engine.ids import Ids
from poi_engine.places import Places
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.migrations.rollups_0003 import rollups_of_sales
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
            sales += (0, receipt.local_minute[:10], 9, 1, _DOCUMENT, at)
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


_DOCUMENT = '{"tender":{"means":"cash","amount":1},"given":{},"note":"' + "x" * 700 + '"}'
"""As long as a sale's own document is, about."""
_BESIDES = (
    "insert into checkout (merchant_id, checkout_id, session_id, store_id, station_id, state, total, currency,"
    " document, sale_id, created_at, changed_at) select merchant_id, checkout_id, checkout_id, store_id, station_id,"
    " 'paid', total, currency, document, sale_id, created_at, created_at from sale",
    "insert into payment (merchant_id, payment_id, checkout_id, means, connector, state, amount, authorisation, reason,"
    " document, created_at, changed_at) select merchant_id, 'pay_' || sale_id, checkout_id, means, '', 'captured',"
    " total, '', '', '{}', created_at, created_at from sale",
    "insert into transfer (merchant_id, transfer_id, checkout_id, kind, phase, debit, credit, amount, unit, created_at)"
    " select merchant_id, 'trf_' || sale_id, checkout_id, 'sale', 'single', 'tender:cash', 'sales:' || store_id, total,"
    " currency, created_at from sale",
    "insert into account (merchant_id, account, unit, floor, debits) select merchant_id, debit, unit, 0, sum(amount)"
    " from transfer group by merchant_id, debit, unit",
    "insert into account (merchant_id, account, unit, floor, credits) select merchant_id, credit, unit, 0, sum(amount)"
    " from transfer group by merchant_id, credit, unit",
    "insert into outbox (merchant_id, event_id, kind, document, created_at) select merchant_id, 'evt_' || sale_id,"
    " 'sale.committed', '{\"sale_id\":\"' || sale_id || '\",\"total\":1500}', created_at from sale",
    *rollups_of_sales(),
)
"""What a sale writes besides its receipt, made of the sales."""
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
        at=utc_micro(at),
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
    """Of this process and of those that it waited for, seconds."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


async def _measure(name: str, receipts: int, work: Callable[[], Awaitable[list[Any]]]) -> None:
    used, start = _cpu(), time.perf_counter()
    found = await work()
    seconds, used = time.perf_counter() - start, _cpu() - used
    each = used / receipts * 1e6
    print(f"{name:24} {seconds:7.1f} s  CPU {used:7.1f} s  {each:5.1f} us a receipt  {len(found)} findings", flush=True)


async def _make(url: str, options: argparse.Namespace) -> None:
    await migrate(url)
    sql = open_sql(url)
    start = time.perf_counter()
    try:
        await Maker(sql, options.stations).make(options.receipts, options.days)
        for text in _BESIDES:
            await sql.write(lambda text=text: _only(Query(text)))  # type: ignore[misc]
    finally:
        await sql.close()
    print(f"books of {options.receipts} receipts made in {time.perf_counter() - start:.0f} s", flush=True)


def _only(query: Query) -> Job[None]:
    yield query


async def _main(options: argparse.Namespace, path: Path) -> None:
    url = f"sqlite:///{path}"
    if not options.books:
        await _make(url, options)
    sql = open_sql(url)
    try:
        for check in verify.CHECKS if options.each else ():
            await _measure(check.name, options.receipts, lambda c=check: sql.read(c.job))  # type: ignore[misc]
    finally:
        await sql.close()
    await _measure("verify", options.receipts, lambda: verify.verify_at(url))


def main() -> None:
    """Make the books, then verify them."""
    parser = argparse.ArgumentParser(prog="python -m bench.verify", description=__doc__)
    parser.add_argument("--receipts", type=int, default=1_000_000)
    parser.add_argument("--stations", type=int, default=20)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--each", action="store_true", help="each check by itself as well")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write the books here and leave them")
    parser.add_argument("--books", type=Path, metavar="FILE", help="books that were kept, of --receipts receipts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_main(options, options.books or options.keep or Path(folder) / "books.db"))


if __name__ == "__main__":
    main()
