"""Import and export products as CSV, French spreadsheets included.

Import reads the whole file first: with a mistake anywhere nothing is written, and every mistake is told by line and
column. It may be interrupted at any moment; the same file then goes on where it stopped. While a server runs on the
data folder it does the work, with pieces of the file; what it has already is skipped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import BinaryIO

import msgspec
from babel.numbers import get_currency_precision
from msgspec.structs import replace

from poi_engine.clock import SystemClock
from poi_engine.errors import RequestError
from poi_engine.goods.file_export import Style, export_products
from poi_engine.goods.file_import import MOST_MISTAKES, Examined, GoodsImport, ImportReport, Phase, examine
from poi_engine.goods.file_reader import Form, Mistake, NoForm, rows
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.folder import FolderLocked, lock_folder
from poi_server.cli.client import Client
from poi_server.cli.verify import books
from poi_server.config import Config, data_folder
from poi_server.progress import Progress
from poi_server.running import read_note

EXAMPLES = """\
  poi-server products import catalogue.csv --dry-run     tell the mistakes, write nothing
  poi-server products import catalogue.csv
  poi-server products export --french > catalogue.csv    for a French spreadsheet
"""
_PIECE = 4 * 1024 * 1024  # bytes
WHO = "owner:command-line"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which file."""
    parser.add_argument("act", choices=("import", "export"))
    parser.add_argument("file", nargs="?", metavar="FILE", help="import: the CSV file; export: where to (default: -)")
    parser.add_argument("--dry-run", action="store_true", help="import: only tell the mistakes")
    parser.add_argument("--french", action="store_true", help="export with semicolons and decimal commas")


def run(options: argparse.Namespace) -> int:
    """Do it; 1 when the file has mistakes."""
    if options.act == "export":
        _export(options.settings, options.file or "-", "french" if options.french else "plain")
        return 0
    if not options.file:
        print("poi-server products import: name the file.", file=sys.stderr)
        return 2
    report = _import(options.settings, Path(options.file), dry_run=options.dry_run)
    for mistake in report.mistakes:
        print(_words(mistake))
    if report.mistake_count > len(report.mistakes):
        print(f"... and {report.mistake_count - len(report.mistakes)} more.")
    print(_outcome(report, dry_run=options.dry_run))
    return 1 if report.mistake_count else 0


def _words(mistake: Mistake) -> str:
    column = f", {mistake.column}" if mistake.column else ""
    value = f" {mistake.value!r}:" if mistake.value else ""
    return f"line {mistake.line}{column}:{value} {mistake.message}"


def _outcome(report: ImportReport, *, dry_run: bool) -> str:
    if dry_run or not report.written:
        end = "Nothing was written." if not dry_run or report.mistake_count else "Nothing was written: a dry run."
        return f"{report.rows} lines read, {report.mistake_count} mistakes. {end}"
    resumed = f" (gone on from line {report.resumed_at})" if report.resumed_at else ""
    return f"{report.created} created, {report.changed} changed, {report.unchanged} as they were{resumed}."


# --- the import ----------------------------------------------------------------------------------------------------


def _import(config: Config, path: Path, *, dry_run: bool) -> ImportReport:
    try:
        with path.open("rb") as file:
            note = None if config.storage.sql else read_note(data_folder(config))
            if note is not None:
                return _by_server(Client(note), file, dry_run=dry_run)
            return asyncio.run(_here(config, file, dry_run=dry_run))
    except OSError as error:
        raise RequestError("unreadable-file", f"{path} cannot be read: {error.strerror}.") from None


async def _here(config: Config, file: BinaryIO, *, dry_run: bool) -> ImportReport:
    bars = _Bars()
    async with AsyncExitStack() as stack:
        sql = await _storage(config, stack)
        merchant_id, digits = await sql.read(_merchant)
        clock = SystemClock()
        made = GoodsImport(sql, clock, Ids(clock.now), merchant_id, WHO, digits)
        try:
            return await made.run(file, dry_run=dry_run, progress=bars.show)
        finally:
            bars.close()


class _Bars:
    """A bar a phase."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._bar: Progress | None = None

    def show(self, phase: Phase, done: int, of: int) -> None:
        """So many lines are behind."""
        if phase != self._phase:
            self.close()
            self._phase, self._bar = phase, Progress(phase, of)
        if self._bar is not None:
            self._bar.step(min(done, of) - self._bar.done)

    def close(self) -> None:
        """Show the end of the phase."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


