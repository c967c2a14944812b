"""The process dies at a named step of the payment path: nothing is lost, nothing doubled, at any of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

POINTS = 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_death_at_every_named_step_loses_and_doubles_nothing(sqlite_template: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.engine.killed", str(sqlite_template), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    whole, *killed = [json.loads(line) for line in done.stdout.splitlines()]
    assert (whole["status"], whole["wrong"]) == (0, []), done.stderr[-2000:]
    assert len(killed) >= POINTS
    assert [result["step"] for result in killed if not result["killed"]] == []
    assert {result["step"]: result["wrong"] for result in killed if result["wrong"]} == {}
