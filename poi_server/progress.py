"""A bar with the rate and the time that is left, on a terminal; a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_WIDTH = 28
_EVERY = 0.2  # seconds, on a terminal
_SELDOM = 10.0


class Progress:
    """Shows how far a count has come. `stream` is standard error by default; `clock` gives seconds."""

    def __init__(
        self, label: str, total: int, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label = label
        self._total = max(total, 1)
        self._stream = stream or sys.stderr
        self._clock = clock
        self._live = self._stream.isatty()
        self._start = self._shown = clock()
        self._first = self.done = 0

    def skip(self, count: int) -> None:
        """So many were there already; they do not count for the rate."""
        self._first += count
        self.step(count)

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self.done += count
        now = self._clock()
        if now - self._shown >= (_EVERY if self._live else _SELDOM):
            self._shown = now
            self._draw(now)

    def close(self) -> None:
        """Show the end."""
        self._draw(self._clock())
        if self._live:
            self._stream.write("\n")

    def line(self, now: float) -> str:
        """The text shown at `now` (seconds)."""
        share = min(self.done / self._total, 1.0)
        seconds = max(now - self._start, 1e-9)
        rate = (self.done - self._first) / seconds
        bar = ("#" * round(share * _WIDTH)).ljust(_WIDTH, ".")
        left = f", {_time((self._total - self.done) / rate)} left" if rate and self.done < self._total else ""
        return f"{self._label:<10} [{bar}] {self.done}/{self._total}, {rate:.0f}/s, {_time(seconds)}{left}"

    def _draw(self, now: float) -> None:
        text = self.line(now)
        self._stream.write(f"\r{text:<100}" if self._live else f"{text}\n")
        self._stream.flush()


def _time(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
