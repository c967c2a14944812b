"""The data folder belongs to one process; the second is told who has it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from poi_engine.errors import StorageError
from poi_engine.storage.folder import FolderLocked, lock_folder
from tests.storage.test_durability import PATHS

CHILD = """
import sys
from pathlib import Path
from poi_engine.storage.folder import lock_folder
lock = lock_folder(Path(sys.argv[1]))
lock.serve_at("https://127.0.0.1:8443")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_folder_and_what_it_serves(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    environment = {**os.environ, "PYTHONPATH": PATHS}
    command = [sys.executable, "-c", CHILD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderLocked) as refused:
            lock_folder(folder)
        assert refused.value.code == "data-folder-locked"
        assert (refused.value.holder.pid, refused.value.holder.address) == (holder.pid, "https://127.0.0.1:8443")
        assert f"process {holder.pid} holds it and serves https://127.0.0.1:8443" in refused.value.message
        holder.kill()
    lock_folder(folder).release()  # a killed process holds nothing


def test_a_folder_can_be_taken_again_after_it_was_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path), pytest.raises(FolderLocked, match=f"process {os.getpid()} holds it"):
            lock_folder(tmp_path)
    assert (tmp_path / "lock").read_bytes() == b""


def test_a_holder_that_has_not_said_its_name_is_still_a_holder(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xff nonsense")
        with pytest.raises(FolderLocked, match="another process holds it"):
            lock_folder(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be used") as refused:
        lock_folder(tmp_path / "file" / "data")
    assert refused.value.code == "data-folder"
