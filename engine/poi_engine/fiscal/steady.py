"""Whether the clock may be believed when a day seems to be over: one that leaps ahead would close it early, for good.

A leap is what the clock went on beyond the time that has passed. A machine that slept, or is set right by the network,
leaps too: so nothing is closed by the clock for an hour, unless it leaps back before, and then it is believed. A server
that starts asks the newest receipt whether the clock can be right.
"""

from poi_engine.clock import Clock

LEAP = 300.0  # seconds
PATIENCE = 3600.0  # seconds
ABSENCE = 31 * 86_400.0  # seconds without a receipt: a long holiday, or a wrong clock


def odd_gap(now: float, newest: float) -> int:
    """By how many seconds the clock is implausibly far ahead of the `newest` receipt, or (negative) behind it.

    0 when it may be right, or when there is no receipt (0). Both in UTC seconds.
    """
    gap = now - newest
    return 0 if not newest or -LEAP <= gap <= ABSENCE else round(gap)


class Steady:
    """Looks at the clock from time to time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = (clock.now(), clock.monotonic())
        self._since: float | None = None

    def begin(self, newest: float, leapt: float) -> int:
        """When the server starts: the odd gap between the clock and the `newest` receipt. `leapt`: when the clock last
        leapt ahead. Both in UTC seconds, 0 for never."""
        now, monotonic = self._seen = (self._clock.now(), self._clock.monotonic())
        odd = odd_gap(now, newest)
        if odd:
            self._since = monotonic
        elif 0 <= now - leapt < PATIENCE:
            self._since = monotonic - (now - leapt)
        return odd

    def look(self) -> int:
        """By how many seconds the clock has leapt ahead since the last look; 0 when it has not."""
        before, passed = self._seen
        now, monotonic = self._seen = (self._clock.now(), self._clock.monotonic())
        leap = (now - before) - (monotonic - passed)
        if leap > LEAP:
            self._since = monotonic
        elif leap < -LEAP or (self._since is not None and monotonic - self._since >= PATIENCE):
            self._since = None
        return round(leap) if leap > LEAP else 0

    @property
    def believed(self) -> bool:
        """Whether it has gone on evenly for long enough, as of the last look."""
        return self._since is None
