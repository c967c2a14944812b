"""A second process that maps the catalogue's file takes hardly any memory of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from poi_cext import match
from poi_engine.catalogue.snapshot import SnapshotFolder, State
from poi_offers.shelf import DOCUMENTS, LAYOUT, shelf_of
from tests.offers.catalogues import offer
from tests.offers.generate import Generator

OFFERS = 20_000
TEXT = "as long as the names and conditions of real offers " * 4
SHARE = 0.05

SECOND = """
import re, sys
from pathlib import Path
from poi_engine.catalogue.snapshot import SnapshotFolder
from poi_offers.catalogue import Catalogue
from poi_offers.shelf import LAYOUT

def own():
    text = Path("/proc/self/smaps").read_text()
    areas = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE)
    areas = [area for area in areas if ".catalogue" not in area.partition("\\n")[0]]
    return sum(int(size) for area in areas for size in re.findall(r"^Private_\\w+: +(\\d+) kB", area, re.MULTILINE))

own()
before = own()
snapshot = SnapshotFolder(Path(sys.argv[1])).open("mer_1", LAYOUT)
catalogue = Catalogue.open(snapshot.sections, snapshot.state.version)
print(len(catalogue), own() - before)
"""


@pytest.mark.skipif(not match.COMPILED, reason="the plain twin reads its index into memory")
def test_the_second_process_takes_less_than_five_percent_more(tmp_path: Path) -> None:
    generator = Generator(5)
    leaves = (offer(f"off_{n:06}", generator.leaf(), n % 5) for n in range(OFFERS))
    shelf = shelf_of(replace(one, name={"en": f"{one.offer_id} {TEXT}", "fr": TEXT}) for one in leaves)
    files = SnapshotFolder(tmp_path)
    with files.alone("mer_1"):
        files.write(State(merchant_id="mer_1", layout=LAYOUT, version=1), shelf.sections(), unchecked=(DOCUMENTS,))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", SECOND, str(tmp_path)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=True)
    count, kilobytes = map(int, done.stdout.split())
    assert count == OFFERS
    assert kilobytes * 1024 < SHARE * files.path("mer_1").stat().st_size, done.stdout
