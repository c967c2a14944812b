"""Whatever somebody with the database's password changes in the books is found, at the first row that is wrong.

A few hundred random tamperings by default; POI_SOAK=1 makes ten thousand.
"""

import os
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_engine.fiscal import checks
from poi_engine.fiscal.chain import CHAINS, Chain, canonical, link
from poi_engine.fiscal.checks import Fault
from poi_engine.fiscal.model import closing_of
from poi_engine.storage import open_sql
from poi_engine.storage.sqlite import drive
from tests.fiscal.books import written
from tests.servers import apart

TIMES = 10_000 if os.environ.get("POI_SOAK") else 400
KEYS = ("merchant_id", "station_id", "number")


async def lay(url: str) -> None:
    """Whole books in an empty migrated database."""
    sql = open_sql(url)
    try:
        await written(sql)
    finally:
        await sql.close()


@pytest.fixture(scope="module")
def whole(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with whole books."""
    path = tmp_path_factory.mktemp("books") / "books.db"
    shutil.copy(sqlite_template, path)
    apart(lay(f"sqlite:///{path}"))
    return path


@pytest.fixture
def tables(whole: Path) -> Iterator[sqlite3.Connection]:
    """The books without triggers, keys and checks, as whoever has the database's password can have them."""
    bare = sqlite3.connect(":memory:", isolation_level=None)
    bare.row_factory = lambda cursor, row: dict(zip([c[0] for c in cursor.description], row, strict=True))
    bare.execute(f"attach '{whole}' as books")
    names = [name for chain in CHAINS for name in (chain.rows, chain.head)]
    for name in (*names, "fiscal_key"):
        bare.execute(f"create table main.{name} as select * from books.{name}")
    bare.execute("detach books")
    with closing(bare):
        yield bare


def found(tables: sqlite3.Connection) -> list[Fault]:
    return drive(checks.faults(), tables)


class Tampering:
    """One random change, and where the first wrong row is."""

    def __init__(self, tables: sqlite3.Connection, chance: random.Random) -> None:
        self.tables = tables
        self.chance = chance
        self.fell_on: set[int] = set()
        self.chain = chance.choice(CHAINS)
        self.kind = chance.choice((self.flip, self.flip, self.delete, self.reorder, self.truncate, self.flip_head))
        stations = tables.execute(f"select distinct station_id from {self.chain.rows}").fetchall()
        self.station = str(chance.choice(stations)["station_id"])
        where = f"from {self.chain.rows} where station_id = ? order by number"
        self.rows = tables.execute(f"select rowid, * {where}", (self.station,)).fetchall()

    def do(self) -> tuple[str, set[int]]:
        """Change something; the kind of it and the number of the first row that is wrong (empty: the head).

        A row that got a lower number stands where another one is: the walk stumbles there or at the next.
        """
        number = self.kind()
        return self.kind.__name__, {number, *self.fell_on} if number else set()

    def flip(self) -> int:
        """One bit of one column of one row."""
        row = self.chance.choice(self.rows)
        self._flip(self.chain.rows, row, [name for name in row if name != "rowid"])
        return int(row["number"])

    def flip_head(self) -> None:
        """One bit of a chain's head."""
        head = self.tables.execute(f"select rowid, * from {self.chain.head} where station_id = ?", (self.station,))
        row = head.fetchone()
        self._flip(self.chain.head, row, [name for name in row if name != "rowid"])

    def delete(self) -> int:
        """One row."""
        row = self.chance.choice(self.rows)
        self.tables.execute(f"delete from {self.chain.rows} where rowid = ?", (row["rowid"],))
        return int(row["number"])

    def reorder(self) -> int:
        """Two rows change places, with or without their numbers."""
        if len(self.rows) < 2:
            return self.delete()
        first, second = sorted(self.chance.sample(self.rows, 2), key=lambda row: int(row["number"]))
        columns = [name for name in first if name not in (*KEYS, "rowid")]
        sets = ", ".join(f"{name} = ?" for name in columns)
        for to, source in ((first, second), (second, first)):
            values = [source[name] for name in columns]
            self.tables.execute(f"update {self.chain.rows} set {sets} where rowid = ?", (*values, to["rowid"]))
        return int(first["number"])

    def truncate(self) -> int:
        """Everything from a row on."""
        row = self.chance.choice(self.rows)
        number = int(row["number"])
        self.tables.execute(
            f"delete from {self.chain.rows} where station_id = ? and number >= ?", (self.station, number)
        )
        return number

    def _flip(self, table: str, row: dict[str, Any], columns: list[str]) -> None:
        name = self.chance.choice(columns)
        value = self._flipped(row[name])
        self.tables.execute(f"update {table} set {name} = ? where rowid = ?", (value, row["rowid"]))
        if name == "number" and 0 < value < row["number"]:
            self.fell_on = {value, value + 1}

    def _flipped(self, value: Any) -> Any:
        if isinstance(value, int):
            return value ^ 1 << self.chance.randrange(40)
        content = bytearray(value.encode() if isinstance(value, str) else value)
        if not content:
            return "x"
        bits = 6 if isinstance(value, str) else 8  # a text stays one
        content[self.chance.randrange(len(content))] ^= 1 << self.chance.randrange(bits)
        return content.decode() if isinstance(value, str) else bytes(content)


def names_a_row(faults: list[Fault], chain: Chain, numbers: set[int]) -> bool:
    """Whether a fault of the chain names one of the rows; of a head, any fault will do."""
    named = {f"{checks.WORDS[chain.name]} {number} " for number in numbers}
    messages = [f"{fault.message} ".replace(":", " ") for fault in faults]
    return not named or any(name in message for name in named for message in messages)


def test_books_that_nobody_touched_hold(tables: sqlite3.Connection) -> None:
    assert found(tables) == []


@pytest.mark.timeout(3600)
def test_every_random_tampering_is_found_at_its_first_row(tables: sqlite3.Connection) -> None:
    done: Counter[tuple[str, str]] = Counter()
    for seed in range(TIMES):
        tables.execute("begin")
        tampering = Tampering(tables, random.Random(seed))
        kind, numbers = tampering.do()
        faults = found(tables)
        tables.execute("rollback")
        assert faults, (seed, kind, tampering.chain.name, numbers)
        assert names_a_row(faults, tampering.chain, numbers), (seed, kind, numbers, faults)
        done[tampering.chain.name, kind] += 1
    assert len(done) == len(CHAINS) * 5, "each kind of tampering came to each chain"


def test_a_chain_cut_short_with_its_head_made_to_fit_is_missed_by_the_others(tables: sqlite3.Connection) -> None:
    """Nobody can rewrite one chain alone: each closing says where the others stood, and an event tells of it."""
    for chain in CHAINS:
        tables.execute("begin")
        station = str(tables.execute("select station_id from closing").fetchone()["station_id"])
        keep = tables.execute(f"select number, hash from {chain.rows} where station_id = ? and number = 1", (station,))
        row = keep.fetchone()
        tables.execute(f"delete from {chain.rows} where station_id = ? and number > 1", (station,))
        tables.execute(f"update {chain.head} set number = 1, hash = ? where station_id = ?", (row["hash"], station))
        if chain.name == "closings":
            tables.execute("update closing_head set receipt = 3, closed_until = 0 where station_id = ?", (station,))
        faults = found(tables)
        tables.execute("rollback")
        assert faults, chain.name


def test_a_closing_rewritten_with_all_that_follows_is_not_signed(tables: sqlite3.Connection) -> None:
    row = tables.execute("select rowid, * from closing order by station_id, number desc").fetchone()
    document = closing_of(row["document"])
    content = canonical(msgspec.structs.replace(document, by="nobody"))
    digest = link(row["previous"], row["number"], content)
    tables.execute("update closing set document = ?, hash = ? where rowid = ?", (content, digest, row["rowid"]))
    tables.execute("update closing_head set hash = ? where station_id = ?", (digest, row["station_id"]))
    assert "closing-signature" in {fault.rule for fault in found(tables)}
