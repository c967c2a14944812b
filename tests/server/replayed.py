"""A replay as a person starts it: files in, decisions and a summary out. No server, no storage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_offers.decision import Decision
from poi_server.cli import main

NOON = "2026-11-22T11:00:00Z"  # a Sunday, noon in Paris
PARIS = {"zone": "Europe/Paris", "store_id": "sto_1"}


def offer(offer_id: str, amount: int = 100, **more: Any) -> dict[str, Any]:
    """An offer of an amount off, as a merchant writes it."""
    effects = [{"type": "amount_off", "amount": amount}]
    return {"offer_id": offer_id, "name": {"en": offer_id}, "currency": "EUR", "effects": effects} | more


def request(price: int = 1000, **more: Any) -> dict[str, Any]:
    """One cake at the first store."""
    items = [{"line_id": "1", "label": "Cake", "unit_price": price}]
    return {"at": NOON, "place": PARIS, "currency": "EUR", "items": items} | more


def ndjson(values: Sequence[Any]) -> bytes:
    """One value a line."""
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)


class Desk:
    """A folder with the files of a replay, and what was printed."""

    def __init__(self, folder: Path, captured: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._captured = captured
        self.error = ""

    def file(self, name: str, content: bytes | Sequence[Any]) -> str:
        """A file with this content, or with these values one a line."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else ndjson(content))
        return str(path)

    def run(self, offers: bytes | Sequence[Any], requests: bytes | Sequence[Any], *options: str) -> int:
        """Replay; the exit code."""
        files = "--offers", self.file("offers", offers), "--requests", self.file("requests", requests)
        return main(["decide", *files, "--out", self.out, *options])

    @property
    def out(self) -> str:
        """Where the decisions go."""
        return str(self.folder / "decisions.ndjson")

    @property
    def decisions(self) -> list[Decision]:
        """The decisions that were written."""
        return [msgspec.json.decode(line, type=Decision) for line in Path(self.out).read_bytes().splitlines()]

    def decided(self, offers: bytes | Sequence[Any], requests: bytes | Sequence[Any], *options: str) -> list[Decision]:
        """Replay without a mistake; the decisions."""
        code = self.run(offers, requests, *options)
        self.error = self._captured.readouterr().err
        assert code == 0, self.error
        return self.decisions

    def refused(self, offers: bytes | Sequence[Any], requests: bytes | Sequence[Any], *options: str) -> list[str]:
        """Replay what cannot be replayed; the lines told, without the folder's name."""
        assert self.run(offers, requests, *options) == 2
        self.error = self._captured.readouterr().err
        assert "Traceback" not in self.error
        assert not Path(self.out).exists(), "nothing is half-written"
        return self.error.replace(f"{self.folder}/", "").removeprefix("poi-server: ").splitlines()
