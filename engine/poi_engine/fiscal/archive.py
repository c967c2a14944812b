"""A year's archive: every receipt, closing, event and exercise in an open format, with what proves that it is whole.

A zip of JSON lines, one row a line, its document as the very text that the hash covers; a manifest with each file's
SHA-256 and where each chain begins and ends, signed Ed25519; and a script that verifies all of it with Python alone.
It holds the receipts of the year's closed days; the first one also what was sold before the first closing. Rows are
immutable and their span is fixed at the beginning, so a selling server may go on.
"""

import asyncio
import hashlib
import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import IO

import msgspec
from msgspec import Struct

from poi_engine.errors import Conflict
from poi_engine.fiscal.archive_texts import README
from poi_engine.fiscal.chain import CLOSINGS, EVENTS, JOURNAL, PAGE, TRAINING, Chain, anchor, origin
from poi_engine.fiscal.closing import keys_of
from poi_engine.fiscal.keys import ARCHIVE, Signer
from poi_engine.fiscal.model import Closing, closing_of
from poi_engine.fiscal.reporting import DayReport, as_csv, report_on
from poi_engine.fiscal.times import utc_micro
from poi_engine.fiscal.version import SOURCES, STAMP, unmodified
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.settings import read_merchant

FORMAT = 1
Progress = Callable[[int, int], None]
"""Called with the rows written and those in all."""
_NAMES = {JOURNAL: "receipts", CLOSINGS: "closings", EVENTS: "events", TRAINING: "training"}
_MORE = {CLOSINGS: ("key_id", "signature")}


class Span(Struct, frozen=True, kw_only=True):
    """A stretch of a chain: rows `first` to `last`, the hash before the first and that of the last, in hex."""

    chain: str
    station_id: str
    first: int
    last: int
    before: str
    hash: str


class File(Struct, frozen=True, kw_only=True):
    """A file of the archive."""

    name: str
    sha256: str
    rows: int


