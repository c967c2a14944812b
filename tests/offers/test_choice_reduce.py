"""Offers that need not be searched are left out only where the best combination stays the best, ties included."""

from collections import Counter
from random import Random

import pytest

from poi_offers.candidates import Candidates
from poi_offers.choice import choose_plainly
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import (
    AmountOff,
    BuyXGetY,
    Cashback,
    Effect,
    FixedPrice,
    FreeItem,
    PercentOff,
    PointsFixed,
    PointsPerUnit,
)
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.reduce import parts, unbeaten
from poi_offers.steps import sheet_of
from tests.offers.choices import SELECTORS, Given, both, item_of
from tests.offers.combinations import brute_force
from tests.offers.making import line, offer

ONE_PRODUCT = tuple(Selector(products=(code,)) for code in "abcd")
BASKET = (line("a", 1000), line("b", 500))


def candidates_of(*offers: Offer, points: int = 0, room: dict[str, int] | None = None) -> Candidates:
    return Candidates(offers, sheet_of(BASKET), Policy(), points, room, compiled=False)


def left_after(*offers: Offer, room: dict[str, int] | None = None) -> list[str]:
    """The ids that are not beaten."""
    found = candidates_of(*offers, room=room)
    return [found.offers[i].offer_id for i in unbeaten(found, found.valued, 0)]


def parted(*offers: Offer, points: int = 0) -> list[list[str]]:
    """The ids in parts that never meet."""
    found = candidates_of(*offers, points=points)
    return [[found.offers[i].offer_id for i in part] for part in parts(found, found.valued, 0)]


def percent(offer_id: str, points: int, priority: int = 0, group: str = "g", items: Selector | None = None) -> Offer:
    effect = PercentOff(percent=points, on="line", items=items or Selector())
    return offer(offer_id, effect, group=group, priority=priority)


def test_the_lesser_of_a_group_of_one_is_left_out() -> None:
    assert left_after(percent("x", 2000), percent("y", 1000)) == ["x"]
    assert left_after(percent("x", 2000), percent("y", 1000, items=ONE_PRODUCT[0])) == ["x"]


def test_what_may_win_stays() -> None:
    assert left_after(percent("x", 1000), percent("y", 2000)) == ["x", "y"], "the tie would go to x"
    assert left_after(percent("x", 2000), percent("y", 1000, priority=1)) == ["y", "x"]
    assert left_after(percent("x", 2000, items=ONE_PRODUCT[0]), percent("y", 1000)) == ["x", "y"]
    assert left_after(percent("x", 2000), percent("y", 1000, group="h")) == ["x", "y"]


@pytest.mark.parametrize(
    "turning",
    [
        offer("z", PercentOff(percent=5000, cap=10)),
        offer("z", AmountOff(amount=10, items=ONE_PRODUCT[0])),
        offer("z", PointsPerUnit(points=1, amount=100)),
    ],
)
def test_nothing_is_left_out_beside_what_could_turn_it_round(turning: Offer) -> None:
    assert left_after(percent("x", 2000), percent("y", 1000), turning) == ["x", "y", "z"]


def test_nothing_is_left_out_under_a_money_limit() -> None:
    assert left_after(percent("x", 2000), percent("y", 1000), room={"x": 5}) == ["x", "y"]


def on(code: str, offer_id: str, **stacking: object) -> Offer:
    effect = AmountOff(amount=10, on="line", items=Selector(products=(code,)))
    return offer(offer_id, effect, **stacking)  # type: ignore[arg-type]


def test_offers_on_other_lines_never_meet() -> None:
    assert parted(on("a", "x"), on("b", "y"), on("a", "z")) == [["x", "z"], ["y"]]


def test_offers_meet_in_a_group() -> None:
    assert parted(on("a", "x", group="g"), on("b", "y", group="g")) == [["x", "y"]]


@pytest.mark.parametrize(
    "joining",
    [offer("z", PercentOff(percent=500)), on("a", "z", priority=1), on("a", "z", reward_points=5)],
    ids=["on the whole basket", "of another priority", "for points that are missing"],
)
def test_one_offer_may_join_them_all(joining: Offer) -> None:
    assert len(parted(on("a", "x"), on("b", "y"), joining)) == 1


def test_rewards_that_can_all_be_paid_are_apart() -> None:
    assert parted(on("a", "x", reward_points=5), on("b", "y", reward_points=5), points=10) == [["x"], ["y"]]


def local_effect(dice: Random) -> Effect:
    """An effect on some lines, without a share of the basket."""
    items, amount = dice.choice(ONE_PRODUCT), dice.choice((5, 50, 99))
    rate = dice.choice((500, 1000, 2000, 10_000))
    return dice.choice(
        (
            PercentOff(percent=rate, on="line", items=items, cap=dice.choice((None, None, 30))),
            AmountOff(amount=amount, on=dice.choice(("line", "unit")), items=items),
            FixedPrice(price=amount, items=items),
            FreeItem(items=items),
            BuyXGetY(items=items, buy=1),
            PointsFixed(points=dice.choice((1, 50))),
            PointsPerUnit(points=1, amount=100, items=items),
        )
    )


def plain_effect(dice: Random) -> Effect:
    """A percent or an amount, without a cap."""
    items, amount = dice.choice(SELECTORS), dice.choice((5, 50, 99, 500))
    rate = dice.choice((500, 1000, 2000, 10_000))
    return dice.choice(
        (
            PercentOff(percent=rate, on="line", items=items),
            PercentOff(percent=rate),
            AmountOff(amount=amount, on="line", items=items),
            AmountOff(amount=amount),
            Cashback(amount=amount),
        )
    )


def given_reduced(dice: Random, local: bool) -> Given:
    """A choice in which parts never meet (`local`), or some offers are beaten."""
    offers = tuple(
        Offer(
            offer_id=f"o{dice.randrange(10)}-{i}",
            name={"en": "offer"},
            currency="EUR",
            effects=(local_effect(dice) if local else plain_effect(dice),),
            stacking=Stacking(
                priority=0 if local else dice.choice((0, 0, 1)),
                exclusive=dice.random() < 0.05,
                group=dice.choice((None, "g", *"gh" * (not local))),
                group_max=1 if dice.random() < 0.8 else 2,
            ),
        )
        for i in range(dice.randint(2, 9))
    )
    policy = Policy(choice=dice.choice(("customer_best", "priority")), point_value=dice.choice((500, 1000)))
    room = {offer.offer_id: 40 for offer in offers if local and dice.random() < 0.1}
    return Given(offers, tuple(item_of(dice, i) for i in range(6)), policy, 0, room, earns=True)


@both
def test_the_reduced_choice_is_the_best(compiled: bool, capsys: pytest.CaptureFixture[str]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(300):
        dice = Random(seed)
        given = given_reduced(dice, local=seed % 2 == 0)
        plain = given.candidates(False)
        pool = [i for i in plain.valued if not plain.exclusive >> i & 1]
        if plain.policy.choice == "customer_best":
            kept = unbeaten(plain, pool, 0)
            seen["beaten"] += len(pool) - len(kept)
            seen["parts"] += len(parts(plain, kept, 0)) - 1
        choice = given.chosen(compiled)
        assert choice == choose_plainly(plain)
        assert choice.mask == brute_force(given.candidates(compiled), seen)
    with capsys.disabled():
        print(f"\n{dict(seen)}")
    assert all(seen[name] for name in ("beaten", "parts", "tie", "group", "exclusive", "limit", "priority"))
