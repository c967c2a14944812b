"""Large books are verified by a process a core, and that finds what one process does."""

import random

import pytest

from poi_engine import verify as verification
from poi_engine.ids import Ids
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query
from poi_engine.storage import open_sql
from poi_engine.verify import CHECKS, verify, verify_at
from poi_engine.verify_cards import may_hold
from tests.storage.world import history, unprotected

CARD = "4111 1111 1111 1111"


def tampered() -> Job[None]:
    """Books in which a sale was altered, and a payment holds a card's number."""
    yield from history(Ids(lambda: 1_796_040_000.0))
    yield from unprotected("sale")
    yield Query("update sale set total = 800, saved = 200 where sale_id = 'sal_1'")
    yield Query("update payment set reason = ?", (f"card {CARD}",))


async def test_processes_find_what_one_process_finds(sql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = open_sql(sql_url)
    try:
        await sql.write(tampered)
        alone = await verify(sql)
    finally:
        await sql.close()
    monkeypatch.setattr(verification, "_MANY", 1)
    begun: list[tuple[str, int]] = []
    found = await verify_at(sql_url, progress=lambda name, number, _of: begun.append((name, number)))
    assert {finding.rule for finding in found} >= {"sale-ledger", "receipt", "card-number"}
    assert found == alone
    assert begun == [(check.name, number) for number, check in enumerate(CHECKS, 1)], "progress follows the checks"


def test_a_quick_look_finds_the_same_card_numbers_as_a_long_one() -> None:
    dice = random.Random(5)
    hits = 0
    for _ in range(3000):
        parts = [dice.choice(["", "a", "é", ".", " ", "-", "12", "2026-11-22 ", CARD, CARD[5:]]) for _ in range(6)]
        text = "".join(parts)
        assert may_hold(text.encode()) == (find_pan(text) is not None), text
        hits += may_hold(text.encode())
    assert 100 < hits < 2900
