"""The command line: a real `serve` process, and the commands that talk to it."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from poi_engine.storage.folder import lock_folder
from poi_server.cli import COMMANDS, main
from poi_server.running import Running, read_note, write_note
from tests.server.process import ServerProcess

ROOT = Path(__file__).parents[2]
PARTS = (".", "engine", "nfc", "qr", "offers", "cext")
SECONDS = 60
CUT = '{"type": "amount_off", "amount": 100}'
PAST = (
    '{"at": "2026-11-22T11:00:00Z", "place": {"zone": "UTC", "lat": 48.8, "lon": 2.3}, "currency": "EUR",'
    ' "items": [{"line_id": "1", "label": "Cake", "unit_price": 1000}]}'
)


def environment(**more: str) -> dict[str, str]:
    """Ours, with the tree on the path and nothing configured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POI_")}
    return kept | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in PARTS)} | more


def command(*words: str) -> list[str]:
    """The command line of a subcommand."""
    return [sys.executable, "-m", "poi_server", *words]


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end in an empty folder."""
    return subprocess.run(
        command(*words, "--data", str(folder)),
        capture_output=True,
        text=True,
        env=environment(),
        cwd=folder.parent,
        timeout=SECONDS,
        check=False,
    )


def said(server: ServerProcess, before: str = "") -> str:
    """What it printed until it was ready, after what it had printed `before`."""
    for _ in range(SECONDS * 50):
        if "Ctrl-C stops it." in server.log()[len(before) :]:
            break
        time.sleep(0.02)
    return server.log()[len(before) :]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server on an empty data folder with the embedded storage."""
    running = ServerProcess(tmp_path / "data")
    yield running
    running.stop(signal.SIGKILL)


def test_the_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert "examples:" in text
        assert f"poi-server {name}" in text.partition("examples:")[2]


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "first steps:" in capsys.readouterr().out


def test_a_shop_is_served_stopped_and_found_again(served: ServerProcess) -> None:
    first = said(served)
    assert f"open at {served.base_url}" in first
    assert "/station/sta_" in first, "a first counter was set up"
    assert "poi-server tap --card" in first
    assert re.search(r"shown this once: +\w{32}\n", first)
    assert (served.folder / "run.json").stat().st_mode & 0o777 == 0o600

    second = run("serve", folder=served.folder)
    assert (second.returncode, second.stdout.strip()) == (0, f"poi-server runs here already: {served.base_url}")

    assert served.stop() == 0
    assert "finishing what is under way" in served.log()
    assert "Traceback" not in served.log()
    assert not (served.folder / "run.json").exists()
    verified = run("verify", folder=served.folder)
    assert (verified.returncode, verified.stdout.strip()) == (0, "All books are in order.")

    before = served.log()
    served.start()
    again = said(served, before)
    assert "shown this once" not in again
    assert re.findall(r"sta_\w+", again)[0] in first, "yesterday's counter is still there"
    assert served.stop(signal.SIGINT) == 0


def test_commands_talk_to_the_running_server(served: ServerProcess) -> None:
    tapped = run("tap", "--card", "LOY-CAMILLE", folder=served.folder)
    assert tapped.returncode == 0, tapped.stderr
    assert "(identify by ndef)" in tapped.stdout
    scanned = run("scan", "--text", "LOY-CAMILLE", folder=served.folder)
    assert scanned.returncode == 0, scanned.stderr
    assert scanned.stdout.startswith("read ")
    listed = run("offers", "list", folder=served.folder)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "")
    paired = run("pair", "--role", "owner", folder=served.folder)
    assert f"{served.base_url}/pair#" in paired.stdout
    question = served.folder.parent / "question.json"
    question.write_text('{"colour": 1}')
    refused = run("decide", str(question), folder=served.folder)
    assert refused.returncode == 2
    assert "$.colour" in refused.stderr


