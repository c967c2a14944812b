"""The counter's own arithmetic, in Node, against the server's decision: the same offers, the same minor units."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from poi_engine.offline.local import AHEAD, chosen
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.eligibility import judge
from poi_offers.local import local_effect, windows
from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_conditions import All, Condition, Dates, Not, Quantity, Stores, TierIs, Weekly, WeeklyWindow
from poi_offers.offer_effects import AmountOff, FixedPrice, PercentOff
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.situation import Basket, CustomerFacts, Place, SaleItem, Situation
from poi_server.pages.assets import PAGES_FOLDER

CASES = 400
SCRIPT = Path(__file__).parent / "local_offers.mjs"
PAGE = PAGES_FOLDER / "js" / "station" / "local_offers.js"
PRODUCTS = tuple(
    SaleItem(line_id="0", label=code, code=code, unit_price=price, unit=unit, category=category, brand=brand)
    for code, price, unit, category, brand in (
        ("eclair", 350, "piece", "food/pastry", "own"),
        ("tarte", 1890, "piece", "food/pastry", ""),
        ("cafe", 219, "piece", "food/drink", "beans"),
        ("nougat", 3333, "kg", "food", "own"),
        ("gift", 1, "piece", "", ""),
    )
)
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
CHANGES = (
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 3, 28, 12, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
)


def conditions(dice: random.Random, around: date) -> Condition:
    """Place and time, now and then turned round."""
    parts: list[Condition] = []
    if dice.random() < 0.5:
        clocks = [f"{dice.randrange(24):02}:{dice.choice((0, 7, 30)):02}" for _ in range(2)]
        days = tuple(sorted(dice.sample(range(1, 8), dice.randint(3, 7))))
        parts.append(Weekly(windows=(WeeklyWindow(days=days, start=clocks[0], end=clocks[1]),)))
    if dice.random() < 0.3:
        parts.append(Dates(first=around + timedelta(days=dice.randint(-1, 1)), last=around + timedelta(days=2)))
    if dice.random() < 0.3:
        parts.append(Stores(any_of=(dice.choice(("sto_1", "sto_2")),)))
    whole = All(of=tuple(parts))
    return Not(of=whole) if parts and dice.random() < 0.2 else whole


def offer(dice: random.Random, number: int, around: date) -> Offer:
    """One that a counter may give by itself."""
    selector = dice.choice(
        (
            Selector(),
            Selector(products=(dice.choice(PRODUCTS).code,)),
            Selector(categories=(dice.choice(("food", "food/pastry", "food/drink")),)),
            Selector(brands=("own",), exclude_products=("eclair",)),
            Selector(exclude_categories=("food/pastry",)),
        )
    )
    effect = dice.choice(
        (
            PercentOff(percent=dice.choice((1, 333, 500, 1000, 1250, 5000, 10_000)), on="line", items=selector),
            FixedPrice(price=dice.choice((0, 100, 199, 500, 5000)), items=selector),
        )
    )
    return Offer(
        offer_id=f"off_{number}",
        version=dice.randint(1, 3),
        name={"en": str(number)},
        currency="EUR",
        effects=(effect,),
        conditions=conditions(dice, around),
        stacking=Stacking(priority=dice.randint(0, 3)),
    )


def case(dice: random.Random) -> tuple[dict[str, Any], Catalogue, Situation]:
    """A basket at a time within the list's, the list, and what the server decides about."""
    place = Place(zone=dice.choice(ZONES), store_id="sto_1")
    now = dice.choice(CHANGES) + timedelta(minutes=dice.randrange(2000))
    offers = [offer(dice, number, now.date()) for number in range(dice.randint(0, 6))]
    offers.sort(key=lambda one: (-one.stacking.priority, one.offer_id))
    items = chosen(offers, PRODUCTS, place, now)
    at = now + timedelta(milliseconds=dice.randrange(int(AHEAD.total_seconds()) * 1000))
    lines = []
    for number in range(1, dice.randint(2, 6)):
        product = dice.choice((*PRODUCTS, SaleItem(line_id="0", label="-", unit_price=dice.randint(0, 5000))))
        price = product.unit_price if dice.random() < 0.8 else dice.randint(0, 5000)
        quantity = dice.choice((1000, 2000, 7000, 1500, 333))
        values = {"line_id": str(number), "unit_price": price, "quantity": quantity}
        lines.append(SaleItem(**{**_fields(product), **values}))
    named = {one.offer_id for one in items}
    catalogue = Catalogue([one for one in offers if one.offer_id in named])
    customer = CustomerFacts(customer_id="cus_1", points=50) if dice.random() < 0.3 else None
    basket = Basket(currency="EUR", items=tuple(lines))
    sent = {"lines": lines, "offers": items, "at": round(at.timestamp() * 1000)}
    return sent, catalogue, Situation(at=at, place=place, basket=basket, customer=customer)


