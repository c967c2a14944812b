"""A real server process: `python -m poi_server serve` on an unused port, told apart from others by its data folder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_server.running import read_note

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
_PARTS = (".", "engine", "nfc", "qr", "offers", "cext")


class ServerProcess:
    """Starts at once; `settings` are environment variables such as `POI_STORAGE_SQL`. `secret` is the operator's."""

    def __init__(self, folder: Path, *, demo_shop: str = "", **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        self._options = ["--demo-shop", demo_shop] if demo_shop else []
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it serves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POI_")}
        environment |= {
            "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in _PARTS),
            "POI_DATA": str(self.folder),
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "poi_server", "serve", "--port", "0", *self._options],
                cwd=ROOT,
                env=environment | self._settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        for _ in range(START_SECONDS * 50):
            note = read_note(self.folder)
            if note is not None and note.pid == self._process.pid:
                self.base_url, self.secret = note.address, note.secret
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail(f"the server does not start: {self.log()[-3000:]}")

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "server.log").read_text()

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """End it and return its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(sign)
        return process.wait(30)


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    """`poi-server verify` over the data folder of a server that has ended."""
    command = [sys.executable, "-m", "poi_server", "verify", "--data", str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in _PARTS)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def headers(secret: str, **more: str) -> dict[str, str]:
    """The headers of a request with a credential."""
    return {"Authorization": f"Bearer {secret}", **{name.replace("_", "-"): value for name, value in more.items()}}


def decoded(content: bytes) -> Any:
    """A JSON body."""
    return msgspec.json.decode(content)
