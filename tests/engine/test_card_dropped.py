"""A card that the terminal has read is let go whenever no payment follows it."""

from collections.abc import Awaitable, Callable

import pytest

from poi_engine.errors import Conflict
from poi_engine.session import Session
from tests.engine.shop import OTHER_STATION, M, Shop

Ending = Callable[[Shop, Session], Awaitable[None]]
pytestmark = pytest.mark.valkey


async def _forgotten(shop: Shop, seen: Session) -> None:
    await shop.engine.stations.forget_card(M, seen.session_id)


async def _abandoned(shop: Shop, seen: Session) -> None:
    await shop.engine.stations.abandon(M, seen.session_id)


async def _paid_otherwise(shop: Shop, seen: Session) -> None:
    with pytest.raises(Conflict):
        await shop.pay(await shop.accept(seen), "cash")


async def _handed_over(shop: Shop, seen: Session) -> None:
    await shop.engine.handovers.hand_over(M, seen.session_id, OTHER_STATION)


async def _seen_again(shop: Shop, seen: Session) -> None:
    await shop.engine.stations.see_card(M, seen.session_id)


@pytest.mark.parametrize("ends", [_forgotten, _abandoned, _paid_otherwise, _handed_over, _seen_again])
async def test_a_card_no_payment_follows_is_dropped(
    shop: Shop, ends: Callable[[Shop, Session], Awaitable[None]]
) -> None:
    seen = await shop.engine.stations.see_card(M, (await shop.basket(1000)).session_id)
    await ends(shop, seen)
    dropped = {done.reference for done in await shop.operations() if done.cancelled}
    assert dropped == {seen.acquisition_ref}


async def test_a_card_that_paid_is_not_dropped(shop: Shop) -> None:
    seen = await shop.engine.stations.see_card(M, (await shop.basket(1000)).session_id)
    assert (await shop.pay(await shop.accept(seen))).state == "paid"
    assert not [done for done in await shop.operations() if done.cancelled]
