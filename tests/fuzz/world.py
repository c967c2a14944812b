"""Worlds: a seed makes a history of an offer set with its questions; playing it compares the three evaluators."""

from datetime import timedelta

import msgspec

from poi_offers import model
from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge_scene
from poi_offers.errors import OfferError
from poi_offers.model import Condition, Offer
from poi_offers.scene import Scene
from poi_offers.situation import Situation
from poi_offers.storetime import wall_clock
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.fuzz.edges import EdgeGenerator, clock_changes
from tests.fuzz.lanes import lane, lanes
from tests.fuzz.steps import Ask, Difference, Merge, OfferStep, Put, Remove
from tests.fuzz.tally import TRUTHS, Tally, counting

ASKS = 64
"""Pairs of an offer set and an event in a small world."""
CROWD_EVERY, CROWD_ASKS = 150, 24
WIDE_EVERY, WIDE_ASKS = 300, 16
MANY_WORDS = 70_000
WIDE_SEGMENTS = tuple(f"seg_{n}" for n in range(MANY_WORDS))
WIDE_PRODUCTS = tuple(f"p{n}" for n in range(MANY_WORDS))


def kind_of(number: int) -> str:
    """Most worlds are small; some have many offers, some more words than 16 bits can number."""
    if number % WIDE_EVERY == 7:
        return "wide"
    return "crowd" if number % CROWD_EVERY == 3 else "small"


def asks_of(number: int) -> int:
    """Pairs in the world of this number."""
    return {"small": ASKS, "crowd": CROWD_ASKS, "wide": WIDE_ASKS}[kind_of(number)]


def steps_of(seed: int, number: int) -> list[OfferStep]:
    """The world's history: the same for the same seed and number."""
    kind = kind_of(number)
    own = seed * 1_000_003 + number
    generator = EdgeGenerator(own, WIDE_SEGMENTS, WIDE_PRODUCTS) if kind == "wide" else EdgeGenerator(own)
    first: list[Offer] = {"small": _small, "crowd": _crowd, "wide": _wide}[kind](generator)
    return [*map(Put, first), *_life(generator, [one.offer_id for one in first], asks_of(number))]


def _small(g: EdgeGenerator) -> list[Offer]:
    return [g.offer(_offer_id(g, n)) for n in range(g.random.randint(2, 28))]


def _offer_id(g: EdgeGenerator, number: int) -> str:
    """Ids whose order is not that of their numbers."""
    return g.pick(("off_{}", "OFF.{}", "o-{}", "{}")).format(number)


def _crowd(g: EdgeGenerator) -> list[Offer]:
    """Hundreds or thousands of offers: some trees, bound to stores, tiers and segments."""
    trees = [g.tree(3) for _ in range(120)]
    return [_bound(g, f"off_{n}", g.pick(trees)) for n in range(g.pick((300, 1200, 3000)))]


def _bound(g: EdgeGenerator, offer_id: str, tree: Condition) -> Offer:
    binder = g.pick((model.Stores, model.Stores, model.TierIs, model.InSegment, model.Dates, model.Circle, None))
    both = tree if binder is None else model.All(of=(g.leaf(binder), tree))
    fits = clause_count(both, positive=True) <= MAX_CLAUSES
    return msgspec.structs.replace(g.offer(offer_id, 1), conditions=both if fits else tree)


def _wide(g: EdgeGenerator) -> list[Offer]:
    """More segments and more products than 16 bits can number."""
    segments = [model.InSegment(any_of=WIDE_SEGMENTS[at : at + 5000]) for at in range(0, MANY_WORDS, 5000)]
    chunks = [model.Selector(products=WIDE_PRODUCTS[at : at + 500]) for at in range(0, MANY_WORDS, 500)]
    products = [model.Subtotal(min=g.pick((1, 500, 1000)), items=items) for items in chunks]
    trees = [*segments, *products, *(g.tree(3) for _ in range(30))]
    return [msgspec.structs.replace(g.offer(f"off_{n}", 1), conditions=tree) for n, tree in enumerate(trees)]


def _life(g: EdgeGenerator, known: list[str], asks: int) -> list[OfferStep]:
    """Questions, and now and then changes between them."""
    steps: list[OfferStep] = []
    for _ in range(asks):
        if g.chance(0.3):
            steps += [_change(g, known) for _ in range(g.random.randint(1, 3))]
        if g.chance(0.04):
            steps.append(Merge())
        steps.append(Ask(g.situation(), g.pick((0, 1, 2, 3, 8))))
    return steps


