"""The event loop and SQLite's threads on one processor.

They hand the interpreter to each other at every statement. On one processor that is a switch of threads; on two each
time the other one is woken, mostly to find the interpreter taken again.
"""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_SQLITE = "sqlite-"
"""How the names of its threads begin."""


def spread_out() -> None:
    """What is done in other threads (`asyncio.to_thread`) uses every processor, also later. Call it before any is."""
    if sys.platform == "linux":
        every = (0, os.sched_getaffinity(0))
        workers = ThreadPoolExecutor(initializer=os.sched_setaffinity, initargs=every)
        asyncio.get_running_loop().set_default_executor(workers)


def stay_together() -> None:
    """From now on SQLite's threads, if there are any, and this one, the loop's, share one of the processors; which one
    depends on the process, so that several servers do not all take the same."""
    if sys.platform == "linux":
        allowed = sorted(os.sched_getaffinity(0))
        together = [thread for thread in threading.enumerate() if thread.name.startswith(_SQLITE)]
        for thread in (*together, threading.current_thread()) if together else ():
            os.sched_setaffinity(thread.native_id or 0, {allowed[os.getpid() % len(allowed)]})
