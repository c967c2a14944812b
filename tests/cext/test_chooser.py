"""Which matcher serves, and that the compiled one stays what it says: numbers in, numbers out."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import poi_cext
from poi_cext import match

SOURCES = Path(poi_cext.__file__).parent


def chosen(**environment: str) -> str:
    paths = os.pathsep.join(sys.path)
    code = "from poi_cext import match; print(match.Matcher.__module__, match.COMPILED)"
    run = [sys.executable, "-c", code]
    environ = {**os.environ, "PYTHONPATH": paths, **environment}
    return subprocess.run(run, env=environ, capture_output=True, text=True, check=True).stdout.strip()


def test_the_compiled_matcher_serves_where_it_was_built() -> None:
    built = importlib.util.find_spec("poi_cext._match") is not None
    assert chosen(POI_PURE="") == ("poi_cext._match True" if built else "poi_cext._match_py False")


def test_the_twin_serves_when_asked_for() -> None:
    assert chosen(POI_PURE="1") == "poi_cext._match_py False"


@pytest.mark.parametrize(
    "source",
    [p for p in SOURCES.iterdir() if p.suffix in (".py", ".pyx", ".pxd", ".pxi", ".h")],
    ids=lambda source: source.name,
)
def test_it_opens_nothing_and_prints_nothing(source: Path) -> None:
    words = r"(?<!def )(?<![.`])\b(open\(|print\(|socket|asyncio|stdio|fopen|printf|pathlib\b|subprocess\b)"
    assert re.findall(words, source.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source", [p for p in SOURCES.iterdir() if p.suffix in (".py", ".pyx", ".pxd", ".pxi", ".h")], ids=lambda p: p.name
)
def test_it_knows_nothing_of_customers(source: Path) -> None:
    words = r"(?i)\b(customer|store_id|tier)s?\b"
    assert re.findall(words, source.read_text(encoding="utf-8")) == []


def test_the_public_names() -> None:
    assert match.__all__ == ["COMPILED", "Event", "Index", "Matcher"]