def _change(g: EdgeGenerator, known: list[str]) -> OfferStep:
    """Remove one, replace one, or put a new one; what was removed may come again."""
    if g.chance(0.35):
        return Remove(g.pick(known))
    if g.chance(0.03):
        return Put(msgspec.structs.replace(g.offer(g.pick(known), 1), conditions=g.too_wide()))
    if g.chance(0.5):
        return Put(g.offer(g.pick(known)))
    known.append(_offer_id(g, len(known)))
    return Put(g.offer(known[-1]))


# --- playing ------------------------------------------------------------------------------------------------------


class Play:
    """A history under way: the offers, and a catalogue of them in each lane."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.offers: dict[str, Offer] = {}
        self.catalogues: dict[str, Catalogue] = {}
        self.places: dict[object, object] = {}
        for name in lanes():
            with lane(name):
                self.catalogues[name] = Catalogue()

    def do(self, step: OfferStep) -> None:
        """One step; a `Difference` when evaluators disagree."""
        match step:
            case Put(offer):
                self._put(offer)
            case Remove(offer_id):
                self._remove(offer_id)
            case Merge():
                self._merge()
            case Ask(situation, top):
                self._ask(situation, top)

    def _put(self, offer: Offer) -> None:
        clauses = clause_count(offer.conditions, positive=True)
        if clauses > MAX_CLAUSES:
            self._refuse(offer)
            return
        self.tally["replaced" if offer.offer_id in self.offers else "put"] += 1
        self.tally["sixteen clauses"] += clauses == MAX_CLAUSES
        self.offers[offer.offer_id] = offer
        for name, catalogue in self.catalogues.items():
            with lane(name):
                catalogue.put(offer)

    def _refuse(self, offer: Offer) -> None:
        """Too many alternatives: an error, and what was there before stays."""
        self.tally["refused"] += 1
        for name, catalogue in self.catalogues.items():
            with lane(name):
                try:
                    catalogue.put(offer)
                except OfferError:
                    continue
            raise Difference(f"{name}: took an offer of more than {MAX_CLAUSES} alternatives")

    def _remove(self, offer_id: str) -> None:
        self.tally["removed"] += self.offers.pop(offer_id, None) is not None
        for name, catalogue in self.catalogues.items():
            with lane(name):
                catalogue.remove(offer_id)

    def _merge(self) -> None:
        for name, catalogue in self.catalogues.items():
            with lane(name):
                getattr(catalogue, "merge", lambda: None)()
        self.tally["merged"] += 1

    def _ask(self, situation: Situation, top: int) -> None:
        wanted = self._judged(situation)
        self._note(situation, wanted, top)
        for name, catalogue in self.catalogues.items():
            with lane(name):
                self._compare(name, wanted, [one.offer_id for one in catalogue.eligible(situation)])

    def _judged(self, situation: Situation) -> list[str]:
        """What the oracle says, in the order of answers."""
        scene, found = Scene(situation), []
        with counting(self.tally):
            for offer in self.offers.values():
                truth = judge_scene(offer.conditions, scene).truth
                self.tally[f"{type(offer.conditions).__name__} {TRUTHS[truth]}"] += 0 if _is_leaf(offer) else 1
                if truth:
                    found.append((-offer.stacking.priority, offer.offer_id))
        return [offer_id for _, offer_id in sorted(found)]

    def _compare(self, name: str, wanted: list[str], found: list[str]) -> None:
        if found != wanted:
            extra, lost = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
            raise Difference(f"{name}: found though not true {extra}, true but not found {lost}, order {found}")

    def _note(self, situation: Situation, wanted: list[str], top: int) -> None:
        tally, place = self.tally, situation.place
        tally["found" if wanted else "nothing found"] += 1
        wall = wall_clock(situation.at, place.zone)
        tally["clock change"] += any(abs(situation.at - at) < timedelta(hours=3) for at in clock_changes(place.zone))
        if place.store_id is None:
            tally["free" if place.lat is not None else "free unknown"] += 1
            return
        key = (place.store_id, place.lat, place.lon, place.regions)
        days = self.places.setdefault(key, set())
        tally["plan another day" if days and wall.date() not in days else "plan again" if days else "plan"] += 1
        days.add(wall.date())


def _is_leaf(offer: Offer) -> bool:
    return not isinstance(offer.conditions, (model.All, model.Any, model.Not))


def play(steps: list[OfferStep], tally: Tally) -> None:
    """The whole history; a `Difference` ends it."""
    under_way = Play(tally)
    for step in steps:
        under_way.do(step)
