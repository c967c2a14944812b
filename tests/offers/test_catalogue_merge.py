"""Merges: a new shelf of what lives, with the changes made meanwhile; and shelves opened from flat pieces."""

import gc
import threading
import weakref
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from poi_offers import catalogue
from poi_offers.catalogue import Catalogue, Merge, Merged
from poi_offers.model import Offer
from poi_offers.offer_conditions import Channel, InSegment, Stores, Subtotal
from poi_offers.order import Orders
from poi_offers.shelf import Shelf
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.offers.catalogues import each_matcher, expected, ids, offer, take_twin
from tests.offers.generate import Generator
from tests.offers.scenes import at

__all__ = ["each_matcher"]


def merge(offers: Catalogue) -> None:
    under_way = offers.start_merge()
    offers.finish_merge(under_way, offers.merged(under_way))


def reopened(offers: Catalogue) -> Catalogue:
    """A catalogue over copies of the shelf's pieces, as another process maps them, with what was changed since."""
    other = Catalogue.open({name: section.tobytes() for name, section in offers.shelf.sections().items()}, 0)
    living = {one.offer_id: one for one in offers.offers()}
    for one in other.offers():
        if one.offer_id not in living:
            other.remove(one.offer_id)
    for one in living.values():
        if other.get(one.offer_id) != one:
            other.put(one)
    return other


@pytest.mark.usefixtures("each_matcher")
def test_a_merge_changes_no_answer() -> None:
    offers = Catalogue([offer("b"), offer("d", priority=2), offer("e", Channel(any_of=("phone",)))])
    offers.put(offer("a"))
    offers.put(offer("c", priority=2, version=3))
    offers.put(offer("d", Stores(any_of=("sto_paris",)), priority=1, version=2))
    offers.remove("b")
    before = offers.eligible(at())
    assert (ids(before), offers.changes, len(offers.shelf)) == (["c", "d", "a"], 5, 3)
    merge(offers)
    assert offers.eligible(at()) == before
    assert (offers.changes, len(offers.shelf), len(offers), offers.versions) == (0, 4, 4, 7)
    assert offers.shelf.versions == 7


@pytest.mark.usefixtures("each_matcher")
def test_changes_made_while_a_merge_runs_are_kept() -> None:
    offers = Catalogue([offer(name) for name in "abcdef"])
    offers.put(offer("g"))
    under_way = offers.start_merge()
    offers.remove("a")  # before the merge looks
    offers.put(offer("b", version=2))
    merged = offers.merged(under_way)
    offers.remove("c")  # after it looked
    offers.put(offer("d", version=2, priority=9))
    offers.put(offer("e", version=2))
    offers.remove("e")
    offers.remove("g")
    offers.put(offer("h", Stores(any_of=("sto_paris", "sto_new"))))
    before = offers.eligible(at())
    offers.finish_merge(under_way, merged)
    assert offers.eligible(at()) == before
    assert [(one.offer_id, one.version) for one in before] == [("d", 2), ("b", 2), ("f", 1), ("h", 1)]
    assert ids(offers.offers()) == ["b", "d", "f", "h"]
    assert (len(offers), offers.versions) == (4, 6)
    merge(offers)
    assert offers.eligible(at()) == before


def test_a_shelf_left_behind_goes_at_once() -> None:
    offers = Catalogue([offer("a"), offer("b")])
    offers.remove("a")
    assert ids(offers.eligible(at())) == ["b"]
    left = weakref.ref(offers.shelf)
    gc.disable()  # so that only what nobody holds goes
    try:
        merge(offers)
        assert left() is None
    finally:
        gc.enable()


def test_words_learnt_during_a_merge_keep_their_numbers() -> None:
    offers = Catalogue([offer("a", InSegment(any_of=("s1",)))])
    offers.put(offer("b", InSegment(any_of=("s2",))))
    under_way = offers.start_merge()
    merged = offers.merged(under_way)
    offers.put(offer("c", InSegment(any_of=("s3",))))
    offers.finish_merge(under_way, merged)
    offers.put(offer("d", InSegment(any_of=("s4", "s2"))))
    for segment, found in (("s1", ["a"]), ("s2", ["b", "d"]), ("s3", ["c"]), ("s4", ["d"])):
        situation = at(customer=replace(Generator(1).customer(), segments=(segment,)))
        assert ids(offers.eligible(situation)) == found