async def _storage(config: Config, stack: AsyncExitStack) -> Sql:
    url = await asyncio.to_thread(_locked, config, stack)
    await migrate(url)
    sql = open_sql(url)
    stack.push_async_callback(sql.close)
    return sql


def _locked(config: Config, stack: AsyncExitStack) -> str:
    """The storage's address; an embedded one is locked against a server that starts meanwhile."""
    if config.storage.sql:
        return config.storage.sql
    folder = data_folder(config)
    try:
        stack.enter_context(lock_folder(folder))
    except FolderLocked:
        message = f"A server starts or stops on {folder}; try again."
        raise RequestError("data-folder-locked", message) from None
    return f"sqlite:///{folder / 'poi.db'}"


def _merchant() -> Job[tuple[str, int]]:
    """The storage's merchant, and the decimals of its currency."""
    rows = yield Query("select merchant_id, currency from merchant order by merchant_id limit 1")
    if not rows:
        raise RequestError("no-merchant", "There is no merchant yet. Start the server once: poi-server serve")
    return rows[0]["merchant_id"], int(get_currency_precision(rows[0]["currency"]))


# --- through the server --------------------------------------------------------------------------------------------


def _by_server(client: Client, file: BinaryIO, *, dry_run: bool) -> ImportReport:
    """In pieces that the server takes: all are checked before the first is written."""
    try:
        found = examine(file)
    except NoForm as error:
        return ImportReport(mistake_count=1, mistakes=(error.mistake,))
    report = _send_all(client, file, found, dry_run=True)
    if dry_run or report.mistake_count:
        return report
    return _send_all(client, file, found, dry_run=False)


def _send_all(client: Client, file: BinaryIO, found: Examined, *, dry_run: bool) -> ImportReport:
    bar = Progress("checking" if dry_run else "writing", found.lines)
    total = ImportReport(written=not dry_run)
    for content, line, end in _pieces(file, found.form):
        path = f"/v1/products.csv?dry_run={'true' if dry_run else 'false'}"
        answer = msgspec.convert(client.send("POST", path, content, "text/csv"), ImportReport)
        total = _added(total, answer, line - found.form.line)
        bar.step(end - line)
    bar.close()
    return total


def _pieces(file: BinaryIO, form: Form) -> Iterator[tuple[bytes, int, int]]:
    """Parts of whole rows below the file's own first line, as UTF-8, each with the lines it begins and ends at."""
    head = _part(file, form, 0, form.start)
    start, line = form.start, form.line
    for row in rows(file, form, 0):
        if row.position - start >= _PIECE:
            yield head + _part(file, form, start, row.position), line, row.next_line
            start, line = row.position, row.next_line
            file.seek(start)
    end = file.seek(0, os.SEEK_END)
    if end > start:
        yield head + _part(file, form, start, end), line, line


def _part(file: BinaryIO, form: Form, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start).decode(form.encoding, "replace").encode()


def _added(total: ImportReport, more: ImportReport, lines: int) -> ImportReport:
    """Both together; the mistakes of a piece stand at the file's own lines."""
    told = [replace(mistake, line=mistake.line + lines) for mistake in more.mistakes]
    return ImportReport(
        rows=total.rows + more.rows,
        created=total.created + more.created,
        changed=total.changed + more.changed,
        unchanged=total.unchanged + more.unchanged,
        written=total.written and more.written,
        mistake_count=total.mistake_count + more.mistake_count,
        mistakes=(*total.mistakes, *told)[:MOST_MISTAKES],
    )


# --- the export ----------------------------------------------------------------------------------------------------


def _export(config: Config, to: str, style: Style) -> None:
    """Beside a server that may run."""
    url = books(config)
    try:
        with nullcontext(sys.stdout.buffer) if to == "-" else Path(to).open("wb") as out:
            asyncio.run(_write(url, out, style))
    except OSError as error:
        raise RequestError("unwritable-file", f"{to} cannot be written: {error.strerror}.") from None


async def _write(url: str, out: BinaryIO, style: Style) -> None:
    sql = open_sql(url)
    try:
        merchant_id, digits = await sql.read(_merchant)
        async for piece in export_products(sql, merchant_id, digits, style):
            await asyncio.to_thread(out.write, piece)
    finally:
        await sql.close()
