"""Worlds: a seed and a number make a history of an offer set with its questions."""

from collections.abc import Iterator

import msgspec

from poi_offers import model, offer_conditions, offer_parts
from poi_offers.model import Offer
from poi_offers.offer_conditions import Condition
from poi_offers.validate_conditions import MAX_CLAUSES, clause_count
from tests.fuzz.edges import EdgeGenerator
from tests.fuzz.steps import Ask, Merge, OfferStep, Put, Remove

ASKS = {"small": 64, "crammed": 64, "crowd": 24, "wide": 16}
"""Pairs of an offer set and an event, by the kind of the world."""
CYCLE, CROWD_EVERY = 300, 50
"""After so many worlds the kinds come again, a crowd more often."""
CROWDS = (3000, 600, 1500)
MANY_WORDS = 70_000
WIDE_SEGMENTS = tuple(f"seg_{n}" for n in range(MANY_WORDS))
WIDE_PRODUCTS = tuple(f"p{n}" for n in range(MANY_WORDS))


def kind_of(number: int) -> str:
    """Most worlds are small; in some offers crowd, or are crammed between two others, or name very many words."""
    if number % CYCLE == 7:
        return "wide"
    if number % CROWD_EVERY == 3:
        return "crowd"
    return "crammed" if number % 60 == 11 else "small"


def asks_of(number: int) -> int:
    """Pairs in the world of this number."""
    return ASKS[kind_of(number)]


def steps_of(seed: int, number: int) -> list[OfferStep]:
    """The world's history: the same for the same seed and number."""
    kind, own = kind_of(number), seed * 1_000_003 + number
    words = {"wide": MANY_WORDS, "crowd": 300 if number % (2 * CROWD_EVERY) == 3 else 40}.get(kind)
    generator = EdgeGenerator(own, WIDE_SEGMENTS[:words], WIDE_PRODUCTS[:words]) if words else EdgeGenerator(own)
    first = {"small": _small, "crammed": _small, "crowd": _crowd, "wide": _wide}[kind](generator, number)
    shelved = generator.pick((0, len(first) // 2, len(first), len(first), len(first)))
    puts = [Put(offer, shelved=n < shelved) for n, offer in enumerate(first)]
    return [*puts, *_life(generator, [one.offer_id for one in first], kind)]


# --- the first offers ---------------------------------------------------------------------------------------------


def _small(g: EdgeGenerator, _: int) -> list[Offer]:
    return [g.offer(_offer_id(g, n)) for n in range(g.random.randint(2, 28))]


def _offer_id(g: EdgeGenerator, number: int) -> str:
    """Ids whose order is not that of their numbers."""
    return g.pick(("off_{}", "OFF.{}", "o-{}", "{}")).format(number)


def _crowd(g: EdgeGenerator, number: int) -> list[Offer]:
    """Hundreds or thousands of offers: some trees, bound to stores, tiers and segments."""
    trees = [g.tree(3) for _ in range(120)]
    return [_bound(g, f"off_{n}", g.pick(trees)) for n in range(CROWDS[number // CROWD_EVERY % len(CROWDS)])]


def _bound(g: EdgeGenerator, offer_id: str, tree: Condition) -> Offer:
    binder = g.pick(
        (
            offer_conditions.Stores,
            offer_conditions.Stores,
            offer_conditions.TierIs,
            offer_conditions.InSegment,
            offer_conditions.Dates,
            offer_conditions.Circle,
            None,
        )
    )
    both = tree if binder is None else offer_conditions.All(of=(g.leaf(binder), tree))
    fits = clause_count(both, positive=True) <= MAX_CLAUSES
    return msgspec.structs.replace(g.offer(offer_id, 1), conditions=both if fits else tree)


def _wide(g: EdgeGenerator, _: int) -> list[Offer]:
    """More segments and more products than 16 bits can number."""
    segments = [offer_conditions.InSegment(any_of=WIDE_SEGMENTS[at : at + 5000]) for at in range(0, MANY_WORDS, 5000)]
    chunks = [offer_parts.Selector(products=WIDE_PRODUCTS[at : at + 500]) for at in range(0, MANY_WORDS, 500)]
    products = [offer_conditions.Subtotal(min=g.pick((1, 500, 1000)), items=items) for items in chunks]
    trees = [*segments, *products, *(g.tree(3) for _ in range(30))]
    return [msgspec.structs.replace(g.offer(f"off_{n}", 1), conditions=tree) for n, tree in enumerate(trees)]


# --- what happens then --------------------------------------------------------------------------------------------


def _life(g: EdgeGenerator, known: list[str], kind: str) -> list[OfferStep]:
    """Questions, and now and then changes between them."""
    steps: list[OfferStep] = []
    crammed = _between(g)
    for _ in range(ASKS[kind]):
        if kind == "crammed":
            steps.append(next(crammed))
        elif g.chance(0.3):
            steps += [_change(g, known) for _ in range(g.random.randint(1, 3))]
        if g.chance(0.06):
            steps.append(Merge(g.pick(("now", "begin early", "begin late", "end", "end", "reopen"))))
        steps.append(Ask(g.situation(), g.pick((0, 1, 2, 3, 8))))
    return steps


def _between(g: EdgeGenerator) -> Iterator[Put]:
    """New offers, each between the last one and its neighbour: soon no integer is left there."""
    low, high = 0, 1
    for depth in range(1, ASKS["crammed"] + 1):
        low, high, middle = 2 * low, 2 * high, low + high
        made = g.offer(f"{middle:0{depth}b}", 1)
        yield Put(msgspec.structs.replace(made, stacking=model.Stacking(priority=1)))
        low, high = g.pick(((low, middle), (middle, high)))


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
