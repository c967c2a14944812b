"""What a run is told to do, how far it is, and what came of it."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Plan:
    """A run's orders. `times`: how many faults of each kind; `until`: when to stop all the same, monotonic seconds."""

    folder: Path
    storage: str
    seed: int
    times: int
    until: float = float("inf")
    say: Callable[[str], None] = lambda _text: None

    @property
    def over(self) -> bool:
        """No time is left."""
        return time.monotonic() > self.until


@dataclass
class Outcome:
    """What one kind of fault came to. `failure`: empty when every promise held."""

    fault: str
    storage: str
    times: int = 0
    sales: int = 0
    repeated: int = 0
    seconds: float = 0.0
    failure: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def row(self) -> dict[str, Any]:
        """As it is written to JSON."""
        return asdict(self) | {"seen": dict(sorted(self.seen.items()))}


def table(outcomes: list[Outcome]) -> str:
    """All of them, for people."""
    lines = [f"{'fault':<26} {'storage':<11} {'times':>8} {'sales':>9} {'repeated':>9} {'seconds':>8}  result"]
    for one in outcomes:
        result = one.failure.splitlines()[0][:90] if one.failure else "kept"
        lines.append(
            f"{one.fault:<26} {one.storage:<11} {one.times:>8,} {one.sales:>9,} {one.repeated:>9,} "
            f"{one.seconds:>8.1f}  {result}"
        )
    return "\n".join(lines)


class Progress:
    """A line every few seconds."""

    def __init__(self, fault: str, every: float = 5.0) -> None:
        self._fault = fault
        self._every = every
        self._last = 0.0

    def __call__(self, text: str) -> None:
        """Say how far it is, if it is time."""
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            print(f"{self._fault}: {text}", file=sys.stderr, flush=True)
