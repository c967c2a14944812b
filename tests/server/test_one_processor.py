"""The loop and SQLite's threads share a processor; everything else has them all."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from poi_server.one_processor import spread_out, stay_together
from tests.server.process import ServerProcess

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which processors a thread may use")


def processors(thread: int) -> set[int]:
    return os.sched_getaffinity(thread)


async def test_the_loop_and_sqlite_share_one_and_other_work_keeps_all() -> None:
    before, done = processors(0), threading.Event()
    writer, other = (threading.Thread(target=done.wait, name=name) for name in ("sqlite-writer", "reader"))
    writer.start()
    other.start()
    try:
        spread_out()
        stay_together()
        assert len(processors(0)) == 1
        assert processors(writer.native_id or 0) == processors(0)
        assert processors(other.native_id or 0) == before
        assert await asyncio.to_thread(processors, 0) == before
    finally:
        os.sched_setaffinity(0, before)
        done.set()
        writer.join()
        other.join()


async def test_without_sqlite_nothing_is_changed() -> None:
    before = processors(0)
    stay_together()
    assert processors(0) == before


def test_a_server_does_so(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    try:
        assert len(processors(server.pid)) == 1
        together = [task for task in Path(f"/proc/{server.pid}/task").iterdir() if len(processors(int(task.name))) == 1]
        assert len(together) >= 5, "the loop, the writer, three readers"
    finally:
        server.stop()
