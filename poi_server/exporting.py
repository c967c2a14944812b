"""Tables of figures as files: CSV for spreadsheets, Parquet for data tools, written page by page in constant memory.

A text that a spreadsheet would take for a formula gets an apostrophe before it. Amounts are decimal numbers of the
currency's main unit in both; Parquet needs pyarrow, which only the `[parquet]` extra installs.
"""

import asyncio
import csv
import importlib
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

from poi_engine.clock import moment
from poi_engine.errors import RequestError
from poi_engine.insights.export import Column

Format = Literal["csv", "parquet"]
Style = Literal["plain", "french"]
"""`french`: semicolons and decimal commas, as spreadsheets there expect."""
MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIGITS = 20  # of a decimal amount
Rows = Sequence[Sequence[Any]]


def plain(text: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def decimal(amount: int, digits: int) -> Decimal:
    """Minor units as a number of the main unit."""
    return Decimal(amount).scaleb(-digits)


async def as_csv(
    columns: Sequence[Column], pages: AsyncIterator[Rows], digits: int, style: Style = "plain"
) -> AsyncIterator[bytes]:
    """UTF-8 with a mark that spreadsheets look for; the first piece is the head."""
    yield b"\xef\xbb\xbf" + _lines([[column.name for column in columns]], style)
    async for rows in pages:
        yield await asyncio.to_thread(_csv, columns, rows, digits, style)


def _csv(columns: Sequence[Column], rows: Rows, digits: int, style: Style) -> bytes:
    written = (
        [_csv_value(column, value, digits, style) for column, value in zip(columns, row, strict=True)] for row in rows
    )
    return _lines(written, style)


def _csv_value(column: Column, value: Any, digits: int, style: Style) -> Any:
    if value is None:
        return ""
    if column.kind == "text":
        return plain(str(value))
    if column.kind == "moment":
        return moment(value).isoformat()
    if column.kind == "count":
        return value
    number = f"{decimal(value, digits if column.kind == 'amount' else 3):f}"
    return number.replace(".", ",") if style == "french" else number


def _lines(rows: Iterable[Sequence[Any]], style: Style) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";" if style == "french" else ",").writerows(rows)
    return text.getvalue().encode()


def parquet_module() -> Any:
    """pyarrow; a clear refusal where it is not installed."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        message = (
            "This server writes no Parquet, for pyarrow is not installed (pip install 'poi-server[parquet]')."
            " Ask for format=csv."
        )
        raise RequestError("parquet-absent", message, path="$.format") from None


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


async def as_parquet(columns: Sequence[Column], pages: AsyncIterator[Rows], digits: int) -> AsyncIterator[bytes]:
    """A row group a page."""
    pa, pq = await asyncio.to_thread(parquet_module)
    schema = pa.schema([(column.name, _type(pa, column, digits)) for column in columns])
    sink = _Sink()
    writer = await asyncio.to_thread(pq.ParquetWriter, pa.PythonFile(sink, mode="w"), schema)
    async for rows in pages:
        await asyncio.to_thread(_write_group, pa, writer, schema, columns, rows, digits)
        yield sink.take()
    await asyncio.to_thread(writer.close)
    yield sink.take()


def _type(pa: Any, column: Column, digits: int) -> Any:
    kinds = {
        "text": pa.string(),
        "amount": pa.decimal128(_DIGITS, digits),
        "quantity": pa.decimal128(_DIGITS, 3),
        "moment": pa.timestamp("us", tz="UTC"),
    }
    return kinds.get(column.kind, pa.int64())


def _write_group(pa: Any, writer: Any, schema: Any, columns: Sequence[Column], rows: Rows, digits: int) -> None:
    arrays = [
        pa.array([_parquet_value(column, row[place], digits) for row in rows], schema.field(place).type)
        for place, column in enumerate(columns)
    ]
    writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _parquet_value(column: Column, value: Any, digits: int) -> Any:
    if value is None or column.kind not in ("amount", "quantity"):
        return value
    return decimal(value, digits if column.kind == "amount" else 3)
