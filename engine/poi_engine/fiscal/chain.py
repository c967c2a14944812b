"""Hash chains: rows in a gap-free sequence of their own for each station, each holding on to the one before it.

A row's hash is SHA-256 over the row before's hash (32 bytes), the row's number (8 bytes, big endian) and the row's
canonical bytes: UTF-8 JSON with every field present, the keys of every object sorted, no white space and only integers,
strings, booleans, nulls, lists and objects. They are stored as they were hashed, so that a later version verifies them
without encoding anything anew. A chain starts from its `origin`, and its head names its last row.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct

from poi_engine.ports import Job, Query, Row

PAGE = 2000  # rows
_sha256 = hashlib.sha256
_encoder = msgspec.json.Encoder(order="sorted")


class Chain(Struct, frozen=True, kw_only=True):
    """A kind of chain: its tables, and the formats of rows that this version verifies."""

    name: str
    rows: str
    head: str
    formats: tuple[int, ...]


JOURNAL = Chain(name="journal", rows="journal", head="journal_head", formats=(1, 2))
CLOSINGS = Chain(name="closings", rows="closing", head="closing_head", formats=(1,))
EVENTS = Chain(name="events", rows="fiscal_event", head="fiscal_event_head", formats=(1,))
TRAINING = Chain(name="training", rows="training", head="training_head", formats=(2,))
CHAINS = (JOURNAL, CLOSINGS, EVENTS, TRAINING)


class Link(Struct, frozen=True, kw_only=True):
    """A row that was added."""

    number: int
    previous: bytes
    document: bytes
    hash: bytes


class Anchor(Struct, frozen=True, kw_only=True):
    """Where another chain stood: its last row's number and hash (hex)."""

    number: int
    hash: str


class Break(Struct, frozen=True, kw_only=True):
    """The first row of a chain that does not hold, and why: `gap`, `altered`, `unlinked`, `head` or `format`."""

    number: int
    why: Literal["gap", "altered", "unlinked", "head", "format"]


# --- rules ---------------------------------------------------------------------------------------------------------


def canonical(document: Struct) -> bytes:
    """The bytes that the hash covers."""
    return _encoder.encode(document)


def origin(chain: Chain, merchant_id: str, station_id: str) -> bytes:
    """The hash that stands before a chain's first row, 32 bytes."""
    return _sha256(f"poi-server {chain.name} 1\n{merchant_id}\n{station_id}".encode()).digest()


def link(previous: bytes, number: int, document: bytes) -> bytes:
    """A row's hash, 32 bytes."""
    return _sha256(previous + number.to_bytes(8, "big") + document).digest()


class Walk:
    """Goes along a chain from its first row; `number` and `hash` are those of the last row that held."""

    def __init__(self, chain: Chain, merchant_id: str, station_id: str) -> None:
        self.number, self.hash = 0, origin(chain, merchant_id, station_id)
        self._formats = frozenset(chain.formats)

    def steps(self, rows: Iterable[Row]) -> Break | None:
        """Check the next rows, by rising number."""
        number, previous, formats = self.number, self.hash, self._formats
        for row in rows:
            number += 1
            if row["number"] != number:
                return Break(number=number, why="gap")
            if row["format"] not in formats:
                return Break(number=number, why="format")
            if row["previous"] != previous:
                return Break(number=number, why="unlinked")
            previous = _sha256(previous + number.to_bytes(8, "big") + row["document"]).digest()
            if row["hash"] != previous:
                return Break(number=number, why="altered")
            self.number, self.hash = number, previous
        return None

    def end(self, head: Row | None) -> Break | None:
        """Check that the head names the last row; where they differ in number, the first row too few or too many."""
        if head is None and not self.number:
            return None
        number, digest = (0, b"") if head is None else (head["number"], head["hash"])
        if (number, digest) == (self.number, self.hash):
            return None
        return Break(number=self.number if number == self.number else min(number, self.number) + 1, why="head")


def check_chain(chain: Chain, merchant_id: str, station_id: str, rows: Iterable[Row], head: Row | None) -> Break | None:
    """The first break of a whole chain, its rows by rising number, or None when it holds to its head."""
    walk = Walk(chain, merchant_id, station_id)
    return walk.steps(rows) or walk.end(head)


# --- jobs ----------------------------------------------------------------------------------------------------------


def advance(chain: Chain, m: str, station_id: str) -> Job[Row]:
    """Lock the head until the transaction ends: its row, the number already the next one, the hash the last one."""
    step = Query(
        f"update {chain.head} set number = number + 1 where merchant_id = ? and station_id = ? returning *",
        (m, station_id),
    )
    rows = yield step
    if not rows:
        yield first_head(chain, m, station_id)
        rows = yield step
    return rows[0]


def lock(chain: Chain, m: str, station_id: str) -> Job[Row]:
    """Lock the head and leave it where it stands."""
    still = Query(
        f"update {chain.head} set number = number where merchant_id = ? and station_id = ? returning *",
        (m, station_id),
    )
    rows = yield still
    if not rows:
        yield first_head(chain, m, station_id)
        rows = yield still
    return rows[0]


def append(chain: Chain, m: str, station_id: str, document: Struct, format: int, **columns: Any) -> Job[Link]:
    """Write the next row; the document gets its `number`. `columns`: what the table has besides."""
    head = yield from advance(chain, m, station_id)
    made = link_of(head, document)
    values = {"format": format, "document": made.document, "previous": made.previous, "hash": made.hash, **columns}
    names = ("merchant_id", "station_id", "number", *values)
    yield Query(
        f"insert into {chain.rows} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
        (m, station_id, made.number, *values.values()),
    )
    yield Query(
        f"update {chain.head} set hash = ? where merchant_id = ? and station_id = ?", (made.hash, m, station_id)
    )
    return made


def link_of(head: Row, document: Struct) -> Link:
    """The row after a head that has advanced."""
    number, previous = int(head["number"]), bytes(head["hash"])
    content = canonical(msgspec.structs.replace(document, number=number))
    return Link(number=number, previous=previous, document=content, hash=link(previous, number, content))


def anchor(chain: Chain, m: str, station_id: str) -> Job[Anchor]:
    """Where a chain stands now."""
    rows = yield Query(
        f"select number, hash from {chain.head} where merchant_id = ? and station_id = ?", (m, station_id)
    )
    if not rows:
        return Anchor(number=0, hash=origin(chain, m, station_id).hex())
    return Anchor(number=rows[0]["number"], hash=bytes(rows[0]["hash"]).hex())


def first_head(chain: Chain, m: str, station_id: str) -> Query:
    """The head of a chain that has no row yet, if it is not there."""
    return Query(
        f"insert into {chain.head} (merchant_id, station_id, number, hash) values (?, ?, 0, ?)"
        " on conflict (merchant_id, station_id) do nothing",
        (m, station_id, origin(chain, m, station_id)),
    )
