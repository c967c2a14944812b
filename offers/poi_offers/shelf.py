"""Offers that do not change: an index over their conditions, the words they name, and their documents, all flat."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import accumulate

from poi_cext.match import Index
from poi_cext.words import Words, gather
from poi_offers.columns import Column, Family, Vocabulary
from poi_offers.compile import compile_offer
from poi_offers.model import Offer
from poi_offers.order import Key
from poi_offers.records import HEAD_SIZE, Buffer, Head, head_of, offer_of, priority_of, record_of

LAYOUT = " ".join(["2", *(name for names in (Column, Family) for name in names.__members__)])
"""The rules a shelf's pieces follow; those of other rules cannot be read."""
DOCUMENTS = "documents"
"""The largest piece, of which each offer's part is checked whenever it is decoded."""
RUN = 20_000
"""Offers sorted at a time."""
_NO_PARTS = (array("q", [0]), b"")


class Shelf:
    """Offers numbered in the order of answers, as the index's owners."""

    def __init__(
        self,
        index: Index,
        words: Words,
        ids: Words,
        heads: Buffer,
        documents: tuple[Buffer, Buffer],
        rewards: Buffer,
        versions: int,
    ) -> None:
        self.index = index
        self.words = words
        self.ids = ids
        self.rewards = memoryview(rewards).cast("B").cast("q")
        """The owners that have a price in points."""
        self.versions = versions
        """The sum of the offers' versions: with their number, a hint whether two shelves hold the same."""
        self._heads = memoryview(heads).cast("B").toreadonly()
        self._starts = memoryview(documents[0]).cast("B").cast("q")
        self._documents = memoryview(documents[1]).cast("B")
        counts = (index.owners, ids.count(0), len(self._heads) / HEAD_SIZE, len(self._starts) - 1)
        if len(set(counts)) > 1 or self._starts[-1] != len(self._documents):
            raise ValueError("offers, ids, heads and documents are not as many: {:g}, {:g}, {:g}, {:g}".format(*counts))

    def __len__(self) -> int:
        return self.index.owners

    def owner_of(self, offer_id: str) -> int:
        """The offer's number, or -1."""
        return self.ids.find(0, offer_id)

    def record(self, owner: int) -> bytes:
        """The offer's head and document."""
        head = self._heads[HEAD_SIZE * owner : HEAD_SIZE * (owner + 1)]
        return b"".join((head, self._documents[self._starts[owner] : self._starts[owner + 1]]))

    def head(self, owner: int) -> Head:
        """What is told of the offer without decoding it."""
        return head_of(self._heads, HEAD_SIZE * owner)

    def key(self, owner: int) -> Key:
        """What the offer is sorted by."""
        return -priority_of(self._heads, HEAD_SIZE * owner), self.ids.word(0, owner)

    def sections(self) -> dict[str, memoryview]:
        """Flat read-only pieces that `open` takes back."""
        parts = {"index": self.index.sections(), "words": self.words.sections(), "ids": self.ids.sections()}
        flat = {f"{part}.{name}": section for part, found in parts.items() for name, section in found.items()}
        flat |= {"heads": self._heads, "starts": self._starts, DOCUMENTS: self._documents, "rewards": self.rewards}
        return flat | {"versions": memoryview(array("q", [self.versions]))}

    @staticmethod
    def open(sections: Mapping[str, Buffer]) -> "Shelf":
        """The shelf back from its sections, without a copy; ValueError when they do not fit together."""
        parts: dict[str, dict[str, Buffer]] = {"index": {}, "words": {}, "ids": {}, "": {}}
        for path, section in sections.items():
            part, _, name = path.rpartition(".")
            parts.setdefault(part, {})[name] = section
        try:
            index, words, ids = Index.open(parts["index"]), Words.open(parts["words"]), Words.open(parts["ids"])
            own = parts[""]
            (versions,) = memoryview(own["versions"]).cast("B").cast("q")
            documents = own["starts"], own[DOCUMENTS]
            return Shelf(index, words, ids, own["heads"], documents, own["rewards"], versions)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"the sections are not a shelf's: {error!r}") from None

    def rearranged(
        self, index: Index, words: Words, picks: "array[int]", added: Sequence[bytes], changed: Iterable[str]
    ) -> "Shelf":
        """The shelf of another index, whose owner i is this one's owner `picks[i]`, or one of those added since.

        `changed` names every id added or taken out since.
        """
        ids = [offer_of(record).offer_id.encode() for record in added]
        sections = self.ids.sections()
        starts, blob = gather((sections["starts"], sections["blob"]), _parts(ids), picks)
        new_ids = Words.packed(array("q", [0, len(picks)]), starts, blob)
        of_added = _parts([record[HEAD_SIZE:] for record in added])
        documents = gather((self._starts, self._documents), of_added, picks)
        heads = [record[:HEAD_SIZE] for record in added]
        _, all_heads = gather((_steps(len(self)), self._heads), _parts(heads), picks)
        rewards = {*self.rewards, *(len(self) + i for i, record in enumerate(added) if head_of(record).is_reward)}
        owners = array("q", [new for new, old in enumerate(picks) if old in rewards] if rewards else [])
        made = Shelf(index, words, new_ids, all_heads, documents, owners, self.versions)
        made.versions += sum(made._version_of(offer_id) - self._version_of(offer_id) for offer_id in changed)
        return made

    def _version_of(self, offer_id: str) -> int:
        owner = self.owner_of(offer_id)
        return 0 if owner < 0 else self.head(owner).version