def test_a_merge_is_due_after_so_many_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MIN_CHANGES", 3)
    offers = Catalogue([offer(f"off_{n:03}") for n in range(200)])
    due = []
    for n in range(5):
        offers.remove(f"off_{n:03}")
        due.append(offers.wants_merge)
    assert due == [False, False, False, True, True]
    under_way = offers.start_merge()
    assert not offers.wants_merge
    offers.abandon_merge(under_way)
    assert offers.wants_merge


def test_without_room_between_two_neighbours_it_merges_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "Orders", Narrow)
    offers = Catalogue([offer("a"), offer("m")])
    stale = offers.start_merge()
    merged = offers.merged(stale)
    for name in "cebgdf":
        offers.put(offer(name))
    assert ids(offers.eligible(at())) == list("abcdefgm")
    assert len(offers.shelf) > 2
    offers.finish_merge(stale, merged)  # overtaken: dropped
    assert ids(offers.eligible(at())) == list("abcdefgm")


class Narrow(Orders):
    """Gives one order only."""

    def give(self, key: tuple[int, str]) -> int | None:
        """As `Orders`, once."""
        return super().give(key) if not self._orders else None


# --- random interleavings -----------------------------------------------------------------------------------------


class Story:
    """A catalogue that lives through random changes, merges and reopenings, beside a plain dictionary of its offers."""

    def __init__(self, seed: int) -> None:
        self.generator = Generator(seed)
        self.kept = {name: self.make(name) for name in self.names(10)}
        self.offers = Catalogue(self.kept.values())
        self.merge: Merge | None = None
        self.merged: Merged | None = None
        self.seen: Counter[str] = Counter()

    def names(self, count: int) -> list[str]:
        return [f"off_{self.generator.random.randrange(25)}" for _ in range(count)]

    def make(self, name: str) -> Offer:
        g = self.generator
        tree = g.condition(3)
        while clause_count(tree, positive=True) > MAX_CLAUSES:
            tree = g.condition(3)
        made = offer(name, tree, g.random.randrange(3), g.random.randrange(1, 100))
        return replace(made, reward_points=10) if g.chance(0.1) else made

    def step(self) -> None:
        """One change or one step of a merge, then the same questions to both."""
        steps = [
            self.put,
            self.put,
            self.put,
            self.remove,
            self.remove,
            self.start,
            self.build,
            self.finish,
            self.reopen,
        ]
        act = self.generator.pick(steps)
        act()
        self.compare()

    def put(self) -> None:
        (name,) = self.names(1)
        self.seen["replaced" if name in self.kept else "added"] += 1
        self.kept[name] = self.make(name)
        self.offers.put(self.kept[name])

    def remove(self) -> None:
        (name,) = self.names(1)
        self.seen["removed" if self.kept.pop(name, None) else "removed nothing"] += 1
        self.offers.remove(name)

    def start(self) -> None:
        if self.merge is None:
            self.merge = self.offers.start_merge()

    def build(self) -> None:
        if self.merge is not None and self.merged is None:
            self.merged = self.offers.merged(self.merge)
            self.seen["merged during changes" if self.merge.changed else "merged"] += 1

    def finish(self) -> None:
        if self.merge is not None and self.merged is not None:
            self.seen["finished after changes" if self.merge.changed else "finished"] += 1
            self.offers.finish_merge(self.merge, self.merged)
            self.merge = self.merged = None

    def reopen(self) -> None:
        if self.generator.chance(0.3):
            self.offers, self.merge, self.merged = reopened(self.offers), None, None
            self.seen["reopened"] += 1

    def compare(self) -> None:
        offers = self.offers
        assert {one.offer_id: one for one in offers.offers()} == self.kept
        assert len(offers) == len(self.kept)
        assert offers.versions == sum(one.version for one in self.kept.values())
        assert ids(offers.rewards()) == sorted(name for name, one in self.kept.items() if one.reward_points)
        situation = self.generator.situation()
        found = expected(offers, situation)
        assert ids(offers.eligible(situation)) == found
        assert ids(offers.eligible(situation, 2)) == found[:2]
        assert set(found) <= set(ids(offers.in_reach(situation)))


