"""The loop and SQLite's threads share a processor; everything else has them all."""

import os
import sys
from pathlib import Path

import pytest

from tests.server.process import ServerProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which processors a thread may use")


def test_the_loop_and_sqlite_share_one_and_other_work_keeps_all(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    try:
        threads = [os.sched_getaffinity(int(task.name)) for task in Path(f"/proc/{server.pid}/task").iterdir()]
        loop = os.sched_getaffinity(server.pid)
        assert len(loop) == 1
        assert threads.count(loop) >= 5, "the loop, the writer, three readers"
        assert os.sched_getaffinity(0) in threads, "the threads of `asyncio.to_thread`"
    finally:
        server.stop()
