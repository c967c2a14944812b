"""The live offers and the question asked of them: which conditions are true in this situation?"""

from collections.abc import Iterable

from poi_offers.eligibility import judge_scene
from poi_offers.model import Offer
from poi_offers.scene import Scene
from poi_offers.situation import Situation


class Catalogue:
    """Offers by id. `version` counts the changes, so a decision can say which state it saw."""

    def __init__(self, offers: Iterable[Offer] = (), version: int = 0) -> None:
        self.version = version
        self._offers = {offer.offer_id: offer for offer in offers}

    def __len__(self) -> int:
        return len(self._offers)

    def get(self, offer_id: str) -> Offer | None:
        """The offer, or None."""
        return self._offers.get(offer_id)

    def offers(self) -> list[Offer]:
        """Every offer, by id."""
        return [self._offers[offer_id] for offer_id in sorted(self._offers)]

    def put(self, offer: Offer) -> None:
        """Add an offer or replace its former version; the next question sees it."""
        self._offers[offer.offer_id] = offer
        self.version += 1

    def remove(self, offer_id: str) -> None:
        """Take an offer out; an unknown id changes nothing."""
        if self._offers.pop(offer_id, None) is not None:
            self.version += 1

    def eligible(self, situation: Situation) -> list[Offer]:
        """Exactly the offers whose conditions are true, by priority descending, then offer id."""
        scene = Scene(situation)
        found = [offer for offer in self._offers.values() if judge_scene(offer.conditions, scene).truth]
        return sorted(found, key=lambda offer: (-offer.stacking.priority, offer.offer_id))
