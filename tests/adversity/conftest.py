"""The process that forks the shop's processes, and a furnished folder to copy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Order = Callable[..., dict[str, Any]]
"""Run one process of the shop and answer how it ended."""


class Forker:
    """Talks to the forking process."""

    def __init__(self) -> None:
        folders = [str(ROOT / part) for part in (".", "engine", "nfc", "qr", "offers", "cext")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.adversity.forker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        )

    def order(
        self,
        folder: Path,
        scenario: str = "",
        point: str | None = None,
        *,
        furnish: bool = False,
        audit: bool = False,
        expected: list[int] | None = None,
        kill_after: float | None = None,
    ) -> dict[str, Any]:
        """Run one process of the shop."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "folder": str(folder),
            "scenario": scenario,
            "point": point,
            "furnish": furnish,
            "audit": audit,
            "expected": expected,
            "kill_after": kill_after,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        ended: dict[str, Any] = json.loads(self._process.stdout.readline())
        return ended

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """The forking process."""
    made = Forker()
    yield made
    made.close()


@pytest.fixture(scope="session")
def first_day(forker: Forker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A furnished folder."""
    folder = tmp_path_factory.mktemp("first-day")
    assert forker.order(folder, furnish=True) == {"signal": 0, "wrong": ""}
    return folder


@pytest.fixture
def folder(first_day: Path, tmp_path: Path) -> Path:
    """A furnished folder of one's own."""
    shutil.copytree(first_day, tmp_path / "shop")
    return tmp_path / "shop"
