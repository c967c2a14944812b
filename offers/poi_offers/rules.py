"""Recurrences as words, and which of them are active: worked out once a day and once a minute for all offers."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from poi_offers.offer_conditions import Recurrence
from poi_offers.recurrence import occurrences
from poi_offers.storetime import MINUTES_PER_DAY, MINUTES_PER_WEEK

MAX_DAYS = 8
"""Days whose occurrences are kept: those of the stores' zones, and a few before."""
MAX_MINUTES = 64
"""Minutes whose active recurrences are kept."""
_MINUTE = timedelta(minutes=1)

_Span = tuple[int, int, int]
"""An occurrence on a day: its first minute, the one after its last, and the rule's number."""


class Rules:
    """The recurrences by number; `word_of` gives a number's word. Occurrences start on whole minutes."""

    def __init__(self, word_of: Callable[[int], str]) -> None:
        self._word_of = word_of
        self._rules: list[Recurrence] = []
        self._days: dict[int, tuple[int, list[_Span]]] = {}
        self._minutes: dict[int, tuple[int, list[int]]] = {}

    def active(self, count: int, day: int, minute: int) -> list[int]:
        """Which of the first `count` rules are active on a day (its ordinal) at a minute of its week."""
        moment = day * MINUTES_PER_WEEK + minute
        kept = self._minutes.get(moment)
        if kept is not None and kept[0] == count:
            return kept[1]
        now = minute % MINUTES_PER_DAY
        numbers = [number for first, last, number in self._spans(count, day) if first <= now < last]
        _make_room(self._minutes, MAX_MINUTES)
        self._minutes[moment] = (count, numbers)
        return numbers

    def _spans(self, count: int, day: int) -> list[_Span]:
        """The day's occurrences of the first `count` rules; what new rules add is added to what is kept."""
        judged, spans = self._days.get(day, (0, []))
        if judged == count:
            return spans
        known = self._rules  # another thread may be reading them too: the list is replaced, never changed
        self._rules = known = known + [rule_leaf(self._word_of(number)) for number in range(len(known), count)]
        midnight = datetime.combine(date.fromordinal(day), time())
        spans = spans + [
            ((first - midnight) // _MINUTE, (last - midnight) // _MINUTE, number)
            for number in range(judged, count)
            for first, last in occurrences(known[number], midnight.date())
        ]
        _make_room(self._days, MAX_DAYS)
        self._days[day] = (count, spans)
        return spans


def rule_word(leaf: Recurrence) -> str:
    """A recurrence as a word: the same text, start and length, the same word."""
    return f"{leaf.minutes} {leaf.start.isoformat()} {leaf.rrule}"


def rule_leaf(word: str) -> Recurrence:
    """The recurrence back from its word."""
    minutes, start, rrule = word.split(" ", 2)
    return Recurrence(rrule=rrule, start=datetime.fromisoformat(start), minutes=int(minutes))


def _make_room(kept: dict[int, tuple[int, list[int]]] | dict[int, tuple[int, list[_Span]]], most: int) -> None:
    if len(kept) >= most:
        kept.clear()
