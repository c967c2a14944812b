"""The one table of moves: every pair of states, by every actor, paid or not."""

from itertools import product
from typing import get_args

import pytest

from poi_engine.errors import Conflict, Forbidden
from poi_engine.orders.moves import (
    ENDED,
    MOVES,
    OPEN,
    Actor,
    OrderState,
    after_payment,
    after_refund,
    check_move,
    next_states,
)

STATES: tuple[OrderState, ...] = get_args(OrderState)
ACTORS: tuple[Actor, ...] = get_args(Actor)


def test_every_state_has_its_row_and_is_open_or_ended() -> None:
    assert set(MOVES) == set(STATES) == {*OPEN, *ENDED}
    assert not set(OPEN) & set(ENDED)


def test_only_a_refund_leaves_the_end() -> None:
    for state in ENDED:
        assert all(actors == {"refund"} for actors in MOVES[state].values())


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_a_move_is_made_by_those_of_the_table_only(before: OrderState, after: OrderState) -> None:
    for actor in ACTORS:
        allowed = actor in MOVES[before].get(after, frozenset())
        paid = not (after == "cancelled" and actor != "refund")
        if allowed:
            check_move(before, after, actor, how="delivery", paid=paid)
        else:
            with pytest.raises((Conflict, Forbidden)):
                check_move(before, after, actor, how="delivery", paid=paid)


def test_money_moves_before_goods() -> None:
    for before in STATES:
        assert "delivered" not in next_states(before, "staff", how="pick_up", paid=False)
        assert "cancelled" not in next_states(before, "staff", how="pick_up", paid=True)


def test_nothing_that_is_fetched_is_on_its_way() -> None:
    assert next_states("ready", "staff", how="pick_up", paid=True) == ("preparing", "delivered")
    assert "on_the_way" in next_states("ready", "staff", how="delivery", paid=True)


@pytest.mark.parametrize("before", ["placed", "preparing", "ready", "on_the_way"])
def test_a_payment_leads_to_a_state_of_the_table(before: OrderState) -> None:
    for ahead in (True, False):
        after = after_payment(before, ahead=ahead)
        assert after == before or "payment" in MOVES[before][after]


@pytest.mark.parametrize("before", ["paid", "preparing", "ready", "on_the_way", "delivered"])
def test_a_refund_leads_to_a_state_of_the_table(before: OrderState) -> None:
    assert "refund" in MOVES[before][after_refund(before)]
