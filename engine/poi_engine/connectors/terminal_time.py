"""How far the clocks of terminals are from ours, by what they say: one of both is wrong."""

import logging
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_log = logging.getLogger(__name__)
APART = 300.0  # seconds; a terminal may name a payment by the moment when it began


class TerminalTimes:
    """What the terminals of this process said last."""

    def __init__(self) -> None:
        self._gaps: dict[str, int] = {}

    def heard(self, station_id: str, said: str, now: float) -> None:
        """The station's terminal said that it is `said`, a stamp with its offset or an HTTP date; without an offset it
        says nothing. `now`: our clock, UTC seconds."""
        there = _moment(said)
        if there is None:
            return
        gap = round(there - now)
        if abs(gap) <= APART:
            self._gaps.pop(station_id, None)
        elif station_id not in self._gaps:
            _log.warning("the clock of the terminal of %s is %+d s from ours: one of both is wrong", station_id, gap)
        if abs(gap) > APART:
            self._gaps[station_id] = gap

    @property
    def gaps(self) -> Mapping[str, int]:
        """By how many seconds terminals are ahead of our clock (negative: behind), by station, if by minutes."""
        return dict(self._gaps)


def _moment(said: str) -> float | None:
    try:
        found = datetime.fromisoformat(said) if said[:1].isdigit() else parsedate_to_datetime(said)
    except (ValueError, TypeError, IndexError):
        return None
    return None if found.tzinfo is None else found.timestamp()
