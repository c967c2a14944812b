"""A station whose day is closed takes no money and gives none back, whatever was begun before."""

import pytest

from poi_engine.errors import Conflict
from tests.engine.shop import OTHER_STATION, SELLER, STATION, M, Shop

pytestmark = pytest.mark.valkey


async def refused(doing: object) -> str:
    """The code of the refusal."""
    with pytest.raises(Conflict) as error:
        await doing  # type: ignore[misc]
    return error.value.code


async def close(shop: Shop, station: str = STATION) -> None:
    """Close the station's day."""
    await shop.engine.fiscal.close(M, station, "day", by=SELLER)


async def test_nothing_is_accepted_paid_or_given_back(shop: Shop) -> None:
    sold = await shop.sell(1000, means="cash")
    accepted = await shop.accept(await shop.basket(2000))
    there = await shop.accept(await shop.basket(3000, station=OTHER_STATION))
    await shop.pay(there, "cash", amount=500)
    await close(shop)
    await close(shop, OTHER_STATION)
    assert await refused(shop.pay(accepted, "cash")) == "day-closed"
    assert await refused(shop.pay(there, "cash")) == "day-closed"
    back = shop.engine.checkout.refund(M, sold.sale_id or "", None, "broken", key="r", by=SELLER)
    assert await refused(back) == "day-closed"
    for session in (accepted, there):
        assert (await shop.engine.stations.abandon(M, session.session_id)).state == "abandoned"
    assert await refused(shop.accept(await shop.basket(100))) == "day-closed"


async def test_the_next_day_sells_again(shop: Shop) -> None:
    await close(shop)
    shop.clock.forward(11 * 3600)
    assert (await shop.sell(1000, means="cash")).state == "paid"
