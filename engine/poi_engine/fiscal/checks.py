"""Checks the stored books row by row, and names the first row of each chain that does not hold.

Beside each chain's own links: what a row's columns say of its document; closings add up their receipts and go on from
one another, signed by a known key; and the chains hold one another, for each closing says where the others stood.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from poi_engine.clock import micros_of
from poi_engine.fiscal.chain import CLOSINGS, EVENTS, JOURNAL, PAGE, TRAINING, Anchor, Break, Chain, Walk, origin
from poi_engine.fiscal.closing_rules import follows
from poi_engine.fiscal.events import MERCHANT, Event, event_of
from poi_engine.fiscal.journal import CLOCK_BACK
from poi_engine.fiscal.keys import CLOSING, holds, key_id_of
from poi_engine.fiscal.model import Closing, closing_of
from poi_engine.fiscal.pay_backs import PayBackSum
from poi_engine.fiscal.totals import Counted, Sum, counted
from poi_engine.ports import Job, Query, Row

D = TypeVar("D")
WORDS = {JOURNAL.name: "receipt", CLOSINGS.name: "closing", EVENTS.name: "event", TRAINING.name: "exercise"}
"""What a row of each chain is called."""
_RULES = {
    JOURNAL.name: "journal-chain",
    CLOSINGS.name: "closing-chain",
    EVENTS.name: "event-chain",
    TRAINING.name: "training-chain",
}


class Fault(Struct, frozen=True, kw_only=True):
    """What does not hold: the rule's stable name, the station (or `merchant`), and a sentence that names the row."""

    merchant_id: str
    rule: str
    subject: str
    message: str


class _Place(NamedTuple):
    m: str
    station_id: str


class Books:
    """What one check learns from the closings, and then looks for in the other chains."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], bytes] = {}
        self.days: defaultdict[_Place, list[Closing]] = defaultdict(list)
        self.hashes: defaultdict[_Place, dict[int, str]] = defaultdict(dict)
        self.anchors: defaultdict[tuple[str, _Place], dict[int, tuple[str, int]]] = defaultdict(dict)

    def expect(self, chain: Chain, place: _Place, anchor: Anchor, closing: int) -> None:
        """A closing says where a chain stood."""
        self.anchors[chain.name, place].setdefault(anchor.number, (anchor.hash, closing))


class Walker(ABC, Generic[D]):
    """One chain's check; subclasses say how its documents are read, and what they must say."""

    chain: Chain
    columns: tuple[str, ...] = ()
    head_columns: tuple[str, ...] = ()

    def __init__(self, books: Books, place: _Place) -> None:
        self.books = books
        self.place = place
        self.walk = Walk(self.chain, *place)

    def run(self) -> Job[list[Fault]]:
        """Walk the whole chain; stops behind the first row that is broken or says something else than its document."""
        m, station_id = self.place
        names = ", ".join(("number", "format", "document", "previous", "hash", *self.columns))
        while True:
            before = self.walk.number
            rows = yield Query(
                f"select {names} from {self.chain.rows} where merchant_id = ? and station_id = ? and number > ?"
                f" order by number limit {PAGE}",
                (m, station_id, before),
            )
            broken = self.walk.steps(rows)
            for row in rows[: self.walk.number - before]:
                if faults := list(self.row(row)):
                    return faults
            if broken:
                return [self._broken(broken)]
            if len(rows) < PAGE:
                break
        return (yield from self._end())

    def row(self, row: Row) -> Iterator[Fault]:
        """What is wrong with a row whose link holds."""
        try:
            document = self.read(row["document"])
        except msgspec.DecodeError as error:
            yield self.fault(row["number"], f"cannot be read: {error}")
            return
        if self.told(document) != (row["number"], row["format"], self.place.station_id, *self.expected(row)):
            yield self.fault(row["number"], "stands as another one than it says")
        yield from self.held(row)
        yield from self.learn(row, document)

    @abstractmethod
    def read(self, document: bytes) -> D:
        """A row's document; raises `msgspec.DecodeError` when it is none."""

    @abstractmethod
    def told(self, document: D) -> tuple[object, ...]:
        """What a document says: its number, format and station, and what is `expected` besides."""

    def expected(self, row: Row) -> tuple[object, ...]:
        """What a row's other columns say."""
        return tuple([row[name] for name in self.columns])

    def learn(self, row: Row, document: D) -> Iterator[Fault]:
        """What is wrong with what a document holds."""
        yield from ()

    def head(self, head: Row) -> Iterator[Fault]:
        """What is wrong with a head that names the last row."""
        yield from ()

    def fault(self, number: int, words: str, rule: str | None = None) -> Fault:
        """A fault of one row."""
        message = f"{WORDS[self.chain.name]} {number} {words}"
        subject = self.place.station_id or "merchant"
        return Fault(merchant_id=self.place.m, rule=rule or _RULES[self.chain.name], subject=subject, message=message)

    def differs(self, closing: Closing, words: str) -> Fault:
        """A closing's sums are not what they should be."""
        message = f"closing {closing.number} {words}"
        return Fault(merchant_id=self.place.m, rule="closing-totals", subject=self.place.station_id, message=message)

    def held(self, row: Row) -> Iterator[Fault]:
        """A closing said what this row's hash is."""
        expected = self._anchors.pop(row["number"], None)
        if expected is not None and expected[0] != row["hash"].hex():
            yield self.fault(row["number"], f"is not the one that closing {expected[1]} stands on")

    @property
    def _anchors(self) -> dict[int, tuple[str, int]]:
        return self.books.anchors[self.chain.name, self.place]

    def _broken(self, broken: Break) -> Fault:
        word = WORDS[self.chain.name]
        message = f"the chain is broken at {word} {broken.number}: {broken.why}"
        subject = self.place.station_id or "merchant"
        return Fault(merchant_id=self.place.m, rule=_RULES[self.chain.name], subject=subject, message=message)

    def _end(self) -> Job[list[Fault]]:
        names = ", ".join(("number", "hash", *self.head_columns))
        heads = yield Query(
            f"select {names} from {self.chain.head} where merchant_id = ? and station_id = ?", tuple(self.place)
        )
        if broken := self.walk.end(heads[0] if heads else None):
            return [self._broken(broken)]
        first = self._anchors.pop(0, None)
        faults = list(self.head(heads[0])) if heads else []
        if first is not None and first[0] != origin(self.chain, *self.place).hex():
            faults.append(self.fault(0, f"is not the origin that closing {first[1]} stands on"))
        faults += [self.fault(n, f"is gone, but closing {by} stands on it") for n, (_, by) in self._anchors.items()]
        self._anchors.clear()
        return faults


