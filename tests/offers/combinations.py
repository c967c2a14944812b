"""Random offers over random baskets, and the choice by trying every subset."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import strategies as st

from poi_offers.candidates import Candidates
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import (
    AmountOff,
    BuyXGetY,
    Cashback,
    Effect,
    FixedPrice,
    FreeItem,
    Message,
    PercentOff,
    PointsFixed,
    PointsMultiplier,
    PointsPerUnit,
)
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.situation import SaleItem

PERCENTS = st.sampled_from([100, 333, 500, 1000, 1500, 2000, 3000, 5000, 10_000])
CAPS = st.one_of(st.none(), st.none(), st.sampled_from([0, 1, 50, 99, 200, 333, 1000]))
AMOUNTS = st.sampled_from([1, 5, 50, 99, 100, 250, 777])
SELECTORS = st.one_of(
    st.just(Selector()),
    st.sampled_from(
        [
            Selector(products=("a",)),
            Selector(products=("b", "c")),
            Selector(categories=("food",)),
            Selector(categories=("food/sweet",)),
            Selector(brands=("x",)),
            Selector(exclude_products=("a",)),
            Selector(exclude_categories=("food/sweet",)),
        ]
    ),
)

EFFECTS: dict[str, st.SearchStrategy[Effect]] = {
    "percent_basket": st.builds(PercentOff, percent=PERCENTS, items=SELECTORS, cap=CAPS),
    "percent_line": st.builds(PercentOff, percent=PERCENTS, items=SELECTORS, cap=CAPS, on=st.just("line")),
    "percent_cheapest": st.builds(
        PercentOff, percent=PERCENTS, items=SELECTORS, cap=CAPS, on=st.just("cheapest"), n=st.integers(1, 3)
    ),
    "amount_basket": st.builds(AmountOff, amount=AMOUNTS, items=SELECTORS),
    "amount_line": st.builds(AmountOff, amount=AMOUNTS, items=SELECTORS, on=st.just("line")),
    "amount_unit": st.builds(AmountOff, amount=AMOUNTS, items=SELECTORS, on=st.just("unit")),
    "fixed_price": st.builds(
        FixedPrice,
        price=st.sampled_from([0, 50, 100, 333]),
        items=SELECTORS,
        max_units=st.one_of(st.none(), st.integers(1, 3)),
    ),
    "free_item": st.builds(FreeItem, items=SELECTORS, units=st.integers(1, 2)),
    "buy_get": st.builds(
        BuyXGetY,
        items=SELECTORS,
        buy=st.integers(1, 2),
        get=st.integers(1, 2),
        percent=st.sampled_from([5000, 10_000]),
        times=st.integers(1, 2),
    ),
    "points_fixed": st.builds(PointsFixed, points=st.sampled_from([1, 30, 200])),
    "points_per_unit": st.builds(
        PointsPerUnit, points=st.integers(1, 5), amount=st.sampled_from([10, 100, 300]), items=SELECTORS
    ),
    "points_multiplier": st.builds(PointsMultiplier, factor=st.sampled_from([1500, 2000, 5000])),
    "cashback_percent": st.builds(Cashback, percent=PERCENTS, cap=CAPS),
    "cashback_amount": st.builds(Cashback, amount=AMOUNTS, cap=CAPS),
}

ITEMS = st.builds(
    SaleItem,
    line_id=st.just("?"),
    label=st.just("thing"),
    unit_price=st.sampled_from([0, 1, 5, 99, 100, 235, 333, 1000, 1999]),
    quantity=st.sampled_from([1000, 1000, 2000, 3000, 1500, 333]),
    unit=st.sampled_from(["piece", "piece", "piece", "kg"]),
    code=st.sampled_from(["a", "b", "c", "d"]),
    category=st.sampled_from(["food", "food/sweet", "tools", ""]),
    brand=st.sampled_from(["x", "y"]),
    cost=st.one_of(st.none(), st.integers(0, 300)),
)


@st.composite
def baskets(draw: st.DrawFn, most: int = 4) -> list[SaleItem]:
    """One to `most` lines with ids of their own."""
    items = draw(st.lists(ITEMS, min_size=1, max_size=most))
    return [with_id(item, f"l{i}") for i, item in enumerate(items)]


def with_id(item: SaleItem, line_id: str) -> SaleItem:
    """The same line under another id."""
    fields = {name: getattr(item, name) for name in item.__struct_fields__}
    return SaleItem(**{**fields, "line_id": line_id})


STACKINGS = st.builds(
    Stacking,
    priority=st.sampled_from([0, 0, 1, 5]),
    exclusive=st.sampled_from([False] * 7 + [True]),
    group=st.sampled_from([None, None, None, "g", "h"]),
    group_max=st.integers(1, 2),
)


@st.composite
def offer_lists(
    draw: st.DrawFn,
    most: int = 6,
    stackings: st.SearchStrategy[Stacking] = STACKINGS,
    kinds: Sequence[str] = tuple(EFFECTS),
    least: int = 1,
) -> list[Offer]:
    """From `least` to `most` offers of one or two effects."""
    count = draw(st.integers(least, most))
    effects = st.one_of(*(EFFECTS[kind] for kind in kinds))
    return [
        Offer(
            offer_id=f"o{i}",
            name={"en": "offer"},
            currency="EUR",
            effects=tuple(draw(st.lists(effects, min_size=1, max_size=2))),
            stacking=draw(stackings),
            reward_points=draw(st.sampled_from([None, None, None, None, 40, 100])),
        )
        for i in range(count)
    ]


POLICIES = st.builds(
    Policy,
    choice=st.sampled_from(["customer_best", "customer_best", "priority", "margin_best"]),
    points=st.sampled_from([1, 3]),
    point_value=st.sampled_from([0, 500, 1000, 3000]),
)


def subsets(count: int) -> range:
    """Every combination of `count` offers as a mask."""
    return range(1 << count)


def message_offer(offer_id: str, stacking: Stacking | None = None) -> Offer:
    """An offer that only says something."""
    return Offer(
        offer_id=offer_id,
        name={"en": offer_id},
        currency="EUR",
        effects=(Message(text={"en": "hello"}),),
        stacking=stacking or Stacking(),
    )


def goes_before(candidates: Candidates, mask: int, other: int) -> bool:
    """The rule for ties, written plainly."""
    mine = [candidates.offers[i] for i in range(mask.bit_length()) if mask >> i & 1]
    theirs = [candidates.offers[i] for i in range(other.bit_length()) if other >> i & 1]
    ours = sorted((offer.stacking.priority for offer in mine), reverse=True)
    others = sorted((offer.stacking.priority for offer in theirs), reverse=True)
    for a, b in zip(ours, others, strict=False):
        if a != b:
            return a > b
    if len(ours) != len(others):
        return len(ours) < len(others)
    return sorted(offer.offer_id for offer in mine) < sorted(offer.offer_id for offer in theirs)


def best_of(candidates: Candidates, masks: list[int], seen: Counter[str], by_cost: bool = False) -> int:
    """The best of some combinations by value or by cost, ties by the rule."""
    worth = {m: -candidates.evaluate(m).cost if by_cost else candidates.evaluate(m).value for m in masks}
    top = max(worth.values())
    equals = [m for m in masks if worth[m] == top]
    seen["tie"] += len(equals) > 1
    best = equals[0]
    for mask in equals[1:]:
        if goes_before(candidates, mask, best):
            best = mask
    return best


def brute_force(candidates: Candidates, seen: Counter[str]) -> int:
    """The best combination by trying all."""
    count = len(candidates.offers)
    idle = sum(1 << i for i in range(count) if i not in candidates.valued)
    legal = [mask for mask in subsets(count) if not mask & idle and plainly_legal(candidates, mask, seen)]
    policy = candidates.policy.choice
    seen[policy] += 1
    if policy == "margin_best":
        allowed = set(legal)
        maximal = [m for m in legal if not any(not m >> i & 1 and m | 1 << i in allowed for i in range(count))]
        return best_of(candidates, maximal, seen, by_cost=True)
    if policy == "customer_best":
        return best_of(candidates, legal, seen)
    chosen = 0
    for priority in sorted({offer.stacking.priority for offer in candidates.offers}, reverse=True):
        here = sum(1 << i for i, offer in enumerate(candidates.offers) if offer.stacking.priority == priority)
        grown = [mask for mask in legal if mask & chosen == chosen and not (mask ^ chosen) & ~here]
        chosen = best_of(candidates, grown, seen)
    return chosen


def plainly_legal(candidates: Candidates, mask: int, seen: Counter[str]) -> bool:
    """The rules of combining, written plainly."""
    indices = [i for i in range(mask.bit_length()) if mask >> i & 1]
    offers = [candidates.offers[i] for i in indices]
    if len(offers) > 1 and any(offer.stacking.exclusive for offer in offers):
        seen["exclusive"] += 1
        return False
    for group in {offer.stacking.group for offer in offers} - {None}:
        members = [offer for offer in offers if offer.stacking.group == group]
        if len(members) > min(offer.stacking.group_max for offer in members):
            seen["group"] += 1
            return False
    if any(o.reward_points for o in offers) and sum(o.reward_points or 0 for o in offers) > candidates.points:
        seen["reward"] += 1
        return False
    evaluation = candidates.evaluate(mask)
    for i in indices:
        room = candidates.room[i]
        stored = sum(amount for gain, amount in evaluation.gains if gain.offer == i and gain.kind == "cashback")
        if room is not None and evaluation.saved.get(i, 0) + stored > room:
            seen["limit"] += 1
            return False
    return True
