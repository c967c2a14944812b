"""`poi-server demo` tells the whole story by itself, on a server of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import ROOT

pytestmark = [pytest.mark.valkey, pytest.mark.slow]

LAST = re.compile(
    r"paid sale=(?P<sale>sal_\w+) subtotal=(?P<subtotal>\d+) saved=(?P<saved>\d+) total=(?P<total>\d+) "
    r"points=(?P<points>\d+) offers=(?P<offers>[\w.:-]+(?:,[\w.:-]+)*)"
)


@pytest.mark.timeout(180)
def test_the_demo_pays_a_sale_and_says_so_in_its_last_line(tmp_path: Path) -> None:
    parts = (".", "engine", "nfc", "qr", "offers", "cext")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POI_")}
    environment["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in parts)
    done = subprocess.run(
        [sys.executable, "-m", "poi_server", "demo"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.strip().splitlines()
    paid = LAST.fullmatch(lines[-1])
    assert paid, lines[-1]
    assert int(paid["subtotal"]) - int(paid["saved"]) == int(paid["total"])
    assert int(paid["saved"]) > 0
    assert int(paid["points"]) > 0
    assert len(lines) > 10, "the story is told step by step"
