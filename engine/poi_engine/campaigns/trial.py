"""Past baskets decided twice: by the live offers, and by them with a campaign's beside them. Pure.

Each side's limits fill up as its own decisions are taken, one basket after the other, in the order they were sold.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from msgspec import Struct
from msgspec.structs import replace

from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision
from poi_offers.limits import claims
from poi_offers.model import Offer
from poi_offers.policy import Policy
from poi_offers.situation import Situation
from poi_offers.storetime import wall_clock


class Side:
    """One catalogue whose limits fill up. `weight`: how many baskets a sampled one stands for."""

    def __init__(self, catalogue: Catalogue, policy: Policy, weight: int) -> None:
        self.catalogue = catalogue
        self._policy = policy
        self._weight = weight
        self._taken: Counter[str] = Counter()

    def decide(self, situation: Situation) -> Decision:
        """The decision, as if the sale followed at once."""
        decision = decide(self.catalogue, situation, self._policy, self._remaining, "eligible")
        chosen = {offer.offer_id: self.catalogue.get(offer.offer_id) for offer in decision.offers}
        offers = {offer_id: offer for offer_id, offer in chosen.items() if offer is not None}
        for claim in claims(decision, offers, situation):
            own = ":customer:" in claim.key  # whoever is in a sample is in it with all their baskets
            self._taken[claim.key] += claim.amount * (1 if own else self._weight)
        return decision

    def _remaining(self, key: str, cap: int) -> int:
        return cap - self._taken[key]


class Week(Struct):
    """A week from its Monday on, in store time. Amounts in minor units."""

    monday: date
    baskets: int = 0
    touched: int = 0
    cost: int = 0


class Trial:
    """A campaign beside the live offers. `cost`: what more would have been taken off, minor units; may be negative."""

    def __init__(
        self, live: Iterable[Offer], offers: Iterable[Offer], policy: Policy, audience: frozenset[str], weight: int = 1
    ) -> None:
        base = tuple(live)
        own = tuple(offers)
        self._ids = {offer.offer_id for offer in own}
        self._without = Side(Catalogue(base), policy, weight)
        self._with = Side(Catalogue((*base, *own)), policy, weight)
        self._audience = audience
        self.baskets = self.touched = self.anonymous = self.cost = self.value = 0
        self.customers: set[str] = set()
        self.weeks: dict[date, Week] = {}

    def try_on(self, situation: Situation, member_of: frozenset[str] = frozenset()) -> None:
        """One more basket; `member_of`: of the campaign's segments, those in which its customer is today."""
        known = _with_audience(situation, self._audience, member_of)
        before, after = self._without.decide(known), self._with.decide(known)
        cost = after.saved - before.saved
        touched = any(offer.offer_id in self._ids for offer in after.offers)
        self.baskets += 1
        self.touched += touched
        self.cost += cost
        self.value += after.value - before.value
        if touched and known.customer is not None:
            self.customers.add(known.customer.customer_id)
        self.anonymous += touched and known.customer is None
        day = wall_clock(known.at, known.place.zone).date()
        monday = day - timedelta(days=day.weekday())
        week = self.weeks.setdefault(monday, Week(monday=monday))
        week.baskets += 1
        week.touched += touched
        week.cost += cost


def _with_audience(situation: Situation, audience: frozenset[str], member_of: frozenset[str]) -> Situation:
    """The customer as a member of what they are in today: who was in a new segment last month is on no record."""
    customer = situation.customer
    if customer is None or not audience:
        return situation
    words = [word for word in customer.segments if word not in audience]
    return replace(situation, customer=replace(customer, segments=(*words, *sorted(member_of))))


def by_customer(rows: Iterable[Mapping[str, str]]) -> dict[str, frozenset[str]]:
    """Segments by member."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(str(row["customer_id"]), set()).add(str(row["segment_id"]))
    return {customer_id: frozenset(words) for customer_id, words in found.items()}