class ClosingWalker(Walker[Closing]):
    """Closings: signed, and each going on from the one before."""

    chain = CLOSINGS
    columns = ("kind", "period", "key_id", "signature")
    head_columns = ("receipt", "closed_until")

    def __init__(self, books: Books, place: _Place) -> None:
        super().__init__(books, place)
        self._made: list[Closing] = []
        self._receipt = self._until = 0

    def read(self, document: bytes) -> Closing:
        return closing_of(document)

    def told(self, document: Closing) -> tuple[object, ...]:
        return (document.number, document.format, document.station_id, document.kind, document.period)

    def expected(self, row: Row) -> tuple[object, ...]:
        return (row["kind"], row["period"])

    def learn(self, row: Row, document: Closing) -> Iterator[Fault]:
        number = row["number"]
        public = self.books.keys.get((self.place.m, row["key_id"]), b"")
        if not holds(public, row["signature"], CLOSING + row["hash"]):
            yield self.fault(number, f"is not signed by key {row['key_id']}", "closing-signature")
        for wrong in follows(document, self._made):
            yield self.fault(number, wrong, "closing-totals")
        self._learn(document, row["hash"].hex())

    def head(self, head: Row) -> Iterator[Fault]:
        if (head["receipt"], head["closed_until"]) != (self._receipt, self._until):
            yield self.fault(head["number"], "is the last, but the head says it closed something else")

    def _learn(self, closing: Closing, digest: str) -> None:
        books, place = self.books, self.place
        self._made.append(closing)
        books.hashes[place][closing.number] = digest
        books.expect(EVENTS, place, closing.events, closing.number)
        books.expect(EVENTS, _Place(place.m, MERCHANT), closing.merchant_events, closing.number)
        books.expect(TRAINING, place, closing.training, closing.number)
        if closing.kind == "day":
            books.days[place].append(closing)
            books.expect(JOURNAL, place, Anchor(number=closing.last, hash=closing.journal_hash), closing.number)
            self._receipt, self._until = closing.last, max(self._until, closing.ends)


class JournalWalker(Walker[Counted]):
    """Receipts, and the closings that add them up."""

    chain = JOURNAL
    columns = ("kind", "sale_id", "created_at")
    head_columns = ("latest",)

    def __init__(self, books: Books, place: _Place) -> None:
        super().__init__(books, place)
        self._days = books.days[place][::-1]
        self._sum = Sum()
        self._carried: tuple[int, int] | None = (0, 0)
        self._latest = 0

    def read(self, document: bytes) -> Counted:
        return counted(document)

    def told(self, document: Counted) -> tuple[object, ...]:
        one = document
        return (one.number, one.format, one.station_id, one.kind, one.sale_id, one.training)

    def expected(self, row: Row) -> tuple[object, ...]:
        return (row["kind"], row["sale_id"], False)

    def learn(self, row: Row, document: Counted) -> Iterator[Fault]:
        written, by_the_second = row["created_at"], row["format"] == 1
        if micros_of(document.at) != (written - written % 1_000_000 if by_the_second else written):
            yield self.fault(row["number"], "was written at another moment than it says")
        if not by_the_second:
            back = self._latest - row["created_at"] > CLOCK_BACK
            self._latest = row["created_at"] if back else max(self._latest, row["created_at"])
        yield from self._count(row["number"], document)

    def head(self, head: Row) -> Iterator[Fault]:
        if head["latest"] != self._latest:
            yield self.fault(head["number"], "is the last, but the head says it was made at another time")
        while self._days and self._days[-1].last <= head["number"]:  # closings of no receipts at the very end
            yield from self._close(self._days.pop())

    def _count(self, number: int, receipt: Counted) -> Iterator[Fault]:
        while self._days and self._days[-1].last < number:  # closings of no receipts
            yield from self._close(self._days.pop())
        if self._days and number == self._days[-1].first:
            yield from self._carry(self._days[-1])
        self._sum.add(receipt)
        if self._days and number == self._days[-1].last:
            yield from self._close(self._days.pop())

    def _carry(self, closing: Closing) -> Iterator[Fault]:
        """Before the first closing: what was sold before it."""
        if self._carried is not None:
            before, self._sum, self._carried = self._sum.totals(), Sum(), None
            if (closing.carried_sales, closing.carried_total) != (before.sales_total, before.total):
                yield self.differs(closing, "does not carry what the receipts before it add up to")

    def _close(self, closing: Closing) -> Iterator[Fault]:
        if closing.first > closing.last:
            yield from self._carry(closing)
        found, self._sum = self._sum.totals(), Sum()
        if found != closing.totals():
            yield self.differs(closing, f"does not add up receipts {closing.first} to {closing.last}")


