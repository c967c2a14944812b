"""Who of a hundred thousand fits: an offer's conditions over columns of facts instead of over one customer.

A truth of everybody is two bit sets in whole numbers, a byte a customer: for whom it is true, for whom it is false;
in neither it is unknown. So Kleene's and, or, not are one operation each on all customers. Tests compare every leaf
with the offers' own rules.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from poi_engine.facts import WINDOWS
from poi_engine.segments import rfm
from poi_engine.segments.model import BUILT_IN, Rules, bought_word
from poi_offers import offer_conditions
from poi_offers.storetime import birthday_distances

NEVER = -1
"""The days since the last visit of who never came."""


class Truth(NamedTuple):
    """For whom it is true, and for whom it is false."""

    yes: int
    no: int


@dataclass(slots=True)
class People:
    """What is on file about every living customer at one moment, column by column, in the order of their ids.

    `days`: midnights since the last visit (`NEVER` without one); `visits` and `spend` by look-back in days (0 = ever).
    `objects`: 1 for whoever refused to have their purchases looked at; nobody finds them in a segment.
    """

    at: int
    today: date
    ids: list[str] = field(default_factory=list)
    tiers: list[str] = field(default_factory=list)
    words: list[tuple[str, ...]] = field(default_factory=list)
    birthdays: list[str | None] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    objects: bytearray = field(default_factory=bytearray)
    visits: dict[int, list[int]] = field(default_factory=lambda: {days: [] for days in (0, *WINDOWS)})
    spend: dict[int, list[int]] = field(default_factory=lambda: {days: [] for days in (0, *WINDOWS)})

    def cuts(self) -> rfm.Cuts:
        """The fifths of those who ever came and do not object."""
        came = [days != NEVER and not objects for days, objects in zip(self.days, self.objects, strict=True)]
        return rfm.cuts_of(came, self.days, self.visits[rfm.DAYS], self.spend[rfm.DAYS])

    def groups(self, cuts: rfm.Cuts) -> list[str | None]:
        """Each one's built-in segment."""
        rows = zip(self.visits[0], self.days, self.visits[rfm.DAYS], self.spend[rfm.DAYS], strict=True)
        return [
            rfm.group_of(ever, None if days == NEVER else days, visits, spend, cuts)
            for ever, days, visits, spend in rows
        ]


class Crowd:
    """Everybody, ready to be asked. `bought`: who bought what a `Bought` asks for, by its kinds and days."""

    def __init__(self, people: People, cuts: rfm.Cuts) -> None:
        self.people = people
        self.all = packed(b"\x01" * len(people.ids))
        self.may = self.all & ~packed(people.objects)
        self._positions = {customer_id: index for index, customer_id in enumerate(people.ids)}
        self._words: dict[str, bytearray] = {}
        for index, words in enumerate(people.words):
            for word in words:
                self._mark(word, index)
        for index, group in enumerate(people.groups(cuts)):
            if group is not None:
                self._mark(f"{BUILT_IN}{group}", index)

    def fitting(self, rules: Rules, bought: Sequence[Collection[str]]) -> int:
        """For whom the conditions are true. `bought[i]`: the ids of those who bought what `rules.bought[i]` names."""
        marks = {bought_word(index): self.marked(ids) for index, ids in enumerate(bought)}
        return self._judge(rules.condition, marks).yes & self.may

    def open_to(self, condition: offer_conditions.Condition, marks: Mapping[str, int]) -> int:
        """Whom the condition does not rule out; what the moment decides (time, place, basket) rules nobody out."""
        return self.all & ~self._judge(condition, marks).no

    def ids(self, fitting: int) -> list[str]:
        """Their ids, in order."""
        flags = fitting.to_bytes(len(self.people.ids), "little")
        return [customer_id for customer_id, flag in zip(self.people.ids, flags, strict=True) if flag]

    def in_word(self, word: str) -> int:
        """Who carries a word."""
        return packed(self._words.get(word, b"")) & self.may

    def marked(self, ids: Iterable[str]) -> int:
        """The customers of these ids."""
        flags = bytearray(len(self.people.ids))
        for customer_id in ids:
            index = self._positions.get(customer_id)
            if index is not None:
                flags[index] = 1
        return packed(flags)

    def _mark(self, word: str, index: int) -> None:
        flags = self._words.get(word)
        if flags is None:
            flags = self._words[word] = bytearray(len(self.people.ids))
        flags[index] = 1

    def _judge(self, condition: offer_conditions.Condition, marks: Mapping[str, int]) -> Truth:
        if isinstance(condition, offer_conditions.Not):
            truth = self._judge(condition.of, marks)
            return Truth(truth.no, truth.yes)
        if isinstance(condition, offer_conditions.All):
            yes, no = self.all, 0
            for part in condition.of:
                truth = self._judge(part, marks)
                yes, no = yes & truth.yes, no | truth.no
            return Truth(yes, no)
        if isinstance(condition, offer_conditions.Any):
            yes, no = 0, self.all
            for part in condition.of:
                truth = self._judge(part, marks)
                yes, no = yes | truth.yes, no & truth.no
            return Truth(yes, no)
        if isinstance(condition, offer_conditions.InSegment):
            return self._in_segment(condition, marks)
        judge = _LEAVES.get(type(condition))
        return judge(condition, self) if judge else Truth(0, 0)

    def _in_segment(self, leaf: offer_conditions.InSegment, marks: Mapping[str, int]) -> Truth:
        yes = 0 if leaf.any_of else self.all
        for word in leaf.any_of:
            yes |= marks.get(word, 0) | packed(self._words.get(word, b""))
        for word in leaf.none_of:
            yes &= ~(marks.get(word, 0) | packed(self._words.get(word, b"")))
        return self.known(yes)

    def known(self, yes: int) -> Truth:
        """A truth that is unknown of nobody."""
        return Truth(yes, self.all & ~yes)


