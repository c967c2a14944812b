"""`poi-server bank import`: on the storage when no server runs, through the server when one does."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from poi_server.cli import main
from tests.server.process import ServerProcess
from tests.server.test_cli_products import folder  # noqa: F401  (a data folder with a merchant)

CSV = (
    "credit_id,amount,currency,booked_on,reference\n"
    "bank-1,18.90,EUR,2026-11-22,RF18539007547034\n"
    "bank-2,5.00,EUR,2026-11-22,\n"
)


def booked(path: Path) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(path / "poi.db")) as books:
        return books.execute("select credit_id, amount, state from bank_credit order by credit_id").fetchall()


def test_the_same_file_again_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    (folder / "x.csv").write_text(CSV)
    words = ["bank", "import", str(folder / "x.csv"), "--data", str(folder)]
    assert main(words) == 0
    assert capsys.readouterr().out == "2 new credits, 0 known before: 0 paid something, 2 wait for you.\n"
    assert main(words) == 0
    assert capsys.readouterr().out == "0 new credits, 2 known before: 0 paid something, 0 wait for you.\n"
    assert booked(folder) == [("bank-1", 1890, "unmatched"), ("bank-2", 500, "unmatched")]
    with closing(sqlite3.connect(folder / "poi.db")) as books:
        told = books.execute("select who, subject_id from audit where act = 'bank-credit-told' order by 2").fetchall()
    assert told == [("owner:console", "bank-1"), ("owner:console", "bank-2")]


def test_a_bad_file_is_refused_in_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    (folder / "x.xml").write_text("<html/>")
    assert main(["bank", "import", str(folder / "x.xml"), "--data", str(folder)]) == 2
    assert capsys.readouterr().err == "poi-server: This is neither a camt.053 nor a camt.054 file.\n"


def test_a_running_server_does_the_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    served = ServerProcess(tmp_path / "data")
    try:
        (tmp_path / "x.csv").write_text(CSV)
        assert main(["bank", "import", str(tmp_path / "x.csv"), "--data", str(tmp_path / "data")]) == 0
        assert "2 new credits" in capsys.readouterr().out
    finally:
        served.stop(signal.SIGKILL)
    assert len(booked(tmp_path / "data")) == 2