@pytest.mark.usefixtures("each_matcher")
def test_no_interleaving_changes_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(6):
        story = Story(seed)
        for _ in range(60):
            story.step()
        seen.update(story.seen)
    with capsys.disabled():
        print(f"\n{dict(seen)}")
    steps = ("replaced", "added", "removed", "removed nothing", "merged", "reopened")
    assert all(seen[step] for step in (*steps, "merged during changes", "finished", "finished after changes"))


@given(st.integers(0, 2**32))
@settings(max_examples=12, deadline=None)
def test_nor_does_any_other(seed: int) -> None:
    story = Story(seed)
    for _ in range(20):
        story.step()


# --- flat pieces --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("each_matcher")
def test_a_shelf_opens_from_its_pieces() -> None:
    offers = Catalogue([offer("a", Subtotal(min=5)), replace(offer("b"), reward_points=7), offer("c", priority=4)])
    other = Catalogue.open({name: piece.tobytes() for name, piece in offers.shelf.sections().items()}, version=8)
    assert other.offers() == offers.offers()
    assert ids(other.eligible(at())) == ids(offers.eligible(at())) == ["c", "b"]
    assert (ids(other.rewards()), other.versions, other.version, len(other)) == (["b"], 3, 8, 3)


@pytest.mark.parametrize(
    "name", ["starts", "documents", "heads", "rewards", "versions", "index.words", "words.slots", "ids.blob"]
)
def test_pieces_that_do_not_fit_together_are_refused(name: str) -> None:
    sections = dict(Catalogue([offer("a"), offer("b")]).shelf.sections())
    with pytest.raises(ValueError, match=r".+"):
        Shelf.open({key: section for key, section in sections.items() if key != name})
    if name != "index.words":  # the matcher speaks for its own pieces
        with pytest.raises(ValueError, match=r".+"):
            Shelf.open(sections | {name: memoryview(sections[name].tobytes() + b"\0\0\0")})


def test_the_matcher_not_meant_refuses_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sections = Catalogue([offer("a")]).shelf.sections()
    compiled = "index.twin" not in sections
    take_twin(monkeypatch)
    if compiled:
        with pytest.raises(ValueError, match="sections"):
            Shelf.open(sections)


# --- other threads ------------------------------------------------------------------------------------------------


def test_who_asks_in_another_thread_never_sees_half_a_change() -> None:
    """`x` is replaced again and again and shelves are merged: every answer has exactly one version of it."""
    offers = Catalogue([offer(f"off_{n}") for n in range(20)])
    offers.put(offer("x", Stores(any_of=("sto_paris",))))
    answers: list[list[Offer]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(offers.eligible(at()))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    for version in range(2, 200):
        offers.put(offer("x", Stores(any_of=("sto_paris", f"sto_{version}")), version=version))
        if version % 50 == 0:
            merge(offers)
    done.set()
    for thread in asking:
        thread.join()
    counts = Counter(sum(one.offer_id == "x" for one in found) for found in answers)
    assert set(counts) == {1}
    assert {len(found) for found in answers} == {21}


def test_offers_change_while_another_thread_merges() -> None:
    """Whatever the merge saw of the changes, afterwards the catalogue holds what was put and not removed."""
    generator = Generator(77)
    offers = Catalogue([offer(f"off_{n}", generator.leaf(), n % 3) for n in range(300)])
    seen = Counter[str]()
    for round_ in range(8):
        under_way, results = offers.start_merge(), list[Merged]()
        thread = threading.Thread(target=lambda merge=under_way, into=results: into.append(offers.merged(merge)))
        thread.start()
        while thread.is_alive() or not under_way.changed:
            name = f"off_{generator.random.randrange(330)}"
            if generator.chance(0.4):
                offers.remove(name)
            else:
                offers.put(offer(name, generator.leaf(), generator.random.randrange(3), round_ + 2))
            seen["changes"] += 1
        kept = {one.offer_id: one for one in offers.offers()}
        offers.finish_merge(under_way, results[0])
        assert {one.offer_id: one for one in offers.offers()} == kept
        situation = generator.situation()
        assert ids(offers.eligible(situation)) == expected(offers, situation)
        assert (len(offers), offers.versions) == (len(kept), sum(one.version for one in kept.values()))
    assert seen["changes"] >= 8