def packed(flags: bytes | bytearray) -> int:
    """A byte a customer, as one number."""
    return int.from_bytes(flags, "little")


def count(fitting: int) -> int:
    """How many."""
    return fitting.bit_count()


# --- the leaves ----------------------------------------------------------------------------------------------------


def _flags(values: Iterable[bool]) -> int:
    return packed(bytes(values))


def _between(values: Sequence[int], low: int | None, high: int | None) -> int:
    if low is None:
        return _flags([value <= high for value in values]) if high is not None else _flags([True] * len(values))
    if high is None:
        return _flags([value >= low for value in values])
    return _flags([low <= value <= high for value in values])


def _tier(leaf: offer_conditions.TierIs, crowd: Crowd) -> Truth:
    wanted = frozenset(leaf.any_of)
    return crowd.known(_flags([tier in wanted for tier in crowd.people.tiers]))


def _birthday(leaf: offer_conditions.Birthday, crowd: Crowd) -> Truth:
    kept: dict[str | None, tuple[bool, bool]] = {None: (False, False)}
    for text in set(crowd.people.birthdays) - {None}:
        until, since = birthday_distances(crowd.people.today, date.fromisoformat(text or ""))
        fits = until <= leaf.before or since <= leaf.after
        kept[text] = (fits, not fits)
    found = [kept[text] for text in crowd.people.birthdays]
    return Truth(_flags([yes for yes, _ in found]), _flags([no for _, no in found]))


def _nth_visit(leaf: offer_conditions.NthVisit, crowd: Crowd) -> Truth:
    ever = crowd.people.visits[0]
    if leaf.every:
        return crowd.known(_flags([(visits + 1) % leaf.n == 0 for visits in ever]))
    return crowd.known(_flags([visits + 1 == leaf.n for visits in ever]))


def _recency(leaf: offer_conditions.Recency, crowd: Crowd) -> Truth:
    days = crowd.people.days
    came = _flags([one != NEVER for one in days])
    yes = _between(days, leaf.min_days, leaf.max_days) & came
    return Truth(yes, came & ~yes)


def _frequency(leaf: offer_conditions.Frequency, crowd: Crowd) -> Truth:
    return crowd.known(_between(crowd.people.visits[leaf.days], leaf.min, leaf.max))


def _spend(leaf: offer_conditions.Spend, crowd: Crowd) -> Truth:
    return crowd.known(_between(crowd.people.spend[leaf.days], leaf.min, leaf.max))


def _first_purchase(_leaf: offer_conditions.FirstPurchase, crowd: Crowd) -> Truth:
    return crowd.known(_between(crowd.people.visits[0], None, 0))


def _points(leaf: offer_conditions.PointsBalance, crowd: Crowd) -> Truth:
    return crowd.known(_between(crowd.people.points, leaf.min, leaf.max))


_LEAVES: dict[type, Callable[[Any, Crowd], Truth]] = {
    offer_conditions.TierIs: _tier,
    offer_conditions.Birthday: _birthday,
    offer_conditions.NthVisit: _nth_visit,
    offer_conditions.Recency: _recency,
    offer_conditions.Frequency: _frequency,
    offer_conditions.Spend: _spend,
    offer_conditions.FirstPurchase: _first_purchase,
    offer_conditions.PointsBalance: _points,
}