class Pieces:
    """Pieces of bytes one after the other, and where each ends."""

    def __init__(self) -> None:
        self.blob = bytearray()
        self.starts = array("q", [0])

    def add(self, piece: Buffer) -> None:
        """One more."""
        self.blob += piece
        self.starts.append(len(self.blob))

    def picked(self, picks: "array[int]") -> "tuple[array[int], bytes]":
        """These pieces, in this order."""
        return gather((self.starts, self.blob), _NO_PARTS, picks)


class ShelfBuilder:
    """Takes offers one by one, in any order; of two with the same id the later one counts.

    A million take a while, so a thread does this, and no step holds other threads up for long.
    """

    def __init__(self) -> None:
        self.vocabulary = Vocabulary()
        self._number_of: dict[str, int] = {}
        self._keys: list[Key] = []
        self._rewards: set[int] = set()
        self._versions: list[int] = []
        self._ids, self._heads, self._documents, self._clauses = Pieces(), Pieces(), Pieces(), Pieces()
        self._ends = array("q", [0])  # of each offer's clauses

    def add(self, offer: Offer) -> None:
        """Compile the offer and keep it encoded."""
        for program in compile_offer(offer, self.vocabulary):
            self._clauses.add(array("i", program))
        self._ends.append(len(self._clauses.starts) - 1)
        number, record = len(self._keys), memoryview(record_of(offer))
        self._number_of[offer.offer_id] = number
        self._keys.append((-offer.stacking.priority, offer.offer_id))
        self._versions.append(offer.version)
        self._ids.add(offer.offer_id.encode())
        self._heads.add(record[:HEAD_SIZE])
        self._documents.add(record[HEAD_SIZE:])
        if offer.reward_points is not None:
            self._rewards.add(number)

    def shelf(self) -> Shelf:
        """All of them on a shelf."""
        order = array("q", self._in_order())
        ids = Words.packed(array("q", [0, len(order)]), *self._ids.picked(order))
        rewards = array("q", [owner for owner, number in enumerate(order) if number in self._rewards])
        heads, documents = self._heads.picked(order)[1], self._documents.picked(order)
        versions = sum(self._versions[number] for number in order)
        return Shelf(self._index(order), self.vocabulary.merged(), ids, heads, documents, rewards, versions)

    def _in_order(self) -> Iterator[int]:
        """Sorted in runs, for sorting all at once would hold other threads up until it is done."""
        numbers, key = list(self._number_of.values()), self._keys.__getitem__
        runs = [sorted(numbers[first : first + RUN], key=key) for first in range(0, len(numbers), RUN)]
        return merge(*runs, key=key)

    def _index(self, order: "array[int]") -> Index:
        picks, owners = array("q"), array("i")
        for owner, number in enumerate(order):
            first, last = self._ends[number], self._ends[number + 1]
            picks.extend(range(first, last))
            owners.extend([owner] * (last - first))
        starts, words = self._clauses.picked(picks)
        begins = array("q", [start // owners.itemsize for start in starts])
        return Index.build(len(Column), len(Family), len(order), owners, begins, words)


def shelf_of(offers: Iterable[Offer]) -> Shelf:
    """These offers on a shelf."""
    builder = ShelfBuilder()
    for offer in offers:
        builder.add(offer)
    return builder.shelf()


def _steps(count: int) -> "array[int]":
    return array("q", range(0, HEAD_SIZE * count + 1, HEAD_SIZE))


def _parts(pieces: Sequence[bytes]) -> "tuple[array[int], bytes]":
    return array("q", accumulate(map(len, pieces), initial=0)), b"".join(pieces)
