"""A clock that steps: somebody sets it, daylight saving is taken for time, a time server has its way."""

from tests.engine.shop import FakeClock


class SteppingClock(FakeClock):
    """Only the time of day steps; what time-outs are measured with goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._off = 0.0

    def now(self) -> float:
        """UTC seconds, as wrong as it was set."""
        return super().now() + self._off

    def step(self, seconds: float) -> None:
        """The time of day is `seconds` later, or earlier."""
        self._off += seconds
