"""A process that has imported the server and forks one for each order: the shipped `serve`, without its start-up time.

An order is a JSON line: the folder, the settings, the port, and the number of the step at which the server kills
itself (0: never), `of` those whose names begin so (all, when that is empty). The answer is the server's process
number. Steps are the named points of engine and storage, counted together from the start: recovery has them, too.
"""

import functools
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from poi_engine.engine import Engine
from poi_engine.ports import Sql
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.storage.urls import sqlite_path
from poi_server import app
from poi_server.cli import main as poi_server
from poi_server.cli import serve as _imported  # noqa: F401  what the command would import, before the fork


class Steps:
    """Counts every named step, in whichever thread, and ends this process without a goodbye at one of them."""

    def __init__(self, last: int, of: str, log: Path) -> None:
        self._left, self._of = last, of
        self._log = log
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        """A step is reached."""
        if not name.startswith(self._of):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._log.write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)
                threading.Event().wait()  # nothing more happens in this thread


def _open(url: str, steps: Steps) -> Sql:
    def inside(name: str) -> None:
        steps(f"sql.{name}")

    if url.startswith("sqlite"):
        return SqliteSql(sqlite_path(url), trace=inside)
    return PostgresSql(url, trace=inside)


def _serve(order: dict[str, Any]) -> int:
    folder = Path(order["folder"])
    os.setsid()
    log = os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update({"POI_DATA": str(folder), **order["settings"]})
    steps = Steps(order["last"], order["of"], folder / "killed-at")
    vars(app).update(Engine=functools.partial(Engine, trace=steps), open_sql=functools.partial(_open, steps=steps))
    return poi_server(["serve", "--port", str(order["port"])])


def _forked(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = _serve(order)
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def main() -> None:
    """Serve orders until standard input ends."""
    assert threading.active_count() == 1
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ends is gone: those who ordered it watch it themselves
    for line in sys.stdin:
        print(_forked(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
