"""The disk fills up while tills sell: sales are refused, reads go on; once there is room, everything is by itself well.

A file system of some megabytes is mounted; where that is not allowed, the server's files may grow no more. PostgreSQL's
disk is its own: the server beside it has room.
"""

import asyncio
import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp

from tests.faults.audit import audited
from tests.faults.crowd import Crowd
from tests.faults.place import Place, grounds
from tests.faults.plan import Outcome, Plan

BYTES = {"sqlite": 96 << 20, "postgresql": 320 << 20}
FULL_SECONDS = 1.2
REFUSED = ("503 storage-full", "503 storage-away", "503 commit-unknown", "503 sessions-away")


async def run(plan: Plan, made: Outcome) -> None:
    """As many full disks as the plan says."""
    with _disk(BYTES[plan.storage]) as disk:
        if plan.storage == "postgresql" and disk is None:
            made.seen["no file system may be mounted here"] += 1
            return
        async with grounds(plan.folder / "made", plan.storage, disk) as ground:
            own = disk is not None and plan.storage == "sqlite"
            place = await ground.place(disk / "shop" if own and disk else None)
            await _full(plan, made, place, disk)
    assert any(made.seen[code] for code in REFUSED), "nothing was ever refused"


async def _full(plan: Plan, made: Outcome, place: Place, disk: Path | None) -> None:
    assert await place.start()
    crowd = Crowd(place, str(plan.seed))
    try:
        while made.times < plan.times and not plan.over:
            await _round(place, crowd, disk, made)
            plan.say(f"{made.times:,} of {plan.times:,} full disks, {made.sales:,} sales")
    finally:
        await place.end()
        made.repeated = crowd.repeated
        made.seen.update(crowd.book.seen)


async def _round(place: Place, crowd: Crowd, disk: Path | None, made: Outcome) -> None:
    stop = asyncio.Event()
    tills = crowd.serve(stop)
    try:
        await asyncio.wait([tills], timeout=0.5)
        free = await asyncio.to_thread(_filled, disk) if disk else _stopped_growing(place.pid)
        made.seen["a full disk" if disk else "files that may not grow"] += 1
        await asyncio.wait([tills], timeout=FULL_SECONDS)
        await _reads(place)
        free()
        stop.set()
        await tills
    finally:
        tills.cancel()
    async with place.sql() as sql:
        made.sales = await audited(sql, place.folder, crowd.book)
    made.times += 1


async def _reads(place: Place) -> None:
    headers = {"Authorization": f"Bearer {place.secret}"}
    async with (
        aiohttp.ClientSession(place.base_url, headers=headers) as http,
        http.get("/v1/sales?limit=5") as answer,
    ):
        assert answer.status == 200, await answer.text()


@contextmanager
def _disk(size: int) -> Iterator[Path | None]:
    """A small file system, or None where none may be mounted. PostgreSQL runs as another user: anybody may go there."""
    disk = Path(tempfile.mkdtemp(prefix="poi-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
    try:
        disk.chmod(0o755)
        yield disk if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def _filled(disk: Path) -> Callable[[], None]:
    """Not a byte is left; the answer frees them."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    out.write(bytes(size))
    return filler.unlink


def _stopped_growing(pid: int) -> Callable[[], None]:
    """No file of the server grows beyond one page; the answer lifts that."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (os.sysconf("SC_PAGESIZE"), before[1]))

    def lifted() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return lifted
