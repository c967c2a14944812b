"""A replay's files and pipes: nothing half-written, nothing needed but the files, a bar only for people."""

import os
import pty
import subprocess
from pathlib import Path
from threading import Thread

import pytest

from poi_server.cli import main
from poi_server.replay.run import Replay
from tests.server.replayed import Desk, ndjson, offer, request
from tests.server.test_cli import SECONDS, command, environment

OFFERS, ASKED = [offer("off_1")], [request(price) for price in range(1000, 1600, 100)]


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    """An empty desk."""
    return Desk(tmp_path, capfd)


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


def test_it_needs_no_server_no_storage_and_no_folder_of_data(tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "offers").write_bytes(ndjson(OFFERS))
    (desk / "requests").write_bytes(ndjson(ASKED))
    words = command("decide", "--offers", "offers", "--requests", "requests", "--data", str(tmp_path / "data"))
    ended = subprocess.run(words, capture_output=True, cwd=desk, env=environment(), timeout=SECONDS, check=False)
    assert (ended.returncode, ended.stdout.count(b"\n")) == (0, 6), ended.stderr
    assert ended.stderr.startswith(b"1 offer from offers\n6 baskets, 6 with an offer (100.0%)\n"), "no bar"
    assert names(tmp_path) == {"desk"}
    assert names(desk) == {"offers", "requests"}


def test_what_comes_through_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    (tmp_path / "requests").write_bytes(ndjson(ASKED))
    for words, piped in (
        (("--offers", "-", "--requests", "requests"), ndjson(OFFERS)),
        (("--offers", "offers", "--requests", "-"), ndjson(ASKED)),
        (("--offers", "offers", "--requests", "/dev/stdin"), ndjson(ASKED)),
    ):
        (tmp_path / "offers").write_bytes(ndjson(OFFERS))
        ended = subprocess.run(
            command("decide", *words),
            input=piped,
            check=False,
            capture_output=True,
            cwd=tmp_path,
            env=environment(),
            timeout=SECONDS,
        )
        assert (ended.returncode, ended.stdout.count(b"\n")) == (0, 6), ended.stderr


def test_a_reader_who_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "offers").write_bytes(ndjson(OFFERS))
    (tmp_path / "requests").write_bytes(ndjson(ASKED * 100))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        words = command("decide", "--offers", "offers", "--requests", "requests")
        ended = subprocess.run(
            words, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, env=environment(), timeout=SECONDS, check=False
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (2, b"poi-server: Nobody reads the rest of the decisions.\n")


def test_a_person_sees_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "offers").write_bytes(ndjson(OFFERS))
    (tmp_path / "requests").write_bytes(ndjson(ASKED))
    screen, terminal = pty.openpty()
    seen = bytearray()
    watching = Thread(target=_watch, args=(screen, seen))
    watching.start()
    words = command("decide", "--offers", "offers", "--requests", "requests", "--out", "decisions")
    ended = subprocess.run(words, stderr=terminal, cwd=tmp_path, env=environment(), timeout=SECONDS, check=False)
    os.close(terminal)
    watching.join(SECONDS)
    os.close(screen)
    assert ended.returncode == 0
    reading, checking, bar, rest = seen.split(b"\r\n", 3)
    assert (reading, checking) == (b"Reading offers ...", b"Checking requests ...")
    assert bar.startswith(b"\rdecided")
    assert b"[############################] 6/6" in bar
    assert rest.startswith(b"1 offer from offers\r\n6 baskets")


def _watch(screen: int, seen: bytearray) -> None:
    try:
        while part := os.read(screen, 4096):
            seen += part
    except OSError:  # the terminal was closed
        return


def test_the_file_appears_when_it_is_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    decide = Replay.decide

    def watching(self: Replay, question: object) -> object:
        seen.append(names(desk.folder))
        return decide(self, question)  # type: ignore[arg-type]

    monkeypatch.setattr(Replay, "decide", watching)
    desk.decided(OFFERS, ASKED)
    assert len(seen) == 6
    assert not any("decisions.ndjson" in found for found in seen)
    assert names(desk.folder) == {"offers", "requests", "decisions.ndjson"}


@pytest.mark.parametrize("ends", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_what_breaks_off_leaves_the_former_file_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ends: BaseException
) -> None:
    desk.decided(OFFERS, ASKED[:2])
    before, turns = Path(desk.out).read_bytes(), iter(range(3))
    decide = Replay.decide

    def breaking_off(self: Replay, question: object) -> object:
        if next(turns) == 2:
            raise ends
        return decide(self, question)  # type: ignore[arg-type]

    monkeypatch.setattr(Replay, "decide", breaking_off)
    assert desk.run(OFFERS, ASKED) == (130 if ends is KeyboardInterrupt else 2)
    assert Path(desk.out).read_bytes() == before
    assert names(desk.folder) == {"offers", "requests", "decisions.ndjson"}


def test_mistakes_leave_the_former_file_as_it_was(desk: Desk) -> None:
    desk.decided(OFFERS, ASKED)
    before = Path(desk.out).read_bytes()
    assert desk.run(OFFERS, ndjson(ASKED) + b"{}\n") == 2
    assert desk.run([*OFFERS, {}], ASKED) == 2
    assert Path(desk.out).read_bytes() == before


def test_the_answer_never_takes_the_place_of_a_question(desk: Desk) -> None:
    asked = ndjson(ASKED)
    for source in ("offers", "requests"):
        assert desk.run(OFFERS, asked, "--out", str(desk.folder / source)) == 2
    assert (desk.folder / "requests").read_bytes() == asked


def test_a_link_leads_to_the_file_that_is_written(desk: Desk) -> None:
    (desk.folder / "link").symlink_to(desk.out)
    desk.run(OFFERS, ASKED, "--out", str(desk.folder / "link"))
    assert len(desk.decisions) == 6
    assert (desk.folder / "link").is_symlink()


def test_a_dash_is_standard_output(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    files = "--offers", desk.file("offers", OFFERS), "--requests", desk.file("requests", ASKED)
    assert main(["decide", *files, "--out", "-"]) == 0
    assert capfd.readouterr().out.count('"saved":100') == 12, "of each decision and of its offer"
