"""A reward is asked for by the customer who pays its points, never by the one who stood there before."""

import pytest

from poi_engine import ledger
from poi_engine.basket import BasketEntry
from poi_engine.ledger import Move
from poi_engine.ports import Job
from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import M, Shop

pytestmark = pytest.mark.valkey


async def _with_points(shop: Shop) -> str:
    customer_id = await shop.customer()

    def give() -> Job[None]:
        move = Move(kind="points", debit="points", credit=f"points:{customer_id}", amount=100, unit="points")
        yield from ledger.enter(M, f"grant:{customer_id}", [move], ids=shop.ids, at=shop.engine.wiring.at())

    await shop.sql.write(give)
    return customer_id


async def test_what_one_customer_asked_for_is_not_paid_by_the_next(shop: Shop) -> None:
    reward = Offer(
        offer_id="off_r", name={"en": "5 off"}, currency="EUR", effects=(AmountOff(amount=500),), reward_points=100
    )
    await shop.engine.offers.create(M, reward)
    first, second = await _with_points(shop), await _with_points(shop)
    session = await shop.identify(await shop.basket(2000), first)
    entries = [BasketEntry(amount=2000)]
    session = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_r",))
    assert session.decision is not None
    assert session.decision.total == 1500
    again = await shop.identify(session, first)
    assert again.basket.rewards == ("off_r",), "the same customer, shown twice, still wants it"
    other = await shop.identify(session, second)
    assert other.basket.rewards == ()
    assert other.decision is not None
    assert other.decision.total == 2000
