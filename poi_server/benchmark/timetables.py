"""Weekly timetables: hours of the week in which something holds, shared by many offers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from poi_offers.offer_conditions import Weekly, WeeklyWindow

HOURS = 168


@dataclass(frozen=True, slots=True)
class Timetable:
    """Some weekdays (1 = Monday) from an hour on, for some hours; it may run past midnight."""

    days: tuple[int, ...]
    start: int
    length: int

    @property
    def hours(self) -> tuple[int, ...]:
        """Hours since Monday 00:00."""
        starts = [(day - 1) * 24 + self.start for day in self.days]
        return tuple(sorted({(first + more) % HOURS for first in starts for more in range(self.length)}))

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The same as minutes of the week, first and last included, joined and in order."""
        spans: list[tuple[int, int]] = []
        for hour in self.hours:
            if spans and spans[-1][1] == hour * 60 - 1:
                spans[-1] = (spans[-1][0], hour * 60 + 59)
            else:
                spans.append((hour * 60, hour * 60 + 59))
        return spans

    @property
    def bits(self) -> int:
        """The same as a mask of 168 bits."""
        return sum(1 << hour for hour in self.hours)

    @property
    def condition(self) -> Weekly:
        """The same as a condition of an offer."""
        end = f"{(self.start + self.length) % 24:02}:00"
        return Weekly(windows=(WeeklyWindow(days=self.days, start=f"{self.start:02}:00", end=end),))


def make_timetables(dice: np.random.Generator, count: int) -> tuple[Timetable, ...]:
    """So many timetables; every fifth starts late enough to run past midnight."""
    return tuple(_timetable(dice, late=number % 5 == 0) for number in range(count))


def _timetable(dice: np.random.Generator, *, late: bool) -> Timetable:
    picked: NDArray[np.int64] = dice.permutation(7)[: int(dice.integers(1, 8))]
    days = tuple(sorted(int(day) + 1 for day in picked))
    return Timetable(days, int(dice.integers(18, 22) if late else dice.integers(6, 16)), int(dice.integers(3, 9)))
