"""`python -m bench.sales --quick`: every server sells a little, and each sale that was counted is in its store."""

import asyncio
import json
from pathlib import Path

import pytest

from bench.sales.postgres import programs
from tests.bench.running import printed

pytestmark = [pytest.mark.slow, pytest.mark.valkey, pytest.mark.postgresql]

PROMISED = {
    "stack": str,
    "store": str,
    "fsync_delay_ms": int,
    "workers": int,
    "concurrency": int,
    "sales_per_s": float,
    "p50_ms": float,
    "p99_ms": float,
    "cpu_us_per_sale": int,
}


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed")
async def test_a_quick_run_sells_on_every_server_and_keeps_every_sale(tmp_path: Path) -> None:
    """The run itself ends with an error when a store holds another number of sales than were answered."""
    figures = tmp_path / "sales.json"
    out = await printed("bench.sales", "--quick", "--json", str(figures))
    measured = json.loads(await asyncio.to_thread(figures.read_text))
    rows = measured["rows"]
    assert {(row["stack"], row["store"], row["requests"]) for row in rows} == {
        (stack, store, requests)
        for stack, store in (("poi-server", "sqlite"), ("poi-server", "postgresql"), ("fastapi", "postgresql"))
        for requests in (4, 1)
    }
    for row in rows:
        assert {name: type(row[name]) for name in PROMISED} == PROMISED
        assert 0 <= row["p50_ms"] <= row["p99_ms"]
    # a round of a quick run may end before its first sale does, or before the kernel's clock ticks
    for server in {(row["stack"], row["store"]) for row in rows}:
        for name in ("sales_per_s", "p50_ms"):
            assert sum(row[name] for row in rows if (row["stack"], row["store"]) == server) > 0, server
    assert sum(row["cpu_us_per_sale"] for row in rows) > 0
    assert [one["store"] for one in measured["recovery"]] == ["sqlite", "postgresql"]
    assert "ready after" in out
