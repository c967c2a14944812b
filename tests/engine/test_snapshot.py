"""The file of a compiled catalogue: whole or refused, the old one in use until the new one is safe on the disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poi_engine.catalogue.snapshot import _HEADER, FORMAT, SnapshotFolder, SnapshotRefused, State

STATE = State(merchant_id="mer_1", layout="rules 1", version=7)
SECTIONS = {"words": memoryview(b"abc" * 50), "none": memoryview(b""), "numbers": memoryview(bytes(range(256)))}


def write(folder: Path, version: int = 7) -> SnapshotFolder:
    files = SnapshotFolder(folder)
    with files.alone("mer_1") as alone:
        assert alone
        files.write(State(merchant_id="mer_1", layout="rules 1", version=version), SECTIONS)
    return files


def reason(files: SnapshotFolder, layout: str = "rules 1") -> str:
    with pytest.raises(SnapshotRefused) as refused:
        files.open("mer_1", layout)
    assert refused.value.code == "snapshot-refused"
    return refused.value.reason


def test_what_is_written_is_mapped(tmp_path: Path) -> None:
    files = write(tmp_path)
    found = files.open("mer_1", "rules 1")
    assert found is not None
    assert {name: section.tobytes() for name, section in found.sections.items()} == {
        name: section.tobytes() for name, section in SECTIONS.items()
    }
    assert (found.state.version, found.stamp) == (7, files.stamp("mer_1"))
    assert all(section.readonly for section in found.sections.values())
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    assert [line.split()[1] for line in mapped] == ["r--s"]


def test_sections_begin_where_vectors_may_be_read(tmp_path: Path) -> None:
    path = write(tmp_path).path("mer_1")
    content = path.read_bytes()
    assert [content.index(section.tobytes()) % 64 for section in SECTIONS.values()] == [0, 0, 0]
    assert len(content) % 64 == 0


def test_none_is_there_before_the_first(tmp_path: Path) -> None:
    files = SnapshotFolder(tmp_path / "not made yet")
    assert files.open("mer_1", "rules 1") is None
    assert files.stamp("mer_1") is None


def test_a_newer_one_replaces_it_and_who_mapped_the_older_one_keeps_it(tmp_path: Path) -> None:
    older = write(tmp_path, 1).open("mer_1", "rules 1")
    files = write(tmp_path, 2)
    newer = files.open("mer_1", "rules 1")
    assert older is not None
    assert newer is not None
    assert (older.state.version, newer.state.version) == (1, 2)
    assert older.sections["numbers"].tobytes() == bytes(range(256))
    assert older.stamp != newer.stamp == files.stamp("mer_1")


def test_merchants_have_files_of_their_own_whatever_their_ids(tmp_path: Path) -> None:
    files = SnapshotFolder(tmp_path)
    names = ["mer_1", "mer/../1", "", "é" * 90, "mer_1.lock"]
    assert len({files.path(name) for name in names}) == 5
    assert {files.path(name).parent for name in names} == {tmp_path}


# --- refused ------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    files = write(tmp_path)
    path = files.path("mer_1")
    good = path.read_bytes()
    for position in range(len(good)):
        spoilt = bytearray(good)
        spoilt[position] ^= 1 << position % 8
        path.write_bytes(spoilt)
        reason(files)


def test_sections_with_checks_of_their_own_are_not_read(tmp_path: Path) -> None:
    files = SnapshotFolder(tmp_path)
    with files.alone("mer_1"):
        files.write(STATE, SECTIONS, unchecked=("words",))
    path = files.path("mer_1")
    path.write_bytes(path.read_bytes().replace(b"abc" * 50, b"xyz" * 50))
    found = files.open("mer_1", "rules 1")
    assert found is not None
    assert found.sections["words"].tobytes() == b"xyz" * 50
    path.write_bytes(path.read_bytes().replace(bytes(range(256)), bytes(256)))
    assert reason(files) == "its sections are damaged"


def test_every_cut_is_found(tmp_path: Path) -> None:
    files = write(tmp_path)
    path = files.path("mer_1")
    good = path.read_bytes()
    for size in [*range(0, len(good), 7), len(good) - 1]:
        path.write_bytes(good[:size])
        reason(files)
    path.write_bytes(good + bytes(64))
    assert "bytes, not" in reason(files)


def header(path: Path, change: Callable[[list[object]], None]) -> None:
    content = path.read_bytes()
    fields: list[object] = list(_HEADER.unpack_from(content))
    change(fields)
    path.write_bytes(_HEADER.pack(*fields) + content[_HEADER.size :])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (0, b"SOMETHIN", "it is no catalogue"),
        (1, FORMAT + 1, f"its format is {FORMAT + 1}, this is {FORMAT}"),
        (1, FORMAT - 1, f"its format is {FORMAT - 1}, this is {FORMAT}"),
        (2, 0x04030201, "its bytes are in another order"),
        (3, 2**40, "its header is damaged"),
    ],
)
def test_another_format_is_named(tmp_path: Path, field: int, value: object, said: str) -> None:
    files = write(tmp_path)

    def change(fields: list[object]) -> None:
        fields[field] = value

    header(files.path("mer_1"), change)
    assert reason(files) == said


def test_another_merchants_file_and_one_of_other_rules_are_refused(tmp_path: Path) -> None:
    files = write(tmp_path)
    assert reason(files, "rules 2") == "it was compiled by other rules"
    files.path("mer_1").rename(files.path("mer_2"))
    with pytest.raises(SnapshotRefused, match="another merchant"):
        files.open("mer_2", "rules 1")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    files = SnapshotFolder(tmp_path)
    files.path("mer_1").mkdir()
    assert reason(files)


# --- writing ------------------------------------------------------------------------------------------------------


def test_one_compiles_at_a_time(tmp_path: Path) -> None:
    one, two = SnapshotFolder(tmp_path), SnapshotFolder(tmp_path)
    with one.alone("mer_1") as first, two.alone("mer_1") as second, two.alone("mer_2") as other:
        assert (first, second, other) == (True, False, True)
    with two.alone("mer_1") as again:
        assert again


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    def full(step: str) -> None:
        if step == "snapshot.filled":
            raise OSError(28, "No space left on device")

    write(tmp_path, 1)
    files = SnapshotFolder(tmp_path, full)
    with files.alone("mer_1"), pytest.raises(OSError, match="No space"):
        files.write(STATE, SECTIONS)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".catalogue", ".lock"]
    found = files.open("mer_1", "rules 1")
    assert found is not None
    assert found.state.version == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from poi_engine.catalogue.snapshot import SnapshotFolder
from tests.engine.test_snapshot import SECTIONS, STATE

left = int(sys.argv[2])
def die(step):
    global left
    left -= 1
    if left == 0:
        print(step, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

files = SnapshotFolder(Path(sys.argv[1]), die)
with files.alone("mer_1"):
    files.write(STATE, SECTIONS)
print("written", flush=True)
"""
STEPS = [
    "snapshot.begun",
    *["snapshot.part"] * 4,
    "snapshot.filled",
    "snapshot.synced",
    "snapshot.renamed",
    "snapshot.folder-synced",
    "written",
]


@pytest.mark.parametrize("step", range(1, 11))
def test_killed_at_any_step_the_old_file_or_the_new_one_is_in_use(tmp_path: Path, step: int) -> None:
    files = write(tmp_path, 1)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = [sys.executable, "-c", KILLED, str(tmp_path), str(step)]
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.split("\n")[0] == STEPS[step - 1]
    assert ended.returncode == (0 if step == 10 else -signal.SIGKILL)
    found = files.open("mer_1", "rules 1")
    assert found is not None
    assert found.state.version == (1 if step < 8 else 7)
    files.tidy("mer_1")  # the dead one's lock is gone, and what it left is swept
    assert [path for path in tmp_path.iterdir() if path.suffix == ".new"] == []


def test_what_is_being_written_is_not_swept(tmp_path: Path) -> None:
    writing = SnapshotFolder(tmp_path, lambda _step: SnapshotFolder(tmp_path).tidy("mer_1"))
    with writing.alone("mer_1"):
        writing.write(STATE, SECTIONS)
    assert writing.open("mer_1", "rules 1") is not None