class EventWalker(Walker[Event]):
    """Events; each closing has its own, and adds up what was paid back."""

    chain = EVENTS
    columns = ("kind", "subject")

    def __init__(self, books: Books, place: _Place) -> None:
        super().__init__(books, place)
        self._days = books.days[place][::-1]
        self._paid_back = PayBackSum()

    def read(self, document: bytes) -> Event:
        return event_of(document)

    def told(self, document: Event) -> tuple[object, ...]:
        return (document.number, document.format, document.station_id, document.kind, document.subject)

    def learn(self, row: Row, document: Event) -> Iterator[Fault]:
        yield from self._close(row["number"] - 1)
        if document.kind == "paid-back":
            if self._days and row["number"] >= self._days[-1].paid_back.first:  # else before the first closing
                self._paid_back.add(document)
        elif document.kind == "closing":
            number, digest = document.values["number"], document.values["hash"]
            if self.books.hashes[self.place].pop(int(number), None) != digest:
                yield self.fault(row["number"], f"tells of closing {number}, which is not there as it was")

    def head(self, head: Row) -> Iterator[Fault]:
        yield from self._close(head["number"])
        for number in self.books.hashes.pop(self.place, {}):
            yield self.fault(head["number"], f"is the last, but no event tells of closing {number}")

    def _close(self, number: int) -> Iterator[Fault]:
        """The closings that add up no event after this one."""
        while self._days and self._days[-1].paid_back.last <= number:
            closing, found = self._days.pop(), self._paid_back.totals()
            self._paid_back = PayBackSum()
            if found != closing.paid_back.by:
                yield self.differs(closing, "does not add up what was paid back")


class TrainingWalker(Walker[Counted]):
    """Exercises."""

    chain = TRAINING

    def read(self, document: bytes) -> Counted:
        return counted(document)

    def told(self, document: Counted) -> tuple[object, ...]:
        return (document.number, document.format, document.station_id, document.training)

    def expected(self, row: Row) -> tuple[object, ...]:
        return (True,)


def faults() -> Job[list[Fault]]:
    """Everything that does not hold in the fiscal part, of every merchant."""
    books, found = Books(), []
    for row in (yield Query("select merchant_id, key_id, public_key from fiscal_key")):
        if key_id_of(bytes(row["public_key"])) == row["key_id"]:
            books.keys[row["merchant_id"], row["key_id"]] = bytes(row["public_key"])
    for kind in (ClosingWalker, JournalWalker, EventWalker, TrainingWalker):
        places = yield from _places(kind.chain)
        expected = {place for name, place in books.anchors if name == kind.chain.name}
        for place in sorted(places | expected):
            found += yield from kind(books, place).run()
    for place, numbers in books.hashes.items():
        found += [EventWalker(books, place).fault(0, f"tells of closing {number}: it is gone") for number in numbers]
    return found


def against(keys: Collection[bytes], seals: Collection[bytes]) -> Job[list[Fault]]:
    """What contradicts the public keys and closings' hashes that were written down elsewhere.

    Whoever may write the database could put a key of their own in the place of all, take the newest closings away, or a
    whole station: the books alone do not show that.
    """
    found = []
    for row in (yield Query("select merchant_id, key_id, public_key from fiscal_key")) if keys else ():
        if bytes(row["public_key"]) not in keys:
            words = "has signed closings, and is none of the keys given"
            found.append(Fault(merchant_id=row["merchant_id"], rule="fiscal-key", subject=row["key_id"], message=words))
    for seal in seals:
        if not (yield Query("select number from closing where hash = ?", (seal,))):
            words = "is the hash of a closing that is not in these books"
            found.append(Fault(merchant_id="", rule="closing-seal", subject=seal.hex(), message=words))
    return found


def _places(chain: Chain) -> Job[set[_Place]]:
    rows = yield Query(
        f"select merchant_id, station_id from {chain.rows} union select merchant_id, station_id from {chain.head}"
    )
    return {_Place(row["merchant_id"], row["station_id"]) for row in rows}
