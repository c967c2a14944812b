"""Every answer follows the fsync that made it durable; an fsync that fails is an answer of its own."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers import absent
from tests.storage.test_durability import PATHS

SHIM = """
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int sync_or_fail(long call, int fd) {
    while (access(getenv("FSYNC_WAITS"), F_OK) == 0) usleep(1000);
    if (access(getenv("FSYNC_FAILS"), F_OK) == 0) { errno = EIO; return -1; }
    int result = syscall(call, fd);
    if (write(atoi(getenv("FSYNC_LOG")), "F", 1) != 1) abort();
    return result;
}
int fsync(int fd) { return sync_or_fail(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_or_fail(SYS_fdatasync, fd); }
"""

PROGRAM = """
import asyncio, json, os, sys
from pathlib import Path
from poi_engine.errors import StorageError
from poi_engine.storage import open_sql
from tests.storage.test_durability import add, names

wal = Path(sys.argv[1].removeprefix("sqlite:///") + "-wal")
log, fails, url = int(os.environ["FSYNC_LOG"]), Path(os.environ["FSYNC_FAILS"]), sys.argv[1]

async def main():
    sql = open_sql(url)
    await sql.write(add("warm"))
    os.write(log, b"|")
    for number in range(30):
        await sql.write(add(f"one-{number}"))
        os.write(log, b"A")
    fails.touch()
    outcomes = await asyncio.gather(*(sql.write(add(f"bad-{n}")) for n in range(50)), return_exceptions=True)
    seen = await sql.read(names)
    log_before = wal.stat().st_size
    fails.unlink()
    await sql.write(add("after"))
    found = await sql.read(names)
    sizes = {"log_before": log_before, "log": wal.stat().st_size}
    await sql.close()
    codes = sorted({str(getattr(outcome, "code", None)) for outcome in outcomes})
    print(json.dumps({"codes": codes, "seen": len(seen), "after": "after" in found, "found": len(found), **sizes}))

asyncio.run(main())
"""


PIPELINED = """
import asyncio, json, os, sys
from pathlib import Path
from poi_engine.storage import open_sql
from tests.storage.test_durability import add, names

waits, url, begun = Path(os.environ["FSYNC_WAITS"]), sys.argv[1], []

def noted(name):
    def job():
        begun.append(name)
        yield from add(name)()
        if name == "third":
            raise ValueError("no")
    return job

async def until(seen):
    async with asyncio.timeout(30):
        while not seen():
            await asyncio.sleep(0.001)

async def main():
    sql = open_sql(url)
    await sql.write(add("warm"))
    waits.touch()
    acts = [asyncio.ensure_future(sql.write(noted("first")))]
    await until(lambda: "first" in begun)
    while "first" not in await asyncio.to_thread(committed):
        await asyncio.sleep(0.001)
    acts.append(asyncio.ensure_future(sql.read(names)))
    for name in ("second", "third"):
        acts.append(asyncio.ensure_future(sql.write(noted(name))))
        await until(lambda: name in begun)
    await asyncio.sleep(0.1)
    early = [one.done() for one in acts]
    waits.unlink()
    await asyncio.gather(*acts, return_exceptions=True)
    read = sorted(acts[1].result())
    await sql.close()
    print(json.dumps({"early": early, "read": read, "refused": str(acts[3].exception())}))

def committed():
    import sqlite3
    with sqlite3.connect(url.removeprefix("sqlite:///")) as beside:
        found = {row[0] for row in beside.execute("select campaign_id from campaign")}
    beside.close()
    return found

asyncio.run(main())
"""


def run(url: str, folder: Path, program: str = PROGRAM) -> tuple[str, dict[str, Any]]:
    """The order of fsyncs (F) and answers (A), and what the program saw."""
    compiler = shutil.which("cc") or absent("a C compiler is not installed")
    shim = folder / "shim.so"
    (folder / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", shim, folder / "shim.c"], check=True)
    with (folder / "log").open("w+b", buffering=0) as log:
        settings = {"LD_PRELOAD": str(shim), "FSYNC_LOG": str(log.fileno())}
        settings |= {"FSYNC_FAILS": str(folder / "fails"), "FSYNC_WAITS": str(folder / "waits")}
        done = subprocess.run(
            [sys.executable, "-c", program, url],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": PATHS, **settings},
            pass_fds=[log.fileno()],
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        log.seek(0)
        found: dict[str, Any] = json.loads(done.stdout)
        return log.read().decode().partition("|")[2], found


@pytest.mark.skipif(sys.platform != "linux", reason="the shim is Linux's")
async def test_each_answer_follows_its_fsync_and_a_failed_one_acknowledges_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    order, found = await asyncio.to_thread(run, sqlite_url, tmp_path)
    answers = order[: order.rindex("A") + 1].split("A")[:-1]
    assert len(answers) == 30
    assert all("F" in before for before in answers)
    assert found["codes"] == ["commit-unknown"]
    assert found["after"]
    assert 31 <= found["seen"] == found["found"] - 1 <= 81  # each of the fifty may be there: none was acknowledged
    assert found["log"] < found["log_before"]  # what failed is no part of the log that later answers depend on


@pytest.mark.skipif(sys.platform != "linux", reason="the shim is Linux's")
async def test_the_writer_goes_on_during_a_sync_and_nobody_hears_of_what_is_not_durable(
    sqlite_url: str, tmp_path: Path
) -> None:
    _, found = await asyncio.to_thread(run, sqlite_url, tmp_path, PIPELINED)
    assert found["early"] == [False, False, False, False], "three writers and a reader who has seen the first one's row"
    assert {"warm", "first"} <= set(found["read"])
    assert found["refused"] == "no"
