"""The fiscal part: closings, the yearly archive, the sums for e-reporting, and the statement of what runs.

`close` and `archive` work on the running server of the data folder; `archive` also on the storage when none runs;
`export` reads the storage, beside a running server too; `statement` refuses when the fiscal part was changed.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from contextlib import nullcontext
from datetime import date, timedelta
from pathlib import Path

import msgspec
from babel.numbers import get_currency_precision

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import SystemClock, micros
from poi_engine.errors import RequestError
from poi_engine.fiscal.archive import write_archive
from poi_engine.fiscal.events import MERCHANT, record
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.reporting import DayReport, as_csv, report_of
from poi_engine.fiscal.version import statement
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_engine.storage.folder import lock_folder
from poi_server.cli.client import Client, connect
from poi_server.cli.verify import books
from poi_server.config import Config, data_folder, fiscal_key
from poi_server.running import read_note

EXAMPLES = """\
  poi-server fiscal close --station "Counter 1"
  poi-server fiscal archive --year 2026 --to archive_2026.zip
  poi-server fiscal export --first 2026-11-01 --last 2026-11-30 --to november.csv
  poi-server fiscal statement
"""
_WAIT = 3600.0  # seconds for an archive's first byte
_DAYS = 3660
WHO = "owner:console"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with what."""
    parser.add_argument("act", choices=("close", "archive", "export", "statement"))
    parser.add_argument("--station", help="close: its id or name (default: the first)")
    parser.add_argument("--kind", choices=("day", "month", "year"), default="day", help="close: what (default: day)")
    parser.add_argument("--year", help="archive: such as 2026")
    parser.add_argument("--first", type=date.fromisoformat, help="export: first day, such as 2026-11-01")
    parser.add_argument("--last", type=date.fromisoformat, help="export: last day (default: the first)")
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="export: default csv")
    parser.add_argument("--to", type=Path, metavar="FILE", help="archive: the zip; export: default standard output")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    for act, name in (("archive", "year"), ("archive", "to"), ("export", "first")):
        if options.act == act and getattr(options, name) is None:
            raise RequestError("argument-missing", f"poi-server fiscal {act}: give --{name}.")
    return {"close": _close, "archive": _archive, "export": _export, "statement": _statement}[options.act](options)


def _statement(_options: argparse.Namespace) -> int:
    print(statement())
    return 0


def _close(options: argparse.Namespace) -> int:
    client = connect(options)
    station_id = client.station(options.station)
    made = client.call("POST", f"/v1/stations/{station_id}/closings", {"kind": options.kind})
    closing = made["closing"]
    print(f"{closing['kind']} {closing['period']} of {station_id}: closing {closing['number']}")
    print(f"receipts  {closing['first']} to {closing['last']}: {closing['sales']} sales, {closing['refunds']} refunds")
    print(f"total     {closing['total']} {closing['currency']}, perpetual {closing['perpetual_total']} (minor units)")
    print(f"seal      {made['hash']}")
    return 0


# --- archive -------------------------------------------------------------------------------------------------------


def _archive(options: argparse.Namespace) -> int:
    config: Config = options.settings
    note = None if config.storage.sql else read_note(data_folder(config))
    draft = options.to.with_name(f"{options.to.name}.{secrets.token_hex(4)}.part")
    try:
        if note is not None:
            with draft.open("xb") as file:
                Client(note).download(f"/v1/fiscal/archive/{options.year}", file, _WAIT)
        else:
            asyncio.run(_on_storage(config, options.year, draft))
        draft.rename(options.to)
    except OSError as error:
        raise RequestError("archive-file", f"{options.to} cannot be written: {error.strerror}.") from None
    finally:
        draft.unlink(missing_ok=True)
    print(f"{options.to}: {options.to.stat().st_size} bytes. Verify it: python3 verify_archive.py {options.to}")
    return 0


async def _on_storage(config: Config, year: str, draft: Path) -> None:
    url, clock, shown = books(config), SystemClock(), _Rows()
    with nullcontext() if config.storage.sql else lock_folder(data_folder(config)):
        sql = open_sql(url)
        try:
            merchant_id, digits = await sql.read(_merchant)
            signer, at = Signer(fiscal_key(config, data_folder(config))), micros(clock.now())
            with draft.open("xb") as file:
                made = await write_archive(sql, signer, merchant_id, year, digits, file, at, shown.step)
            audit_id = Ids(clock.now).new("aud")

            def recorded() -> Job[None]:
                yield from record(merchant_id, MERCHANT, "archive", year, WHO, {"manifest": made.sha256}, at)
                yield insert_audit(merchant_id, audit_id, WHO, "fiscal-archive", year, "", at, None)

            await sql.write(recorded)
        finally:
            shown.close()
            await sql.close()


class _Rows:
    """Rows written so far, in place on a terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def step(self, done: int, of: int) -> None:
        """So many rows are written."""
        if self._live:
            sys.stderr.write(f"\r{done} of {of} rows")
            sys.stderr.flush()

    def close(self) -> None:
        """Leave a clean line."""
        if self._live:
            sys.stderr.write(f"\r{'':<40}\r")


def _merchant() -> Job[tuple[str, int]]:
    rows = yield Query("select merchant_id, currency from merchant order by created_at, merchant_id limit 1")
    if not rows:
        raise RequestError("no-books", "There is no merchant in these books.")
    return rows[0]["merchant_id"], get_currency_precision(rows[0]["currency"])


# --- export --------------------------------------------------------------------------------------------------------


def _export(options: argparse.Namespace) -> int:
    last = options.last or options.first
    if not 0 <= (last - options.first).days < _DAYS:
        raise RequestError("bad-period", f"The first day comes before the last, at most {_DAYS} days apart.")
    reports, digits = asyncio.run(_reports(books(options.settings), options.first, last))
    text = as_csv(reports, digits) if options.format == "csv" else _json(reports)
    if options.to:
        options.to.write_text(text, "utf-8", newline="")
    else:
        sys.stdout.write(text)
    late = sorted({f"{report.day} {station}" for report in reports for station in report.open_stations})
    for one in late:
        print(f"not closed yet: {one}", file=sys.stderr)
    return 1 if late else 0


def _json(reports: list[DayReport]) -> str:
    return msgspec.json.format(msgspec.json.encode(reports)).decode() + "\n"


async def _reports(url: str, first: date, last: date) -> tuple[list[DayReport], int]:
    sql = open_sql(url)
    try:
        merchant_id, digits = await sql.read(_merchant)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [await _report(sql, merchant_id, day) for day in days], digits
    finally:
        await sql.close()


async def _report(sql: Sql, merchant_id: str, day: date) -> DayReport:
    return await sql.read(lambda: report_of(merchant_id, day))
