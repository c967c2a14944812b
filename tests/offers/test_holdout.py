"""Holdout: a sticky share of the customers goes without."""

from msgspec.structs import replace

from poi_offers.holdout import held_out
from poi_offers.offer_effects import PercentOff
from tests.offers.making import offer

OFF = PercentOff(percent=1000)
CUSTOMERS = [f"cus_{i}" for i in range(4000)]


def test_without_holdout_nobody_is_held_out() -> None:
    assert not any(held_out(offer("o", OFF), customer) for customer in CUSTOMERS)


def test_the_whole_share_is_everybody() -> None:
    assert all(held_out(offer("o", OFF, holdout=10_000), customer) for customer in CUSTOMERS)


def test_the_share_is_met() -> None:
    held = sum(held_out(offer("o", OFF, holdout=1000), customer) for customer in CUSTOMERS)
    assert 340 <= held <= 460


def test_a_larger_share_keeps_those_already_held_out() -> None:
    small, large = offer("o", OFF, holdout=500), offer("o", OFF, holdout=2000)
    assert all(held_out(large, customer) for customer in CUSTOMERS if held_out(small, customer))


def test_offers_hold_out_different_customers() -> None:
    first, second = offer("a", OFF, holdout=5000), offer("b", OFF, holdout=5000)
    both = sum(held_out(first, customer) and held_out(second, customer) for customer in CUSTOMERS)
    assert 850 <= both <= 1150


def test_the_answer_is_the_same_on_every_machine() -> None:
    held = [customer for customer in CUSTOMERS[:40] if held_out(offer("off_x", OFF, holdout=1000), customer)]
    assert held == ["cus_4", "cus_9"]


def test_the_offers_of_a_campaign_hold_out_the_same_customers() -> None:
    first, second = (replace(offer(name, OFF, holdout=3000), campaign_id="cmp_1") for name in ("a", "b"))
    alone = offer("a", OFF, holdout=3000)
    chosen = [held_out(first, customer) for customer in CUSTOMERS]
    assert chosen == [held_out(second, customer) for customer in CUSTOMERS]
    assert chosen != [held_out(alone, customer) for customer in CUSTOMERS]
    assert 1080 <= sum(chosen) <= 1320
