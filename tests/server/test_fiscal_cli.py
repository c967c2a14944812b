"""`poi-server fiscal`: closing and archiving through the running server, and on the storage when none runs."""

import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poi_engine.fiscal.version import SOURCES
from tests.server.process import ServerProcess
from tests.server.test_cli import run

YEAR = str(datetime.now(UTC).year)


def told(*words: str, folder: Path, code: int = 0) -> str:
    """What it prints."""
    done = run("fiscal", *words, folder=folder)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_day_is_closed_archived_and_exported(tmp_path: Path) -> None:
    folder, first, second = tmp_path / "data", tmp_path / "first.zip", tmp_path / "second.zip"
    server = ServerProcess(folder)
    try:
        assert "closing 1\n" in told("close", folder=folder)
        assert f"{first}: " in told("archive", "--year", YEAR, "--to", str(first), folder=folder)
    finally:
        server.stop()
    assert (folder / "fiscal.key").stat().st_mode & 0o777 == 0o600
    told("archive", "--year", YEAR, "--to", str(second), folder=folder)
    for path in (first, second):
        with zipfile.ZipFile(path) as archive:
            script = archive.extract("verify_archive.py", tmp_path)
        done = subprocess.run(
            [sys.executable, "-I", script, str(path)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout.startswith("Everything holds: 1 in closings.jsonl"), done.stdout
    day = datetime.now(UTC).date().isoformat()
    assert told("export", "--first", day, folder=folder).startswith("day,currency,kind,key")
    assert '"open_stations": []' in told("export", "--first", day, "--format", "json", folder=folder)
    assert run("verify", folder=folder).stdout == "All books are in order.\n"


def test_the_statement_names_the_hash_and_mistakes_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert SOURCES in told("statement", folder=folder)
    assert "give --to" in told("archive", "--year", "2026", folder=folder, code=2)
    assert "There are no books" in told("export", "--first", "2026-11-22", folder=folder, code=2)
