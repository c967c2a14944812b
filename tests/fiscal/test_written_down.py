"""What only those can show who wrote a key or a hash down elsewhere: books that were made anew, or cut short."""

import sqlite3

from poi_engine.fiscal import checks
from poi_engine.fiscal.chain import CLOSINGS, EVENTS, JOURNAL, TRAINING
from poi_engine.storage.sqlite import drive
from tests.fiscal.test_tampering import tables, whole

__all__ = ["tables", "whole"]


def test_a_station_that_was_taken_away_whole_is_missed_by_its_seal(tables: sqlite3.Connection) -> None:
    seal = tables.execute("select hash from closing where station_id = 'sta_2' order by number desc").fetchone()["hash"]
    key = tables.execute("select public_key from fiscal_key").fetchone()["public_key"]
    assert drive(checks.against([key], [seal]), tables) == []
    for chain in (JOURNAL, CLOSINGS, EVENTS, TRAINING):
        for table in (chain.rows, chain.head):
            tables.execute(f"delete from {table} where station_id = 'sta_2'")
    assert drive(checks.faults(), tables) == [], "the books alone do not show it"
    assert [one.rule for one in drive(checks.against([key], [seal]), tables)] == ["closing-seal"]


def test_a_key_in_the_place_of_the_published_one_is_told(tables: sqlite3.Connection) -> None:
    key_id = tables.execute("select key_id from fiscal_key").fetchone()["key_id"]
    found = drive(checks.against([b"k" * 32], []), tables)
    assert [(one.rule, one.subject) for one in found] == [("fiscal-key", key_id)]
