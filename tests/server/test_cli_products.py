"""`poi-server products`: mistakes, import, a kill and going on, through a running server, export."""

import io
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from poi_engine.goods.file_reader import encoding_of, form_of
from poi_server.cli import main, products
from poi_server.cli.products import _pieces
from tests.server.process import ServerProcess
from tests.server.test_cli import command, environment

COLUMNS = "merchant_id, name, currency, language, settings, created_at"


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path) -> Path:
    """A data folder with a merchant, and no server."""
    (tmp_path / "poi.db").write_bytes(sqlite_template.read_bytes())
    with closing(sqlite3.connect(tmp_path / "poi.db")) as books:
        books.execute(f"insert into merchant ({COLUMNS}) values ('mer_1', 'Shop', 'EUR', 'fr', '{{}}', 0)")
        books.commit()
    return tmp_path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on an empty data folder."""
    running = ServerProcess(tmp_path / "data")
    yield running
    running.stop(signal.SIGKILL)


def counted(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "poi.db")) as books:
        return int(books.execute("select count(*) from product").fetchone()[0])


def written(path: Path, count: int) -> str:
    rows = "".join(f"P{number:06d};Produit {number};{number % 90},5\n" for number in range(count))
    path.write_text("code;libellé;prix\n" + rows, "cp1252")
    return str(path)


def test_mistakes_are_printed_and_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.csv").write_text("code;libellé;prix\nA;Chemise;12,5\nB;;free\n", "utf-8-sig")
    assert main(["products", "import", str(folder / "x.csv"), "--data", str(folder)]) == 1
    said = capsys.readouterr().out
    assert "line 3, prix: 'free': This is no number." in said
    assert "Nothing was written." in said
    assert counted(folder) == 0


def test_a_dry_run_then_the_import_then_the_export(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder / "x.csv", 900)
    assert main(["products", "import", file, "--dry-run", "--data", str(folder)]) == 0
    assert (capsys.readouterr().out, counted(folder)) == (
        "900 lines read, 0 mistakes. Nothing was written: a dry run.\n",
        0,
    )
    assert main(["products", "import", file, "--data", str(folder)]) == 0
    assert (capsys.readouterr().out, counted(folder)) == ("900 created, 0 changed, 0 as they were.\n", 900)
    assert main(["products", "export", str(folder / "y.csv"), "--french", "--data", str(folder)]) == 0
    assert (folder / "y.csv").read_text("utf-8-sig").splitlines()[1].startswith("P000000;Produit 0;0,50;")
    assert main(["products", "import", str(folder / "y.csv"), "--data", str(folder)]) == 0
    assert "0 created, 0 changed, 900 as they were." in capsys.readouterr().out


def test_a_killed_import_goes_on_where_it_stopped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(folder / "x.csv", 20_000)
    importing = subprocess.Popen(
        command("products", "import", file, "--data", str(folder)), env=environment(), stderr=subprocess.DEVNULL
    )
    try:
        while counted(folder) < 800:
            time.sleep(0.01)
            assert importing.poll() is None, "it ended before it could be killed"
    finally:
        importing.kill()
        importing.wait()
    before = counted(folder)
    assert 0 < before < 20_000
    assert main(["products", "import", file, "--data", str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"20000 created, 0 changed, 0 as they were (gone on from line {before + 2})." in said
    assert counted(folder) == 20_000


def test_a_running_server_does_the_import(
    served: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_PIECE", 20_000)
    file = written(tmp_path / "x.csv", 3000)
    assert main(["products", "import", file, "--data", str(served.folder)]) == 0
    assert "3000 created, 0 changed, 0 as they were." in capsys.readouterr().out
    assert counted(served.folder) == 3000
    with (tmp_path / "x.csv").open("a", encoding="cp1252") as out:
        out.write("P9;é;x\n")
    assert main(["products", "import", file, "--data", str(served.folder)]) == 1
    assert "line 3002, prix: 'x': This is no number." in capsys.readouterr().out


def test_a_long_file_goes_to_the_server_in_pieces_of_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_PIECE", 40)
    text = 'code;label\r\nA;"one\ntwo"\r\nB;' + "b" * 50 + "\r\n\r\nC;é\r\nD;d"
    for encoding in ("utf-8", "cp1252"):
        file = io.BytesIO(text.encode(encoding))
        pieces = list(_pieces(file, form_of(file, encoding_of(b"code", encoding == "utf-8"))))
        assert all(content.startswith(b"code;label\r\n") for content, _, _ in pieces)
        whole = "".join(content.decode().removeprefix("code;label\r\n") for content, _, _ in pieces)
        assert whole == text.split("\r\n", 1)[1]
        assert [line for _, line, _ in pieces] == [2, 5]


def test_what_cannot_be_imported_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["products", "import", str(tmp_path / "none.csv"), "--data", str(tmp_path)]) == 2
    assert main(["products", "import", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "none.csv cannot be read" in said
    assert "name the file" in said
