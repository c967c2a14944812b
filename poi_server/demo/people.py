"""The people of a demo shop: customers with a card, some by name and with their consents, and how often they come."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from poi_engine.clientele.consents import Proof, Purpose
from poi_engine.engine import Engine
from poi_server.demo.plan import DemoShop

FIRST = ("Alice", "Karim", "Louise", "Théo", "Manon", "Noé", "Jeanne", "Adam", "Zoé", "Rayan", "Léa", "Malo", "Aya")
LAST = ("Lefèvre", "Nguyen", "Garnier", "Diallo", "Roux", "Fontaine", "Benoît", "Marchand", "Da Silva", "Perrin")
NAMED, NAMELESS, AWAY = 22, 30, 6
"""Customers by name besides those of the plan, those known by a card alone, and regulars who have stayed away."""


@dataclass(frozen=True, slots=True)
class Regular:
    """A customer who comes back: every so many days, mostly to one store, until so many days ago."""

    customer_id: str
    every: int
    store: int
    until: int

    def days(self, first: date, last: date, chance: random.Random) -> Iterator[date]:
        """The days of their visits."""
        day = first + timedelta(days=chance.randrange(self.every))
        while day <= last - timedelta(days=self.until):
            yield day
            day += timedelta(days=max(1, round(chance.gauss(self.every, self.every / 5))))


async def make_regulars(
    past: Engine, merchant_id: str, plan: DemoShop, store_ids: Sequence[str], seller: str, chance: random.Random
) -> tuple[list[Regular], dict[str, str]]:
    """Everybody, those known by a card alone first, and the customer of each card."""
    cards: dict[str, str] = {}
    for number in range(301, 301 + NAMELESS):
        found = await past.customers.by_credential(merchant_id, "loyalty", f"LOY-{number}", create=True)
        assert found is not None
        cards[f"LOY-{number}"] = found.customer_id
    for card, known in (*_strangers(chance), *plan.cards.items()):
        place = store_ids[len(cards) % len(store_ids)]
        proof = Proof(version=1, who=seller, how="spoken", place=place)
        cards[card] = await _named(past, merchant_id, card, known, proof, chance)
    away = set(list(cards.values())[NAMELESS : NAMELESS + AWAY])
    return [_regular(one, plan, one in away, chance) for one in cards.values()], cards


def _regular(customer_id: str, plan: DemoShop, away: bool, chance: random.Random) -> Regular:
    every = min(plan.trade.every) + 1 if away else chance.choice(plan.trade.every)
    until = chance.randint(2 * every + 9, 2 * every + 14) if away else 0
    return Regular(customer_id, every, chance.choice((0, 0, 1)), until)


def _strangers(chance: random.Random) -> Iterator[tuple[str, dict[str, str]]]:
    names = chance.sample([f"{first} {last}" for first in FIRST for last in LAST], NAMED)
    for number, name in enumerate(names, 201):
        birthday = date(chance.randint(1955, 2004), chance.randint(1, 12), chance.randint(1, 28))
        yield f"LOY-{number}", {"display_name": name, "language": "fr", "birthday": birthday.isoformat()}


async def _named(
    past: Engine, merchant_id: str, card: str, known: dict[str, str], proof: Proof, chance: random.Random
) -> str:
    birthday = known.get("birthday")
    customer = await past.customers.create(
        merchant_id,
        known["display_name"],
        language=known["language"],
        birthday=date.fromisoformat(birthday) if birthday else None,
        proof=proof,
    )
    await past.customers.link_credential(merchant_id, customer.customer_id, "loyalty", card)
    asked: tuple[tuple[Purpose, float], ...] = (("profiling", 0.8), ("marketing", 0.5))
    for purpose, share in asked:
        if chance.random() < share:
            await past.clientele.consents.give(merchant_id, customer.customer_id, purpose, True, proof)
    return customer.customer_id
