"""The fiscal part knows what it is: a change to its sources is made on purpose, and shows."""

import subprocess
import sys
from pathlib import Path

import pytest

from poi_engine.errors import Conflict
from poi_engine.fiscal import version
from poi_engine.fiscal.published import PUBLISHED


def test_the_sources_are_those_that_were_published() -> None:
    renew = "the fiscal part's sources have changed: if on purpose, run python -m poi_engine.fiscal.version"
    assert PUBLISHED.get(version.VERSION) == version.SOURCES, renew
    assert version.unmodified()
    assert version.SOURCES in version.statement()


def test_any_change_of_any_source_changes_the_hash(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("A = 1\n")
    (tmp_path / "b.py").write_text("B = 1\n")
    seen = {version.hash_of_sources(tmp_path)}
    for name, content in (("a.py", "A = 2\n"), ("b.py", "B = 1"), ("c.py", ""), ("a.py", "A = 2\nB = 1\n")):
        (tmp_path / name).write_text(content)
        seen.add(version.hash_of_sources(tmp_path))
    assert len(seen) == 5
    (tmp_path / "published.py").write_text("PUBLISHED = {}")
    assert version.hash_of_sources(tmp_path) in seen


def test_line_ends_of_another_system_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"A = 1\n")
    first = version.hash_of_sources(tmp_path)
    (tmp_path / "a.py").write_bytes(b"A = 1\r\n")
    assert version.hash_of_sources(tmp_path) == first


def test_a_changed_part_makes_no_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "SOURCES", "0" * 64)
    with pytest.raises(Conflict, match="was changed") as refused:
        version.statement()
    assert refused.value.code == "fiscal-modified"


def test_one_command_writes_the_hash_anew(tmp_path: Path) -> None:
    file = tmp_path / "published.py"
    version.publish(file)
    check = (
        f"import runpy; assert runpy.run_path({str(file)!r})['PUBLISHED'][{version.VERSION!r}] == {version.SOURCES!r}"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    assert file.read_text("utf-8") == Path(version.__file__).with_name("published.py").read_text("utf-8")