def test_exported_offers_are_the_draft_of_a_replay(served: ServerProcess) -> None:
    folder = served.folder.parent
    for number in (1, 2):
        offer = f'{{"offer_id": "off_{number}", "name": {{"en": "Cut"}}, "currency": "EUR", "effects": [{CUT}]}}'
        (folder / "offer.json").write_text(offer)
        added = run("offers", "add", str(folder / "offer.json"), folder=served.folder)
        assert added.stdout == f"added off_{number}\n", added.stderr
    run("offers", "pause", "off_2", folder=served.folder)
    exported = run("offers", "export", folder=served.folder)
    assert [msgspec.json.decode(line)["state"] for line in exported.stdout.splitlines()] == ["live", "paused"]
    (folder / "draft").write_text(exported.stdout)
    (folder / "past").write_text(PAST)
    words = ("--offers", str(folder / "draft"), "--requests", str(folder / "past"))
    replayed = run("decide", *words, folder=folder / "elsewhere")
    assert msgspec.json.decode(replayed.stdout)["saved"] == 100, replayed.stderr
    assert "left out, not live (1): off_2" in replayed.stderr
    asked = run("decide", str(folder / "past"), "--explain", folder=served.folder)
    assert msgspec.json.decode(asked.stdout)["saved"] == 100, "the server says the same"


def test_after_a_kill_the_note_counts_no_more_and_serving_goes_on(served: ServerProcess) -> None:
    served.kill()
    assert (served.folder / "run.json").exists()
    assert read_note(served.folder) is None
    asked = run("tap", "--card", "1", folder=served.folder)
    assert asked.returncode == 2
    assert "No server runs" in asked.stderr
    served.start()
    assert served.stop() == 0


def test_a_busy_port_is_a_clear_word(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("serve", "--port", port, folder=tmp_path / "data")
    assert ended.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_something_else_holds_is_a_clear_word(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "data"):
        ended = run("serve", "--port", "0", folder=tmp_path / "data")
    assert ended.returncode == 2
    assert f"process {os.getpid()}" in ended.stderr


def test_a_wrong_configuration_is_a_clear_word(tmp_path: Path) -> None:
    (tmp_path / "poi-server.toml").write_text("[http]\nprot = 1\n")
    ended = run("serve", folder=tmp_path / "data")
    assert ended.returncode == 2
    assert "configuration, $.http" in ended.stderr
    assert "prot" in ended.stderr


def test_beyond_loopback_there_is_tls_only(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", POI_HTTP_HOST="0.0.0.0")
    try:
        assert server.base_url.startswith("https://")
        assert "SHA-256 fingerprint" in said(server)
        assert run("offers", "list", folder=server.folder).returncode == 0, "the command line trusts the authority"
    finally:
        assert server.stop() == 0


def test_doctor_names_what_it_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data", str(tmp_path)]) in (0, 1)
    text = capsys.readouterr().out
    for what in ("Python", "matcher", "libzbar", "libusb", "sessions", "books", "data folder", "port", "time zones"):
        assert what in text


def test_doctor_compares_the_clock_with_the_newest_receipt(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "poi.db")
    for days, words in ((0, "fits the newest receipt"), (-40, "40.0 days after"), (2, "2.0 days before")):
        with closing(sqlite3.connect(tmp_path / "poi.db")) as books, books:
            at = round((time.time() + days * 86_400) * 1_000_000)
            books.execute("insert or replace into journal_head values ('mer_1', 'sta_1', 1, x'00', ?)", (at,))
        found = run("doctor", folder=tmp_path)
        assert f"clock              {words}" in found.stdout.replace("stands ", "")
        assert ("set date and time right" in found.stdout) == bool(days)


def test_config_shows_no_password(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("POI_STORAGE_SQL", "postgresql://poi:hush@db/poi")
    assert main(["config", "--data", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "postgresql://poi:***@db/poi" in text
    assert "hush" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scan"], "Name a picture"),
        (["scan", "a.png", "--text", "x"], "Name a picture"),
        (["decide", "absent.json"], "cannot be read"),
        (["verify"], "no books"),
        (["tap", "--card", "1"], "No server runs"),
    ],
)
def test_a_command_that_cannot_work_says_why(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--data", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_a_note_of_a_dead_process_does_not_count(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(SECONDS)
    write_note(tmp_path, Running(address="http://127.0.0.1:1", pid=ended.pid, secret="x"))
    assert read_note(tmp_path) is None
    (tmp_path / "run.json").write_bytes(msgspec.json.encode([1]))
    assert read_note(tmp_path) is None
