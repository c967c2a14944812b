"""The machine's clock steps while tills sell: an hour on, two hours back, half a second; what is measured goes on.

The server reads the time of day through a small library of ours that adds what a file says. Time-outs are measured by
another clock, which no step moves: no till may lose an answer, and receipts go on by number.
"""

import asyncio
import random
import shutil
import struct
import subprocess
from pathlib import Path

from tests.faults.audit import audited
from tests.faults.crowd import Crowd
from tests.faults.place import grounds
from tests.faults.plan import Outcome, Plan

SHIM = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long long *ahead;
__attribute__((constructor)) static void look(void) {
    const char *name = getenv("CLOCK_AHEAD");
    int file = name ? open(name, O_RDONLY) : -1;
    if (file >= 0) ahead = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
}
int clock_gettime(clockid_t id, struct timespec *at) {
    int result = syscall(SYS_clock_gettime, id, at);
    if (ahead && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += *ahead;
    return result;
}
time_t time(time_t *out) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (out) *out = at.tv_sec;
    return at.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    out->tv_sec = at.tv_sec;
    out->tv_usec = at.tv_nsec / 1000;
    return 0;
}
"""
STEPS = (0, 3600, -3600, -7200, 1, -1, 1800)  # seconds ahead of the true time
ROUND_SECONDS = 1.5


async def run(plan: Plan, made: Outcome) -> None:
    """As many steps as the plan says, several while the same tills sell."""
    ahead = plan.folder / "ahead"
    _set(ahead, 0)
    settings = {"LD_PRELOAD": str(_shim(plan.folder)), "CLOCK_AHEAD": str(ahead)}
    dice = random.Random(f"{plan.seed} clock")
    async with grounds(plan.folder, plan.storage, **settings) as ground:
        place = await ground.place()
        assert await place.start()
        crowd = Crowd(place, str(plan.seed))
        while made.times < plan.times and not plan.over:
            stop = asyncio.Event()
            tills = crowd.serve(stop)
            for _ in range(4):
                await asyncio.wait([tills], timeout=ROUND_SECONDS / 4)
                step = dice.choice(STEPS)
                _set(ahead, step)
                made.seen[f"{step:+,} s"] += 1
                made.times += 1
            stop.set()
            await tills
            async with place.sql() as sql:
                made.sales = await audited(sql, place.folder, crowd.book)
            plan.say(f"{made.times:,} of {plan.times:,} steps, {made.sales:,} sales")
        made.seen.update(crowd.book.seen)
    assert not crowd.repeated, f"answers were lost: {crowd.book.seen}"


def _set(file: Path, seconds: int) -> None:
    """In place: the library has the file mapped."""
    with file.open("r+b" if file.exists() else "w+b", buffering=0) as out:
        out.write(struct.pack("q", seconds))


def _shim(folder: Path) -> Path:
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is not installed"
    (folder / "clock.c").write_text(SHIM)
    made = folder / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, folder / "clock.c"], check=True)
    return made
