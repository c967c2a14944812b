"""The journal: a station's receipts in a gap-free, hash-chained sequence that is never edited.

Each row's hash is SHA-256 over the row before's hash (32 bytes), the row's number (8 bytes, big endian) and the
receipt's canonical bytes. Canonical bytes are UTF-8 JSON with every field present, the keys of every object sorted, no
white space and only integers, strings, nulls, lists and objects; they are stored as they were hashed, so that a later
version verifies them without encoding anything anew. The chain starts from `origin`. Receipts name customers by
pseudonym only. The rules are pure; `append` and `chain_of` are jobs.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from poi_engine.ports import Job, Query, Row

FORMAT = 1
"""Version of the receipt's fields and of the chain; every row carries its own."""

_PAGE = 500  # rows
_encoder = msgspec.json.Encoder(order="sorted")


class ReceiptLine(Struct, frozen=True, kw_only=True):
    """One article. `quantity` in thousandths of `unit`; amounts in minor units with VAT; `vat_rate` basis points."""

    line_id: str
    label: str
    quantity: int
    unit: str
    unit_price: int
    vat_rate: int
    amount: int
    saved: int
    total: int
    code: str = ""


class ReceiptDiscount(Struct, frozen=True, kw_only=True):
    """What one offer took off, minor units."""

    offer_id: str
    version: int
    label: str
    amount: int


class ReceiptVat(Struct, frozen=True, kw_only=True):
    """The part of the total at one rate: `net` + `vat` = `gross`, minor units; `rate` in basis points."""

    rate: int
    net: int
    vat: int
    gross: int


class ReceiptPayment(Struct, frozen=True, kw_only=True):
    """One means of payment and its amount in minor units (negative: paid back)."""

    means: str
    amount: int
    card_scheme: str | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """What a sale or a refund leaves behind. Amounts in minor units, negative on a refund.

    `at` is UTC as `2026-11-22T13:05:09Z`, `local_minute` the store's clock as `2026-11-22T14:05+01:00`. `customer_id`
    is a pseudonym. `number` is given by the journal. Points and value count what this receipt moved; `points_owed` and
    `value_owed` what the customer still owes after it.
    """

    kind: Literal["sale", "refund"]
    sale_id: str
    store_id: str
    station_id: str
    currency: str
    at: str
    local_minute: str
    lines: tuple[ReceiptLine, ...]
    vat: tuple[ReceiptVat, ...]
    payments: tuple[ReceiptPayment, ...]
    subtotal: int
    saved: int
    total: int
    discounts: tuple[ReceiptDiscount, ...] = ()
    format: int = FORMAT
    number: int = 0
    refund_of: str | None = None
    seller_id: str | None = None
    customer_id: str | None = None
    points_earned: int = 0
    points_spent: int = 0
    points_owed: int = 0
    value_given: int = 0
    value_owed: int = 0
    reason: str = ""


class Break(Struct, frozen=True, kw_only=True):
    """The first row of a chain that does not hold, and why: `gap`, `altered`, `unlinked`, `head` or `format`."""

    number: int
    why: Literal["gap", "altered", "unlinked", "head", "format"]


# --- rules ---------------------------------------------------------------------------------------------------------


def canonical(receipt: Receipt) -> bytes:
    """The bytes that the hash covers."""
    return _encoder.encode(receipt)


def receipt_of(document: bytes) -> Receipt:
    """A receipt from its canonical bytes."""
    return msgspec.json.decode(document, type=Receipt)


def origin(merchant_id: str, station_id: str) -> bytes:
    """The hash that stands before a station's first receipt, 32 bytes."""
    return hashlib.sha256(f"poi-server journal 1\n{merchant_id}\n{station_id}".encode()).digest()


def link(previous: bytes, number: int, document: bytes) -> bytes:
    """A row's hash, 32 bytes."""
    return hashlib.sha256(previous + number.to_bytes(8, "big") + document).digest()


class Walk:
    """Goes along a station's chain row by row, from its first receipt."""

    def __init__(self, merchant_id: str, station_id: str) -> None:
        self._origin = origin(merchant_id, station_id)
        self._number, self._previous = 0, self._origin

    def step(self, row: Row) -> Break | None:
        """Check the next row, by rising number."""
        self._number += 1
        if row["number"] != self._number:
            return Break(number=self._number, why="gap")
        if row["format"] != FORMAT:
            return Break(number=self._number, why="format")
        if bytes(row["previous"]) != self._previous:
            return Break(number=self._number, why="unlinked")
        self._previous = link(self._previous, self._number, bytes(row["document"]))
        return None if bytes(row["hash"]) == self._previous else Break(number=self._number, why="altered")

    def end(self, head: Row | None) -> Break | None:
        """Check that the head names the last row."""
        number, digest = (0, self._origin) if head is None else (head["number"], bytes(head["hash"]))
        if (number, digest) == (self._number, self._previous):
            return None
        return Break(number=max(number, self._number), why="head")


def check_chain(merchant_id: str, station_id: str, rows: Iterable[Row], head: Row | None) -> Break | None:
    """The first break of a station's whole chain, its rows by rising number, or None when it holds to its head."""
    walk = Walk(merchant_id, station_id)
    for row in rows:
        if broken := walk.step(row):
            return broken
    return walk.end(head)


# --- jobs ----------------------------------------------------------------------------------------------------------


def append(
    m: str, station_id: str, kind: Literal["sale", "refund"], sale_id: str, receipt: Receipt, *, at: int
) -> Job[int]:
    """Write the receipt as the station's next; returns its number. The head's row is locked. `at` in microseconds."""
    number, previous = yield from _next(m, station_id)
    document = canonical(replace(receipt, number=number))
    digest = link(previous, number, document)
    yield Query(
        "insert into journal (merchant_id, station_id, number, format, kind, sale_id, document, previous, hash,"
        " created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (m, station_id, number, FORMAT, kind, sale_id, document, previous, digest, at),
    )
    yield Query(
        "update journal_head set hash = ? where merchant_id = ? and station_id = ?",
        (digest, m, station_id),
    )
    return number


def chain_of(m: str, station_id: str) -> Job[Break | None]:
    """Check the station's stored chain, page by page."""
    walk, last = Walk(m, station_id), 0
    while True:
        rows = yield Query(
            "select number, format, document, previous, hash from journal"
            f" where merchant_id = ? and station_id = ? and number > ? order by number limit {_PAGE}",
            (m, station_id, last),
        )
        for row in rows:
            if broken := walk.step(row):
                return broken
        if len(rows) < _PAGE:
            break
        last = rows[-1]["number"]
    heads = yield Query(
        "select number, hash from journal_head where merchant_id = ? and station_id = ?", (m, station_id)
    )
    return walk.end(heads[0] if heads else None)


def _next(m: str, station_id: str) -> Job[tuple[int, bytes]]:
    """The next number and the hash before it, the head's row locked until the transaction ends."""
    advance = Query(
        "update journal_head set number = number + 1 where merchant_id = ? and station_id = ? returning number, hash",
        (m, station_id),
    )
    rows = yield advance
    if not rows:
        yield Query(
            "insert into journal_head (merchant_id, station_id, number, hash) values (?, ?, 0, ?)"
            " on conflict (merchant_id, station_id) do nothing",
            (m, station_id, origin(m, station_id)),
        )
        rows = yield advance
    return rows[0]["number"], bytes(rows[0]["hash"])
