"""`python -m bench.insights`: a small history is filled, asked every question while stations sell, and proves right."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from poi_engine.storage import open_sql
from poi_engine.verify import verify

ROOT = Path(__file__).parents[2]
SECONDS = 180

pytestmark = [pytest.mark.slow, pytest.mark.valkey]


async def test_a_small_run_asks_every_question_and_leaves_right_figures(tmp_path: Path) -> None:
    folder, figures = tmp_path / "kept", tmp_path / "figures.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.insights", "--lines", "4000", "--questions", "1"),
        *("--keep", str(folder), "--json", str(figures)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, problems = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, problems.decode()
    assert "every question together" in out.decode()
    measured = json.loads(await asyncio.to_thread(figures.read_text))
    assert all("p95" in shown for what, shown in measured.items() if what.startswith("  figures"))
    sql = open_sql(f"sqlite:///{folder / 'poi.db'}")
    try:
        assert [one for one in await verify(sql) if one.rule.startswith("rollup-")] == []
    finally:
        await sql.close()
