"""Time: UTC seconds from an injected clock; microseconds since 1970 in SQL; aware datetimes in the wire types."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The two clocks everything uses; a simulation replaces both."""

    def now(self) -> float:
        """UTC seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that never step; for time-outs."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """UTC seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never step."""
        return time.monotonic()


def micros(seconds: float) -> int:
    """UTC seconds to the microseconds that SQL stores."""
    return round(seconds * 1_000_000)


def moment(us: int) -> datetime:
    """Microseconds since 1970 to an aware UTC datetime."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)


def micros_of(at: datetime) -> int:
    """An aware datetime to microseconds since 1970."""
    return micros(at.timestamp())
