"""Check every promise over the whole storage: balances, limits, single effects, receipts and their chain."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from typing import TextIO

from msgspec.structs import asdict

from poi_engine.clock import micros
from poi_engine.errors import PoiError, RequestError
from poi_engine.fiscal.checks import against
from poi_engine.fiscal.events import verified
from poi_engine.ports import Sql
from poi_engine.storage import open_sql
from poi_engine.storage.folder import lock_folder
from poi_engine.verify import Finding, verify_at
from poi_server.config import Config, data_folder

EXAMPLES = """\
  poi-server verify
  poi-server verify --data /srv/poi
  poi-server verify --key PUBLIC_KEY --seal HASH
"""
_QUICK = 3.0  # seconds that need no word


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What was written down elsewhere."""
    words = "a public key (hex) that may have signed closings, as it was written down elsewhere; no other may have"
    parser.add_argument("--key", type=_thirty_two, action="append", default=[], help=words)
    words = "a closing's hash (hex), as it was printed or told: that closing must still be there"
    parser.add_argument("--seal", type=_thirty_two, action="append", default=[], help=words)


def _thirty_two(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise argparse.ArgumentTypeError(f"{text!r} is not of 64 hex digits")
    return found


def run(options: argparse.Namespace) -> int:
    """Print what is broken; 1 when anything is."""
    findings = asyncio.run(_verify(options.settings, books(options.settings), options.key, options.seal))
    for finding in findings:
        print(f"{finding.rule}  {finding.merchant_id}  {finding.subject}  {finding.message}")
    print("All books are in order." if not findings else f"{len(findings)} things are broken.")
    return 1 if findings else 0


def books(config: Config) -> str:
    """The address of the SQL storage, which has to be there."""
    if config.storage.sql:
        return config.storage.sql
    file = data_folder(config) / "poi.db"
    if not file.is_file():
        raise RequestError("no-books", f"There are no books at {file}.")
    return f"sqlite:///{file}"


async def _verify(config: Config, url: str, keys: Sequence[bytes], seals: Sequence[bytes]) -> list[Finding]:
    shown = Shown(sys.stderr)
    try:
        findings = await verify_at(url, progress=shown.begin)
    finally:
        shown.close()
    sql = open_sql(url)
    try:
        findings += [Finding(**asdict(one)) for one in await sql.read(lambda: against(keys, seals))]
        with suppress(PoiError):  # a server holds the folder, or these are books that cannot be written
            await _put_on_record(config, sql, len(findings))
        return findings
    finally:
        await sql.close()


async def _put_on_record(config: Config, sql: Sql, findings: int) -> None:
    """That these books were verified, and how that ended, in the event log."""
    with nullcontext() if config.storage.sql else lock_folder(data_folder(config)):
        at = micros(time.time())
        await sql.write(lambda: verified(findings, at))


class Shown:
    """Names the check under way once it has taken a few seconds: in place on a terminal, a line a check elsewhere."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._start = clock()
        self._live = stream.isatty()

    def begin(self, name: str, number: int, of: int) -> None:
        """A check begins, the first as number 1."""
        seconds = self._clock() - self._start
        if seconds > _QUICK:
            text = f"check {number} of {of}: {name}, {seconds:.0f} s"
            self._stream.write(f"\r{text:<60}" if self._live else f"{text}\n")
            self._stream.flush()

    def close(self) -> None:
        """Leave a clean line."""
        if self._live:
            self._stream.write(f"\r{'':<60}\r")
