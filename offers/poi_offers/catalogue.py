"""The live offers and the question asked of them: which conditions are true in this situation?"""

from collections import OrderedDict
from collections.abc import Iterable

from poi_cext.match import Plan, Table
from poi_offers.columns import Column, Family, Vocabulary, event
from poi_offers.compile import compile_offer
from poi_offers.eligibility import truth_of
from poi_offers.model import Offer
from poi_offers.scene import Scene
from poi_offers.situation import Place, Situation

MAX_PLANS = 1024
"""Stores whose plan is kept; the one asked for longest ago goes first."""
MIN_DEAD = 1024
"""Dead clauses the table may hold before half of it being dead makes it compact itself."""

_PlaceKey = tuple[str | None, float | None, float | None, tuple[str, ...]]


class Catalogue:
    """Offers by id. `version` counts the changes, so a decision can say which state it saw.

    Each version of an offer owns clauses in the matcher's table. What depends on the place alone is resolved once per
    place into a plan; plans read later changes by themselves, so a change is seen by the next question.
    """

    def __init__(self, offers: Iterable[Offer] = (), version: int = 0) -> None:
        self._vocabulary = Vocabulary()
        self._table = Table(len(Column), len(Family))
        self._plans: OrderedDict[_PlaceKey, Plan] = OrderedDict()
        self._owners: dict[int, tuple[int, str, Offer]] = {}  # sorts as answers are sorted
        self._owner_of: dict[str, int] = {}
        self._next_owner = 0
        self.version = 0
        for offer in offers:
            self.put(offer)
        self.version = version

    def __len__(self) -> int:
        return len(self._owner_of)

    def get(self, offer_id: str) -> Offer | None:
        """The offer, or None."""
        owner = self._owner_of.get(offer_id)
        return None if owner is None else self._owners[owner][2]

    def offers(self) -> list[Offer]:
        """Every offer, by id."""
        return [self._owners[self._owner_of[offer_id]][2] for offer_id in sorted(self._owner_of)]

    def put(self, offer: Offer) -> None:
        """Add an offer or replace its former version; the next question sees it."""
        clauses = compile_offer(offer, self._vocabulary)
        self._forget(offer.offer_id)
        owner, self._next_owner = self._next_owner, self._next_owner + 1
        self._owners[owner] = (-offer.stacking.priority, offer.offer_id, offer)
        self._owner_of[offer.offer_id] = owner
        for clause in clauses:
            self._table.add(owner, clause.fixed, clause.live)
        self.version += 1

    def remove(self, offer_id: str) -> None:
        """Take an offer out; an unknown id changes nothing."""
        if self._forget(offer_id):
            self.version += 1

    def eligible(self, situation: Situation) -> list[Offer]:
        """Exactly the offers whose conditions are true, by priority descending, then offer id."""
        scene = Scene(situation)
        facts = event(scene, self._vocabulary)
        sure, maybe = self._plan(situation.place).scan(facts)
        found = [self._owners[owner] for owner in sure]
        found += [entry for owner in maybe if truth_of((entry := self._owners[owner])[2].conditions, scene)]
        return [offer for _, _, offer in sorted(found)]

    def in_reach(self, situation: Situation) -> list[Offer]:
        """The offers that the place does not rule out, sorted alike: those worth explaining at a counter."""
        facts = event(Scene(situation), self._vocabulary)
        found = [self._owners[owner] for owner in self._plan(situation.place).owners(facts)]
        return [offer for _, _, offer in sorted(found)]

    def _plan(self, place: Place) -> Plan:
        key = (place.store_id, place.lat, place.lon, place.regions)
        plan = self._plans.get(key)
        if plan is None:
            plan = Plan(self._table)
            if place.store_id is None:  # a free position seldom comes again
                return plan
            self._plans[key] = plan
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        self._plans.move_to_end(key)
        return plan

    def _forget(self, offer_id: str) -> bool:
        owner = self._owner_of.pop(offer_id, None)
        if owner is None:
            return False
        del self._owners[owner]
        self._table.discard(owner)
        if self._table.dead > max(MIN_DEAD, self._table.rows // 2):
            self._table = self._table.compacted()
            self._plans.clear()
        return True