def _fields(item: SaleItem) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def told(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the counter's script makes of each."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here")
    given = b"\n".join(json.encode(one) for one in cases)
    found = subprocess.run([node, str(SCRIPT), PAGE.as_uri()], input=given, capture_output=True, check=True, timeout=60)
    return (json.decode(text) for text in found.stdout.splitlines())


def test_the_counter_takes_off_what_the_server_would_have_taken_off() -> None:
    dice = random.Random(20_261_122)
    cases = [case(dice) for _ in range(CASES)]
    used = 0
    policies = [Policy(), Policy(choice="priority"), Policy(choice="margin_best")]
    for (sent, catalogue, situation), mine in zip(cases, told([sent for sent, _, _ in cases]), strict=True):
        for policy in policies:
            decision = decide(catalogue, situation, policy, explain="eligible")
            theirs = {(one.line_id, one.offer_id): one.amount for one in decision.adjustments}
            ours = {
                (line.line_id, made["offer_id"]): made["saved"]
                for line, made in zip(situation.basket.items, mine["offers"], strict=True)
                if made
            }
            assert (ours, mine["total"]) == (theirs, decision.total), json.encode(sent)
            assert decision.optimal
        used += bool(ours)
    assert used > CASES / 4, "most cases gave nothing: they show little"


def test_a_window_is_open_exactly_while_the_conditions_hold() -> None:
    dice = random.Random(7)
    for _ in range(60):
        place, first = Place(zone=dice.choice(ZONES), store_id="sto_1"), dice.choice(CHANGES)
        one = offer(dice, 1, first.date())
        spans = windows(one, place, first, first + AHEAD)
        instants = [first + timedelta(minutes=dice.randrange(48 * 60)) for _ in range(40)]
        instants += [edge + timedelta(microseconds=near) for span in spans for edge in span for near in (-1, 0)]
        for at in (at for at in instants if first <= at < first + AHEAD):
            situation = Situation(at=at, place=place, basket=Basket(currency="EUR"))
            held = judge(one.conditions, situation).truth is True
            assert any(start <= at < end for start, end in spans) == held, (at, place.zone, one.conditions)


def _local(**changes: Any) -> Offer:
    given = {"effects": (PercentOff(percent=1000, on="line"),), **changes}
    return Offer(offer_id="off_1", name={"en": "x"}, currency="EUR", **given)


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": (Limit(of="uses", cap=1),)},
        {"reward_points": 10},
        {"holdout": 100},
        {"stacking": Stacking(exclusive=True)},
        {"stacking": Stacking(group="g")},
        {"conditions": TierIs(any_of=("gold",))},
        {"conditions": All(of=(Not(of=Quantity(min=1000)),))},
        {"effects": (PercentOff(percent=1000, on="line"), PercentOff(percent=1000, on="line"))},
        {"effects": (PercentOff(percent=1000, on="line", cap=5),)},
        {"effects": (PercentOff(percent=1000),)},
        {"effects": (AmountOff(amount=5, on="line"),)},
        {"effects": (FixedPrice(price=1, items=Selector(), max_units=1),)},
    ],
)
def test_what_counts_asks_who_or_combines_is_not_given_alone(changes: dict[str, Any]) -> None:
    assert local_effect(_local()) is not None
    assert local_effect(_local(**changes)) is None
