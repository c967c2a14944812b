"""The replay itself: questions in their order, each answered by the catalogue and by what is left of its limits."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from poi_engine.errors import RequestError
from poi_offers.catalogue import Catalogue
from poi_offers.decide import Explained, decide
from poi_offers.decision import Decision
from poi_offers.limits import claims
from poi_offers.model import Offer
from poi_offers.policy import Policy
from poi_offers.situation import Situation
from poi_server.replay.lines import Mistakes, lines
from poi_server.replay.requests import Question, Reader


def checked(source: BinaryIO, name: str, reader: Reader) -> int:
    """The number of requests in a file; all mistakes are raised together, before anything is decided."""
    mistakes, count = Mistakes(name), 0
    for number, line in lines(source):
        count += 1
        try:
            reader.read(line)
        except RequestError as error:
            mistakes.add(number, error)
    mistakes.refuse()
    return count


def questions(source: BinaryIO, reader: Reader) -> Iterator[Question]:
    """The requests of a file that was checked."""
    return (reader.read(line) for _, line in lines(source))


class Replay:
    """A catalogue whose limits fill up as its decisions are taken, one basket after the other."""

    def __init__(self, offers: Iterable[Offer], policy: Policy, explain: Explained = "eligible") -> None:
        self._catalogue = Catalogue(offers)
        self._policy = policy
        self._explain = explain
        self._taken: Counter[str] = Counter()

    def decide(self, question: Question) -> Decision:
        """The decision, as if the sale followed at once."""
        situation, explain = question
        decision = decide(self._catalogue, situation, self._policy, self._remaining, explain or self._explain)
        self._take(decision, situation)
        return decision

    def _remaining(self, key: str, cap: int) -> int:
        return cap - self._taken[key]

    def _take(self, decision: Decision, situation: Situation) -> None:
        chosen = {offer.offer_id: self._catalogue.get(offer.offer_id) for offer in decision.offers}
        offers = {offer_id: offer for offer_id, offer in chosen.items() if offer is not None}
        for claim in claims(decision, offers, situation):
            self._taken[claim.key] += claim.amount
