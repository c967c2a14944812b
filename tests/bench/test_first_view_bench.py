"""`python -m bench.first_view`: pages of the demo shop open on a slowed processor and say when they were there."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.bench.running import printed

pytestmark = [pytest.mark.slow, pytest.mark.valkey, pytest.mark.chromium]


async def test_a_small_run_tells_of_each_page(tmp_path: Path) -> None:
    figures, table = tmp_path / "figures.json", tmp_path / "table.md"
    small = ("--runs", "1", "--pages", "home,me")
    out = await printed("bench.first_view", *small, "--json", str(figures), "--markdown", str(table))
    assert "processor slowed 4 times" in out
    measured = json.loads(await asyncio.to_thread(figures.read_text))
    assert [one["page"] for one in measured] == ["home", "me"]
    for one in measured:
        assert 0 < one["first"]["paint"] <= one["first"]["content"]
        assert one["again"]["bytes"] < one["first"]["bytes"]
    assert (await asyncio.to_thread(table.read_text)).count("\n") == 4
