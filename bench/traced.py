"""The server as it is shipped, with a stopwatch where a reader's thread tells of a tap.

`python -m bench.traced serve ...` writes one line a tap to `taps.log` in the data folder: card, and nanoseconds of the
clock that all processes of the machine share.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from poi_nfc.tap import ReaderEvent
from poi_server.cli import main
from poi_server.readers import Readers


def _timed(log: int) -> None:
    tell = Readers._emit

    def emit(self: Readers, loop: asyncio.AbstractEventLoop, station_id: str, event: ReaderEvent) -> None:
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        tell(self, loop, station_id, event)
        if event.tap is not None:
            os.write(log, f"{event.tap.subject} {now}\n".encode())

    Readers._emit = emit  # type: ignore[method-assign]


if __name__ == "__main__":
    folder = Path(sys.argv[sys.argv.index("--data") + 1])
    _timed(os.open(folder / "taps.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    sys.exit(main(sys.argv[1:]))
