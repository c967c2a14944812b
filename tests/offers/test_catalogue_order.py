"""Orders between neighbours: always as the keys sort, never twice the same, and many of them."""

from random import Random

import pytest

from poi_offers.order import STEP, Key, Orders

SHELF: list[Key] = [(-5, "b"), (-5, "d"), (0, "a"), (0, "m")]


def on_the_shelf() -> Orders:
    return Orders(len(SHELF), SHELF.__getitem__)


def check(keys: list[Key], orders: list[int]) -> None:
    """All of them, the shelf's too, sort alike by key and by order."""
    every = [*zip(SHELF, (i * STEP for i in range(len(SHELF))), strict=True), *zip(keys, orders, strict=True)]
    by_order = sorted(every, key=lambda pair: pair[1])
    assert [key for key, _ in by_order] == sorted(key for key, _ in every)
    assert len({order for _, order in every}) == len(every)


def given(keys: list[Key]) -> list[int]:
    orders = on_the_shelf()
    found = [orders.give(key) for key in keys]
    assert None not in found
    return [order for order in found if order is not None]


@pytest.mark.parametrize("seed", range(5))
def test_keys_in_any_order_sort_as_their_orders(seed: int) -> None:
    random = Random(seed)
    names = [f"{random.choice('abcdemz')}{n}" for n in range(400)]
    keys = [(-random.randrange(8), name) for name in names]
    check(keys, given(keys))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("letter", ["A", "c", "z"])  # before all, between two, after all
def test_many_ids_in_a_row_fit_into_one_gap(letter: str, descending: bool) -> None:
    keys = sorted(((0, f"{letter}{n:05}") for n in range(20_000)), reverse=descending)
    check(keys, given(keys))


def test_an_empty_shelf_takes_any_order() -> None:
    orders, random = Orders(0, SHELF.__getitem__), Random(3)
    keys = [(-random.randrange(3), f"{random.random()}") for _ in range(3000)]
    found = {orders.give(key): key for key in keys}
    assert [found[order] for order in sorted(order for order in found if order is not None)] == sorted(keys)


def test_newer_versions_of_one_offer_come_after_it() -> None:
    orders = on_the_shelf()
    found = [orders.give((0, "a")) for _ in range(50_000)]
    assert found == list(range(2 * STEP + 1, 2 * STEP + 50_001))
    assert found[-1] < (orders.give((0, "c")) or 0) < 3 * STEP


def test_a_gap_that_is_used_up_gives_none() -> None:
    orders, low, high = on_the_shelf(), 0, 2**40
    keys = []
    for step in range(200):  # from both sides in turn, so that each takes half of what is left
        low, high = (low, (low + high) // 2) if step % 2 else ((low + high) // 2, high)
        keys.append((0, f"c{(low if step % 2 else high):015}{step:03}"))
    given = [orders.give(key) for key in keys]
    assert None in given
