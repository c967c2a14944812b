"""The live offers and the question asked of them: which conditions are true in this situation?"""

import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, Self

from poi_cext.match import Event, Matcher
from poi_offers.columns import Vocabulary, event
from poi_offers.compile import compile_offer
from poi_offers.effects import EffectBook
from poi_offers.eligibility import truth_of
from poi_offers.model import Offer
from poi_offers.order import STEP, Key, Orders
from poi_offers.records import Buffer, Head, head_of, offer_of, record_of
from poi_offers.scene import Scene
from poi_offers.shelf import Shelf, shelf_of
from poi_offers.situation import Situation

MAX_DECODED = 4096
"""Offers that are kept decoded; the one asked for longest ago goes first."""
MIN_CHANGES = 1024
"""Changes that are worth a merge, however small the shelf."""
CHANGED_SHARE = 50
"""A merge is due when one offer of so many has changed."""
GONE = -1


class View:
    """A shelf and the changes since: what one question is asked of."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.matcher = Matcher(shelf.index)
        self.records: list[bytes] = []
        """Of the owners added, in the order of their numbers; a discarded one's stays."""
        self.owners: dict[str, int] = {}
        """Of the ids changed since: the owner, or `GONE`."""
        self.rewards: set[int] = set()
        """Added owners that have a price in points."""
        self.order_of: list[int] = []
        self.orders = Orders(len(shelf), shelf.key)
        self.offer = _decoded(shelf, self.records)

    def owner_of(self, offer_id: str) -> int:
        """The living offer's owner, or `GONE`."""
        owner = self.owners.get(offer_id)
        return self.shelf.owner_of(offer_id) if owner is None else owner

    def head(self, owner: int) -> Head:
        """What is told of an owner's offer without decoding it."""
        count = len(self.shelf)
        return self.shelf.head(owner) if owner < count else head_of(self.records[owner - count])

    def record(self, owner: int) -> bytes:
        """An owner's offer as bytes."""
        return _record(self.shelf, self.records, owner)

    def order(self, owner: int) -> int:
        """What an owner is sorted by."""
        count = len(self.shelf)
        return owner * STEP if owner < count else self.order_of[owner - count]

    def living(self) -> list[int]:
        """Every owner, in no order."""
        owners = range(len(self.shelf) + len(self.records))
        return [owner for owner in owners if self.matcher.lives(owner)]

    def add(self, record: bytes, key: Key, programs: list[list[int]]) -> bool:
        """Take in an offer; False when its place among the others has no integer left."""
        order = self.orders.give(key)
        if order is None:
            return False
        self.records.append(record)
        self.order_of.append(order)
        owner = self.matcher.add(order, programs)
        if head_of(record).is_reward:
            self.rewards.add(owner)
        self.owners[key[1]] = owner
        return True

    def discard(self, offer_id: str) -> int:
        """Take an offer out; its owner, or `GONE` when there was none."""
        owner = self.owner_of(offer_id)
        if owner != GONE:
            self.matcher.discard(owner)
            self.owners[offer_id] = GONE
        return owner


def _record(shelf: Shelf, records: list[bytes], owner: int) -> bytes:
    return shelf.record(owner) if owner < len(shelf) else records[owner - len(shelf)]


def _decoded(shelf: Shelf, records: list[bytes]) -> Callable[[int], Offer]:
    """An owner's offer, some of them kept. It does not know its view, so that a view left behind goes at once."""
    return lru_cache(MAX_DECODED)(lambda owner: offer_of(_record(shelf, records, owner)))


class Merge(NamedTuple):
    """A merge under way: the view it merges, and the ids changed since it began."""

    view: View
    changed: set[str]


class Merged(NamedTuple):
    """A merge's result: the new shelf, and the owner that each of its owners was in the old view."""

    shelf: Shelf
    were: "array[int]"