class Key(Struct, frozen=True, kw_only=True):
    """A public key, in hex."""

    key_id: str
    public_key: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What an archive holds."""

    merchant_id: str
    merchant: str
    currency: str
    year: str
    made_at: str
    fiscal: str
    sources: str
    unmodified: bool
    chains: tuple[Span, ...]
    keys: tuple[Key, ...]
    files: tuple[File, ...] = ()
    format: int = FORMAT


class Made(Struct, frozen=True, kw_only=True):
    """An archive that was written: its manifest and the SHA-256 of that, in hex."""

    manifest: Manifest
    sha256: str


def unwatched(_done: int, _of: int) -> None:
    """No progress shown."""


async def write_archive(
    sql: Sql, signer: Signer, merchant_id: str, year: str, digits: int, to: IO[bytes], at: int, progress: Progress
) -> Made:
    """Write the archive of a year such as `2026` to an open file. `digits` of the currency's minor unit.

    `Conflict` `nothing-to-archive` when no day of that year is closed.
    """
    manifest, days = await sql.read(lambda: _manifest(merchant_id, year, at))
    writer = _Writer(to, at)
    total = sum(span.last - span.first + 1 for span in manifest.chains)
    done = 0
    for chain, name in _NAMES.items():
        await asyncio.to_thread(writer.begin, f"{name}.jsonl")
        for span in (span for span in manifest.chains if span.chain == name):
            number = span.first
            while number <= span.last:
                rows = await sql.read(lambda: _rows(chain, merchant_id, span, number))  # noqa: B023
                await asyncio.to_thread(writer.rows, chain, rows)
                number, done = number + PAGE, done + len(rows)
                progress(done, total)
    text = await asyncio.to_thread(as_csv, _reports(days, manifest.currency), digits)
    return await asyncio.to_thread(writer.end, manifest, text, signer)


def _reports(days: Iterable[Closing], currency: str) -> list[DayReport]:
    by_day: dict[str, list[Closing]] = {}
    for one in days:
        by_day.setdefault(one.period, []).append(one)
    return [report_on(date.fromisoformat(day), currency, made) for day, made in sorted(by_day.items())]


class _Writer:
    """Writes the zip, file by file."""

    def __init__(self, to: IO[bytes], at: int) -> None:
        self._zip = zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self._date = datetime.fromtimestamp(at / 1_000_000, UTC).timetuple()[:6]
        self._files: list[File] = []
        self._open: IO[bytes] | None = None
        self._name, self._digest, self._rows = "", hashlib.sha256(), 0

    def begin(self, name: str) -> None:
        """A new file; the one before it ends."""
        self._finish()
        self._name, self._digest, self._rows = name, hashlib.sha256(), 0
        self._open = self._zip.open(self._info(name), "w", force_zip64=True)

    def rows(self, chain: Chain, rows: Iterable[Row]) -> None:
        """Rows of a chain, a line each."""
        lines = [_line(row, _MORE.get(chain, ())) for row in rows]
        self._rows += len(lines)
        self._write(b"".join(lines))

    def end(self, manifest: Manifest, totals: str, signer: Signer) -> Made:
        """The other files, the manifest and its signature."""
        script = files("poi_engine.fiscal").joinpath("verify_archive.py").read_bytes()
        for name, content in (
            ("totals.csv", totals.encode()),
            ("README.txt", README.encode()),
            ("verify_archive.py", script),
        ):
            self.begin(name)
            self._write(content)
        self._finish()
        own = signer.sign(b"")
        keys = {key.key_id: key for key in (*manifest.keys, Key(key_id=own.key_id, public_key=own.public_key.hex()))}
        whole = msgspec.structs.replace(manifest, files=tuple(self._files), keys=tuple(keys.values()))
        content = msgspec.json.format(msgspec.json.encode(whole), indent=1)
        signed = signer.sign(ARCHIVE + content)
        seal = {
            "key_id": signed.key_id,
            "public_key": signed.public_key.hex(),
            "signature": signed.signature.hex(),
        }
        self._zip.writestr(self._info("manifest.json"), content)
        self._zip.writestr(self._info("manifest.sig"), msgspec.json.encode(seal))
        self._zip.close()
        return Made(manifest=whole, sha256=hashlib.sha256(content).hexdigest())

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._date)
        info.compress_type = zipfile.ZIP_DEFLATED
        return info

    def _write(self, content: bytes) -> None:
        assert self._open is not None
        self._digest.update(content)
        self._open.write(content)

    def _finish(self) -> None:
        if self._open is not None:
            self._open.close()
            self._files.append(File(name=self._name, sha256=self._digest.hexdigest(), rows=self._rows))
            self._open = None


def _line(row: Row, more: Iterable[str]) -> bytes:
    values = {
        "station_id": row["station_id"],
        "number": row["number"],
        "format": row["format"],
        "previous": row["previous"].hex(),
        "hash": row["hash"].hex(),
        "document": row["document"].decode(),
    }
    for name in more:
        value = row[name]
        values[name] = value if isinstance(value, str) else value.hex()
    return msgspec.json.encode(values) + b"\n"


# --- jobs ----------------------------------------------------------------------------------------------------------


def _rows(chain: Chain, m: str, span: Span, number: int) -> Job[list[Row]]:
    names = ", ".join(("station_id", "number", "format", "previous", "hash", "document", *_MORE.get(chain, ())))
    return (
        yield Query(
            f"select {names} from {chain.rows} where merchant_id = ? and station_id = ? and number >= ?"
            f" and number <= ? order by number limit {PAGE}",
            (m, span.station_id, number, span.last),
        )
    )


def _manifest(m: str, year: str, at: int) -> Job[tuple[Manifest, list[Closing]]]:
    merchant = yield from read_merchant(m)
    rows = yield Query("select document, hash from closing where merchant_id = ? order by station_id, number", (m,))
    closings = [closing_of(bytes(row["document"])) for row in rows]
    days = [one for one in closings if one.kind == "day" and one.period.startswith(f"{year}-")]
    if not days:
        raise Conflict("nothing-to-archive", f"No day of {year} is closed yet.")
    spans: list[Span] = []
    for station_id in sorted({one.station_id for one in days}):
        spans += yield from _of_station(m, station_id, [one for one in closings if one.station_id == station_id], year)
    spans += yield from _whole(EVENTS, m)
    spans += yield from _whole(TRAINING, m)
    keys = yield from keys_of(m)
    manifest = Manifest(
        merchant_id=m,
        merchant=merchant.name,
        currency=merchant.currency,
        year=year,
        made_at=utc_micro(at),
        fiscal=STAMP,
        sources=SOURCES,
        unmodified=unmodified(),
        chains=tuple(span for span in spans if span.first <= span.last),
        keys=tuple(Key(key_id=key_id, public_key=public.hex()) for key_id, public, _ in keys),
    )
    return manifest, days


def _of_station(m: str, station_id: str, closings: list[Closing], year: str) -> Job[list[Span]]:
    """The year's receipts and closings: from where the year before ended to the last one that is the year's."""
    days = [one for one in closings if one.kind == "day"]
    before = [one for one in days if one.period < year]
    first = before[-1].last + 1 if before else 1
    last = max(one.last for one in days if one.period.startswith(f"{year}-"))
    earlier = [one for one in closings if one.period[:4] < year]
    of_year = [one for one in closings if one.period.startswith(year)]
    return [
        (yield from _span(JOURNAL, m, station_id, first, last)),
        (yield from _span(CLOSINGS, m, station_id, (earlier[-1].number if earlier else 0) + 1, of_year[-1].number)),
    ]


def _whole(chain: Chain, m: str) -> Job[list[Span]]:
    """Chains that are archived from their beginning: they are short, and each archive stands alone."""
    stations = yield Query(f"select station_id from {chain.head} where merchant_id = ? order by station_id", (m,))
    spans = []
    for row in stations:
        end = yield from anchor(chain, m, row["station_id"])
        spans.append((yield from _span(chain, m, row["station_id"], 1, end.number)))
    return spans


def _span(chain: Chain, m: str, station_id: str, first: int, last: int) -> Job[Span]:
    before, digest = (yield from _hash(chain, m, station_id, first - 1)), (yield from _hash(chain, m, station_id, last))
    return Span(chain=_NAMES[chain], station_id=station_id, first=first, last=last, before=before, hash=digest)


def _hash(chain: Chain, m: str, station_id: str, number: int) -> Job[str]:
    if number < 1:
        return origin(chain, m, station_id).hex()
    rows = yield Query(
        f"select hash from {chain.rows} where merchant_id = ? and station_id = ? and number = ?",
        (m, station_id, number),
    )
    return bytes(rows[0]["hash"]).hex()
