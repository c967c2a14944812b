"""Plays a history of offers: after each question the compiled matcher, its plain twin and the oracle must agree."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from poi_offers import catalogue as module
from poi_offers import offer_conditions
from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge_scene, truth_of
from poi_offers.errors import OfferError
from poi_offers.model import Offer
from poi_offers.offer_conditions import Condition
from poi_offers.scene import Scene
from poi_offers.situation import Situation
from poi_offers.storetime import wall_clock
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.fuzz.edges import clock_changes
from tests.fuzz.lanes import lane, lanes
from tests.fuzz.steps import Ask, Difference, Merge, OfferStep, Put, Remove
from tests.fuzz.tally import TRUTHS, Tally, counting


def play(steps: Sequence[OfferStep], tally: Tally) -> None:
    """The whole history; a `Difference` ends it."""
    oracle = Oracle(tally)
    shelved = [step.offer for step in steps if isinstance(step, Put) and step.shelved]
    for offer in shelved:
        oracle.put(offer)
    players = [Player(name, shelved, tally) for name in lanes()]
    for step in steps:
        if isinstance(step, Put) and step.shelved:
            continue
        wanted = oracle.do(step)
        for player in players:
            player.do(step, wanted)


class Oracle:
    """The offers there are, and what is true of them."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.offers: dict[str, Offer] = {}
        self._days: dict[object, set[date]] = {}

    def do(self, step: OfferStep) -> list[str]:
        """Follow a step; to a question the ids of the eligible offers, in order."""
        match step:
            case Put(offer):
                self.put(offer)
            case Remove(offer_id):
                self.tally["removed"] += self.offers.pop(offer_id, None) is not None
            case Ask(situation, _):
                self._note(situation)
                return self._judged(situation)
        return []

    def put(self, offer: Offer) -> None:
        """Add or replace, unless it has too many alternatives."""
        clauses = clause_count(offer.conditions, positive=True)
        if clauses > MAX_CLAUSES:
            self.tally["refused"] += 1
            return
        self.tally["replaced" if offer.offer_id in self.offers else "put"] += 1
        self.tally["sixteen clauses"] += clauses == MAX_CLAUSES
        self.offers[offer.offer_id] = offer

    def _judged(self, situation: Situation) -> list[str]:
        scene, found = Scene(situation), []
        with counting(self.tally):
            for offer in self.offers.values():
                tree = offer.conditions
                truth = judge_scene(tree, scene).truth
                if isinstance(tree, offer_conditions.All | offer_conditions.Any | offer_conditions.Not):
                    self.tally[f"{type(tree).__name__} {TRUTHS[truth]}"] += 1
                if truth:
                    found.append((-offer.stacking.priority, offer.offer_id))
        self.tally["found" if found else "nothing found"] += 1
        return [offer_id for _, offer_id in sorted(found)]

    def _note(self, situation: Situation) -> None:
        tally, place, at = self.tally, situation.place, situation.at
        tally["clock change"] += any(abs(at - one) < timedelta(hours=3) for one in clock_changes(place.zone))
        if place.store_id is None:
            tally["free" if place.lat is not None else "free unknown"] += 1
            return
        days = self._days.setdefault((place.store_id, place.lat, place.lon, place.regions), set())
        today = wall_clock(at, place.zone).date()
        tally["plan again" if today in days else "plan another day" if days else "plan"] += 1
        days.add(today)


class Player:
    """A catalogue in one lane."""

    def __init__(self, name: str, shelved: Sequence[Offer], tally: Tally) -> None:
        self.name, self.tally = name, tally
        self._merge: Any = None
        self._early: Any = None
        with lane(name):
            self.catalogue = Catalogue(shelved)

    def do(self, step: OfferStep, wanted: list[str]) -> None:
        """Follow a step; a `Difference` unless a question's answer is the oracle's."""
        with lane(self.name):
            match step:
                case Put(offer):
                    self._put(offer)
                case Remove(offer_id):
                    self.catalogue.remove(offer_id)
                case Merge(how):
                    self._follow(how)
                case Ask(situation, top):
                    self._ask(situation, top, wanted)

    def _put(self, offer: Offer) -> None:
        wide = clause_count(offer.conditions, positive=True) > MAX_CLAUSES
        shelf = self.catalogue.shelf
        try:
            self.catalogue.put(offer)
        except OfferError:
            if wide:
                return
            raise
        if wide:
            raise Difference(f"{self.name}: took an offer of more than {MAX_CLAUSES} alternatives")
        self.tally["no room"] += self.catalogue.shelf is not shelf

    def _follow(self, how: str) -> None:
        if how.startswith("begin"):
            self._merge = self.catalogue.start_merge()
            self._early = self.catalogue.merged(self._merge) if how == "begin early" else None
        elif how == "end" and self._merge is not None:
            self.catalogue.finish_merge(self._merge, self._early or self.catalogue.merged(self._merge))
            self._merge = None
            self.tally["merged with changes"] += self.catalogue.changes > 0
        elif how != "end":
            merge = self.catalogue.start_merge()
            self.catalogue.finish_merge(merge, self.catalogue.merged(merge))
            if how == "reopen":
                self._reopen()
        self.tally[how] += 1

    def _reopen(self) -> None:
        sections = {name: bytes(section) for name, section in self.catalogue.shelf.sections().items()}
        self.catalogue = Catalogue.open(sections, self.catalogue.version)
        self._merge = None

    def _ask(self, situation: Situation, top: int, wanted: list[str]) -> None:
        with _confirming(self.tally):
            self._compare("all", wanted, self.catalogue.eligible(situation))
            if top:
                self._compare(f"the first {top}", wanted[:top], self.catalogue.eligible(situation, top))
        self.tally["top"] += 0 < top < len(wanted)
        self.tally["overlay"] += self.catalogue.changes > 0
        reached = [one.offer_id for one in self.catalogue.in_reach(situation)]
        self.tally["a thousand in reach"] += len(reached) >= 1024
        if not set(wanted) <= set(reached):
            raise Difference(f"{self.name}: eligible but out of reach {sorted(set(wanted) - set(reached))}")

    def _compare(self, what: str, wanted: list[str], offers: list[Offer]) -> None:
        found = [one.offer_id for one in offers]
        if found != wanted:
            extra, lost = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
            raise Difference(f"{self.name}, {what}: wrongly found {extra}, missed {lost}, order {found}")


@contextmanager
def _confirming(tally: Tally) -> Iterator[None]:
    """Count what the matcher leaves to the oracle."""

    def confirmed(condition: Condition, scene: Scene) -> bool | None:
        truth = truth_of(condition, scene)
        tally["confirmed" if truth else "confirmed false"] += 1
        return truth

    with patch.object(module, "truth_of", confirmed):
        yield