class Catalogue:
    """Offers by id. `version` counts the changes, so a decision can say which state it saw.

    A large part never changes and may be shared with other processes (`Shelf`); the changes since are beside it, seen
    by the next question, until a merge makes a new shelf of both. One thread changes; any thread may ask, and asks
    again if something was changed meanwhile: nobody waits, nobody sees half a change.
    """

    def __init__(self, offers: Iterable[Offer] = (), version: int = 0, *, shelf: Shelf | None = None) -> None:
        shelf = shelf or shelf_of(offers)
        self._vocabulary = Vocabulary(shelf.words)
        self.effects = EffectBook()
        self._view = View(shelf)
        self._count = len(shelf)
        self._versions = shelf.versions
        self._merge: Merge | None = None
        self._steps = 0  # odd while something is being changed
        self.version = version

    @classmethod
    def open(cls, sections: Mapping[str, Buffer], version: int) -> Self:
        """A catalogue over a shelf's sections, without a copy; ValueError when they do not fit together."""
        return cls(version=version, shelf=Shelf.open(sections))

    def __len__(self) -> int:
        return self._count

    @property
    def shelf(self) -> Shelf:
        """The part that does not change."""
        return self._view.shelf

    @property
    def versions(self) -> int:
        """The sum of the offers' versions: with their number, a hint whether two catalogues hold the same."""
        return self._versions

    @property
    def changes(self) -> int:
        """Offers added and taken out since the shelf was made."""
        return self._view.matcher.added + self._view.matcher.dead

    @property
    def wants_merge(self) -> bool:
        """So much has changed that a new shelf is due."""
        return self._merge is None and self.changes >= max(MIN_CHANGES, len(self.shelf) // CHANGED_SHARE)

    def get(self, offer_id: str) -> Offer | None:
        """The offer, or None."""
        view = self._view
        owner = view.owner_of(offer_id)
        return None if owner == GONE else view.offer(owner)

    def version_of(self, offer_id: str) -> int | None:
        """The offer's version, or None; it is not decoded for that."""
        view = self._view
        owner = view.owner_of(offer_id)
        return None if owner == GONE else view.head(owner).version

    def offers(self) -> list[Offer]:
        """Every offer, by id."""
        view = self._view
        return sorted(map(view.offer, view.living()), key=lambda offer: offer.offer_id)

    def rewards(self) -> list[Offer]:
        """Every offer that has a price in points, by id."""
        view = self._view
        found = [owner for owner in (*view.shelf.rewards, *view.rewards) if view.matcher.lives(owner)]
        return sorted(map(view.offer, found), key=lambda offer: offer.offer_id)

    # --- changes --------------------------------------------------------------------------------------------------

    def put(self, offer: Offer) -> None:
        """Add an offer or replace its former version; the next question sees it."""
        with self._changing():
            programs = compile_offer(offer, self._vocabulary)
            self._forget(offer.offer_id)
            self._add(offer, programs)

    def remove(self, offer_id: str) -> None:
        """Take an offer out; an unknown id changes nothing."""
        with self._changing():
            self.version += self._forget(offer_id)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Whoever asks in another thread meanwhile asks again."""
        outermost = 1 - (self._steps & 1)
        self._steps += outermost
        try:
            yield
        finally:
            self._steps += outermost

    def _add(self, offer: Offer, programs: list[list[int]]) -> None:
        key = (-offer.stacking.priority, offer.offer_id)
        record = record_of(offer)
        if not self._view.add(record, key, programs):
            self._make_room()
            self._view.add(record, key, programs)
        self._count += 1
        self._versions += offer.version
        self.version += 1

    def _make_room(self) -> None:
        """Merge at once, because between two neighbours no integer is left."""
        self._merge = None
        merge = self.start_merge()
        self.finish_merge(merge, self.merged(merge))

    def _forget(self, offer_id: str) -> bool:
        owner = self._view.discard(offer_id)
        if self._merge is not None:
            self._merge.changed.add(offer_id)
        if owner == GONE:
            return False
        self._count -= 1
        self._versions -= self._view.head(owner).version
        return True

    # --- merging --------------------------------------------------------------------------------------------------

    def start_merge(self) -> Merge:
        """Begin to merge: from now on changes are remembered."""
        self._merge = Merge(self._view, set())
        return self._merge

    def merged(self, merge: Merge) -> Merged:
        """What lives, as a new shelf. Any thread may do this, while another one asks and changes."""
        view = merge.view
        index, were = view.matcher.merged()
        words = self._vocabulary.merged()
        return Merged(view.shelf.rearranged(index, words, were, view.records[:], list(view.owners)), were)

    def finish_merge(self, merge: Merge, merged: Merged) -> None:
        """Ask the new shelf from now on, with the changes made since the merge began; a merge overtaken is dropped."""
        if self._merge is not merge:
            return
        self._merge = None
        view = View(merged.shelf)
        for offer_id in sorted(merge.changed):
            if not self._carry(offer_id, merge.view, view, merged.were):
                return
        with self._changing():
            self._vocabulary.rebase(merged.shelf.words)
            self._view = view

    def abandon_merge(self, merge: Merge) -> None:
        """The merge failed: a later one may be started."""
        if self._merge is merge:
            self._merge = None

    def _carry(self, offer_id: str, old: View, new: View, were: "array[int]") -> bool:
        """Bring an offer changed meanwhile over to the new view; False when there is no room for it."""
        owner, merged = old.owner_of(offer_id), new.owner_of(offer_id)
        if merged != GONE and were[merged] == owner:
            return True
        new.discard(offer_id)
        if owner == GONE:
            return True
        programs = compile_offer(old.offer(owner), self._vocabulary)
        return new.add(old.record(owner), (-old.head(owner).priority, offer_id), programs)

    # --- questions ------------------------------------------------------------------------------------------------

    def eligible(self, situation: Situation, top: int = 0) -> list[Offer]:
        """Exactly the offers whose conditions are true, by priority descending, then offer id; `top` of them."""
        scene = Scene(situation)

        def ask(view: View, facts: Event) -> list[int]:
            place = self._vocabulary.spot(situation.place).key
            found, asked = [], top
            while True:
                sure, maybe = view.matcher.match(facts, place, asked)
                found = _confirmed(view, scene, sure, maybe)
                if not asked or len(found) >= top or len(sure) + len(maybe) < asked:
                    return found[:top] if top else found
                asked *= 2

        return self._ask(scene, ask)

    def in_reach(self, situation: Situation, most: int | None = None, besides: Collection[str] = ()) -> list[Offer]:
        """The offers that place and day do not rule out, sorted alike: those worth explaining at a counter.

        `most` of them, without those whose ids are in `besides`.
        """

        def ask(view: View, facts: Event) -> list[int]:
            owners = view.matcher.reach(facts, self._vocabulary.spot(situation.place).key)
            known = set(map(view.owner_of, besides))
            return list(islice((owner for owner in owners if owner not in known), most))

        return self._ask(Scene(situation), ask)

    def _ask(self, scene: Scene, ask: Callable[[View, Event], list[int]]) -> list[Offer]:
        """Ask until nothing was changed meanwhile by another thread."""
        while True:
            before, view = self._steps, self._view
            owners = ask(view, event(scene, self._vocabulary))
            found = list(map(view.offer, owners))
            if before == self._steps and not before & 1:
                return found
            time.sleep(0)


def _confirmed(view: View, scene: Scene, sure: list[int], maybe: list[int]) -> list[int]:
    """The sure ones and those of the others of which the oracle says so, in order."""
    true = [owner for owner in maybe if truth_of(view.offer(owner).conditions, scene)]
    return sorted(sure + true, key=view.order) if true else sure
