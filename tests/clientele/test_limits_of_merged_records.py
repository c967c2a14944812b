"""A limit per customer is a person's, whatever records they had and whatever payment has no end yet."""

import asyncio

import pytest
from msgspec.structs import replace as changed

from poi_engine.errors import Conflict
from poi_engine.session import Session
from poi_offers.model import Limit
from poi_offers.offer_effects import AmountOff
from tests.clientele.test_merge import merge, offer, saved
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

pytestmark = pytest.mark.valkey


async def once(shop: Shop) -> None:
    """A euro off, once for each customer."""
    await offer(shop, "off_once", AmountOff(amount=100), limits=(Limit(of="uses", cap=1, per="customer"),))


async def in_doubt(shop: Shop, customer_id: str) -> Session:
    """A sale of 10.13 after the discount: the terminal takes the money and does not answer."""
    session = await shop.identify(await shop.basket(1113), customer_id)
    doubtful = await shop.pay(await shop.accept(session))
    assert doubtful.state == "unknown"
    await shop.engine.stations.set_aside(M, doubtful.session_id)
    return doubtful


async def test_what_a_payment_in_doubt_holds_counts_for_who_lives_on(shop: Shop) -> None:
    await once(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    doubtful = await in_doubt(shop, bo)
    await merge(shop, ada, bo)
    assert await saved(shop, ada) == 0, "the person's only use is held"
    assert (await shop.engine.checkout.ask_status(M, doubtful.session_id)).state == "paid"
    assert await saved(shop, ada) == 0


async def test_it_is_free_again_when_that_payment_is_declined(shop: Shop) -> None:
    await once(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    doubtful = await in_doubt(shop, bo)
    await merge(shop, ada, bo)
    ended = await shop.engine.resolving.payment(M, doubtful.session_id, "declined", "no slip", by=SELLER)
    assert ended.state == "declined"
    assert await saved(shop, ada) == 100
    assert await saved(shop, ada) == 0


async def test_a_use_of_the_other_record_takes_the_room_that_a_declined_payment_leaves(shop: Shop) -> None:
    """Ada holds her only use, Bo has used his: of one person that is one too many, and none is left afterwards."""
    await once(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    assert await saved(shop, bo) == 100
    doubtful = await in_doubt(shop, ada)
    await merge(shop, ada, bo)
    await shop.engine.resolving.payment(M, doubtful.session_id, "declined", "no slip", by=SELLER)
    assert await saved(shop, ada) == 0


async def test_a_raised_limit_counts_what_both_records_used(shop: Shop) -> None:
    await once(shop)
    ada, bo = await shop.customer("Ada"), await shop.customer("Bo")
    assert [await saved(shop, customer) for customer in (ada, bo)] == [100, 100]
    await merge(shop, ada, bo)
    await raised(shop, 2)
    assert await persistent(shop, ada) == 0, "two of two are used"
    await raised(shop, 3)
    assert [await persistent(shop, ada) for _ in range(2)] == [100, 0]


async def raised(shop: Shop, cap: int) -> None:
    """Another cap for the same offer."""
    known = (await shop.engine.offers.get(M, "off_once")).offer
    await shop.engine.offers.replace(M, changed(known, limits=(Limit(of="uses", cap=cap, per="customer"),)))


async def persistent(shop: Shop, customer_id: str) -> int:
    """What is saved on ten euros by somebody who, asked again, accepts again."""
    session = await shop.identify(await shop.basket(1000), customer_id)
    try:
        accepted = await shop.accept(session)
    except Conflict as error:
        assert error.code == "decide-again"
        accepted = await shop.accept(await shop.engine.stations.get(M, session.session_id))
    paid = await shop.pay(accepted)
    assert paid.decision is not None
    return paid.decision.saved


async def test_merged_in_the_moment_of_the_acceptance_the_person_has_one_use(tills: tuple[Shop, Shop]) -> None:
    """Whichever of the two is first, on either database: an acceptance the merge has not seen is asked for again."""
    one, two = tills
    await once(one)
    for turn in range(4):
        ada, bo = await one.customer(f"Ada {turn}"), await one.customer(f"Bo {turn}")
        session = await two.identify(await two.basket(1000, station=OTHER_STATION), bo)
        results = await asyncio.gather(two.accept(session), merge(one, ada, bo), return_exceptions=True)
        if isinstance(results[0], Session):
            assert (await two.pay(results[0], key=f"pay {turn}")).state == "paid"
            assert await saved(one, ada) == 0
        else:
            assert getattr(results[0], "code", "") == "decide-again", results
            await two.engine.stations.abandon(M, session.session_id)
            assert [await saved(one, ada) for _ in range(2)] == [100, 0]
