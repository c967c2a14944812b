"""`python -m bench.insights`: a small history is filled, asked every question while stations sell, and proves right."""

import asyncio
import json
from pathlib import Path

import pytest

from poi_engine.storage import open_sql
from poi_engine.verify import verify
from tests.bench.running import printed

pytestmark = [pytest.mark.slow, pytest.mark.valkey]


async def test_a_small_run_asks_every_question_and_leaves_right_figures(tmp_path: Path) -> None:
    folder, figures = tmp_path / "kept", tmp_path / "figures.json"
    small = ("--lines", "4000", "--questions", "1")
    out = await printed("bench.insights", *small, "--keep", str(folder), "--json", str(figures))
    assert "every question together" in out
    measured = json.loads(await asyncio.to_thread(figures.read_text))
    assert all("p95" in shown for what, shown in measured.items() if what.startswith("  figures"))
    sql = open_sql(f"sqlite:///{folder / 'poi.db'}")
    try:
        assert [one for one in await verify(sql) if one.rule.startswith("rollup-")] == []
    finally:
        await sql.close()
