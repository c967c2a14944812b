"""`python -m bench --quick`: every part runs against the servers as they are shipped, and prints its rows."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 180
PROMISED = ("tap to offers on the screen", "decisions a second", "a bare handler", "paid sales a second")

pytestmark = [pytest.mark.slow, pytest.mark.valkey]


async def test_the_quick_run_measures_every_part(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "--quick"),
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
    assert [what for what in PROMISED if what not in out.decode()] == []
